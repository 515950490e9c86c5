"""Chains and mixtures, against Pillow with the same draws, and the distribution of the draws."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

import selectax
from selectax.augmix.mixing import draw
from selectax.datasets.pipeline.batches import to_unit_range
from tests.reference import augmix as reference

KEY = jax.random.key(3)
SAMPLES = 6
BYTES = np.random.default_rng(1).integers(0, 256, (SAMPLES, 16, 16, 3), np.uint8)
FLOATS = to_unit_range(jnp.asarray(BYTES))


@functools.cache
def compiled(**options):
    return jax.jit(functools.partial(selectax.augment_and_mix, **options))


def at_strength(strength, images=FLOATS, key=KEY, severity=3):
    """With one compilation for each shape and dtype of the images."""
    strength, severity = np.float32(strength), np.float32(severity)
    return np.asarray(compiled()(key, images, strength=strength, severity=severity))


@functools.cache
def draws(samples=SAMPLES, width=3, depth=-1, alpha=1.0):
    found = draw(KEY, samples, width=width, depth=depth, alpha=alpha)
    return jax.tree.map(np.asarray, found)


def of_sample(sample):
    return jax.tree.map(lambda values: values[sample], draws())


@pytest.mark.parametrize(("strength", "severity"), [(1, 3), (2.5, 7.5), (8, 10)])
def test_mixtures_are_those_of_pillow(strength, severity):
    """At these severities, of 3 times the strength, but at most 10."""
    expected = [
        reference.augment_and_mix(image, of_sample(sample), severity)
        for sample, image in enumerate(BYTES)
    ]
    difference = np.abs(at_strength(strength) - expected)
    # Pillow's autocontrast differs by one level, which later operations can enlarge.
    assert np.mean(difference > 1e-6) < 0.1
    assert np.mean(difference) < 1e-3


def test_strength_zero_is_no_augmentation():
    fractions = np.random.default_rng(2).uniform(0, 1, FLOATS.shape).astype(np.float32)
    for images in (FLOATS, fractions):
        np.testing.assert_array_equal(at_strength(0, images), images)
        assert np.abs(at_strength(1, images) - images).mean() > 0.02


def test_a_strength_below_one_multiplies_the_share_and_the_severity():
    strength = 0.4
    for sample, image in enumerate(BYTES):
        one = of_sample(sample)
        one = one._replace(share=strength * one.share)
        expected = reference.augment_and_mix(image, one, strength * 3)
        found = at_strength(strength)[sample]
        assert np.mean(np.abs(found - expected)) < 1e-3


def test_one_compilation_serves_all_strengths_and_severities():
    at_strength(1)
    compilations = compiled()._cache_size()
    for value in (0, 0.5, 4):
        at_strength(value, severity=value)
    assert compiled()._cache_size() == compilations


@pytest.mark.slow
def test_bytes_and_floats_give_the_same():
    np.testing.assert_allclose(at_strength(1, BYTES), at_strength(1), atol=2e-7)
    np.testing.assert_array_equal(at_strength(0, BYTES), FLOATS)
    half = at_strength(1, FLOATS.astype(jnp.bfloat16))
    assert half.dtype == jnp.bfloat16
    assert np.all((half >= 0) & (half <= 1))


@pytest.mark.slow
def test_parts_of_a_batch_are_mixed_as_the_whole_batch_is():
    whole = at_strength(1)
    of_part = jax.jit(lambda images, index: selectax.augment_and_mix(KEY, images, part=(index, 2)))
    for index in (0, 1):
        own = slice(3 * index, 3 * index + 3)
        np.testing.assert_allclose(of_part(FLOATS[own], index), whole[own], atol=2e-7)


@pytest.mark.slow
def test_devices_share_networks_and_batches():
    """Under shard_map with JAX's check of varying axes."""
    if jax.device_count() < 4:
        pytest.skip("needs four devices")
    axes = (jax.sharding.AxisType.Auto,) * 2
    mesh = jax.make_mesh((2, 2), ("model", "data"), jax.devices()[:4], axis_types=axes)
    strengths = jnp.array([1.0, 2.0])

    def own(strength, images):
        part = (jax.lax.axis_index("data"), 2)
        mixed = selectax.augment_and_mix(KEY, images, strength=strength[0], part=part)
        return mixed[None]

    specs = (P("model"), P("data")), P("model", "data")
    spread = jax.jit(jax.shard_map(own, mesh=mesh, in_specs=specs[0], out_specs=specs[1]))
    for strength, found in zip(strengths, spread(strengths, FLOATS), strict=True):
        np.testing.assert_allclose(found, at_strength(strength), atol=2e-7)


