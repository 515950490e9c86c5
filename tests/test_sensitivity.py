import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from selectax import models
from selectax.models.convolution import native_convolution
from selectax.selectivity import unit_responses
from selectax.sensitivity import (
    InputGradientNorms,
    exact_input_gradient_norms,
    init_norm_moments,
    input_gradient_norms,
    merge_norm_moments,
    update_norm_moments,
    variation_over_samples,
    variation_over_units,
)
from tests.reference import sensitivity as reference
from tests.reference.finite_differences import central_difference

update = jax.jit(update_norm_moments)
merge = jax.jit(merge_norm_moments)
over_samples = jax.jit(variation_over_samples)
over_units = jax.jit(variation_over_units)


def quadratic_forms(units=3, pixels=12, seed=0):
    """Symmetric forms and slopes in float64, and the same as a JAX function of two layers."""
    generator = np.random.default_rng(seed)
    forms = generator.normal(size=(units, pixels, pixels))
    forms = forms + forms.transpose(0, 2, 1)
    slopes = generator.normal(size=(units, pixels))

    def responses_fn(images):
        flat = images.reshape(len(images), -1)
        responses = jnp.einsum("sp,upq,sq->su", flat, forms / 2, flat) + flat @ slopes.T
        return {"a": responses[:, :1], "b": responses[:, 1:]}

    return forms, slopes, responses_fn


def some_images(samples=5, seed=0):
    return np.random.default_rng(seed).normal(size=(samples, 2, 2, 3)).astype(np.float32)


def side_by_side(norms, name="norm"):
    return np.concatenate([getattr(layer, name) for layer in norms.values()], axis=1)


@functools.cache
def small_resnet():
    module = models.create("resnet8", 10)
    variables = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 16, 16, 3)))

    def responses_fn(module):
        def respond(images):
            _, activations = module.apply(variables, images)
            return {name: unit_responses(layer) for name, layer in activations.items()}

        return respond

    images = jax.random.uniform(jax.random.key(1), (6, 16, 16, 3))
    native = responses_fn(module.clone(convolve=native_convolution))
    return responses_fn(module), native, images


@pytest.mark.parametrize("units_at_a_time", [1, 2, 9])
def test_exact_norms_of_quadratic_forms(units_at_a_time):
    forms, slopes, responses_fn = quadratic_forms()
    images = some_images()
    norms = exact_input_gradient_norms(responses_fn, images, units_at_a_time=units_at_a_time)
    assert list(norms) == ["a", "b"]
    assert norms["b"].norm.shape == (5, 2)
    expected = reference.quadratic_norms(images, forms, slopes)
    np.testing.assert_allclose(side_by_side(norms), expected, rtol=1e-5)
    np.testing.assert_allclose(side_by_side(norms, "squared_norm"), expected**2, rtol=1e-5)


def test_exact_norms_match_finite_differences():
    forms, slopes, responses_fn = quadratic_forms()
    images = some_images(2)
    norms = side_by_side(exact_input_gradient_norms(responses_fn, images))
    for sample, image in enumerate(images):
        for unit in range(3):
            gradient = central_difference(
                lambda image, unit=unit: reference.quadratic_responses(image, forms, slopes)[unit],
                image,
            )
            np.testing.assert_allclose(norms[sample, unit], np.linalg.norm(gradient), rtol=1e-5)


@pytest.mark.slow
def test_exact_norms_of_a_residual_network_match_its_jacobian():
    """Through the project's own convolution, against reverse mode through the native one."""
    ours, native, images = small_resnet()
    images = images[:2]
    norms = jax.jit(functools.partial(exact_input_gradient_norms, ours))(images)

    def last_layer(image):
        return native(image[None])["stage3_block1_sum"][0]

    jacobian = jax.jit(jax.vmap(jax.jacrev(last_layer)))(images)
    expected = np.linalg.norm(np.asarray(jacobian).reshape(2, 64, -1), axis=2)
    np.testing.assert_allclose(norms["stage3_block1_sum"].norm, expected, rtol=1e-4, atol=1e-7)
    assert list(norms) == list(native(images))


