"""What restoration repairs of damage made by code, and what it does to photos that have none.

    python benchmarks/restoration.py PHOTOS [--limit N] [--sheet OUT.jpg]
    python benchmarks/restoration.py --old FOLDER --sheet OUT.jpg

PHOTOS are color photos that the network was never trained on; each is cut to 256×256 and damaged
as `data.damage` does, by its index as seed. Printed are, of lightness: PSNR (dB, L over 100) and
SSIM against the photo undamaged (60 dB at most), of doing nothing, a median filter, non-local
means, inpainting after Telea with the true mask of the damage, and restoration; what restoration
changes of the photos as they are; what denoising gains on noise, grain and JPEG files, and changes
of photos as they are; how torn corners are found and filled; and of the colors that koala-lite
gives: the mean ab error, of the photo undamaged, damaged and restored, against the true colors and
against those of the undamaged photo.

--old draws photos before and after side by side, with what was found damaged.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from deepkoal.arrays import ByteArray, FloatArray
from deepkoal.data.damage import lay_damage, mark_damage, scan
from deepkoal.evaluation.metrics import center_square, is_near_grey, rgb_to_ab
from deepkoal.image_io import list_photos, read_image, write_image
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.composition import lightness, render
from deepkoal.restoration import (
    RestorationOptions,
    fill_holes,
    find_holes,
    reduce_noise,
    restore_lightness,
    restore_photo,
)

NEUTRAL = np.zeros((1, 1, 4), np.float32)
LEVELS = 2.55


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, nargs="?", help="a folder of color photos")
    parser.add_argument("--limit", type=int, default=40, help="how many, evenly (%(default)s)")
    parser.add_argument("--old", type=Path, help="a folder of photos to be looked at")
    parser.add_argument("--sheet", type=Path, help="a picture to write")
    arguments = parser.parse_args()
    if arguments.old is not None:
        draw_old(choose(arguments.old, arguments.limit), arguments.sheet)
        return
    squares = [center_square(read_image(path)) for path in choose(arguments.photos, 10**6)]
    colored = [rgb for rgb in squares if not is_near_grey(rgb)]
    step = max(1, len(colored) // arguments.limit)
    photos = colored[::step][: arguments.limit]
    clean = [lightness(rgb) for rgb in photos]
    damaged = [lay_damage(l, np.random.default_rng(seed)) for seed, l in enumerate(clean)]
    masks = [mark_damage(d, l) for d, l in zip(damaged, clean, strict=True)]
    scanned = [scan(l, np.random.default_rng(10_000 + seed)) for seed, l in enumerate(damaged)]
    print(
        f"{len(photos)} photos; damaged: {np.mean([(m > 0).mean() for m in masks]):.1%} of area\n"
    )
    print("damage alone")
    compare(damaged, clean, masks)
    print("\ndamage, grain and JPEG")
    compare(scanned, clean, masks)
    print("\nphotos without damage")
    measure_false_repairs(clean)
    print("\ndenoising")
    measure_denoising(clean)
    print("\nholes")
    measure_holes(clean)
    print("\ncolors: mean ab error against the true ones, and against those of the photo undamaged")
    measure_colors(photos, clean, damaged)
    if arguments.sheet is not None:
        rows = [draw_row(*row) for row in zip(damaged, clean, strict=True)][:12]
        write_image(arguments.sheet, np.vstack(rows))


def choose(folder: Path, limit: int) -> list[Path]:
    """Return files of a folder, spread evenly over it."""
    paths = list_photos(folder)
    return paths[:: max(1, len(paths) // limit)][:limit]


def repair(**options: float) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """Return what restores lightness, whatever its mask."""
    chosen = RestorationOptions(**options)
    return lambda l, _: restore_lightness(l, chosen).l


def to_bytes(l: FloatArray) -> ByteArray:
    return np.rint(np.clip(l * LEVELS, 0, 255)).astype(np.uint8)


METHODS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "nothing": lambda l, _: l,
    "median 3×3": lambda l, _: cv2.medianBlur(l, 3),
    "median 5×5": lambda l, _: cv2.medianBlur(l, 5),
    "non-local means": lambda l, _: cv2.fastNlMeansDenoising(to_bytes(l), h=10) / LEVELS,
    "Telea, true mask": lambda l, mask: (
        cv2.inpaint(to_bytes(l), (mask > 0).astype(np.uint8), 3, cv2.INPAINT_TELEA) / LEVELS
    ),
    "restoration": repair(strength=1.0),
    "restoration, denoise 1": repair(strength=1.0, denoise=1.0),
}


def psnr(l: FloatArray, truth: FloatArray) -> float:
    # 60 dB, less than a level anywhere, is the most: equal photos have no error at all.
    return float(-10 * np.log10(max(np.mean((l - truth) ** 2) / 1e4, 1e-6)))


def compare(damaged: list[FloatArray], clean: list[FloatArray], masks: list[FloatArray]) -> None:
    for name, method in METHODS.items():
        results = [method(l, mask) for l, mask in zip(damaged, masks, strict=True)]
        pairs = list(zip(results, clean, strict=True))
        levels = np.mean([psnr(*pair) for pair in pairs])
        gains = [psnr(*p) - psnr(l, p[1]) for p, l in zip(pairs, damaged, strict=True)]
        alike = np.mean([structural_similarity(l, t, data_range=100) for l, t in pairs])
        print(
            f"{name:<24} PSNR {levels:5.2f}  SSIM {alike:.4f}  against nothing "
            f"{min(gains):+.1f}…{max(gains):+.1f} dB"
        )


def measure_false_repairs(clean: list[FloatArray]) -> None:
    repaired = [restore_lightness(l, RestorationOptions()) for l in clean]
    levels = [psnr(r.l, l) for r, l in zip(repaired, clean, strict=True)]
    area = np.mean([(r.damage > 0).mean() for r in repaired])
    print(
        f"PSNR mean {np.mean(levels):.1f} (60 at most); 40 dB or more: "
        f"{np.mean(np.array(levels) >= 40):.0%} of photos, least {min(levels):.1f}; "
        f"touched {area:.2%} of area"
    )


def measure_denoising(clean: list[FloatArray]) -> None:
    levels = [to_bytes(l) for l in clean]  # as files have them
    clean = [l / np.float32(LEVELS) for l in levels]
    for name, worsen in WORSENED.items():
        worse = [worsen(l, np.random.default_rng(seed)) for seed, l in enumerate(levels)]
        pairs = [(l / np.float32(LEVELS), t) for l, t in zip(worse, clean, strict=True)]
        before = np.array([psnr(*pair) for pair in pairs])
        after = np.array([psnr(reduce_noise(l, 1.0), t) for l, t in pairs])
        gains = after - before
        print(
            f"{name:<24} PSNR {before.mean():5.2f} before, {after.mean():5.2f} after  "
            f"{gains.mean():+.2f} ({gains.min():+.2f}…{gains.max():+.2f}) dB, "
            f"worse: {np.mean(gains < -0.005):.0%}; 40 dB or more: {np.mean(after >= 40):.0%}"
        )


def add_noise(deviation: float, width: float = 0.0) -> Callable[..., ByteArray]:
    """Return what adds noise of that many grey levels, or grain of that width in pixels."""

    def worsen(levels: ByteArray, rng: np.random.Generator) -> ByteArray:
        noise = rng.normal(0, 1, levels.shape)
        if width:
            noise = cv2.GaussianBlur(noise, (0, 0), width)
        noisy = levels + deviation * noise / noise.std()
        return np.rint(np.clip(noisy, 0, 255)).astype(np.uint8)

    return worsen


def compress(quality: int) -> Callable[..., ByteArray]:
    def worsen(levels: ByteArray, _: np.random.Generator) -> ByteArray:
        packed = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)

    return worsen


WORSENED: dict[str, Callable[..., ByteArray]] = {
    "nothing": lambda levels, _: levels,
    "noise 5": add_noise(5),
    "noise 10": add_noise(10),
    "noise 20": add_noise(20),
    "grain 10": add_noise(10, 0.8),
    "JPEG 20": compress(20),
    "JPEG 30": compress(30),
    "JPEG 40": compress(40),
    "noise 10, JPEG 30": lambda levels, rng: compress(30)(add_noise(10)(levels, rng), rng),
}


def measure_holes(clean: list[FloatArray]) -> None:
    """Print the PSNR within torn corners: as they are, found by the network, and told where."""
    found: dict[str, list[float]] = {}
    shares = []
    for seed, l in enumerate(clean):
        torn, mask = tear_corner(l, np.random.default_rng(seed))
        repair = restore_lightness(torn, RestorationOptions())
        shares.append((repair.damage[mask] > 0.5).mean())
        results = {
            "nothing": torn,
            "the network's mask": repair.l,
            "Telea, true mask": METHODS["Telea, true mask"](torn, mask),
            "holes, true mask": fill_holes(torn, mask),
        }
        for name, result in results.items():
            found.setdefault(name, []).append(psnr(result[mask], l[mask]))
    for name, all_levels in found.items():
        print(f"{name:<24} PSNR within {np.mean(all_levels):5.2f}")
    print(f"found by the network: {np.mean(shares):.0%} of their area")
    for tone in (98.0, 2.0):
        torn_ones = [tear_corner(l, np.random.default_rng(n), tone) for n, l in enumerate(clean)]
        hits = sum(find_holes(torn)[mask].mean() > 0.9 for torn, mask in torn_ones)
        print(f"found by --holes auto, of L {tone:.0f}: {hits} of {len(clean)}")
    print(f"in photos without damage: {sum(find_holes(l).any() for l in clean)} of {len(clean)}")


def tear_corner(
    l: FloatArray, rng: np.random.Generator, tone: float = 98.0
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return lightness without a corner of a few percent, white as a scanner's lid, and where."""
    rows, columns = np.indices(l.shape)
    depth = rng.uniform(0.2, 0.4) * min(l.shape)
    rough = cv2.GaussianBlur(rng.normal(0, 1, l.shape), (0, 0), 4)
    edge = rows + columns * rng.uniform(0.6, 1.6) + 4 * rough / rough.std()
    mask = np.rot90(edge < depth, rng.integers(4)) if l.shape[0] == l.shape[1] else edge < depth
    return np.where(mask, np.float32(tone), l), mask


