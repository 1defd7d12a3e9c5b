"""Palettes: what colors a picture is made of, and distributions led toward them."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
from PIL import Image

from deepkoal.arrays import ByteArray, FloatArray, Tensor, namespace
from deepkoal.color import ab_bins, encode_ab, rgb_to_lab
from deepkoal.errors import DeepkoalError, check_range
from deepkoal.guidance.reference import measure_ab
from deepkoal.hints.values import is_number, parse_css
from deepkoal.short_repr import short_repr, summarize

SMOOTHING = 0.1
"""Default of `Palette.smoothing`."""

IMAGE_STRENGTH = 0.6
"""Default strength of the palette of a photo."""

MOST_STRENGTH = 1000.0
LEAST_SMOOTHING = 1e-6

_NEVER = 1e-12  # a bin of neither is left as it is
_NAMED_FILE = "palettes.toml"
_SETTINGS = ("title", "summary", "strength", "smoothing")
_SIDE = 96
_SWATCHES = 8
_HALF_COUNTS = 5.0  # chroma at which a pixel of a photo counts half
_TINTS = np.linspace(0, 1, 6, dtype=np.float32)  # from grey to the color itself
_PALER = 0.5  # how much rarer the color itself is than its grey
_BLUR = 8.0  # in ab units, as wide as bins are apart


def shift_prior(
    logits: Tensor,
    palette: Tensor,
    prior: Tensor,
    strength: Tensor | float = 1.0,
    smoothing: Tensor | float = SMOOTHING,
) -> Tensor:
    """Read a distribution as if colors were as frequent as in a palette, not as in training.

    p(bin) · (palette(bin) / prior(bin)) ** strength, renormalized by the next softmax: at strength
    1 Bayes' rule for a changed prior (Saerens, Latinne and Decaestecker 2002, "Adjusting the
    outputs of a classifier to new a priori probabilities"). Where the network is certain, it
    changes little.

    Args:
        logits: (..., Q) over `color.ab_bins()`.
        palette: (Q,), non-negative, summing to 1.
        prior: (Q,), frequency of each bin in training, likewise.
        strength: 0 changes nothing.
        smoothing: share of the mean of palette and prior that is added to both, so that the ratio
            keeps to s / (2 + s) … (2 + s) / s. Near 0, nothing is left beside the palette.

    Returns:
        (..., Q), logits.
    """
    ops = namespace(logits)
    common = smoothing / 2 * (palette + prior) + _NEVER
    ratio = ops.log(palette + common) - ops.log(prior + common)
    return logits + strength * ratio


class PaletteShift(NamedTuple):
    """What `shift_prior` needs of a palette, as arrays or tensors: see there."""

    probabilities: Tensor
    strength: Tensor | float
    smoothing: Tensor | float


@short_repr
@dataclass(frozen=True, eq=False)
class Palette:
    """The colors a picture is made of, to lead others toward them.

    Made by `named`, `from_colors` and `from_image`; `dataclasses.replace(palette, strength=…)`
    gives one that leads further or less far.

    Attributes:
        probabilities: float32 (Q,), share of each bin of `color.ab_bins()`, summing to 1.
        colors: what it was made of, to look at: `#rrggbb` and their shares, summing to 1.
        name: as users type it; empty for a palette of one's own.
        title: as users read it.
        summary: one line.
        strength: exponent of the shift, see `shift_prior`; 0 leads nowhere.
        smoothing: how freely colors outside the palette stay, likewise.
    """

    probabilities: FloatArray
    colors: Mapping[str, float] = field(default_factory=dict)
    name: str = ""
    title: str = ""
    summary: str = ""
    strength: float = 1.0
    smoothing: float = SMOOTHING

    def __post_init__(self) -> None:
        """Reject what no distribution could be led by."""
        shares, bins = self.probabilities, len(ab_bins())
        if not isinstance(shares, np.ndarray) or shares.shape != (bins,):
            raise DeepkoalError(
                f"expected a palette's probabilities as float32 ({bins},), got "
                f"{summarize(shares)}; Palette.named, .from_colors and .from_image make palettes"
            )
        check_range(self.strength, "a palette's strength", 0, MOST_STRENGTH)
        check_range(self.smoothing, "a palette's smoothing", LEAST_SMOOTHING, 1)

    @classmethod
    def named(cls, name: str) -> Self:
        """Return a palette that came with the library, see `list_palettes`.

        Raises:
            DeepkoalError: there is none of that name.
        """
        entries = _read_named()
        if not isinstance(name, str) or name not in entries:
            raise DeepkoalError(f"no palette {name!r}; there are {', '.join(entries)}")
        entry = entries[name]
        made = cls.from_colors(entry["colors"], tints=entry.get("tints", True))
        settings = {key: entry[key] for key in _SETTINGS if key in entry}
        return dataclasses.replace(made, name=name, **settings)

    @property
    def shift(self) -> PaletteShift:
        """The palette as arrays."""
        return PaletteShift(self.probabilities, self.strength, self.smoothing)

    @classmethod
    def from_colors(
        cls, colors: Mapping[str, float] | Iterable[str], *, title: str = "", tints: bool = True
    ) -> Self:
        """Make a palette of a few colors.

        Args:
            colors: CSS colors (`"#c03020"`, `"teal"`), or a mapping of them to their shares, in
                any unit.
            title: as users read it.
            tints: whether each also comes mixed with grey, as paints do.

        Raises:
            DeepkoalError: there are no colors, one is none, or a share is not above 0.
        """
        if not isinstance(colors, Iterable):
            raise DeepkoalError(f"expected one or more colors, got {colors!r}")
        listed = [colors] if isinstance(colors, str) else colors
        shares = dict(listed) if isinstance(listed, Mapping) else dict.fromkeys(listed, 1.0)
        if not shares or not all(is_number(share) and share > 0 for share in shares.values()):
            raise DeepkoalError(
                f"expected one or more colors, each with a share above 0, got {shares}"
            )
        rgb = np.array([parse_css(color) for color in shares], np.float32)
        amounts = np.array(list(shares.values()), np.float32) / sum(shares.values())
        ab = rgb_to_lab(rgb / 255)[:, 1:]
        steps = _TINTS if tints else _TINTS[-1:]
        mass = np.outer(amounts, 1 - _PALER * steps).ravel()
        tinted = (ab[:, None] * steps[:, None]).reshape(-1, 2)
        swatches: dict[str, float] = {}
        for color, amount in zip(rgb.astype(int), amounts, strict=True):
            key = "#{:02x}{:02x}{:02x}".format(*color)
            swatches[key] = swatches.get(key, 0.0) + float(amount)
        return cls(
            _normalize(mass @ encode_ab(tinted, len(ab_bins()), _BLUR)), swatches, title=title
        )

    @classmethod
    def from_image(cls, rgb: ByteArray, *, title: str = "") -> Self:
        """Take the palette of a photo or painting; what is nearly grey counts less.

        Args:
            rgb: uint8 (H, W, 3) sRGB.
            title: as users read it.

        Raises:
            DeepkoalError: the array is no color photo, or has no colors.
        """
        ab = measure_ab(rgb, _SIDE, _SIDE).reshape(-1, 2)
        chroma = np.hypot(ab[:, 0], ab[:, 1])
        mass = chroma / (chroma + _HALF_COUNTS)
        probabilities = _normalize(mass @ encode_ab(ab))
        return cls(probabilities, _pick_swatches(rgb), title=title, strength=IMAGE_STRENGTH)


def list_palettes() -> list[Palette]:
    """Return every palette that came with the library: processes, painters, light."""
    return [Palette.named(name) for name in _read_named()]


@functools.cache
def _read_named() -> dict[str, dict[str, Any]]:
    file = importlib.resources.files("deepkoal.guidance") / _NAMED_FILE
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _pick_swatches(rgb: ByteArray) -> dict[str, float]:
    """Return a photo's chief colors with their shares, by median cut."""
    small = Image.fromarray(rgb).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    cut = small.quantize(_SWATCHES, Image.Quantize.MEDIANCUT)
    table = np.asarray(cut.getpalette(), np.uint8).reshape(-1, 3)
    counts = np.bincount(np.asarray(cut).ravel())
    found = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    return {"#{:02x}{:02x}{:02x}".format(*table[i]): counts[i] / counts.sum() for i in found}


def _normalize(mass: FloatArray) -> FloatArray:
    return np.asarray(mass / mass.sum(), np.float32)
