import json
import math
from pathlib import Path

import keras
import numpy as np
import pytest
import skimage.color
import skimage.data
from skimage.metrics import peak_signal_noise_ratio

from deepkoal.cli import main
from deepkoal.color import ab_bins
from deepkoal.colorizer import Colorizer
from deepkoal.config import DeepkoalError, PhotoError
from deepkoal.evaluation import (
    MEAN_TRAINING_AB,
    PROTOCOL,
    Row,
    Scorecard,
    evaluate,
    match_colorfulness,
)
from deepkoal.images import write_image
from deepkoal.metrics import center_square, ciede2000, colorfulness, psnr, ssim

# Keras 3.15 copies TensorFlow's variables so when it saves a network.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PHOTOS = ("astronaut", "chelsea", "coffee")
REFERENCES = ("grey photo", "mean training color", "true photo")


def network_of_logits() -> keras.Model:
    """A random color distribution for each lightness, at stride 4."""
    l_norm = keras.Input((None, None, 1), name="l_norm")
    coarse = keras.layers.AveragePooling2D(4)(l_norm)
    kernel = keras.initializers.Constant(np.random.default_rng(0).normal(0, 6, len(ab_bins())))
    logits = keras.layers.Conv2D(len(ab_bins()), 1, kernel_initializer=kernel, name="logits")
    return keras.Model(l_norm, {"logits": logits(coarse)}, name="lite")


def pale_network() -> keras.Model:
    """A regression so pale that no vibrance makes it as colorful as a photo."""
    l_norm = keras.Input((None, None, 1), name="l_norm")
    ab_norm = keras.layers.Conv2D(2, 1, kernel_initializer="ones", name="ab_norm")(l_norm * 0.01)
    return keras.Model(l_norm, {"ab_norm": ab_norm}, name="koala")


