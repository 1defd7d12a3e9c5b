import json
import math
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import skimage.color
import skimage.data
from skimage.metrics import peak_signal_noise_ratio
from tiny_networks import tiny_lite

import deepkoal.evaluation
from deepkoal.cli import main
from deepkoal.color import ab_bins
from deepkoal.errors import DeepkoalError, PhotoError
from deepkoal.evaluation import (
    FIGURES,
    MEAN_TRAINING_AB,
    PROTOCOL,
    Row,
    Scorecard,
    check_figures,
    evaluate,
    load_photos,
    match_colorfulness,
)
from deepkoal.evaluation.figures.fidelity import Fidelity
from deepkoal.evaluation.figures.hints import COUNTS
from deepkoal.evaluation.figures.uncertainty import HINTS
from deepkoal.evaluation.metrics import center_square, ciede2000, colorfulness, psnr, ssim
from deepkoal.guidance import DecodingConfig
from deepkoal.image_io import read_image, read_photo, write_image
from deepkoal.inference.colorizer import Colorizer

# Keras 3.15 copies TensorFlow's variables so when it saves a network.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

DECODING = DecodingConfig(temperature=1.0, psnr_optimal_vibrance=0.5)
PHOTOS = ("astronaut", "chelsea", "coffee")
REFERENCES = ("grey photo", "mean training color", "true photo")


def network_of_logits() -> keras.Model:
    """A random color distribution for each lightness, at stride 4."""
    l_norm = keras.Input((None, None, 1), name="l_norm")
    coarse = keras.layers.AveragePooling2D(4)(l_norm)
    kernel = keras.initializers.Constant(np.random.default_rng(0).normal(0, 6, len(ab_bins())))
    logits = keras.layers.Conv2D(len(ab_bins()), 1, kernel_initializer=kernel, name="logits")
    features = keras.layers.Concatenate(name="features")([coarse, 1 - coarse])
    return keras.Model(l_norm, {"logits": logits(coarse), "features": features}, name="lite")


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
    return Colorizer(network_of_logits(), working_size=64, decoding=DECODING)


@pytest.fixture(scope="module")
def card(colorizer, folder) -> Scorecard:
    return evaluate(colorizer, folder)


@pytest.fixture(scope="module")
def fidelity(card) -> Fidelity:
    return card.figures["fidelity"]


def test_what_is_no_color_photo_is_left_out_and_named(card: Scorecard, folder: Path) -> None:
    assert (card.photos, card.near_grey, len(card.unreadable)) == (3, 1, 1)
    assert card.unreadable[0].startswith(str(folder / "broken.jpg"))


def test_default_figures_are_the_means_over_the_photos(fidelity, colorizer) -> None:
    pairs = [(colorizer.colorize(truth), truth) for truth in true_photos()]
    colored = fidelity.colored
    assert colored.vibrance == 1
    assert colored.psnr == pytest.approx(np.mean([psnr(*pair) for pair in pairs]))
    assert colored.cf == pytest.approx(np.mean([colorfulness(rgb) for rgb, _ in pairs]))
    assert colored.delta_e == pytest.approx(np.mean([ciede2000(*pair) for pair in pairs]))
    assert colored.ssim == pytest.approx(np.mean([ssim(*pair) for pair in pairs]))


def test_psnr_at_cf_is_that_of_a_set_as_colorful_as_the_truth(card, fidelity, colorizer):
    truths = true_photos()
    colored = colorizer.colorize_batch(truths, vibrance=fidelity.matched.vibrance)
    cf, true_cf = (np.mean([colorfulness(rgb) for rgb in rgbs]) for rgbs in (colored, truths))
    assert fidelity.colored.delta_cf > 5  # there was something to search
    assert abs(cf - true_cf) <= 0.5
    assert fidelity.matched.delta_cf == pytest.approx(abs(cf - true_cf), abs=0.05)
    expected = np.mean([psnr(*pair) for pair in zip(colored, truths, strict=True)])
    assert card.psnr_at_cf == pytest.approx(expected, abs=0.01)


