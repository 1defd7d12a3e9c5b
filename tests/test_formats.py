"""What each format keeps, as docs/formats.md says it; and files as scanners and archives have."""

import dataclasses
import io
import re
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import pydicom
import pytest
import tifffile
from PIL import ExifTags, Image
from skimage import data

from deepkoal import image_io as images
from deepkoal.cli.files.jobs import Job
from deepkoal.cli.files.result_files import ResultFiles
from deepkoal.errors import PhotoError
from deepkoal.image_io import formats
from deepkoal.image_io.formats import jpeg_xl, kinds, plugins, size_limits
from deepkoal.image_io.losses import list_losses
from deepkoal.image_io.metadata import color_profiles
from deepkoal.image_io.metadata.photoshop_resources import make_resource
from deepkoal.image_io.metadata.xmp import XmpPacket, clean_xmp
from deepkoal.image_io.photo import PhotoMetadata
from deepkoal.rendering.composition import lightness, render

PAGE = Path(__file__).parents[1] / "docs" / "formats.md"
RGB = np.ascontiguousarray(data.astronaut()[20:84, 160:256])  # 64 high, 96 wide, no symmetry
GRAY = np.ascontiguousarray(data.camera()[100:164, 200:296])
DEEP = np.random.default_rng(0).integers(0, 65536, RGB.shape, dtype=np.uint16)
DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
TIFF_NAMES = "http://ns.adobe.com/tiff/1.0/"
IPTC = b"\x1c\x02\x78\x00\x0bGrandmother"


def make_metadata():
    """Metadata of every kind; the XMP is as it leaves `clean_xmp`."""
    packet = XmpPacket()
    packet.set("dc", DUBLIN_CORE, "source", "the box in the attic")
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "Grandmother, 1931"
    exif[ExifTags.Base.Orientation] = 1
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "1931:01:02 03:04:05"
    return PhotoMetadata(
        exif=exif.tobytes(),
        icc_profile=color_profiles.srgb_profile(),
        xmp=packet.tobytes(),
        iptc=IPTC,
        photoshop=make_resource(0x0421, b"further"),
        comment=b"found in the attic",
        text=(("Author", "Ansel"),),
        dpi=(600.0, 300.0),
    )


def encode_deep(kind):
    """A file of that format with more than 8 bits, made by another program; None where it has none.

    It is grey, because the formats differ in how they store color.
    """
    ramp = np.repeat(np.linspace(0, 65535, 96).astype(np.uint16)[None], 64, axis=0)
    color = np.repeat(ramp[..., None], 3, axis=2)
    if kind == "PNG":
        return imagecodecs.png_encode(color)
    if kind == "TIFF":
        file = io.BytesIO()
        tifffile.imwrite(file, color, photometric="rgb")
        return file.getvalue()
    if kind == "JPEG2000":
        return imagecodecs.jpeg2k_encode(ramp, level=0)
    if kind == "AVIF":
        return imagecodecs.avif_encode(color >> 6, bitspersample=10, level=100)
    if kind == "HEIF":
        file = io.BytesIO()
        picture = pillow_heif.from_bytes("RGB;16", (96, 64), color.tobytes())
        picture.save(file, quality=100, bit_depth=10, chroma=444)
        return file.getvalue()
    return None


def measure_16_bits(kind, like):
    encoded = images.encode_photo(DEEP, kind, like)
    again = images.decode_photo(encoded, f"a{formats.WRITTEN[kind].suffixes[0]}", depth="auto").rgb
    if again.dtype == np.uint16 and (again == DEEP).all():
        return "kept"
    deep = encode_deep(kind)
    if deep is None:
        return ""
    levels = np.unique(images.decode_photo(deep, depth="auto").rgb[..., 1])
    return "read" if levels.dtype == np.uint16 and len(levels) > 90 else ""


