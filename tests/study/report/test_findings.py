"""Findings planted in a table are found, their opposites refused, and gaps named."""

import numpy as np
import pandas as pd
import pytest

from selectax.study.report import bootstrap
from selectax.study.report.bootstrap import Estimate
from selectax.study.report.criteria import correlation
from selectax.study.report.editions import EDITIONS
from selectax.study.report.findings import find, judge, seeds_in_words
from selectax.study.report.per_network import per_network
from selectax.study.run import results
from tests.study.planted import ALPHAS, UNITS, planted_table, planted_training

ALPHA, FALL, GAIN, RAISING, CORRUPTIONS, ATTACKS, CHANGE, EARLY, GRADIENTS = range(9)
AUGMIX, ADVERSARIAL = 9, 10
OF_ALL_NETWORKS = (ALPHA, RAISING, CORRUPTIONS, ATTACKS, CHANGE, EARLY, GRADIENTS)
RESNET20 = {"model": "resnet20", "dataset": "cifar10"}
RESNET18 = {"model": "resnet18", "dataset": "tiny_imagenet"}


@pytest.fixture(autouse=True)
def _fewer_resamples(monkeypatch):
    monkeypatch.setattr(bootstrap, "RESAMPLES", 1000)


def found_in(table, *places, edition="second"):
    """The findings of a table, of all claims or of those at some places."""
    claims = EDITIONS[edition].claims
    chosen = EDITIONS[edition]._replace(claims=tuple(claims[at] for at in places) or claims)
    return find(table, UNITS, np.random.default_rng(0), chosen)


def one_in(table, place, **options):
    (finding,) = found_in(table, place, **options)
    return finding


def grades(table, *places):
    return [finding.grade for finding in found_in(table, *places)]


def grade(table, place):
    return one_in(table, place).grade


def clean_accuracy(table):
    return table["metric"].eq("accuracy") & table["perturbation"].eq("")


def test_planted_findings_hold():
    assert grades(planted_table(), *OF_ALL_NETWORKS) == ["holds"] * 7
    assert grade(planted_table(**RESNET20), FALL) == "holds"
    table = planted_table(**RESNET18)
    table.loc[clean_accuracy(table) & table["alpha"].lt(0), "value"] += 0.02
    assert grade(table, GAIN) == "holds"


def test_their_opposites_do_not():
    places = CORRUPTIONS, ATTACKS, CHANGE, EARLY, GRADIENTS
    assert grades(planted_table(sign=-1), *places) == ["does not hold"] * 5
    # Alpha −0.4, which gains most, loses a point.
    table = planted_table(**RESNET18)
    table.loc[clean_accuracy(table) & table["alpha"].lt(0), "value"] -= 0.02
    assert grade(table, GAIN) == "does not hold"
    rows = clean_accuracy(table) & table["alpha"].ge(0)
    table.loc[rows, "value"] = 0.8 + 0.1 * table.loc[rows, "alpha"]
    assert grade(table, RAISING) == "does not hold"


def test_noise_decides_nothing_or_denies():
    table = planted_table()
    generator = np.random.default_rng(1)
    rows = table["metric"].ne("train_loss")
    table.loc[rows, "value"] = generator.normal(1, 0.2, rows.sum())
    assert "holds" not in grades(table)


def test_claims_about_one_network_are_not_tested_on_others():
    findings = found_in(planted_table(), FALL, GAIN)
    about = "resnet20 on cifar10", "resnet18 on tiny_imagenet"
    for finding, network in zip(findings, about, strict=True):
        assert finding.verdict == "not tested"
        assert finding.reason == f"the claim is about {network} only"
        assert {effect.verdict for effect in finding.effects} == {None}
    assert grade(planted_table(**RESNET18), FALL) == "not tested"
    official = planted_table(**RESNET20)
    corrupted = official["perturbation"].eq("corruptions")
    official.loc[corrupted, "dataset"] = "cifar10_c"
    assert grade(official.iloc[::-1], FALL) == "holds"


@pytest.mark.parametrize(
    ("method", "at", "other"),
    [("augmix", AUGMIX, ADVERSARIAL), ("adversarial", ADVERSARIAL, AUGMIX)],
)
def test_training_for_robustness_is_graded_by_strength(method, at, other):
    table = planted_training(method)
    assert grades(table, at, other) == ["holds", "not tested"]
    # Selectivity goes the other way.
    table.loc[table["metric"].eq("class_selectivity"), "value"] *= -1
    assert grade(table, at) == "holds in part (1 of 2)"


def test_a_method_that_does_not_raise_robustness_tests_nothing():
    table = planted_training("augmix")
    table.loc[table["metric"].eq("relative_accuracy"), "value"] *= -1
    finding = one_in(table, AUGMIX)
    assert finding.grade == "cannot say"
    assert "did not make these networks more robust" in finding.reason
    assert "relative accuracy" in finding.headline.name