def test_psnr_at_0_7_cf_is_that_of_a_set_of_so_much_colorfulness(fidelity, colorizer):
    truths = true_photos()
    colored = colorizer.colorize_batch(truths, vibrance=fidelity.moderate.vibrance)
    cf, true_cf = (np.mean([colorfulness(rgb) for rgb in rgbs]) for rgbs in (colored, truths))
    assert abs(cf - 0.7 * true_cf) <= 0.5
    expected = np.mean([psnr(*pair) for pair in zip(colored, truths, strict=True)])
    assert fidelity.psnr_at_0_7_cf == pytest.approx(expected, abs=0.01)
    assert fidelity.moderate.vibrance < fidelity.matched.vibrance


def test_psnr_optimal_figures_are_those_at_the_decodings_own_vibrance(fidelity, colorizer):
    truths = true_photos()
    colored = colorizer.colorize_batch(truths, vibrance=0.5)
    assert fidelity.psnr_optimal.vibrance == 0.5
    expected = np.mean([psnr(*pair) for pair in zip(colored, truths, strict=True)])
    assert fidelity.psnr_optimal.psnr == pytest.approx(expected, abs=0.01)


def test_the_vibrance_of_highest_psnr_is_found(colorizer, folder) -> None:
    card = evaluate(colorizer, folder / "deeper", figures=["psnr_optimal_vibrance"])
    found = card.figures["psnr_optimal_vibrance"]
    truths = true_photos()

    def read(vibrance: float) -> float:
        colored = colorizer.colorize_batch(truths, vibrance=vibrance)
        return float(np.mean([psnr(*pair) for pair in zip(colored, truths, strict=True)]))

    assert found.psnr == pytest.approx(read(found.vibrance), abs=0.01)
    assert found.psnr >= max(read(found.vibrance * factor) for factor in (0.85, 1.15))


def test_reference_lines_can_be_checked_by_hand(fidelity: Fidelity) -> None:
    rows = {row.name: row for row in fidelity.references}
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


def test_a_warm_tint_is_closer_to_photos_than_grey(fidelity: Fidelity) -> None:
    rows = {row.name: row for row in fidelity.references}
    assert rows["mean training color"].delta_e < rows["grey photo"].delta_e


def test_the_network_is_described(card: Scorecard, colorizer: Colorizer) -> None:
    assert (card.network, card.working_sizes, card.temperature) == ("lite", (64,), 1.0)
    size = card.figures["cost"]
    assert size.parameters == 2 * len(ab_bins())  # a 1×1 kernel on one channel, and biases
    assert size.multiply_adds == 64 * 64 * len(ab_bins())  # at stride 4
    assert (size.working_sizes, size.working_multiply_adds) == ((64,), 16 * 16 * len(ab_bins()))
    assert 0 < size.seconds_per_photo < 60


def test_json_has_the_protocol_beside_every_figure_and_no_infinities(card, fidelity) -> None:
    read = json.loads(json.dumps(card.to_json(), allow_nan=False))
    figures = read["figures"]
    assert read["protocol"] == "deepkoal-protocol 2"
    assert {name: figure["protocol"] for name, figure in figures.items()} == dict.fromkeys(
        ("cost", "fidelity"), PROTOCOL
    )
    assert [row["name"] for row in figures["fidelity"]["references"]] == list(REFERENCES)
    assert figures["fidelity"]["references"][-1]["psnr"] is None
    assert figures["fidelity"]["matched"]["delta_e"] is None
    assert figures["fidelity"]["psnr_at_cf"] == fidelity.matched.psnr
    assert figures["fidelity"]["psnr_at_0_7_cf"] == fidelity.moderate.psnr
    assert figures["cost"]["multiply_adds"] == 64 * 64 * len(ab_bins())
    assert (read["photos"], read["near_grey"], len(read["unreadable"])) == (3, 1, 1)


