"""What a folder run takes for a photo, and what it keeps of one besides its pixels."""

import dataclasses
import os

import numpy as np
import pytest
from PIL import Image
from skimage import data

from deepkoal.cli.console import UsageError
from deepkoal.cli.files.jobs import Job
from deepkoal.cli.files.output_plan import plan_photos
from deepkoal.cli.files.result_files import ResultFiles
from deepkoal.errors import PhotoError
from deepkoal.image_io import Photo, encode_photo, read_photo

RGB = np.ascontiguousarray(data.astronaut()[20:84, 160:256])


@pytest.fixture
def folder(tmp_path):
    """An archive's folder: photos under all sorts of names, and what lies beside them."""
    folder = tmp_path / "box"
    folder.mkdir()
    for name, kind in (("a.jpg", "JPEG"), ("scan", "TIFF"), ("IMG_1.dat", "PNG"), ("b.pgm", "PPM")):
        (folder / name).write_bytes(encode_photo(RGB, kind))
    (folder / "clip.mov").write_bytes(b"\0\0\0\x14ftypqt  " + bytes(40))
    (folder / "notes.txt").write_text("Dear diary")
    (folder / "Photo.psd").write_bytes(b"8BPS\0\1" + bytes(40))
    return folder


def test_folder_is_known_by_content_and_all_else_is_named(folder, tmp_path):
    plan = plan_photos([str(folder)], str(tmp_path / "out"))
    results = {job.source.name: job.target.name for job in plan.jobs}
    assert results == {
        "a.jpg": "a.jpg",
        "scan": "scan.tif",
        "IMG_1.dat": "IMG_1.png",
        "b.pgm": "b.ppm",
    }
    assert sorted(plan.passed_over) == [
        f"{folder / 'clip.mov'}: passed over, a video",
        f"{folder / 'notes.txt'}: passed over, of no kind that is read",
    ]
    (failure,) = plan.failures
    assert str(failure).startswith(f"{folder / 'Photo.psd'}: ")
    assert "a Photoshop document" in str(failure)


@pytest.mark.parametrize("name", ["old.nef", "old.CR3", "old.dcm", "old.heic"])
def test_read_only_formats_have_results_of_their_own_kind(tmp_path, name):
    (tmp_path / name).touch()
    (job,) = plan_photos([str(tmp_path)], str(tmp_path / "out")).jobs
    expected = {".nef": ".tif", ".cr3": ".tif", ".dcm": ".png", ".heic": ".heic"}
    assert job.target.suffix == expected[job.source.suffix.lower()]


@pytest.mark.parametrize("address", ["http://example.org/a.jpg", "HTTPS://example.org/a.jpg"])
def test_addresses_are_refused_with_the_way_to_do_it(address):
    with pytest.raises(UsageError, match=r"nothing is fetched from the network; save .* curl -L"):
        plan_photos([address], None)


def test_photo_is_not_overwritten_by_way_of_a_folder_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(RGB).save("a.jpg")
    plan = plan_photos(["a.jpg"], "nosuch/../a.jpg")
    assert not plan.jobs
    assert "would overwrite a photo" in str(plan.failures[0])


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_times_and_permissions_are_the_photos(tmp_path, suffix):
    source = tmp_path / f"old{suffix}"
    source.write_bytes(encode_photo(RGB, suffix))
    source.chmod(0o600)
    os.utime(source, (1e9, 2e8))
    photo = dataclasses.replace(read_photo(source), pages=2)
    target = tmp_path / "new" / f"old{suffix}"
    with ResultFiles(Job(source, target, suffix), photo, keep_times=True) as files:
        for page in files.order:
            files.add(page, photo, [(RGB, photo)])
    assert len(files.written) == (1 if suffix == ".tif" else 2)
    for path in files.written:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.stat().st_mtime == 2e8


def test_pages_that_fail_leave_no_tiff(tmp_path):
    target = tmp_path / "new.tif"
    photo = Photo(RGB, pages=2)

    def write():
        with ResultFiles(Job(None, target, ".tif"), photo) as files:
            files.add(0, photo, [(RGB, photo)])
            raise PhotoError("the second page is damaged")

    with pytest.raises(PhotoError, match="second page"):
        write()
    assert list(tmp_path.iterdir()) == []
