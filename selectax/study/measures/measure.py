"""Defines a measure, which is an entry of the table MEASURES."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Measure:
    """A measure of a trained network.

    Attributes:
      name: name of the measure in `--measures` and in `networks.json`.
      help: short description.
      metrics: names of the metrics in the measure's rows, each with its description, range and
        source.
      rows: function from a `Subject` to rows of the results table. A row is a dict with a metric, a
        value and, if they apply, layer, perturbation, severity, epsilon and steps. The function
        appends reasons why the rows may mislead to `subject.warnings`.
      is_default: whether the measure is used by default.
      options: fields of `EvaluationOptions` that only this measure uses, or shares with measures
        that list them too.
      needs_no_sign: whether the measure is undefined for negative responses.
      requires: functions of `selectax.models.Network` that the measure needs besides `apply`.
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
        """Returns the rows as a list after checking their metrics.

        Raises:
          ValueError: if `metrics` lacks the metric of a row.
        """
        found = list(rows)
        for row in found:
            if row.get("metric") not in self.metrics:
                raise ValueError(
                    f"measure {self.name!r} returned a row of metric {row.get('metric')!r}, which "
                    f"its entry does not name; add it to metrics, which has {list(self.metrics)}."
                )
        return found
