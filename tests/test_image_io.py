import dataclasses
import errno
import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageOps
from skimage import data

from deepkoal import image_io as images
from deepkoal.errors import PhotoError
from deepkoal.image_io.metadata import color_profiles

RGB = np.ascontiguousarray(data.astronaut()[20:84, 160:256])  # 64 high, 96 wide, no symmetry
GRAY = np.asarray(Image.fromarray(RGB).convert("L"))
MATRIX = RGB[..., 0].view(np.matrix)  # crashes NumPy where it is given a third axis
ALPHA = np.ascontiguousarray(data.camera()[100:164, 200:296])
FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"]
LOSSLESS = ["PNG", "TIFF", "BMP"]
WITH_METADATA = ["JPEG", "PNG", "WEBP", "TIFF"]


def encode(picture, kind, **options):
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def encode_tiff(values, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def gray_rgb(values):
    return np.repeat(values[..., None], 3, axis=2)


def mean_error(first, second):
    return float(np.abs(first.astype(int) - second).mean())


# What every reading promises


@pytest.mark.parametrize("kind", FORMATS)
def test_photo_is_writable_contiguous_uint8_rgb(kind):
    photo = images.decode_photo(encode(RGB, kind), "some.name")
    assert photo.rgb.dtype == np.uint8
    assert photo.rgb.shape == RGB.shape
    assert photo.rgb.flags.c_contiguous
    assert photo.rgb.flags.writeable
    assert photo.source == "some.name"
    assert photo.exif == b""
    assert photo.icc_profile is None
    assert mean_error(photo.rgb, RGB) < 12


def test_path_bytes_and_open_file_read_the_same(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(RGB, "JPEG"))
    expected = np.asarray(Image.open(path))
    np.testing.assert_array_equal(images.read_image(path), expected)
    np.testing.assert_array_equal(images.read_image(str(path)), expected)
    np.testing.assert_array_equal(images.read_image(path.read_bytes()), expected)
    with path.open("rb") as file:
        photo = images.read_photo(file)
    np.testing.assert_array_equal(photo.rgb, expected)
    assert photo.source == images.read_photo(path).source == str(path)
    assert images.read_photo(path, name="hers").source == "hers"


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_any_bytes_are_read(kind):
    data = encode(Image.fromarray(RGB), "PNG")
    np.testing.assert_array_equal(images.read_image(kind(data)), RGB)
    np.testing.assert_array_equal(images.decode_photo(kind(data)).rgb, RGB)


@pytest.mark.parametrize("source", [float("nan"), None, 3, io.StringIO("text"), RGB])
def test_source_that_is_no_file_is_refused(source):
    with pytest.raises(PhotoError, match=r"photo: (cannot be read|expected a file opened)"):
        images.read_photo(source)


def test_closed_file_is_refused(tmp_path):
    with (tmp_path / "photo.png").open("wb") as file:
        pass
    with pytest.raises(PhotoError, match=r"photo\.png: cannot be read"):
        images.read_photo(file)


@pytest.mark.parametrize("limit", [0, -1, float("nan"), 1e6, "9"])
def test_limit_that_is_none_is_refused(limit):
    with pytest.raises(PhotoError, match="max_pixels as a whole number of at least 1, got"):
        images.decode_photo(encode(Image.fromarray(RGB), "PNG"), max_pixels=limit)


def test_name_for_messages_is_never_opened(tmp_path):
    other = tmp_path / "other.tif"
    other.write_bytes(encode(255 - GRAY, "TIFF"))
    photo = images.decode_photo(encode(GRAY, "TIFF"), str(other))
    np.testing.assert_array_equal(photo.rgb, gray_rgb(GRAY))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("suffix", sorted(images.PHOTO_SUFFIXES))
def test_content_counts_not_the_name(tmp_path, kind, suffix):
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(encode(RGB, kind))
    np.testing.assert_array_equal(
        images.read_image(path), images.decode_photo(encode(RGB, kind)).rgb
    )


def test_photo_larger_than_one_band_is_whole():
    tall = np.ascontiguousarray(np.tile(data.astronaut(), (3, 2, 1)))
    np.testing.assert_array_equal(images.decode_photo(encode(tall, "BMP")).rgb, tall)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1)])
def test_thin_photo(shape):
    thin = np.full((*shape, 3), (200, 30, 90), np.uint8)
    np.testing.assert_array_equal(images.decode_photo(encode(thin, "PNG")).rgb, thin)


# Kinds of pixels


@pytest.mark.parametrize("kind", [*FORMATS, "WEBP lossless"])
def test_gray(kind):
    options = {"lossless": True} if kind == "WEBP lossless" else {}
    photo = images.decode_photo(encode(GRAY, kind.split()[0], **options))
    assert photo.alpha is None
    assert mean_error(photo.rgb, gray_rgb(GRAY)) <= (6 if kind in ("JPEG", "WEBP") else 0)


@pytest.mark.parametrize("kind", [*LOSSLESS, "GIF"])
def test_one_bit(kind):
    bits = Image.fromarray(GRAY).convert("1")
    photo = images.decode_photo(encode(bits, kind))
    np.testing.assert_array_equal(photo.rgb, gray_rgb(np.asarray(bits) * np.uint8(255)))


@pytest.mark.parametrize("kind", [*LOSSLESS, "GIF"])
def test_palette(kind):
    palette = Image.fromarray(RGB).quantize(60)
    photo = images.decode_photo(encode(palette, kind))
    np.testing.assert_array_equal(photo.rgb, palette.convert("RGB"))
    assert photo.alpha is None


