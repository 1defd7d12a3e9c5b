import errno
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import skimage.data
from PIL import Image

import deepkoal
from deepkoal import models
from deepkoal.cli import main
from deepkoal.cli.photo_runs.folder_run import FolderRun
from deepkoal.cli.photo_runs.photo_run import PixelBudget, work_ahead
from deepkoal.errors import WeightsError
from deepkoal.guidance import DecodingConfig, Palette
from deepkoal.hints import Hint
from deepkoal.image_io import read_image, read_photo
from deepkoal.image_io.formats.kinds import sniff
from deepkoal.inference.colorizer import Colorizer
from deepkoal.inference.prediction import Prediction
from deepkoal.models.embedder import SemanticEmbedder
from deepkoal.models.weights import save_weights
from deepkoal.pretrained.presets import load_preset, load_recipe
from deepkoal.pretrained.run_dir import lock_run
from deepkoal.rendering.contact_sheets import desaturate
from deepkoal.training.runs.own_photos import record_photos

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SAMPLES = Path(skimage.data.__file__).parent


@pytest.fixture
def photos(tmp_path):
    """A folder of three photos, one of them below a folder, and two files that are none."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(SAMPLES / "camera.png", folder)
    for name, place in (("chelsea.png", folder), ("rocket.jpg", folder / "sub")):
        Image.open(SAMPLES / name).convert("L").save(place / name)
    (folder / "cut.png").write_bytes((SAMPLES / "coins.png").read_bytes()[:5000])
    (folder / "sub" / "page.jpg").write_text("<html>not found</html>")
    return folder


@pytest.fixture
def color_photos(photos):
    """The same folder with two of its photos in color, to be trained on."""
    for name, place in (("chelsea.png", photos), ("rocket.jpg", photos / "sub")):
        shutil.copy(SAMPLES / name, place)
    return photos


@pytest.fixture
def small(tmp_path):
    """Make a small real photo under a name, grey where it is to be colored."""

    def make(name, folder="small", mode="L"):
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(skimage.data.chelsea()[100:164, 100:196]).convert(mode).save(path)
        return path

    return make


def color(model, *arguments):
    return main(["colorize", "--model", model, *map(str, arguments)])


def list_files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in Path(folder).rglob("*") if p.is_file())


def is_red(rgb):
    return (rgb[..., 0].astype(int) - rgb[..., 1]).mean() > 20


# ---------------------------------------------------------------- colorize: files


def test_one_photo_to_a_file(model, tmp_path, capsys):
    out = tmp_path / "new.png"
    assert color(model, SAMPLES / "camera.png", "-o", out) == 0
    assert capsys.readouterr() == (f"{out}\n", "")
    rgb = read_image(out)
    assert is_red(rgb)
    before, after = desaturate(read_image(SAMPLES / "camera.png")), desaturate(rgb)
    assert np.abs(before.astype(int) - after).max() <= 2


def test_result_is_what_the_library_gives(model, tmp_path):
    out = tmp_path / "new.png"
    assert color(model, SAMPLES / "coffee.png", "-o", out, "--vibrance", "1.7") == 0
    colorizer = Colorizer.from_file(model)
    expected = colorizer.colorize(skimage.data.coffee(), vibrance=1.7)
    np.testing.assert_array_equal(read_image(out), expected)


def test_metadata_and_alpha_are_carried(model, tmp_path):
    pixels = np.dstack([skimage.data.chelsea(), np.full((300, 451), 77, np.uint8)])
    exif = Image.Exif()
    exif[0x010E] = "Grandmother, 1931"
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    assert color(model, tmp_path / "a.png", "-o", tmp_path / "b.png") == 0
    photo = read_photo(tmp_path / "b.png")
    assert (photo.alpha == 77).all()
    with Image.open(tmp_path / "b.png") as image:
        assert image.getexif()[0x010E] == "Grandmother, 1931"


def test_results_go_to_colorized_by_default(model, small, monkeypatch, tmp_path, capsys):
    photo = small("a.jpg")
    monkeypatch.chdir(tmp_path)
    assert color(model, photo) == 0
    assert capsys.readouterr().out == "colorized/a.jpg\n"
    assert is_red(read_image("colorized/a.jpg"))


def test_file_named_as_output_is_written_again(model, small, tmp_path):
    out = tmp_path / "new.png"
    assert color(model, small("a.png"), "-o", out) == 0
    pale = read_image(out)
    assert color(model, small("a.png"), "-o", out, "--vibrance", "4") == 0
    assert (read_image(out) != pale).any()


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("a.JPG", [], "a.JPG"),
        ("a.tif", [], "a.tif"),
        ("a.gif", [], "a.png"),
        ("a.gif", ["--format", "gif"], "a.gif"),
        ("a.png", ["--format", "WebP"], "a.webp"),
        ("a.png", ["--format", ".jpeg"], "a.jpeg"),
    ],
)
def test_format_is_the_photos_own_or_as_told(model, small, tmp_path, name, options, expected):
    assert color(model, small(name), "-o", tmp_path / "out", *options) == 0
    assert list_files(tmp_path / "out") == [expected]
    kinds = {"jpg": "JPEG", "jpeg": "JPEG", "tif": "TIFF", "png": "PNG"}
    suffix = expected.rpartition(".")[2].lower()
    with Image.open(tmp_path / "out" / expected) as image:
        assert image.format == kinds.get(suffix, suffix.upper())


def test_quality_decides_the_size(model, small, tmp_path):
    sizes = []
    for quality in ("20", "95"):
        out = tmp_path / f"{quality}.jpg"
        assert color(model, small("a.png"), "-o", out, "--quality", quality) == 0
        sizes.append(out.stat().st_size)
    assert sizes[0] < sizes[1] / 2


# ---------------------------------------------------------------- colorize: folders


def test_folder_is_colored_past_what_cannot_be_read(model, photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert color(model, photos, "-o", out) == 1
    results = ["camera.png", "chelsea.png", "sub/rocket.jpg"]
    assert list_files(out) == results
    assert all(is_red(read_image(out / result)) for result in results)
    stdout, stderr = capsys.readouterr()
    assert sorted(stdout.splitlines()) == [str(out / result) for result in results]
    cut, page, summary = stderr.splitlines()
    assert cut.startswith(f"deepkoal: {photos / 'cut.png'}: ")
    assert page.startswith(f"deepkoal: {photos / 'sub' / 'page.jpg'}: ")
    assert "a web page" in page
    assert summary == "deepkoal: 3 photos colored; 2 could not be colored, listed above"


def test_second_run_colors_only_what_is_new_or_changed(model, photos, tmp_path, capsys):
    out = tmp_path / "out"
    (photos / "cut.png").unlink()
    (photos / "sub" / "page.jpg").unlink()
    assert color(model, photos, "-o", out) == 0
    shutil.copy(photos / "camera.png", photos / "new.png")
    later = (out / "chelsea.png").stat().st_mtime + 10
    os.utime(photos / "chelsea.png", (later, later))
    capsys.readouterr()
    assert color(model, photos, "-o", out) == 0
    stdout, stderr = capsys.readouterr()
    assert sorted(stdout.splitlines()) == [str(out / "chelsea.png"), str(out / "new.png")]
    assert "2 photos colored; 2 skipped" in stderr
    assert "with whatever options they were made (--overwrite" in stderr
    assert color(model, photos, "-o", out, "--overwrite") == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_nothing_to_do_loads_no_network(small, tmp_path, model, capsys):
    photo = small("a.jpg")
    assert color(model, photo, "-o", tmp_path / "out") == 0
    capsys.readouterr()
    assert color("missing.keras", photo, "-o", tmp_path / "out") == 0
    assert "1 skipped" in capsys.readouterr().err


def test_results_among_the_photos_are_not_colored_again(model, photos, capsys):
    for expected in (3, 0):
        color(model, photos, "-o", photos / "out")
        assert len(capsys.readouterr().out.splitlines()) == expected
    assert list_files(photos / "out") == ["camera.png", "chelsea.png", "sub/rocket.jpg"]


def test_several_folders_keep_apart(model, small, tmp_path):
    small("1.png", "a")
    small("1.png", "b")
    assert color(model, tmp_path / "a", tmp_path / "b", "-o", tmp_path / "out") == 0
    assert list_files(tmp_path / "out") == ["a/1.png", "b/1.png"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("photos/*.png", ["camera.png", "chelsea.png"]),
        ("photos/**/*.[jp][pn]g", ["camera.png", "chelsea.png", "sub/rocket.jpg"]),
        ("pho*/sub/*", ["photos/sub/rocket.jpg"]),
    ],
)
def test_patterns_are_expanded(model, photos, tmp_path, monkeypatch, pattern, expected):
    (photos / "cut.png").unlink()
    (photos / "sub" / "page.jpg").rename(photos / "sub" / "page.html")
    monkeypatch.chdir(tmp_path)
    assert color(model, pattern, "-o", "out") == 0
    assert list_files("out") == expected


def test_file_named_like_a_pattern_is_a_file(model, small, tmp_path):
    assert color(model, small("scan[1].png"), "-o", tmp_path / "out.png") == 0
    assert is_red(read_image(tmp_path / "out.png"))


def test_photo_named_twice_is_colored_once(model, photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert color(model, photos / "camera.png", photos, photos / "*.png", "-o", out) == 1
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_link_to_a_photo_has_a_result_of_its_own(model, small, tmp_path):
    small("a.png").with_name("b.png").symlink_to("a.png")
    assert color(model, tmp_path / "small", "-o", tmp_path / "out") == 0
    assert list_files(tmp_path / "out") == ["a.png", "b.png"]


def test_links_that_lead_in_a_circle_are_named(model, small, tmp_path, capsys):
    folder = small("a.png").parent
    folder.joinpath("self").symlink_to("self")
    folder.joinpath("b.png").symlink_to("c.png")
    folder.joinpath("c.png").symlink_to("b.png")
    assert color(model, folder, "-o", tmp_path / "out") == 1
    assert list_files(tmp_path / "out") == ["a.png"]
    stderr = capsys.readouterr().err
    assert f"{folder / 'self'}: passed over, for it cannot be opened (Too many levels" in stderr
    assert stderr.count("png: no such file") == 2
    look = ["--save-options", folder / "self"]
    assert color(model, folder / "a.png", "-o", tmp_path / "new.png", *look) == 2  # no .json
    look = ["--options", folder / "self"]
    assert color(model, folder / "a.png", "-o", tmp_path / "new.png", *look) == 1
    assert not (tmp_path / "new.png").exists()


def test_a_folder_that_cannot_be_listed_is_named(model, small, tmp_path, locked, capsys):
    folder = small("a.png").parent
    inner = locked(folder / "aunt's")
    assert color(model, folder, "-o", tmp_path / "out") == 1
    assert list_files(tmp_path / "out") == ["a.png"]
    stderr = capsys.readouterr().err
    assert f"deepkoal: {inner}: cannot be listed; check your permissions\n" in stderr
    assert "1 photo colored; 1 could not be colored" in stderr
    shutil.copy(SAMPLES / "chelsea.png", folder)
    assert main(["prepare", str(folder), str(tmp_path / "records")]) == 1
    captured = capsys.readouterr()
    assert "1 photo stored, 1 near-grey left out, 1 unreadable" in captured.out
    assert "aunt's/: is a folder" in captured.err
    assert main(["evaluate", str(folder), "--model", model, "--figures", "fidelity"]) == 0
    assert f"unreadable: {inner}: cannot be listed" in capsys.readouterr().out


def test_what_cannot_be_found_is_listed_without_loading_a_network(small, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    arguments = [tmp_path / "no.jpg", tmp_path / "empty", tmp_path / "no*.jpg"]
    assert color("missing.keras", *arguments, "-o", tmp_path / "out") == 1
    missing, empty, unmatched, summary = capsys.readouterr().err.splitlines()
    assert "no*.jpg: matches no photo" in missing + empty + unmatched
    assert "empty: holds no photos" in missing + empty + unmatched
    assert "no.jpg: no such file" in missing + empty + unmatched
    assert summary.endswith("0 photos colored; 3 could not be colored, listed above")
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------- colorize: before and after


def test_comparison_shows_grey_beside_color(model, photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert color(model, photos / "chelsea.png", "-o", out, "--compare") == 0
    assert list_files(out) == ["chelsea.compare.jpg", "chelsea.png"]
    assert capsys.readouterr().out.splitlines() == [
        str(out / "chelsea.png"),
        str(out / "chelsea.compare.jpg"),
    ]
    both = read_image(out / "chelsea.compare.jpg")
    assert both.shape == (300, 902, 3)
    left, right = both[:, :443].astype(int), both[:, 459:]
    assert np.ptp(left, axis=-1).max() <= 4
    assert is_red(right)


def test_missing_comparison_is_made_up_for(model, small, tmp_path):
    photo, out = small("a.png"), tmp_path / "out"
    assert color(model, photo, "-o", out) == 0
    assert color(model, photo, "-o", out, "--compare") == 0
    assert list_files(out) == ["a.compare.jpg", "a.png"]


# ---------------------------------------------------------------- colorize: nothing is lost


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--format", "jpg"], ["a.JPG.jpg", "a.jpg", "a.png.jpg"]),
        ([], ["a.JPG", "a.jpg", "a.png"]),
        (
            ["--compare"],
            [name + end for name in ("a.JPG", "a.jpg", "a.png") for end in ("", ".compare.jpg")],
        ),
    ],
)
def test_namesakes_get_names_of_their_own(model, small, tmp_path, options, expected):
    for name in ("a.jpg", "a.JPG", "a.png"):
        small(name)
    assert color(model, tmp_path / "small", "-o", tmp_path / "out", *options) == 0
    assert list_files(tmp_path / "out") == expected


def test_one_place_is_not_given_to_two_photos(model, small, tmp_path, capsys):
    first, second = small("1.png", "a"), small("1.png", "b")
    assert color(model, first, second, "-o", tmp_path / "out") == 1
    assert list_files(tmp_path / "out") == ["1.png"]
    stderr = capsys.readouterr().err
    assert f"{second}: its result {tmp_path / 'out' / '1.png'} is also that of {first}" in stderr


@pytest.mark.parametrize("out", ["a.png", ".", "link.png", "hard.png", "sub/../a.png"])
def test_photo_is_never_overwritten(model, small, monkeypatch, capsys, out):
    photo = small("a.png")
    monkeypatch.chdir(photo.parent)
    Path("sub").mkdir()
    Path("link.png").symlink_to("a.png")
    Path("hard.png").hardlink_to("a.png")
    content = photo.read_bytes()
    assert color(model, "a.png", "-o", out, "--overwrite") == 1
    assert "would overwrite a photo" in capsys.readouterr().err
    assert photo.read_bytes() == content
    assert Path("link.png").is_symlink()


def test_photo_is_not_overwritten_by_anothers_result(model, small, tmp_path, capsys):
    jpeg, png = small("a.jpg"), small("a.jpg.png")
    content = jpeg.read_bytes()
    small("a.png")
    arguments = [jpeg, png, "-o", jpeg.parent, "--format", "png", "--overwrite"]
    assert color(model, *arguments) == 1
    assert jpeg.read_bytes() == content
    assert capsys.readouterr().err.count("would overwrite") == 1


def test_result_that_cannot_be_written_costs_no_other(model, small, tmp_path, monkeypatch, capsys):
    for name in ("a.png", "b.png", "c.png"):
        small(name)
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    replace = os.replace

    def fail_on_b(source, target, **options):
        if Path(target).name == "b.png":
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target, **options)

    monkeypatch.setattr(os, "replace", fail_on_b)
    assert color(model, tmp_path / "small", "-o", tmp_path / "out") == 1
    assert list_files(tmp_path / "out") == ["c.png"]
    stderr = capsys.readouterr().err
    assert re.search(r"a\.png: cannot be written \(Is a directory\)", stderr)
    assert re.search(r"b\.png: cannot be written \(No space left on device\); free some", stderr)


def test_folder_that_cannot_be_made_is_an_error(model, small, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert color(model, small("a.png"), "-o", tmp_path / "file" / "out") == 1
    assert "nothing can be written there (Not a directory)" in capsys.readouterr().err


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("no kernel")])
def test_photo_that_cannot_be_colored_costs_no_other(
    model, photos, tmp_path, monkeypatch, capsys, error
):
    render = Prediction.render

    def fail_on_chelsea(self, *options, **more):
        if self.l.shape == (300, 451):
            raise error
        return render(self, *options, **more)

    monkeypatch.setattr(Prediction, "render", fail_on_chelsea)
    assert color(model, photos, "-o", tmp_path / "out") == 1
    assert list_files(tmp_path / "out") == ["camera.png", "sub/rocket.jpg"]
    cause = (
        "not enough memory for 451×300 pixels" if isinstance(error, MemoryError) else "no kernel"
    )
    lines = [line for line in capsys.readouterr().err.splitlines() if "chelsea.png" in line]
    assert len(lines) == 1
    assert cause in lines[0]


def test_report_keeps_the_order_of_the_photos(model, small, tmp_path, monkeypatch, capsys):
    for number in range(9):
        small(f"{number}.png")
    (tmp_path / "small" / "4.png").write_text("no picture")
    shutil.copy(SAMPLES / "coffee.png", tmp_path / "small" / "0.png")  # takes longest, comes first
    assert color(model, tmp_path / "small", "-o", tmp_path / "out") == 1
    stdout, stderr = capsys.readouterr()
    expected = [str(tmp_path / "out" / f"{number}.png") for number in range(9) if number != 4]
    assert stdout.splitlines() == expected
    assert str(tmp_path / "small" / "4.png") in stderr


def test_photos_are_begun_a_bounded_number_ahead(model, small, tmp_path, monkeypatch):
    for number in range(30):
        small(f"{number:02}.png")
    monkeypatch.setattr("deepkoal.cli.photo_runs.photo_run.count_cores", lambda: 3)
    begun, lead = [], []
    read = FolderRun._read
    monkeypatch.setattr(
        FolderRun, "_read", lambda self, job, *rest: begun.append(job) or read(self, job, *rest)
    )
    shown = iter(range(30))
    monkeypatch.setattr(
        "deepkoal.cli.photo_runs.run_report.show_result",
        lambda _: lead.append(len(begun) - next(shown)),
    )
    assert color(model, tmp_path / "small", "-o", tmp_path / "out") == 0
    assert len(lead) == 30
    assert max(lead) <= 2 * 3 + 1


def test_pixels_in_work_are_bounded_and_a_large_photo_is_alone(monkeypatch):
    budget, held, most = PixelBudget(100), [], []
    lock = threading.Lock()

    def work(pixels):
        with budget.reserve(pixels):
            with lock:
                held.append(pixels)
                most.append(list(held))
            time.sleep(0.002)
            with lock:
                held.remove(pixels)
        return pixels

    sizes = [40, 60, 1000, 30, 30, 50, 100, 1] * 5
    done = work_ahead(work, sizes, workers=6, ahead=12, stop=threading.Event())
    assert list(done) == sizes
    assert all(sum(together) <= 100 for together in most if together != [1000])
    assert max(map(len, most)) > 1, "several fit"


def test_work_ahead_ends_its_threads_when_it_is_left(monkeypatch):
    stop, begun = threading.Event(), []

    def work(number):
        begun.append(number)
        stop.wait(0.01)
        return number

    before = threading.active_count()
    results = work_ahead(work, range(1000), workers=2, ahead=4, stop=stop)
    assert [next(results), next(results)] == [0, 1]
    results.close()
    assert stop.is_set()
    assert threading.active_count() == before
    assert len(begun) <= 2 + 4 + 1


# ---------------------------------------------------------------- colorize: streams


def give_stdin(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


PIPED = np.array(Image.open(SAMPLES / "camera.png").convert("L"))[::8, ::6]
LEVELS = PIPED.astype(np.uint16) * 257
RAMP = np.tile(np.linspace(0, 255, PIPED.shape[1]).astype(np.uint8), (len(PIPED), 1))


def pipe_photo(kind, pixels=PIPED, *, has_alpha=False, **options):
    """The bytes of a grey photo, with a ramp as alpha where that is asked for."""
    file = io.BytesIO()
    image = Image.fromarray(pixels)
    if has_alpha:
        image.putalpha(Image.fromarray(RAMP))
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("verb", ["colorize", "restore"])
@pytest.mark.parametrize(
    ("content", "options", "kind", "type_", "has_alpha"),
    [
        (pipe_photo("JPEG"), [], "JPEG", np.uint8, False),
        (pipe_photo("PNG"), [], "PNG", np.uint8, False),
        (pipe_photo("PNG"), ["--format", "jpg"], "JPEG", np.uint8, False),
        (pipe_photo("PNG", LEVELS), [], "PNG", np.uint16, False),
        (pipe_photo("TIFF", LEVELS), [], "TIFF", np.uint16, False),
        (pipe_photo("WEBP", has_alpha=True), [], "WEBP", np.uint8, True),
        (pipe_photo("TGA", has_alpha=True, id_section=b"scan 7"), [], "TGA", np.uint8, True),
        # What has no format of its own that holds it becomes a PNG file.
        (pipe_photo("GIF"), [], "PNG", np.uint8, False),
        (pipe_photo("JPEG2000", LEVELS), [], "PNG", np.uint16, False),
        (pipe_photo("JPEG"), ["--depth", "16"], "PNG", np.uint16, False),
    ],
)
def test_what_comes_through_a_pipe_keeps_its_format(
    model, monkeypatch, capsysbinary, verb, content, options, kind, type_, has_alpha
):
    give_stdin(monkeypatch, content)
    network = ["--model", model] if verb == "colorize" else []
    assert main([verb, "-", "-o", "-", *network, *options]) == 0
    stdout, stderr = capsysbinary.readouterr()
    assert stderr == b""
    made = read_photo(stdout, depth="auto")
    assert sniff(stdout, "result") == kind
    assert made.rgb.dtype == type_
    assert (made.alpha is not None) == has_alpha
    if has_alpha:
        assert np.array_equal(made.alpha, RAMP)
    assert is_red(read_image(stdout)) == (verb == "colorize")


@pytest.mark.parametrize(("options", "kind"), [([], "JPEG"), (["--format", "png"], "PNG")])
def test_a_photo_in_color_that_is_kept_comes_through_a_pipe(
    model, monkeypatch, tmp_path, capsysbinary, options, kind
):
    content = (SAMPLES / "rocket.jpg").read_bytes()
    for out in ("-", tmp_path / f"new.{kind.lower()}"):
        give_stdin(monkeypatch, content)
        assert color(model, "-", "-o", out, "--colored", "keep", *options) == 0
        stdout, stderr = capsysbinary.readouterr()
        assert b"in color already, kept" in stderr
        kept = stdout if out == "-" else out.read_bytes()
        assert (kept == content) == (kind == "JPEG")
        assert sniff(kept, "result") == kind


def test_standard_input_to_a_file(model, tmp_path, monkeypatch, capsys):
    give_stdin(monkeypatch, (SAMPLES / "camera.png").read_bytes())
    assert color(model, "-", "-o", tmp_path / "new.webp") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'new.webp'}\n"
    assert is_red(read_image(tmp_path / "new.webp"))


def test_file_to_standard_output(model, small, capsysbinary):
    assert color(model, small("a.png"), "-o", "-") == 0
    assert read_image(capsysbinary.readouterr().out).shape == (64, 96, 3)


def test_damaged_standard_input_is_one_line_and_no_output(model, monkeypatch, capsys):
    give_stdin(monkeypatch, (SAMPLES / "camera.png").read_bytes()[:999])
    assert color(model, "-") == 1
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert re.fullmatch(r"deepkoal: standard input: .*\n", stderr)
    for verb in (["colorize", "--model", model], ["pseudocolor", "-o", "-"], ["describe"]):
        for content, said in ((b"", "nothing came"), (b"Dear all,\n", "not a picture")):
            give_stdin(monkeypatch, content)
            assert main([*verb, "-"]) == 1
            stdout, stderr = capsys.readouterr()
            assert stdout == ""
            assert re.fullmatch(rf"deepkoal: standard input: {said}.*\n", stderr)


def test_photo_is_not_written_to_a_terminal(model, small, monkeypatch, capsys):
    photo = small("a.png")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert color(model, photo, "-o", "-") == 2
    assert "terminal" in capsys.readouterr().err


# ---------------------------------------------------------------- colorize: options


def test_a_seed_without_variations_is_refused(capsys):
    assert main(["colorize", str(SAMPLES / "rocket.jpg"), "--seed", "3"]) == 2
    assert "add --variations 4" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--no-cleanup"],
        ["--vibrance", "0.5"],
        ["--palette", "sepia"],
        ["--reference", str(SAMPLES / "coffee.png")],
        ["--palette", "sepia", "--reference", str(SAMPLES / "coffee.png")],
        ["--hints", "hints.json"],
    ],
)
def test_variations_obey_every_option(small, tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    Path("hints.json").write_text('[{"x": 50, "y": 20, "color": "#2040c0"}]')
    shutil.copy(SAMPLES / "rocket.jpg", "rocket.jpg")
    command = ["colorize", "rocket.jpg", "--backend", "litert", "--seed", "3", "--format", "png"]
    assert main([*command, "-o", "out", "--variations", "3", *options]) == 0
    found = [read_image(f"out/rocket{end}.png") for end in ("", ".look2", ".look3")]
    colorizer = Colorizer.from_preset(backend="litert")
    prediction = colorizer.predict(read_image("rocket.jpg"))
    given = {
        "--no-cleanup": {"cleanup": False},
        "--vibrance": {"vibrance": 0.5},
        "--palette": {"palette": Palette.named("sepia")},
        "--hints": {"hints": [Hint(x=50, y=20, color="#2040c0")]},
    }
    expected = given.get(options[0], {}) if options else {}
    if "--reference" in options:
        expected = {**expected, "reference": colorizer.open_reference(skimage.data.coffee())}
    looks = [None, *prediction.list_variations(3, seed=3)]
    for rgb, look in zip(found, looks, strict=True):
        np.testing.assert_array_equal(rgb, prediction.render(**expected, variation=look))
        if options:
            assert (rgb != prediction.render(variation=look)).any()


@pytest.mark.parametrize(
    ("former", "now"),
    [
        (["--engine", "keras"], "--backend"),
        (["--engine=keras"], "--backend"),
        (["--no-tidy"], "--no-cleanup"),
    ],
)
def test_former_options_work_with_a_warning(model, small, tmp_path, capsys, former, now):
    photo = small("a.png")
    assert color(model, photo, "-o", tmp_path / "former.png", *former) == 0
    name = former[0].partition("=")[0]
    warning = f"deepkoal: {name} is deprecated and goes with the next release; write {now}\n"
    assert capsys.readouterr().err == warning
    present = [former[0].replace(name, now), *former[1:]]
    assert color(model, photo, "-o", tmp_path / "now.png", *present) == 0
    assert capsys.readouterr().err == ""
    assert (tmp_path / "former.png").read_bytes() == (tmp_path / "now.png").read_bytes()


def test_former_options_name_is_a_photos_behind_two_dashes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["colorize", "--", "--no-tidy"]) == 1
    assert (
        capsys.readouterr().err == "deepkoal: --no-tidy: no such file or folder; check the path\n"
    )


# ---------------------------------------------------------------- usage and limits


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["a.png", "b.png", "-o", "out.jpg"], "names a file"),
        (["folder", "-o", "out.jpg"], "names a file"),
        (["*.png", "-o", "a.png"], "names a file"),
        (["a.png", "-o", "out.jpeg2"], "ends in no format"),
        (["a.png", "-o", "out.png", "--format", "jpg"], "two formats"),
        (["a.png", "-", "-o", "out"], "standard input"),
        (["a.png", "b.png", "-o", "-"], "standard output"),
        (["-", "--compare"], "--compare"),
        (["-", "-o", "folder"], "is a folder"),
        (["folder", "-o", "folder"], "own folder"),
        (["a.png", "--format", "xcf"], "xcf"),
        (["a.png", "--quality", "0"], "1…100"),
        (["a.png", "--quality", "best"], "1…100"),
        (["a.png", "--max-pixels", "0"], "at least 1"),
        (["a.png", "--vibrance", "much"], "0.2…5, got 'much'"),
        (["a.png", "--vibrance", "9"], "0.2…5, got '9'"),
        (["a.png", "--variations", "99"], "in 1…16, got '99'"),
        (["a.png", "--palette", "mud"], "'mud'"),
        (["a.png", "--preset", "lion"], "no preset 'lion'"),
        ([], "PHOTO"),
    ],
)
def test_wrong_usage_exits_2_and_makes_nothing(
    small, monkeypatch, capsys, tmp_path, arguments, expected
):
    small("a.png"), small("b.png"), small("c.png", "small/folder")
    monkeypatch.chdir(tmp_path / "small")
    before = list_files(".")
    assert main(["colorize", *arguments]) == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert expected in stderr
    assert list_files(".") == before


def test_a_limit_is_told_with_the_option_that_raises_it(model, small, tmp_path, capsys):
    options = ["--max-pixels", "100"]
    assert color(model, small("a.png"), "-o", tmp_path / "b.png", *options) == 1
    stderr = capsys.readouterr().err
    assert "more than the limit of 100" in stderr
    assert "raise the limit to 6144 (max_pixels, or --max-pixels" in stderr
    assert stderr.count("\n") == 1
    assert not (tmp_path / "b.png").exists()


def test_a_reference_without_colors_is_named(model, small, tmp_path, capsys):
    grey = SAMPLES / "camera.png"
    out = tmp_path / "b.png"
    assert color(model, small("a.png"), "-o", out, "--reference", grey) == 1
    assert f"--reference {grey}: expected a photo with colors" in capsys.readouterr().err


def test_a_damaged_reference_is_named_and_not_to_be_salvaged(model, small, tmp_path, capsys):
    cut = tmp_path / "cut.png"
    cut.write_bytes((SAMPLES / "coffee.png").read_bytes()[:3000])
    assert color(model, small("a.png"), "-o", tmp_path / "b.png", "--reference", cut) == 1
    stderr = capsys.readouterr().err
    assert f"--reference {cut}: the PNG is cut short" in stderr
    assert "--salvage of colorize, restore and stylize (read_photo's salvage=True)" in stderr
    assert "reads what is left of a photo, not of a reference" in stderr
    missing = tmp_path / "missing.png"
    assert color(model, small("a.png"), "-o", tmp_path / "b.png", "--reference", missing) == 1
    assert f"--reference {missing}: cannot be read" in capsys.readouterr().err
    look = tmp_path / "look.json"
    look.write_text('{"options": {"reference": {"file": "missing.png", "sha256": "0"}}}')
    assert color(model, small("a.png"), "-o", tmp_path / "b.png", "--options", look) == 1
    assert f"deepkoal: --reference {missing}: cannot be read" in capsys.readouterr().err


def test_missing_network_is_one_line(small, tmp_path, capsys):
    assert color("no.keras", small("a.png"), "-o", tmp_path / "b.png") == 1
    assert re.fullmatch(r"deepkoal: no\.keras: no such file; .*\n", capsys.readouterr().err)


@pytest.mark.parametrize("verb", ["colorize", "studio", "prepare", "train", "presets", "demo"])
def test_every_verb_explains_itself(verb, capsys):
    assert main([verb, "--help"]) == 0
    assert f"deepkoal {verb}" in capsys.readouterr().out


def test_no_verb_and_version(capsys):
    assert main([]) == 2
    assert "COMMAND" in capsys.readouterr().err
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"deepkoal {deepkoal.__version__}\n"


def test_help_loads_no_heavy_package():
    code = (
        "import sys; from deepkoal.cli import main; main(['colorize', '--help']);"
        "print('loaded', *{name.split('.')[0] for name in sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(result.stdout.rpartition("loaded")[2].split())
    assert "deepkoal" in loaded
    assert not loaded & {"keras", "tensorflow", "numpy", "cv2", "skimage", "PIL", "tqdm"}


# ---------------------------------------------------------------- interruptions

INTERRUPTED = (
    "deepkoal: interrupted; what is finished is kept, and the same command goes on from there\n"
)


def test_interrupted_write_leaves_nothing_half_written(model, small, tmp_path, monkeypatch, capsys):
    for name in ("a.png", "b.png", "c.png"):
        small(name)
    replace = os.replace

    def interrupt_on_b(source, target, **options):
        if Path(target).name == "b.png":
            raise KeyboardInterrupt
        replace(source, target, **options)

    monkeypatch.setattr(os, "replace", interrupt_on_b)
    assert color(model, tmp_path / "small", "-o", tmp_path / "out") == 130
    written = list_files(tmp_path / "out")
    assert set(written) <= {"a.png", "c.png"}, "no part is left"
    assert all(is_red(read_image(tmp_path / "out" / name)) for name in written)
    assert capsys.readouterr().err == INTERRUPTED
    monkeypatch.undo()
    assert color(model, tmp_path / "small", "-o", tmp_path / "out") == 0
    assert list_files(tmp_path / "out") == ["a.png", "b.png", "c.png"]
    assert ("skipped" in capsys.readouterr().err) == bool(written)


def test_interrupt_signal_stops_a_quiet_process(model, small, tmp_path):
    for number in range(40):
        small(f"{number:03}.png")
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    arguments = ["colorize", str(tmp_path / "small"), "-o", str(tmp_path / "out")]
    # A moment after each, so that the signal comes in the middle.
    code = (
        "import signal, sys, time; from deepkoal.cli.files.result_files import ResultFiles;"
        "from deepkoal.cli import main;"
        # A shell starts background jobs deaf to it.
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "write = ResultFiles.add;"
        "ResultFiles.add = lambda *a: (write(*a), time.sleep(0.1))[0];"
        "sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments, "--model", model],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert stderr == INTERRUPTED
    written = [str(tmp_path / "out" / name) for name in list_files(tmp_path / "out")]
    assert 1 <= len(written) < 40
    assert set((first + stdout).split()) <= set(written)
    assert all(is_red(read_image(path)) for path in written)


@pytest.mark.parametrize(
    ("moment", "status", "said"),
    [
        ("interrupt()", 130, INTERRUPTED[:21]),
        ("atexit.register(interrupt)", 0, "deepkoal: interrupted when all was done"),
    ],
)
def test_interrupt_around_the_work_prints_no_traceback(moment, status, said):
    code = (
        "import atexit, os, runpy, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def interrupt(): os.kill(os.getpid(), signal.SIGINT)\n"
        # It is asked for each module in turn: this is while the command is imported.
        f"def at_command(name, *_): name == 'deepkoal.cli.main' and {moment}\n"
        "sys.meta_path.insert(0, type('', (), {'find_spec': at_command}))\n"
        "sys.argv[1:] = ['--version']\n"
        "runpy.run_module('deepkoal', run_name='__main__')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stderr.strip()) == (status, said)
    assert (result.stdout == f"deepkoal {deepkoal.__version__}\n") == (status == 0)


def test_interrupt_while_native_libraries_end_leaves_the_exit_status():
    code = (
        "import ctypes, runpy, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        # When Python is no more, it is called with the exit status, 2 after wrong usage: SIGINT.
        "libc = ctypes.CDLL(None); libc.on_exit(libc['raise'], None)\n"
        "sys.argv[1:] = ['presets', '--none']\n"
        "runpy.run_module('deepkoal', run_name='__main__')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert signal.SIGINT == result.returncode == 2
    assert "--none" in result.stderr


class _GonePipe(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


def test_reader_that_went_away_ends_the_run_quietly(model, small, tmp_path, monkeypatch, capsys):
    small("a.png")
    monkeypatch.setattr(sys, "stdout", _GonePipe())
    assert color(model, tmp_path / "small", "-o", tmp_path / "out") == 141
    assert capsys.readouterr().err == ""
    assert list_files(tmp_path / "out") == ["a.png"]


def test_full_disk_under_stdout_is_one_line(monkeypatch, capsys):
    full = Path("/dev/full").open("w")  # noqa: SIM115 -- closing it would fail
    monkeypatch.setattr(sys, "stdout", full)
    assert main(["presets"]) == 1
    full.close()  # what could not be written goes nowhere now, as at the process's end
    assert re.fullmatch(r"deepkoal: .*No space left on device.*\n", capsys.readouterr().err)


def test_full_disk_under_stderr_stops_nothing(model, small, tmp_path, monkeypatch, capsys):
    small("a.png")
    small("b.png")
    full = Path("/dev/full").open("w")  # noqa: SIM115 -- closing it would fail
    monkeypatch.setattr(sys, "stderr", full)
    assert color(model, tmp_path / "small", "-o", tmp_path / "out") == 0
    full.close()
    assert len(capsys.readouterr().out.splitlines()) == 2


# ---------------------------------------------------------------- presets and demo


def test_presets_are_listed_without_keras():
    code = (
        "import sys; from deepkoal.cli import main; main(['presets']);"
        "print('loaded', *sorted({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.splitlines()[-1] == "loaded"


def test_presets_are_listed(capsys):
    assert main(["presets"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert re.split(r"\s+", header) == [
        "preset",
        "network",
        "weights",
        "parameters",
        "license",
        "summary",
    ]
    assert {"koala", "koala-lite"} <= {line.split()[0] for line in lines}
    assert main(["presets", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["koala"]["network"] == "koala"
    assert rows["koala"]["size_bytes"] > 13e6
    assert rows["koala"]["license"].startswith("MIT")


def test_shipped_weights_are_measured(tmp_path, monkeypatch, capsys):
    network = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(500)])
    folder = tmp_path / "mine"
    folder.mkdir()
    digest = save_weights(network, folder / "weights.safetensors")
    config = {"summary": "s", "network": "lite", "working_size": 64, "decoding": {}}
    config |= {"license": "CC0", "sha256": digest}
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DEEPKOAL_MODELS", str(tmp_path))
    assert main(["presets"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert re.fullmatch(r"mine +lite +1\.0 MB +500,500 +CC0 +s", line)
    (folder / "weights.safetensors").write_bytes(b"no weights")
    assert main(["presets"]) == 1
    assert "is damaged" in capsys.readouterr().err


def test_demo_colors_sample_photos(model, tmp_path, capsys):
    assert main(["demo", "--model", model, "--out", str(tmp_path / "demo")]) == 0
    files = list_files(tmp_path / "demo")
    photos = ["astronaut.jpg", "camera.jpg", "chelsea.jpg", "coffee.jpg", "rocket.jpg"]
    assert files == sorted(["CREDITS.txt", "contact_sheet.jpg", *photos])
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(
        str(tmp_path / "demo" / file) for file in files
    )
    for photo in photos:
        rgb = read_image(tmp_path / "demo" / photo)
        assert is_red(rgb)
        assert rgb.shape[:2] == getattr(skimage.data, photo[:-4])().shape[:2]
    credits = (tmp_path / "demo" / "CREDITS.txt").read_text()
    assert all(photo[:-4] in credits for photo in photos)
    sheet = read_image(tmp_path / "demo" / "contact_sheet.jpg")
    assert sheet.shape[0] > 4 * 200
    assert sheet.shape[1] > 3 * 320


def test_credits_are_scikit_images():
    from deepkoal.image_io import SAMPLES as SHOWN

    for sample in SHOWN:
        text = getattr(skimage.data, Path(sample.file).stem).__doc__
        assert sample.credit.split(",")[0] in text
        assert sample.license in text.lower() or sample.license in text


def test_demo_into_a_file_is_an_error(model, tmp_path, capsys):
    (tmp_path / "demo").write_text("")
    assert main(["demo", "--model", model, "--out", str(tmp_path / "demo")]) == 1
    assert "choose another folder" in capsys.readouterr().err


# ---------------------------------------------------------------- prepare and train


def make_embedder(identity):
    pixels = keras.Input((32, 32, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(pixels)
    classifier = keras.Model(pixels, keras.layers.Dense(7)(pooled), name="tiny")
    return SemanticEmbedder(classifier, input_size=32, identity=identity)


@pytest.fixture
def embedders(monkeypatch):
    """Tiny embedders in place of both, of which only EfficientNet-Lite0's weights can be had."""

    def fail(weights="imagenet"):
        if weights == "imagenet":
            raise WeightsError("its weights cannot be fetched")
        return make_embedder("inception-resnet-v2:0a1b2c")

    lite = staticmethod(lambda: make_embedder("efficientnet-lite0:imagenet"))
    monkeypatch.setattr(SemanticEmbedder, "inception_resnet_v2", staticmethod(fail))
    monkeypatch.setattr(SemanticEmbedder, "efficientnet_lite0", lite)
    local = staticmethod(lambda variant, path: make_embedder(f"efficientnet-lite{variant}:{path}"))
    monkeypatch.setattr(SemanticEmbedder, "efficientnet_lite", local)


