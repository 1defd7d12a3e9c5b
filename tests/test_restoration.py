"""Damage made by code, the network that repairs it, tone, and the commands that use them."""

import json
import math
from types import SimpleNamespace

import cv2
import keras
import numpy as np
import pytest
import skimage.data
from PIL import Image

import deepkoal as dk
from deepkoal.cli import main
from deepkoal.data import damage, damage_kinds
from deepkoal.errors import DeepkoalError
from deepkoal.image_io import read_image, read_photo
from deepkoal.inference.options_file import SavedOptions
from deepkoal.models.restorer import restorer
from deepkoal.rendering.composition import lightness
from deepkoal.restoration import (
    RestorationOptions,
    change_lightness,
    fill_holes,
    find_holes,
    mark_holes,
    mask_damage,
    measure_noise,
    raise_local_contrast,
    reduce_noise,
    repair,
    repair_lightness,
    restore_lightness,
    stretch_tone,
)
from deepkoal.training.auxiliary.restorer_learning import compile_restorer, draw_batch

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CAMERA = skimage.data.camera()[100:292, 150:342]


def find_bright(l_norm):
    """What a network says that takes all above L 90 for damage of what was 50."""
    logits = np.where(l_norm > 0.8, 20.0, -20.0).astype(np.float32)
    clean = np.where(l_norm > 0.8, np.float32(0), l_norm - np.float32(0.02))
    return {"clean": clean, "damage": logits}


NETWORK = SimpleNamespace(kind="fake", name="restorer", outputs=(), predict=find_bright)


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize(
    "kind", [*damage_kinds.KINDS, damage_kinds.silvering], ids=lambda kind: kind.__name__
)
def test_each_kind_of_damage_is_a_layer(kind):
    l = lightness(CAMERA)
    seen = 0.0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        layer = kind(l if kind is damage_kinds.silvering else l.shape, rng)
        assert layer.opacity.shape == layer.tone.shape == l.shape
        assert 0 <= layer.opacity.min() <= layer.opacity.max() <= 1
        assert 0 <= layer.tone.min() <= layer.tone.max() <= 100
        seen = max(seen, layer.opacity.max())
    assert seen > 0.05


def test_damage_is_drawn_by_the_seed_and_marked_where_it_is():
    l = lightness(CAMERA)
    drawn = [damage.damage_photo(l, np.random.default_rng(seed)) for seed in range(40)]
    again = damage.damage_photo(l, np.random.default_rng(3))
    np.testing.assert_array_equal(again.l, drawn[3].l)
    for photo in drawn:
        assert all(part.shape == l.shape and part.dtype == np.float32 for part in photo)
        assert 0 <= photo.l.min() <= photo.l.max() <= 100
    unmarked = sum(photo.damage.max() == 0 for photo in drawn)
    assert 3 <= unmarked <= 25
    marked = [photo for photo in drawn if (photo.damage == 1).sum() > 50]
    errors = [np.abs(photo.l - photo.clean) for photo in marked]
    inside = [error[photo.damage == 1].mean() for error, photo in zip(errors, marked, strict=True)]
    outside = [error[photo.damage == 0].mean() for error, photo in zip(errors, marked, strict=True)]
    assert np.mean(inside) > 3 * np.mean(outside)


# ---------------------------------------------------------------- the network and its learning


def test_the_network_begins_by_changing_nothing():
    keras.utils.set_random_seed(0)
    network = restorer(widths=(4, 6))
    l_norm = np.random.default_rng(0).uniform(-1, 1, (1, 32, 64, 1)).astype("float32")
    outputs = network.predict_on_batch(l_norm)
    np.testing.assert_array_equal(outputs["clean"], l_norm)
    assert outputs["damage"].shape == l_norm.shape


def test_it_learns_where_damage_is():
    keras.utils.set_random_seed(0)
    network = restorer(widths=(8,))
    compile_restorer(network)
    network.run_eagerly = True  # a graph of so few steps takes longer to make
    photos = [np.uint8(2.55 * lightness(CAMERA))]
    batch = draw_batch(photos, np.random.default_rng(0), batch=8, size=32)
    assert batch[0].shape == (8, 32, 32, 1)
    assert batch[1]["clean"].shape == (8, 32, 32, 2)
    assert np.abs(batch[0]).max() <= 1
    losses = []
    for _ in range(12):
        network.reset_metrics()
        losses.append(float(network.train_on_batch(*batch)[0]))
    assert losses[-1] < 0.9 * losses[0]


