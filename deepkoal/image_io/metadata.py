"""Metadata of photo files: EXIF, and color profiles brought to sRGB."""

import functools
import io

import numpy as np
from PIL import ExifTags, Image, ImageCms

_ORIENTATION = ExifTags.Base.Orientation
_STRUCTURE = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284}
    | {288, 289, 290, 291, 292, 293, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332}
    | {338, 339, 340, 341, 342, 347, *range(512, 533), 34675}
    # XMP, IPTC and Photoshop blocks: they repeat the orientation and hold previews.
    | {700, 33723, 34377}
)
"""TIFF 6.0 tags that lay out the pixels of one file, and so are wrong in any other."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to what turns the picture upright, as in `PIL.ImageOps.exif_transpose`."""


def make_upright(image: Image.Image, exif: Image.Exif) -> Image.Image:
    """Return the picture turned as its EXIF orientation asks."""
    method = _UPRIGHT.get(exif.get(_ORIENTATION, 1))
    return image if method is None else image.transpose(method)


def clean_exif(exif: Image.Exif, size: tuple[int, int]) -> bytes:
    """Return the EXIF block for an upright sRGB picture of `size` (width, height).

    The result has no thumbnail and none of a TIFF file's layout tags. It is empty where there
    was nothing to carry, and where the block is too damaged to be written again.
    """
    for tag in _STRUCTURE.intersection(exif):
        del exif[tag]
    if not exif:
        return b""
    exif[_ORIENTATION] = 1
    try:
        details = exif.get_ifd(ExifTags.IFD.Exif)
        current = {
            ExifTags.Base.ColorSpace: 1,
            ExifTags.Base.ExifImageWidth: size[0],
            ExifTags.Base.ExifImageHeight: size[1],
        }
        details.update({tag: value for tag, value in current.items() if tag in details})
        return exif.tobytes()
    except Exception:  # Pillow raises many kinds on a damaged block, which no photo is lost for
        return b""


@functools.cache
def srgb_profile() -> bytes:
    """Return a standard sRGB profile (ICC v4), the same bytes at every call and in every run."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # ICC.1:2022, 7.2: bytes 24 to 35 are the time of creation, which would differ run by run.
    return profile[:24] + b"\x07\xe0\0\x01\0\x01\0\0\0\0\0\0" + profile[36:]


def convert_to_srgb(
    image: Image.Image, icc_profile: bytes | None
) -> tuple[Image.Image, bytes | None]:
    """Bring a picture to sRGB by its color profile.

    Relative colorimetric with black point compensation, the usual choice for photos.

    Args:
        image: in mode L, RGB, CMYK or LAB.
        icc_profile: the file's profile. A damaged one, or one for another kind of picture, is
            ignored, as viewers do.

    Returns:
        The picture in mode RGB, and the profile to carry on: the given one if it is sRGB in
        all but name, a standard one after a conversion, None without a usable profile.
    """
    if icc_profile is not None:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
            space = profile.profile.xcolor_space.strip()
            if image.mode == "L" and space == "RGB":
                image = image.convert("RGB")
            if space == {"L": "GRAY", "LAB": "Lab"}.get(image.mode, image.mode):
                transform = _build_transform(profile, image.mode)
                if _changes_nothing(transform, image.mode):
                    carried = icc_profile if image.mode == "RGB" else srgb_profile()
                    return image.convert("RGB"), carried
                return ImageCms.applyTransform(image, transform) or image, srgb_profile()
        except (ImageCms.PyCMSError, OSError):
            pass
    if image.mode == "LAB":  # Pillow has no other way from Lab
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        image = ImageCms.applyTransform(image, _build_transform(lab, "LAB")) or image
    return image.convert("RGB"), None


def _build_transform(profile: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        profile,
        ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile())),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a transform moves no color by more than rounding, so that it can be left out.

    Most photos carry some edition of sRGB, and converting one takes as long as decoding it.
    """
    if mode == "L":
        probe = np.arange(256, dtype=np.uint8)[None]
    elif mode == "RGB":
        levels = np.linspace(0, 255, 9).astype(np.uint8)
        probe = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    else:
        return False
    before = Image.fromarray(probe)
    after = np.asarray(ImageCms.applyTransform(before, transform), np.int16)
    return bool(np.abs(after - np.asarray(before.convert("RGB"))).max() <= 1)
