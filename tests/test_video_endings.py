"""Films that end before they should, and streams whose header lies: said, never passed over."""

import io
import json
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from video_parts import RATE, coffee_pan, grey, open_plain, read_all, write_film

import deepkoal as dk
from deepkoal.cli import main
from deepkoal.errors import VideoError
from deepkoal.video import open_film, plan_film
from deepkoal.video.files.frames import natural_key
from deepkoal.video.files.writing import write_y4m

HEADER = b"YUV4MPEG2 W32 H24 F25:1 Ip A1:1 C420mpeg2\n"
FRAME = b"FRAME\n" + bytes(32 * 24 * 3 // 2)


def write_y4m_bytes(film):
    stream, opened = io.BytesIO(), open_film(film)
    list(write_y4m(stream, opened, opened.read()))
    return stream.getvalue()


def move_index_first(path):
    """Write an MP4 again with its index before the frames, as those are that come by network."""
    with av.open(str(path)) as old:
        new_path = path.with_name(f"quick-{path.name}")
        with av.open(str(new_path), "w", options={"movflags": "faststart"}) as new:
            stream = new.add_stream_from_template(old.streams.video[0])
            for packet in old.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    new.mux(packet)
    return new_path


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A whole film of 20 frames, 0.8 s, in many containers."""
    folder, frames = tmp_path_factory.mktemp("films"), grey(coffee_pan(20))
    kinds = {
        "mkv": ("ffv1", "yuv444p"),
        "mp4": ("mpeg4", "yuv420p"),
        "avi": ("mjpeg", "yuvj420p"),
        "flv": ("flv", "yuv420p"),
        "mxf": ("mpeg2video", "yuv420p"),
    }
    paths = {}
    for ending, (codec, pixel_format) in kinds.items():
        settings = {"time_base": 1 / RATE} if ending in ("avi", "mxf") else {}
        paths[ending] = write_film(
            folder / f"old.{ending}", frames, codec=codec, pixel_format=pixel_format, **settings
        )
    paths["mp4"] = move_index_first(paths["mp4"])
    paths["y4m"] = folder / "old.y4m"
    paths["y4m"].write_bytes(write_y4m_bytes(paths["mkv"]))
    return paths


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("mkv", "of the 0.80 s that its header tells of"),
        ("mp4", "of the 0.80 s that its header tells of"),
        ("avi", "of the 0.80 s that its header tells of"),
        ("flv", "of the 0.80 s that its header tells of"),
        ("mxf", "of the 0.80 s that its header tells of"),
        ("y4m", "within frame 13, of which"),
    ],
)
def test_a_film_that_breaks_off_is_read_so_far_and_that_is_said(films, tmp_path, ending, said):
    whole = open_film(films[ending])
    assert len(plan_film(whole).times) == 20
    assert whole.faults == []
    data = films[ending].read_bytes()
    (tmp_path / f"cut.{ending}").write_bytes(data[: int(0.65 * len(data))])
    cut = open_film(tmp_path / f"cut.{ending}")
    assert 0 < len(plan_film(cut).times) < 20
    assert said in cut.faults[-1]


def test_what_follows_a_damaged_frame_of_y4m_is_not_lost_in_silence(tmp_path):
    (tmp_path / "old.y4m").write_bytes(HEADER + 2 * FRAME + b"FRA" + 3 * FRAME)
    report = dk.colorize_video(tmp_path / "old.y4m", tmp_path / "new.mkv", open_plain())
    assert (report.frames, len(read_all(tmp_path / "new.mkv")[0])) == (2, 2)
    assert report.left_out == ["the film is damaged after 0.08 s, and what follows cannot be read"]


@pytest.fixture
def folder(tmp_path):
    """12 frames without leading zeros, f1 to f12, each lighter than the one before."""
    (tmp_path / "old").mkdir()
    for number in range(1, 13):
        level = np.full((24, 32, 3), 20 * number, np.uint8)
        dk.write_image(tmp_path / "old" / f"f{number}.png", level)
    return tmp_path / "old"


def cut_file(path):
    path.write_bytes(path.read_bytes()[:-30])


def test_frames_of_a_folder_play_in_the_order_of_their_numbers(folder):
    film = open_film(folder)
    assert [path.stem for path in film.paths] == [f"f{number}" for number in range(1, 13)]
    assert natural_key(Path("f٣")) < natural_key(Path("g1"))  # other scripts' digits stay text


def test_a_damaged_frame_of_a_folder_is_left_out_and_time_goes_on(
    folder, tmp_path, monkeypatch, capsysbinary
):
    monkeypatch.setattr("deepkoal.cli.video_run.load_colorizer", lambda _: open_plain())
    monkeypatch.setattr("deepkoal.video.plan.CHUNK", 4)
    for number in (1, 5, 6):
        cut_file(folder / f"f{number}.png")
    new = tmp_path / "new.mkv"
    assert main(["video", str(folder), "-o", str(new), "--rate", "10", "--codec", "ffv1"]) == 1
    said = capsysbinary.readouterr().err
    assert b"9 frames colored" in said
    assert (
        b"3 frames of the folder cannot be read; the frame before stands longer: f1.png, " in said
    )
    assert b"salvage" not in said
    assert read_all(new)[1] == pytest.approx([0.1, 0.2, 0.3, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1])
    assert main(["video", str(folder), "-o", "-"]) == 1
    frames = capsysbinary.readouterr().out.split(b"FRAME\n")[1:]
    assert len(frames) == 12, "a stream without times"
    assert frames[0] == frames[1]
    assert frames[3] == frames[4] == frames[5] != frames[6]


def test_a_folder_of_damaged_frames_and_one_that_breaks_meanwhile(folder, tmp_path):
    def spoil(what, done, count):
        if what == "finding shots" and done == 12:
            cut_file(folder / "f7.png")

    with pytest.raises(VideoError, match="a frame could be read before and no longer can"):
        dk.colorize_video(folder, tmp_path / "new.mkv", open_plain(), progress=spoil)
    assert not (tmp_path / "new.mkv").exists()
    for path in folder.iterdir():
        cut_file(path)
    with pytest.raises(VideoError, match=r"no frame in it can be read; of the first: .*f1\.png"):
        open_film(folder)


def test_frames_that_the_decoder_calls_damaged_are_counted(tmp_path):
    path = write_film(tmp_path / "old.mp4", coffee_pan(20), codec="h264", pixel_format="yuv420p")
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as film:
        packets = [(packet.pos, packet.size) for packet in film.demux(video=0) if packet.size]
    for position, size in packets[2:9:6]:
        data[position + size // 2] ^= 0x55
    path.write_bytes(data)
    with av.open(str(path)) as film:
        count = sum(frame.is_corrupt for frame in film.decode(video=0))
    assert count
    report = dk.colorize_video(path, tmp_path / "new.mkv", open_plain())
    what = "one frame" if count == 1 else f"{count} frames"
    assert report.left_out == [
        f"{what} of the film came out damaged, says the decoder; colored as it is"
    ]
    assert report.frames == len(read_all(tmp_path / "new.mkv")[0]) == 20


@pytest.mark.parametrize("target", ["new.mkv", "-"])
def test_a_pipe_that_ends_within_a_frame_is_said_with_status_1(
    tmp_path, monkeypatch, capsysbinary, target
):
    monkeypatch.setattr("deepkoal.cli.video_run.load_colorizer", lambda _: open_plain())
    pipe = io.BytesIO(HEADER + 3 * FRAME + FRAME[:100])
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=pipe))
    monkeypatch.chdir(tmp_path)
    assert main(["video", "-", "-o", target]) == 1
    shown = capsysbinary.readouterr()
    assert b"3 frames colored" in shown.err
    assert b"breaks off within frame 4, of which 94 of 1152 bytes are there" in shown.err
    if target == "-":
        assert shown.out.count(b"FRAME\n") == 3
    else:
        assert len(read_all(target)[0]) == 3


def test_a_run_that_goes_on_says_again_what_the_film_lacks(films, tmp_path, monkeypatch):
    monkeypatch.setattr("deepkoal.video.plan.CHUNK", 4)
    (tmp_path / "cut.y4m").write_bytes(films["y4m"].read_bytes()[:-1])

    def stop(what, done, count):
        if what == "coloring" and done == 19:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dk.colorize_video(tmp_path / "cut.y4m", tmp_path / "n.mkv", open_plain(), progress=stop)
    plan = json.loads((tmp_path / "n.mkv.parts" / "plan.json").read_text())
    report = dk.colorize_video(tmp_path / "cut.y4m", tmp_path / "n.mkv", open_plain())
    assert report.left_out == plan["faults"]
    assert "within frame 20, of which 10367 of 10368 bytes" in report.left_out[0]


@pytest.mark.parametrize(
    "header",
    [
        b"YUV4MPEG2 W0 H0 F25:1 C420mpeg2",
        b"YUV4MPEG2 W32 H-4 F25:1 C420mpeg2",
        b"YUV4MPEG2 W100000 H100000 F25:1 C420mpeg2",
        b"YUV4MPEG2 W99999999999999999999 H24 F25:1 C420mpeg2",
        b"YUV4MPEG2 F25:1 C420mpeg2",
        b"YUV4MPEG2 W32 H24 F25:1 C999",
        b"YUV4MPEG2 W3",
    ],
)
def test_headers_of_lies_are_shown(tmp_path, monkeypatch, header):
    (tmp_path / "old.y4m").write_bytes(header + b"\n" + FRAME)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(header + b"\n" + FRAME)))
    for source in (tmp_path / "old.y4m", "-"):
        with pytest.raises(
            VideoError, match="its y4m header is cut off or cannot be meant"
        ) as told:
            open_film(source)
        assert f"({header.decode()}); expected such as" in str(told.value)


@pytest.mark.parametrize("data", [b"", b"\x89PNG and so on"])
def test_a_pipe_of_something_else_is_told_what_y4m_is(monkeypatch, data):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    with pytest.raises(VideoError, match="is no y4m, which begins with YUV4MPEG2"):
        open_film("-")


def test_16_bits_and_grey_come_through_pipes(tmp_path, monkeypatch):
    header = b"YUV4MPEG2 W32 H24 F25:1 Ip A1:1 Cmono16\n"
    frame = b"FRAME\n" + bytes([0, 0xAA]) * (32 * 24)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(header + 2 * frame)))
    film = open_film("-")
    assert film.depth == 16
    first, _ = film.read()
    assert first.rgb.dtype == "uint16"
    assert (first.rgb == 0xAA00).all()
