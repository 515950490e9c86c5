"""The quantities of each network, by hand and beside a simulation of its images."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from selectax.study.report.per_network import (
    early_layers,
    is_usable,
    mean_log2_epsilon,
    per_network,
    share_beyond,
)
from tests.study.planted import UNITS, planted_table, planted_training


def test_networks_have_the_means_of_their_rows():
    table = planted_table(noise=0, dead={(1.0, 2): 0.25})
    network = per_network(table, UNITS).set_index(["alpha", "seed"]).loc[(1.0, 2)]
    assert early_layers(UNITS) == ["layer1", "layer2"]
    # Robust accuracies 0.65, 0.55 and 0.35 of 0.9: trapezoids from log2(1) to log2(16).
    surviving = np.array([1, 0.65 / 0.9, 0.55 / 0.9, 0.35 / 0.9, 0])
    expected = {
        "training": "standard",
        "training_strength": 0,
        "selectivity": 0.5,
        "clean": 0.85,
        "corruptions": 0.575,
        "relative": 0.675,
        "fgsm": 1.55 / 3,
        "pgd": 1.55 / 3,
        "fgsm_log2": ((surviving[1:] + surviving[:-1]) / 2).sum(),
        "pgd_log2": ((surviving[1:] + surviving[:-1]) / 2).sum(),
        "pgd_beyond": 0.35 / 0.9,
        "early": 0.5 - 0.5 / 3,
        "early_corruptions": 0.55,
        "early_pgd": 0.65,
        "early_difference_corruptions": 0.475,
        "early_difference_pgd": 0.45,
        "difference_corruptions": 0.475,
        "difference_pgd": 0.45,
        "variation_over_samples": 1.5,
        "variation_over_units": 1.5,
        "dead": 0.25,
        "doubts": 0,
    }
    for name, value in expected.items():
        assert network[name] == (value if isinstance(value, str) else pytest.approx(value)), name


def test_other_attacks_are_not_taken_for_pgd():
    table = planted_table(noise=0, alphas=(0.0,), seeds=1)
    of_pgd = table[table["perturbation"].isin(["pgd", "difference:pgd"])]
    other = of_pgd.assign(
        value=of_pgd["value"] / 2, perturbation=of_pgd["perturbation"].str.replace("pgd", "apgd")
    )
    both = pd.concat([table, other], ignore_index=True)
    columns = ["pgd", "pgd_log2", "early_pgd", "early_difference_pgd", "difference_pgd"]
    pd.testing.assert_frame_equal(
        per_network(both, UNITS)[columns], per_network(table, UNITS)[columns]
    )


def test_early_and_all_layers_differ():
    table = planted_table(noise=0, alphas=(0.0,), seeds=1)
    rows = table["metric"].eq("dimensionality_95") & table["layer"].eq("layer6")
    table.loc[rows, "value"] = 0.0
    (network,) = per_network(table, UNITS).to_dict("records")
    assert network["difference_pgd"] == pytest.approx(5 / 6 * network["early_difference_pgd"])


def test_networks_of_different_training_are_kept_apart():
    networks = per_network(planted_training("augmix", noise=0), UNITS)
    assert len(networks) == 16
    assert set(networks["training_strength"]) == {0, 0.4, 1, 2}
    by_strength = networks.groupby("training_strength")["selectivity"].mean()
    assert by_strength.to_dict() == pytest.approx({0: 0.3, 0.4: 0.2, 1: 0.05, 2: 0.01})


@pytest.mark.parametrize(("mean", "deviation"), [(1.3, 0.6), (2.0, 1.0), (2.4, 1.5)])
def test_the_mean_of_the_smallest_epsilons_is_that_of_the_images(mean, deviation):
    """Beside the smallest epsilons of simulated images, a third of which is wrong at 0 already."""
    generator = np.random.default_rng(0)
    smallest = generator.normal(mean, deviation, 20_000)
    epsilons = np.concatenate([[0.0], 2.0 ** np.arange(-5, 11)])
    correct = smallest > np.log2(epsilons[1:, None])
    accuracies = np.concatenate([[20_000], correct.sum(1)]) / 30_000
    found = mean_log2_epsilon(epsilons, np.stack([accuracies, np.zeros(17)]))
    assert found.dtype == np.float64
    assert found[0] == pytest.approx(smallest.mean(), abs=0.02)
    assert np.isnan(found[1])  # an accuracy of 0 at epsilon 0
    finer = mean_log2_epsilon(*at_half_steps(smallest))
    assert found[0] == pytest.approx(finer, abs=0.01)


def at_half_steps(smallest):
    epsilons = np.concatenate([[0.0], 2.0 ** np.arange(-5, 11, 0.25)])
    correct = smallest > np.log2(epsilons[1:, None])
    return epsilons, np.concatenate([[1.0], correct.mean(1)])


def test_a_grid_of_doublings_is_exact_for_normal_epsilons_and_one_of_factors_of_4_is_not():
    def surviving(epsilons, mean):
        with np.errstate(divide="ignore"):
            return stats.norm(mean, 0.6).sf(np.log2(epsilons))

    def of_factors_of_4(mean):
        at = np.arange(-9.0, 12, 2)
        return at[0] + np.trapezoid(surviving(2**at, mean), at)

    doublings = np.concatenate([[0.0], 2.0 ** np.arange(-8, 12)])
    means = np.arange(0, 2, 0.1)
    errors = [mean_log2_epsilon(doublings, surviving(doublings, mean)) - mean for mean in means]
    assert np.abs(errors).max() < 0.01
    assert max(abs(of_factors_of_4(mean) - mean) for mean in means) > 0.1


def test_images_outside_the_grid_count_half_a_doubling_beyond_it():
    epsilons = np.array([0.0, 2.0, 4.0])
    assert mean_log2_epsilon(epsilons, np.array([0.8, 0.0, 0.0])) == 0.5  # between 1 and 2
    assert mean_log2_epsilon(epsilons, np.array([0.8, 0.8, 0.0])) == 1.5
    assert mean_log2_epsilon(epsilons, np.array([0.8, 0.8, 0.8])) == 2.5  # between 4 and 8
    found = share_beyond(np.array([[0.8, 0.6, 0.4], [0.8, 0.8, 0.6], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(found, [0.5, 0.75, np.nan])


@pytest.mark.parametrize(
    ("epsilons", "usable"),
    [
        ([0, 2, 4, 8], True),
        ([0, 1, 1.5, 2.9], True),
        ([0, 2, 4.1], False),
        ([1, 2, 4], False),
        ([0, 2], False),
        ([], False),
    ],
)
def test_grids_that_are_too_coarse_give_nan(epsilons, usable):
    accuracies = np.linspace(0.9, 0.1, len(epsilons))
    assert is_usable(np.array(epsilons)) == usable
    assert np.isfinite(mean_log2_epsilon(np.array(epsilons), accuracies)) == usable


def test_a_nan_accuracy_gives_nan():
    assert np.isnan(mean_log2_epsilon(np.array([0, 1, 2.0]), np.array([1, np.nan, 0.5])))