# ---------------------------------------------------------------- repairs


def test_repairs_stay_within_the_damage():
    l = np.full((70, 90), 40, np.float32)
    l[20:24] = 95
    repaired = repair_lightness(l, NETWORK)
    near = np.zeros(l.shape, bool)
    near[16:28] = True
    assert (repaired.damage[20:24] > 0.9).all()
    assert not repaired.damage[~near].any()
    np.testing.assert_allclose(repaired.l[21:23], 45, atol=1)  # of 50 painted, 40 around
    np.testing.assert_array_equal(repaired.l[~near], 40)
    half = repair_lightness(l, NETWORK, strength=0.5)
    np.testing.assert_allclose(half.l[21:23], 70, atol=1)


def test_tiles_leave_no_seams(monkeypatch):
    l = np.random.default_rng(0).uniform(0, 100, (150, 170)).astype(np.float32)
    whole = repair_lightness(l, NETWORK)
    monkeypatch.setattr(repair, "TILE", 96)
    seen = []

    def predict(l_norm):
        seen.append(l_norm.shape)
        return find_bright(l_norm)

    tiled = repair_lightness(l, SimpleNamespace(**{**vars(NETWORK), "predict": predict}))
    np.testing.assert_allclose(tiled.l, whole.l, atol=1e-4)
    assert len(seen) > 20
    assert max(max(shape) for shape in seen) <= 96
    assert all(side % 32 == 0 for shape in seen for side in shape[1:3])


@pytest.mark.parametrize("width", [16, 80])
def test_what_ends_at_burnt_out_snow_is_no_damage_and_white_flakes_are(width):
    l = np.full((90, 90), 40, np.float32)
    l[20:30, :width] = 100  # snow
    l[30:36, 4:width] = 92  # its edge
    l[60:70, 20:40] = 100  # a flake

    def predict(l_norm):
        found = find_bright(l_norm)
        found["damage"][:, :28] = -20
        return found

    repaired = repair_lightness(l, SimpleNamespace(**{**vars(NETWORK), "predict": predict}))
    assert not repaired.damage[:50].any()
    flake = repaired.damage[61:69, 21:39]
    assert (flake > 0.9).all() if width == 16 else not flake.any()  # so much else is white


def test_in_noise_damage_is_what_is_found_without_it_too():
    rng = np.random.default_rng(0)
    l = np.full((96, 96), 78, np.float32)
    l[60:64] = 98
    noisy = np.clip(l + rng.normal(0, 6, l.shape), 0, 98).astype(np.float32)
    repaired = repair_lightness(noisy, NETWORK)
    assert (find_bright(noisy / 50 - 1)["damage"][:50] > 0).sum() > 20
    assert not repaired.damage[:50].any()
    assert repaired.damage[60:64].mean() > 0.6


def test_what_is_likely_is_damage_only_beside_what_is_surely_so():
    chance = np.zeros((80, 120), np.uint16)
    chance[10, 5:40] = 40000  # a scratch, found for sure at one end
    chance[10, 5:8] = 65500
    chance[30, 5:40] = 40000  # a twig
    mask = mask_damage(chance)
    assert (mask[10, 6:39] > 0.9).all()
    assert not mask[25:].any()
    assert not mask_damage(np.zeros_like(chance)).any()


def test_what_is_large_is_damage_only_where_nearly_all_of_it_is_surely_so():
    chance = np.zeros((80, 120), np.uint16)
    chance[5:15, 5:60] = 40000  # a tool's handle, bright at one end
    chance[5:15, 5:20] = 65500
    chance[40:50, 5:60] = 65500  # a torn edge
    mask = mask_damage(chance)
    assert not mask[:25].any()
    assert (mask[41:49, 6:59] > 0.9).all()


def test_a_plain_border_is_no_damage():
    l = np.full((70, 90), 40, np.float32)
    l += np.random.default_rng(0).uniform(-20, 20, l.shape).astype(np.float32)
    framed = np.pad(l, 8, constant_values=97)
    repaired = repair_lightness(framed, NETWORK)
    assert not repaired.damage[:4].any()
    assert not repaired.damage[:, -4:].any()


