"""Backends run from several threads at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np


def color_in_threads(*backends):
    """Run backends from 8 threads that begin together, at two sizes, and compare with one."""
    generator = np.random.default_rng(0)
    shown = [generator.uniform(-1, 1, (1, 32 + 32 * (n % 2), 64, 1)).astype("f4") for n in range(8)]
    alone = [backends[0].predict(l_norm) for l_norm in shown]
    together = Barrier(len(shown))

    def run(number):
        together.wait()
        return [backends[number % len(backends)].predict(shown[number]) for _ in range(4)]

    with ThreadPoolExecutor(len(shown)) as pool:
        for expected, results in zip(alone, pool.map(run, range(len(shown))), strict=True):
            for found in results:
                for name, output in expected.items():
                    np.testing.assert_allclose(found[name], output, atol=1e-5)
