"""Import time of selectax, its measures loaded or not, beside that of jax, in fresh processes."""

import subprocess
import sys

from contest import Aims, Contest, time_in_turn

ROUNDS = 15
PROGRAMS = {
    "one measure": "import selectax; selectax.selectivity_penalty",
    "every measure": "import selectax; from selectax import *",
    "import selectax": "import selectax",
    "import jax, selectax": "import jax, selectax",
    "jax": "import jax",
}


def contest() -> Contest:
    def running(program):
        return lambda: subprocess.run([sys.executable, "-c", program], check=True)

    return Contest(
        "Importing in fresh processes",
        time_in_turn({name: running(program) for name, program in PROGRAMS.items()}, rounds=ROUNDS),
        work=1,
        unit="imports",
        peer="jax",
        aims=Aims(1 / 1.15, 1 / 1.15, gpu=1 / 1.15),
    )


if __name__ == "__main__":
    contest().show()