def prepare(photos, records, *options):
    return main(["prepare", str(photos), str(records), "--workers", "1", *options])


def test_prepare_counts_what_it_stores_and_lists_what_it_cannot(color_photos, tmp_path, capsys):
    photos = color_photos
    records = tmp_path / "records"
    assert prepare(photos, records, "--size", "48") == 1
    stdout, stderr = capsys.readouterr()
    assert stdout == f"{records}: 2 photos stored, 1 near-grey left out, 2 unreadable\n"
    lines = [line for line in stderr.splitlines() if line.startswith("deepkoal: ")]
    assert [line.split(": ")[1] for line in lines] == ["cut.png", "sub/page.jpg"]
    assert deepkoal.data.load_manifest(records).settings.size == 48


def test_prepare_fits_the_size_to_the_recipe(small, tmp_path):
    small("a.png", mode="RGB")
    assert prepare(tmp_path / "small", tmp_path / "records") == 0
    assert deepkoal.data.load_manifest(tmp_path / "records").settings.size == 144


def test_prepare_without_any_color_photo_fails(photos, tmp_path, capsys):
    (photos / "grey").mkdir()
    shutil.copy(photos / "camera.png", photos / "grey")
    assert prepare(photos / "grey", tmp_path / "records") == 1
    assert "nothing to train on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "identity", "said"),
    [
        ([], None, ""),
        (["--preset", "koala"], "efficientnet-lite0:imagenet", "EfficientNet-Lite0's logits stand"),
        (["--preset", "koala", "--embedder", "none"], None, ""),
        (["--embedder", "efficientnet-lite0"], "efficientnet-lite0:imagenet", ""),
        (["--embedder", "own.h5"], "inception-resnet-v2:0a1b2c", ""),
        (
            ["--embedder", "own.h5", "--embedder", "efficientnet-lite2:own.safetensors"],
            "inception-resnet-v2:0a1b2c+efficientnet-lite2:own.safetensors",
            "",
        ),
    ],
)
def test_prepare_embeds_as_the_preset_needs(
    small, tmp_path, embedders, capsys, options, identity, said
):
    small("a.png", mode="RGB")
    assert prepare(tmp_path / "small", tmp_path / "records", *options) == 0
    settings = deepkoal.data.load_manifest(tmp_path / "records").settings
    assert settings.embedder == identity
    stdout, stderr = capsys.readouterr()
    assert ("stand in" in stderr) == bool(said)
    assert said in stderr
    assert (f"embeddings of {identity}" in stdout) == bool(identity)


