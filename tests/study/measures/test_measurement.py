"""The rows that a network gives: what they are of, and their values against float64."""

import dataclasses
import itertools

import numpy as np
import pytest

from selectax.attacks import ATTACKS
from selectax.datasets.pipeline.batches import in_batches
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures import attacks
from selectax.study.measures.computation.statistics import measure_attacked
from selectax.study.measures.registry import METRICS
from selectax.study.run import results
from tests.reference import corruptions as reference_corruptions
from tests.reference import selectivity as reference_selectivity
from tests.reference import tiny_network as reference
from tests.study import tiny
from tests.study.tiny import TinyNetwork, bytes_and_labels, evaluation_images, fitted_variables

pytestmark = pytest.mark.slow

IMAGES, LABELS = bytes_and_labels(21)
UNIT_IMAGES = IMAGES / 255
VARIABLES = fitted_variables(IMAGES, LABELS)
EPSILONS = (8.0, 2.0, 6.0)
OPTIONS = EvaluationOptions(
    corruptions=("contrast", "gaussian_noise"), epsilons=EPSILONS, pgd_steps=(1, 3)
)
CONTRAST = {1: 0.75, 2: 0.5, 3: 0.4, 4: 0.3, 5: 0.15}
DIMENSIONALITIES = [
    *("dimensionality_90", "dimensionality_95", "dimensionality_99", "participation_ratio"),
    "effective_rank",
]
SELECTIVITIES = ["class_selectivity", "share_selective", "dead_units"]
DECILES = [f"class_selectivity_decile_{decile}" for decile in range(11)]


def measured(seed=0, labels=LABELS, **changes):
    """Rows by what they are of, which no two share."""
    images = evaluation_images(
        in_batches(IMAGES, labels, 8), in_batches(IMAGES[:13], labels[:13], 8)
    )
    options = dataclasses.replace(OPTIONS, **changes)
    found = tiny.measured(seed, VARIABLES, images, options, TinyNetwork())
    whose = {"dataset": "none", "model": "tiny", "alpha": 0.0, "seed": seed, "epoch": 1}
    frame = results.table([{**whose, **row} for row in found.rows])
    frame["epsilon"] = (frame["epsilon"] * 255).round(4)
    found = {}
    for row in frame.fillna({"severity": 0, "epsilon": -1, "steps": 0}).itertuples():
        found[row.metric, row.layer, row.perturbation, row.severity, row.epsilon, row.steps] = (
            row.value
        )
    assert len(found) == len(frame)
    return found


def of(metric, layer="", perturbation="", severity=0, epsilon=-1.0, steps=0):
    return metric, layer, perturbation, severity, epsilon, steps


@pytest.fixture(scope="module")
def everything():
    return measured()


def strengths(attacks_begin_at_clean_images):
    """Of each perturbation, in the table's columns."""
    yield from itertools.product(("contrast", "gaussian_noise"), (1, 2, 3, 4, 5), [-1.0], [0])
    epsilons = [0.0, *EPSILONS] if attacks_begin_at_clean_images else EPSILONS
    for name, steps in (("fgsm", 1), ("pgd", 1), ("pgd", 3)):
        yield from itertools.product([name], [0], epsilons, [steps])


def test_rows_are_of_everything_once(everything):
    expected = {of("accuracy")}
    for layer in ("", "first", "second"):
        expected |= {of(metric, layer) for metric in SELECTIVITIES}
        expected |= {of("class_selectivity", layer, *where) for where in strengths(True)}
    for layer in ("first", "second"):
        expected |= {of(metric, layer) for metric in DECILES}
        expected |= {of(metric, layer) for metric in DIMENSIONALITIES}
        for (name, *where), prefix in itertools.product(strengths(False), ("", "difference:")):
            expected |= {of(metric, layer, prefix + name, *where) for metric in DIMENSIONALITIES}
    expected |= {of("accuracy", "", *where) for where in strengths(True)}
    expected |= {of("relative_accuracy", "", *where) for where in strengths(True) if where[2] == -1}
    expected |= {of(metric, "", "corruptions") for metric in ("accuracy", "relative_accuracy")}
    expected.add(of("masked_gradients", "", "pgd", 0, 8.0, 3))
    assert set(everything) == expected
    assert {metric for metric, *_ in everything} <= set(METRICS)


@pytest.mark.parametrize(
    ("measures", "metrics", "perturbations"),
    [
        ((), {"accuracy"}, {""}),
        (("selectivity",), {"accuracy", *SELECTIVITIES, *DECILES}, {""}),
        (("dimensionality",), {"accuracy", *DIMENSIONALITIES}, {""}),
        (
            ("corruptions",),
            {"accuracy", "relative_accuracy"},
            {"", "contrast", "gaussian_noise", "corruptions"},
        ),
        (("attacks",), {"accuracy", "masked_gradients"}, {"", "fgsm", "pgd"}),
    ],
)
def test_measures_that_are_not_asked_for_give_no_rows(everything, measures, metrics, perturbations):
    found = measured(measures=measures)
    assert {metric for metric, *_ in found} == metrics
    assert {perturbation for _, _, perturbation, *_ in found} == perturbations
    for where, value in found.items():
        # Accuracy alone is found by a search, from other random starts.
        one_image = 1 / 13 + 1e-9 if where[2] == "pgd" else 0
        np.testing.assert_allclose(value, everything[where], rtol=1e-6, atol=one_image)


