"""Photos and networks made so that what an evaluation must find is known."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np

from deepkoal.evaluation.metrics import center_square
from deepkoal.evaluation.photos import Bench, EvaluatedPhoto, PhotoSet, Workers
from deepkoal.guidance import DecodingConfig
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.composition import compose_rgb, lightness


def paint(l, a=0.0, b=0.0):
    """A photo of given lightness and chroma; each a number or (256, 256)."""
    shape = (256, 256)
    planes = [np.broadcast_to(np.float32(plane), shape) for plane in (l, a, b)]
    return compose_rgb(np.ascontiguousarray(planes[0]), np.stack(planes[1:], axis=-1))


@dataclass(frozen=True)
class FakePrediction:
    """A photo whose colors are known, whatever is asked."""

    l: np.ndarray
    truth: np.ndarray
    looks: tuple = ()
    outputs: dict = field(default_factory=dict)

    def render(self, *, vibrance=1.0, hints=()):
        """Grey, but true in the left 2 columns for each hint."""
        rgb = paint(self.l)
        rgb[:, : 2 * len(hints)] = self.truth[:, : 2 * len(hints)]
        return rgb

    def variations(self, count, *, seed):
        assert seed == 7
        return list(self.looks[:count])

    def uncertainty(self):
        return np.tile(np.linspace(0, 1, 256, dtype=np.float32), (256, 1))

    def suggest_hints(self, count):
        return [(x, 128.0) for x in range(2 * count)]  # twice as many as asked: they help more


def see(truth, colored, *, path="photo.jpg", index=7, looks=()):
    prediction = FakePrediction(lightness(truth), truth, tuple(looks))
    outputs = dict.fromkeys(("logits", "features"), np.zeros((8, 8, 1), np.float16))
    return EvaluatedPhoto(Path(path), index, truth, colored, outputs, prediction)


def bench_of(*photos, colorizer=None):
    colorizer = colorizer or SimpleNamespace(decoding=DecodingConfig(psnr_optimal_vibrance=0.8))
    return Bench(colorizer, PhotoSet(photos), Workers())


def colorizer_of(read_ab_norm):
    """A regression whose chroma is a function of its input."""
    l_norm = keras.Input((None, None, 1), name="l_norm")
    network = keras.Model(l_norm, {"ab_norm": read_ab_norm(l_norm)}, name="koala")
    return Colorizer(network, working_size=64)


def photo_of(photos, name):
    return center_square(photos[name])