def true_photos() -> list[np.ndarray]:
    return [center_square(getattr(skimage.data, name)()) for name in PHOTOS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    (folder / "deeper").mkdir()
    for name in PHOTOS:
        write_image(folder / "deeper" / f"{name}.png", getattr(skimage.data, name)())
    write_image(folder / "grey.png", np.stack([skimage.data.camera()] * 3, axis=-1))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no photo")
    return folder


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer(network_of_logits(), working_size=64, temperature=1.0)


@pytest.fixture(scope="module")
def card(colorizer, folder) -> Scorecard:
    return evaluate(colorizer, folder)


def test_what_is_no_color_photo_is_left_out_and_told(card: Scorecard, folder: Path) -> None:
    assert (card.photos, card.near_grey, len(card.unreadable)) == (3, 1, 1)
    assert card.unreadable[0].startswith(str(folder / "broken.jpg"))


def test_default_figures_are_the_means_over_the_photos(card, colorizer) -> None:
    pairs = [(colorizer.colorize(truth), truth) for truth in true_photos()]
    assert card.colored.vibrance == 1
    assert card.colored.psnr == pytest.approx(np.mean([psnr(*pair) for pair in pairs]))
    assert card.colored.cf == pytest.approx(np.mean([colorfulness(rgb) for rgb, _ in pairs]))
    assert card.colored.delta_e == pytest.approx(np.mean([ciede2000(*pair) for pair in pairs]))
    assert card.colored.ssim == pytest.approx(np.mean([ssim(*pair) for pair in pairs]))


def test_psnr_at_cf_is_that_of_a_set_as_colorful_as_the_truth(card, colorizer) -> None:
    truths = true_photos()
    colored = colorizer.colorize_batch(truths, vibrance=card.matched.vibrance)
    cf, true_cf = (np.mean([colorfulness(rgb) for rgb in rgbs]) for rgbs in (colored, truths))
    assert card.colored.delta_cf > 5  # there was something to search
    assert abs(cf - true_cf) <= 0.5
    assert card.matched.delta_cf == pytest.approx(abs(cf - true_cf), abs=0.05)
    expected = np.mean([psnr(*pair) for pair in zip(colored, truths, strict=True)])
    assert card.psnr_at_cf == pytest.approx(expected, abs=0.01)


def test_reference_lines_can_be_checked_by_hand(card: Scorecard) -> None:
    rows = {row.name: row for row in card.references}
    assert tuple(rows) == REFERENCES
    truths = true_photos()
    true_cf = np.mean([colorfulness(truth) for truth in truths])
    truth = rows["true photo"]
    assert (truth.psnr, truth.delta_cf, truth.delta_e) == (math.inf, 0, 0)
    assert truth.cf == pytest.approx(true_cf)
    assert truth.ssim == pytest.approx(1)
    assert rows["grey photo"].cf == 0
    assert rows["grey photo"].delta_cf == pytest.approx(true_cf)
    for name, ab in (("grey photo", (0, 0)), ("mean training color", MEAN_TRAINING_AB)):
        scores = []
        for rgb in truths:
            lab = skimage.color.rgb2lab(rgb)
            lab[..., 1:] = ab
            plain = np.clip(skimage.color.lab2rgb(lab), 0, 1)
            scores.append(peak_signal_noise_ratio(rgb / 255, plain, data_range=1))
        assert rows[name].psnr == pytest.approx(np.mean(scores), abs=0.05)


def test_a_warm_tint_is_closer_to_photos_than_grey(card: Scorecard) -> None:
    rows = {row.name: row for row in card.references}
    assert rows["mean training color"].delta_e < rows["grey photo"].delta_e


def test_the_network_is_described(card: Scorecard, colorizer: Colorizer) -> None:
    assert (card.network, card.working_size, card.temperature) == ("lite", 64, 1.0)
    assert card.parameters == 2 * len(ab_bins())  # a 1×1 kernel on one channel, and biases
    assert 0 < card.seconds_per_photo < 60


def test_json_has_the_protocol_beside_every_row_and_no_infinities(card: Scorecard) -> None:
    read = json.loads(json.dumps(card.to_json(), allow_nan=False))
    assert read["protocol"] == "deepkoal-protocol 1"
    assert [row["protocol"] for row in read["rows"]] == [PROTOCOL] * 5
    assert [row["name"] for row in read["rows"]][2:] == list(REFERENCES)
    assert read["rows"][-1]["psnr"] is None
    assert read["rows"][1]["delta_e"] is None
    assert read["psnr_at_cf"] == read["rows"][1]["psnr"] == card.matched.psnr
    assert (read["photos"], read["near_grey"], len(read["unreadable"])) == (3, 1, 1)


def test_table_is_aligned_and_names_the_protocol_in_every_line_of_figures(card) -> None:
    lines = card.to_table().splitlines()
    figures = [line for line in lines if line.startswith(tuple(row.name for row in card.rows))]
    assert len(figures) == 5
    assert {line.index(PROTOCOL) for line in figures} == {figures[0].index(PROTOCOL)}
    assert f"{card.colored.psnr:.2f}" in figures[0]
    assert figures[-1].split()[3] == "inf"
    assert "3 photos at 256×256; left out: 1 near grey, 1 unreadable" in lines
    assert f"PSNR@CF: {card.psnr_at_cf:.2f} dB" in card.to_table()
    assert lines[-1].startswith("unreadable: ")


def test_a_network_too_pale_for_the_truth_has_no_psnr_at_cf(folder: Path) -> None:
    card = evaluate(Colorizer(pale_network(), working_size=64), folder / "deeper", limit=1)
    assert card.psnr_at_cf is None
    assert card.to_json()["psnr_at_cf"] is None
    assert card.matched.vibrance == 5  # the most vivid comes nearest
    assert card.colored.cf < card.matched.cf < card.references[-1].cf - 0.5
    assert "PSNR@CF: not reached; nearest at vibrance 5.00, where CF is " in card.to_table()


def row_at(vibrance: float, cf: float, true_cf: float) -> Row:
    return Row("colored", vibrance, 20.0, cf, abs(cf - true_cf))


@pytest.mark.parametrize(
    ("true_cf", "vibrance"),
    [(30, 1), (90, 3), (12, 0.4), (150, 5), (6, 0.2), (400, 5), (1, 0.2)],
)
def test_search_finds_the_vibrance_or_the_nearest(true_cf: float, vibrance: float) -> None:
    tried = []

    def read(at: float) -> Row:
        tried.append(at)
        return row_at(at, 30 * at, true_cf)

    found = match_colorfulness(read, true_cf)
    assert found.vibrance == pytest.approx(vibrance, abs=0.1 / 30)
    assert len(tried) <= 16


def test_search_ends_where_colorfulness_jumps_over_the_truth() -> None:
    found = match_colorfulness(lambda at: row_at(at, 20.0 if at < 2 else 60.0, 50), 50)
    assert (found.cf, found.delta_cf) == (60, 10)


def test_limit_takes_files_from_all_over_the_folder(colorizer, folder, monkeypatch) -> None:
    read = []

    def note(path: Path) -> None:
        read.append(path.name)
        raise PhotoError(f"{path}: not read")

    monkeypatch.setattr("deepkoal.evaluation.run.read_photo", note)
    with pytest.raises(DeepkoalError, match=r"among 2 \(0 near grey, 2 unreadable\)"):
        evaluate(colorizer, folder, limit=2)
    assert sorted(read) == ["broken.jpg", "chelsea.png"]  # the first and the third of five


def test_folders_without_color_photos_are_refused(colorizer, folder, tmp_path) -> None:
    with pytest.raises(DeepkoalError, match=r"no photo to measure among 0 .*give a folder"):
        evaluate(colorizer, tmp_path)
    write_image(tmp_path / "grey.png", np.full((64, 64, 3), 90, np.uint8))
    with pytest.raises(DeepkoalError, match=r"among 1 \(1 near grey, 0 unreadable\)"):
        evaluate(colorizer, tmp_path)
    with pytest.raises(PhotoError, match="cannot be listed"):
        evaluate(colorizer, tmp_path / "missing")
    with pytest.raises(DeepkoalError, match="at least 1 photo, not 0"):
        evaluate(colorizer, folder, limit=0)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("run") / "best.keras"
    network_of_logits().save(path)
    return str(path)


def test_evaluate_verb_prints_the_table_and_writes_json(model, folder, tmp_path, capsys) -> None:
    out = tmp_path / "card.json"
    photos = str(folder / "deeper")
    options = ["--limit", "1", "--working-size", "96", "--temperature", "0.7"]
    assert main(["evaluate", photos, "--model", model, "--json", str(out), *options]) == 0
    stdout, stderr = capsys.readouterr()
    written = json.loads(out.read_text(encoding="utf-8"))
    assert (written["photos"], written["working_size"], written["temperature"]) == (1, 96, 0.7)
    assert stdout.startswith(f"lite: {written['parameters']} parameters, working size 96")
    assert f"{written['rows'][0]['psnr']:.2f}" in stdout
    assert "coloring" in stderr
    assert "coloring" not in stdout
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--working-size", "16"], "--working-size must be at least 32, not 16"),
        (["--temperature", "nan"], "--temperature must be a number above 0, not nan"),
        (["--limit", "0"], "limit must be at least 1 photo, not 0"),
    ],
)
def test_evaluate_verb_refuses_settings_no_network_could_use(
    options, expected, model, folder, capsys
) -> None:
    assert main(["evaluate", str(folder), "--model", model, *options]) == 1
    assert capsys.readouterr().err.splitlines() == [f"deepkoal: {expected}"]


def test_evaluate_verb_takes_one_network(folder: Path, capsys) -> None:
    assert main(["evaluate", str(folder), "--model", "run", "--preset", "koala"]) == 2
    assert "not allowed with" in capsys.readouterr().err


def test_evaluate_verb_says_where_figures_cannot_be_written(model, folder, tmp_path, capsys):
    out = tmp_path / "missing" / "card.json"
    photos = str(folder / "deeper")
    assert main(["evaluate", photos, "--model", model, "--limit", "1", "--json", str(out)]) == 1
    stdout, stderr = capsys.readouterr()
    assert "PSNR@CF" in stdout  # what was measured is not lost
    assert f"{out}: cannot write the figures (No such file or directory)" in stderr