@pytest.mark.parametrize("transparency", [3, bytes(range(60))])
def test_palette_with_transparency(transparency):
    palette = Image.fromarray(RGB).quantize(60)
    photo = images.decode_photo(encode(palette, "PNG", transparency=transparency))
    index = np.asarray(palette)
    expected = np.where(index == 3, 0, 255) if transparency == 3 else index
    np.testing.assert_array_equal(photo.alpha, expected)
    np.testing.assert_array_equal(photo.rgb, palette.convert("RGB"))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_read(kind):
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    photo = images.decode_photo(encode(np.dstack([RGB, ALPHA]), kind, **options))
    np.testing.assert_array_equal(photo.rgb, RGB)
    np.testing.assert_array_equal(photo.alpha, ALPHA)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_gray_with_alpha(kind):
    picture = Image.merge("LA", [Image.fromarray(GRAY), Image.fromarray(ALPHA)])
    photo = images.decode_photo(encode(picture, kind))
    np.testing.assert_array_equal(photo.rgb, gray_rgb(GRAY))
    np.testing.assert_array_equal(photo.alpha, ALPHA)


@pytest.mark.parametrize(("picture", "key"), [(GRAY, int(GRAY[5, 5])), (RGB, tuple(RGB[5, 5]))])
def test_transparent_color_of_a_png(picture, key):
    key = key if isinstance(key, int) else tuple(map(int, key))
    photo = images.decode_photo(encode(picture, "PNG", transparency=key))
    matches = picture == key if picture.ndim == 2 else (picture == np.array(key)).all(axis=2)
    np.testing.assert_array_equal(photo.alpha, np.where(matches, 0, 255))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_without_profile(kind):
    photo = images.decode_photo(encode(Image.fromarray(RGB).convert("CMYK"), kind))
    assert mean_error(photo.rgb, RGB) < 5


def test_lab_tiff():
    lab = ImageCms.profileToProfile(
        Image.fromarray(RGB),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert mean_error(images.decode_photo(encode(lab, "TIFF")).rgb, RGB) < 1


def test_ycbcr_tiff():
    ycbcr = Image.fromarray(RGB).convert("YCbCr")
    assert mean_error(images.decode_photo(encode(ycbcr, "TIFF")).rgb, RGB) < 2


# Depth


DEEP = np.clip(
    RGB.astype(int) * 257 + np.random.default_rng(0).integers(-128, 129, RGB.shape), 0, 65535
).astype(np.uint16)
"""16-bit samples that all round to RGB, and whose upper byte alone often is another."""


def test_deep_samples_tell_rounding_from_truncation():
    assert (DEEP >> 8 != RGB).mean() > 0.1


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bit_color_is_rounded(suffix):
    encoded = cv2.imencode(suffix, DEEP[..., ::-1])[1].tobytes()
    photo = images.decode_photo(encoded)
    np.testing.assert_array_equal(photo.rgb, RGB)
    assert photo.alpha is None


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bit_color_with_alpha(suffix):
    deep = np.dstack([DEEP[..., ::-1], ALPHA.astype(np.uint16) * 257])
    photo = images.decode_photo(cv2.imencode(suffix, deep)[1].tobytes())
    np.testing.assert_array_equal(photo.rgb, RGB)
    np.testing.assert_array_equal(photo.alpha, ALPHA)


def encode_deep_png(samples, color_type):
    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, color_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in samples.astype(">u2"))
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_16_bit_gray_png_with_alpha():
    samples = np.dstack([GRAY, ALPHA]).astype(np.uint16) * 257
    photo = images.decode_photo(encode_deep_png(samples, color_type=4))
    np.testing.assert_array_equal(photo.rgb, gray_rgb(GRAY))
    np.testing.assert_array_equal(photo.alpha, ALPHA)


def test_16_bit_png_with_a_damaged_length_is_kept_from_opencv(monkeypatch):
    encoded = encode_deep_png(DEEP, color_type=2)
    damaged = encoded[:33] + b"\xf0" + encoded[34:]  # the length of IDAT: 4 GB
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("given to OpenCV"))
    assert np.abs(images.decode_photo(damaged).rgb.astype(int) - RGB).max() <= 1