def test_findings_on_alpha_use_standard_training_and_those_on_methods_alpha_0():
    alone = one_in(planted_table(), CORRUPTIONS)
    # A run of adversarial training whose networks of strength 0 are the standard ones.
    standard = planted_table().assign(training="adversarial", training_strength=0.0)
    table = planted_training("adversarial")
    trained = table[table["training_strength"] > 0]
    tilted = planted_table(sign=-1).assign(training="adversarial", training_strength=3.0)
    tilted = tilted[tilted["alpha"] != 0]
    table = pd.concat([standard, trained, tilted], ignore_index=True)
    assert one_in(table, CORRUPTIONS) == alone
    finding = one_in(table, ADVERSARIAL)
    assert (finding.grade, finding.headline.estimate.networks) == ("holds", 16)


def test_a_method_without_standard_networks_tests_nothing():
    table = planted_training("augmix")
    finding = one_in(table[table["training_strength"] > 0], AUGMIX)
    assert finding.grade == "not tested"
    assert finding.reason.startswith("no networks of standard training to compare with")


def test_seeds_of_one_alpha_do_not_make_up_for_those_of_others():
    table = planted_table()
    few = table[(table["alpha"] == 0) | (table["seed"] == 0)]
    finding = one_in(few, GRADIENTS)
    assert (finding.grade, finding.reason) == ("cannot say", "fewer than 3 seeds")
    enough = table[(table["alpha"] == 0) | (table["alpha"] == 1) | (table["seed"] == 0)]
    assert one_in(enough, GRADIENTS).reason == ""


def test_of_two_copies_of_a_network_with_other_best_epochs_one_counts():
    one = planted_table().assign(epoch=3)
    later = one.assign(value=one["value"] + 0.1, epoch=4)
    both = [
        rows.assign(training=name, training_strength=0.0)
        for name, rows in (("augmix", one), ("adversarial", later))
    ]
    table = pd.concat(both, ignore_index=True)
    assert one_in(table, GRADIENTS) == one_in(one, GRADIENTS)


def test_standard_networks_in_the_runs_of_two_methods_count_once():
    one = planted_table()
    both = [one.assign(training=name, training_strength=0.0) for name in ("augmix", "adversarial")]
    assert one_in(pd.concat(both, ignore_index=True), GRADIENTS) == one_in(one, GRADIENTS)


@pytest.mark.parametrize(
    ("table", "verdict", "reason"),
    [
        (results.table([]), "not tested", "no networks are measured"),
        (planted_table(seeds=2), "cannot say", "fewer than 3 seeds"),
        (planted_table(alphas=(0.0,)), "not tested", "no networks to compare: one alpha only"),
    ],
    ids=["empty", "two seeds", "one alpha"],
)
def test_what_is_lacking_is_named(table, verdict, reason):
    for finding in found_in(table, *OF_ALL_NETWORKS):
        assert (finding.verdict, finding.reason) == (verdict, reason)


def test_what_is_not_measured_is_named():
    table = planted_table()
    finding = one_in(table[table["metric"] == "class_selectivity"], CORRUPTIONS)
    assert (finding.grade, finding.reason) == ("cannot say", "not measured")


def test_one_side_of_alpha_holds_in_part():
    found = found_in(planted_table(alphas=(0.0, 0.4, 1.0)), ALPHA, CORRUPTIONS, ATTACKS)
    expected = ["holds", "holds in part (1 of 2)", "holds in part (2 of 4)"]
    assert [finding.grade for finding in found] == expected
    assert {finding.reason for finding in found} == {""}


def without_fgsm_robustness():
    table = planted_table()
    fgsm = (table["perturbation"] == "fgsm") & (table["epsilon"] > 0)
    table.loc[fgsm, "value"] = 0.9 - table.loc[fgsm, "value"]
    return table


def test_conditions_that_fail_leave_a_part():
    finding = one_in(without_fgsm_robustness(), ATTACKS)
    assert finding.grade == "holds in part (2 of 4)"
    assert "PGD" in finding.headline.name
    failed = [effect.name for effect in finding.conditions if effect.verdict == "does not hold"]
    assert len(failed) == 2
    assert all("FGSM" in name for name in failed)


def test_in_the_first_edition_a_single_condition_that_fails_decides():
    finding = one_in(without_fgsm_robustness(), 2, edition="first")
    assert finding.grade == "does not hold"
    assert "FGSM" in finding.headline.name


@pytest.mark.parametrize(
    ("error", "verdicts"),
    [(0.005, ("holds", "does not hold")), (0.02, ("cannot say", "cannot say"))],
)
def test_an_end_that_another_draw_may_find_on_the_other_side_decides_nothing(error, verdicts):
    above, below = (correlation("something", "clean", side) for side in ("above", "below"))
    for low, high in ((0.01, 0.9), (-0.9, -0.01)):
        found = Estimate(np.sign(low) / 2, low, high, seeds=9, networks=27, error=error)
        on_its_side, on_the_other = (above, below) if low > 0 else (below, above)
        assert (judge(found, on_its_side), judge(found, on_the_other)) == verdicts


