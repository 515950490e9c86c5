"""Timing of two ways in turn, so that their ratio holds on a machine that does other work too."""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple


class Comparison(NamedTuple):
    """Seconds of each way: the quickest of all rounds, and the median ratio of a round's two."""

    ours: float
    theirs: float
    ratio: float

    def __str__(self) -> str:
        return (
            f"selectax {self.ours:.4f} s, the other {self.theirs:.4f} s at their quickest, "
            f"{self.theirs / self.ours:.2f} × as fast; median of pairwise ratios {self.ratio:.2f}"
        )


def compare(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> Comparison:
    """Calls ours, theirs, ours, …, after one call of each that compiles and warms caches."""
    ours(), theirs()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(rounds)]
    own, other = zip(*pairs, strict=True)
    return Comparison(min(own), min(other), statistics.median(b / a for a, b in pairs))


def _seconds(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
