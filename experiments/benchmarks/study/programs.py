"""Lists the programs that a sweep compiles, with the seconds each takes.

Runs a sweep, by default the default job, in an empty folder and counts JAX's own events. Flags of
sweep.py may follow.

  python experiments/benchmarks/study/programs.py [--alpha 0 --seeds 1 --epochs 1]

Three parts are told apart: tracing (Python runs the function), lowering (to XLA's input) and
compiling. A program that comes from a persistent cache of compiled programs counts with the time to
load it, so that without one set the numbers are those of a first command.
"""

import contextlib
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import jax

from experiments.benchmarks.shared.contest import machine_and_load
from selectax.commands import sweep

EVENTS = {
    "/jax/core/compile/jaxpr_trace_duration": "tracing",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lowering",
    "/jax/core/compile/backend_compile_duration": "compiling",
}
# Further programs are counted together.
LISTED = 25


@contextlib.contextmanager
def counted() -> Iterator[tuple[Counter, defaultdict]]:
    """Within, counts programs by name, and adds up their seconds by name and part."""
    numbers: Counter = Counter()
    seconds: defaultdict = defaultdict(Counter)

    def listener(event, duration, **about):
        part = EVENTS.get(event)
        if part is None:
            return
        name = about.get("fun_name", "?").removeprefix("jit(").removesuffix(")")
        seconds[name][part] += duration
        numbers[name] += part == "compiling"

    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        yield numbers, seconds
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)


def lines(numbers: Counter, seconds: defaultdict) -> Iterator[str]:
    """A table, those that took longest first.

    Functions that are only parts of programs are left out.
    """
    parts = tuple(EVENTS.values())
    yield f"{'program':50}{'number':>8}" + "".join(f"{part:>12}" for part in parts)
    programs = sorted(
        (name for name in numbers if numbers[name]), key=lambda name: -sum(seconds[name].values())
    )
    for name in programs[:LISTED]:
        cells = "".join(f"{seconds[name][part]:12.2f}" for part in parts)
        yield f"{name[:49]:50}{numbers[name]:8}{cells}"
    rest = programs[LISTED:]
    for words, names in (("others", rest), ("all", programs)):
        cells = "".join(f"{sum(seconds[name][part] for name in names):12.2f}" for part in parts)
        yield f"{words:50}{sum(numbers[name] for name in names):8}{cells}"


def main(words: Sequence[str]) -> int:
    """Runs the sweep, and prints the table and the time of the whole command."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, counted() as (numbers, seconds):
        status = sweep.main(["--output", f"{folder}/run", *words], "experiments/sweep.py")
    if status:
        return status
    print(*lines(numbers, seconds), sep="\n")
    print(f"The command took {time.perf_counter() - started:.0f} s. {machine_and_load()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