def test_holes_are_filled_from_around():
    l = np.tile(np.linspace(20, 80, 64, dtype=np.float32), (64, 1))
    holes = np.zeros((64, 64), np.uint8)
    holes[20:44, 20:44] = 1
    filled = fill_holes(np.where(holes, np.float32(100), l), holes)
    assert np.abs(filled - l)[holes > 0].mean() < 6
    np.testing.assert_array_equal(filled[holes == 0], l[holes == 0])


def tear_corner(l, tone):
    """Return lightness without its upper left corner, rough as a tear is, and where that was."""
    rows, columns = np.indices(l.shape)
    rough = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, l.shape), (0, 0), 8)
    torn = rows + columns + 12 * rough / rough.std() < 150
    return np.where(torn, np.float32(tone), l), torn


@pytest.mark.parametrize("tone", [98, 1])
def test_pieces_that_are_missing_are_found(tone):
    l, torn = tear_corner(lightness(skimage.data.chelsea()), tone)
    l += np.random.default_rng(1).normal(0, 0.2, l.shape).astype(np.float32)
    for turned, truth in ((l, torn), (l[::-1, ::-1], torn[::-1, ::-1])):
        found = find_holes(turned)
        assert found[truth].mean() > 0.98
        assert found[~truth].mean() < 0.02


@pytest.mark.parametrize("name", ["camera", "coffee", "page", "horse", "logo"])
def test_what_is_plain_in_a_photo_is_no_hole(name):
    photo = getattr(skimage.data, name)()
    photo = np.uint8(255) * photo if photo.dtype == bool else photo
    assert not find_holes(lightness(photo[..., :3] if photo.ndim == 3 else photo)).any()


@pytest.mark.parametrize("tone", [98, 1])
def test_mounts_and_borders_are_no_holes(tone):
    l = lightness(skimage.data.chelsea())
    y, x = (2 * grid - 1 for grid in np.mgrid[0 : 1 : l.shape[0] * 1j, 0 : 1 : l.shape[1] * 1j])
    oval = np.where(x * x + y * y > 1, np.float32(tone), l)
    strip = np.vstack([l, np.full((60, l.shape[1]), tone, np.float32)])
    turn = cv2.getRotationMatrix2D((200, 150), 3, 1)
    turned = cv2.warpAffine(l, turn, l.shape[::-1], borderValue=tone)
    for mounted in (oval, strip, np.pad(l, 30, constant_values=tone), turned):
        assert not find_holes(mounted).any()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_what_is_not_repaired_keeps_its_samples(kind):
    top = np.iinfo(kind).max
    photo = (np.random.default_rng(0).random((40, 50, 3)) * top).astype(kind)
    before = lightness(photo)
    after = before.copy()
    after[:10] = np.clip(before[:10] + 8, 0, 100)
    changed = change_lightness(photo, before, after)
    assert changed.dtype == kind
    np.testing.assert_array_equal(changed[10:], photo[10:])
    assert lightness(changed)[:10].mean() > before[:10].mean() + 4
    grey = photo[..., 0]
    before = lightness(grey)
    assert change_lightness(grey, before, before + 1).shape == grey.shape


# ---------------------------------------------------------------- noise


def measure_gain(l, worse):
    errors = [np.mean((each - l) ** 2) for each in (worse, reduce_noise(worse, 1.0))]
    return 10 * np.log10(errors[0] / errors[1])


@pytest.mark.parametrize(("deviation", "gain"), [(5, 2), (10, 4), (20, 5)])
def test_noise_is_measured_and_taken_away(deviation, gain):
    noise = np.random.default_rng(0).normal(0, deviation / 2.55, CAMERA.shape)
    l = lightness(CAMERA)
    noisy = np.clip(l + noise, 0, 100).astype(np.float32)
    assert measure_noise(noisy) == pytest.approx(deviation / 2.55, rel=0.2)
    assert measure_gain(l, noisy) > gain
    half = reduce_noise(noisy, 0.5)
    np.testing.assert_allclose(half, (noisy + reduce_noise(noisy, 1.0)) / 2, atol=1e-4)


@pytest.mark.parametrize("quality", [20, 30, 40])
def test_blocks_are_found_and_smoothed_wherever_they_lie(quality):
    _, packed = cv2.imencode(".jpg", CAMERA, [cv2.IMWRITE_JPEG_QUALITY, quality])
    blocky = lightness(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))
    assert measure_gain(lightness(CAMERA), blocky) > 0.2
    assert measure_gain(lightness(CAMERA)[3:, 5:], blocky[3:, 5:]) > 0.2


