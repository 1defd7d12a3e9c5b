"""Variations: repeatable, coherent, shy where the network is certain, and the likeliest first."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import kstest
from tiny_networks import tiny_koala, tiny_lite

from deepkoal.arrays import namespace
from deepkoal.color import BIN_WIDTH, ab_bins, encode_ab
from deepkoal.errors import DeepkoalError
from deepkoal.guidance import (
    ColorOptions,
    DecodingConfig,
    Kernel,
    Palette,
    VariationLatents,
    compute_latents,
    decode_outputs,
    make_affinity_points,
    sample_latents,
    sort_variations,
    vary,
)
from deepkoal.guidance.variation_latents import BREADTH, SHARED
from deepkoal.guidance.variations import SPREAD
from deepkoal.hints import Hint
from deepkoal.inference.colorizer import Colorizer

DEPTH = 6


@pytest.fixture
def scene():
    """A distribution of 5×7 places and the places."""
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 2, (5, 7, len(ab_bins()))).astype("float32")
    features = generator.normal(0, 0.4, (5, 7, DEPTH)).astype("float32")
    l = generator.uniform(0, 100, (5, 7)).astype("float32")
    return logits, make_affinity_points(features, l)


@pytest.fixture(scope="module")
def prediction(photos):
    return Colorizer.from_preset("koala-lite", backend="litert").predict(photos["coffee"])


def tell_gaussian(mean, covariance):
    """Return the logits of a Gaussian over the bins, (Q,)."""
    offset = ab_bins() - np.asarray(mean)
    return (-0.5 * np.sum(offset @ np.linalg.inv(covariance) * offset, axis=-1)).astype("float32")


def push(directions, vibrances):
    """Return a noise that is the same at all places."""
    n = len(directions)
    nothing = [np.zeros(shape, "float32") for shape in ((DEPTH, 1), 1, (2, 1), 1, (n, 1, 2))]
    return VariationLatents(
        *nothing, np.array(directions, "float32"), np.array(vibrances, "float32")
    )


def decode_varied(logits, points, latents, decoding, vibrance):
    """ab (n + 1, h, w, 2): the automatic colors, then the n variations, the likeliest first."""
    decoding = DecodingConfig(decoding) if isinstance(decoding, float) else decoding
    best = sort_variations(logits, points, latents, decoding)
    vibrances = vibrance * best.vibrances[:, None, None, None]
    automatic = decode_outputs({"logits": logits}, decoding, vibrance)[None]
    varied = decode_outputs({"logits": vary(logits, points, best)}, decoding, vibrances)
    return namespace(logits).concatenate([automatic, varied], axis=0)


# --- the noise ---------------------------------------------------------------------------------


def test_noise_repeats_under_its_seed_alone():
    latents, again, other = (sample_latents(4, seed, DEPTH, Kernel()) for seed in (3, 3, 4))
    for name, drawn in vars(latents).items():
        np.testing.assert_array_equal(drawn, getattr(again, name))
    assert not np.allclose(latents.directions, other.directions)
    assert not np.allclose(latents.heights, other.heights)


def test_noise_agrees_between_places_as_far_as_they_are_alike(scene):
    _, points = scene
    widths = {"features": 0.5, "lightness": 30.0, "position": 0.6}
    hints = Kernel(**{name: (width,) for name, width in widths.items()}, weights=(1.3,))
    broader = Kernel(**{name: (BREADTH * w,) for name, w in widths.items()}, weights=(1.0,))
    products = []
    for seed in range(80):
        latents = sample_latents(9, seed, DEPTH, hints)
        field = latents.at(points) - latents.directions[:, None]
        products.append(np.einsum("inc,imc->nm", field, field) / (2 * len(field)))
    covariance = (1 - SHARED) * broader.compare(points, points)
    assert np.abs(np.mean(products, axis=0) - covariance).max() < 0.15 * (1 - SHARED)


@pytest.mark.parametrize("count", [2, 3, 5, 9, 16])
def test_the_noise_has_unit_variance_of_which_the_shared_part_is_as_stated(scene, count):
    _, points = scene
    shared, own = [], []
    for seed in range(200):
        latents = sample_latents(count, seed, DEPTH, Kernel())
        field = latents.at(points) - latents.directions[:, None]
        shared.append(np.mean(latents.directions**2, axis=0))
        own.append(np.mean(field**2))
    # Of two chroma axes each has it, on average over the turns of the seeds.
    np.testing.assert_allclose(np.mean(shared, axis=0), SHARED, rtol=0.05)
    np.testing.assert_allclose(np.sum(shared, axis=1), 2 * SHARED, rtol=1e-4)  # of every seed
    np.testing.assert_allclose(np.mean(own), 1 - SHARED, rtol=0.05)


def test_draws_are_uniform_normal_and_independent():
    latents = [sample_latents(9, seed, 64, Kernel()) for seed in range(20)]
    waves = np.concatenate([each.phases for each in latents]) / (2 * np.pi)
    assert kstest(waves, "uniform").pvalue > 0.01
    normal = [
        each.heights.ravel() / np.sqrt((1 - SHARED) * 2 / each.phases.size) for each in latents
    ]
    assert kstest(np.concatenate(normal), "norm").pvalue > 0.01
    assert np.abs(np.corrcoef(normal) - np.eye(20)).max() < 0.1  # a neighboring seed is another one
    ahead = np.concatenate(normal)
    assert abs(np.corrcoef(ahead[:-1], ahead[1:])[0, 1]) < 0.02


@pytest.mark.parametrize("seed", [0, 31, 32, 2**31 - 1, 2**32 - 1, 2**40 + 7, np.int64(5)])
def test_any_seed_is_taken(seed):
    latents = sample_latents(3, seed, DEPTH, Kernel())
    assert np.isfinite(latents.heights).all()
    same = sample_latents(3, int(seed) % 2**32, DEPTH, Kernel())
    np.testing.assert_array_equal(latents.heights, same.heights)


@pytest.mark.parametrize(("count", "seed"), [(1, 0), (2, 3), (4, 31), (16, 2**31 - 1)])
def test_a_graph_computes_the_same_latents_for_any_count_and_seed(count, seed):
    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)] * 2, autograph=False)
    def compute(count, seed):
        latents = compute_latents(count, tf.cast(seed[None], tf.uint32), DEPTH, Kernel())
        return vars(latents)

    expected = vars(sample_latents(count, seed, DEPTH, Kernel()))
    for name, values in compute(count, seed).items():
        assert values.shape == expected[name].shape
        np.testing.assert_allclose(values, expected[name], rtol=1e-4, atol=1e-5)


def test_what_a_photo_shares_is_spread_evenly():
    latents = sample_latents(8, 0, DEPTH, Kernel())
    turns = np.sort(np.arctan2(*latents.directions.T))
    assert np.diff(turns).max() < np.pi / 2  # 7 directions leave no half of the colors out
    np.testing.assert_allclose(latents.directions.mean(axis=0), 0, atol=0.25)
    np.testing.assert_allclose(np.prod(latents.vibrances), 1, rtol=1e-5)


@pytest.mark.parametrize("count", [0, -3, 17, 1_000_000, 2.5, float("nan"), "4", None])
def test_what_is_no_count_is_refused(prediction, count):
    for ask in (prediction.variations, prediction.list_variations):
        with pytest.raises(DeepkoalError, match=f"a count of variations .* in 1…16, got {count!r}"):
            ask(count)


@pytest.mark.parametrize("seed", [-1, 1.5, float("nan"), "0", None])
def test_what_is_no_seed_is_refused(prediction, seed):
    for ask in (prediction.variations, prediction.list_variations):
        with pytest.raises(DeepkoalError, match=f"a seed .* got {seed!r}"):
            ask(2, seed=seed)


# --- the variations ----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_automatic_colors_come_first(scene, count):
    logits, points = scene
    looks = decode_varied(logits, points, sample_latents(count, 0, DEPTH, Kernel()), 0.7, 1.2)
    assert looks.shape == (count, 5, 7, 2)
    assert looks.dtype == np.float32
    np.testing.assert_array_equal(
        looks[0], decode_outputs({"logits": logits}, DecodingConfig(0.7), 1.2)
    )


def test_a_gaussian_moves_half_the_way_that_it_is_told():
    # Two Gaussians of one covariance multiply to one whose mean lies halfway.
    mean, covariance = np.array([3.0, -8.0]), np.array([[120.0, 45.0], [45.0, 80.0]])
    logits = np.broadcast_to(tell_gaussian(mean, covariance), (2, 3, len(ab_bins())))
    points = make_affinity_points(np.zeros((2, 3, DEPTH), "float32"), np.zeros((2, 3), "float32"))
    z = np.array([0.8, -0.5])
    looks = decode_varied(logits, points, push([z / SPREAD], [1.0]), 1.0, 1.0)
    widened = covariance + np.eye(2) * BIN_WIDTH**2 / 12  # S has what a bin hides
    values, vectors = np.linalg.eigh(widened)
    told = vectors @ (np.sqrt(values) * (vectors.T @ z))
    inverses = np.linalg.inv(covariance), np.linalg.inv(widened)
    halfway = np.linalg.solve(sum(inverses), inverses[1] @ told)
    np.testing.assert_allclose(looks[0], np.broadcast_to(mean, (2, 3, 2)), atol=0.1)
    np.testing.assert_allclose(looks[1], np.broadcast_to(mean + halfway, (2, 3, 2)), atol=0.1)


def test_a_choice_is_made_among_the_colors_that_are_possible():
    red, green = np.array([50.0, 30.0]), np.array([-40.0, 30.0])
    shares = 0.6 * encode_ab(red[None]) + 0.4 * encode_ab(green[None])
    logits = np.log(shares + 1e-9)[None].astype("float32")
    points = make_affinity_points(np.zeros((1, 1, DEPTH), "float32"), np.zeros((1, 1), "float32"))
    sides = push([[1.4 / SPREAD, 0], [-1.4 / SPREAD, 0]], [1.0, 1.0])
    looks = decode_varied(logits, points, sides, 0.5, 1.0)[1:, 0, 0]
    np.testing.assert_allclose(looks[np.argsort(looks[:, 0])], [green, red], atol=3)


def test_certain_places_stay_as_they_are(scene):
    _, points = scene
    ab = np.random.default_rng(0).uniform(-40, 40, (5, 7, 2)).astype("float32")
    logits = np.log(encode_ab(ab, neighbors=3, sigma=2.0) + 1e-12)
    latents = sample_latents(8, 0, DEPTH, Kernel())
    looks = decode_varied(logits, points, latents, 0.7, 1.0)[1:]
    plain = np.stack(
        [decode_outputs({"logits": logits}, DecodingConfig(0.7), v) for v in latents.vibrances]
    )
    # All that vibrance does not do is less than a bin.
    nearest = np.linalg.norm(looks[:, None] - plain, axis=-1).mean(axis=(2, 3)).min(axis=1)
    assert nearest.max() < BIN_WIDTH


def test_the_likeliest_come_first(scene):
    logits, points = scene
    latents = sample_latents(8, 2, DEPTH, Kernel())
    looks = decode_varied(logits, points, latents, 0.7, 1.0)
    shares = np.exp(logits.astype("float64"))
    shares /= shares.sum(axis=-1, keepdims=True)
    mean = shares @ ab_bins()
    offset = ab_bins() - mean[..., None, :]
    covariance = np.einsum("hwq,hwqi,hwqj->hwij", shares, offset, offset)
    precision = np.linalg.inv(covariance + np.eye(2) * BIN_WIDTH**2 / 12)
    apart = np.einsum("khwi,hwij,khwj->k", looks - mean, precision, looks - mean)
    assert (np.diff(apart[1:]) > 0).all()
    # The order is of likelihood, not that in which they were drawn.
    unsorted = decode_varied(logits, points, turn_around(latents), 0.7, 1.0)
    np.testing.assert_allclose(unsorted, looks, atol=1e-3)


def turn_around(latents):
    reversed_ones = {n: getattr(latents, n)[::-1] for n in ("heights", "directions", "vibrances")}
    return VariationLatents(**{**vars(latents), **reversed_ones})


def test_a_photo_varies_by_things_and_not_by_places(prediction):
    logits, points = prediction.outputs["logits"], prediction.points
    latents = sample_latents(8, 0, points.features.shape[-1], prediction.decoding.kernel)
    looks = decode_varied(logits, points, latents, prediction.decoding, 1.0)
    apart = np.linalg.norm(looks[:, None] - looks[None], axis=-1)
    assert apart.sum() / (8 * 7 * apart[0, 0].size) > 5  # one sees that they differ
    z = latents.at(points).reshape(-1, *logits.shape[:2], 2)
    for field in (z, looks[1:] - looks[0]):  # of independent places steps would be √2 as large
        steps = np.diff(field, axis=2)
        assert np.sqrt(np.mean(steps**2)) < 0.5 * np.sqrt(np.mean(field**2))


def test_a_graph_of_any_size_varies_as_arrays_do(scene):
    logits, points = scene
    latents = sample_latents(4, 5, DEPTH, Kernel())
    features, l = points.features.reshape(5, 7, DEPTH), points.l.reshape(5, 7)

    sizes = [(None, None, depth) for depth in (logits.shape[-1], DEPTH, 1)]

    @tf.function(input_signature=list(map(tf.TensorSpec, sizes)))
    def draw(logits, features, l):
        constants = VariationLatents(*map(tf.constant, vars(latents).values()))
        return decode_varied(logits, make_affinity_points(features, l[..., 0]), constants, 0.7, 1.1)

    expected = decode_varied(logits, points, latents, 0.7, 1.1)
    np.testing.assert_allclose(draw(logits, features, l[..., None]), expected, atol=0.01)


# --- as part of a look -------------------------------------------------------------------------


def test_a_look_may_start_from_a_variation(prediction):
    variations = prediction.list_variations(4, seed=5)
    decoding, features = prediction.decoding, prediction.points.features
    latents = sample_latents(4, 5, features.shape[-1], decoding.kernel)
    expected = decode_varied(
        prediction.outputs["logits"],
        prediction.points,
        latents,
        decoding,
        2.0,
    )
    for variation, ab in zip([None, *variations], expected, strict=True):
        got = prediction.decode_ab(variation=variation, vibrance=2, cleanup=False)
        np.testing.assert_allclose(got, ab, atol=1e-3)
    looks = prediction.variations(4, seed=5)
    np.testing.assert_array_equal(looks[3], prediction.render(variation=variations[2]))


def test_palettes_and_hints_act_on_a_variation(prediction):
    (*_, variation) = prediction.list_variations(6)
    sepia = Palette.named("sepia")
    plain, varied, both, toned = (
        prediction.decode_ab(**options)
        for options in (
            {},
            {"variation": variation},
            {"variation": variation, "palette": sepia},
            {"palette": sepia},
        )
    )
    away = np.linalg.norm(varied - plain, axis=-1).mean()
    assert np.linalg.norm(both - toned, axis=-1).mean() < 0.6 * away  # sepia is all that it may be
    hint = Hint(500, 60, (-30.0, 20.0))
    hinted, plain_hinted = (
        prediction.render(variation=each, hints=[hint]) for each in (variation, None)
    )
    red, green, _ = hinted[60, 500].astype(int)
    assert green > red + 20
    assert np.abs(hinted.astype(int) - plain_hinted).mean() > 3  # elsewhere the variation stays


def test_variations_obey_every_option_and_share_its_cost(prediction, photos, monkeypatch):
    options = ColorOptions(
        vibrance=0.7,
        hints=[Hint(500, 60, (-30.0, 20.0))],
        palette="sepia",
        reference=photos["chelsea"],
        cleanup=False,
    )
    passes = []
    see = prediction.read_reference
    watched = replace(prediction, read_reference=lambda rgb: passes.append(1) or see(rgb))
    looks = watched.variations(3, options, seed=8)
    assert len(passes) == 1
    expected = [None, *prediction.list_variations(3, seed=8)]
    for rgb, variation in zip(looks, expected, strict=True):
        alone = prediction.render(options, variation=variation)
        assert np.abs(rgb.astype(int) - alone).max() <= 1
    for change in ({"cleanup": True}, {"vibrance": 1.0}, {"hints": ()}, {"palette": None}):
        other = prediction.variations(2, options, seed=8, **change)[1]
        assert (other != looks[1]).any(), change
    with pytest.raises(DeepkoalError, match="start from no other variation"):
        prediction.variations(2, variation=expected[1])


def test_a_network_that_predicts_one_color_only_does_not_vary(photos):
    prediction = Colorizer(tiny_koala(), working_size=64).predict(photos["coffee"])
    (variation,) = (
        Colorizer(tiny_lite(), working_size=64).predict(photos["coffee"]).list_variations(2)
    )
    with pytest.raises(DeepkoalError, match="variations need a network"):
        prediction.render(variation=variation)
