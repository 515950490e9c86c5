"""Import time of selectax, its measures loaded or not, beside that of jax, in fresh processes."""

import subprocess
import sys

from contest import print_ratios, time_in_turn

ROUNDS = 15
PROGRAMS = {
    "jax": "import jax",
    "import selectax": "import selectax",
    "import jax, selectax": "import jax, selectax",
    "one measure": "import selectax; selectax.selectivity_penalty",
    "every measure": "import selectax; from selectax import *",
}


def main():
    def running(program):
        return lambda: subprocess.run([sys.executable, "-c", program], check=True)

    print_ratios(
        "Imports in fresh processes",
        time_in_turn({name: running(program) for name, program in PROGRAMS.items()}, rounds=ROUNDS),
        work=1,
        unit="imports",
        peer="jax",
        aim="≥ 0.87, which is 1.15 × jax's time",
    )


if __name__ == "__main__":
    main()
