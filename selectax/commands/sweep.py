"""Trains networks at several alphas and measures selectivity, robustness and dimensionality."""

import contextlib
import os
import signal
from collections.abc import Sequence

from rich.console import Console

from selectax.commands.command_line.messages import complain, printed_warnings
from selectax.commands.command_line.orbax_errors import silent_orbax
from selectax.commands.command_line.os_errors import sentence_on
from selectax.commands.command_line.parsing import parse
from selectax.commands.command_line.words import values_of
from selectax.commands.summary import print_findings, print_summary
from selectax.study.configuration.checks import check
from selectax.study.configuration.config import SweepConfig, defaults_of
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.runtime.signals import raise_on_signals

CONFIG = SweepConfig
EXAMPLES = (
    "",
    "--alpha -2 0 2 --seeds 5 --output runs/wide",
    "--dataset cifar10 --archives ~/archives --model resnet20 --epochs 200 --batch-size 256",
    "--alpha -1 0 1 0.5 --seeds 10 --resume",
    "--curves tensorboard --log-json",
    "--dataset tiny_imagenet --model resnet18 --epochs 90 --batch-size 4096 --dry-run",
)
_REMEDY = "free disk space or make the folder writable, and continue with --resume"


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> int:
    """Runs the command on its words, by default those of the process, and returns its status."""
    config = parse(CONFIG, arguments, program, default_of=default_of, examples=EXAMPLES)
    with printed_warnings(config.log):
        try:
            check(config)
        except ConfigurationError as error:
            complain(error, config.log)
            return 2
        raise_on_signals()
        with silent_orbax():
            return _run(config)


def _run(config: SweepConfig) -> int:
    # Imported here, because pandas, matplotlib and jax take seconds, and a wrong flag should not.
    from selectax.datasets.archives.archive import DataError
    from selectax.study.runtime.hosts import is_first, join
    from selectax.study.sweeps import sweep

    try:
        join(config.run)
        if config.run.dry_run:
            from selectax.study.dry_runs import dry_run

            dry_run(config, Console())
            return 0
        outcome = sweep(config, console=Console(stderr=True))
    except (ConfigurationError, DataError) as error:
        complain(error, config.log)
        return 2
    except OSError as error:
        complain(sentence_on(error, config.output, _REMEDY), config.log)
        os._exit(1)
    except KeyboardInterrupt as stopped:
        with contextlib.suppress(OSError):  # if the terminal is closed
            complain(_after_interrupt(config), config.log)
        # At once: the interpreter's own exit would wait for the work on the device.
        os._exit(128 + getattr(stopped, "number", signal.SIGINT))
    if is_first() and not config.log.quiet:
        print_summary(outcome.table)
        if outcome.findings:
            print_findings(outcome.findings)
    print(f"Results: {outcome.results}")
    for path in outcome.figures:
        print(f"Figure: {path}")
    if outcome.figures:
        print(f"Report: {outcome.report}")
    return 0


def default_of(words: Sequence[str]) -> SweepConfig:
    """The configuration that holds the flags' defaults.

    Args:
      words: the words of the command, which may name a data set.
    """
    named = values_of("--dataset", words)
    return defaults_of(named[0] if named else SweepConfig().data.dataset)


def _after_interrupt(config: SweepConfig) -> str:
    if not config.output.exists():
        return "Interrupted before anything was begun; give the same command again."
    return f"Interrupted; the same command with --resume goes on with {config.output}."
