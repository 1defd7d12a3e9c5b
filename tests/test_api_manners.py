"""How the library behaves in other people's programs: quiet, short, picklable, never hanging."""

import contextlib
import copy
import gc
import importlib
import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_networks import tiny_koala, tiny_lite

import deepkoal as dk
from deepkoal import keras_runtime, progress_bars
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import ColorOptions
from deepkoal.hints import Region
from deepkoal.native_logs import silence_native_logs
from deepkoal.rendering.contact_sheets import draw_palettes

# Keras copies TensorFlow's variables in a way that NumPy 2 announces the end of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def lite():
    return dk.Colorizer.from_preset("koala-lite", backend="litert")


@pytest.fixture(scope="module")
def on_keras():
    return dk.Colorizer(tiny_lite(), working_size=64)


@pytest.fixture(scope="module")
def photo(photos):
    return photos["chelsea"][::4, ::4]


# ---------------------------------------------------------------- native logs


@pytest.mark.parametrize("own", [True, False])
def test_only_a_commands_imports_leave_out_what_it_has_no_use_for(monkeypatch, own):
    monkeypatch.setattr(keras_runtime, "UNNEEDED", ("wave",))
    monkeypatch.setitem(keras_runtime._state, "hurried", own)
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    frozen = gc.get_freeze_count()
    with keras_runtime._importing():
        assert not gc.isenabled()
        with pytest.raises(ImportError) if own else contextlib.nullcontext():
            importlib.import_module("wave")
    assert gc.isenabled()
    assert (gc.get_freeze_count() > frozen) == own
    importlib.import_module("wave")


PROGRAM = """
import os, sys
import numpy as np
import deepkoal as dk
photo = np.tile(np.arange(96, dtype=np.uint8) * 2, (64, 1))
dk.Colorizer.from_preset("koala-lite", backend="litert").colorize(photo)
colorizer = dk.Colorizer.from_file(sys.argv[1])
colorizer.colorize(photo)
dk.models.lite
if os.fork() == 0:
    for use in (lambda: colorizer.colorize(photo), lambda: dk.Colorizer.from_preset("koala-lite")):
        try:
            use()
        except dk.DeepkoalError as error:
            print(error, flush=True)
    os._exit(0)
os.wait()
"""


def test_a_program_is_quiet_and_where_it_forks_after_keras_an_error_says_so(tmp_path):
    tiny_koala().save(tmp_path / "network.keras")  # whose classes nothing has imported there
    own = {"TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES"}
    environment = {name: value for name, value in os.environ.items() if name not in own}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, tmp_path / "network.keras"],
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    by_one_there, by_a_new_one = ran.stdout.splitlines()
    assert "before this process was forked" in by_one_there
    assert by_one_there == by_a_new_one


LOGGED = [
    b"I0000 00:00:1795790457.624263    9946 port.cc:153] oneDNN custom operations are on.\n",
    b"E0000 00:00:1795790499.238841    9946 cuda_platform.cc:52] failed call to cuInit\n",
    b"2026-11-27 14:00:00.123456: W external/local_xla/xla/tsl/gpu.cc:47] no GPU\n",
    b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n",
]
WRITTEN = b"I think, therefore\nE = m c^2\n"


def write_both():
    for line in LOGGED:
        os.write(2, line)
    os.write(2, WRITTEN)


