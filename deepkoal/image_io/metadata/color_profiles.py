"""Color profiles: pictures of 8 and 16 bits brought to sRGB."""

import functools
import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms


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
                    return _to_rgb_mode(image), carried
                return ImageCms.applyTransform(image, transform) or image, srgb_profile()
        except (ImageCms.PyCMSError, OSError):
            pass
    if image.mode == "LAB":  # Pillow has no other way from Lab
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        image = ImageCms.applyTransform(image, _build_transform(lab, "LAB")) or image
    return _to_rgb_mode(image), None


def _to_rgb_mode(image: Image.Image) -> Image.Image:
    """Return a picture in mode RGB: itself if it is, where Pillow would copy it."""
    return image if image.mode == "RGB" else image.convert("RGB")


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


def convert_deep_to_srgb(
    samples: npt.NDArray[np.uint16], icc_profile: bytes | None
) -> tuple[npt.NDArray[np.uint16], bytes | None]:
    """Bring 16-bit samples to sRGB by their color profile, as `convert_to_srgb` does.

    Args:
        samples: uint16 (H, W) grey or (H, W, 3).
        icc_profile: likewise.

    Returns:
        uint16 (H, W) or (H, W, 3), and the profile to carry on.
    """
    import imagecodecs

    mode = "L" if samples.ndim == 2 else "RGB"
    if icc_profile is None:
        return samples, None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        space = profile.profile.xcolor_space.strip()
        if mode == "L" and space == "RGB":
            samples, mode = np.repeat(samples[..., None], 3, axis=2), "RGB"
        if space != {"L": "GRAY"}.get(mode, mode):
            return samples, None
        if _changes_nothing(_build_transform(profile, mode), mode):
            return samples, icc_profile if mode == "RGB" else srgb_profile()
        converted = imagecodecs.cms_transform(
            np.ascontiguousarray(samples),
            icc_profile,
            srgb_profile(),
            colorspace="gray" if mode == "L" else "rgb",
            outcolorspace="rgb",
            outdtype="u2",
            intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
            flags=imagecodecs.CMS.FLAGS.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, imagecodecs.CmsError):
        return samples, None
    # Of a grey picture the channels differ by rounding, which would be a tint.
    return converted[..., 1].copy() if mode == "L" else converted, srgb_profile()
