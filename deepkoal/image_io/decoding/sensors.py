"""Pictures that come as a sensor's samples: camera raw files and DICOM."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from deepkoal.errors import PhotoError, needs_extra
from deepkoal.image_io.decoding.decoded import Decoded

Check = Callable[[tuple[int, int]], None]


def decode_raw(file: IO[bytes], check_size: Check) -> Decoded:
    """Develop a camera raw file with LibRaw's defaults and the camera's white balance.

    Raises:
        PhotoError: LibRaw does not know the camera, or the file is damaged.
    """
    import rawpy

    try:
        with rawpy.imread(cast(BinaryIO, file)) as raw:
            check_size((raw.sizes.width, raw.sizes.height))
            rgb = raw.postprocess(output_bps=16, use_camera_wb=True)
    except rawpy.LibRawError as error:
        raise PhotoError(
            f"the camera raw file cannot be developed ({error}); export it as JPEG or TIFF from "
            "your photo program"
        ) from error
    return Decoded(rgb, white=65535.0, notes=["developed with LibRaw's defaults"])


def decode_dicom(file: IO[bytes], check_size: Check) -> Decoded:
    """Decode the first frame of a DICOM file as its window shows it (PS3.3 C.11.2).

    Raises:
        PhotoError: it holds no picture.
    """
    import pydicom
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
    from pydicom.pixels.utils import pixel_array

    data = pydicom.dcmread(file)
    if "PixelData" not in data:
        raise PhotoError("the DICOM file holds no picture")
    check_size((int(data.Columns), int(data.Rows)))
    frames = int(data.get("NumberOfFrames", 1) or 1)
    samples = pixel_array(data, index=0)
    notes = [f"the first of its {frames} frames"] if frames > 1 else []
    if int(data.SamplesPerPixel) > 1:
        white = 2.0 ** int(data.BitsStored) - 1
        return Decoded(samples, white=white, notes=notes)
    values = np.asarray(apply_voi_lut(apply_modality_lut(samples, data), data), np.float64)
    low, high = _find_window(values, data)
    shown = np.clip((values - low) / max(high - low, 1e-9), 0, 1).astype(np.float32)
    if data.PhotometricInterpretation == "MONOCHROME1":
        shown = 1 - shown
    return Decoded(shown, white=1.0, notes=notes)


@dataclass(frozen=True, eq=False)
class DicomValues:
    """What a DICOM file measured, before any window.

    Attributes:
        values: float64 (H, W), in the modality's unit (PS3.3 C.11.1), such as Hounsfield units.
        window: the values shown black and white; the file's first window, else least and greatest.
        unit: of the values, empty where the file names none.
    """

    values: NDArray[np.float64]
    window: tuple[float, float]
    unit: str


def read_dicom_values(
    source: str | os.PathLike[str] | bytes, *, name: str | None = None
) -> DicomValues:
    """Read the first frame of a DICOM file of one sample a pixel, without its window.

    Args:
        source: its path or its bytes.
        name: what messages call it; by default its path.

    Raises:
        PhotoError: it holds no such picture, or cannot be decoded.
    """
    with needs_extra("DICOM", "dicom"):
        import pydicom
        from pydicom.pixels.processing import apply_modality_lut
        from pydicom.pixels.utils import pixel_array

    file = io.BytesIO(source) if isinstance(source, bytes) else source
    name = name or ("picture" if isinstance(source, bytes) else os.fspath(source))
    try:
        data = pydicom.dcmread(file)
        if "PixelData" not in data or int(data.SamplesPerPixel) > 1:
            raise PhotoError(f"{name}: expected a DICOM picture of one value a pixel")
        values = np.asarray(apply_modality_lut(pixel_array(data, index=0), data), np.float64)
    except PhotoError:
        raise
    except Exception as error:  # pydicom and its decoders raise what they like
        cause = " ".join(str(error).split())
        raise PhotoError(f"{name}: the DICOM file cannot be read ({cause})") from error
    window = float(values.min()), float(values.max())
    if data.get("WindowWidth") is not None and data.get("WindowCenter") is not None:
        center, width = (
            float(np.ravel(data[name].value)[0]) for name in ("WindowCenter", "WindowWidth")
        )
        window = spread_window(center, width)
    is_ct = str(data.get("Modality", "")) == "CT"
    return DicomValues(values, window, str(data.get("RescaleType", "HU" if is_ct else "")))


def spread_window(center: float, width: float) -> tuple[float, float]:
    """Return the values that a window shows black and white (PS3.3 C.11.2.1.2.1)."""
    return center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2


def _find_window(values: Any, data: Any) -> tuple[float, float]:
    """Return what is black and white: the window's output range, or else the samples'."""
    if data.get("WindowWidth") is not None or "VOILUTSequence" in data:
        bits = int(data.BitsStored)
        signed = int(data.PixelRepresentation)
        low = -(2.0 ** (bits - 1)) if signed else 0.0
        slope, offset = float(data.get("RescaleSlope", 1)), float(data.get("RescaleIntercept", 0))
        if "VOILUTSequence" in data:
            return 0.0, float(2 ** int(data.VOILUTSequence[0].LUTDescriptor[2]) - 1)
        return low * slope + offset, (low + 2**bits - 1) * slope + offset
    return float(values.min()), float(values.max())