def test_named_embedder_has_no_stand_in(small, tmp_path, embedders, capsys):
    small("a.png", mode="RGB")
    records = tmp_path / "records"
    options = ["--preset", "koala", "--embedder"]
    assert prepare(tmp_path / "small", records, *options, "inception-resnet-v2") == 1
    assert "cannot be fetched" in capsys.readouterr().err
    assert prepare(tmp_path / "small", records, *options, "resnet") == 2
    assert "--embedder takes" in capsys.readouterr().err
    assert not records.exists()


@pytest.fixture
def shipped_koala(tmp_path, monkeypatch):
    """A models folder whose koala has weights, for embeddings of length 7."""
    folder = tmp_path / "models" / "koala"
    folder.mkdir(parents=True)
    network = models.koala(make_embedder("any"))
    digest = save_weights(network, folder / "weights.safetensors", skip=["embedding"])
    config = {"summary": "s", "network": "koala", "working_size": 32, "decoding": {}}
    config |= {"license": "CC0", "sha256": digest}
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DEEPKOAL_MODELS", str(tmp_path / "models"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "deepkoal: EfficientNet-Lite0's logits stand in for Inception-ResNet-v2's"),
        (["--embedder", "own.h5"], ""),
    ],
)
def test_koala_colors_with_the_expert_that_can_be_had(
    small, tmp_path, embedders, shipped_koala, capsys, options, said
):
    target = tmp_path / "b.png"
    given = [str(small("a.png")), "-o", str(target), "--preset", "koala", *options]
    assert main(["colorize", *given]) == 0
    assert capsys.readouterr().err.startswith(said)
    assert read_image(target).shape == (64, 96, 3)