def test_table_is_aligned_and_names_the_protocol_in_every_line_of_figures(card, fidelity) -> None:
    lines = card.to_table().splitlines()
    rows = [line for line in lines if line.startswith(tuple(row.name for row in card.rows))]
    assert len(rows) == 7
    assert f"{fidelity.colored.psnr:.2f}" in rows[0]
    assert rows[-1].split()[3] == "inf"
    found = lines[lines.index(rows[-1]) + 2 : -3]
    assert len(found) == 7  # a head, four lines of cost, PSNR@CF, PSNR@0.7CF
    for section in (rows, found[1:]):
        assert {line.index(PROTOCOL) for line in section} == {section[0].index(PROTOCOL)}
    assert f"{card.psnr_at_cf:.2f} dB" in found[-2]
    assert f"{fidelity.psnr_at_0_7_cf:.2f} dB" in found[-1]
    assert "3 photos at 256×256; left out: 1 near grey, 1 unreadable" in lines
    assert lines[-1].startswith("unreadable: ")


def test_a_network_too_pale_for_the_truth_has_no_psnr_at_cf(folder: Path) -> None:
    pale = Colorizer(pale_network(), working_size=64)
    card = evaluate(pale, folder / "deeper", figures=["fidelity"], limit=1)
    fidelity = card.figures["fidelity"]
    assert card.psnr_at_cf is None
    assert card.to_json()["figures"]["fidelity"]["psnr_at_cf"] is None
    assert fidelity.matched.vibrance == pytest.approx(5)  # the most vivid comes nearest
    assert fidelity.colored.cf < fidelity.matched.cf < fidelity.references[-1].cf - 0.5
    assert "PSNR@CF (not reached; nearest at vibrance 5.00, where CF is " in card.to_table()
    assert "PSNR@0.7CF (not reached; nearest at vibrance 5.00" in card.to_table()
    assert fidelity.psnr_at_0_7_cf is None


def test_figures_a_network_has_not_are_dashes_that_say_why(folder: Path) -> None:
    asked = ["diversity", "uncertainty", "hints", "semantic_accuracy"]
    pale = Colorizer(pale_network(), working_size=64)
    card = evaluate(pale, folder / "deeper", figures=asked, limit=1)
    assert list(card.figures) == ["hints", "diversity", "uncertainty", "semantic_accuracy"]
    assert (card.rows, card.psnr_at_cf) == ((), None)
    lines = [line for line in card.to_table().splitlines() if " – " in line]
    assert [line.partition(" (")[0] for line in lines] == [
        "PSNR(k)",
        "diversity",
        "uncertainty",
        "semantic recovery",
    ]
    assert "distribution" in lines[1]
    assert "no photo in a folder named by its class" in lines[3]


def test_figures_of_one_network_agree_where_they_meet(folder: Path) -> None:
    lite = Colorizer(tiny_lite(), working_size=64, decoding=DECODING)
    card = evaluate(lite, folder / "deeper", figures=list(FIGURES), limit=1)
    assert list(card.figures) == list(FIGURES)
    fidelity, hints = card.figures["fidelity"], card.figures["hints"]
    assert hints.vibrance == fidelity.psnr_optimal.vibrance == 0.5
    assert hints.psnr[0] == pytest.approx(fidelity.psnr_optimal.psnr)
    assert hints.psnr[-1] > hints.psnr[0] + 1
    assert card.figures["uncertainty"].random == pytest.approx(hints.psnr[COUNTS.index(HINTS)])
    assert card.figures["diversity"].automatic == pytest.approx(fidelity.colored.psnr)
    assert card.figures["diversity"].gain > 0
    assert card.figures["psnr_optimal_vibrance"].psnr >= fidelity.psnr_optimal.psnr
    assert "–" not in [
        line.value for name in ("hints", "uncertainty") for line in card.figures[name].lines()
    ]


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


