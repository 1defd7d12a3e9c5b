"""Colors that stay with their things: no flicker, no leak over a cut, decided frames obeyed."""

import cv2
import numpy as np
import pytest
import skimage.data
from scipy.spatial.distance import jensenshannon
from video_parts import PlainBackend, coffee_pan, grey, open_plain, pan, read_all, write_film

import deepkoal as dk
from deepkoal.errors import VideoError
from deepkoal.guidance import ColorOptions
from deepkoal.rendering.composition import lightness
from deepkoal.video import (
    Frame,
    color_frames,
    evaluate_video,
    export_keyframes,
    measure_cdc,
    open_film,
    plan_film,
)
from deepkoal.video.coloring import find_chroma
from deepkoal.video.files.shots import CutDetector, make_thumb
from deepkoal.video.temporal.coherence import Estimate, smooth
from deepkoal.video.temporal.motion import MotionEstimator
from deepkoal.video.temporal.steadiness import estimate_motions, measure_warping_error


def color(frames, flicker=0.0, **settings):
    numbered = [Frame(rgb, index) for index, rgb in enumerate(frames)]
    return [frame.rgb for frame in color_frames(numbered, open_plain(flicker), **settings)]


def zoom(photo, count=10):
    large = cv2.resize(photo, (300, 240), interpolation=cv2.INTER_AREA)
    boxes = [(3 * index, 4 * index) for index in range(count)]
    return [
        cv2.resize(large[y : 240 - y, x : 300 - x], (96, 72), interpolation=cv2.INTER_AREA)
        for y, x in boxes
    ]


def test_cdc_is_the_published_formula():
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 60 + 30 * i, (8, 9, 3), np.uint8) for i in range(6)]

    def share(frame, channel):
        return np.bincount(frame[..., channel].ravel(), minlength=256) / 72

    means = [
        np.mean(
            [
                jensenshannon(share(frames[i], c), share(frames[i + t], c)) ** 2
                for i in range(6 - t)
                for c in range(3)
            ]
        )
        for t in (1, 2, 4)
    ]
    assert measure_cdc(frames) == pytest.approx(np.mean(means))
    with pytest.raises(VideoError, match="more than 4 frames"):
        measure_cdc(frames[:4])


def test_flicker_goes_and_colors_stay_right():
    frames = grey(coffee_pan(16))
    steady, single, coherent = (
        color(frames),
        color(frames, 0.1, coherent=False),
        color(frames, 0.1),
    )
    motions = estimate_motions([lightness(frame) for frame in frames])
    flicker = measure_warping_error(single, motions) - measure_warping_error(steady, motions)
    left = measure_warping_error(coherent, motions) - measure_warping_error(steady, motions)
    assert left < flicker / 4

    def differ(colored):
        return np.mean(
            [np.abs(x.astype(float) - y).mean() for x, y in zip(colored, steady, strict=True)]
        )

    assert differ(coherent) < differ(single) / 1.5


def test_motion_is_found_and_what_is_hidden_is_not_trusted():
    photo = cv2.resize(skimage.data.coffee(), (160, 120), interpolation=cv2.INTER_AREA)
    first, second = (lightness(np.ascontiguousarray(photo[:96, x : x + 120])) for x in (0, 4))
    there, _ = MotionEstimator().estimate(first, second)
    moved = there.places[..., 0] - np.arange(120)
    assert np.median(moved[:, 8:]) == pytest.approx(-4, abs=0.2)
    assert there.trust[:, :3].max() == 0  # has left the picture
    assert np.median(there.trust[:, 12:]) > 0.8


def test_nothing_takes_the_color_of_what_hides_it():
    """A bright square moves over a dark ground; each keeps what the frames say of it."""
    rng = np.random.default_rng(1)
    ground = cv2.GaussianBlur(rng.uniform(20, 40, (64, 96)).astype(np.float32), (0, 0), 1)
    patch = cv2.GaussianBlur(rng.uniform(60, 90, (24, 24)).astype(np.float32), (0, 0), 1)
    estimates = []
    for index in range(12):
        l, ab = ground.copy(), np.zeros((64, 96, 2), np.float32)
        x = 8 + 4 * index
        l[20:44, x : x + 24] = patch
        ab[20:44, x : x + 24] = 40
        estimates.append(Estimate(l, ab, np.ones_like(l), index))
    for estimate, ab in smooth(iter(estimates)):
        inside = np.zeros((64, 96), bool)
        x = 8 + 4 * estimate.item
        inside[22:42, x + 2 : x + 22] = True
        outside = np.ones((64, 96), bool)
        outside[16:48, x - 4 : x + 28] = False
        assert ab[inside].mean() > 36
        assert np.abs(ab[outside]).mean() < 1