def test_only_koala_takes_an_embedder(model, small, capsys):
    for network in (["--model", model], ["--preset", "koala-lite"]):
        given = [str(small("a.png")), *network, "--embedder", "efficientnet-lite0"]
        assert main(["colorize", *given]) == 2
        assert "--embedder goes with --preset koala" in capsys.readouterr().err


def train(records, run, *options):
    return main(["train", str(records), "--run", str(run), *options])


@pytest.fixture
def trained(monkeypatch):
    """Catch what would be trained."""
    calls = []
    monkeypatch.setattr(
        "deepkoal.training.train", lambda *given, **settings: calls.append((given, settings))
    )
    return calls


def test_koala_is_trained_with_the_records_embedder(small, tmp_path, embedders, trained, capsys):
    small("a.png", mode="RGB")
    records, run = tmp_path / "records", tmp_path / "run"
    prepare(tmp_path / "small", records, "--preset", "koala")
    capsys.readouterr()
    assert train(records, run, "--preset", "koala", "--size", "64", "--seed", "3") == 0
    assert capsys.readouterr().out == f"{run}\n"
    (network, *places), settings = trained[0]
    assert places == [str(records), run]
    assert network.get_layer("embedding").identity == "efficientnet-lite0:imagenet"
    assert (settings["recipe"].size, settings["recipe"].seed) == (64, 3)


