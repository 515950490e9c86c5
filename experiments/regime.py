"""Searches for training settings in which the regularizer works and kills few units.

A search is a folder `experiments/studies/NAME` with a `settings.toml`. Each of its tables is one
setting, a sweep over alpha. An alpha is usable in a setting if it loses at most 10 points of clean
accuracy against alpha 0 and kills at most 5 % of the units of any layer. A unit is dead if it does
not respond to any test image.

  python experiments/regime.py [NAME] [--only SETTING …] [flags of sweep.py]

The name is regime_search if it is left out. Finished settings are not run again. Flags of sweep.py,
such as `--archives FOLDER`, are added to each setting or replace its flags.
"""

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments.study import STUDIES, not_replaced, words_of
from selectax.commands import sweep
from selectax.commands.command_line.mistakes import unknown_choice
from selectax.study import load_results

RUNS = Path("runs")
MOST_LOST, MOST_DEAD = 0.10, 0.05


def main(words: Sequence[str]) -> int:
    """Trains and measures the networks of every setting, and prints the table of settings."""
    search, *words = words if words and not words[0].startswith("-") else ["regime_search", *words]
    searches = sorted(path.parent.name for path in STUDIES.glob("*/settings.toml"))
    if search not in searches:
        print(unknown_choice("", search, searches), file=sys.stderr)
        return 2
    settings = tomllib.loads((STUDIES / search / "settings.toml").read_text())
    shared = settings.pop("shared")
    chosen, more = _chosen(words, list(settings))
    for name in chosen:
        flags = {**shared, **settings[name], "output": str(RUNS / search / name)}
        kept = words_of(not_replaced(flags, more))
        status = sweep.main([*kept, "--resume", *more], "experiments/sweep.py")
        if status:
            return status
    table = pd.concat([networks_of(RUNS / search / name).assign(setting=name) for name in chosen])
    print(table.to_csv(index=False, float_format="%.4f"), end="")
    for name, networks in table.groupby("setting", sort=False):
        for alpha, found in usable_alphas(networks).iterrows():
            print(
                f"{name}, alpha {alpha:g}: loses {100 * found['lost']:.1f} points, at most "
                f"{100 * found['dead']:.0f} % of a layer are dead: "
                f"{'usable' if found['usable'] else 'not usable'}.",
                file=sys.stderr,
            )
    return 0


def _chosen(words: list[str], names: list[str]) -> tuple[list[str], list[str]]:
    if words[:1] != ["--only"]:
        return names, words
    count = next((at for at, word in enumerate(words[1:]) if word.startswith("--")), len(words) - 1)
    chosen = words[1 : 1 + count]
    unknown = [name for name in chosen if name not in names]
    if unknown or not chosen:
        raise SystemExit(f"--only {' '.join(unknown)}: known settings are {', '.join(names)}.")
    return chosen, words[1 + count :]


def networks_of(run: Path) -> pd.DataFrame:
    """Returns accuracy, selectivity and the largest dead share of a layer for each network."""
    rows = load_results(run)
    rows = rows[rows["perturbation"] == ""]
    whole = rows[rows["layer"] == ""].pivot_table("value", ["alpha", "seed"], "metric")
    dead = rows[(rows["layer"] != "") & (rows["metric"] == "dead_units")]
    most = dead.groupby(["alpha", "seed"])["value"].max().rename("most_dead_in_a_layer")
    return whole[["accuracy", "class_selectivity"]].join(most).reset_index()


def usable_alphas(networks: pd.DataFrame) -> pd.DataFrame:
    """Lost accuracy, dead share of a layer (means over seeds) and usability of each alpha but 0."""
    means = networks.groupby("alpha")[["accuracy", "most_dead_in_a_layer"]].mean()
    found = pd.DataFrame(
        {
            "lost": means.loc[0, "accuracy"] - means["accuracy"],
            "dead": means["most_dead_in_a_layer"],
        }
    ).drop(index=0)
    return found.assign(usable=(found["lost"] <= MOST_LOST) & (found["dead"] <= MOST_DEAD))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
