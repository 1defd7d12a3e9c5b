"""Learning how far a user's hint reaches: the affinity's projection and widths, all else frozen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops

from deepkoal.affinity import AffinityPoints, Kernel, make_affinity_points, spread
from deepkoal.arrays import FloatArray
from deepkoal.color import Tensor, normalize_l, rgb_to_lab
from deepkoal.data import evaluation_batches
from deepkoal.guidance import DecodingConfig, decode_outputs
from deepkoal.short_repr import short_repr

HINT_COUNTS = (1, 2, 5, 10, 20, 50, 100)
"""How many hints a simulated user gives."""


@short_repr
@dataclass(frozen=True)
class PhotoFeatures:
    """What a frozen network made of N photos, and what they really are.

    Attributes:
        features: float32 (N, h, w, F), of unit length.
        l: float32 (N, h, w), averaged to the features' places.
        predicted: float32 (N, h, w, 2), ab as read without hints.
        ab: float16 (N, H, W, 2), the true ab.
    """

    features: FloatArray
    l: FloatArray
    predicted: FloatArray
    ab: FloatArray


@dataclass(frozen=True)
class Learned:
    """What `learn_affinity` found.

    Attributes:
        projection: float32 (F, F), to follow that of the network's layer `affinity`.
        kernel: their widths and weights.
        error: mean squared ab error per pixel, before and after.
    """

    projection: FloatArray
    kernel: Kernel
    error: tuple[float, float]


def extract_features(
    network: keras.Model, records: str | Path, *, count: int, size: int, decoding: DecodingConfig
) -> PhotoFeatures:
    """Show photos to a network.

    Args:
        network: with outputs `logits` and `features`.
        records: a folder that `data.prepare` finished.
        count: of photos, at most; the first of the records, whose order is random.
        size: side in pixels of the squares shown.
        decoding: of the network; hints are learned at its PSNR-optimal vibrance.

    Raises:
        RecordsError: the records are missing or damaged.
    """
    batch_size = min(16, count)
    batches = evaluation_batches(records, batch_size=batch_size, size=size)
    parts = []
    for batch in batches.take(count // batch_size):
        lab = rgb_to_lab(batch["rgb"].numpy().astype("float32") / 255)
        outputs = network.predict_on_batch(normalize_l(lab[..., :1]))
        features = outputs["features"]
        predicted = decode_outputs(outputs, decoding, decoding.psnr_optimal_vibrance)
        _, height, width, _ = features.shape
        scale = size // height
        l = lab[..., 0].reshape(-1, height, scale, width, scale).mean((2, 4))
        parts.append((features, l, predicted, lab[..., 1:].astype("float16")))
    return PhotoFeatures(*(np.concatenate(part) for part in zip(*parts, strict=True)))


class AffinityLearner(keras.Model):
    """From places and hints to ab at every place, differentiable in the affinity.

    Args:
        depth: F, of the network's features.
        start: the kernel to begin with; the projection begins as the identity.
    """

    def __init__(self, depth: int, start: Kernel) -> None:
        super().__init__(name="affinity_learner")
        self.projection = self.add_weight(
            shape=(depth, depth), initializer="identity", name="projection"
        )
        self.logarithms = {
            name: self.add_weight(
                shape=np.shape(getattr(start, name)),
                initializer=keras.initializers.Constant(np.log(getattr(start, name))),
                name=name,
            )
            for name in ("features", "lightness", "position", "weights", "noise")
        }

    def kernel(self) -> Kernel:
        """Return the kernel as it is now, of scalar tensors."""
        values = {name: ops.exp(variable) for name, variable in self.logarithms.items()}
        count = self.logarithms["weights"].shape[0]
        parts = {
            name: [value[part] for part in range(count)] if name != "noise" else value
            for name, value in values.items()
        }
        return Kernel(**parts)

    def call(self, inputs: dict[str, Tensor]) -> Tensor:
        """Return ab (B, N, 2) at all places."""
        points, hint_points = (
            AffinityPoints(
                ops.matmul(inputs[f"{whose}_features"], self.projection),
                inputs[f"{whose}_l"],
                inputs[f"{whose}_position"],
            )
            for whose in ("points", "hint_points")
        )
        return inputs["predicted"] + spread(points, hint_points, inputs["residuals"], self.kernel())


def learn_affinity(
    photos: PhotoFeatures,
    *,
    steps: int = 600,
    batch_size: int = 8,
    learning_rate: float = 3e-3,
    start: Kernel | None = None,
    seed: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Learned:
    """Learn on simulated users, as Zhang et al. 2017 (arXiv 1705.02999) simulate them.

    Each user gives a number of hints, at places near the center or anywhere, each the true mean
    color of a patch of 1 to 9 pixels at 256×256; what is learned brings the photo's ab nearest.

    Args:
        photos: photos, of which one in ten is held back to measure the error.
        steps: of Adam.
        batch_size: users per step.
        learning_rate: its peak; it falls along a cosine.
        start: the kernel to begin with; `Kernel()` where None.
        seed: of the users.
        callbacks: further Keras callbacks.
    """
    held = max(1, len(photos.l) // 10)
    learner = AffinityLearner(photos.features.shape[-1], start or Kernel())
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    learner.compile(keras.optimizers.Adam(schedule), loss="mse", jit_compile=False)
    held_back = list(_simulate(photos, range(held), batch_size, len(HINT_COUNTS), seed + 1))

    def measure() -> float:
        losses = [np.mean((ops.convert_to_numpy(learner(x)) - y) ** 2) for x, y in held_back]
        return float(np.mean(losses))

    before = measure()
    learner.fit(
        _simulate(photos, range(held, len(photos.l)), batch_size, steps, seed),
        steps_per_epoch=steps,
        verbose=0,
        callbacks=list(callbacks),
    )
    values = {
        name: np.exp(np.float64(ops.convert_to_numpy(variable))).round(4).tolist()
        for name, variable in learner.logarithms.items()
    }
    projection = ops.convert_to_numpy(learner.projection)
    return Learned(np.asarray(projection, "float32"), Kernel(**values), (before, measure()))


def _simulate(
    photos: PhotoFeatures, chosen: range, batch_size: int, steps: int, seed: int
) -> Iterator[tuple[dict[str, FloatArray], FloatArray]]:
    rng = np.random.default_rng(seed)
    height = photos.features.shape[1]
    scale = photos.ab.shape[1] // height
    for step in range(steps):
        count = HINT_COUNTS[step % len(HINT_COUNTS)]
        users = [
            _simulate_user(photos, int(photo), count, scale, rng)
            for photo in rng.choice(chosen, batch_size)
        ]
        yield (
            {name: np.stack([user[0][name] for user in users]) for name in users[0][0]},
            np.stack([user[1] for user in users]),
        )


def _simulate_user(
    photos: PhotoFeatures, photo: int, count: int, scale: int, rng: np.random.Generator
) -> tuple[dict[str, FloatArray], FloatArray]:
    ab, l = photos.ab[photo].astype("float32"), photos.l[photo].astype("float32")
    height, width = l.shape
    near_center = rng.random() < 0.5
    spots = rng.normal(0.5, 0.25, (count, 2)) if near_center else rng.random((count, 2))
    corners = np.clip(spots, 0, 0.999) * ab.shape[:2]
    sizes = rng.integers(1, 6, count)  # of patches at 128×128, which are 2 to 10 pixels at 256×256
    wanted = np.stack(
        [
            ab[int(top) : int(top) + size, int(left) : int(left) + size].mean((0, 1))
            for (top, left), size in zip(corners, sizes, strict=True)
        ]
    )
    middles = corners + sizes[:, None] / 2
    cells = np.minimum(middles / scale, [height - 1, width - 1]).astype(int)
    indices = cells[:, 0] * width + cells[:, 1]
    points = make_affinity_points(photos.features[photo].astype("float32"), l)
    hint_points = points.take(indices)
    predicted = photos.predicted[photo].astype("float32").reshape(-1, 2)
    truth = ab.reshape(height, scale, width, scale, 2).mean((1, 3)).reshape(-1, 2)
    side = (height * width) ** 0.5
    return {
        "points_features": points.features,
        "points_l": points.l,
        "points_position": points.position,
        "predicted": predicted,
        "hint_points_features": hint_points.features,
        "hint_points_l": hint_points.l,
        "hint_points_position": (middles / scale / side).astype("float32"),
        "residuals": (wanted - predicted[indices]).astype("float32"),
    }, truth