def test_search_for_less_colorfulness_than_the_truths_ends_at_that() -> None:
    found = match_colorfulness(lambda at: row_at(at, 30 * at, true_cf=60), 0.7 * 60)
    assert found.cf == pytest.approx(42, abs=0.1)
    assert found.vibrance == pytest.approx(1.4, abs=0.01)


def test_limit_takes_files_from_all_over_the_folder(colorizer, folder, monkeypatch) -> None:
    read = []

    def note(path: Path) -> None:
        read.append(path.name)
        raise PhotoError(f"{path}: not read")

    monkeypatch.setattr("deepkoal.evaluation.photos.read_photo", note)
    with pytest.raises(DeepkoalError, match=r"\(0 near grey, 2 unreadable, as .*: not read\)"):
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


def test_figures_that_are_none_are_refused_before_any_work(colorizer, folder) -> None:
    with pytest.raises(
        DeepkoalError, match="no figure 'fid'; there are: cost, fidelity, psnr_optimal_vibrance, "
    ):
        evaluate(colorizer, folder, figures=["fidelity", "fid"])


def test_names_of_the_release_before_are_taken_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="'recovery' is now named 'semantic_accuracy'"):
        assert check_figures(["recovery", "nll"]) == ["semantic_accuracy", "nll"]
    with pytest.warns(DeprecationWarning, match="is now load_photos"):
        assert deepkoal.evaluation.see_photos is load_photos


def test_a_photo_that_fails_unexpectedly_is_left_out_alone(colorizer, folder, monkeypatch) -> None:
    def fail(path: Path):
        if path.name == "coffee.png":
            raise AttributeError("'NoneType' object has no attribute 'shape'")
        return read_photo(path)

    monkeypatch.setattr("deepkoal.evaluation.photos.read_photo", fail)
    real = colorizer.__class__.predict

    def predict_few(self, photo):
        if photo[0, 0].tolist() == chelsea[0, 0].tolist():
            raise ValueError("no such photo")
        return real(self, photo)

    chelsea = center_square(skimage.data.chelsea())
    monkeypatch.setattr(colorizer.__class__, "predict", predict_few)
    card = evaluate(colorizer, folder, figures=["cost"])
    assert (card.photos, card.near_grey, len(card.unreadable)) == (1, 1, 1)
    deeper = folder / "deeper"
    assert card.failed == (
        f"{deeper / 'chelsea.png'}: ValueError: no such photo",
        f"{deeper / 'coffee.png'}: AttributeError: 'NoneType' object has no attribute 'shape'",
    )
    table = card.to_table()
    assert "left out: 1 near grey, 1 unreadable, 2 failed\n" in table
    assert table.endswith(f"failed: {card.failed[1]}")
    assert card.to_json()["failed"] == list(card.failed)


def test_where_all_fail_the_first_failure_is_named(colorizer, folder, monkeypatch) -> None:
    monkeypatch.setattr(colorizer.__class__, "predict", lambda *_: 1 / 0)
    with pytest.raises(DeepkoalError, match=r"3 failed, as .*astronaut.png: ZeroDivisionError: "):
        evaluate(colorizer, folder)


def test_names_that_are_not_utf_8_break_neither_table_nor_json(colorizer, folder, tmp_path) -> None:
    write_image(tmp_path / "good.png", skimage.data.coffee())
    odd = os.fsencode(tmp_path) + b"/caf\xe9\n.jpg"
    try:
        Path(os.fsdecode(odd)).write_bytes(b"no photo")
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    card = evaluate(colorizer, tmp_path, figures=["cost"])
    assert card.unreadable[0].startswith(str(tmp_path / r"caf\xe9\n.jpg"))
    card.to_table().encode()
    assert len(card.to_table().splitlines()) == card.to_table().count("\n") + 1
    text = json.dumps(card.to_json(), ensure_ascii=False)
    assert json.loads(text.encode().decode()) == card.to_json()


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
    assert (written["photos"], written["working_sizes"], written["temperature"]) == (1, [96], 0.7)
    assert stdout.startswith("lite: working size 96, temperature 0.7\n")
    assert f"{written['figures']['fidelity']['colored']['psnr']:.2f}" in stdout
    assert "coloring" not in stdout + stderr  # no bar where it could not move
    assert list(tmp_path.iterdir()) == [out]


