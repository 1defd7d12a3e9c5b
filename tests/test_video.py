"""Films: read, colored, written, with all that belongs to them."""

import errno
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import skimage.data
from tiny_networks import tiny_lite
from video_parts import (
    RATE,
    add_sound,
    coffee_pan,
    grey,
    list_packets,
    open_plain,
    pan,
    read_all,
    write_film,
)

import deepkoal as dk
from deepkoal.cli import main
from deepkoal.errors import VideoError
from deepkoal.guidance import ColorOptions
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.options_file import SavedOptions, write_options
from deepkoal.rendering.composition import lightness
from deepkoal.restoration import RestorationOptions
from deepkoal.video import open_film, preview_film
from deepkoal.video.colorizing import load_colorizer
from deepkoal.video.previews import _pick_frames
from deepkoal.video.resuming import identify_run

TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write_film(tmp_path_factory.mktemp("film") / "old.mkv", grey(coffee_pan()))


def chroma(rgb):
    return np.abs(rgb.astype(int) - rgb.mean(axis=2, keepdims=True)).mean()


@pytest.fixture(scope="module")
def short_film(tmp_path_factory):
    return write_film(tmp_path_factory.mktemp("film") / "old.mkv", grey(coffee_pan(4)))


@pytest.mark.parametrize(
    ("name", "settings", "encoder", "pixel_format"),
    [
        ("new.mp4", {}, "h264", "yuv420p"),
        ("new.mkv", {"codec": "hevc", "pixel_format": "yuv420p10le"}, "hevc", "yuv420p10le"),
        ("new.mov", {"codec": "prores"}, "prores", "yuv422p10le"),
        ("new.mkv", {"codec": "ffv1"}, "ffv1", "yuv444p"),
        ("new.webm", {"quality": 40}, "vp9", "yuv420p"),
        ("new.mkv", {"codec": "av1"}, "av1", "yuv420p"),
    ],
)
def test_a_film_is_colored_into_any_container(
    short_film, tmp_path, name, settings, encoder, pixel_format
):
    report = dk.colorize_video(short_film, tmp_path / name, open_plain(), **settings)
    assert (report.frames, report.shots, report.left_out) == (4, 1, [])
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.codec.canonical_name, context.pix_fmt) == (encoder, pixel_format)
        assert (context.color_primaries, context.colorspace, context.color_range) == (1, 1, 1)
    frames, times = read_all(tmp_path / name)
    np.testing.assert_allclose(times, 0.04 * np.arange(4), atol=2e-3)
    assert frames[0].shape == (72, 96, 3)
    assert chroma(frames[0]) > 8
    assert list(tmp_path.iterdir()) == [tmp_path / name]  # nothing is left of the chunks


def test_lightness_is_kept(film, tmp_path):
    dk.colorize_video(film, tmp_path / "new.mkv", open_plain(), codec="ffv1")
    before, after = read_all(film)[0][5], read_all(tmp_path / "new.mkv")[0][5]
    assert np.abs(lightness(before) - lightness(after)).mean() < 0.6


def test_times_of_a_variable_rate_are_kept(tmp_path):
    times = [0, 40, 90, 200, 210, 300, 301, 350]
    old = write_film(tmp_path / "old.mkv", grey(coffee_pan(8)), times=times)
    dk.colorize_video(old, tmp_path / "new.mp4", open_plain())
    np.testing.assert_allclose(read_all(tmp_path / "new.mp4")[1], np.array(times) / 1000, atol=1e-4)


@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
def test_sound_chapters_and_names_are_copied_untouched(tmp_path, ending):
    silent = write_film(
        tmp_path / "silent.mkv", grey(coffee_pan(6)), codec="libx264", pixel_format="yuv420p"
    )
    old = add_sound(tmp_path / f"old{ending}", silent)
    dk.colorize_video(old, tmp_path / f"new{ending}", open_plain())
    before, after = list_packets(old, "audio"), list_packets(tmp_path / f"new{ending}", "audio")
    assert [data for _, data in after] == [data for _, data in before]
    np.testing.assert_allclose([t for t, _ in after], [t for t, _ in before], atol=2e-3)
    with av.open(str(tmp_path / f"new{ending}")) as new:
        assert new.metadata["title"] == "Im Garten"
        assert new.streams.audio[0].language == "deu"
        assert [chapter["metadata"]["title"] for chapter in new.chapters()] == ["Anfang"]


