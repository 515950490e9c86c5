"""NaN and infinity in any argument of a measure never give a finite number that depends on it.

Which elements of a result depend on an element of an argument is found out, not declared: those
that change when the element is replaced by other finite values. These must become NaN, infinite or
the marker of a count (−1 components, −2 as the preferred class). All other elements, of units that
the poisoned element does not touch, may stay as they are. A call that refuses the argument gives no
number at all.
"""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import selectax

LABELS = np.array([0, 1, 2, 1, 0, 2], np.int32)
WHERE = np.array([1, 1, 1, 1, 1, 0], bool)
MARKERS = {"components_for_variance": -1, "preferred_class": -2}
OTHERS = (0.0, 3.5, 40.0)


def responses(samples=6, units=3, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 2, (samples, units)).astype(np.float32)


def norms():
    norm = responses()
    return selectax.InputGradientNorms(norm, norm**2, np.ones_like(norm))


def norm_moments():
    return selectax.update_norm_moments(selectax.init_norm_moments(3), norms())


def squares(images):
    """Responses whose gradients depend on the images."""
    return {"layer": images**2 @ jnp.array([[1.0, 2.0], [0.5, 1.0], [2.0, 0.1]])}


def accuracies(weights, images):
    masks = {"units": np.array([[1, 1, 1], [1, 0, 1]], bool)}

    def logits_fn(images, masks):
        return images * masks["units"] @ weights

    return selectax.ablated_accuracy(logits_fn, masks, images, LABELS, where=WHERE)


def statistics():
    empty = selectax.init_class_statistics(3, 3)
    return selectax.update_class_statistics(empty, responses(), LABELS)


def moments():
    return selectax.update_class_moments(selectax.init_class_moments(3, 3), responses(), LABELS)


def strongest():
    return selectax.update_strongest_responses(
        selectax.init_strongest_responses(2, 3), responses(), LABELS
    )


def state():
    return selectax.update_covariance(selectax.init_covariance(3), responses())


def joint():
    return selectax.update_joint_covariance(
        selectax.init_joint_covariance(3, 2), responses(), responses(6, 2, seed=1)
    )


