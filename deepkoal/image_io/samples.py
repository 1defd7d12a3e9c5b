"""Photos to try things on: they come inside the scikit-image package, free for any use."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass

from deepkoal.image_io.photo import Photo
from deepkoal.image_io.reading import read_photo


@dataclass(frozen=True)
class Sample:
    """A photo inside scikit-image, with its credits as given in `skimage.data`.

    Attributes:
        file: its name there.
        what: it shows.
        credit: who made it.
        license: its terms.
        in_color: whether it was taken in color.
    """

    file: str
    what: str
    credit: str
    license: str
    in_color: bool = True


SAMPLES = (
    Sample("astronaut.png", "Eileen Collins", "NASA", "public domain"),
    Sample("chelsea.png", "Chelsea the cat", "Stefan van der Walt", "CC0"),
    Sample(
        "coffee.png",
        "A cup of coffee",
        "Rachel Michetti, courtesy of Pikolo Espresso Bar",
        "CC0",
    ),
    Sample("rocket.jpg", "The launch of DSCOVR", "SpaceX", "public domain"),
    Sample("camera.png", "A photographer", "Lav Varshney", "CC0", in_color=False),
)


def read_sample(sample: Sample) -> Photo:
    """Read a sample photo, in its true colors.

    Raises:
        PhotoError: scikit-image came without it.
    """
    photos = importlib.resources.files("skimage.data")
    with importlib.resources.as_file(photos / sample.file) as path:
        return read_photo(path)
