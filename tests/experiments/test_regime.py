"""The verdict of the search for a setting, and what its page says."""

import pandas as pd
import pytest

from experiments import regime
from tests.experiments.test_study_results import cells_in

FOLDER = regime.SETTINGS.parent


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
    said = regime.verdict(networks(lost, dead))
    assert said.startswith("usable" if usable else "not usable")
    assert f"loses {100 * lost:.1f} points, at most {100 * dead:.0f} %" in said


def test_unknown_settings_are_refused_in_a_sentence():
    with pytest.raises(SystemExit, match="--only batch_7: known settings are batch_256, "):
        regime.main(["--only", "batch_7"])


def test_the_page_says_what_was_found():
    table = pd.read_csv(FOLDER / "results.csv")
    heads, rows = cells_in(FOLDER / "README.md", "setting")
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
        assert cells[-1] == ("yes" if regime.verdict(of_setting).startswith("usable") else "no")
    assert heads[-1] == "usable"
