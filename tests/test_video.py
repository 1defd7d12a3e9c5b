"""Films: read, colored, written, with all that belongs to them."""

import av
import numpy as np
import pytest
from video_parts import coffee_pan, grey, open_plain, read_all, write_film

import deepkoal as dk


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write_film(tmp_path_factory.mktemp("film") / "old.mkv", grey(coffee_pan()))


def chroma(rgb):
    return np.abs(rgb.astype(int) - rgb.mean(axis=2, keepdims=True)).mean()


@pytest.mark.parametrize(
    ("name", "settings", "encoder", "pixel_format"),
    [
        ("new.mp4", {}, "h264", "yuv420p"),
        ("new.mkv", {"codec": "hevc", "pixel_format": "yuv420p10le"}, "hevc", "yuv420p10le"),
        ("new.mov", {"codec": "prores"}, "prores", "yuv422p10le"),
        ("new.mkv", {"codec": "ffv1"}, "ffv1", "yuv444p"),
        ("new.webm", {"quality": 40}, "vp9", "yuv420p"),
    ],
)
def test_a_film_is_colored_into_any_container(
    film, tmp_path, name, settings, encoder, pixel_format
):
    report = dk.colorize_video(film, tmp_path / name, open_plain(), **settings)
    assert (report.frames, report.shots, report.left_out) == (12, 1, [])
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.codec.canonical_name, context.pix_fmt) == (encoder, pixel_format)
        assert (context.color_primaries, context.colorspace, context.color_range) == (1, 1, 1)
    frames, times = read_all(tmp_path / name)
    np.testing.assert_allclose(times, 0.04 * np.arange(12), atol=2e-3)
    assert frames[0].shape == (72, 96, 3)
    assert chroma(frames[0]) > 8
    assert list(tmp_path.iterdir()) == [tmp_path / name]  # nothing is left of the chunks


def test_lightness_is_kept(film, tmp_path):
    dk.colorize_video(film, tmp_path / "new.mkv", open_plain(), codec="ffv1")
    before, after = read_all(film)[0][5], read_all(tmp_path / "new.mkv")[0][5]
    from deepkoal.rendering.composition import lightness

    assert np.abs(lightness(before) - lightness(after)).mean() < 0.6


def test_times_of_a_variable_rate_are_kept(tmp_path):
    times = [0, 40, 90, 200, 210, 300, 301, 350]
    old = write_film(tmp_path / "old.mkv", grey(coffee_pan(8)), times=times)
    dk.colorize_video(old, tmp_path / "new.mp4", open_plain())
    np.testing.assert_allclose(read_all(tmp_path / "new.mp4")[1], np.array(times) / 1000, atol=1e-4)