def test_what_a_container_cannot_hold_is_refused_or_named(tmp_path, film):
    with av.open(str(film)) as old, av.open(str(tmp_path / "old.mkv"), "w") as new:
        video = new.add_stream_from_template(old.streams.video[0])
        sound = new.add_stream("pcm_s16le", rate=8000, layout="mono")
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = video
                new.mux(packet)
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        tone.sample_rate = 8000
        new.mux(sound.encode(tone))
        new.mux(sound.encode(None))
    with pytest.raises(VideoError, match=r"\.webm cannot hold stream 1.*audio, pcm_s16le"):
        dk.colorize_video(tmp_path / "old.mkv", tmp_path / "new.webm", open_plain())
    report = dk.colorize_video(
        tmp_path / "old.mkv", tmp_path / "new.webm", open_plain(), skip_streams=True
    )
    assert report.left_out == ["stream 1 (audio, pcm_s16le)"]
    assert len(read_all(tmp_path / "new.webm")[0]) == 12


def test_a_turned_film_is_colored_upright_with_its_pixels_shape(tmp_path):
    frames = grey(coffee_pan(5))
    flat = write_film(
        tmp_path / "flat.mp4",
        frames,
        codec="libx264",
        pixel_format="yuv420p",
        sample_aspect_ratio=Fraction(4, 3),
    )
    with av.open(str(flat)) as old, av.open(str(tmp_path / "old.mp4"), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        stream.set_display_rotation(90)
        for packet in old.demux(old.streams.video[0]):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    dk.colorize_video(tmp_path / "old.mp4", tmp_path / "new.mkv", open_plain(), quality=1)
    with av.open(str(tmp_path / "new.mkv")) as new:
        assert new.streams.video[0].sample_aspect_ratio == Fraction(3, 4)
        upright = next(new.decode(video=0)).to_ndarray(format="rgb24")
    wanted = np.rot90(read_all(flat)[0][0])
    assert upright.shape == wanted.shape
    assert np.abs(lightness(upright) - lightness(np.ascontiguousarray(wanted))).mean() < 1


def test_ten_bits_stay_ten(tmp_path):
    ramp = np.repeat(np.linspace(20000, 24000, 96).astype(np.uint16)[None, :, None], 64, axis=0)
    old = write_film(
        tmp_path / "old.mkv", [np.repeat(ramp, 3, axis=2)] * 5, pixel_format="yuv444p10le"
    )
    dk.colorize_video(old, tmp_path / "new.mkv", open_plain(), codec="ffv1")
    with av.open(str(tmp_path / "new.mkv")) as new:
        frame = next(new.decode(video=0))
    assert frame.format.name == "yuv444p10le"
    luma = np.frombuffer(frame.planes[0], np.uint16).reshape(64, -1)[:, :96]
    assert len(np.unique(luma)) > 40  # of 8 bits there are 16


def test_frames_in_a_folder_and_out(tmp_path, film):
    report = dk.colorize_video(film, tmp_path / "frames/", open_plain())
    names = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert (report.frames, len(names), names[1]) == (12, 12, "00-00-00.040.png")
    (tmp_path / "frames" / names[1]).rename(tmp_path / "frames" / "00-00-00.000.tif")
    again = dk.colorize_video(tmp_path / "frames", tmp_path / "again/", open_plain())
    written = [path.name for path in (tmp_path / "again").iterdir()]
    assert (again.frames, len(written)) == (12, 12)  # two frames of one stem, too
    assert "00-00-00.000.tif.png" in written
    dk.colorize_video(tmp_path / "frames", tmp_path / "new.mkv", open_plain(), rate=18)
    assert read_all(tmp_path / "new.mkv")[1][-1] == pytest.approx(11 / 18, abs=2e-3)


def test_the_command_colors_a_film_with_its_options(film, tmp_path, monkeypatch, capsys):
    used = []

    def load(_):
        used.append(open_plain())
        monkeypatch.setattr(used[0], "with_detail", lambda size: used.append(size) or used[0])
        return used[0]

    monkeypatch.setattr("deepkoal.cli.video_run.load_colorizer", load)
    new = tmp_path / "new.mkv"
    assert main(["video", str(film), "-o", str(new), "--detail", "96", "--deflicker"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, used[1]) == (f"{new}\n", 96)
    assert "12 frames colored" in shown.err
    write_options(tmp_path / "look.json", SavedOptions(restoration=RestorationOptions()))
    assert main(["video", str(film), "-o", str(new), "--options", str(tmp_path / "look.json")]) == 2
    assert "films are neither restored" in capsys.readouterr().err
    write_options(tmp_path / "look.json", SavedOptions(rotation=90))
    assert main(["video", str(film), "-o", str(new), "--options", str(tmp_path / "look.json")]) == 2
    assert "nor rotated" in capsys.readouterr().err
    assert main(["video", str(film), "-o", str(new), "--variations", "2"]) == 2
    assert "--variations are of photos" in capsys.readouterr().err
    assert main(["video", str(film), "-o", str(new), "--hints", "none.json"]) == 2
    assert "hints are for one frame" in capsys.readouterr().err
    assert main(["video", "--help"]) == 0
    said = capsys.readouterr().out
    assert "--palette" in said
    for refused in ("--hints", "--variations", "--seed", "--save-options"):
        assert refused not in said.replace("as --save-options wrote", "")


def test_films_go_through_pipes(tmp_path, film):
    """As `deepkoal video old.mkv -o - | deepkoal video - -o new.mkv`, without the network."""
    from deepkoal.video.files.writing import write_y4m

    old = open_film(film)
    with (tmp_path / "film.y4m").open("wb") as pipe:
        assert sum(write_y4m(pipe, old, old.read())) == 12
    script = (
        "import sys; from video_parts import open_plain; import deepkoal as dk\n"
        f"dk.colorize_video('-', {str(tmp_path / 'new.mkv')!r}, open_plain())\n"
    )
    with (tmp_path / "film.y4m").open("rb") as pipe:
        subprocess.run([sys.executable, "-c", script], stdin=pipe, check=True, cwd=TESTS)
    frames, times = read_all(tmp_path / "new.mkv")
    assert chroma(frames[3]) > 8
    np.testing.assert_allclose(times, 0.04 * np.arange(12), atol=2e-3)


def two_shots():
    return coffee_pan(6) + pan(skimage.data.astronaut(), 6)


KILLED = """
import sys, time
import deepkoal.video.plan
from video_parts import open_plain
import deepkoal as dk

deepkoal.video.plan.CHUNK = 4

def wait_in_the_second_chunk(what, done, count):
    if what == "coloring" and done == 8:
        print("now", flush=True)
        time.sleep(600)

dk.colorize_video(*sys.argv[1:], open_plain(), progress=wait_in_the_second_chunk)
"""


def test_a_killed_run_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("deepkoal.video.plan.CHUNK", 4)
    old = write_film(tmp_path / "old.mkv", grey(two_shots()))
    target = tmp_path / "new.mp4"
    command = [sys.executable, "-c", KILLED, str(old), str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=TESTS) as process:
        assert process.stdout.readline() == b"now\n"
        process.kill()
    assert not target.exists()
    report = dk.colorize_video(old, target, open_plain())
    assert (report.frames, report.resumed, report.shots) == (12, 6, 2)
    assert len(read_all(target)[0]) == 12
    assert not (tmp_path / "new.mp4.parts").exists()


def test_other_options_begin_anew(tmp_path, monkeypatch):
    monkeypatch.setattr("deepkoal.video.plan.CHUNK", 4)
    old = write_film(tmp_path / "old.mkv", grey(two_shots()))

    def stop_late(what, done, count):
        if what == "coloring" and done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dk.colorize_video(old, tmp_path / "new.mp4", open_plain(), progress=stop_late)
    report = dk.colorize_video(old, tmp_path / "new.mp4", open_plain(), vibrance=2.0)
    assert (report.frames, report.resumed) == (12, 0)


@pytest.mark.parametrize("change", [{"saturation": {"blue": 1.5}}, {"warmth": 0.5}, {}])
def test_every_option_tells_a_run_from_others(film, change):
    opened, colorizer = open_film(film), open_plain()
    runs = [
        identify_run(opened, colorizer, ColorOptions(**options), None, ())
        for options in ({}, change)
    ]
    assert (runs[0] == runs[1]) == (not change)


def test_several_processes_give_what_one_gives(tmp_path, monkeypatch):
    monkeypatch.setattr("deepkoal.video.plan.CHUNK", 4)
    old = write_film(tmp_path / "old.mkv", grey(two_shots()))
    dk.colorize_video(old, tmp_path / "one.mkv", open_plain(), codec="ffv1")
    dk.colorize_video(old, tmp_path / "two.mkv", open_plain(), codec="ffv1", processes=2)
    np.testing.assert_array_equal(
        read_all(tmp_path / "two.mkv")[0], read_all(tmp_path / "one.mkv")[0]
    )


def test_bad_films_are_refused_in_one_line(tmp_path, film):
    whole = film.read_bytes()
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "cut.mp4").write_bytes(
        write_film(
            tmp_path / "w.mp4", grey(coffee_pan(4)), codec="libx264", pixel_format="yuv420p"
        ).read_bytes()[:2000]
    )
    (tmp_path / "taken.mkv").write_bytes(whole)
    (tmp_path / "empty").mkdir()
    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        tone.sample_rate = 8000
        container.mux(sound.encode(tone))
    cases = [
        (tmp_path / "none.mp4", "new.mp4", {}, "no such file"),
        (tmp_path / "text.mp4", "new.mp4", {}, "cannot be read"),
        (tmp_path / "cut.mp4", "new.mp4", {}, "cannot be read|holds no video"),
        (tmp_path / "sound.mkv", "new.mp4", {}, "holds no video"),
        (tmp_path / "empty", "new.mp4", {}, "holds no frames"),
        (film, "taken.mkv", {}, "exists already"),
        (film, "new.doc", {}, "no container"),
        (film, "nowhere/new.mp4", {}, "no such folder"),
        (film, "new.mp4", {"codec": "h261"}, "no codec"),
        (film, "new.mp4", {"quality": 99}, "0…51"),
        (film, "new.mp4", {"pixel_format": "rgb24"}, "does not take rgb24"),
        (film, "frames", {"codec": "h264"}, "folder of frames"),
        (film, "new.mp4", {"hints": [dk.Hint(1, 1, "red")]}, "of one photo"),
        (film, "new.mp4", {"keyframes": tmp_path / "none"}, "no such folder of keyframes"),
    ]
    before = sorted(tmp_path.iterdir())
    for source, target, settings, message in cases:
        with pytest.raises(VideoError, match=message) as caught:
            dk.colorize_video(source, tmp_path / target, open_plain(), **settings)
        assert "\n" not in str(caught.value)
    with pytest.raises(VideoError, match="the film itself"):
        dk.colorize_video(film, film, open_plain(), overwrite=True)
    assert sorted(path for path in tmp_path.iterdir() if path.suffix != ".parts") == before


def test_one_frame_and_odd_sides_are_a_film(tmp_path):
    old = write_film(tmp_path / "old.mkv", grey(coffee_pan(1, height=71, width=95)))
    dk.colorize_video(old, tmp_path / "new.mp4", open_plain())
    (frame,), _ = read_all(tmp_path / "new.mp4")
    assert frame.shape == (72, 96, 3)


def test_a_broken_frame_costs_itself_only_and_is_named(tmp_path):
    old = write_film(
        tmp_path / "old.mkv", grey(coffee_pan(8)), codec="mjpeg", pixel_format="yuvj444p"
    )
    data = bytearray(old.read_bytes())
    packets = [packet for _, packet in list_packets(old, "video")]
    place = data.find(packets[4][:64])
    data[place : place + len(packets[4])] = b"\xff" * len(packets[4])
    (tmp_path / "broken.mkv").write_bytes(data)
    report = dk.colorize_video(tmp_path / "broken.mkv", tmp_path / "new.mkv", open_plain())
    assert report.frames == 7
    assert "one packet of the film could not be decoded" in report.left_out[0]


def test_a_full_disk_leaves_no_film(tmp_path, film, monkeypatch):
    def fill(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")
        yield

    monkeypatch.setattr("deepkoal.video.chunks.write_chunk", fill)
    with pytest.raises(VideoError, match=r"cannot be written \(No space left"):
        dk.colorize_video(film, tmp_path / "new.mp4", open_plain())
    assert not (tmp_path / "new.mp4").exists()


def test_a_stream_without_a_frame_is_no_film(tmp_path, monkeypatch):
    (tmp_path / "old.y4m").write_bytes(b"YUV4MPEG2 W96 H72 F25:1 Ip A1:1 C420mpeg2\n")
    for target in ("new.mkv", "frames"):
        with (tmp_path / "old.y4m").open("rb") as pipe:
            monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=pipe))
            with pytest.raises(VideoError, match="standard input: no frame can be decoded"):
                dk.colorize_video("-", tmp_path / target, open_plain())
    assert [path.name for path in tmp_path.iterdir()] == ["old.y4m"]


