"""Trains networks at several alphas and measures selectivity, robustness and dimensionality."""

import logging
import os
import signal
import sys

import tyro
from rich.console import Console

from selectax.datasets.archives import DataError
from selectax.study.config import ConfigurationError, SweepConfig, check
from selectax.study.stopping import raise_on_signals
from selectax.study.summary import print_summary


def main() -> int:
    config = tyro.cli(SweepConfig, config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff))
    try:
        check(config)
        raise_on_signals()
        _quiet_orbax()
        # Late, because pandas, matplotlib and jax take seconds, and a wrong flag should not.
        from selectax.study.experiment import run
        from selectax.study.hosts import join

        join(config.run)
        if config.run.dry_run:
            from selectax.study.dry_run import dry_run

            dry_run(config, Console())
            return 0
        outcome = run(config, Console(stderr=True))
    except (ConfigurationError, DataError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(_sentence(error, config), file=sys.stderr, flush=True)
        os._exit(1)
    except KeyboardInterrupt as stopped:
        goes_on = f"the same command with --resume goes on with {config.output}"
        print(f"Interrupted; {goes_on}.", file=sys.stderr, flush=True)
        # At once: the interpreter's own end would wait for the work under way on the device.
        os._exit(128 + getattr(stopped, "number", signal.SIGINT))
    if outcome.figures:  # none on a host that is not the first
        print_summary(outcome.table)
    print(f"Results: {outcome.results}")
    for path in outcome.figures:
        print(f"Figure: {path}")
    if outcome.figures:
        print(f"Report: {outcome.report}")
    return 0


def _quiet_orbax() -> None:
    """What it logs with tracebacks it raises as well, and that is told in a sentence here."""
    for library in ("absl", "asyncio"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    hook = sys.unraisablehook

    def without_closed_loops(unraisable):
        # Of its tasks that were left when one of them failed.
        if "Event loop is closed" not in str(unraisable.exc_value):
            hook(unraisable)

    sys.unraisablehook = without_closed_loops


def _sentence(error: OSError, config: SweepConfig) -> str:
    if error.strerror is None:
        return str(error)
    return (
        f"{error.filename or config.output}: {error.strerror}; make room or the folder writable, "
        "and go on with --resume."
    )


if __name__ == "__main__":
    sys.exit(main())
