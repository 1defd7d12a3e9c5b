"""An album: what is given to some of its photos, others take where they show the like."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from deepkoal.arrays import FloatArray, SampleArray
from deepkoal.color import lab_to_rgb
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import (
    CarriedColors,
    ColorOptions,
    GivenColors,
    ReferenceLike,
    carry_colors,
)
from deepkoal.inference.album_things import LearnedPhoto, learn_colors, learn_things
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction import Prediction

LIKE = 0.5
"""Trust in a carry, on average over its area, from which a photo takes over another's look too."""

LOOK_AREA = 0.3
"""Share of a photo that needs to be like another for its look."""


@dataclass(frozen=True)
class Carry:
    """One thing of one photo, found in another.

    Attributes:
        source: name of the photo that was given the color.
        thing: what gave it, such as `hint 2 (#c03020)`, or `look`.
        target: name of the photo that was found to show the like.
        area: share of it that does, 0…1.
        trust: mean trust there, 0…1.
        color: as shown at the middle of lightness, `#rrggbb`; empty for a look.
        taken: False where the carry was doubtful, and left out.
    """

    source: str
    thing: str
    target: str
    area: float
    trust: float
    color: str
    taken: bool

    def __str__(self) -> str:
        """Return the line of a report."""
        what = f"{self.thing} of {self.source} → {self.target}"
        if not self.color:
            return what
        found = f"{what}: {self.color} on {100 * self.area:.1f} % of it"
        return f"{found}, trust {self.trust:.2f}" if self.taken else f"{found}: doubtful, left out"


class Album:
    """Photos of the same people, places and things, colored alike.

    Whatever users gave to some photos (hints, references, a palette or vibrance) is learned first;
    then each photo takes what it shows the like of, by the network's features and lightness.

    Args:
        colorizer: its network must predict features, as `koala-lite` does.

    Raises:
        DeepkoalError: it predicts none.
    """

    def __init__(self, colorizer: Colorizer) -> None:
        if "features" not in colorizer.backend.outputs:
            raise DeepkoalError(
                "albums need a network with features, such as koala-lite; this one, "
                f"{colorizer.backend.name}, predicts none"
            )
        self.colorizer = colorizer
        self._sources: list[LearnedPhoto] = []

    def __repr__(self) -> str:
        return f"Album({self.colorizer!r}, {len(self._sources)} photos to learn from)"

    def learn(
        self, photo: SampleArray, options: ColorOptions, name: str, *, likeness: bool = True
    ) -> None:
        """Learn from how a user wants a photo to be colored.

        Args:
            photo: as in `Colorizer.colorize`.
            options: of that photo: its hints, its reference, its look.
            name: of the photo; that photo takes nothing from itself.
            likeness: whether photos that are alike all over take over its vibrance, palette and
                cleanup too.

        Raises:
            DeepkoalError: as in `Colorizer.colorize`.
        """
        if not isinstance(options.reference, (CarriedColors, type(None))):
            self.learn_reference(options.reference, name)
        learned = learn_things(self.colorizer.predict(photo), options, name, likeness=likeness)
        if learned is not None:
            self._sources.append(learned)

    def learn_reference(self, photo: ReferenceLike | Iterable[ReferenceLike], name: str) -> None:
        """Learn all colors of a color photo.

        Args:
            photo: as in `Colorizer.open_reference`.
            name: of it, for reports.

        Raises:
            DeepkoalError: the array is no such photo, or has no colors.
        """
        self._sources.append(learn_colors(self.colorizer.see_reference(photo), name))

    def color(
        self, photo: SampleArray, options: ColorOptions | None = None, *, name: str = ""
    ) -> tuple[SampleArray, list[Carry]]:
        """Return a photo in color, with what it took of others.

        Args:
            photo: as in `Colorizer.colorize`.
            options: of its own, which go before all that is carried; None for the look of the
                photo that is most alike.
            name: of the photo.

        Returns:
            The colored photo, and each thing that was found in it, the largest first.

        Raises:
            DeepkoalError: as in `Colorizer.colorize`.
        """
        prediction = self.colorizer.predict(photo)
        found, carries = self.carry(prediction, options, name)
        return prediction.render(found), carries

    def carry(
        self, prediction: Prediction, options: ColorOptions | None = None, name: str = ""
    ) -> tuple[ColorOptions, list[Carry]]:
        """Return the options that color a predicted photo by the album; see `color`."""
        others = [source for source in self._sources if source.name != name]
        own = ColorOptions() if options is None else options
        if own.reference is not None or not others:
            return own, []
        carries = []
        colored = [source for source in others if source.things and len(source.given.weight)]
        if colored:
            found = carry_colors(prediction.points, [source.given for source in colored])
            for share in found.shares:
                source = colored[share.source]
                thing, color = source.things[share.thing], _show(share.ab)
                carries.append(
                    Carry(source.name, thing, name, share.area, share.trust, color, share.taken)
                )
            if found.trust.any():
                own = replace(own, reference=found)
        if options is None:
            look = self._find_look(prediction, others)
            if look is not None and look.look is not None:
                own = replace(look.look, reference=own.reference)
                carries.append(Carry(look.name, "look", name, 1.0, 1.0, "", True))
        return own, carries

    def _find_look(self, prediction: Prediction, others: list[LearnedPhoto]) -> LearnedPhoto | None:
        """Return the photo whose look this one takes: the most alike, if it is alike enough."""
        best: tuple[float, LearnedPhoto | None] = (LOOK_AREA, None)
        for source in others:
            if source.look is None or source.points is None:
                continue
            count = len(source.points.l)
            nothing = np.zeros((count, 2), np.float32), np.ones(count, np.float32)
            whole = GivenColors(source.points, *nothing, np.zeros(count, np.int64))
            trust = carry_colors(prediction.points, [whole]).trust
            area = float((trust > LIKE).mean())
            if area >= best[0]:
                best = area, source
        return best[1]


def _show(ab: FloatArray) -> str:
    """Return a color at L 60 as `#rrggbb`."""
    rgb = lab_to_rgb(np.array([60.0, *ab], np.float32))
    return "#{:02x}{:02x}{:02x}".format(*(np.clip(rgb, 0, 1) * 255).round().astype(int))