@pytest.mark.parametrize(("directions", "at_a_time"), [(1, 1), (5, 2), (16, 16)])
def test_estimates_from_random_directions_are_chi_square_and_unbiased(directions, at_a_time):
    """One image many times over: its copies' directions are independent."""
    forms, slopes, responses_fn = quadratic_forms()
    images = np.repeat(some_images(1), 20_000, axis=0)
    norms = jax.jit(
        functools.partial(
            input_gradient_norms,
            responses_fn=responses_fn,
            directions=directions,
            directions_at_a_time=at_a_time,
        )
    )(jax.random.key(0), images=images)
    expected = reference.quadratic_norms(images[:1], forms, slopes)
    relative = side_by_side(norms, "squared_norm") / expected**2
    for of_unit in relative.T:
        assert stats.kstest(directions * of_unit, stats.chi2(directions).cdf).pvalue > 1e-3
    tolerance = 5 * np.sqrt(2 / directions / 20_000)  # five standard errors
    np.testing.assert_allclose(relative.mean(axis=0), 1, atol=tolerance)
    ratios = side_by_side(norms).mean(axis=0) / expected[0]
    np.testing.assert_allclose(ratios, 1, atol=tolerance)


@pytest.mark.slow
def test_random_directions_come_near_the_exact_norms_of_a_residual_network():
    ours, native, images = small_resnet()
    exact = jax.jit(functools.partial(exact_input_gradient_norms, ours))(images)
    estimated = jax.jit(lambda key: input_gradient_norms(key, native, images))(jax.random.key(0))
    exact, estimated = (
        side_by_side(norms, "squared_norm").mean(axis=0) for norms in (exact, estimated)
    )
    alive = exact > 0
    np.testing.assert_array_equal(estimated[~alive], 0)
    ratios = estimated[alive] / exact[alive]
    assert abs(np.median(ratios) - 1) < 0.05
    assert np.std(ratios) < 0.1  # √(2 / 64) / √6 = 0.07


def test_keys_decide_and_any_number_at_a_time_is_the_same():
    _, _, responses_fn = quadratic_forms()
    images = some_images()
    one, same, other = (
        side_by_side(
            input_gradient_norms(
                jax.random.key(seed), responses_fn, images, directions=7, directions_at_a_time=size
            )
        )
        for seed, size in ((0, 1), (0, 3), (1, 1))
    )
    np.testing.assert_allclose(one, same, rtol=1e-5)
    assert np.all(one != other)


@st.composite
def masked_norms(draw):
    """Norms, of which a unit's may all be 0, and a mask."""
    samples, units = draw(st.sampled_from([0, 1, 2, 9])), 4
    elements = st.floats(0, 10, width=32).filter(lambda norm: norm == 0 or norm > 1e-3)
    norms = draw(hnp.arrays(np.float32, (samples, units), elements=elements))
    return norms, draw(hnp.arrays(bool, samples))


@given(masked_norms(), st.data())
def test_any_split_merged_in_any_order_matches_the_reference(batch, data):
    norms, where = batch
    cuts = data.draw(st.lists(st.integers(0, len(where)), max_size=3).map(sorted))
    empty = init_norm_moments(norms.shape[1])
    parts = [
        update(empty, InputGradientNorms(piece, piece**2), where=mask)
        for piece, mask in zip(np.split(norms, cuts), np.split(where, cuts), strict=True)
    ]
    while len(parts) > 1:
        one = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        other = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        parts.append(merge(one, other))
    assert parts[0].count == where.sum()
    np.testing.assert_allclose(
        over_samples(parts[0]), reference.variation_over_samples(norms[where]), rtol=1e-4, atol=2e-3
    )
    np.testing.assert_allclose(
        over_units(parts[0]), reference.variation_over_units(norms[where]), rtol=1e-4, atol=2e-3
    )


def test_merging_is_associative():
    generator = np.random.default_rng(0)
    parts = []
    for samples in (3, 50, 7):
        norm = generator.uniform(1, 2, (samples, 4)).astype(np.float32)
        norms = InputGradientNorms(norm, 0.9 * norm**2)
        parts.append(update(init_norm_moments(4), norms))
    a, b, c = parts
    left, right = merge(merge(a, b), c), merge(a, merge(b, c))
    for one, other in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    np.testing.assert_allclose(left.noise, a.noise + b.noise + c.noise, rtol=1e-5)


