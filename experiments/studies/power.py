"""Simulates how many seeds would decide each condition of the papers' findings.

Takes the table of a study that was run and assumes that further seeds resemble its own: the
outcomes of a network deviate from the mean of its alpha (or training strength) by a part that all
networks of a seed share and a part of its own, both normally distributed with the covariances
found in the table. The effects are taken to be as large as measured; a condition that they do not
meet counts as decided, too, once the interval says so.

A table of few seeds gives rough covariances, so the numbers are rough as well.
"""

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
import tyro
from jaxtyping import Float

from experiments.study import STUDIES, with_results
from selectax.commands.command_line.parsing import parse
from selectax.study.report.claims import FINDINGS
from selectax.study.report.criteria import Claim, Criterion
from selectax.study.report.findings import compared_by, estimate_criterion, judge
from selectax.study.report.per_network import per_network
from selectax.study.run.folder import write_text
from selectax.study.run.recorded_runs import read_runs

COLUMNS = ("study", "finding", "condition", "levels", "seeds", "holds", "fails", "effect")
NUMBERS_OF_SEEDS = (3, 4, 5, 6, 8, 10, 15, 20, 30, 50)
WANTED = 0.9
# Ends of an interval from so many resamples vary more than those of a report, but without bias.
RESAMPLES = 500


@dataclasses.dataclass(frozen=True)
class Networks:
    """What networks of further seeds are drawn from.

    Attributes:
      along: column of the levels, `alpha` or `training_strength`.
      levels: its values.
      columns: names of the outcomes.
      means: mean outcomes at each level.
      shared: factor of the covariance of the part that the networks of a seed share.
      own: factor of the covariance of each network's own part.
    """

    along: str
    levels: Float[np.ndarray, "levels"]
    columns: tuple[str, ...]
    means: Float[np.ndarray, "levels columns"]
    shared: Float[np.ndarray, "columns columns"]
    own: Float[np.ndarray, "columns columns"]

    def draw(self, seeds: int, rng: np.random.Generator) -> pd.DataFrame:
        """The outcomes of one network at each level for each of so many new seeds."""
        levels, columns = self.means.shape
        shared = rng.normal(size=(seeds, 1, columns)) @ self.shared.T
        own = rng.normal(size=(seeds, levels, columns)) @ self.own.T
        values = (self.means + shared + own).reshape(-1, columns)
        drawn = pd.DataFrame(dict(zip(self.columns, values.T, strict=True)))
        drawn["seed"] = np.repeat(np.arange(seeds), levels)
        drawn["alpha"] = 0.0  # of all networks of a training method
        drawn[self.along] = np.tile(self.levels, seeds)
        return drawn


def fit(networks: pd.DataFrame, along: str, columns: Sequence[str]) -> Networks:
    """Means and covariances of a table's networks; levels that lack a seed are left out.

    Raises:
      ValueError: fewer than two levels or two seeds were measured.
    """
    columns = tuple(dict.fromkeys(name for name in columns if name != along))
    rows = networks[[along, "seed", *columns]].dropna()
    whole = rows.groupby(along)["seed"].transform("nunique") == rows["seed"].nunique()
    rows = rows[whole].sort_values([along, "seed"])
    levels, seeds = rows[along].unique(), rows["seed"].nunique()
    if len(levels) < 2 or seeds < 2:
        raise ValueError(f"{len(levels)} levels of {along} and {seeds} seeds; two of each needed.")
    values = rows[list(columns)].to_numpy(float).reshape(len(levels), seeds, len(columns))
    means = values.mean(axis=1)
    deviations = values - means[:, None]
    of_seed = deviations.mean(axis=0)
    rest = (deviations - of_seed).reshape(-1, len(columns))
    own = rest.T @ rest / ((len(levels) - 1) * (seeds - 1))
    shared = of_seed.T @ of_seed / (seeds - 1) - own / len(levels)
    return Networks(along, levels, columns, means, _factor(shared), _factor(own))


