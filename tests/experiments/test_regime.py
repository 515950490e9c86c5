"""Which alphas a search for a setting finds usable, and what its pages say."""

import tomllib

import numpy as np
import pandas as pd
import pytest

from experiments import regime
from experiments.study import STUDIES
from tests.experiments.test_study_results import cells_in

CIFAR10, DIGITS, TINY_IMAGENET = (
    STUDIES / name
    for name in ("regime_search", "digits_regime_search", "tiny_imagenet_regime_search")
)


def networks(lost, dead):
    """Two seeds of alphas 0 and 1, of which alpha 1 loses so much and kills so many."""
    return pd.DataFrame(
        [
            {"alpha": alpha, "seed": seed, "accuracy": 0.5 - alpha * (lost + change)}
            | {"class_selectivity": 0.2, "most_dead_in_a_layer": alpha * (dead + change)}
            for alpha in (0.0, 1.0)
            for seed, change in enumerate((-0.02, 0.02))
        ]
    )


@pytest.mark.parametrize(
    ("lost", "dead", "usable"),
    [(0.09, 0.04, True), (0.11, 0.04, False), (0.09, 0.06, False), (-0.1, 0.0, True)],
)
def test_means_over_seeds_are_compared_with_the_limits(lost, dead, usable):
    found = regime.usable_alphas(networks(lost, dead))
    assert list(found.index) == [1]
    assert found.loc[1, "usable"] == usable
    np.testing.assert_allclose(found.loc[1, ["lost", "dead"]].astype(float), [lost, dead])


def test_unknown_settings_and_searches_are_refused_in_a_sentence(capsys):
    with pytest.raises(SystemExit, match="--only batch_7: known settings are batch_256, "):
        regime.main(["--only", "batch_7"])
    with pytest.raises(SystemExit, match="--only batch_256: known settings are batch_32, "):
        regime.main(["digits_regime_search", "--only", "batch_256"])
    assert regime.main(["digit_regime_search"]) == 2
    assert "did you mean digits_regime_search?" in capsys.readouterr().err


def test_the_page_on_cifar10_says_what_was_found():
    table = pd.read_csv(CIFAR10 / "results.csv")
    heads, rows = cells_in(CIFAR10 / "README.md", "setting")
    assert [row[0] for row in rows] == list(table["setting"].unique())
    for name, *cells in rows:
        of_setting = table[table["setting"] == name]
        of_alpha = of_setting.set_index("alpha")
        expected = [
            *of_alpha["accuracy"],
            *of_alpha["class_selectivity"],
            of_setting["most_dead_in_a_layer"].max(),
        ]
        assert [float(cell) for cell in cells[:-1]] == pytest.approx(expected, abs=0.00051)
        assert cells[-1] == ("yes" if regime.usable_alphas(of_setting)["usable"].all() else "no")
    assert heads[-1] == "usable"


@pytest.mark.parametrize("folder", [DIGITS, TINY_IMAGENET], ids=lambda folder: folder.name)
def test_the_pages_with_a_row_for_each_alpha_say_what_was_found(folder):
    table = pd.read_csv(folder / "results.csv")
    heads, rows = cells_in(folder / "README.md", "setting")
    assert len(rows) == len(table)
    for row, expected in zip(rows, table.itertuples(), strict=True):
        name, alpha, *numbers = row[:5]
        alpha = float(alpha.replace("−", "-"))
        assert (name, alpha) == (expected.setting, expected.alpha)
        wanted = expected.accuracy, expected.class_selectivity, expected.most_dead_in_a_layer
        assert [float(number) for number in numbers] == pytest.approx(wanted, abs=0.00051)
        if heads[-1] == "usable":  # where the limit of lost accuracy says something
            found = regime.usable_alphas(table[table["setting"] == name])["usable"]
            assert row[-1] == ("–" if alpha == 0 else "yes" if found[alpha] else "no")


@pytest.mark.parametrize("folder", [CIFAR10, DIGITS, TINY_IMAGENET], ids=lambda folder: folder.name)
def test_settings_that_were_run_are_those_listed(folder):
    settings = tomllib.loads((folder / "settings.toml").read_text())
    shared = settings.pop("shared")
    table = pd.read_csv(folder / "results.csv")
    for name, of_setting in table.groupby("setting"):
        assert name in settings
        assert sorted(of_setting["alpha"]) == sorted(shared["alpha"])