def test_masked_samples_may_hold_nan_and_bfloat16_accumulates_in_float32():
    norm = np.random.default_rng(0).uniform(1, 2, (9, 4)).astype(np.float32)
    where = np.arange(9) % 3 > 0
    expected = reference.variation_over_samples(norm[where])
    norm[~where] = np.nan
    moments = update(init_norm_moments(4), InputGradientNorms(norm, norm**2), where=where)
    np.testing.assert_allclose(over_samples(moments), expected, rtol=1e-4)
    half = jnp.asarray(norm, jnp.bfloat16)
    moments = update(init_norm_moments(4), InputGradientNorms(half, half**2), where=where)
    assert {leaf.dtype for leaf in jax.tree.leaves(moments)} == {jnp.dtype("float32")}
    np.testing.assert_allclose(over_samples(moments), expected, rtol=0.1)


def test_large_and_nearly_equal_norms_do_not_cancel():
    norm = (1000 + np.random.default_rng(0).normal(size=(2000, 3))).astype(np.float32)
    moments = init_norm_moments(3)
    for batch in np.split(norm, 20):
        # Exact norms as others may hand them on: the square is that of the norm in float32.
        moments = update(moments, InputGradientNorms(batch, batch**2))
    np.testing.assert_allclose(
        over_samples(moments), reference.variation_over_samples(norm), rtol=2e-3
    )


@pytest.mark.parametrize("directions", [2, 8])
def test_the_variance_of_the_estimates_is_taken_out_of_the_variation(directions):
    forms, slopes, responses_fn = quadratic_forms()
    images = some_images(20_000)
    norms = input_gradient_norms(
        jax.random.key(0), lambda x: responses_fn(x)["b"], images, directions=directions
    )
    found = over_samples(update(init_norm_moments(2), norms))
    exact = reference.quadratic_norms(images, forms, slopes)[:, 1:]
    expected = reference.variation_over_samples(exact)
    np.testing.assert_allclose(found, expected, rtol=0.05)
    uncorrected = reference.variation_over_samples(norms.norm)
    assert np.all(uncorrected > 1.2 * expected)


def test_the_variance_of_the_estimates_is_taken_out_of_the_variation_over_units():
    """Independent estimates from 2 directions of 3 samples of 20,000 units of two kinds."""
    generator = np.random.default_rng(0)
    true = np.tile([1.0, 1.5], 10_000)
    chi_square = generator.chisquare(2, (3, 20_000))
    mean_of_chi = stats.chi(2).mean()
    norms = InputGradientNorms(
        jnp.asarray(true * np.sqrt(chi_square) / mean_of_chi),
        jnp.asarray(true**2 * chi_square / 2),
    )
    found = over_units(update(init_norm_moments(20_000), norms))
    np.testing.assert_allclose(found, 0.25 / 1.25, rtol=0.03)
    assert reference.variation_over_units(norms.norm) > 1.5 * 0.25 / 1.25


def test_units_without_gradient_vary_by_0_and_never_nan():
    def responses_fn(images):
        flat = images.reshape(len(images), -1)
        return jax.nn.relu(jnp.stack([flat[:, 0] - 100, flat[:, 0] + 100, flat[:, 1] * 0], axis=1))

    images = some_images()
    for norms in (
        exact_input_gradient_norms(responses_fn, images),
        input_gradient_norms(jax.random.key(0), responses_fn, images, directions=4),
    ):
        moments = update(init_norm_moments(3), norms)
        np.testing.assert_array_equal(over_samples(moments)[jnp.array([0, 2])], [0, 0])
        assert np.isfinite(over_units(moments))
    dead = update(init_norm_moments(2), InputGradientNorms(jnp.zeros((5, 2)), jnp.zeros((5, 2))))
    for moments in (dead, init_norm_moments(2)):
        np.testing.assert_array_equal(over_samples(moments), [0, 0])
        assert over_units(moments) == 0
    one_sample = update(
        init_norm_moments(2), InputGradientNorms(jnp.ones((1, 2)), jnp.ones((1, 2)))
    )
    np.testing.assert_array_equal(over_samples(one_sample), [0, 0])
    # Other unbiased estimates of a norm and its square may give the square as the larger.
    unequal = InputGradientNorms(jnp.ones((1, 2)), jnp.full((1, 2), 1.5))
    np.testing.assert_array_equal(over_samples(update(init_norm_moments(2), unequal)), [0, 0])


