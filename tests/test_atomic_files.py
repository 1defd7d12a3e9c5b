"""Files that are whole or absent, and folders that one process holds."""

import signal
import subprocess
import sys

import pytest

from deepkoal.atomic_files import (
    lock_folder,
    make_folder_atomically,
    remove_parts,
    replace_atomically,
    write_json_atomically,
    write_text_atomically,
)
from deepkoal.errors import DeepkoalError

HOLD = """
import sys, time
from deepkoal.atomic_files import lock_folder
with lock_folder(sys.argv[1]):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(folder, seconds=60):
    """A process that holds a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def held(tmp_path):
    """A folder and the process that holds it."""
    process = hold(tmp_path / "held")
    yield tmp_path / "held", process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "a.txt"
    write_text_atomically(path, "first\n")
    path.chmod(0o600)

    def break_off():
        with replace_atomically(path) as part:
            assert part.suffix == ".txt"
            part.write_text("sec")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        break_off()
    assert path.read_text() == "first\n"
    write_json_atomically(path, {"b": 1})
    assert path.read_text() == '{\n "b": 1\n}\n'
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["a.txt"]


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    write_text_atomically(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_parts_of_killed_processes_are_removed(tmp_path):
    code = (
        "import os, sys; from deepkoal.atomic_files import replace_atomically\n"
        "with replace_atomically(sys.argv[1]) as part:\n"
        "    part.write_text('half'); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.txt")], timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    remove_parts(tmp_path, tmp_path / "absent")
    assert not list(tmp_path.iterdir())


def test_a_second_process_is_refused_until_the_first_has_ended(held):
    folder, process = held
    with pytest.raises(BlockingIOError), lock_folder(folder):
        pass
    assert (folder / ".lock").exists()
    process.kill()  # as a power cut would: nothing is cleaned up
    process.wait()
    with lock_folder(folder), pytest.raises(BlockingIOError), lock_folder(folder):
        pass
    assert not list(folder.iterdir())


def test_a_folder_made_for_a_lock_goes_with_it_where_nothing_came_in(tmp_path):
    with lock_folder(tmp_path / "new" / "run"):
        pass
    assert not (tmp_path / "new" / "run").exists()
    with lock_folder(tmp_path / "new" / "run"):
        (tmp_path / "new" / "run" / "a").touch()
    assert (tmp_path / "new" / "run" / "a").exists()


def test_of_many_that_come_and_go_one_at_a_time_is_inside(tmp_path):
    code = (
        "import os, sys, time; from deepkoal.atomic_files import lock_folder\n"
        "end = time.monotonic() + 2\n"
        "while time.monotonic() < end:\n"
        "    try:\n"
        "        with lock_folder(sys.argv[1]):\n"
        "            os.close(os.open(sys.argv[1] + '/inside', os.O_CREAT | os.O_EXCL))\n"
        "            os.unlink(sys.argv[1] + '/inside')\n"
        "    except BlockingIOError:\n"
        "        time.sleep(0)\n"
    )
    folder = tmp_path / "busy"
    folder.mkdir()
    processes = [subprocess.Popen([sys.executable, "-c", code, str(folder)]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert not list(folder.iterdir())


def test_where_nothing_may_be_written_the_variable_is_named(monkeypatch):
    from deepkoal import atomic_files

    with atomic_files.temporary_folder() as folder:
        (folder / "file").write_bytes(b"")
    assert not folder.exists()

    def refuse(**settings):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(atomic_files.tempfile, "TemporaryDirectory", refuse)
    with (
        pytest.raises(DeepkoalError, match=r"No usable temporary .*; set TMPDIR"),
        atomic_files.temporary_folder(),
    ):
        pass


def test_a_folder_that_is_being_made_is_left_alone(tmp_path):
    abandoned = tmp_path / "net" / ".0123456789abcdef.part"
    abandoned.mkdir(parents=True)
    (abandoned / "half").write_text("")
    with make_folder_atomically(tmp_path / "net" / "1") as one:
        with make_folder_atomically(tmp_path / "net" / "2") as other:
            (other / "whole").write_text("")
        assert one.is_dir()
    assert sorted(path.name for path in (tmp_path / "net").iterdir()) == ["1", "2"]
    assert (tmp_path / "net" / "2" / "whole").is_file()