def test_a_cut_is_found_and_nothing_leaks_across():
    clips = [coffee_pan(6), zoom(skimage.data.astronaut(), 6), pan(skimage.data.chelsea(), 6)]
    frames = grey([frame for clip in clips for frame in clip])
    detector = CutDetector()
    cuts = [i for i, f in enumerate(frames) if detector.is_cut(make_thumb(lightness(f)))]
    assert cuts == [6, 12]
    together = color(frames)
    alone = [frame for start in (0, 6, 12) for frame in color(frames[start : start + 6])]
    np.testing.assert_array_equal(together, alone)


def test_motion_and_light_are_no_cut():
    detector = CutDetector()
    frames = [lightness(f) for f in [*zoom(skimage.data.astronaut(), 6), *coffee_pan(6, step=8)]]
    found = [detector.is_cut(make_thumb(l)) for l in frames]
    assert found == [index == 6 for index in range(12)]
    detector = CutDetector()
    flash = [frames[0], np.minimum(frames[0] * 1.6 + 10, 100), frames[0]]
    assert not any(detector.is_cut(make_thumb(l)) for l in flash)


def test_the_network_sees_every_second_frame_but_all_that_nothing_leads_to():
    seen = []

    class Counting(PlainBackend):
        def predict(self, l_norm):
            seen.append(len(l_norm))
            return super().predict(l_norm)

    noise = np.random.default_rng(0).integers(0, 256, (10, 72, 96, 1), np.uint8)
    colored = {}
    for name, frames, count in (
        ("pan", grey(coffee_pan(10, step=1)), 5),
        ("noise", list(np.repeat(noise, 3, axis=-1)), 10),
    ):
        seen.clear()
        numbered = [Frame(rgb, index) for index, rgb in enumerate(frames)]
        colorizer = dk.Colorizer(Counting(), working_size=64)
        found = color_frames(numbered, colorizer, is_cut=lambda frame, l: False)
        colored[name] = [frame.rgb.astype(float) for frame in found]
        assert sum(seen) == count
    chroma = [np.abs(rgb - rgb.mean(axis=-1, keepdims=True)).mean() for rgb in colored["pan"]]
    assert np.ptp(chroma) < 0.05 * np.mean(chroma)  # those not seen are as colorful as their like


def test_windows_leave_no_seam():
    estimates = [
        Estimate(
            np.full((32, 40), 50, np.float32),
            np.full((32, 40, 2), i % 2, np.float32),
            np.ones((32, 40), np.float32),
            i,
        )
        for i in range(60)
    ]
    whole = [ab.mean() for _, ab in smooth(iter(estimates), window=100, memory=0.8)]
    pieces = [ab.mean() for _, ab in smooth(iter(estimates), window=8, ahead=24, memory=0.8)]
    np.testing.assert_allclose(pieces, whole, atol=0.01)