def test_unspecified_extra_channel_is_no_alpha():
    deep = np.dstack([DEEP, ALPHA.astype(np.uint16)])
    photo = images.decode_photo(encode_tiff(deep, photometric="rgb", extrasamples=["unspecified"]))
    np.testing.assert_array_equal(photo.rgb, RGB)
    assert photo.alpha is None


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize(
    ("white", "dtype"),
    [(65535, "u2"), (1, "f4"), (1, "f8"), (255, "f4"), (65535, "f4"), (65535, "u4"), (255, "i4")],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_tiff_depths(channels, dtype, white, byteorder):
    levels = RGB.copy() if channels == 3 else GRAY.copy()
    levels[0, 0] = 255  # so that samples wider than 16 bits show their range
    samples = levels * (white / 255)
    samples = samples if dtype.startswith("f") else np.rint(samples)
    photometric = "rgb" if channels == 3 else "minisblack"
    encoded = encode_tiff(
        samples.astype(np.dtype(dtype).newbyteorder(byteorder)),
        photometric=photometric,
        byteorder=byteorder,
    )
    expected = levels if channels == 3 else gray_rgb(levels)
    np.testing.assert_array_equal(images.decode_photo(encoded).rgb, expected)


def test_float_tiff_without_usual_white_is_scaled_to_its_largest_sample():
    encoded = encode_tiff(GRAY.astype(np.float32) * 1000, photometric="minisblack")
    expected = np.rint(GRAY * (255 / GRAY.max()))
    np.testing.assert_array_equal(images.decode_photo(encoded).rgb, gray_rgb(expected))


def test_float_tiff_with_gaps_and_overshoot():
    samples = GRAY.astype(np.float32) / 255
    samples[0, :4] = np.nan, np.inf, -np.inf, -3
    expected = GRAY.copy()
    expected[0, :4] = 0, 255, 0, 0
    encoded = encode_tiff(samples, photometric="minisblack")
    np.testing.assert_array_equal(images.decode_photo(encoded).rgb, gray_rgb(expected))


@pytest.mark.parametrize("white", [1, 255, 65_535, 1e6])
def test_infinity_is_white_whatever_white_is(white):
    samples = (GRAY / GRAY.max() * white).astype(np.float64)
    expected = np.rint(GRAY * (255 / GRAY.max()))
    samples[0, 0], expected[0, 0] = np.inf, 255
    encoded = encode_tiff(samples.astype(np.float32), photometric="minisblack")
    np.testing.assert_array_equal(images.decode_photo(encoded).rgb, gray_rgb(expected))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_gray_is_rounded(kind):
    encoded = encode(Image.fromarray(DEEP[..., 0]), kind)
    np.testing.assert_array_equal(images.decode_photo(encoded).rgb, gray_rgb(RGB[..., 0]))


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_tiff_whose_white_is_zero(dtype):
    scale = np.iinfo(dtype).max // 255
    encoded = encode_tiff(((255 - GRAY).astype(dtype) * scale), photometric="miniswhite")
    np.testing.assert_array_equal(images.decode_photo(encoded).rgb, gray_rgb(GRAY))


def test_12_bit_gray_tiff():
    samples = np.rint(GRAY * (4095 / 255)).astype(int)
    pairs = samples.reshape(-1, 2)
    packed = np.stack(
        [pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], axis=1
    )
    body = packed.astype(np.uint8).tobytes()
    height, width = GRAY.shape
    entries = {256: width, 257: height, 258: 12, 259: 1, 262: 1, 277: 1, 278: height}
    entries |= {273: 8 + 2 + 12 * 9 + 4, 279: len(body)}
    directory = struct.pack("<H", len(entries))
    for tag, value in sorted(entries.items()):
        directory += struct.pack("<HHII", tag, 4 if value > 65535 else 3, 1, value)
    encoded = b"II*\0\x08\0\0\0" + directory + b"\0\0\0\0" + body
    np.testing.assert_array_equal(images.decode_photo(encoded).rgb, gray_rgb(GRAY))


@pytest.mark.parametrize("values", [RGB, DEEP], ids=["8 bits", "16 bits"])
def test_separate_planes(values):
    encoded = encode_tiff(np.moveaxis(values, 2, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(images.decode_photo(encoded).rgb, RGB)
    np.testing.assert_array_equal(images.decode_photo(encoded, depth="auto").rgb, values)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiff(compression):
    encoded = encode(RGB, "TIFF", compression=compression)
    np.testing.assert_array_equal(images.decode_photo(encoded).rgb, RGB)


def test_fax_compressed_scan(tmp_path):
    bits = Image.fromarray(GRAY).convert("1")
    path = tmp_path / "scan.tif"
    path.write_bytes(encode(bits, "TIFF", compression="group4"))
    np.testing.assert_array_equal(
        images.read_image(path), gray_rgb(np.asarray(bits) * np.uint8(255))
    )


def test_big_tiff():
    encoded = encode_tiff(RGB, photometric="rgb", bigtiff=True)
    np.testing.assert_array_equal(images.decode_photo(encoded).rgb, RGB)


# Frames


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG", "MPO"])
def test_first_of_several_frames(kind):
    first = Image.fromarray(RGB)
    others = [ImageOps.invert(first), first.convert("L").convert("RGB")]
    options = {"lossless": True} if kind == "WEBP" else {}
    encoded = encode(first, kind, save_all=True, append_images=others, **options)
    assert Image.open(io.BytesIO(encoded)).n_frames == 3
    assert mean_error(images.decode_photo(encoded).rgb, RGB) < 12


# Orientation


TURNS = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}
"""EXIF orientation to what turns stored rows and columns upright (EXIF 2.32, 4.6.4)."""


def exif_with(**tags):
    exif = Image.Exif()
    for name, value in tags.items():
        exif[ExifTags.Base[name]] = value
    return exif


@pytest.mark.parametrize("kind", WITH_METADATA)
@pytest.mark.parametrize("orientation", TURNS)
def test_orientation_is_applied(kind, orientation):
    options = {"lossless": True} if kind == "WEBP" else {}
    options |= {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    exif = exif_with(Orientation=orientation, Make="Zeiss")
    photo = images.decode_photo(encode(RGB, kind, exif=exif, **options))
    expected = TURNS[orientation](RGB)
    assert photo.rgb.shape == expected.shape
    assert mean_error(photo.rgb, expected) < 1
    carried = Image.Exif()
    carried.load(photo.exif)
    assert carried[ExifTags.Base.Orientation] == 1
    assert carried[ExifTags.Base.Make] == "Zeiss"


@pytest.mark.parametrize("orientation", TURNS)
def test_orientation_of_alpha(orientation):
    encoded = encode(np.dstack([RGB, ALPHA]), "PNG", exif=exif_with(Orientation=orientation))
    photo = images.decode_photo(encoded)
    np.testing.assert_array_equal(photo.alpha, TURNS[orientation](ALPHA))


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("orientation", TURNS)
def test_orientation_of_tiff(orientation, deep, compression):
    encoded = encode_tiff(
        DEEP if deep else RGB,
        photometric="rgb",
        compression=compression,
        extratags=[(274, 3, 1, orientation, True)],
    )
    np.testing.assert_array_equal(images.decode_photo(encoded).rgb, TURNS[orientation](RGB))


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("orientation", TURNS)
def test_a_photo_is_rotated_once_it_is_upright(orientation, rotate):
    exif = exif_with(Orientation=orientation, Make="Zeiss")
    layered = encode(np.dstack([RGB, ALPHA]), "PNG", exif=exif, dpi=(300, 600))
    photo = images.read_photo(layered, rotate=rotate)
    turn = lambda pixels: np.rot90(TURNS[orientation](pixels), -rotate // 90)  # noqa: E731
    np.testing.assert_array_equal(photo.rgb, turn(RGB))
    np.testing.assert_array_equal(photo.alpha, turn(ALPHA))
    is_on_its_side = photo.rgb.shape[:2] != RGB.shape[:2]
    assert np.rint(photo.metadata.dpi).tolist() == ([600, 300] if is_on_its_side else [300, 600])
    again = images.decode_photo(images.encode_photo(photo.rgb, "PNG", photo))
    np.testing.assert_array_equal(again.rgb, photo.rgb)  # not turned a second time
    deep = encode_tiff(DEEP, photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    found = images.decode_photo(deep, depth="auto", rotate=rotate).rgb
    np.testing.assert_array_equal(found, turn(DEEP))


@pytest.mark.parametrize("rotate", [45, 360, -90, "90", True, None])
def test_a_photo_is_rotated_by_quarters_alone(rotate):
    with pytest.raises(PhotoError, match="expected rotate as 0, 90, 180 or 270 degrees"):
        images.read_photo(encode(RGB, "PNG"), rotate=rotate)


def test_nonsense_orientation_is_upright():
    encoded = encode(RGB, "PNG", exif=exif_with(Orientation=77))
    np.testing.assert_array_equal(images.decode_photo(encoded).rgb, RGB)


# Color profiles


def fixed(*values):
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def profile_bytes(kind, space, connection, tags):
    """A minimal ICC version 2 profile (ICC.1:2001-04)."""
    text = b"test"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" * 80,
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249),
        **tags,
    }
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", offset + len(body), len(content))
        body += content
    header = struct.pack(
        ">I4sI4s4s4s", offset + len(body), b"", 0x02400000, kind, space, connection
    )
    header += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    header += fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + table + body


def gamma_curve(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


ADOBE_RGB = np.array(  # columns R, G, B in XYZ, adapted to D50 (Lindbloom)
    [
        [0.6097559, 0.2052401, 0.1492240],
        [0.3111242, 0.6256560, 0.0632197],
        [0.0194811, 0.0608902, 0.7448387],
    ]
)
SRGB = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)


def matrix_profile(primaries, gamma):
    tags = {name + b"TRC": gamma_curve(gamma) for name in (b"r", b"g", b"b")}
    for name, column in zip((b"r", b"g", b"b"), primaries.T, strict=True):
        tags[name + b"XYZ"] = b"XYZ \0\0\0\0" + fixed(*column)
    return profile_bytes(b"mntr", b"RGB ", b"XYZ ", tags)


def to_srgb_levels(linear):
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(encoded * 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_wide_gamut_profile_is_applied(kind):
    muted = (RGB // 2 + 64).astype(np.uint8)  # inside sRGB, so that nothing is clipped
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    encoded = encode(muted, kind, icc_profile=matrix_profile(ADOBE_RGB, 2.19921875), **options)
    stored = np.asarray(Image.open(io.BytesIO(encoded)))
    xyz = (stored / 255) ** 2.19921875 @ ADOBE_RGB.T
    linear = xyz @ np.linalg.inv(SRGB).T
    photo = images.decode_photo(encoded)
    assert linear.min() > 0
    assert np.abs(photo.rgb - to_srgb_levels(linear)).max() <= 2
    assert mean_error(photo.rgb, stored) > 2
    described = ImageCms.ImageCmsProfile(io.BytesIO(photo.icc_profile))
    assert "sRGB" in ImageCms.getProfileDescription(described)


def test_profile_of_deep_photo_is_applied():
    profile = matrix_profile(ADOBE_RGB, 2.19921875)
    tag = (34675, 7, len(profile), profile, True)
    deep = images.decode_photo(encode_tiff(DEEP, photometric="rgb", extratags=[tag]))
    shallow = images.decode_photo(encode(RGB, "PNG", icc_profile=profile))
    assert mean_error(deep.rgb, RGB) > 2
    np.testing.assert_array_equal(deep.rgb, shallow.rgb)
    assert deep.icc_profile == shallow.icc_profile


def test_swapped_primaries_swap_channels():
    encoded = encode(RGB, "PNG", icc_profile=matrix_profile(SRGB[:, [2, 1, 0]], 2.2))
    assert mean_error(images.decode_photo(encoded).rgb, RGB[..., ::-1]) < 3


@pytest.mark.parametrize("kind", WITH_METADATA)
def test_srgb_profile_is_carried_and_changes_nothing(kind):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = images.decode_photo(encode(RGB, kind))
    tagged = images.decode_photo(encode(RGB, kind, icc_profile=profile))
    np.testing.assert_array_equal(tagged.rgb, plain.rgb)
    assert tagged.icc_profile == profile


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_gray_profile_is_applied(kind):
    profile = profile_bytes(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": gamma_curve(1.8)})
    encoded = encode(GRAY, kind, icc_profile=profile)
    stored = np.asarray(Image.open(io.BytesIO(encoded)))
    photo = images.decode_photo(encoded)
    assert np.abs(photo.rgb - gray_rgb(to_srgb_levels((stored / 255) ** 1.8))).max() <= 1
    assert photo.icc_profile is not None


def test_gray_photo_with_rgb_profile():
    profile = matrix_profile(SRGB, 1.0)
    photo = images.decode_photo(encode(GRAY, "TIFF", icc_profile=profile))
    assert np.abs(photo.rgb - gray_rgb(to_srgb_levels(GRAY / 255))).max() <= 1


def test_palette_photo_with_profile():
    palette = Image.fromarray(RGB).quantize(60)
    profile = matrix_profile(SRGB[:, [2, 1, 0]], 2.2)
    photo = images.decode_photo(encode(palette, "PNG", icc_profile=profile))
    assert mean_error(photo.rgb, np.asarray(palette.convert("RGB"))[..., ::-1]) < 3


def test_cmyk_profile_is_applied():
    # All four inks print gray, each as dark as the others: a 2×2×2×2 table of Lab (lut8Type).
    inks = np.array([[index >> bit & 1 for bit in (3, 2, 1, 0)] for index in range(16)])
    lightness = np.rint(255 * (1 - inks.mean(axis=1))).astype(np.uint8)
    colors = np.stack([lightness, np.full(16, 128, np.uint8), np.full(16, 128, np.uint8)], axis=1)
    identity = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table += identity * 4 + colors.tobytes() + identity * 3
    profile = profile_bytes(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table, b"A2B1": table})
    cyan = Image.new("CMYK", (20, 10), (255, 0, 0, 0))
    plain = images.decode_photo(encode(cyan, "TIFF")).rgb[0, 0].astype(int)
    assert plain[2] - plain[0] > 100
    photo = images.decode_photo(encode(cyan, "TIFF", icc_profile=profile))
    pixel = photo.rgb[0, 0].astype(int)
    assert np.ptp(pixel) <= 1
    assert abs(pixel[0] - 185) <= 3  # L* = 75
    assert photo.icc_profile is not None


@pytest.mark.parametrize(
    "profile",
    [
        b"no profile at all",
        matrix_profile(ADOBE_RGB, 2.2)[:200],
        profile_bytes(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": gamma_curve(1.0)}),
        profile_bytes(b"mntr", b"RGB ", b"XYZ ", {}),
    ],
    ids=["no profile", "cut short", "for gray", "without curves"],
)
def test_unusable_profile_is_ignored_and_dropped(profile):
    photo = images.decode_photo(encode(RGB, "PNG", icc_profile=profile))
    np.testing.assert_array_equal(photo.rgb, RGB)
    assert photo.icc_profile is None


# EXIF


def rich_exif():
    exif = exif_with(Orientation=6, Make="Zeiss", Artist="Ansel", DateTime="1937:01:02 03:04:05")
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = "1937:01:02 03:04:05"
    details[ExifTags.Base.ColorSpace] = 65535
    details[ExifTags.Base.ExifImageWidth] = RGB.shape[1]
    details[ExifTags.Base.ExifImageHeight] = RGB.shape[0]
    details[ExifTags.Base.MakerNote] = b"secret sauce"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return exif


def with_thumbnail(block):
    """Link a second directory, the thumbnail's, to an EXIF block."""
    tiff = block[6:]
    start = struct.unpack(">I", tiff[4:8])[0]
    link = start + 2 + 12 * struct.unpack(">H", tiff[start : start + 2])[0]
    thumbnail = struct.pack(">HHHIHHI", 1, 0x0103, 3, 1, 6, 0, 0)
    tiff = tiff[:link] + struct.pack(">I", len(tiff)) + tiff[link + 4 :] + thumbnail
    return block[:6] + tiff


@pytest.mark.parametrize("target", WITH_METADATA)
@pytest.mark.parametrize("origin", WITH_METADATA)
def test_exif_and_profile_reach_the_output(tmp_path, origin, target):
    profile = matrix_profile(ADOBE_RGB, 2.2)
    photo = images.decode_photo(
        encode(RGB, origin, exif=rich_exif().tobytes(), icc_profile=profile)
    )
    path = tmp_path / f"out.{target.lower()}".replace("jpeg", "jpg")
    images.write_photo(path, photo.rgb, photo)
    with Image.open(path) as written:
        assert written.format == target
        assert written.size == (RGB.shape[0], RGB.shape[1])  # turned by orientation 6
        assert written.info["icc_profile"] == photo.icc_profile
        assert photo.icc_profile != profile
        exif = written.getexif()
        assert exif[ExifTags.Base.Orientation] == 1
        assert exif[ExifTags.Base.Artist] == "Ansel"
        details = exif.get_ifd(ExifTags.IFD.Exif)
        assert details[ExifTags.Base.DateTimeOriginal] == "1937:01:02 03:04:05"
        assert details[ExifTags.Base.MakerNote] == b"secret sauce"
        assert details[ExifTags.Base.ColorSpace] == 1
        assert details[ExifTags.Base.ExifImageWidth] == RGB.shape[0]
        assert details[ExifTags.Base.ExifImageHeight] == RGB.shape[1]
        assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    again = images.read_photo(path)
    assert mean_error(again.rgb, photo.rgb) < 4
    assert again.icc_profile == photo.icc_profile


def test_thumbnail_is_dropped():
    exif = rich_exif()
    exif.endian = ">"
    encoded = encode(RGB, "JPEG", exif=with_thumbnail(exif.tobytes()))
    with Image.open(io.BytesIO(encoded)) as source:
        assert source.getexif().get_ifd(ExifTags.IFD.IFD1) == {ExifTags.Base.Compression: 6}
    carried = Image.Exif()
    carried.load(images.decode_photo(encoded).exif)
    assert carried[ExifTags.Base.Artist] == "Ansel"
    assert carried.get_ifd(ExifTags.IFD.IFD1) == {}


@pytest.mark.parametrize("deep", [False, True])
def test_layout_tags_of_a_tiff_are_not_carried(deep):
    encoded = encode_tiff(
        DEEP if deep else RGB, photometric="rgb", compression="zlib", description="Grandma"
    )
    carried = Image.Exif()
    carried.load(images.decode_photo(encoded).exif)
    assert carried[ExifTags.Base.ImageDescription] == "Grandma"
    for tag in ("ImageWidth", "BitsPerSample", "Compression", "StripOffsets", "StripByteCounts"):
        assert ExifTags.Base[tag] not in carried


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_does_not_lose_the_photo():
    encoded = encode(RGB, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09garbage")
    photo = images.decode_photo(encoded)
    assert photo.rgb.shape == RGB.shape
    assert photo.exif == b""


def test_exif_too_long_for_jpeg_is_left_out():
    exif = exif_with(Make="Zeiss")
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = bytes(70_000)
    photo = images.decode_photo(encode(RGB, "PNG", exif=exif))
    assert len(photo.exif) > 70_000
    assert images.decode_photo(images.encode_photo(RGB, "JPEG", photo)).exif == b""
    assert images.decode_photo(images.encode_photo(RGB, "PNG", photo)).exif == photo.exif


# Files that cannot be read


JPEG_BYTES = encode(RGB, "JPEG")
PNG_BYTES = encode(RGB, "PNG")


def png_header(width, height):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n\0\0\0\x0d"
        + header
        + struct.pack(">I", zlib.crc32(header))
        + PNG_BYTES[33:]
    )


def jpeg_header(width, height):
    start = JPEG_BYTES.index(b"\xff\xc0") + 5
    return JPEG_BYTES[:start] + struct.pack(">HH", height, width) + JPEG_BYTES[start + 4 :]


def gif_header(width, height):
    encoded, size = encode(RGB, "GIF"), struct.pack("<HH", width, height)
    frame = encoded.index(b"\x2c\0\0\0\0" + struct.pack("<HH", 96, 64)) + 5
    return encoded[:6] + size + encoded[10:frame] + size + encoded[frame + 4 :]


def bmp_header(width, height):
    encoded = encode(RGB, "BMP")
    return encoded[:18] + struct.pack("<ii", width, height) + encoded[26:]


def webp_header(width, height):
    encoded = encode(np.dstack([RGB, ALPHA]), "WEBP")
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return encoded[:24] + sides + encoded[30:]


def tiff_header(width, height, values=RGB):
    encoded = encode_tiff(values, photometric="rgb")
    for tag, old, new in ((256, 96, width), (257, 64, height)):
        entry = struct.pack("<HHI", tag, 4, 1)
        assert encoded.count(entry + struct.pack("<I", old)) == 1
        encoded = encoded.replace(entry + struct.pack("<I", old), entry + struct.pack("<I", new))
    return encoded


def deep_tiff_header(width, height):
    return tiff_header(width, height, DEEP)


HEADERS = [png_header, jpeg_header, gif_header, bmp_header, tiff_header, deep_tiff_header]


def failure(source, **options):
    """The message a reading fails with: one line that names the file."""
    with pytest.raises(PhotoError) as caught:
        images.read_photo(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{options.get('name', source)}: ")
    assert "; " in message or ": convert" in message  # the remedy
    return message


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("kind", [*FORMATS, "deep PNG", "deep TIFF"])
def test_file_cut_short(tmp_path, kind, kept):
    if kind.startswith("deep"):
        encoded = cv2.imencode(f".{kind[5:].lower()}", DEEP)[1].tobytes()
    else:
        encoded = encode(RGB, kind)
    path = tmp_path / "old.jpg"
    path.write_bytes(encoded[: int(len(encoded) * kept)])
    message = failure(path)
    assert "cut short, damaged" in message
    assert "copy or download it again" in message
    assert kind.split()[-1] in message


def test_empty_file(tmp_path):
    path = tmp_path / "empty.png"
    path.touch()
    assert "empty (0 bytes)" in failure(path)


def test_missing_file(tmp_path):
    assert "no such file; check the path" in failure(tmp_path / "missing.png")


def test_folder(tmp_path):
    assert "is a folder" in failure(tmp_path)


def test_path_through_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PhotoError, match="check the path"):
        images.read_photo(tmp_path / "file" / "photo.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are POSIX")
def test_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "not a regular file" in failure(tmp_path / "pipe.jpg")


def test_impossible_path():
    assert "cannot be opened" in failure("nul\0character.jpg")


def test_unreadable_file(tmp_path, monkeypatch):
    path = tmp_path / "photo.jpg"
    path.write_bytes(JPEG_BYTES)

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)
    assert "Permission denied" in failure(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"Dear diary, today", "starts with b'Dear diary, '"),
        (b"%PDF-1.7 ...", "b'%PDF-1.7 ...', a PDF document"),
        (b"\n <!DOCTYPE html><html>", "a web page"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "a video"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
        (bytes(500), "only zeros"),
        (b"\xff", "starts with b'\\xff'"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "starts with b'RIFF$"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, content, expected):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    message = failure(path)
    assert "not a picture this version reads" in message
    assert expected in message
    assert f"expected {images.formats.READABLE}: convert it" in message


def test_camera_raw_is_not_read_as_its_thumbnail():
    version = (50706, 1, 4, b"\1\4\0\0", True)
    raw = encode_tiff(RGB, photometric="rgb", extratags=[version])
    assert "the camera raw file cannot be developed" in failure(raw, name="DSC_0001.TIF")


@pytest.mark.parametrize("is_below", [True, False])
def test_photo_is_read_and_not_the_flagged_thumbnail(is_below):
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        thumbnail = RGB[:16, :16]
        writer.write(thumbnail, photometric="rgb", subfiletype=1, subifds=int(is_below))
        writer.write(RGB, photometric="rgb")
    photo = images.decode_photo(file.getvalue())
    np.testing.assert_array_equal(photo.rgb, RGB)
    assert photo.pages == 1


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
@pytest.mark.parametrize("header", HEADERS)
def test_zero_size(header, size):
    message = failure(header(*size), name="zero.png")
    assert "holds no picture" in message or "damaged" in message


@pytest.mark.parametrize("size", [(50_000, 40_000), (20_001, 20_000)])
@pytest.mark.parametrize("header", [*HEADERS, webp_header])
def test_decompression_bomb_is_refused_by_its_header(header, size, monkeypatch):
    def decode(*_, **__):
        pytest.fail("decoded")

    width, height = size
    encoded = header(width, height)
    monkeypatch.setattr(Image.Image, "load", decode)
    monkeypatch.setattr(cv2, "imdecode", decode)
    message = failure(encoded, name="bomb.png")
    if header is webp_header:  # Pillow's reader has a limit of its own
        assert "larger than the limit of 400,000,000 pixels" in message
    else:
        assert f"{width}×{height} pixels are more than the limit of 400,000,000" in message
        assert f"raise the limit to {width * height}" in message


@pytest.mark.parametrize("header", HEADERS[:3])
def test_own_limit_rules_over_that_of_pillow(header, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    encoded = header(96, 64)
    assert images.read_photo(encoded, max_pixels=96 * 64).rgb.shape == RGB.shape
    assert "more than the limit of 6,143" in failure(encoded, name="x", max_pixels=96 * 64 - 1)


def test_running_out_of_memory_is_explained(monkeypatch):
    def exhaust(*_):
        raise MemoryError

    monkeypatch.setattr(images.pixels, "to_array", exhaust)
    assert "not enough memory" in failure(PNG_BYTES, name="large.png")


@settings(max_examples=150)
@given(
    kind=st.sampled_from(FORMATS),
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4))),
    kept=st.floats(0, 1),
)
def test_damaged_files_decode_or_raise_photo_error(kind, edits, kept):
    damaged = bytearray(encode(RGB[:16, :16], kind))
    for place, replacement in edits:
        start = int(place * len(damaged))
        damaged[start : start + len(replacement)] = replacement
    damaged = bytes(damaged[: round(kept * len(damaged))])
    try:
        photo = images.read_photo(damaged, max_pixels=100_000)
    except PhotoError:
        return
    height, width = photo.rgb.shape[:2]
    assert photo.rgb.shape == (height, width, 3)
    assert photo.rgb.dtype == np.uint8
    assert height * width <= 100_000


@settings(max_examples=100)
@given(kind=st.sampled_from(["JPEG", "PNG"]), kept=st.floats(0, 0.999))
def test_jpeg_and_png_cut_anywhere_are_refused(kind, kept):
    encoded = {"JPEG": JPEG_BYTES, "PNG": PNG_BYTES}[kind]
    with pytest.raises(PhotoError):
        images.read_photo(encoded[: int(len(encoded) * kept)])


@given(st.binary(max_size=200))
def test_random_bytes_raise_photo_error(content):
    with pytest.raises(PhotoError):
        images.read_photo(content)


# Writing


@pytest.mark.parametrize("suffix", sorted(images.PHOTO_SUFFIXES))
def test_written_format_follows_the_name(tmp_path, suffix):
    for path in (tmp_path / f"photo{suffix}", tmp_path / f"LOUD{suffix.upper()}"):
        images.write_image(path, RGB)
        with Image.open(path) as written:
            assert written.format == images.photo.FORMATS[suffix]
        assert mean_error(images.read_image(path), RGB) < 12
        assert path.read_bytes() == images.encode_photo(RGB, suffix)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_round_trip(kind):
    np.testing.assert_array_equal(images.decode_photo(images.encode_photo(RGB, kind)).rgb, RGB)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_kept(kind):
    like = images.Photo(RGB, alpha=ALPHA)
    again = images.decode_photo(images.encode_photo(RGB, kind, like))
    np.testing.assert_array_equal(again.alpha, ALPHA)


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "GIF"])
def test_alpha_is_dropped_where_the_format_has_none(kind):
    like = images.Photo(RGB, alpha=ALPHA)
    assert images.encode_photo(RGB, kind, like) == images.encode_photo(RGB, kind)


def test_jpeg_keeps_full_chroma():
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = 220, 40, 40
    stripes[:, 1::2] = 40, 110, 220
    again = images.decode_photo(images.encode_photo(stripes, "JPEG")).rgb
    assert mean_error(again, stripes) < 6
    halved = images.decode_photo(encode(stripes, "JPEG", quality=95, subsampling=2)).rgb
    assert mean_error(halved, stripes) > 30


def test_quality_changes_the_size_of_lossy_formats():
    for kind in ("JPEG", "WEBP"):
        small = images.encode_photo(RGB, kind, quality=40)
        assert len(small) < len(images.encode_photo(RGB, kind)) / 2


def test_encoding_is_repeatable():
    profile = matrix_profile(ADOBE_RGB, 2.2)
    like = images.decode_photo(encode(RGB, "PNG", icc_profile=profile))
    assert like.icc_profile == color_profiles.srgb_profile.__wrapped__()
    assert images.encode_photo(RGB, "PNG", like) == images.encode_photo(RGB, "PNG", like)


def test_array_need_not_be_contiguous(tmp_path):
    images.write_image(tmp_path / "turned.png", RGB.swapaxes(0, 1)[::-1])
    np.testing.assert_array_equal(
        images.read_image(tmp_path / "turned.png"), RGB.swapaxes(0, 1)[::-1]
    )


@pytest.mark.parametrize(
    "array",
    [RGB[0, 0], RGB[..., :2], RGB.astype(np.float32), RGB[:0], np.dstack([RGB, ALPHA])],
    ids=["one axis", "two channels", "float", "empty", "four channels"],
)
def test_wrong_array_is_refused(array):
    with pytest.raises(PhotoError, match=r"uint8 or uint16 \(H, W, 3\) or \(H, W\), got"):
        images.encode_photo(array, "PNG")


@pytest.mark.parametrize("array", [RGB.tolist(), None, float("nan"), Image.fromarray(RGB), MATRIX])
def test_what_is_no_array_is_refused(array):
    with pytest.raises(PhotoError, match=r"uint8 or uint16 \(H, W, 3\) or \(H, W\), got"):
        images.encode_photo(array, "PNG")


@pytest.mark.parametrize("quality", [0, 101, 1000, -1, 50.0, float("nan"), "95", True])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_quality_out_of_range_is_refused(kind, quality):
    with pytest.raises(PhotoError, match="quality as a whole number in 1…100, got"):
        images.encode_photo(RGB, kind, quality=quality)


def test_quality_may_be_numpys():
    expected = images.encode_photo(RGB, "JPEG", quality=40)
    assert images.encode_photo(RGB, "JPEG", quality=np.uint8(40)) == expected


def test_alpha_of_another_size_is_refused():
    like = images.Photo(RGB, alpha=ALPHA[:5], source="cutout.png")
    with pytest.raises(
        PhotoError, match=r"cutout.png: 96×64 pixels, but its alpha has 96×5; scale"
    ):
        images.encode_photo(RGB, "PNG", like)


@pytest.mark.parametrize(
    ("suffix", "side"), [(".jpg", 65_501), (".webp", 16_384), (".gif", 65_536)]
)
def test_photo_too_large_for_its_format(tmp_path, suffix, side):
    with pytest.raises(PhotoError, match=r"holds at most .* a side; choose PNG or TIFF"):
        images.write_image(tmp_path / f"long{suffix}", np.zeros((1, side, 3), np.uint8))
    images.write_image(tmp_path / "long.png", np.zeros((1, side, 3), np.uint8))
    images.encode_photo(np.zeros((1, side - 1, 3), np.uint8), suffix)


@pytest.mark.parametrize("name", ["photo", "photo.nef", "photo.jpg.txt", ".jpg", ""])
def test_unknown_ending_is_refused(tmp_path, name):
    with pytest.raises(PhotoError, match=r"format is unknown; name it .jpg"):
        images.write_image(tmp_path / name, RGB)
    assert list(tmp_path.iterdir()) == []


def test_unknown_format_is_refused():
    with pytest.raises(PhotoError, match="cannot be written as 'XCF'; choose jpg"):
        images.encode_photo(RGB, "XCF")


def test_encoder_failure_is_explained():
    broken = images.PhotoMetadata(exif=b"Exif\0\0not EXIF at all")
    like = images.Photo(RGB, metadata=broken, source="odd.tif")
    with pytest.raises(PhotoError, match=r"odd.tif: cannot be encoded as TIFF \(.+\); choose"):
        images.encode_photo(RGB, "TIFF", like)


def test_existing_file_is_replaced(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(b"old")
    images.write_image(path, RGB)
    np.testing.assert_array_equal(images.read_image(path), RGB)
    assert list(tmp_path.iterdir()) == [path]


def test_written_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").touch()
    images.write_image(tmp_path / "photo.png", RGB)
    assert (tmp_path / "photo.png").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o400])
def test_replaced_file_keeps_its_permissions(tmp_path, monkeypatch, mode):
    path, modes = tmp_path / "photo.png", []
    path.touch()
    path.chmod(mode)
    write = Path.write_bytes

    def watch(self, data):
        written = write(self, data)
        modes.append(self.stat().st_mode & 0o777)
        return written

    monkeypatch.setattr(Path, "write_bytes", watch)
    images.write_image(path, RGB)
    assert [*modes, path.stat().st_mode & 0o777] == [mode | 0o600, mode]


@pytest.mark.parametrize("exists", [True, False])
def test_link_stays_and_its_target_is_replaced(tmp_path, exists):
    link, target = tmp_path / "link.png", tmp_path / "elsewhere" / "photo.png"
    target.parent.mkdir()
    if exists:
        target.write_bytes(b"old")
    link.symlink_to(Path("elsewhere", "photo.png"))
    images.write_image(link, RGB)
    assert link.is_symlink()
    np.testing.assert_array_equal(images.read_image(target), RGB)
    assert [path.name for path in target.parent.iterdir()] == ["photo.png"]


def test_longest_file_name(tmp_path):
    images.write_image(tmp_path / f"{'n' * 251}.png", RGB)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (None, "got NoneType; deepkoal.image_io.encode_photo"),
        (b"a.png", "got bytes"),
        (io.BytesIO(), "got BytesIO"),
        ("a\0.png", "holds a null character"),
    ],
)
def test_what_is_no_path_to_write_to_is_refused(path, said):
    with pytest.raises(PhotoError, match=said):
        images.write_image(path, RGB)