def test_koala_needs_records_with_an_embedder_that_can_be_had(
    small, tmp_path, embedders, trained, capsys
):
    small("a.png", mode="RGB")
    plain, own = tmp_path / "plain", tmp_path / "own"
    prepare(tmp_path / "small", plain)
    prepare(tmp_path / "small", own, "--embedder", "own.h5")
    capsys.readouterr()
    koala = ["--preset", "koala"]
    assert train(plain, tmp_path / "run", *koala) == 1
    assert "holds no embeddings" in capsys.readouterr().err
    assert train(own, tmp_path / "run", *koala) == 1
    assert "name it with --embedder FILE.h5" in capsys.readouterr().err
    assert not trained
    assert train(own, tmp_path / "run", *koala, "--embedder", "efficientnet-lite0") == 0
    assert "lite0:imagenet stands in for inception-resnet-v2:0a1b2c" in capsys.readouterr().err
    assert train(own, tmp_path / "run", *koala, "--embedder", "own.h5") == 0
    assert trained[1][0][0].get_layer("embedding").identity == "inception-resnet-v2:0a1b2c"
    assert "stands in" not in capsys.readouterr().err


def test_photos_are_fine_tuned_and_told_of(model, color_photos, tmp_path, monkeypatch, capsys):
    photos = color_photos
    monkeypatch.setattr(
        "deepkoal.pretrained.networks.build_untrained",
        lambda name, **settings: keras.saving.load_model(model, compile=False),
    )

    def record_only(network, plan, run_dir, *, report, **named):
        with lock_run(run_dir):
            report(record_photos(plan, run_dir, progress=True))
        gain = {"before": 21.0, "trained": (21.5, 20.5)[len(calls)], "held_back": 3}
        (run_dir / "gain.json").write_text(json.dumps(gain))
        calls.append(named)

    monkeypatch.setattr("deepkoal.training.fine_tune", record_only)
    monkeypatch.chdir(tmp_path)
    calls, run = [], Path("runs", "photos")
    command = ["train", str(photos), "--from", model, "--seed=5"]
    assert main(command) == 0
    stdout, stderr = capsys.readouterr()
    assert stdout == f"{run}\n"
    lines = [line for line in stderr.splitlines() if line.startswith("deepkoal: ")]
    assert [line.split(": ")[1] for line in lines[:2]] == ["cut.png", "sub/page.jpg"]
    assert lines[2].endswith("held back, 1 near-grey left out, 2 unreadable")
    assert stderr.startswith("deepkoal: "), "no bar moves in what is no terminal"
    assert lines[-1] == (
        "deepkoal: gained 0.50 dB: PSNR@CF on 3 photos held back went from 21.00 to 21.50 dB"
    )
    shipped = load_recipe("koala-lite", "finetune")
    assert calls[0]["recipe"] == shipped.replace(seed=5)
    assert (
        calls[0]["decoding"].gain
        == DecodingConfig.from_config(load_preset("koala-lite").decoding).gain
    )
    assert main([*command[:-1], "--recipe", "recipe", "--run", "other"]) == 0
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("deepkoal: nothing gained, so the weights it began with are kept")
    )
    assert calls[1]["recipe"] == load_recipe("koala-lite")
    (photos / "a-new-one.png").write_bytes((photos / "camera.png").read_bytes())
    assert main(command) == 1
    assert f"{run} was begun with other photos" in capsys.readouterr().err


