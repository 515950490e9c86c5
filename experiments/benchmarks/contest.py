"""Contestants timed in turn, so that what else the machine does slows all of them.

Not all of them alike: PyTorch, whose threads wait for one another at OpenMP's barriers, slows down
by far more than XLA where another process has one of the cores. So the load is printed too; where
it is not low, run on one core: `taskset -c 0 python experiments/benchmarks/training.py`. There
processor time is counted, which is the time that passes less what other processes took of it.
"""

import os
import statistics
import time
from collections.abc import Callable, Mapping

from machine import cores, machine
from rich.console import Console
from rich.table import Table

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


def print_ratios(title: str, seconds: Seconds, *, work: float, unit: str, peer: str, aim: str):
    """A table of speeds and of their ratios to the peer's.

    Args:
      title: of the table.
      seconds: of the contestants, the peer among them.
      work: units that a contestant does in a round.
      unit: of work.
      peer: by whose speed the others' are divided.
      aim: of the ratio.
    """
    headings = ("", f"{unit}/s", "fastest", f"ratio to {peer}", "of the fastest")
    table = Table(*headings, title=title, caption=f"medians of the rounds; aim: {aim}")
    for name, times in seconds.items():
        pairs = zip(seconds[peer], times, strict=True)
        ratio = statistics.median(theirs / ours for theirs, ours in pairs)
        table.add_row(
            name,
            f"{work / statistics.median(times):.1f}",
            f"{work / min(times):.1f}",
            f"{ratio:.3f}",
            f"{min(seconds[peer]) / min(times):.3f}",
        )
    console = Console(width=110)
    console.print(table)
    kind = "processor time" if _processor_time() else "wall-clock time"
    console.print(f"{machine()}; {kind}, load {os.getloadavg()[0]:.1f}")


def _processor_time():
    return cores() == 1