def test_folder_missing(tmp_path):
    with pytest.raises(PhotoError, match=r"photo.png: cannot be written .*; create the folder"):
        images.write_image(tmp_path / "missing" / "photo.png", RGB)


def test_folder_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PhotoError, match="choose a path whose folder is a folder"):
        images.write_image(tmp_path / "file" / "photo.png", RGB)


def test_target_is_a_folder(tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(PhotoError, match="choose a name that is not a folder's"):
        images.write_image(tmp_path / "folder.png", RGB)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(errno.ENOSPC, "free some space"), (errno.EACCES, "you may write to"), (errno.EIO, "check")],
)
def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, code, remedy):
    path = tmp_path / "photo.png"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(PhotoError, match=rf"{os.strerror(code)}\); .*{remedy}"):
        images.write_image(path, RGB)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the always-full device is Linux's")
def test_full_disk(tmp_path, monkeypatch):
    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda _path, **_: opened(Path("/dev/full"), "wb"))
    with pytest.raises(PhotoError, match=r"No space left on device.*free some space"):
        images.write_image(tmp_path / "photo.png", RGB)
    assert list(tmp_path.iterdir()) == []


def test_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        images.write_image(tmp_path / "photo.png", RGB)
    assert list(tmp_path.iterdir()) == []


# Folders and the data class


