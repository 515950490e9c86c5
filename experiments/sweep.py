"""Trains networks at several alphas and measures selectivity, robustness and dimensionality."""

import os
import sys

import tyro
from rich.console import Console

from selectax.datasets.archives import DataError
from selectax.study.config import ConfigurationError, SweepConfig, check
from selectax.study.summary import print_summary


def main() -> int:
    config = tyro.cli(SweepConfig, config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff))
    try:
        check(config)
        # Late, because pandas, matplotlib and jax take seconds, and a wrong flag should not.
        from selectax.study.experiment import run

        outcome = run(config, Console(stderr=True))
    except (ConfigurationError, DataError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"Interrupted; the same command with --resume goes on with {config.output}.",
            file=sys.stderr,
            flush=True,
        )
        # At once: the interpreter's own end would wait for the epoch under way on the device.
        os._exit(130)
    print_summary(outcome.table)
    print(f"Results: {outcome.results}")
    for path in outcome.figures:
        print(f"Figure: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
