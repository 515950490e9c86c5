"""Findings planted in a table are found, their opposites refused, and gaps named."""

import numpy as np
import pytest

from selectax.study.report.findings import find
from selectax.study.report.per_network import early_layers, per_network
from selectax.study.run import results
from tests.study.planted import ALPHAS, UNITS, planted_table


def verdicts(table):
    return [finding.verdict for finding in find(table, UNITS, np.random.default_rng(0))]


def test_planted_findings_hold():
    assert verdicts(planted_table()) == ["holds"] * 7


def test_their_opposites_do_not():
    first, *between, last = verdicts(planted_table(sign=-1))
    assert between == ["does not hold"] * 5
    # These two are about selectivity and clean accuracy alone.
    assert (first, last) == ("holds", "holds")


def test_noise_decides_nothing_or_denies():
    table = planted_table()
    generator = np.random.default_rng(1)
    rows = table["metric"].ne("train_loss")
    table.loc[rows, "value"] = generator.normal(1, 0.2, rows.sum())
    assert "holds" not in verdicts(table)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (results.table([]), "not measured"),
        (planted_table(seeds=2), "fewer than 3 seeds"),
        (planted_table(alphas=(0.0,)), "networks to compare with are lacking"),
    ],
    ids=["empty", "two seeds", "one alpha"],
)
def test_what_is_lacking_is_named(table, reason):
    for finding in find(table, UNITS, np.random.default_rng(0)):
        assert finding.verdict == "cannot say"
        assert reason in finding.reason


def test_one_side_of_alpha_is_not_enough():
    found = verdicts(planted_table(alphas=(0.0, 0.4, 1.0)))
    assert found[1:3] == ["cannot say"] * 2
    assert found[6] == "cannot say"
    assert found[0] == "holds"


def test_a_single_condition_that_fails_decides():
    table = planted_table()
    fgsm = (table["perturbation"] == "fgsm") & (table["epsilon"] > 0)
    table.loc[fgsm, "value"] = 1 - table.loc[fgsm, "value"]
    finding = find(table, UNITS, np.random.default_rng(0))[2]
    assert finding.verdict == "does not hold"
    assert "FGSM" in finding.headline.name


def test_a_step_back_is_no_monotone_rise():
    table = planted_table()
    rows = table["metric"].eq("class_selectivity") & table["alpha"].eq(1.0)
    table.loc[rows, "value"] = 0.3
    finding = find(table, UNITS, np.random.default_rng(0))[0]
    assert finding.verdict == "does not hold"
    assert finding.headline.estimate.value == pytest.approx(-0.08, abs=0.01)


def test_the_last_finding_by_hand():
    fall, loss = find(planted_table(noise=0), UNITS, np.random.default_rng(0))[6].effects
    # Alpha −1 loses nothing and has 0.05 of 0.3; alpha −2, at 0.01, loses 0.02.
    assert fall.estimate.value == pytest.approx(6)
    assert loss.estimate.value == pytest.approx(0.02)


def test_alphas_too_weak_for_the_last_finding_say_nothing():
    assert verdicts(planted_table(alphas=(-0.4, 0.0, 0.4)))[6] == "cannot say"
    # Strong enough, but at a loss.
    table = planted_table(alphas=(-1.0, 0.0, 1.0))
    rows = table["metric"].eq("accuracy") & table["perturbation"].eq("") & table["alpha"].lt(0)
    table.loc[rows, "value"] = 0.88
    assert verdicts(table)[6] == "does not hold"


def test_masked_gradients_are_a_caution():
    finding = find(planted_table(doubts=2), UNITS, np.random.default_rng(0))[2]
    assert "28 of 28 networks show signs of masked gradients" in finding.caution
    assert find(planted_table(), UNITS, np.random.default_rng(0))[2].caution == ""


def test_a_diverged_network_takes_no_part():
    table = planted_table()
    one = {"dataset": "digits", "model": "resnet8", "alpha": 0.0, "seed": 1, "epoch": 2}
    diverged = results.table([{**one, "metric": "diverged", "value": 1}])
    networks = per_network(results.merge(table, diverged), UNITS)
    assert len(networks) == 4 * len(ALPHAS) - 1
    assert not ((networks["alpha"] == 0) & (networks["seed"] == 1)).any()


def test_networks_have_the_means_of_their_rows():
    table = planted_table(noise=0)
    network = per_network(table, UNITS).set_index(["alpha", "seed"]).loc[(1.0, 2)]
    assert early_layers(UNITS) == ["layer1", "layer2"]
    expected = {
        "selectivity": 0.5,
        "clean": 0.85,
        "corruptions": 0.575,
        "relative": 0.675,
        "fgsm": 0.35,
        "pgd": 0.35,
        "early": 0.5 - 0.5 / 3,
        "early_corruptions": 0.55,
        "early_pgd": 0.65,
        "early_difference_corruptions": 0.475,
        "early_difference_pgd": 0.45,
        "variation_over_samples": 1.5,
        "variation_over_units": 1.5,
        "doubts": 0,
    }
    for name, value in expected.items():
        assert network[name] == pytest.approx(value), name
