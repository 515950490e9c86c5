"""Searches for training settings in which the regularizer works and kills few units.

Each table of `experiments/studies/regime_search/settings.toml` is one setting, a sweep over alpha.
A setting is usable if its largest alpha loses at most 10 points of clean accuracy against alpha 0
and kills at most 5 % of the units of any layer. A unit is dead if it does not respond to any test
image.

Finished settings are not run again. Flags of sweep.py, such as `--archives FOLDER`, are added to
each setting or replace its flags; `--only NAME …` as the first flag chooses settings.
"""

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments.study import not_replaced, words_of
from selectax.commands import sweep
from selectax.study import load_results

SETTINGS = Path(__file__).parent / "studies" / "regime_search" / "settings.toml"
RUNS = Path("runs") / "regime_search"
MOST_LOST, MOST_DEAD = 0.10, 0.05


def main(words: Sequence[str]) -> int:
    """Trains and measures the networks of every setting, and prints the table of settings."""
    settings = tomllib.loads(SETTINGS.read_text())
    shared = settings.pop("shared")
    chosen, more = _chosen(list(words), list(settings))
    for name in chosen:
        flags = {**shared, **settings[name], "output": str(RUNS / name)}
        kept = words_of(not_replaced(flags, more))
        status = sweep.main([*kept, "--resume", *more], "experiments/sweep.py")
        if status:
            return status
    table = pd.concat([networks_of(RUNS / name).assign(setting=name) for name in chosen])
    print(table.to_csv(index=False, float_format="%.4f"), end="")
    for name, rows in table.groupby("setting", sort=False):
        print(f"{name}: {verdict(rows)}", file=sys.stderr)
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


def verdict(networks: pd.DataFrame) -> str:
    """Says whether the largest alpha of a setting is usable, and by which numbers."""
    means = networks.groupby("alpha")[["accuracy", "most_dead_in_a_layer"]].mean()
    strongest = means.loc[means.index.max()]
    lost = means.loc[0, "accuracy"] - strongest["accuracy"]
    dead = strongest["most_dead_in_a_layer"]
    usable = lost <= MOST_LOST and dead <= MOST_DEAD
    return (
        f"{'usable' if usable else 'not usable'} at alpha {means.index.max():g}: loses "
        f"{100 * lost:.1f} points, at most {100 * dead:.0f} % of a layer are dead."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
