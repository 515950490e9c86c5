import io
import tarfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from selectax.dimensionality import (
    components_for_variance,
    effective_rank,
    init_covariance,
    leading_variances,
    merge_covariance,
    participation_ratio,
    principal_variances,
    response_matrix,
    sample_covariance,
    update_covariance,
)
from tests.reference import dimensionality as reference

update = jax.jit(update_covariance)
merge = jax.jit(merge_covariance)


@st.composite
def masked_responses(draw):
    """Responses, of which some may be constant, and a mask."""
    samples, units = draw(st.sampled_from([0, 1, 2, 9])), draw(st.sampled_from([1, 4]))
    responses = draw(
        hnp.arrays(np.float32, (samples, units), elements=st.floats(-100, 100, width=32))
    )
    return responses, draw(hnp.arrays(bool, samples))


def correlated(samples=200, units=6, seed=0):
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(units, units)) * np.geomspace(1, 0.05, units)[:, None]
    return (generator.normal(size=(samples, units)) @ mixing + 3).astype(np.float32)


def cifar_difference(folder, samples=100):
    """Strong minus light noise on CIFAR-10-C, at 8 x 8 x 3: fewer samples than units."""
    with tarfile.open(folder / "CIFAR-10-C.tar") as archive:
        member = archive.extractfile("CIFAR-10-C/gaussian_noise.npy")
        images = np.load(io.BytesIO(member.read())).astype(np.float32) / 255
    per_severity = len(images) // 5
    difference = images[-per_severity:][:samples] - images[:samples]
    return difference.reshape(-1, 8, 4, 8, 4, 3).mean(axis=(2, 4)).reshape(-1, 192)


@given(masked_responses(), st.data())
def test_any_split_merged_in_any_order_matches_the_reference(batch, data):
    responses, where = batch
    cuts = data.draw(st.lists(st.integers(0, len(where)), max_size=3).map(sorted))
    empty = init_covariance(responses.shape[1])
    parts = [
        update(empty, piece, where=mask)
        for piece, mask in zip(np.split(responses, cuts), np.split(where, cuts), strict=True)
    ]
    while len(parts) > 1:
        one = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        other = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        parts.append(merge(one, other))
    assert parts[0].count == where.sum()
    expected = reference.covariance(responses[where])
    np.testing.assert_allclose(sample_covariance(parts[0]), expected, rtol=1e-4, atol=2e-2)
    if where.any():
        np.testing.assert_allclose(parts[0].mean, responses[where].mean(0), rtol=1e-5, atol=1e-4)


def test_merging_is_associative():
    a, b, c = (update(init_covariance(6), correlated(seed=seed)) for seed in range(3))
    left, right = merge(merge(a, b), c), merge(a, merge(b, c))
    for one, other in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-3)