def test_a_step_back_is_no_monotone_rise():
    table = planted_table()
    rows = table["metric"].eq("class_selectivity") & table["alpha"].eq(1.0)
    table.loc[rows, "value"] = 0.3
    finding = one_in(table, ALPHA)
    assert finding.grade == "holds in part (1 of 2)"
    assert finding.effects[0].verdict == "does not hold"
    assert finding.effects[0].estimate.value == pytest.approx(-0.08, abs=0.01)


def test_the_fall_of_selectivity_by_hand():
    fall, loss = one_in(planted_table(noise=0, **RESNET20), FALL).effects
    # Alpha −1 loses nothing and has 0.05 of 0.3; alpha −2, at 0.01, loses 0.02.
    assert fall.estimate.value == pytest.approx(6)
    assert loss.estimate.value == pytest.approx(0.02)


def test_the_gain_of_accuracy_by_hand():
    (gain,) = one_in(planted_table(noise=0, **RESNET18), GAIN).effects
    # Alpha −0.4 has 0.91 and alpha 0 has 0.9.
    assert gain.estimate.value == pytest.approx(0.01)


def test_alphas_too_weak_for_the_fall_say_nothing():
    assert grade(planted_table(alphas=(-0.4, 0.0, 0.4), **RESNET20), FALL) == "cannot say"
    # Strong enough, but at a loss.
    table = planted_table(alphas=(-1.0, 0.0, 1.0), **RESNET20)
    table.loc[clean_accuracy(table) & table["alpha"].lt(0), "value"] = 0.88
    assert grade(table, FALL) == "does not hold"


def test_masked_gradients_are_a_caution():
    finding = one_in(planted_table(doubts=2), ATTACKS)
    assert "28 of 28 networks show signs of masked gradients" in finding.caution
    assert "masked" not in one_in(planted_table(), ATTACKS).caution


def test_a_grid_of_epsilons_that_is_too_coarse_or_too_narrow_is_a_caution():
    table = planted_table()
    coarse = one_in(table[(table["epsilon"] * 255).round() != 4], ATTACKS)
    assert (coarse.grade, coarse.reason) == ("cannot say", "not measured")
    assert "differ by a factor of 2 at most" in coarse.caution
    # 40 of 90 % are left at 2/255.
    caution = one_in(planted_table(sign=0), ATTACKS).caution
    assert "28 of 28 networks more than a quarter" in caution


def test_networks_with_dead_units_are_left_out_of_a_second_verdict():
    # Without alpha 2, nothing shows that promoted networks are less robust to corruptions.
    lost = {(2.0, seed): 0.101 for seed in range(4)} | {(1.0, 0): 0.1}
    table = planted_table(dead=lost)
    rows = table["metric"].eq("relative_accuracy") & table["alpha"].isin((0.4, 1.0))
    table.loc[rows, "value"] = 0.9
    finding = one_in(table, CORRUPTIONS)
    assert finding.left_out == 4
    without = finding.without_dead
    assert finding.effects[1].estimate.networks == 16
    assert without.effects[1].estimate.networks == 12
    assert finding.grade == "holds in part (1 of 2)"
    assert [one.verdict for one in without.conditions] == ["holds", "does not hold"]
    assert without.without_dead is None
    # Tables without this metric, and networks that lost little.
    assert one_in(planted_table(), ALPHA).without_dead is None
    assert one_in(planted_table(dead={(0.0, 0): 0.1}), ALPHA).without_dead is None


def test_an_undecided_condition_says_how_many_seeds_would_decide_it():
    table = planted_table()
    generator = np.random.default_rng(3)
    rows = table["metric"].eq("input_gradient_cv_over_units")
    table.loc[rows, "value"] = 0.05 * table.loc[rows, "alpha"] + generator.normal(size=rows.sum())
    finding = one_in(table, GRADIENTS)
    undecided = finding.effects[1]
    assert (undecided.verdict, finding.grade) == ("cannot say", "holds in part (1 of 2)")
    assert finding.seeds == undecided.seeds > 4
    words = f"{seeds_in_words(finding.seeds)} seeds would decide the rest"
    assert finding.seeds_text == f"{words} if the effects are as large as measured"
    finding = one_in(table[table["metric"] != "input_gradient_cv"], GRADIENTS)
    assert finding.reason == "not measured"
    assert finding.seeds is None


@pytest.mark.parametrize(
    ("seeds", "words"), [(4, "4"), (28, "28"), (101, "110"), (110, "110"), (5831, "5,900")]
)
def test_numbers_of_seeds_are_rounded_up(seeds, words):
    assert seeds_in_words(seeds) == f"about {words}"


def test_a_diverged_network_takes_no_part():
    table = planted_table()
    one = {"dataset": "digits", "model": "resnet8", "alpha": 0.0, "seed": 1, "epoch": 2}
    diverged = results.table([{**one, "metric": "diverged", "value": 1}])
    networks = per_network(results.merge(table, diverged), UNITS)
    assert len(networks) == 4 * len(ALPHAS) - 1
    assert not ((networks["alpha"] == 0) & (networks["seed"] == 1)).any()