def test_accuracy_and_selectivity_of_clean_images(everything):
    logits, responses = reference.logits_and_responses(VARIABLES, UNIT_IMAGES)
    accuracy = np.mean(logits.argmax(axis=1) == LABELS)
    np.testing.assert_allclose(everything[of("accuracy")], accuracy, rtol=1e-12)
    selectivity = reference_selectivity.layer_selectivity(responses, LABELS, 3)
    for name, indices in selectivity.items():
        found = everything[of("class_selectivity", name)]
        np.testing.assert_allclose(found, indices.mean(), rtol=1e-4)
    np.testing.assert_allclose(
        everything[of("class_selectivity")],
        np.mean([indices.mean() for indices in selectivity.values()]),
        rtol=1e-4,
    )


def test_deciles_of_selectivity_are_over_the_units_of_a_layer(everything):
    _, responses = reference.logits_and_responses(VARIABLES, UNIT_IMAGES)
    for layer, indices in reference_selectivity.layer_selectivity(responses, LABELS, 3).items():
        found = [everything[of(metric, layer)] for metric in DECILES]
        expected = [np.percentile(indices, 10 * decile) for decile in range(11)]
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        assert found[0] < found[5] < found[10]


def test_accuracy_on_corrupted_images_and_relative_to_clean_ones(everything):
    of_severities = set()
    for severity, factor in CONTRAST.items():
        corrupted = [reference_corruptions.contrast(image, factor) for image in UNIT_IMAGES]
        published = np.floor(np.clip(corrupted, 0, 1) * 255 + 1e-6) / 255
        right = np.mean(reference.predictions(VARIABLES, published) == LABELS)
        where = ("", "contrast", severity)
        np.testing.assert_allclose(everything[of("accuracy", *where)], right, rtol=1e-12)
        relative = right / everything[of("accuracy")]
        np.testing.assert_allclose(everything[of("relative_accuracy", *where)], relative)
        of_severities.add(right)
    assert len(of_severities) > 1


def test_selectivity_of_perturbed_images(everything):
    for severity, factor in CONTRAST.items():
        corrupted = [reference_corruptions.contrast(image, factor) for image in UNIT_IMAGES]
        published = np.floor(np.clip(corrupted, 0, 1) * 255 + 1e-6) / 255
        _, responses = reference.logits_and_responses(VARIABLES, published)
        assert_selectivity(everything, responses, LABELS, ("contrast", severity))


def test_selectivity_of_attacked_images_begins_at_the_same_images(everything):
    images, labels = UNIT_IMAGES[:13], LABELS[:13]
    for epsilon in (0.0, *EPSILONS):
        attacked = reference.fgsm(VARIABLES, images, labels, epsilon / 255)
        _, responses = reference.logits_and_responses(VARIABLES, attacked)
        assert_selectivity(everything, responses, labels, ("fgsm", 0, epsilon, 1))


def assert_selectivity(found, responses, labels, where):
    of_layers = reference_selectivity.layer_selectivity(responses, labels, 3)
    means = {name: indices.mean() for name, indices in of_layers.items()}
    means[""] = np.mean(list(means.values()))
    for layer, mean in means.items():
        np.testing.assert_allclose(found[of("class_selectivity", layer, *where)], mean, rtol=1e-3)


def curve(found, name, steps):
    epsilons = sorted({0.0, *EPSILONS})
    return [found[of("accuracy", "", name, 0, epsilon, steps)] for epsilon in epsilons]


def test_fgsm_curve_counts_images_that_no_smaller_attack_breaks(everything):
    images, labels = UNIT_IMAGES[:13], LABELS[:13]
    robust = reference.predictions(VARIABLES, images) == labels
    expected = [robust.mean()]
    for epsilon in sorted(EPSILONS):
        attacked = reference.fgsm(VARIABLES, images, labels, epsilon / 255)
        robust &= reference.predictions(VARIABLES, attacked) == labels
        expected.append(robust.mean())
    assert expected[-1] < expected[0]
    np.testing.assert_allclose(curve(everything, "fgsm", 1), expected, rtol=1e-12)


def test_an_image_is_robust_if_no_attack_up_to_epsilon_nor_none_at_all_breaks_it(monkeypatch):
    """An attack may fail where a weaker one did not, or mend what was wrong without it."""
    clean = reference.predictions(VARIABLES, UNIT_IMAGES[:13]) == LABELS[:13]
    right, wrong = np.flatnonzero(clean)[:3], np.flatnonzero(~clean)[:1]
    assert len(wrong)
    # In the order of EPSILONS, 8, 2, 6: the first breaks at 2 alone, the second at 6 alone.
    survives = np.zeros((3, 16), bool)
    survives[:, right] = [[True, True, True], [False, True, True], [True, False, True]]
    survives[:, wrong] = True

    def spy(*arguments, **options):
        found = measure_attacked(*arguments, **options)
        return found._replace(correct=survives.reshape(1, 3, 2, 8))

    monkeypatch.setattr(attacks, "measure_attacked", spy)
    found = measured(measures=("attacks", "selectivity"), pgd_steps=(3,))
    expected = [clean.sum() / 13, 2 / 13, 1 / 13, 1 / 13]
    for name, steps in (("fgsm", 1), ("pgd", 3)):
        np.testing.assert_allclose(curve(found, name, steps), expected, rtol=1e-12)


