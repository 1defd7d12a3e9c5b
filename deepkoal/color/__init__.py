"""Color science: sRGB, CIE Lab, the sRGB gamut and the quantized ab plane.

Every function is differentiable where its formula is and has channels last. NumPy arrays are
answered in NumPy and in their own precision, tensors of any Keras backend in its ops. Lab means
CIE 1976 L*a*b* under illuminant D65 (2° observer): `l` in 0…100, `ab` about −110…110. `rgb_float`
is gamma-encoded sRGB (IEC 61966-2-1) in 0…1.
"""

from deepkoal.arrays import Tensor
from deepkoal.color.colorfulness import colorfulness
from deepkoal.color.conversion import (
    AB_SCALE,
    RGB_TO_XYZ,
    WHITE_D65,
    XYZ_TO_RGB,
    clip_to_gamut,
    denormalize_ab,
    denormalize_l,
    in_gamut,
    lab_to_linear,
    lab_to_rgb,
    linear_to_lab,
    linear_to_srgb,
    normalize_ab,
    normalize_l,
    rgb_to_lab,
    srgb_to_linear,
)
from deepkoal.color.film import FILMS, film_lightness
from deepkoal.color.quantization import BIN_WIDTH, ab_bins, decode_ab, encode_ab, softmax

__all__ = [
    "AB_SCALE",
    "BIN_WIDTH",
    "FILMS",
    "RGB_TO_XYZ",
    "WHITE_D65",
    "XYZ_TO_RGB",
    "Tensor",
    "ab_bins",
    "clip_to_gamut",
    "colorfulness",
    "decode_ab",
    "denormalize_ab",
    "denormalize_l",
    "encode_ab",
    "film_lightness",
    "in_gamut",
    "lab_to_linear",
    "lab_to_rgb",
    "linear_to_lab",
    "linear_to_srgb",
    "normalize_ab",
    "normalize_l",
    "rgb_to_lab",
    "softmax",
    "srgb_to_linear",
]