def measure_pages(kind, like, folder):
    """How many files a photo of two pages leaves."""
    target = folder / f"pages{formats.WRITTEN[kind].suffixes[0]}"
    first = dataclasses.replace(like, pages=2)
    with ResultFiles(Job(Path(__file__), target, target.suffix), first) as files:
        for page in files.order:
            files.add(page, first, [(RGB, first)])
    if len(files.written) == 2:
        return "a file each"
    return "kept" if images.read_photo(target).pages == 2 else ""


def measure_row(kind, folder):
    """A row of the page's table, as it turns out in a file that is written and read again."""
    given = make_metadata()
    like = images.Photo(RGB, alpha=GRAY, metadata=given)
    suffixes = formats.WRITTEN[kind].suffixes
    encoded = images.encode_photo(RGB, kind, like, quality=100)
    again = images.decode_photo(encoded, f"a{suffixes[0]}")
    assert np.abs(again.rgb.astype(int) - RGB)[GRAY > 128].mean() < 12
    kept = again.metadata
    exif = b"Grandmother, 1931" in kept.exif and b"1931:01:02" in kept.exif
    dpi = kept.dpi is not None and np.allclose(kept.dpi, given.dpi, rtol=1e-4)
    text = [
        word
        for word, holds in (
            (
                "comment",
                kept.comment == given.comment or ("Comment", "found in the attic") in kept.text,
            ),
            ("texts", ("Author", "Ansel") in kept.text),
        )
        if holds
    ]
    alpha = again.alpha is not None and np.abs(again.alpha.astype(int) - GRAY).mean() < 2
    marks = [
        exif,
        kept.icc_profile == given.icc_profile,
        b"the box in the attic" in kept.xmp,
        kept.iptc == IPTC,
        dpi,
        ", ".join(text),
        alpha,
        measure_16_bits(kind, like),
        measure_pages(kind, like, folder),
    ]
    cells = [mark if isinstance(mark, str) else "kept" if mark else "" for mark in marks]
    return ["`" + "` `".join(suffixes) + "`", *cells]


def test_page_says_what_each_format_keeps(tmp_path):
    lines = re.findall(r"^\|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    stated = [[cell.strip() for cell in line.split("|")] for line in lines]
    stated = [row for row in stated if row[0].startswith("`")][: len(formats.WRITTEN)]
    measured = [measure_row(kind, tmp_path) for kind in formats.WRITTEN]
    table = "\n".join("| " + " | ".join(row) + " |" for row in measured)
    assert stated == measured, f"docs/formats.md should say:\n{table}"


# What a format needs


@pytest.mark.parametrize(
    ("kind", "extra"), [("HEIF", "formats"), ("RAW", "raw"), ("DICOM", "dicom")]
)
def test_missing_package_is_named_with_its_extra(monkeypatch, kind, extra):
    def miss(_):
        raise ModuleNotFoundError

    monkeypatch.setattr(plugins, "_load", miss)
    start = {
        "HEIF": b"\0\0\0\x18ftypheic",
        "RAW": b"FUJIFILMCCD-RAW",
        "DICOM": b"\0" * 128 + b"DICM",
    }
    with pytest.raises(PhotoError, match=rf"old: a .* needs .*pip install 'deepkoal\[{extra}\]'"):
        images.decode_photo(start[kind].ljust(200, b"\0"), "old")


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "a", "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf", "a", "HEIF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a", "RAW"),
        (b"II*\0\x10\0\0\0CR\2\0", "a", "RAW"),
        (b"P5\n96 64\n255\n", "a", "PPM"),
        (bytes([0, 0, 2]) + bytes(13) + bytes([24, 0]), "a.tga", "TGA"),
    ],
)
def test_kind_is_told_by_content(content, name, kind):
    assert kinds.sniff_kind(content, name) == kind