def test_one_of_two_units_without_gradient_varies_by_1_over_units():
    norm = jnp.array([[2.0, 0.0]] * 4)
    moments = update(init_norm_moments(2), InputGradientNorms(norm, norm**2))
    np.testing.assert_allclose(over_units(moments), 1)


def test_a_unit_or_a_batch_without_gradients_leaves_the_variation_of_tiny_ones():
    def responses_fn(images):
        return jnp.float32(1e-25) * jax.nn.relu(images * jnp.array([1.0, -1.0]))

    norms = exact_input_gradient_norms(responses_fn, np.ones((4, 2), np.float32))
    np.testing.assert_allclose(over_units(update(init_norm_moments(2), norms)), 1, rtol=1e-5)

    varying = exact_input_gradient_norms(
        lambda images: jnp.float32(1e-25) * images**2, np.array([[1.0], [3.0]], np.float32)
    )
    moments = update(init_norm_moments(1), varying)
    nothing = update(init_norm_moments(1), varying, where=np.zeros(2, bool))
    for merged in (merge(moments, nothing), merge(nothing, moments)):
        np.testing.assert_allclose(over_samples(merged), over_samples(moments), rtol=1e-6)
    assert over_samples(moments) > 0.5


def test_no_recompilation_for_new_keys_and_images():
    _, _, responses_fn = quadratic_forms()
    traces = []

    @jax.jit
    def estimate(key, images):
        traces.append(None)
        return input_gradient_norms(key, responses_fn, images, directions=3)

    for seed in range(3):
        estimate(jax.random.key(seed), some_images(seed=seed))
    assert len(traces) == 1


def test_forward_mode_through_a_custom_vjp_names_the_remedy():
    ours, _, images = small_resnet()
    for transform in (lambda function: function, jax.jit):
        estimate = transform(lambda images: input_gradient_norms(jax.random.key(0), ours, images))
        with pytest.raises(TypeError, match="convolve=native_convolution"):
            estimate(images)


def _as_is(images):
    return images.reshape(len(images), -1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exact_input_gradient_norms(_as_is, np.zeros((2, 3), np.uint8)), "images"),
        (lambda: exact_input_gradient_norms(lambda x: x, some_images()), "shape .5, units"),
        (lambda: exact_input_gradient_norms(lambda x: x[:2], np.zeros((3, 2))), "shape .3, units"),
        (lambda: exact_input_gradient_norms(lambda x: {}, some_images()), "at least one array"),
        (
            lambda: exact_input_gradient_norms(_as_is, some_images(), units_at_a_time=0),
            "units_at_a_time must be at least 1",
        ),
        (
            lambda: input_gradient_norms(jax.random.key(0), _as_is, some_images(), directions=0),
            "directions must be at least 1",
        ),
        (
            lambda: input_gradient_norms(
                jax.random.key(0), _as_is, some_images(), directions_at_a_time=0
            ),
            "directions_at_a_time must be at least 1",
        ),
        (
            lambda: input_gradient_norms(jax.random.key(0), _as_is, np.zeros((2, 3), np.int32)),
            "images must be floating-point",
        ),
        (
            lambda: update_norm_moments(
                init_norm_moments(3), InputGradientNorms(jnp.ones((2, 4)), jnp.ones((2, 4)))
            ),
            "norms must have shape",
        ),
        (
            lambda: update_norm_moments(
                init_norm_moments(3),
                InputGradientNorms(jnp.ones((2, 3)), jnp.ones((2, 3))),
                where=jnp.ones(3, bool),
            ),
            "where must have shape",
        ),
        (lambda: merge_norm_moments(init_norm_moments(3), init_norm_moments(4)), "units"),
        (
            lambda: update_norm_moments(
                init_norm_moments(3),
                {"layer": InputGradientNorms(jnp.ones((2, 3)), jnp.ones((2, 3)))},
            ),
            "norms must be InputGradientNorms, not dict; give one layer's",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1e-25, 1e-19, 1e-12, 1e12, 1e20, 1e30])
