"""What a finding of the papers is in this project: a claim, and the criteria that decide it.

`claims.FINDINGS` and `first_edition.FIRST_EDITION` are made of these types.
"""

import dataclasses
from collections.abc import Callable
from typing import Literal, NamedTuple

import pandas as pd

from selectax.study.report.statistics import Statistic, rank_correlation

Side = Literal["above", "below"]


class Alphas(NamedTuple):
    """Which networks an effect is estimated over.

    Attributes:
      words: to be added to the effect's name; empty for all networks.
      include: whether each alpha of a column is included.
    """

    words: str
    include: Callable[[pd.Series], pd.Series]


ALL = Alphas("", pd.Series.notna)
AT_MOST_0 = Alphas(", alpha at most 0", lambda alphas: alphas <= 0)
AT_LEAST_0 = Alphas(", alpha at least 0", lambda alphas: alphas >= 0)
EXTREMES = Alphas("", lambda alphas: (alphas == alphas.min()) | (alphas == alphas.max()))


@dataclasses.dataclass(frozen=True)
class Criterion:
    """An effect to estimate and, if it decides anything, the condition that it must meet.

    Attributes:
      name: what is estimated, with its unit.
      columns: columns of `selectax.study.report.per_network.per_network` that the statistic uses;
        networks in which one is missing are left out.
      statistic: function from these columns to the effect.
      alphas: networks to estimate it over.
      must_be: on which side of the threshold the whole interval must lie; None if the effect is
        only reported and decides nothing.
      threshold: in the effect's unit.
      remark: added to the condition in words.
      resample_networks: whether the bootstrap also draws networks within each seed; False for a
        statistic that needs every alpha of a seed.
      is_premise: whether the claim can only be tested if this condition holds. A premise does not
        count as one of the claim's conditions.
    """

    name: str
    columns: tuple[str, ...]
    statistic: Statistic
    alphas: Alphas = ALL
    must_be: Side | None = None
    threshold: float = 0.0
    remark: str = ""
    resample_networks: bool = True
    is_premise: bool = False

    @property
    def condition(self) -> str:
        """The condition in words; empty if the effect decides nothing."""
        return f"{self.must_be} {self.threshold:g}{self.remark}" if self.must_be else ""


@dataclasses.dataclass(frozen=True)
class Claim:
    """A finding of the papers, and what decides whether a results table confirms it.

    Attributes:
      text: the claim in one sentence.
      source: the paper.
      criteria: what to estimate, those with a condition first.
      attacks: whether it depends on attacks, which masked gradients would make look weaker.
      only: the model and the data set that the claim is about; None for all.
      method: the training method whose strength the claim is about; None for a claim about alpha.
    """

    text: str
    source: str
    criteria: tuple[Criterion, ...]
    attacks: bool = False
    only: tuple[str, str] | None = None
    method: str | None = None

    @property
    def along(self) -> str:
        """The column that differs between the networks that the claim compares."""
        return "training_strength" if self.method else "alpha"


def correlation(
    what: str,
    column: str,
    must_be: Side | None = None,
    alphas: Alphas = ALL,
    *,
    with_column: str = "selectivity",
    is_premise: bool = False,
) -> Criterion:
    """Rank correlation of selectivity, or of another column, with a column."""
    return Criterion(
        name=f"rank correlation of {with_column.replace('_', ' ')} with {what}{alphas.words}",
        columns=(with_column, column),
        statistic=rank_correlation(with_column, column),
        alphas=alphas,
        must_be=must_be,
        is_premise=is_premise,
    )