@pytest.mark.parametrize("width", [0.8, 1.5])
def test_grain_wider_than_a_pixel_is_found_at_half_the_size_or_less(width):
    l = np.tile(np.linspace(20, 80, 600, dtype=np.float32), (520, 1))
    grain = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, l.shape), (0, 0), width)
    grainy = np.float32(l + 4 * grain / grain.std())
    assert measure_noise(grainy) < 1
    assert measure_gain(l, grainy) > 7


@pytest.mark.parametrize("name", ["camera", "rocket", "text", "grass", "gravel"])
def test_photos_without_noise_come_back_as_they_are(name):
    l = lightness(getattr(skimage.data, name)())
    assert reduce_noise(l, 1.0) is l


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (40, 7), (20, 30)])
@pytest.mark.parametrize("level", [0.0, 50.0, 100.0])
def test_flat_and_tiny_photos_have_no_noise(shape, level):
    l = np.full(shape, level, np.float32)
    assert reduce_noise(l, 1.0) is l


# ---------------------------------------------------------------- tone


def test_a_faded_photo_has_its_range_again():
    l = lightness(CAMERA)
    faded = 30 + 0.4 * l
    stretched = stretch_tone(faded)
    assert np.ptp(np.percentile(stretched, (1, 99))) > 1.7 * np.ptp(np.percentile(faded, (1, 99)))
    assert 0 <= stretched.min() <= stretched.max() <= 100
    assert np.corrcoef(stretched.ravel(), l.ravel())[0, 1] > 0.98


def test_a_photo_of_full_range_is_left_alone():
    l = np.random.default_rng(0).uniform(0, 100, (64, 64)).astype(np.float32)
    assert stretch_tone(l) is l


@pytest.mark.parametrize("level", [0, 50, 100])
def test_a_flat_photo_has_no_tone_to_stretch(level):
    flat = np.full((64, 64), level, np.float32)
    assert np.abs(stretch_tone(flat) - level).max() < 3


def test_fog_is_not_stretched_without_bounds():
    l = 50 + np.random.default_rng(0).normal(0, 1, (64, 64)).astype(np.float32)
    assert stretch_tone(l).std() < 4


def test_local_contrast_raises_detail_and_spares_edges():
    ripples = 4 * np.sin(np.arange(160) * 2)
    step = np.where(np.arange(160) < 80, 25.0, 75.0) + ripples
    l = np.tile(step.astype(np.float32), (160, 1))
    raised = raise_local_contrast(l, 1.0)
    assert raised[:, 20:60].std() > 1.3 * l[:, 20:60].std()
    assert abs(raised[:, 20:60].mean() - l[:, 20:60].mean()) < 1.5
    assert 0 <= raised.min() <= raised.max() <= 100
    np.testing.assert_array_equal(raise_local_contrast(l, 0.0), l)


# ---------------------------------------------------------------- options


def test_options_that_ask_for_nothing_need_no_network(monkeypatch):
    monkeypatch.setattr("deepkoal.restoration.photo.load_restorer", None)
    nothing = RestorationOptions(strength=0)
    assert not nothing.changes
    l = lightness(CAMERA)
    assert restore_lightness(l, nothing).l is l
    assert restore_lightness(l, RestorationOptions(strength=0, denoise=1)).l is l


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 1.1}, "expected restoration's strength as a number in 0…1, got 1.1"),
        ({"denoise": math.nan}, "expected denoise as a number in 0…1, got nan"),
        ({"tone": "more"}, "expected tone as off or auto, got 'more'"),
        ({"local_contrast": "1"}, "expected local_contrast as a number in 0…1, got '1'"),
        ({"holes": "all"}, "expected holes as off, auto, or as outlines of 3 or more corners"),
        ({"holes": [[[0, 0], [0.5, 2], [1, 1]]]}, "corners .* in 0…1 of width and height, got "),
        ({"holes": [[[0, 0], [1, math.nan], [1, 1]]]}, "3 or more corners"),
        ({"holes": [[[0, 0], [1, 1]]]}, "3 or more corners"),
        (
            {"holes": np.ones(CAMERA.shape)},
            "holes mark 100% of the photo as missing, ",
        ),
        ({"holes": [[[0, 0], [1, 0], [1, 0.9], [0, 1]]]}, "holes mark 9.% of the photo as missing"),
        ({"holes": np.ones((2, 3))}, "holes of the photo's height and width"),
    ],
)
def test_what_is_no_option_is_refused(options, message):
    with pytest.raises(DeepkoalError, match=message):
        dk.restore(CAMERA, **options)