def test_variation_does_not_depend_on_the_scale_of_gradients(factor):
    images = np.random.default_rng(1).normal(size=(9, 4)).astype(np.float32)

    def responses_fn(images):
        return jnp.float32(factor) * images**2

    exact = exact_input_gradient_norms(responses_fn, images)
    expected = 2 * np.abs(images.astype(np.float64)) * np.float32(factor)
    np.testing.assert_allclose(exact.norm, expected, rtol=1e-5)
    moments = merge(init_norm_moments(4), update(init_norm_moments(4), exact))
    # Exact norms may exceed their squares' roots by rounding alone.
    np.testing.assert_allclose(
        over_samples(moments), reference.variation_over_samples(expected), rtol=1e-4
    )
    np.testing.assert_allclose(
        over_units(moments), reference.variation_over_units(expected), rtol=1e-4
    )
    estimated = input_gradient_norms(jax.random.key(0), responses_fn, images, directions=3)
    plain = input_gradient_norms(jax.random.key(0), lambda x: x**2, images, directions=3)
    np.testing.assert_allclose(
        np.asarray(estimated.norm, np.float64) / np.float32(factor), plain.norm, rtol=1e-5
    )
    np.testing.assert_allclose(
        over_samples(update(init_norm_moments(4), estimated)),
        over_samples(update(init_norm_moments(4), plain)),
        rtol=1e-4,
    )


@pytest.mark.slow
def test_types_of_the_process_and_of_keys_do_not_matter():
    _, _, responses_fn = quadratic_forms()
    images = some_images()
    for impl in ("rbg", "unsafe_rbg"):
        norms = input_gradient_norms(jax.random.key(0, impl=impl), responses_fn, images)
        assert np.all(np.isfinite(side_by_side(norms)))

    def variation():
        weights = jnp.arange(6, dtype=jnp.float32).reshape(3, 2) / 8
        norms = input_gradient_norms(
            jax.random.key(0), lambda x: x**2 @ weights, jnp.ones((4, 3), jnp.float32)
        )
        moments = update_norm_moments(init_norm_moments(2), norms)
        return norms.norm, variation_over_samples(moments), variation_over_units(moments)

    expected = variation()
    with jax.enable_x64(True):
        wide = variation()
    for one, other in zip(wide, expected, strict=True):
        assert one.dtype == jnp.float32
        np.testing.assert_allclose(one, other, rtol=1e-4)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_what_is_not_finite_does_not_vary_by_a_number(poison):
    norm = np.ones((3, 2), np.float32)
    for name in ("norm", "squared_norm"):
        values = {"norm": norm.copy(), "squared_norm": norm.copy()}
        values[name][1, 0] = poison
        moments = update(init_norm_moments(2), InputGradientNorms(**values))
        assert np.isnan(over_samples(moments)[0])
        assert np.isnan(over_units(moments))
    images = some_images()
    images[1, 0, 0, 0] = poison
    _, _, responses_fn = quadratic_forms()
    for norms in (
        exact_input_gradient_norms(responses_fn, images),
        input_gradient_norms(jax.random.key(0), responses_fn, images, directions=2),
    ):
        assert np.all(np.isnan(side_by_side(norms)[1]))


@pytest.mark.parametrize("shape", [(0, 4), (2, 0)])
def test_empty_images_are_refused(shape):
    def responses_fn(images):
        return {"layer": images[:, :2]}

    images = np.zeros(shape, np.float32)
    with pytest.raises(ValueError, match=r"^images of shape .* are empty; give at least one"):
        input_gradient_norms(jax.random.key(0), responses_fn, images)
    with pytest.raises(ValueError, match=r"^images of shape .* are empty; give at least one"):
        exact_input_gradient_norms(responses_fn, images)