def test_validation_records_go_with_records(photos, tmp_path, capsys):
    assert train(photos, tmp_path / "run", "--validation", str(tmp_path)) == 2
    assert "--validation goes with RECORDS" in capsys.readouterr().err


def test_recipes_by_name_and_losses_by_weight(model, small, tmp_path, trained, monkeypatch, capsys):
    small("a.png", mode="RGB")
    prepare(tmp_path / "small", tmp_path / "records")
    monkeypatch.setattr(
        "deepkoal.pretrained.networks.build_untrained", lambda name, **settings: None
    )
    losses = ["--losses", "mse=1, colorfulness=0.1", "--patience", "2"]
    assert train(tmp_path / "records", tmp_path / "run", "--recipe", "adversarial", *losses) == 0
    recipe = trained[0][1]["recipe"]
    assert (recipe.losses, recipe.patience) == ({"mse": 1, "colorfulness": 0.1}, 2)
    assert recipe.best_by == "psnr_at_cf"
    assert train(tmp_path / "records", tmp_path / "run", "--losses", "mse") == 2
    assert "expected NAME=WEIGHT,NAME=WEIGHT" in capsys.readouterr().err
    assert train(tmp_path / "records", tmp_path / "run", "--losses", "mse=1,mse=2") == 2


def test_train_runs_and_its_network_colors(model, small, tmp_path, monkeypatch, capsys):
    small("a.png", mode="RGB")
    prepare(tmp_path / "small", tmp_path / "records")
    monkeypatch.setattr(
        "deepkoal.pretrained.networks.build_untrained",
        lambda name, **settings: keras.saving.load_model(model, compile=False),
    )
    capsys.readouterr()
    steps = ["--size=32", "--batch-size=1", "--epochs=1", "--steps-per-epoch=1"]
    assert train(tmp_path / "records", tmp_path / "run", *steps) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'run'}\n"
    assert color(str(tmp_path / "run"), small("b.png"), "-o", tmp_path / "b.jpg") == 0
    assert read_image(tmp_path / "b.jpg").shape == (64, 96, 3)


@pytest.mark.parametrize(
    ("options", "status", "expected"),
    [
        ([], 1, "holds no photos: expected JPEG"),
        (["--preset", "lion"], 2, "no preset 'lion'"),
        (["--recipe", "no.toml"], 1, "no.toml"),
        (["--recipe", "slow"], 2, "no recipe 'slow'; it has: adversarial, finetune, recipe"),
        (["--losses", "mse=1,l3=2"], 2, "unknown loss 'l3'; known: cross_entropy, mse"),
        (["--size", "33"], 2, "multiple of 32"),
    ],
)
def test_train_says_what_is_wrong(tmp_path, capsys, options, status, expected):
    assert train(tmp_path, tmp_path / "run", *options) == status
    stderr = capsys.readouterr().err
    assert expected in stderr
    assert stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