@pytest.mark.parametrize(("name", "steps"), [("fgsm", 1), ("pgd", 1), ("pgd", 3)])
def test_curves_begin_at_the_clean_images_and_never_rise(everything, name, steps):
    values = curve(everything, name, steps)
    clean = reference.predictions(VARIABLES, UNIT_IMAGES[:13]) == LABELS[:13]
    np.testing.assert_allclose(values[0], clean.mean(), rtol=1e-12)
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0]


def test_an_epsilon_of_0_is_the_beginning_of_the_curve_and_differs_in_nothing(everything):
    """The difference of responses that are alike would be of rounding alone."""
    found = measured(epsilons=(0.0, 2.0, 8.0), pgd_steps=(3,))
    for name, steps in (("fgsm", 1), ("pgd", 3)):
        where = ("", name, 0, 0.0, steps)
        assert found[of("accuracy", *where)] == everything[of("accuracy", *where)]
    assert not [where for where in found if where[4] == 0 and where[0] in DIMENSIONALITIES]


def test_without_a_clean_image_right_there_is_no_relative_accuracy():
    wrong = (reference.predictions(VARIABLES, UNIT_IMAGES) + 1) % 3
    found = measured(labels=wrong.astype(np.int32), measures=("corruptions", "attacks"))
    assert found[of("accuracy")] == 0
    for severity in (1, 2, 3, 4, 5):
        assert np.isnan(found[of("relative_accuracy", "", "contrast", severity)])
    assert curve(found, "pgd", 3) == [0, 0, 0, 0]


def test_the_seed_decides_what_attacks_draw_and_images_are_corrupted_alike_for_all(everything):
    again, other = measured(), measured(seed=1)
    assert again == everything
    drawn = of("participation_ratio", "first", "difference:pgd", 0, 8.0, 3)
    fixed = of("participation_ratio", "first", "difference:gaussian_noise", 3)
    assert other[drawn] != everything[drawn]
    assert other[fixed] == everything[fixed]


def test_means_over_corruptions_and_severities(everything):
    for metric in ("accuracy", "relative_accuracy"):
        values = [
            everything[of(metric, "", name, severity)]
            for name in OPTIONS.corruptions
            for severity in (1, 2, 3, 4, 5)
        ]
        np.testing.assert_allclose(
            everything[of(metric, "", "corruptions")], np.mean(values), rtol=1e-12
        )


def test_options_reach_the_attacks(monkeypatch):
    asked_for = []

    def spy(*arguments, attack, norm, restarts, **options):
        asked_for.append((attack.name, norm, restarts))
        return measure_attacked(*arguments, attack=ATTACKS["fgsm"], **options)

    monkeypatch.setattr(attacks, "measure_attacked", spy)
    measured(measures=("attacks", "selectivity"), norm="l2", pgd_steps=(3,), pgd_restarts=4)
    assert set(asked_for) == {("fgsm", "l2", 4), ("pgd", "l2", 4)}


def test_responses_are_measured_at_some_epsilons_and_accuracy_at_all(everything):
    """Where no responses are asked for, an attack ends as soon as the accuracy is known."""
    found = measured(response_epsilons=(8.0,))
    rest = {where for where in set(everything) - set(found) if where[0] != "accuracy"}
    assert {where[4] for where in rest} == {2.0, 6.0}
    assert {where[2].removeprefix("difference:") for where in rest} == {"fgsm", "pgd"}
    assert {where[0] for where in rest} == {*DIMENSIONALITIES, "class_selectivity"}
    assert set(found) == set(everything) - rest
    for where, value in found.items():
        if where[2] == "pgd" and where[0] == "accuracy":
            assert abs(value - everything[where]) <= 1 / 13 + 1e-9
        else:
            assert value == everything[where] or np.isnan([value, everything[where]]).all()


def test_without_responses_no_attack_goes_on_to_the_end(everything, monkeypatch):
    whole = []

    def spy(*arguments, attack, **options):
        whole.append(attack.name)
        return measure_attacked(*arguments, attack=attack, **options)

    monkeypatch.setattr(attacks, "measure_attacked", spy)
    alone = measured(measures=("attacks",))
    for name, steps in (("fgsm", 1), ("pgd", 1), ("pgd", 3)):
        difference = np.subtract(curve(alone, name, steps), curve(everything, name, steps))
        assert np.max(np.abs(difference)) <= 1 / 13 + 1e-9
    assert whole == ["fgsm"]  # which has no other steps
