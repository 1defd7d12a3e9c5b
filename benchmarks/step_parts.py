"""The parts of a training step, timed by functions of which each does more than the one before."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np


def time_parts(task: Any, batch: Any, way: str, rounds: int) -> dict[str, float]:
    """Return the seconds that a step takes up to the end of each part: medians of some rounds."""
    functions = nest_on_jax(task, batch) if way == "jax" else nest_on_tensorflow(task, way)
    seconds = {}
    for name, function in functions.items():
        taken = []
        for _ in range(rounds + 2):
            start = time.perf_counter()
            np.asarray(function(batch))
            taken.append(time.perf_counter() - start)
        seconds[name] = float(np.median(taken[2:]))
    return seconds


def nest_on_tensorflow(task: Any, way: str) -> dict[str, Callable[[Any], Any]]:
    """Return functions of a batch, each of which does more than the one before it."""
    import tensorflow as tf

    def forward(batch: Any) -> Any:
        return task(batch, training=True)

    def lose(batch: Any) -> Any:
        return task.compute_loss(batch, None, forward(batch))

    def differentiate(batch: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = lose(batch)
        return tape.gradient(loss, task.trainable_weights)

    def compile_sum(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def total(batch: Any) -> Any:  # of everything, so that nothing is left out
            parts = tf.nest.flatten(function(batch))
            return tf.add_n([tf.reduce_sum(tf.cast(part, tf.float32)) for part in parts])

        return tf.function(total, jit_compile=way == "xla")

    return {
        "Lab, degradation": compile_sum(lambda batch: see(task, batch)),
        "forward": compile_sum(forward),
        "loss": compile_sum(lose),
        "backward": compile_sum(differentiate),
    }


def nest_on_jax(task: Any, batch: Any) -> dict[str, Callable[[Any], Any]]:
    """As `nest_on_tensorflow`."""
    import jax
    import jax.numpy as jnp
    import keras

    state = [
        [variable.value for variable in variables]
        for variables in (
            task.trainable_variables,
            task.non_trainable_variables,
            task.metrics_variables,
            task.optimizer.variables,
        )
    ]

    def see_only(_: Any, batch: Any) -> Any:
        with keras.StatelessScope():
            return see(task, batch)

    def forward(trained: Any, batch: Any) -> Any:
        return task.stateless_call(trained, state[1], batch, training=True)[0]

    def lose(trained: Any, batch: Any) -> Any:
        return task.compute_loss_and_updates(
            trained,
            *state[1:3],
            batch,
            None,
            None,
            training=True,
            optimizer_variables=state[3],
        )[0]

    def compile_sum(function: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
        def total(trained: Any, batch: Any) -> Any:
            parts = jax.tree.leaves(function(trained, batch))
            return sum(jnp.sum(part.astype("float32")) for part in parts)

        compiled = jax.jit(total)
        given = {name: part.numpy() for name, part in batch.items()}
        return lambda _: compiled(state[0], given)

    return {
        "Lab, degradation": compile_sum(see_only),
        "forward": compile_sum(forward),
        "loss": compile_sum(lose),
        "backward": compile_sum(jax.grad(lose)),
    }


def see(task: Any, batch: Any) -> Any:
    """Return what a step makes of the photos before the network sees them."""
    from deepkoal.color import denormalize_l
    from deepkoal.training.task import rgb_to_l_ab

    l_norm, ab = rgb_to_l_ab(batch["rgb"])
    return l_norm if task.degrade is None else task.degrade(denormalize_l(l_norm)), ab