def test_streaming_over_many_batches_equals_the_whole():
    responses = correlated(1003)
    state = init_covariance(6)
    for batch in np.array_split(responses, 17):
        state = update(state, batch)
    assert state.count == 1003
    expected = reference.covariance(responses)
    np.testing.assert_allclose(sample_covariance(state), expected, rtol=1e-4, atol=1e-5)
    variances = reference.principal_variances(responses)
    np.testing.assert_allclose(principal_variances(state), variances, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(principal_variances(responses), variances, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batches", [1, 20])
def test_covariance_is_safe_at_mean_1000_and_deviation_1(batches):
    generator = np.random.default_rng(0)
    responses = (1000 + generator.normal(size=(2000, 5))).astype(np.float32)
    state = init_covariance(5)
    for batch in np.split(responses, batches):
        state = update(state, batch)
    expected = reference.covariance(responses)
    np.testing.assert_allclose(sample_covariance(state), expected, atol=2e-3)
    np.testing.assert_allclose(
        principal_variances(responses), reference.principal_variances(responses), atol=2e-3
    )


def test_the_rounding_of_a_large_mean_does_not_pass_for_variance():
    """Deviation 3 at mean 10⁶, where floats lie 0.06 apart and a sum of 20,000 far more."""
    responses = (1e6 + 3 * np.random.default_rng(0).normal(size=(20_000, 3))).astype(np.float32)
    found = sample_covariance(update(init_covariance(3), responses))
    expected = reference.covariance(responses)
    np.testing.assert_allclose(np.diag(found), np.diag(expected), rtol=7e-5)


@pytest.mark.parametrize(
    ("mean", "deviation", "rtol"), [(1000, 1e-4, 1e-4), (2.0**24, 2, 1e-4), (1, 1e-7, 1e-4)]
)
def test_deviations_of_a_few_spacings_of_floats_are_variance(mean, deviation, rtol):
    draws = np.random.default_rng(0).normal(size=(500, 3))
    responses = (mean + deviation * draws).astype(np.float32)
    pca = PCA(svd_solver="full").fit(responses.astype(np.float64))
    np.testing.assert_allclose(principal_variances(responses), pca.explained_variance_, rtol=rtol)
    found = sample_covariance(update(init_covariance(3), responses))
    np.testing.assert_allclose(np.diag(found), np.diag(reference.covariance(responses)), rtol=rtol)


@pytest.mark.parametrize("update", [update, jax.jit(update)], ids=["plain", "jit"])
@pytest.mark.parametrize("mean", [100, 1000])
def test_batches_whose_means_are_rounded_are_merged_exactly(mean, update):
    """At mean 1000 floats lie 6e-5 apart, which is more than half of the deviation."""
    draws = np.random.default_rng(0).normal(size=(256, 3))
    responses = (mean + 1e-4 * draws).astype(np.float32)
    parts = [update(init_covariance(3), few) for few in np.split(responses, 16)]
    while len(parts) > 1:
        parts.append(merge(parts.pop(2 % len(parts)), parts.pop(0)))
    expected = reference.covariance(responses)
    np.testing.assert_allclose(sample_covariance(parts[0]), expected, rtol=1e-5, atol=1e-13)


def test_two_neighbouring_floats_differ():
    responses = np.float32(2**24) + np.array([[0], [2]], np.float32)
    np.testing.assert_array_equal(principal_variances(responses), [2])


def test_a_constant_has_no_variance_in_any_split():
    """Its mean is a sum over a count, rounded, but equal in all batches."""
    responses = np.full((101, 2), [0.1, 1234.567], np.float32)
    state = init_covariance(2)
    for batch in (responses[:1], responses[1:8], responses[8:]):
        state = update(state, batch)
    np.testing.assert_array_equal(sample_covariance(state), np.zeros((2, 2)))
    np.testing.assert_array_equal(state.mean, responses[0])


@pytest.mark.parametrize("mask_dtype", [bool, np.float32])
def test_masked_samples_may_hold_nan(mask_dtype):
    responses = correlated()
    where = np.arange(len(responses)) % 3 > 0
    expected = reference.covariance(responses[where])
    responses[~where] = np.nan
    state = update(init_covariance(6), responses, where=where.astype(mask_dtype))
    np.testing.assert_allclose(sample_covariance(state), expected, rtol=1e-4, atol=1e-5)


def test_bfloat16_responses_accumulate_in_float32():
    responses = jnp.asarray(correlated(2000) + 50, jnp.bfloat16)
    expected = reference.covariance(np.asarray(responses, np.float64))
    state = update(init_covariance(6), responses)
    assert {leaf.dtype for leaf in jax.tree.leaves(state)} == {jnp.dtype("float32")}
    np.testing.assert_allclose(sample_covariance(state), expected, rtol=1e-3, atol=1e-4)
    assert principal_variances(responses).dtype == jnp.float32
    variances = reference.principal_variances(np.asarray(responses, np.float64))
    np.testing.assert_allclose(principal_variances(responses), variances, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("samples", [1797, 40])
def test_principal_variances_match_scikit_learn_on_digits(samples):
    """With 40 samples of 64 units only 39 directions vary, in the rest rounding alone."""
    responses = load_digits().data[:samples].astype(np.float32)
    pca = PCA(svd_solver="full").fit(responses.astype(np.float64))
    expected = np.zeros(64)
    expected[: len(pca.explained_variance_)] = pca.explained_variance_
    state = init_covariance(64)
    for batch in np.array_split(responses, 4):
        state = update(state, batch)
    for variances in (principal_variances(responses), principal_variances(state)):
        assert variances.shape == (64,)
        np.testing.assert_allclose(variances, expected, rtol=1e-3, atol=2e-3)
        assert np.all(np.diff(variances) <= 0)
        assert np.all(variances >= 0)
        shares = np.cumsum(pca.explained_variance_ratio_)
        components = 1 + np.array([np.argmax(shares >= share) for share in (0.90, 0.95, 0.99)])
        np.testing.assert_array_equal(components_for_variance(variances), components)
        np.testing.assert_allclose(
            participation_ratio(variances), reference.participation_ratio(responses), rtol=1e-4
        )
        rank = reference.effective_rank(responses)
        np.testing.assert_allclose(effective_rank(variances), rank, rtol=1e-4)


def test_difference_of_corrupted_photographs_matches_the_reference(real_data):
    responses = cifar_difference(real_data)
    variances = principal_variances(responses)
    expected = reference.principal_variances(responses)
    np.testing.assert_allclose(variances, expected, rtol=1e-3, atol=1e-7)
    np.testing.assert_array_equal(
        components_for_variance(variances), reference.components_for_variance(expected)
    )
    assert components_for_variance(variances)[-1] < 100


@given(
    hnp.arrays(np.float32, st.sampled_from([1, 2, 7]), elements=st.sampled_from([0, 1, 2, 4, 8])),
    st.sampled_from([(0.5,), (0.75, 0.0, 0.25), (0.90, 0.95, 0.99), (1.0,)]),
)
def test_components_are_the_fewest_that_reach_a_share(variances, thresholds):
    """Small integers and halves, whose sums are exact: a share met exactly is met."""
    variances = np.sort(variances)[::-1]
    numbers = components_for_variance(variances, thresholds)
    assert numbers.dtype == jnp.int32
    expected = reference.components_for_variance(variances, thresholds)
    np.testing.assert_array_equal(numbers, expected)


def test_components_of_equal_and_of_single_variances():
    np.testing.assert_array_equal(components_for_variance(jnp.ones(100)), [90, 95, 99])
    one = jnp.zeros(100).at[0].set(3e-9)
    np.testing.assert_array_equal(components_for_variance(one), [1, 1, 1])
    np.testing.assert_array_equal(components_for_variance(one, jnp.array([0.5])), [1])


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_measures_do_not_depend_on_the_scale(scale):
    variances = scale * jnp.array([8.0, 1, 0.5, 0.3, 0.2])
    np.testing.assert_array_equal(components_for_variance(variances), [2, 3, 5])
    expected = 100 / (64 + 1 + 0.25 + 0.09 + 0.04)
    np.testing.assert_allclose(participation_ratio(variances), expected, rtol=1e-5)
    shares = np.sqrt([8.0, 1, 0.5, 0.3, 0.2]) / np.sum(np.sqrt([8.0, 1, 0.5, 0.3, 0.2]))
    expected = np.prod(shares**-shares)
    np.testing.assert_allclose(effective_rank(variances), expected, rtol=1e-5)


def test_participation_ratio_known_by_hand():
    np.testing.assert_allclose(participation_ratio(jnp.full(7, 0.3)), 7, rtol=1e-6)
    np.testing.assert_allclose(participation_ratio(jnp.array([0.0, 5, 0])), 1, rtol=1e-6)
    np.testing.assert_allclose(participation_ratio(jnp.array([3.0, 1])), 1.6, rtol=1e-6)


def test_effective_rank_known_by_hand():
    np.testing.assert_allclose(effective_rank(jnp.full(7, 0.3)), 7, rtol=1e-6)
    np.testing.assert_allclose(effective_rank(jnp.array([0.0, 5, 0])), 1, rtol=1e-6)
    # Singular values 3 and 1 have shares 3/4 and 1/4, whose entropy is log 4 − 3/4 log 3.
    np.testing.assert_allclose(effective_rank(jnp.array([9.0, 1])), 4 / 3**0.75, rtol=1e-6)


def test_effective_rank_does_not_count_rounding_errors():
    """Of rank 3 among 100 units, whose 97 other variances are not exactly 0."""
    generator = np.random.default_rng(0)
    responses = generator.normal(size=(300, 3)) @ generator.normal(size=(3, 100))
    variances = principal_variances(responses.astype(np.float32))
    expected = reference.effective_rank(responses)
    assert expected < 3
    np.testing.assert_allclose(effective_rank(variances), expected, rtol=1e-4)


def test_effective_rank_has_a_finite_gradient():
    assert np.all(np.isfinite(jax.grad(effective_rank)(jnp.array([4.0, 1, 0]))))
    assert np.all(np.isfinite(jax.grad(effective_rank)(jnp.zeros(3))))
    assert effective_rank(jnp.zeros(3)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("units", [4, 256])
@pytest.mark.parametrize("case", ["constant", "one sample", "no samples", "all masked"])
def test_no_variance_is_no_dimension_and_never_nan(case, units):
    samples = {"constant": 9, "one sample": 1, "no samples": 0, "all masked": 9}[case]
    responses = np.full((samples, units), 0.1, np.float32)
    where = np.full(samples, case != "all masked")
    state = update(init_covariance(units), responses, where=where)
    np.testing.assert_array_equal(sample_covariance(state), np.zeros((units, units)))
    for variances in (principal_variances(state), principal_variances(responses)):
        np.testing.assert_array_equal(variances, np.zeros(units))
        np.testing.assert_array_equal(components_for_variance(variances), [0, 0, 0])
        assert participation_ratio(variances) == 0
    slope = jax.grad(participation_ratio)(jnp.zeros(units))
    assert np.all(np.isfinite(slope))


def test_merging_with_an_empty_state_changes_nothing():
    state, empty = update(init_covariance(6), correlated()), init_covariance(6)
    for merged in (merge(state, empty), merge(empty, state)):
        for one, other in zip(jax.tree.leaves(merged), jax.tree.leaves(state), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)
    assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(merge(empty, empty)))


def test_vmap_over_layers_equals_a_loop():
    layers = np.stack([correlated(seed=seed) for seed in range(3)] + [np.ones((200, 6))])
    layers = layers.astype(np.float32)

    def measures(responses):
        variances = principal_variances(update_covariance(init_covariance(6), responses))
        return variances, components_for_variance(variances), participation_ratio(variances)

    together = jax.jit(jax.vmap(measures))(layers)
    for number, responses in enumerate(layers):
        for one, other in zip(together, measures(responses), strict=True):
            np.testing.assert_allclose(one[number], other, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(together[1][-1], [0, 0, 0])
    from_matrices = jax.vmap(principal_variances)(layers)
    np.testing.assert_allclose(from_matrices, together[0], rtol=1e-4, atol=1e-5)


def test_states_scan_and_masks_are_traced():
    responses = correlated(120)
    where = np.arange(120) < 100
    traces = []

    @jax.jit
    def stream(responses, where):
        traces.append(None)

        def body(state, batch):
            return update_covariance(state, batch[0], where=batch[1]), None

        batches = responses.reshape(6, 20, 6), where.reshape(6, 20)
        return sample_covariance(jax.lax.scan(body, init_covariance(6), batches)[0])

    expected = reference.covariance(responses[where])
    np.testing.assert_allclose(stream(responses, where), expected, rtol=1e-4, atol=1e-5)
    stream(responses, ~where)
    assert len(traces) == 1


def rectified(samples=3000, units=256, seed=0):
    """Responses like a layer's: rectified mixtures, whose variances fall off over decades."""
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(units, units)) / np.arange(1, units + 1)[:, None]
    return np.maximum(generator.normal(size=(samples, units)) @ mixing + 0.5, 0).astype(np.float32)


def test_components_agree_with_float64_scikit_learn_at_any_threshold():
    """Clean, perturbed and difference in one pass of batches, stacked by vmap, in float32."""
    clean = rectified()
    noise = 0.1 * np.random.default_rng(1).normal(size=clean.shape)
    perturbed = np.maximum(clean + noise * np.geomspace(1, 0.01, 256), 0).astype(np.float32)
    matrices = np.stack([clean, perturbed, perturbed - clean])
    thresholds = [*np.arange(0.05, 1, 0.05).tolist(), 0.99, 0.999]

    @jax.jit
    def stream(batches):
        def add(state, batch):
            return jax.vmap(update_covariance)(state, batch), None

        start = jax.vmap(lambda _: init_covariance(256))(jnp.arange(3))
        states, _ = jax.lax.scan(add, start, batches)
        return jax.vmap(lambda state: principal_variances(state))(states)

    variances = stream(matrices.reshape(3, 10, 300, 256).swapaxes(0, 1))
    for found, matrix in zip(variances, matrices, strict=True):
        pca = PCA(svd_solver="full").fit(matrix.astype(np.float64))
        np.testing.assert_allclose(found, pca.explained_variance_, rtol=1e-3)
        expected = reference.components_for_variance(pca.explained_variance_, thresholds)
        np.testing.assert_array_equal(components_for_variance(found, thresholds), expected)


def test_gaussian_responses_of_known_covariance():
    known = np.array([9.0, 4.0, 1.0, 0.25])
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    responses = np.random.default_rng(1).normal(size=(200_000, 4)) * np.sqrt(known) @ rotation
    variances = principal_variances((responses + 7).astype(np.float32))
    np.testing.assert_allclose(variances, known, rtol=0.02)
    np.testing.assert_array_equal(components_for_variance(variances, (0.6, 0.9, 0.95)), [1, 2, 3])
    np.testing.assert_allclose(participation_ratio(variances), 14.25**2 / 98.0625, rtol=0.02)


@pytest.mark.parametrize("units", [6, 300])
@pytest.mark.parametrize("scale", [1e-20, 1e6])
def test_principal_variances_scale_with_the_square_of_the_responses(scale, units):
    """The variances' own squares, which bisection takes, would underflow at the smaller scale."""
    responses = rectified(1000, units)
    variances = principal_variances(np.float32(np.sqrt(scale)) * responses)
    np.testing.assert_allclose(
        variances / np.float32(scale),
        principal_variances(responses),
        rtol=1e-5,
        atol=1e-6 * float(variances[0]) / scale,
    )
    expected = reference.principal_variances(responses)
    np.testing.assert_allclose(
        variances / np.float32(scale), expected, rtol=1e-5, atol=1e-6 * expected[0]
    )


@pytest.mark.parametrize("units", [6, 256])
def test_nan_responses_give_nan_variances(units):
    responses = rectified(300, units)
    responses[3, 2] = np.nan
    assert np.all(np.isnan(principal_variances(responses)))


@pytest.mark.parametrize("units", [3, 256])
def test_gradient_of_principal_variances(units):
    """The derivative of the largest variance with respect to the covariance is v vᵀ."""
    responses = rectified(257, units)
    slope = jax.grad(lambda x: principal_variances(x)[0])(responses)
    centered = responses - responses.mean(axis=0)
    vector = np.linalg.svd(centered.astype(np.float64), full_matrices=False)[2][0]
    expected = 2 / 256 * np.outer(centered @ vector, vector)
    np.testing.assert_allclose(slope, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 60), (60, 5), (1, 4), (0, 4), (30, 31)])
def test_the_samples_side_equals_the_units_side(shape):
    samples, units = shape
    responses = 100 + correlated(max(samples, 1), units)[:samples]
    where = np.arange(samples) % 4 > 0
    expected = reference.principal_variances(responses[where])
    responses[~where] = np.nan
    variances = principal_variances(responses, where=where)
    assert variances.shape == (units,)
    largest = np.max(expected, initial=1)
    np.testing.assert_allclose(variances, expected, rtol=1e-3, atol=1e-5 * largest)
    state = update(init_covariance(units), responses, where=where)
    np.testing.assert_allclose(principal_variances(state), expected, atol=1e-4 * largest)


def test_the_samples_side_takes_many_more_units_than_samples():
    """Flattened maps: the products of units, 20,000 × 20,000, would take 1.6 GB."""
    responses = rectified(40, 20_000 // 100).repeat(100, axis=1)
    variances = principal_variances(responses)
    expected = 100 * reference.principal_variances(rectified(40, 200))
    np.testing.assert_allclose(variances[:39], expected[:39], rtol=1e-3)
    np.testing.assert_array_equal(variances[40:], 0)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(300, 200), (100, 400)])