def basis():
    return np.float32([[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])


def layers():
    return {"a": responses().reshape(3, 2, 3).repeat(2, axis=0), "b": responses(seed=1)}


def gradient_of(function):
    """The gradient of the sum over units of an index, with respect to all numbers of the state."""
    return jax.grad(lambda *arguments: jnp.sum(function(*arguments)))


def means_of(layers):
    return selectax.layer_selectivity(layers, LABELS, 3)


def last_variances(responses):
    return selectax.leading_variances(jax.random.key(0), responses, 2)


def over_devices(merge):
    """The merged state of two devices, by a function of the state on each."""
    mapped = jax.vmap(lambda state: merge(state, "devices"), axis_name="devices")
    return lambda states: jax.tree.map(lambda leaf: leaf[0], mapped(states))


def of_two_devices(state):
    return lambda: jax.tree.map(lambda leaf: np.stack([leaf, leaf]), state())


# Name of what is measured: the function, and its arguments, of which every number is poisoned.
CASES = {
    "update_class_moments": (
        lambda s, r: selectax.update_class_moments(s, r, LABELS, where=WHERE),
        (moments, responses),
    ),
    "merge_class_moments": (selectax.merge_class_moments, (moments, moments)),
    "merge_class_moments_over_devices": (
        over_devices(selectax.merge_class_moments_over_devices),
        (of_two_devices(moments),),
    ),
    "class_means": (lambda s: selectax.class_means(s)[0], (moments,)),
    "class_selectivity_index": (selectax.class_selectivity_index, (responses,)),
    "class_selectivity_index of a count": (
        lambda s: selectax.class_selectivity_index(*selectax.class_means(s)),
        (moments,),
    ),
    "class_selectivity_index, eps": (
        lambda means, eps: selectax.class_selectivity_index(means, eps=eps),
        (responses, lambda: np.float32(1e-6)),
    ),
    "unit_responses": (
        lambda layers: jax.tree.map(selectax.unit_responses, layers),
        (layers,),
    ),
    "layer_selectivity": (means_of, (layers,)),
    "layer_selectivity, split": (
        lambda layers: selectax.layer_selectivity(layers, LABELS, 3, signed="split"),
        (layers,),
    ),
    "mean_selectivity_and_grad": (
        lambda layers: selectax.mean_selectivity_and_grad(layers, LABELS, 3, where=WHERE),
        (layers,),
    ),
    "selectivity_penalty": (
        lambda layers, alpha: selectax.selectivity_penalty(layers, LABELS, 3, alpha=alpha),
        (layers, lambda: np.float32(-0.7)),
    ),
    "signed_selectivity_index": (
        selectax.signed_selectivity_index,
        (lambda: responses(units=4),),
    ),
    "selectivity_in_basis": (
        lambda r, b: selectax.selectivity_in_basis(r, LABELS, 3, b, where=WHERE),
        (responses, basis),
    ),
    "rotated_selectivity": (
        lambda r: selectax.rotated_selectivity(jax.random.key(0), r, LABELS, 3, rotations=2),
        (responses,),
    ),
    "best_basis": (
        lambda r, size: selectax.best_basis(
            jax.random.key(0), r, LABELS, 3, starts=0, steps=3, step_size=size, where=WHERE
        ),
        (responses, lambda: np.float32(0.1)),
    ),
    "update_joint_covariance": (
        lambda s, a, b: selectax.update_joint_covariance(s, a, b, where=WHERE),
        (joint, responses, lambda: responses(6, 2)),
    ),
    "merge_joint_covariance": (selectax.merge_joint_covariance, (joint, joint)),
    "merge_joint_covariance_over_devices": (
        over_devices(selectax.merge_joint_covariance_over_devices),
        (of_two_devices(joint),),
    ),
    "linear_cka": (selectax.linear_cka, (responses, lambda: responses(6, 2, seed=1))),
    "linear_cka of a state": (selectax.linear_cka, (joint,)),
    "canonical_correlations": (
        selectax.canonical_correlations,
        (responses, lambda: responses(6, 2, seed=1)),
    ),
    "pwcca of a state": (selectax.pwcca, (joint,)),
    "update_covariance": (
        lambda s, r: selectax.update_covariance(s, r, where=WHERE),
        (state, responses),
    ),
    "merge_covariance": (selectax.merge_covariance, (state, state)),
    "merge_covariance_over_devices": (
        over_devices(selectax.merge_covariance_over_devices),
        (of_two_devices(state),),
    ),
    "sample_covariance": (selectax.sample_covariance, (state,)),
    "principal_variances of a state": (selectax.principal_variances, (state,)),
    "principal_variances": (selectax.principal_variances, (responses,)),
    "principal_variances of few samples": (
        selectax.principal_variances,
        (lambda: responses(3, 5),),
    ),
    "principal_variances, gradient": (
        gradient_of(lambda r: selectax.principal_variances(r)[:2]),
        (responses,),
    ),
    "leading_variances": (last_variances, (responses,)),
    "response_matrix": (lambda a: selectax.response_matrix(a, "positions"), (responses,)),
    "components_for_variance": (
        lambda v, total: selectax.components_for_variance(v, (0.5, 0.9), total=total),
        (lambda: responses()[:, 0], lambda: np.float32(6)),
    ),
    "components_for_variance, thresholds": (
        lambda shares: selectax.components_for_variance(jnp.array([3.0, 2.0]), shares),
        (lambda: np.array([0.5, 0.9], np.float32),),
    ),
    "participation_ratio": (selectax.participation_ratio, (lambda: responses()[:, 0],)),
    "effective_rank": (selectax.effective_rank, (lambda: responses()[:, 0],)),
    "effective_rank, gradient": (
        jax.grad(selectax.effective_rank),
        (lambda: responses()[:, 0],),
    ),
    "twonn_dimension": (selectax.twonn_dimension, (responses,)),
    "share_selective": (
        lambda index, threshold: selectax.share_selective(index, threshold=threshold),
        (lambda: responses()[:, 0] / 2, lambda: np.float32(0.75)),
    ),
    "dead_units": (
        lambda total: selectax.dead_units(selectax.ClassMoments(jnp.ones(2), total)),
        (lambda: np.zeros((2, 3), np.float32),),
    ),
    "participation_ratio, gradient": (
        jax.grad(selectax.participation_ratio),
        (lambda: responses()[:, 0],),
    ),
    "update_class_statistics": (
        lambda s, r: selectax.update_class_statistics(s, r, LABELS, where=WHERE),
        (statistics, responses),
    ),
    "merge_class_statistics": (selectax.merge_class_statistics, (statistics, statistics)),
    "merge_class_statistics_over_devices": (
        over_devices(selectax.merge_class_statistics_over_devices),
        (of_two_devices(statistics),),
    ),
    "preferred_class": (selectax.preferred_class, (statistics,)),
    "class_conditional_mean_activity_selectivity": (
        selectax.class_conditional_mean_activity_selectivity,
        (statistics,),
    ),
    "ccmas, gradient": (
        gradient_of(selectax.class_conditional_mean_activity_selectivity),
        (statistics,),
    ),
    "d_prime": (selectax.d_prime, (statistics,)),
    "d_prime, gradient": (gradient_of(selectax.d_prime), (statistics,)),
    "treves_rolls_sparseness": (selectax.treves_rolls_sparseness, (statistics,)),
    "vinje_gallant_sparseness": (selectax.vinje_gallant_sparseness, (statistics,)),
    "precision_at_k of responses": (
        lambda r, above: selectax.precision_at_k(
            selectax.update_strongest_responses(
                selectax.init_strongest_responses(2, 3), r, LABELS, above=above, where=WHERE
            ),
            3,
        ),
        (responses, lambda: np.float32(0)),
    ),
    "merge_strongest_responses": (
        lambda a, b: selectax.precision_at_k(selectax.merge_strongest_responses(a, b), 3),
        (strongest, strongest),
    ),
    "merge_strongest_responses_over_devices": (
        lambda states: selectax.precision_at_k(
            over_devices(selectax.merge_strongest_responses_over_devices)(states), 3
        ),
        (of_two_devices(strongest),),
    ),
    "jensen_shannon_consistency": (
        selectax.jensen_shannon_consistency,
        (responses, responses, lambda: responses(seed=1)),
    ),
    "ablated_accuracy": (accuracies, (lambda: responses(3, 3), responses)),
    "exact_input_gradient_norms": (
        lambda images: selectax.exact_input_gradient_norms(squares, images),
        (responses,),
    ),
    "input_gradient_norms": (
        lambda images: selectax.input_gradient_norms(
            jax.random.key(0), squares, images, directions=4
        ),
        (responses,),
    ),
    "update_norm_moments": (
        lambda m, n: selectax.update_norm_moments(m, n, where=WHERE),
        (norm_moments, norms),
    ),
    "merge_norm_moments": (selectax.merge_norm_moments, (norm_moments, norm_moments)),
    "merge_norm_moments_over_devices": (
        over_devices(selectax.merge_norm_moments_over_devices),
        (of_two_devices(norm_moments),),
    ),
    "variation_over_samples": (selectax.variation_over_samples, (norm_moments,)),
    "variation_over_units": (selectax.variation_over_units, (norm_moments,)),
}


IN_ATTACKS = "tests/attacks/contract/test_undefined.py"
# Why a public function is not in the table.
ELSEWHERE = {
    **dict.fromkeys(("fgsm", "pgd", "mi_fgsm", "apgd", "run_attack"), IN_ATTACKS),
    **dict.fromkeys(("strongest_attack", "attack_believability"), IN_ATTACKS),
    **dict.fromkeys(("robust_accuracy_curve", "breaking_epsilons"), IN_ATTACKS),
    **dict.fromkeys(
        ("robust_accuracy_over_steps", "masking_warnings", "robust_within"), IN_ATTACKS
    ),
    **dict.fromkeys(("make_problem", "evaluate", "inside", "iterate"), "parts of every attack"),
    "mean_selectivity": "part of mean_selectivity_and_grad",
    "update_strongest_responses": "in precision_at_k of responses",
    "update_correct_counts": "in ablated_accuracy",
    **dict.fromkeys(
        (
            *("accuracy_of_counts", "merge_correct_counts"),
            "merge_correct_counts_over_devices",
        ),
        "takes whole numbers alone",
    ),
    "cumulative_masks": "takes whole numbers alone",
    "single_unit_masks": "takes a whole number alone",
    "random_ranks": "takes shapes alone",
    "random_rotation": "takes a whole number alone",
    "most_selective_first": "gives an order, and refuses NaN: tests/test_ablation.py",
    "least_selective_first": "gives an order, and refuses NaN: tests/test_ablation.py",
    "augment_and_mix": "gives images: tests/augmix/test_mixing.py",
    "corrupt": "gives images, and refuses NaN: tests/corruptions/test_arguments.py",
    "to_published_bytes": "gives bytes, and refuses NaN: tests/corruptions/test_arguments.py",
    "activations_from_intermediates": "hands arrays on as they are",
}


def floating_leaves(arguments):
    leaves, structure = jax.tree.flatten(arguments)
    leaves = [np.asarray(leaf) for leaf in leaves]
    places = [at for at, leaf in enumerate(leaves) if np.issubdtype(leaf.dtype, np.floating)]
    return leaves, structure, places


def elements_to_poison(leaf):
    """First, a middle and last; not the whole grid, for time."""
    indices = list(np.ndindex(leaf.shape))
    return sorted({indices[0], indices[len(indices) // 2], indices[-1]})


def changed(leaves, structure, place, at, value):
    leaf = np.array(leaves[place])
    leaf[at] = value
    return jax.tree.unflatten(structure, [*leaves[:place], leaf, *leaves[place + 1 :]])


@pytest.mark.parametrize("name", CASES)
def test_no_finite_number_comes_of_one_that_is_not(name):
    function, makers = CASES[name]
    leaves, structure, places = floating_leaves(tuple(make() for make in makers))
    compiled = jax.jit(lambda arguments: jax.tree.leaves(function(*arguments)))

    def results(*change):
        return compiled(changed(leaves, structure, *change))

    looked_at = 0
    for place in places:
        for at in elements_to_poison(leaves[place]):
            before = results(place, at, leaves[place][at])
            others = [results(place, at, value) for value in OTHERS]
            for poison in (np.nan, np.inf):
                after = results(place, at, poison)
                for old, new, *varied in zip(before, after, *others, strict=True):
                    depends = np.any([np.asarray(other != old) for other in varied], axis=0)
                    silent = np.isfinite(new) & (np.asarray(new) != MARKERS.get(name.split(",")[0]))
                    looked_at += np.sum(depends)
                    assert not np.any(depends & silent), (place, at, poison, old, new)
    assert looked_at > 0


def test_a_masked_or_ignored_sample_may_hold_anything():
    labels = np.array([0, 1, 2, 1, -1, 0], np.int32)
    bad = responses()
    bad[~WHERE], bad[labels == -1] = np.nan, np.inf
    good = np.where(np.isfinite(bad), bad, 1).astype(np.float32)

    def measured(values):
        statistics = selectax.init_class_statistics(3, 3)
        strongest = selectax.init_strongest_responses(2, 3)
        options = {"where": WHERE}
        kept = selectax.update_strongest_responses(strongest, values, labels, **options)
        return (
            selectax.mean_selectivity_and_grad(values, labels, 3, **options),
            selectax.update_class_statistics(statistics, values, labels, **options),
            kept,
            selectax.precision_at_k(kept, 3),
        )

    for one, other in zip(
        jax.tree.leaves(measured(bad)), jax.tree.leaves(measured(good)), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_nan_over_devices_stays_nan():
    stacked = jax.tree.map(lambda leaf: np.stack([leaf, leaf]), statistics())
    stacked.mean[1, 0, 2] = np.nan
    together = jax.vmap(
        lambda s: selectax.merge_class_statistics_over_devices(s, "d"), axis_name="d"
    )(stacked)
    assert np.all(np.isnan(together.mean[:, 0, 2]))
    first = jax.tree.map(lambda leaf: leaf[0], together)
    assert selectax.preferred_class(first)[2] == -2


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_a_state_once_poisoned_stays_so(poison):
    """Whatever finite batches follow, in every accumulator."""
    bad = responses()
    bad[1, 0] = poison
    kept = selectax.init_strongest_responses(2, 3)
    covariance = selectax.init_covariance(3)
    tuned = selectax.init_class_statistics(3, 3)
    sums = selectax.init_class_moments(3, 3)
    for values in (bad, responses(), 5 * responses(), responses()):
        kept = selectax.update_strongest_responses(kept, values, LABELS)
        covariance = selectax.update_covariance(covariance, values)
        tuned = selectax.update_class_statistics(tuned, values, LABELS)
        sums = selectax.update_class_moments(sums, values, LABELS)
    variances = selectax.principal_variances(covariance)
    found = {
        "precision": selectax.precision_at_k(kept, 3)[0],
        "d prime": selectax.d_prime(tuned)[0],
        "index": selectax.class_selectivity_index(*selectax.class_means(sums))[0],
        "ratio": selectax.participation_ratio(variances),
    }
    assert all(np.isnan(value) for value in found.values()), found
    np.testing.assert_array_equal(selectax.components_for_variance(variances), [-1, -1, -1])
    assert np.all(np.isfinite(selectax.d_prime(tuned)[1:]))


def test_every_public_function_is_poisoned():
    """A new public function of arrays must be added to a table, or here with a reason."""
    public = {*selectax.__all__, *selectax.attacks.__all__}
    values = {
        name: getattr(selectax if name in selectax.__all__ else selectax.attacks, name)
        for name in public
    }
    functions = {name for name, value in values.items() if inspect.isfunction(value)}
    functions = {name for name in functions if not name.startswith("init_")}
    covered = {name.split(",")[0].split(" of ")[0] for name in CASES}
    assert functions <= covered | ELSEWHERE.keys()
    assert not covered & ELSEWHERE.keys()


def test_a_kept_response_that_is_not_finite_leaves_no_precision():
    kept = strongest()
    for poison in (np.nan, np.inf):
        bad = selectax.StrongestResponses(kept.response.at[0, 1].set(poison), kept.label)
        assert np.isnan(selectax.precision_at_k(bad, 3)[1])


def test_a_table_of_results_has_nan_in_the_place_of_the_marker():
    from selectax.study.measures.rows import dimensionality_rows
    from selectax.study.measures.statistics import Dimensionality

    measured = Dimensionality(np.array([[-1, -1, 3]]), np.array([np.nan]), np.array([1.5]))
    values = [row["value"] for row in dimensionality_rows(measured, ["layer"], {})]
    np.testing.assert_array_equal(values, [np.nan, np.nan, 3, np.nan, 1.5])