def measure_colors(
    photos: list[ByteArray], clean: list[FloatArray], damaged: list[FloatArray]
) -> None:
    colorizer = Colorizer.from_preset(backend="litert")
    restored = [restore_lightness(l, RestorationOptions()).l for l in damaged]
    truth = [rgb_to_ab(rgb) for rgb in photos]
    best = [predict_ab(colorizer, l) for l in clean]
    for name, all_l in (("undamaged", clean), ("damaged", damaged), ("restored", restored)):
        found = [predict_ab(colorizer, l) for l in all_l]
        errors = [
            np.mean(
                [np.linalg.norm(ab - t, axis=-1).mean() for ab, t in zip(found, to, strict=True)]
            )
            for to in (truth, best)
        ]
        print(f"{name:<12} {errors[0]:6.2f} {errors[1]:6.2f}")


def predict_ab(colorizer: Colorizer, l: FloatArray) -> FloatArray:
    return rgb_to_ab(colorizer.colorize(render(l, NEUTRAL)))


def draw_row(l: FloatArray, truth: FloatArray) -> ByteArray:
    repaired = restore_lightness(l, RestorationOptions())
    parts = [l, repaired.l, truth, 100 * repaired.damage]
    return np.dstack([to_bytes(np.hstack(parts))] * 3)


def draw_old(paths: list[Path], sheet: Path) -> None:
    rows = []
    for path in paths:
        photo = read_image(path)
        start = time.process_time()
        restored = restore_photo(photo, RestorationOptions())
        seconds = time.process_time() - start
        share = (restored.damage > 0).mean()
        print(f"{path.name}: {share:.2%} repaired, {seconds:.1f} s of processor time")
        damage = np.dstack([to_bytes(100 * restored.damage)] * 3)
        row = np.hstack([photo, restored.photo, damage])
        scale = 900 / row.shape[1]
        rows.append(cv2.resize(row, (900, round(scale * row.shape[0]))))
    write_image(sheet, np.vstack(rows))


if __name__ == "__main__":
    main()
