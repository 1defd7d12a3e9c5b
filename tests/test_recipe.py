"""Recipes: what is read, what is refused, and that the refusal names the setting."""

import dataclasses
import math

import pytest

from deepkoal import errors as config
from deepkoal.errors import DeepkoalError, RunError
from deepkoal.pretrained.recipe import Recipe


def test_every_expected_error_is_a_deepkoal_error():
    for error in (config.PhotoError, config.RecordsError, config.WeightsError, config.RunError):
        assert issubclass(error, DeepkoalError)
    # Not a ValueError or an OSError, which a caller may catch for other reasons.
    assert DeepkoalError.__bases__ == (Exception,)


def test_a_recipe_file_changes_what_it_names(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('size = 64\nlearning_rate = 1\nprecision = "mixed_bfloat16"\n')
    expected = dataclasses.replace(Recipe(), size=64, learning_rate=1.0, precision="mixed_bfloat16")
    assert Recipe.read(path) == expected


def test_an_empty_recipe_file_is_the_defaults(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("")
    assert Recipe.read(path) == Recipe()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"size = ", "not a readable recipe"),
        (b"\xff\xfe", "not a readable recipe"),
        (b"sise = 64", "unknown recipe setting 'sise'; known: size, batch_size"),
        (b'size = "64"', "recipe setting size must be int, not '64'"),
        (b"size = 64.5", "recipe setting size must be int, not 64.5"),
        (b"epochs = true", "recipe setting epochs must be int, not True"),
        (b"learning_rate = false", "recipe setting learning_rate must be float, not False"),
        (b"[recipe]\nsize = 64", "unknown recipe setting 'recipe'"),
        (b"self = 1", "unknown recipe setting 'self'"),
        (b"size = 65", "size must be a multiple of 32, not 65"),
    ],
)
def test_a_faulty_recipe_file_is_named(tmp_path, content, told):
    path = tmp_path / "recipe.toml"
    path.write_bytes(content)
    with pytest.raises(RunError) as error:
        Recipe.read(path)
    assert str(path) in str(error.value)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_recipe_file_is_named(tmp_path):
    with pytest.raises(RunError, match=r"absent\.toml: not a readable recipe"):
        Recipe.read(tmp_path / "absent.toml")


def test_replacing_leaves_what_is_none_and_the_original():
    recipe = Recipe(epochs=7)
    assert recipe.replace(size=None, batch_size=4) == Recipe(epochs=7, batch_size=4)
    assert recipe == Recipe(epochs=7)


@pytest.mark.parametrize(
    "setting",
    [
        {"size": 0},
        {"size": -32},
        {"batch_size": 0},
        {"epochs": 0},
        {"steps_per_epoch": 0},
        {"learning_rate": 0.0},
        {"learning_rate": math.nan},
        {"learning_rate": math.inf},
        {"warmup": 1.1},
        {"warmup": math.nan},
        {"schedule": "linear"},
        {"decay": 1.5},
        {"ema": 1.0},
        {"ema": -0.1},
        {"weight_decay": -0.1},
        {"weight_decay": math.nan},
        {"rebalance_mix": -0.1},
        {"rebalance_power": 2.0},
        {"encoder_rate": 1.5},
        {"precision": "float16"},
        {"seed": -1},
        {"seed": 2**32},
    ],
)
def test_a_setting_no_run_could_use_is_refused(setting):
    ((name, value),) = setting.items()
    with pytest.raises(RunError, match=rf"^{name} must .*{value}"):
        Recipe(**setting)


def test_the_ends_of_the_ranges_are_usable():
    Recipe(size=32, batch_size=1, epochs=1, steps_per_epoch=1, warmup=0, weight_decay=0)
    Recipe(warmup=1, encoder_rate=0, rebalance_mix=1, rebalance_power=1, seed=2**32 - 1)


def test_warmup_and_decay_share_the_run():
    Recipe(schedule="wsd", warmup=0.5, decay=0.5)
    Recipe(schedule="cosine", warmup=0.9, decay=0.5)
    with pytest.raises(RunError, match=r"warmup and decay must be 1 together at most, not 0\.9"):
        Recipe(schedule="wsd", warmup=0.9, decay=0.5)


def test_former_names_are_known_for_one_release(tmp_path):
    path = tmp_path / "old.toml"
    path.write_text("critic_filters = 32\ncritic_rate = 4.0\ncritic_steps = 120\n")
    with pytest.warns(DeprecationWarning, match=r"critic_filters \(discriminator_filters\), "):
        recipe = Recipe.read(path)
    assert recipe == Recipe(
        discriminator_filters=32, discriminator_rate=4.0, discriminator_warmup=120
    )