@pytest.mark.parametrize("kind", ["L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("compression", [None, "tga_rle"])
def test_tga_is_known_without_its_name(kind, compression):
    file = io.BytesIO()
    Image.fromarray(RGB).convert(kind).save(file, "TGA", compression=compression)
    header = file.getvalue()[:132]
    assert kinds.sniff_kind(header, "standard input") == "TGA"
    for field in (1, 2, 7, 16, 17):  # contradicts the others
        damaged = header[:field] + bytes([header[field] ^ 0x43]) + header[field + 1 :]
        with pytest.raises(PhotoError, match="not a picture"):
            kinds.sniff_kind(damaged, "standard input")


@pytest.mark.parametrize("text", [b"Python is a snake", b"P3RL script", b"BOM", b"PX"])
def test_text_is_no_picture(text):
    with pytest.raises(PhotoError, match="not a picture"):
        kinds.sniff_kind(text, "a.txt")


def test_damaged_jpeg_xl_tells_its_size_before_it_is_decoded():
    encoded = images.encode_photo(RGB, "JXL")
    assert jpeg_xl.read_size(encoded) == (96, 64)
    with pytest.raises(PhotoError, match="96×64 pixels are more than the limit"):
        images.decode_photo(encoded, max_pixels=96 * 64 - 1)


# TIFF as scanners write it


def encode_tiff(values, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def read_deep(encoded, **options):
    return images.read_photo(encoded, depth="auto", **options)


@pytest.mark.parametrize("bigtiff", [True, False])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_deep_tiff_layouts(bigtiff, compression, tile):
    encoded = encode_tiff(
        DEEP,
        photometric="rgb",
        bigtiff=bigtiff,
        compression=compression,
        predictor=compression is not None,
        tile=tile,
        description="Grandma",
    )
    photo = read_deep(encoded)
    np.testing.assert_array_equal(photo.rgb, DEEP)
    assert b"Grandma" in photo.exif


def test_deep_gray_with_alpha():
    values = np.dstack([DEEP[..., 0], DEEP[..., 1]])
    photo = read_deep(encode_tiff(values, photometric="minisblack", extrasamples=["unassalpha"]))
    np.testing.assert_array_equal(photo.rgb, np.repeat(DEEP[..., :1], 3, axis=2))
    np.testing.assert_array_equal(photo.alpha, DEEP[..., 1])


@pytest.mark.parametrize("kind", sorted(set(formats.WRITTEN) - {"AVIF", "GIF", "WEBP"}))
def test_grey_is_written_as_grey(kind):
    spec, profile = formats.WRITTEN[kind], color_profiles.srgb_profile()
    for grey, alpha in ((GRAY, None), (GRAY, 255 - GRAY), (DEEP[..., 0], None)):
        like = images.Photo(RGB, alpha, PhotoMetadata(icc_profile=profile))
        encoded = images.encode_photo(grey, kind, like)
        photo = images.read_photo(encoded, name=f"grey{spec.suffixes[0]}", depth="auto")
        assert photo.is_grey or (kind == "HEIF" and alpha is not None)
        assert photo.metadata.icc_profile is None or kind == "JXL"  # which says what it is in
        assert (photo.alpha is not None) == (alpha is not None and "alpha" in spec.holds)
        if "16 bits" in spec.holds:
            np.testing.assert_array_equal(photo.rgb[..., 0], grey)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((GRAY / 255).astype(np.float16), GRAY),
        ((GRAY * 128.5).astype(np.int16), GRAY),
        ((GRAY * 257.0 - 32768).astype(np.int16), GRAY),
        ((255 - GRAY) * np.uint16(257), 255 - GRAY),
    ],
    ids=["float16", "int16", "int16 around 0", "uint16"],
)
def test_depths(values, expected):
    photo = images.read_photo(encode_tiff(values, photometric="minisblack"))
    assert np.abs(photo.rgb[..., 0].astype(int) - expected).max() <= 1


def test_floats_of_pfm_are_as_bright_as_they_are():
    height, width = GRAY.shape
    encoded = f"Pf\n{width} {height}\n-1.0\n".encode()
    encoded += (GRAY[::-1] / 255).astype("<f4").tobytes()  # from the lowest row up
    np.testing.assert_array_equal(images.decode_photo(encoded).rgb[..., 0], GRAY)


def test_floats_around_0_are_said_to_be_half_black():
    encoded = encode_tiff(GRAY / np.float32(255) - np.float32(0.5), photometric="minisblack")
    share = f"{(GRAY < 127.5).mean():.0%}"
    (note,) = images.decode_photo(encoded).notes
    assert re.fullmatch(rf"{share} of its samples are below 0, the least -0.\d+, and black", note)


def test_complex_samples_are_refused():
    with pytest.raises(PhotoError, match="complex numbers; save their magnitude"):
        images.decode_photo(encode_tiff(GRAY.astype(np.complex64), photometric="minisblack"))


def test_12_bits_in_16_by_the_tag_and_without():
    values = GRAY.astype(np.uint16) * 16 + 15
    tagged = encode_tiff(values, photometric="minisblack", extratags=[(281, 3, 1, 4095, True)])
    np.testing.assert_allclose(images.read_photo(tagged).rgb[..., 0], GRAY, atol=1)
    values[0, 0] = 4095
    plain = encode_tiff(values, photometric="minisblack")
    dark = images.read_photo(plain)
    assert dark.rgb.max() <= 16
    assert dark.notes == (
        "its largest sample, 4095, uses 1/16 of the range, so it looks dark; --stretch makes 4095 "
        "white",
    )
    bright = images.read_photo(plain, stretch=True)
    np.testing.assert_allclose(bright.rgb[1:, :, 0], GRAY[1:], atol=1)
    assert "1/16 of the range: stretched" in bright.notes[0]


def test_all_pages_can_be_read():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(GRAY[:8, :8], photometric="minisblack", subfiletype=1)
        for turn in range(3):
            values = np.rot90(GRAY, turn)
            writer.write(values, photometric="minisblack", description=f"page {turn}")
    for number in range(3):
        photo = images.read_photo(file.getvalue(), page=number)
        np.testing.assert_array_equal(photo.rgb[..., 0], np.rot90(GRAY, number))
        assert photo.pages == 3
        assert f"page {number}".encode() in photo.exif
    with pytest.raises(PhotoError, match=r"expected page 1…3, got 4; choose one"):
        images.read_photo(file.getvalue(), page=3)


@pytest.mark.parametrize("big", [False, True])
def test_pages_written_are_pages_read(tmp_path, big):
    path = tmp_path / "book.tif"
    like = images.Photo(RGB, metadata=make_metadata())
    with images.write_pages(path, largest_bytes=2**33 if big else 0) as append:
        append(RGB, like)
        append(DEEP, dataclasses.replace(like, alpha=GRAY))
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff == big
        np.testing.assert_array_equal(file.pages[0].asarray(), RGB)
        np.testing.assert_array_equal(file.pages[1].asarray()[..., :3], DEEP)
    second = images.read_photo(path, page=1, depth="auto")
    np.testing.assert_array_equal(second.rgb, DEEP)
    assert second.metadata.iptc == IPTC
    assert b"1931:01:02" in second.exif


def test_interrupted_pages_leave_the_old_file(tmp_path):
    path = tmp_path / "book.tif"
    path.write_bytes(b"old")

    def write():
        with images.write_pages(path) as append:
            append(RGB, images.Photo(RGB))
            append(RGB[..., :2], images.Photo(RGB))

    with pytest.raises(PhotoError, match="expected pixels as uint8 or uint16"):
        write()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


# Sensors


def encode_dng():
    cfa = np.empty(RGB.shape[:2], np.uint16)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        cfa[row::2, column::2] = RGB[row::2, column::2, channel]
    matrix = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.204, 1.057)
    tags = [
        (50706, "B", 4, (1, 4, 0, 0), True),  # DNGVersion
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, (0, 1, 1, 2), True),  # CFAPattern
        (50708, "s", 0, "Test camera", True),  # UniqueCameraModel
        (50717, "H", 1, 255 * 64, True),  # WhiteLevel
        (50721, "2i", 9, [n for x in matrix for n in (round(x * 10000), 10000)], True),
        (50778, "H", 1, 21, True),  # CalibrationIlluminant1: D65
    ]
    return encode_tiff(cfa * 64, photometric=32803, extratags=tags, metadata=None)