def test_options_files_keep_restoration():
    saved = SavedOptions(restoration=RestorationOptions(strength=0.5, tone="auto"))
    content = json.loads(json.dumps(saved.to_json()))
    assert SavedOptions.from_json(content).restoration == saved.restoration
    assert "restoration" not in SavedOptions().to_json()["options"]
    content["options"]["restoration"] = {"holes": "off"}
    assert SavedOptions.from_json(content).restoration == RestorationOptions()
    content["options"]["restoration"] = {"power": 1}
    with pytest.raises(DeepkoalError, match="restoration as a JSON object of denoise, "):
        SavedOptions.from_json(content)


def test_options_files_keep_warmth_and_saturation():
    options = dk.guidance.ColorOptions(warmth=0.4, saturation={"blue": 1.5})
    content = json.loads(json.dumps(SavedOptions(options).to_json()))
    found = SavedOptions.from_json(content).options
    assert (found.warmth, found.saturation) == (0.4, {"blue": 1.5})


# ---------------------------------------------------------------- photos and commands


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A photo with a white scratch, which the network finds, and the network."""
    monkeypatch.setattr("deepkoal.restoration.photo.load_restorer", lambda: NETWORK)
    pixels = np.clip(CAMERA, 0, 200)
    pixels[50:53] = 250
    path = tmp_path / "old.png"
    Image.fromarray(pixels).save(path)
    return path


def test_the_command_repairs_the_damage_alone(old, tmp_path, capsys):
    out = tmp_path / "new.png"
    assert main(["restore", str(old), "-o", str(out), "--damage", "--compare"]) == 0
    names = ["new.png", "new.compare.jpg", "new.damage.png"]
    assert capsys.readouterr().out.split() == [str(tmp_path / name) for name in names]
    before, after = read_image(old), read_image(out)
    np.testing.assert_array_equal(after[:46], before[:46])
    np.testing.assert_array_equal(after[57:], before[57:])
    assert lightness(after)[51].max() < 80
    with Image.open(out) as grey, Image.open(tmp_path / names[2]) as map_of_it:
        assert (grey.mode, map_of_it.mode) == ("L", "L")
    marked = read_image(tmp_path / names[2])[..., 0]
    assert (marked[50:53] > 200).all()
    assert not marked[:46].any()
    assert main(["describe", str(out)]) == 0
    assert "restoration" in capsys.readouterr().out
    np.testing.assert_array_equal(dk.restore(before), after)
    np.testing.assert_array_equal(dk.restore(before, 0.0), before)


def test_folders_go_to_restored_and_are_not_done_twice(old, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "box").mkdir()
    old.rename(tmp_path / "box" / "a.png")
    (tmp_path / "box" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    assert main(["restore", "box"]) == 1
    said = capsys.readouterr()
    assert said.out == "restored/a.png\n"
    assert "b.png" in said.err
    assert "1 photo restored; 1 could not be restored" in said.err
    assert main(["restore", "box/a.png", "-o", "restored/"]) == 0
    assert "1 skipped, whose results are newer" in capsys.readouterr().err


def test_holes_are_painted(old, tmp_path, capsys):
    marks = np.zeros(CAMERA.shape, np.uint8)
    marks[100:130, 20:60] = 255
    Image.fromarray(marks).save(tmp_path / "holes.png")
    out = tmp_path / "new.png"
    command = ["restore", str(old), "-o", str(out), "--strength", "0", "--holes"]
    assert main([*command, str(tmp_path / "holes.png")]) == 0
    changed = (read_image(out) != read_image(old)).any(axis=2)
    assert changed[marks > 0].mean() > 0.5
    assert not changed[marks == 0].any()
    capsys.readouterr()
    assert main(["describe", str(out)]) == 0
    said = capsys.readouterr().out
    assert "holes filled by a mask: share 0.03" in said
    assert "vibrance" not in said  # nothing was colored
    assert main(["describe", str(out), "--json"]) == 0
    assert "the mask by which its holes were filled is not in this" in capsys.readouterr().err
    Image.fromarray(255 - marks).save(tmp_path / "inverted.png")
    assert main([*command, str(tmp_path / "inverted.png")]) == 1
    assert "inverted.png: holes mark 97% of the photo as missing" in capsys.readouterr().err
    assert main(["colorize", str(old), "--holes", str(tmp_path / "holes.png")]) == 2
    assert "deepkoal restore PHOTO --holes MASK" in capsys.readouterr().err
    Image.fromarray(marks[90:140]).save(tmp_path / "small.png")
    assert main([*command, str(tmp_path / "small.png")]) == 1
    assert "--holes is of 192×50 pixels, the photo of 192×192" in capsys.readouterr().err
    Image.fromarray(0 * marks).save(tmp_path / "none.png")
    assert main([*command, str(tmp_path / "none.png")]) == 1
    assert "nothing in it is white" in capsys.readouterr().err


def test_blocks_that_were_taken_away_do_not_come_back(old, model, tmp_path):
    blocky, out = tmp_path / "blocky.jpg", tmp_path / "out.jpg"
    Image.fromarray(CAMERA).save(blocky, quality=15)
    alone = ["restore", str(blocky), "--strength", "0", "-o", str(out)]
    assert main([*alone, "--denoise"]) == 0
    wanted = lightness(dk.restore(read_image(blocky), 0.0, denoise=1.0))
    errors = [np.abs(lightness(read_image(file)) - wanted).mean() for file in (out, blocky)]
    assert errors[0] < errors[1] / 2
    assert read_photo(out).quality == 95
    assert main([*alone, "--denoise", "--quality", "30"]) == 0
    assert read_photo(out).quality == 30
    color = ["colorize", str(blocky), "--model", model, "-o", str(out)]
    assert main([*color, "--denoise"]) == 0
    assert read_photo(out).quality == 95
    assert main([*color, "--overwrite"]) == 0
    assert read_photo(out).quality == 15


def test_holes_are_looked_for_or_drawn(old, tmp_path, capsys):
    l, torn = tear_corner(lightness(CAMERA), 98)
    path, out = tmp_path / "torn.png", tmp_path / "new.png"
    Image.fromarray(np.uint8(2.55 * l)).save(path)
    assert main(["restore", str(path), str(old), "-o", str(tmp_path / "a"), "--holes", "auto"]) == 0
    outline = [[0, 0], [1, 0], [0, 1]]
    options = tmp_path / "options.json"
    saved = SavedOptions(restoration=RestorationOptions(strength=0.0, holes=[outline]))
    options.write_text(json.dumps(saved.to_json()))
    assert SavedOptions.from_json(json.loads(options.read_text())).restoration == saved.restoration
    before, found = read_image(path), read_image(tmp_path / "a" / "torn.png")
    np.testing.assert_array_equal(dk.restore(before, holes="auto"), found)
    assert (found != before)[torn].mean() > 0.9
    drawn = dk.restore(before, 0.0, holes=[outline])
    marks = mark_holes([outline], l)
    np.testing.assert_array_equal(drawn, dk.restore(before, 0.0, holes=np.uint8(marks)))
    assert 0.45 < marks.mean() < 0.55
    assert main(["restore", str(path), "-o", str(out), "--holes", str(tmp_path / "no.png")]) == 1
    assert "no.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strength", "1.5"], "expected a number in 0…1, got '1.5'"),
        (["--denoise", "nan"], "expected a number in 0…1, got 'nan'"),
        (["--denoise", "-1"], "expected a number in 0…1, got '-1'"),
        (["--tone", "more"], "invalid choice: 'more'"),
    ],
)
def test_what_is_no_option_is_wrong_usage(old, arguments, message, capsys):
    assert main(["restore", str(old), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_colors_are_given_to_the_repaired_photo(old, model, tmp_path):
    out, look = tmp_path / "new.png", tmp_path / "look.json"
    command = ["colorize", "--model", model, "-o", str(out)]
    assert main([*command, "--save-options", str(look), "--restore", str(old)]) == 0
    command = [*command, str(old)]
    restored = lightness(dk.restore(read_image(old)))
    assert np.abs(lightness(read_image(out)) - restored).max() < 1
    colorizer = dk.Colorizer.from_file(model).with_restoration()
    np.testing.assert_array_equal(colorizer.colorize(read_image(old)), read_image(out))
    first = out.read_bytes()
    assert main([*command, "--options", str(look)]) == 0
    assert out.read_bytes() == first
    assert main([*command, "--options", str(look), "--restore", "0"]) == 0
    assert np.abs(lightness(read_image(out)) - lightness(read_image(old))).max() < 1