def test_list_photos(tmp_path):
    wanted = ["a.jpg", "b/C.JPEG", "b/d/e.tif", "b/z.webp", "c.PNG", "f.gif", "g.bmp"]
    others = ["notes.txt", ".hidden.jpg", "._a.jpg", ".trash/old.jpg", "b/.cache/x.png", "jpg"]
    for name in wanted + others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    found = images.list_photos(tmp_path)
    assert found == sorted(tmp_path / name for name in wanted)
    assert images.list_photos(str(tmp_path)) == found
    assert images.list_photos(tmp_path / "folder.jpg") == []


def test_list_photos_does_not_follow_loops(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a.jpg").touch()
    assert images.list_photos(tmp_path) == [tmp_path / "a.jpg"]


def test_list_photos_below_a_hidden_folder(tmp_path):
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.jpg").touch()
    assert images.list_photos(tmp_path / ".hidden") == [tmp_path / ".hidden" / "a.jpg"]


@pytest.mark.parametrize("name", ["missing", "file.jpg"])
def test_list_photos_of_no_folder(tmp_path, name):
    (tmp_path / "file.jpg").touch()
    with pytest.raises(PhotoError, match=f"{name}: cannot be listed .*; give a readable folder"):
        images.list_photos(tmp_path / name)


def test_photo_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        images.Photo(RGB).source = "other"


def test_public_names():
    for name in images.__all__:
        assert getattr(images, name) is not None
    common = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"}
    assert common <= images.PHOTO_SUFFIXES