def test_evaluate_verb_takes_old_names_and_names_the_new(model, folder, capsys) -> None:
    photos = str(folder / "deeper")
    options = ["--limit", "1", "--model", model, "--figures", "recovery"]
    assert main(["evaluate", photos, *options]) == 0
    stdout, stderr = capsys.readouterr()
    assert "semantic recovery (no photo in a folder" in stdout
    assert "deepkoal: the figure recovery is deprecated; write semantic_accuracy\n" in stderr


def test_evaluate_verb_needs_no_folder_for_what_needs_none(model, tmp_path, capsys) -> None:
    out = tmp_path / "card.json"
    figures = ["--figures", "border,nothing_to_see", "--model", model]
    assert main(["evaluate", *figures, "--json", str(out)]) == 0
    assert "white border of 50 px" in capsys.readouterr().out
    assert list(json.loads(out.read_text())["figures"]) == ["border", "nothing_to_see"]
    assert main(["evaluate", *figures, "--page", str(tmp_path / "page.png")]) == 2
    assert "--page shows photos; give a folder of them" in capsys.readouterr().err
    assert main(["evaluate", "--model", model]) == 2
    message = "cost is measured on a folder of color photos; give one (only faces, border, "
    assert message in capsys.readouterr().err


def test_evaluate_verb_measures_what_is_asked_and_draws_it(model, folder, tmp_path, capsys) -> None:
    page, out = tmp_path / "page.png", tmp_path / "card.json"
    written = ["--page", str(page), "--json", str(out)]
    photos = str(folder / "deeper")
    options = ["--limit", "2", "--figures", "bleeding, context", "--model", model, *written]
    assert main(["evaluate", photos, *options]) == 0
    figures = json.loads(out.read_text(encoding="utf-8"))["figures"]
    assert sorted(figures) == ["bleeding", "context"]
    assert f"{figures['context']['ab']:.2f}" in capsys.readouterr().out
    height, width, _ = read_image(page).shape
    assert width > 3 * 3 * 160  # three groups of grey, colored and true photos
    assert height > 2 * 160


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--working-size", "16"], "expected a whole number of at least 32, got '16'"),
        (["--temperature", "nan"], "expected a number above 0, got 'nan'"),
        (["--limit", "0"], "expected a whole number of at least 1, got '0'"),
        (["--figures", "beauty"], "'beauty'"),
    ],
)
def test_evaluate_verb_refuses_settings_no_network_could_use(
    options, expected, model, folder, capsys
) -> None:
    assert main(["evaluate", str(folder), "--model", model, *options]) == 2
    assert expected in capsys.readouterr().err.splitlines()[-1]


def test_evaluate_verb_takes_one_network(folder: Path, capsys) -> None:
    assert main(["evaluate", str(folder), "--model", "run", "--preset", "koala"]) == 2
    assert "not allowed with" in capsys.readouterr().err


def test_evaluate_verb_refuses_a_page_in_no_picture_format(folder: Path, capsys) -> None:
    assert main(["evaluate", str(folder), "--page", "page.pdf"]) == 2
    assert "end the name in .jpg or .png" in capsys.readouterr().err


def test_evaluate_verb_says_where_figures_cannot_be_written(model, folder, tmp_path, capsys):
    out = tmp_path / f"{'long' * 70}.json"
    photos = str(folder / "deeper")
    assert main(["evaluate", photos, "--model", model, "--limit", "1", "--json", str(out)]) == 1
    stdout, stderr = capsys.readouterr()
    assert "PSNR@CF" in stdout  # what was measured is not lost
    assert f"{out}: cannot write the figures (File name too long)" in stderr
