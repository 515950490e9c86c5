"""Contestants timed in turn, so that other work on the machine slows all of them.

Other work does not slow them equally: PyTorch's threads wait for each other at OpenMP's barriers,
so PyTorch slows down far more than XLA if another process uses one of the cores. The load is
therefore printed, too. If it is not low, run on one core, where processor time is counted:
`taskset -c 0 python experiments/benchmarks/study/training.py`.
"""

import dataclasses
import os
import statistics
import time
from collections.abc import Callable, Mapping

import jax
from rich.console import Console
from rich.table import Table

from experiments.benchmarks.shared.machine import cores, machine, vector_level

Seconds = dict[str, list[float]]


def time_in_turn(contestants: Mapping[str, Callable[[], object]], *, rounds: int) -> Seconds:
    """Seconds of each contestant in each round, after one call of each that is not counted.

    Args:
      contestants: each does the same amount of work and returns when it is done.
      rounds: in each of which every contestant runs once.
    """
    clock = time.process_time if _processor_time() else time.perf_counter
    for run in contestants.values():
        run()
    seconds = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return seconds


@dataclasses.dataclass(frozen=True)
class Aims:
    """Ratios that are to be reached: on processors by the width of their vectors, and on a GPU."""

    avx512: float
    avx2: float
    gpu: float | None = None

    def here(self) -> float | None:
        """That of this machine; None where there is none."""
        if jax.default_backend() == "gpu":
            return self.gpu
        return self.avx512 if vector_level() == "AVX-512" else self.avx2


@dataclasses.dataclass(frozen=True)
class Contest:
    """How long contestants took for the same work.

    Attributes:
      title: what was done.
      seconds: of the contestants, ours first, the peer among them.
      work: units that a contestant does in a round.
      unit: of work.
      peer: by whose speed the others' are divided.
      aims: of the ratio of ours.
    """

    title: str
    seconds: Seconds
    work: float
    unit: str
    peer: str
    aims: Aims

    @property
    def ours(self) -> str:
        """The first contestant."""
        return next(iter(self.seconds))

    def speed(self, name: str) -> float:
        """Units a second, by the median of the rounds."""
        return self.work / statistics.median(self.seconds[name])

    def ratios(self, name: str) -> list[float]:
        """Of its speed to the peer's, in each round."""
        pairs = zip(self.seconds[self.peer], self.seconds[name], strict=True)
        return [theirs / ours for theirs, ours in pairs]

    def show(self) -> None:
        """Prints the speeds and their ratios to the peer's."""
        headings = ("", f"{self.unit}/s", "fastest", f"ratio to {self.peer}", "of the fastest")
        aim = self.aims.here()
        caption = f"medians of the rounds; aim: {'none' if aim is None else f'≥ {aim:g}'}"
        table = Table(*headings, title=self.title, caption=caption)
        for name, times in self.seconds.items():
            table.add_row(
                name,
                f"{self.speed(name):.3g}",
                f"{self.work / min(times):.3g}",
                f"{statistics.median(self.ratios(name)):.3f}",
                f"{min(self.seconds[self.peer]) / min(times):.3f}",
            )
        console = Console(width=110)
        console.print(table)
        console.print(machine_and_load())


def machine_and_load() -> str:
    """One line: on what was measured, how, and what else went on there."""
    kind = "processor time" if _processor_time() else "wall-clock time"
    return f"{machine()}; {kind}, load {os.getloadavg()[0]:.1f}"


def _processor_time():
    return cores() == 1