def test_only_native_logs_are_kept_from_stderr(capfdbinary, monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")
    with silence_native_logs():
        write_both()
    assert capfdbinary.readouterr().err == WRITTEN
    with contextlib.suppress(ValueError), silence_native_logs():
        write_both()
        raise ValueError
    assert capfdbinary.readouterr().err == b"".join(LOGGED) + WRITTEN, "they may tell why"
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with silence_native_logs():
        write_both()
    assert capfdbinary.readouterr().err == b"".join(LOGGED) + WRITTEN, "a user asked for them"


# ---------------------------------------------------------------- bars


@pytest.mark.parametrize("is_terminal", [True, False])
def test_bars_move_on_terminals_only(monkeypatch, is_terminal):
    stderr = io.StringIO()
    stderr.isatty = lambda: is_terminal
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert list(progress_bars.count_photos(range(3))) == [0, 1, 2]
    assert ("3 photos" in stderr.getvalue() or "3/3" in stderr.getvalue()) == is_terminal
    assert bool(stderr.getvalue()) == is_terminal


# ---------------------------------------------------------------- copies


def test_a_keras_colorizer_can_be_pickled(on_keras, photo):
    again = pickle.loads(pickle.dumps(on_keras))
    assert again.backend.network is not on_keras.backend.network
    np.testing.assert_array_equal(again.colorize(photo), on_keras.colorize(photo))


def test_a_litert_colorizer_and_its_predictions_can_be_copied(lite, photo, photos):
    again, prediction = pickle.loads(pickle.dumps((lite, lite.predict(photo))))
    expected = lite.colorize(photo)
    np.testing.assert_array_equal(again.colorize(photo), expected)
    np.testing.assert_array_equal(prediction.render(), expected)
    assert prediction.render(reference=photos["coffee"][::4, ::4]).shape == photo.shape
    np.testing.assert_array_equal(copy.deepcopy(lite).colorize(photo), expected)


# ---------------------------------------------------------------- what is shown and taken


def test_what_is_shown_of_objects_is_short(lite, on_keras, photos):
    prediction = lite.predict(photos["chelsea"])
    reference = lite.open_reference(photos["coffee"])
    shown = [
        lite,
        on_keras,
        lite.backend,
        prediction,
        prediction.points,
        prediction.list_variations(3)[0],
        reference,
        lite.decoding,
        dk.Hint(1, 2, "red"),
        Region(np.ones((90, 90), bool), "own"),
        dk.Palette.named("autochrome"),
        dk.Palette.from_image(photos["coffee"]),
        ColorOptions(palette="autochrome", reference=reference, hints=[dk.Hint(1, 2, "red")]),
        ColorOptions(reference=photos["coffee"]),
    ]
    for item in shown:
        text = repr(item)
        assert type(item).__name__ in text
        assert "\n" not in text
        assert "object at 0x" not in text
        assert len(text) < 500, text
    assert repr(ColorOptions(vibrance=1.5)) == "ColorOptions(vibrance=1.5)"
    assert "float32 (300, 451)" in repr(prediction)


def test_generators_do_as_lists(lite, photo):
    hints = [dk.Hint(10, 20, "red"), dk.Hint(60, 40, "teal")]
    prediction = lite.predict(photo)
    expected = lite.colorize(photo, hints=hints)
    np.testing.assert_array_equal(lite.colorize(photo, hints=iter(hints)), expected)
    np.testing.assert_array_equal(prediction.render(hints=(h for h in hints)), expected)
    np.testing.assert_array_equal(
        prediction.uncertainty(hints=iter(hints)), prediction.uncertainty(hints=hints)
    )
    assert prediction.suggest_hints(2, hints=iter(hints)) == prediction.suggest_hints(
        2, hints=hints
    )
    several = prediction.variations(2, hints=iter(hints))
    np.testing.assert_array_equal(several[0], expected)
    references = [photo, photo[::-1].copy()]
    expected_like = lite.colorize(photo, reference=references)
    for given in (lambda: iter(references), lambda: (each for each in references)):
        like = lite.colorize_batch([photo, photo], reference=given())
        for rgb in (*like, prediction.render(reference=lite.open_reference(given()))):
            np.testing.assert_array_equal(rgb, expected_like)
    for rgb in lite.colorize_batch((each for each in (photo, photo)), hints=iter(hints)):
        np.testing.assert_array_equal(rgb, expected)
    sizes = dk.Colorizer(lite.backend, working_size=iter([128, 96])).working_sizes
    assert sizes == (96, 128)


@pytest.mark.parametrize(
    "photos", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.uint8), "a.jpg", {"a": 1}, 3]
)
def test_one_photo_is_no_list_of_photos(lite, photos):
    with pytest.raises(DeepkoalError, match="expected several photos, in a list"):
        lite.colorize_batch(photos)
    with pytest.raises(DeepkoalError, match=r"^photo 2 of 3: expected a photo as .* got NoneType"):
        lite.colorize_batch([np.zeros((8, 8), np.uint8), None, None])


def test_a_palette_is_taken_by_its_name_wherever_one_is_taken(lite, photo):
    palette = dk.Palette.named("autochrome")
    expected = lite.colorize(photo, palette=palette)
    prediction = lite.predict(photo)
    by_name = [
        lite.colorize(photo, palette="autochrome"),
        lite.colorize(photo, ColorOptions(palette="autochrome")),
        lite.variations(photo, 2, palette="autochrome")[0],
        prediction.render(palette="autochrome"),
        prediction.variations(1, palette="autochrome")[0],
        *lite.colorize_batch([photo], palette="autochrome"),
    ]
    for rgb in by_name:
        np.testing.assert_array_equal(rgb, expected)
    assert draw_palettes(["autochrome", palette], width=400).shape[1] == 400
    with pytest.raises(DeepkoalError, match="no palette 'autocrome'; there are"):
        lite.colorize(photo, palette="autocrome")


def test_a_seed_below_0_is_refused_wherever_one_is_taken(lite, photo):
    prediction = lite.predict(photo)
    for use in (
        lambda: lite.variations(photo, 2, seed=-1),
        lambda: prediction.variations(2, seed=-1),
        lambda: prediction.list_variations(2, seed=-1),
    ):
        with pytest.raises(DeepkoalError, match="expected a seed as a whole number of at least 0"):
            use()