def test_a_preview_shows_the_same_sought_or_read_through(tmp_path, monkeypatch):
    times = [0, 3000, 7000, 16000, 21000]
    old = write_film(tmp_path / "old.mkv", grey(coffee_pan(5)), times=times)
    for seek in (5.0, 1.0):
        monkeypatch.setattr("deepkoal.video.previews.SEEK", seek)
        shown = [frame.pts for frame in _pick_frames(open_film(old), 4.0)]
        assert shown == [0, 7000, 16000, 21000]


def test_a_preview_shows_frames_before_and_after(film):
    sheet = preview_film(open_film(film), open_plain(), seconds=0.2)
    assert sheet.shape[1] > 6 * 240
    assert chroma(sheet) > 0.5


def test_woven_frames_are_rebuilt_at_their_times(tmp_path):
    woven = 0x40000 | 0x20000000  # FFmpeg's flags for interlaced prediction and transform
    frames = grey(coffee_pan(6, height=96, width=128))
    old = write_film(
        tmp_path / "old.mkv",
        frames,
        codec="mpeg2video",
        pixel_format="yuv420p",
        flags=woven,
        time_base=1 / RATE,
    )
    assert open_film(old).interlaced
    dk.colorize_video(old, tmp_path / "new.mkv", open_plain(), deinterlace=True)
    np.testing.assert_allclose(read_all(tmp_path / "new.mkv")[1], read_all(old)[1], atol=2e-3)


@pytest.mark.parametrize(
    ("given", "seen"), [((64, 256), (64, 192)), ((96, 128), (96, 128)), ((256,), (256,))]
)
def test_a_film_is_seen_up_to_192_pixels_if_at_several_sizes(given, seen):
    colorizer = Colorizer(tiny_lite(), working_size=given)
    assert load_colorizer(colorizer).working_sizes == seen
    assert load_colorizer(lambda: colorizer).working_sizes == seen
    assert colorizer.working_sizes == given


def test_a_preview_shows_what_the_film_will_be(short_film):
    wide, used, other = (
        Colorizer(tiny_lite(), working_size=sizes) for sizes in ((64, 256), (64, 192), (64, 128))
    )
    shown, expected, wrong = (preview_film(open_film(short_film), c) for c in (wide, used, other))
    np.testing.assert_array_equal(shown, expected)
    assert (shown != wrong).any()