def test_leading_variances_match_scikit_learn_and_give_the_exact_total(shape):
    responses = rectified(*shape)
    where = np.arange(shape[0]) % 5 > 0
    pca = PCA(svd_solver="full").fit(responses[where].astype(np.float64))
    responses[~where] = np.nan
    variances, total = leading_variances(jax.random.key(0), responses, 20, where=where)
    np.testing.assert_allclose(variances, pca.explained_variance_[:20], rtol=5e-3)
    np.testing.assert_allclose(total, np.sum(pca.explained_variance_), rtol=1e-5)
    thresholds = (0.3, 0.5, 0.6)
    expected = reference.components_for_variance(pca.explained_variance_, thresholds)
    assert expected.max() < 20
    np.testing.assert_array_equal(
        components_for_variance(variances, thresholds, total=total), expected
    )


def test_leading_variances_of_all_components_are_all_of_them():
    responses = correlated()
    variances, total = leading_variances(jax.random.key(0), responses, 6)
    expected = reference.principal_variances(responses)
    np.testing.assert_allclose(variances, expected, rtol=1e-3)
    np.testing.assert_allclose(total, expected.sum(), rtol=1e-5)


def test_a_share_that_the_leading_variances_do_not_reach_gives_one_more_than_their_number():
    leading = jnp.array([4.0, 2.0])
    numbers = components_for_variance(leading, (0.4, 0.5, 0.75, 0.8), total=8.0)
    np.testing.assert_array_equal(numbers, [1, 1, 2, 3])
    np.testing.assert_array_equal(
        components_for_variance(jnp.zeros(2), (0.0, 0.9), total=0.0), [0, 0]
    )