def test_camera_raw_is_developed():
    photo = read_deep(encode_dng())
    assert photo.rgb.dtype == np.uint16
    assert np.corrcoef(photo.rgb[..., 1].ravel(), RGB[..., 1].ravel())[0, 1] > 0.95
    assert photo.notes == ("developed with LibRaw's defaults",)


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_dicom_is_shown_by_its_window(kind):
    record = pydicom.Dataset()
    record.file_meta = pydicom.dataset.FileMetaDataset()
    record.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    record.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    record.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    record.Rows, record.Columns = GRAY.shape
    record.SamplesPerPixel, record.PhotometricInterpretation = 1, kind
    record.BitsAllocated, record.BitsStored, record.HighBit = 16, 12, 11
    record.PixelRepresentation = 0
    record.WindowCenter, record.WindowWidth = 1024, 2048
    record.PixelData = (GRAY.astype("<u2") * 8).tobytes()
    file = io.BytesIO()
    pydicom.dcmwrite(file, record, enforce_file_format=True)
    expected = GRAY if kind == "MONOCHROME2" else 255 - GRAY
    assert np.abs(images.read_image(file.getvalue())[..., 0].astype(int) - expected).max() <= 1


# Damage, bombs and quality


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF"])
def test_rows_that_decode_are_salvaged(kind):
    cut = images.encode_photo(data.astronaut(), kind)
    cut = cut[: len(cut) * 6 // 10]
    with pytest.raises(PhotoError, match="--salvage"):
        images.read_photo(cut)
    photo = images.read_photo(cut, salvage=True)
    found = re.match(r"damaged: rows (\d+) to (\d+) of 512 decode", photo.notes[0])
    top, bottom = int(found[1]) - 1, int(found[2])
    assert 200 < len(photo.rgb) == bottom - top < 400
    assert np.abs(photo.rgb.astype(int) - data.astronaut()[top:bottom]).mean() < 3


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"rowsperstrip": 64},
        {"compression": "lzw", "predictor": True, "rowsperstrip": 4},
        {"compression": "zlib", "tile": (16, 32), "byteorder": ">"},
    ],
    ids=["one plain strip", "plain strip", "lzw strips", "zlib tiles"],
)
def test_parts_of_a_deep_tiff_that_decode_are_salvaged(layout):
    cut = encode_tiff(DEEP, photometric="rgb", metadata=None, **layout)
    cut = cut[: len(cut) * 6 // 10]
    with pytest.raises(PhotoError, match="--salvage"):
        read_deep(cut)
    photo = read_deep(cut, salvage=True)
    found = re.match(r"damaged: rows 1 to (\d+) of 64 decode", photo.notes[0])
    assert 30 < int(found[1]) < 40
    np.testing.assert_array_equal(photo.rgb, DEEP[: int(found[1])])
    with pytest.raises(PhotoError, match="nothing of it can be decoded"):
        read_deep(cut[:300], salvage=True)


def test_nothing_can_be_salvaged_from_a_header():
    with pytest.raises(PhotoError, match="nothing of it can be decoded"):
        images.read_photo(images.encode_photo(RGB, "PNG")[:60], salvage=True)


def test_who_salvages_is_not_told_to():
    with pytest.raises(PhotoError, match="cut short") as refused:
        images.read_photo(images.encode_photo(RGB, "JPEG")[:300], salvage=True)
    assert "--salvage" not in str(refused.value)


def test_progressive_jpeg_is_salvaged_whole():
    file = io.BytesIO()
    Image.fromarray(data.astronaut()).save(file, "JPEG", progressive=True)
    photo = images.read_photo(file.getvalue()[: len(file.getvalue()) // 2], salvage=True)
    assert photo.rgb.shape == data.astronaut().shape
    assert "coarser" in photo.notes[0]


def test_large_scan_is_read_by_default_and_a_bomb_is_not(monkeypatch):
    monkeypatch.setattr(size_limits, "BOMB_PIXELS", 1000)
    images.read_photo(images.encode_photo(RGB, "PNG"))
    flat = images.encode_photo(np.zeros((800, 800, 3), np.uint8), "PNG")
    monkeypatch.setattr(size_limits, "BOMB_RATIO", 10)
    with pytest.raises(PhotoError, match=r"in a file of .* bytes, as a decompression bomb has"):
        images.read_photo(flat)
    assert images.read_photo(flat, max_pixels=640_000).rgb.shape == (800, 800, 3)
    assert images.MAX_PIXELS > 220_000_000


@pytest.mark.parametrize("quality", [10, 40, 49, 50, 75, 90, 95, 100])
@pytest.mark.parametrize("picture", [GRAY, RGB])
def test_jpeg_keeps_its_quality(picture, quality):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    photo = images.read_photo(file.getvalue())
    assert photo.quality == quality
    assert images.read_photo(images.encode_photo(photo.rgb, "JPEG", photo)).quality == quality
    assert images.read_photo(images.encode_photo(photo.rgb, "JPEG", photo, quality=7)).quality == 7


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(("given", "kept"), [(None, 1), ("lzw", 5), ("zlib", 8), ("packbits", 8)])
def test_tiff_keeps_its_compression(depth, given, kept):
    values = RGB if depth == 8 else DEEP
    like = read_deep(encode_tiff(values, photometric="rgb", compression=given))
    encoded = images.encode_photo(values, "TIFF", dataclasses.replace(like, alpha=GRAY))
    with tifffile.TiffFile(io.BytesIO(encoded)) as file:
        assert file.pages[0].compression == kept
        np.testing.assert_array_equal(file.pages[0].asarray()[..., :3], values)
    if depth == 8:
        pixels = np.asarray(Image.open(io.BytesIO(encoded)))
        np.testing.assert_array_equal(pixels[..., :3], values)


def test_lossless_webp_stays_lossless_unless_a_quality_is_given():
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "WEBP", lossless=True, xmp=make_metadata().xmp)
    like = images.read_photo(file.getvalue())
    encoded = images.encode_photo(like.rgb, "WEBP", like)
    np.testing.assert_array_equal(images.read_image(encoded), RGB)
    lossy = images.read_photo(images.encode_photo(like.rgb, "WEBP", like, quality=80))
    assert lossy.compression is None
    assert (lossy.rgb != RGB).any()


@pytest.mark.parametrize("largest", [65535, 1023])
@pytest.mark.parametrize("kind", ["P3", "P6"])
def test_deep_ppm(kind, largest):
    values = np.minimum(DEEP, largest)
    samples = values.astype(">u2").tobytes()
    if kind == "P3":
        samples = " ".join(map(str, values.ravel())).encode()
    header = f"{kind}\n# a scan\n96 64\n{largest}\n".encode()
    photo = read_deep(header + samples)
    assert np.abs(photo.rgb - values * (65535 / largest)).max() <= 0.5
    with pytest.raises(PhotoError, match="cut short"):
        read_deep((header + samples)[:-9])


# Metadata


def test_xmp_over_64_kb_goes_on_in_further_segments():
    packet = XmpPacket(make_metadata().xmp)
    for number in range(3):
        packet.set("ex", "http://example.org/", f"part{number}", f"{number} é " * 20_000)
    packet.append("xmpMM", "http://ns.adobe.com/xap/1.0/mm/", "History", {("a", "b:", "c"): "d"})
    like = images.Photo(RGB, metadata=dataclasses.replace(make_metadata(), xmp=packet.tobytes()))
    encoded = images.encode_photo(RGB, "JPEG", like)
    alone = XmpPacket(Image.open(io.BytesIO(encoded)).info["xmp"])
    assert alone.get(DUBLIN_CORE, "source") == "the box in the attic"
    again = images.read_photo(encoded).metadata
    assert again.iptc == IPTC
    joined = XmpPacket(again.xmp)
    for number in range(3):
        assert joined.get("http://example.org/", f"part{number}") == f"{number} é " * 20_000
    assert joined.get("http://ns.adobe.com/xmp/note/", "HasExtendedXMP") is None
    assert joined.list_structures("http://ns.adobe.com/xap/1.0/mm/", "History")
    damaged = encoded.replace(b"1 \xc3\xa9 1", b"1 \xc3\xa9 2", 1)
    part = XmpPacket(images.read_photo(damaged).metadata.xmp)
    assert part.get(DUBLIN_CORE, "source") == "the box in the attic"
    assert part.get("http://example.org/", "part1") is None


def test_what_a_format_does_not_keep_is_named():
    like = images.Photo(DEEP, alpha=GRAY, metadata=make_metadata())
    every = ["16 bits", "alpha", "EXIF", "XMP", "IPTC", "dpi", "comment", "texts"]
    assert list_losses(like, "JPEG") == ["16 bits", "alpha", "texts"]
    assert list_losses(like, "TGA") == [each for each in every if each != "alpha"]
    assert list_losses(like, "PNG") == []
    plain = PhotoMetadata(dpi=(72, 72), icc_profile=make_metadata().icc_profile)
    assert list_losses(images.Photo(RGB, alpha=GRAY | 255, metadata=plain), "BMP") == []
    large = dataclasses.replace(make_metadata(), exif=make_metadata().exif + bytes(70_000), text=())
    assert list_losses(images.Photo(RGB, metadata=large), "JPEG") == ["EXIF (of more than 64 KB)"]


def test_xmp_loses_what_describes_other_pixels_and_nothing_else():
    packet = XmpPacket()
    packet.set("tiff", TIFF_NAMES, "Orientation", "6")
    packet.set("dc", DUBLIN_CORE, "source", "attic & <cellar>")
    fields = {("stEvt", "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#", "action"): "scanned"}
    for _ in range(2):
        packet.append("xmpMM", "http://ns.adobe.com/xap/1.0/mm/", "History", fields)
    again = XmpPacket(clean_xmp(packet.tobytes()))
    assert again.get(TIFF_NAMES, "Orientation") is None
    assert again.get(DUBLIN_CORE, "source") == "attic & <cellar>"
    assert again.tobytes().count(b"scanned") == 2


@pytest.mark.parametrize("xmp", [b"", b"no XML", b"<a/>", b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'])
def test_what_is_no_xmp_is_left_out(xmp):
    assert clean_xmp(xmp) == b""


def test_several_comments_and_namespace_prefixes():
    encoded = images.encode_photo(RGB, "JPEG", images.Photo(RGB, metadata=make_metadata()))
    second = b"\xff\xfe" + struct.pack(">H", 8) + b"second"
    photo = images.read_photo(encoded[:2] + second + encoded[2:])
    assert photo.metadata.comment == b"second\nfound in the attic"
    attribute = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-'
        b'syntax-ns#"><r:Description xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation="6" '
        b't:Make="Zeiss"/></r:RDF></x:xmpmeta>'
    )
    packet = XmpPacket(clean_xmp(attribute))
    assert packet.get(TIFF_NAMES, "Orientation") is None
    assert packet.get(TIFF_NAMES, "Make") == "Zeiss"


# 16 bits through the renderer


def test_16_bit_ramp_keeps_its_levels():
    ramp = np.repeat(np.arange(65536, dtype=np.uint16).reshape(256, 256, 1), 3, axis=2)
    l = lightness(ramp)
    neutral = np.zeros((1, 1, 4), np.float32)
    np.testing.assert_array_equal(render(l, neutral, bits=16), ramp)
    field = np.zeros((2, 2, 4), np.float32)
    field[..., 2:] = np.linspace(-25, 30, 8).reshape(2, 2, 2)
    colored = render(l, field, bits=16)
    assert len(np.unique(colored.reshape(-1, 3), axis=0)) == 65536
    assert (np.diff(lightness(colored).ravel()) > 0).all()
