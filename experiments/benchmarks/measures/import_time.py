"""Import time of selectax, its measures loaded or not, beside that of jax, in fresh processes."""

import dataclasses
import subprocess
import sys

import tyro

from experiments.benchmarks.shared.contest import Aims, Contest, time_in_turn

PROGRAMS = {
    "one measure": "import selectax; selectax.selectivity_penalty",
    "every measure": "import selectax; from selectax import *",
    "import selectax": "import selectax",
    "import jax, selectax": "import jax, selectax",
    "jax": "import jax",
}


@dataclasses.dataclass(frozen=True)
class Options:
    """How often."""

    rounds: int = 15
    """Of each program, in turn."""


def contest(options: Options = Options()) -> Contest:
    def running(program):
        return lambda: subprocess.run([sys.executable, "-c", program], check=True)

    programs = {name: running(program) for name, program in PROGRAMS.items()}
    return Contest(
        "Importing in fresh processes",
        time_in_turn(programs, rounds=options.rounds),
        work=1,
        unit="imports",
        peer="jax",
        aims=Aims(1 / 1.15, 1 / 1.15, gpu=1 / 1.15),
    )


if __name__ == "__main__":
    contest(tyro.cli(Options, description=__doc__)).show()