@pytest.mark.slow
def test_networks_can_be_mapped_over():
    keys, strengths = jax.random.split(KEY), jnp.array([0.5, 2])
    mapped = jax.jit(
        jax.vmap(lambda key, strength: selectax.augment_and_mix(key, FLOATS, strength=strength))
    )(keys, strengths)
    for key, strength, found in zip(keys, strengths, mapped, strict=True):
        np.testing.assert_allclose(found, at_strength(strength, key=key), atol=2e-7)


@pytest.mark.slow
def test_gradients_pass_through_the_clean_image_alone():
    floats = 0.1 + 0.8 * FLOATS
    gradient = jax.grad(lambda images: compiled()(KEY, images).sum())(floats)
    expected = np.broadcast_to((1 - draws().share)[:, None, None, None], FLOATS.shape)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_an_image_that_is_not_finite_becomes_nan(poison):
    floats = np.array(FLOATS)
    floats[2, 3, 4, 1] = poison
    mixed = at_strength(1, floats)
    assert np.all(np.isnan(mixed[2]))
    assert np.all(np.isfinite(np.delete(mixed, 2, axis=0)))


def test_a_strength_that_is_not_a_number_gives_none():
    assert np.all(np.isnan(at_strength(np.nan)))


def test_no_images_give_none():
    assert selectax.augment_and_mix(KEY, BYTES[:0]).shape == (0, 16, 16, 3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["threefry2x32", "rbg"])
def test_draws_do_not_depend_on_the_default_dtypes(kind):
    key = jax.random.key(0, impl=kind)
    narrow = draw(key, 4, width=2, depth=-1, alpha=1.0)
    with jax.enable_x64(True):
        wide = draw(key, 4, width=2, depth=-1, alpha=1.0)
    for one, other in zip(narrow, wide, strict=True):
        assert one.dtype == other.dtype
        assert one.dtype in (jnp.int32, jnp.float32)
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.slow
def test_results_do_not_depend_on_the_default_dtypes():
    expected = at_strength(1)
    with jax.enable_x64(True):
        found = selectax.augment_and_mix(KEY, FLOATS, strength=1.0)
        assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected, atol=2e-7)


def test_draws_have_the_published_distributions():
    many = draws(samples=4000)
    for counts, values in ((9, many.operation), (3, many.length - 1), (2, (many.sign + 1) / 2)):
        frequencies = np.bincount(values.reshape(-1).astype(int), minlength=counts) / values.size
        assert len(frequencies) == counts
        # Within five standard deviations.
        spread = np.sqrt((1 - 1 / counts) / counts / values.size)
        np.testing.assert_allclose(frequencies, 1 / counts, atol=5 * spread)
    for uniform in (many.level, many.share):
        assert uniform.mean() == pytest.approx(1 / 2, abs=0.03)
        assert uniform.var() == pytest.approx(1 / 12, abs=0.006)
        assert uniform.min() >= 0
        assert uniform.max() <= 1
    np.testing.assert_allclose(many.weights.sum(axis=-1), 1, rtol=1e-6)
    # Of Dirichlet(1, 1, 1): mean 1/3 and variance (1/3 · 2/3) / 4.
    np.testing.assert_allclose(many.weights.mean(axis=0), 1 / 3, atol=0.02)
    np.testing.assert_allclose(many.weights.var(axis=0), 1 / 18, atol=0.004)
    together = np.corrcoef([many.share, many.level[:, 0, 0], many.operation[:, 0, 0]])
    assert np.abs(together - np.eye(3)).max() < 0.1


@pytest.mark.slow
def test_alpha_is_the_parameter_of_the_weights():
    many = draws(samples=4000, width=2, depth=2, alpha=4.0)
    # Of Beta(4, 4), for the share and the first of two weights alike.
    for values in (many.share, many.weights[:, 0]):
        assert values.mean() == pytest.approx(1 / 2, abs=0.02)
        assert values.var() == pytest.approx(1 / 36, abs=0.003)
    assert many.operation.shape == (4000, 2, 2)
    assert np.all(many.length == 2)