def test_a_thing_that_leaves_and_returns_keeps_its_color(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    ground = cv2.GaussianBlur(rng.uniform(20, 90, (72, 96)).astype(np.float32), (0, 0), 2)
    thing = cv2.GaussianBlur(rng.uniform(170, 250, (24, 24)).astype(np.float32), (0, 0), 2)
    frames, places = [], []
    for index in range(30):
        frame, place = ground.copy(), abs(15 - index) * 6 - 18  # out to the left, and back
        x = max(0, place)
        frame[20:44, x : place + 24] = thing[:, x - place :][:, : max(0, place + 24 - x)]
        frames.append(np.repeat(frame.astype(np.uint8)[..., None], 3, axis=2))
        places.append(place)
    old = write_film(tmp_path / "old.mkv", frames)

    def differ():
        dk.colorize_video(old, tmp_path / "new.mkv", open_plain(0.1), codec="ffv1", overwrite=True)
        colored, _ = read_all(tmp_path / "new.mkv")
        seen = [
            colored[i][22:42, places[i] + 2 : places[i] + 22].astype(float).mean(axis=(0, 1))
            for i in (3, 27)
        ]
        return np.abs(seen[0] - seen[1]).max()

    shared = differ()
    monkeypatch.setattr("deepkoal.video.anchors.LEAST", 1000)
    assert shared < 0.5 * differ()


def test_what_fades_to_black_and_what_is_black_has_nothing_to_share(tmp_path):
    faded = [
        (frame * min(1, index / 20)).astype(np.uint8) for index, frame in enumerate(coffee_pan(24))
    ]
    for name, frames in (("fade", [0 * faded[0]] * 8 + faded), ("black", [0 * faded[0]] * 30)):
        old = write_film(tmp_path / f"{name}.mkv", frames)
        dk.colorize_video(old, tmp_path / f"{name}-new.mkv", open_plain(), codec="ffv1")
        colored, _ = read_all(tmp_path / f"{name}-new.mkv")
        assert len(colored) == len(frames)
        assert np.ptp(colored[-1], axis=-1).any() == (name == "fade")


def test_what_fades_in_has_its_color_from_the_dark_on():
    photo = grey(coffee_pan(1))[0]
    light = np.concatenate([np.linspace(0.1, 1, 10), np.ones(4)])
    frames = [np.rint(share * photo).astype(np.uint8) for share in light]
    bright = lightness(photo) > 80

    def list_a(**settings):
        numbered = [Frame(rgb, index) for index, rgb in enumerate(frames)]
        found = find_chroma(numbered, open_plain(), ColorOptions(), **settings)
        return [float(ab[bright][:, 0].mean()) for _, ab in found]

    alone, together = list_a(coherent=False), list_a()  # each alone has it from its light
    assert np.ptp(together[2:]) < 0.2 * np.ptp(alone[2:])


def test_decided_frames_color_their_shot_both_ways(tmp_path):
    frames = coffee_pan(10) + pan(skimage.data.astronaut(), 6)
    old = write_film(tmp_path / "old.mkv", grey(frames))
    film = open_film(old)
    plan = plan_film(film)
    paths = export_keyframes(tmp_path / "keys", film, plan, DoubtfulColorizer())
    assert len(paths) == 2
    with pytest.raises(VideoError, match="2 pictures without color"):
        dk.colorize_video(old, tmp_path / "new.mkv", open_plain(), keyframes=tmp_path / "keys")
    first = min(paths)
    dk.write_image(first, frames[round(float(first.stem[-6:]) / 0.04)])
    dk.colorize_video(
        old, tmp_path / "new.mkv", open_plain(), codec="ffv1", keyframes=tmp_path / "keys"
    )
    dk.colorize_video(old, tmp_path / "plain.mkv", open_plain(), codec="ffv1")
    guided, plain = read_all(tmp_path / "new.mkv")[0], read_all(tmp_path / "plain.mkv")[0]

    def error(index, colored):
        return np.abs(colored[index].astype(float) - frames[index]).mean()

    for index in (0, 9):  # before and after the keyframe
        assert error(index, guided) < 0.5 * error(index, plain)
    np.testing.assert_array_equal(guided[10:], plain[10:])


def test_no_frame_alone_takes_the_very_colors_of_a_reference_that_shows_it():
    """The frames before and after could not, and would differ from it."""
    frames = coffee_pan(4)
    plain = open_plain()
    reference = plain.open_reference(frames[0])
    assert reference.pictures
    numbered = [Frame(rgb, index) for index, rgb in enumerate(grey(frames))]
    expected = color(grey(frames), options=ColorOptions(reference=plain.see_reference(reference)))
    found = color_frames(numbered, plain, ColorOptions(reference=reference))
    np.testing.assert_array_equal([frame.rgb for frame in found], expected)


class DoubtfulColorizer:
    """Chooses keyframes where no network predicts a distribution: the brightest frame."""

    def uncertainty(self, rgb):
        return rgb / 255


def test_figures_of_a_film(tmp_path, monkeypatch):
    film = open_film(write_film(tmp_path / "old.mkv", coffee_pan(8)))
    alone = evaluate_video(film, open_plain(0.1))
    monkeypatch.setattr("deepkoal.video.anchors.LEAST", 4)
    figures = evaluate_video(film, open_plain(0.1))  # as the command: by anchors
    assert figures.cdc["coherent"] < alone.cdc["coherent"]
    assert figures.cdc["frame by frame"] == alone.cdc["frame by frame"]
    assert figures.cdc["truth"] < figures.cdc["coherent"] < figures.cdc["frame by frame"]
    assert figures.psnr["coherent"] >= figures.psnr["frame by frame"]
    assert 0.2 < figures.vibrance_at_cf["coherent"] < 5
    assert any(line.startswith("CDC") for line in figures.to_lines())
