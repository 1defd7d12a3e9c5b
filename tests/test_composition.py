import os
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import skimage.color
import skimage.data
from fields import evaluate
from hypothesis import given
from hypothesis import strategies as st

from deepkoal.memory import count_cores
from deepkoal.rendering import bands
from deepkoal.rendering import composition as composition
from deepkoal.rendering.composition import compose_rgb, lightness, render
from deepkoal.rendering.resampling import resize
from deepkoal.rendering.upsampling import fit_chroma


def random_lab(ab_limit: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    l_rows = rng.uniform(0, 100, (300, 400)).astype(np.float32)
    return l_rows, rng.uniform(-ab_limit, ab_limit, (300, 400, 2)).astype(np.float32)


def unclipped_rgb(l_rows: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """Linear sRGB of Lab by the textbook's formulas, in float64."""
    f_y = (l_rows.astype(np.float64) + 16) / 116
    f = np.stack([f_y + ab[..., 0] / 500, f_y, f_y - ab[..., 1] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    to_xyz = np.array(skimage.color.colorconv.xyz_from_rgb)
    return (xyz * to_xyz.sum(1)) @ np.linalg.inv(to_xyz).T


def astronaut_field() -> tuple[np.ndarray, np.ndarray]:
    lab = skimage.color.rgb2lab(skimage.data.astronaut()).astype(np.float32)
    coarse = resize(np.ascontiguousarray(lab[..., 1:]), 64, 64)
    l_full = np.ascontiguousarray(lab[..., 0])
    return l_full, fit_chroma(l_full, coarse)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "rocket"])
def test_lightness_is_skimages(name: str) -> None:
    rgb = getattr(skimage.data, name)()
    l_full = lightness(rgb)
    assert l_full.dtype == np.float32
    np.testing.assert_allclose(l_full, skimage.color.rgb2lab(rgb)[..., 0], atol=0.012)


def test_as_many_bands_are_worked_at_once_as_there_are_cores_up_to_eight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    class Pool(ThreadPoolExecutor):
        def submit(self, work, first):
            asked.append(first)
            return super().submit(work, first)

    monkeypatch.setattr(bands, "BAND_PIXELS", 4096)
    l_full, field = astronaut_field()
    with Pool(8) as pool:
        monkeypatch.setattr(bands, "_keep_pool", lambda: pool)
        lightness(render(l_full, field))
    assert min(8, count_cores()) == bands.THREADS
    assert asked == [*range(1, bands.THREADS)] * 2  # beside the thread that asks
    # In a process that may use one core of the machine's, as in many a container.
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from deepkoal.rendering import bands; print(bands.THREADS)"
    )
    if hasattr(os, "sched_setaffinity"):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
        assert done.stdout == b"1\n"


def test_lightness_of_greys_is_exact() -> None:
    level = np.arange(256, dtype=np.uint8)
    linear = np.where(
        level / 255 <= 0.04045, level / 3294.6, ((level / 255 + 0.055) / 1.055) ** 2.4
    )
    y = np.where(linear > (6 / 29) ** 3, 116 * np.cbrt(linear) - 16, linear * (29 / 3) ** 3)
    grey = level.reshape(16, 16)
    np.testing.assert_allclose(lightness(grey).ravel(), y, 1e-6)
    np.testing.assert_array_equal(lightness(np.stack([grey] * 3, axis=2)), lightness(grey))


def test_lightness_of_a_photo_with_grey_bands_is_that_of_each_pixel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rgb = skimage.data.astronaut()[:64].copy()
    rgb[:32] = rgb[:32, :, :1]
    whole = lightness(rgb, threads=1)
    monkeypatch.setattr(bands, "BAND_PIXELS", 512 * 3)
    np.testing.assert_allclose(lightness(rgb, threads=3), whole, atol=0.01)


def test_greys_come_back_exactly() -> None:
    level = np.arange(256, dtype=np.uint8).reshape(16, 16)
    grey = np.repeat(level[..., None], 3, axis=2)
    np.testing.assert_array_equal(compose_rgb(lightness(grey), np.zeros((16, 16, 2), "f4")), grey)


def test_colors_in_gamut_are_skimages() -> None:
    rng = np.random.default_rng(1)
    rgb = rng.integers(0, 256, (300, 400, 3), np.uint8)
    lab = skimage.color.rgb2lab(rgb).astype(np.float32)
    result = compose_rgb(np.ascontiguousarray(lab[..., 0]), lab[..., 1:])
    assert result.dtype == np.uint8
    assert np.abs(result.astype(int) - rgb).max() <= 1
    assert (result == rgb).mean() > 0.995


def test_out_of_gamut_lightness_is_kept_and_chroma_gives_way() -> None:
    l_rows, ab = random_lab(128)
    rgb = compose_rgb(l_rows, ab)
    change = np.abs(lightness(rgb) - l_rows)
    assert change[l_rows > 10].max() < 0.5
    assert change.max() < 1.0

    linear = unclipped_rgb(l_rows, ab)
    outside = ((linear < -0.01) | (linear > 1.01)).any(-1)
    assert 0.5 < outside.mean() < 0.95
    # The largest share that fits puts a channel on the gamut's border ...
    border = (rgb == 0).any(-1) | (rgb == 255).any(-1)
    assert border[outside].all()
    # ... and every channel between its grey and where it would have been.
    y = linear @ skimage.color.colorconv.xyz_from_rgb[1]
    decoded = np.where(rgb / 255 <= 0.04045, rgb / 3294.6, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    low, high = np.minimum(linear, y[..., None]), np.maximum(linear, y[..., None])
    assert (decoded > low - 0.006).all()
    assert (decoded < high + 0.006).all()


@given(
    l_value=st.floats(0, 100, width=32),
    a=st.floats(-500, 500, width=32),
    b=st.floats(-500, 500, width=32),
)
def test_any_chroma_leaves_lightness(l_value: float, a: float, b: float) -> None:
    rgb = compose_rgb(np.full((1, 1), l_value, "f4"), np.array([[[a, b]]], "f4"))
    assert abs(float(lightness(rgb)[0, 0]) - l_value) < 1.0


@pytest.mark.parametrize("l_value", [0, 100])
def test_black_and_white_have_no_color(l_value: float) -> None:
    rgb = compose_rgb(np.full((2, 2), l_value, "f4"), np.full((2, 2, 2), 90, "f4"))
    np.testing.assert_array_equal(rgb, round(l_value * 2.55))


def test_render_is_the_composition_of_its_parts() -> None:
    l_full, field = astronaut_field()
    rgb = render(l_full, field)
    assert rgb.dtype == np.uint8
    expected = compose_rgb(l_full, evaluate(field, l_full))
    difference = np.abs(rgb.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


def test_render_keeps_a_photos_lightness() -> None:
    l_full, field = astronaut_field()
    change = np.abs(lightness(render(l_full, field)) - l_full)
    assert change[l_full > 10].max() < 0.5
    assert change.max() < 1.0
    assert change.mean() < 0.1


@pytest.mark.parametrize(("band_pixels", "threads"), [(1, 1), (512 * 7, 3), (10**7, 2)])
def test_render_does_not_depend_on_bands_or_threads(
    band_pixels: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    l_full, field = astronaut_field()
    expected = render(l_full, field, threads=1)
    monkeypatch.setattr(bands, "BAND_PIXELS", band_pixels)
    np.testing.assert_array_equal(render(l_full, field, threads=threads), expected)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (301, 1), (67, 129)])
def test_render_takes_any_size(size: tuple[int, int]) -> None:
    l_full = np.random.default_rng(2).uniform(0, 100, size).astype(np.float32)
    _, field = astronaut_field()
    rgb = render(l_full, field)
    assert rgb.shape == (*size, 3)
    assert np.abs(lightness(rgb) - l_full).max() < 1.0


def test_render_needs_little_more_memory_than_its_output() -> None:
    l_full, field = astronaut_field()
    l_large = cv2.resize(l_full, (3000, 2000))
    tracemalloc.start()
    rgb = render(l_large, field)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    one_float_plane = l_large.nbytes
    assert rgb.nbytes < peak < rgb.nbytes + 2 * one_float_plane


def test_the_full_size_path_loads_no_keras() -> None:
    program = (
        "import sys, deepkoal.rendering.composition, deepkoal.evaluation.metrics; "
        "sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_threads_are_kept_from_photo_to_photo_and_a_forked_process_has_its_own():
    """For each thread that ends OpenCV keeps memory: of a long film that was hundreds of MB."""
    code = """
import os, threading
import numpy as np
from deepkoal.rendering import bands, composition
bands.BAND_PIXELS = 64
rgb = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
def count():
    return {thread.ident for thread in threading.enumerate()}
before = composition.lightness(rgb, threads=3)
kept = count()
assert len(kept) > 1
for _ in range(5):
    composition.lightness(rgb, threads=3)
assert kept <= count()
assert len(count()) <= 1 + bands.THREADS
if os.fork():
    raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
assert (composition.lightness(rgb, threads=3) == before).all()
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