def _factor(covariance):
    """A matrix F with F Fᵀ the covariance, without its negative part."""
    variances, directions = np.linalg.eigh(covariance)
    return directions * np.sqrt(np.maximum(variances, 0))


def power(
    criterion: Criterion, networks: Networks, seeds: int, draws: int, rng: np.random.Generator
) -> tuple[float, float]:
    """The shares of simulated studies in which a condition holds, and in which it does not hold."""
    verdicts = []
    for _ in range(draws):
        drawn = networks.draw(seeds, rng)
        found = estimate_criterion(criterion, networks.along, drawn, rng, resamples=RESAMPLES)
        # The error of few resamples' ends averages out over the draws.
        verdicts.append(judge(found._replace(error=0.0), criterion))
    return verdicts.count("holds") / draws, verdicts.count("does not hold") / draws


def designs(levels: Float[np.ndarray, "levels"]) -> Iterator[Float[np.ndarray, "chosen"]]:
    """All levels of a study, and those at its ends with 0 alone."""
    yield levels
    ends = np.unique([levels.min(), 0, levels.max()])
    if len(ends) < len(levels):
        yield ends


def of_study(
    name: str, table: pd.DataFrame, units: dict[str, int], draws: int
) -> Iterator[tuple[str, str, str, str, int, float, float, float]]:
    """Rows of the table for one study; a condition's seeds grow until it is decided."""
    networks = per_network(table, units)
    for number, claim in enumerate(FINDINGS, start=1):
        compared = compared_by(claim, networks)
        for criterion in claim.criteria:
            if criterion.must_be is None:
                continue
            for levels in designs(np.unique(compared[claim.along])):
                yield from _of_condition(name, number, claim, criterion, compared, levels, draws)


def _of_condition(name, number, claim: Claim, criterion: Criterion, compared, levels, draws):
    chosen = compared[compared[claim.along].isin(levels)]
    try:
        networks = fit(chosen, claim.along, criterion.columns)
    except ValueError:
        return  # not measured in this study
    rng = np.random.default_rng(0)
    effect = estimate_criterion(criterion, claim.along, chosen, rng, resamples=RESAMPLES).value
    words = " ".join(f"{level:g}" for level in networks.levels)
    for seeds in NUMBERS_OF_SEEDS:
        holds, fails = power(criterion, networks, seeds, draws, rng)
        yield name, number, criterion.name, words, seeds, holds, fails, effect
        if max(holds, fails) >= WANTED:
            return


@dataclasses.dataclass(frozen=True)
class Options:
    """Writes a table of how often each condition is decided, by number of seeds."""

    studies: tyro.conf.Positional[tuple[str, ...]] = ()
    """Names of committed studies; by default all."""
    draws: int = 200
    """Number of simulated studies for each condition and number of seeds."""
    output: Path = STUDIES / "power.csv"
    """CSV file to write."""


def main(words: Sequence[str]) -> int:
    """Writes the table of all committed studies, or of those named."""
    options = parse(Options, words, "experiments/studies/power.py", description=__doc__)
    studies = with_results()
    if unknown := set(options.studies) - set(studies):
        names = ", ".join(sorted(unknown))
        refuse(f"no study has the name {names}; choose from {', '.join(studies)}.")
    if options.draws < 1:
        refuse(f"--draws must be at least 1, not {options.draws}.")
    rows = []
    for name in options.studies or studies:
        run = read_runs([STUDIES / name / "run"])
        rows.extend(of_study(name, run.table, run.units, options.draws))
    found = pd.DataFrame(rows, columns=COLUMNS)
    write_text(options.output, found.to_csv(index=False, float_format="%.3f"))
    print(found.to_string(index=False, float_format="%.2f"))
    print(options.output)
    return 0


def refuse(sentence: str) -> NoReturn:
    """Says why nothing is done, and ends the command as `parse` does."""
    print(sentence, file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
