"""What a measure is: the entry of the table MEASURES."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Measure:
    """Something that is measured of each trained network.

    Attributes:
      name: as in `--measures` and in `networks.json`.
      help: what it is, in a few words.
      metrics: names of the metrics in its rows, each with what it is, its range and its source.
      rows: from a `Subject` to rows of the results table. A row is a dict with a metric, a value,
        and what applies of layer, perturbation, severity, epsilon and steps. Sentences on why they
        may mislead are added to `subject.warnings`.
      is_default: whether it is measured if nothing is asked for.
      options: fields of `EvaluationOptions` that only this measure and others that name them use.
      needs_no_sign: whether it is undefined for negative responses.
      requires: functions of `selectax.models.Network` that it needs besides `apply`.
    """

    name: str
    help: str
    metrics: Mapping[str, str]
    rows: Callable[[Any], Iterable[Row]]
    is_default: bool = False
    options: tuple[str, ...] = ()
    needs_no_sign: bool = False
    requires: tuple[str, ...] = ()

    def check_rows(self, rows: Iterable[Row]) -> list[Row]:
        """The rows as a list.

        Raises:
          ValueError: a row has a metric that the entry does not name.
        """
        found = list(rows)
        for row in found:
            if row.get("metric") not in self.metrics:
                raise ValueError(
                    f"measure {self.name!r} returned a row of metric {row.get('metric')!r}, which "
                    f"its entry does not name; add it to metrics, which has {list(self.metrics)}."
                )
        return found