@pytest.mark.parametrize("space", [(), (3,), (2, 3)])
def test_forms_of_responses(space):
    activations = np.random.default_rng(0).normal(size=(5, *space, 4)).astype(np.float32)
    positions = int(np.prod(space))
    for form in ("means", "positions", "flattened"):
        matrix = response_matrix(jnp.asarray(activations, jnp.bfloat16), form)
        assert matrix.dtype == jnp.float32
    np.testing.assert_allclose(
        response_matrix(activations), activations.reshape(5, -1, 4).mean(axis=1), atol=1e-6
    )
    rows = response_matrix(activations, "positions")
    np.testing.assert_array_equal(rows, [unit for s in activations for unit in s.reshape(-1, 4)])
    np.testing.assert_array_equal(
        response_matrix(activations, "flattened"), [sample.ravel() for sample in activations]
    )
    where = np.array([True, False, True, True, False])
    found = principal_variances(rows, where=jnp.repeat(where, positions))
    expected = reference.principal_variances(activations[where].reshape(-1, 4))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: response_matrix(np.zeros((5, 3), np.uint8)), "activations must be floating"),
        (lambda: response_matrix(np.zeros(5, np.float32)), "activations must have shape"),
        (lambda: response_matrix(np.zeros((5, 3), np.float32), "mean"), "form must be .*'mean'"),
        (lambda: principal_variances(init_covariance(3), where=np.ones(3, bool)), "where"),
        (lambda: leading(components=0), "components must be at least 1, not 0"),
        (lambda: leading(components=5), "components must be at most 4, .*, not 5"),
        (lambda: leading(components=1.5), r"components must be an integer, not 1\.5"),
        (lambda: leading(oversampling=-1), "oversampling must be at least 0, not -1"),
        (lambda: leading(iterations=-1), "iterations must be at least 0, not -1"),
        (lambda: leading(key=3), r"not the integer 3; give jax.random.key\(3\)"),
        (lambda: leading(responses=np.zeros(4, np.float32)), "responses must have shape"),
        (lambda: leading(responses=np.zeros((4, 5), np.int32)), "responses must be floating"),
        (lambda: leading(where=np.ones(5, bool)), "where must have shape"),
    ],
)
def test_bad_arguments_of_forms_and_routes_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def leading(**change):
    good = {"key": jax.random.key(0), "responses": np.zeros((4, 5), np.float32), "components": 2}
    return leading_variances(**(good | change))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: update_covariance(init_covariance(3), np.zeros((5, 4), np.float32)), "responses"),
        (lambda: update_covariance(init_covariance(3), np.zeros(3, np.float32)), "responses"),
        (
            lambda: update_covariance(
                init_covariance(3), np.zeros((5, 3), np.float32), where=np.ones(4, bool)
            ),
            "where",
        ),
        (lambda: merge_covariance(init_covariance(3), init_covariance(4)), "units"),
        (lambda: principal_variances(np.zeros((5, 2, 2, 3), np.float32)), "responses"),
        (lambda: components_for_variance(np.zeros((5, 3), np.float32)), "variances"),
        (lambda: components_for_variance(np.ones(3, np.float32), (0.9, 1.5)), "thresholds.*1.5"),
        (lambda: components_for_variance(np.ones(3, np.float32), (-0.1,)), "thresholds.*-0.1"),
        (lambda: participation_ratio(np.zeros((5, 3), np.float32)), "variances"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("units", [64, 256])
def test_lapack_takes_one_matrix_at_a_time(units):
    # Two of its calls with several matrices each can wait for each other for ever on two cores.
    matrices = jnp.zeros((2, 3, units + 1, units), jnp.float32)
    variances = jax.jit(jax.vmap(jax.vmap(principal_variances)))
    program = variances.lower(matrices).compile().as_text()
    calls = [line for line in program.splitlines() if 'custom_call_target="lapack' in line]
    assert calls
    assert all(f"= (f32[{units},{units}]" in call for call in calls)


@pytest.mark.parametrize("units", [20, 64])
def test_rounding_is_no_component(units):
    generator = np.random.default_rng(0)
    matrix = (generator.normal(size=(200, 3)) @ generator.normal(size=(3, units)) + 5) * 7
    variances = principal_variances(matrix.astype(np.float32))
    np.testing.assert_array_equal(components_for_variance(variances, (1.0,)), [3])


def test_errors_name_thresholds_and_empty_responses():
    with pytest.raises(ValueError, match=r"thresholds.*90"):
        components_for_variance([1.0], [90])
    with pytest.raises(ValueError, match="no sample"):
        leading_variances(jax.random.key(0), jnp.ones((0, 2)), 1)
