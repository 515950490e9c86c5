"""Measures a network trained in PyTorch, or the networks of a sweep, and writes a table."""

import sys
from collections.abc import Sequence

from rich.console import Console

from selectax.commands.command_line.messages import complain, printed_warnings
from selectax.commands.command_line.os_errors import sentence_on
from selectax.commands.command_line.parsing import parse
from selectax.commands.command_line.words import values_of
from selectax.commands.summary import print_summary
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.evaluate_config import EvaluateConfig

CONFIG = EvaluateConfig
EXAMPLES = (
    "--weights resnet20.safetensors --model resnet20 --archives ~/archives",
    "--weights runs/digits_resnet8 --alpha -1 --seed 2",
    "--weights runs/cifar10_resnet8 --measures corruptions --corrupted-images official",
    "--weights resnet18.pt --model resnet18 --dataset tiny_imagenet --measures selectivity",
)


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> int:
    """Runs the command on its words, by default those of the process, and returns its status."""
    config = parse(CONFIG, arguments, program, examples=EXAMPLES)
    named = values_of("--dataset", sys.argv[1:] if arguments is None else arguments)
    if named and config.weights.is_dir():
        complain(
            f"--dataset {named[0]}: has no effect with --weights {config.weights}, a sweep that "
            "knows its own data; omit it.",
            config.log,
        )
        return 2
    with printed_warnings(config.log):
        return _run(config)


def _run(config: EvaluateConfig) -> int:
    # Imported here, because JAX, Flax, TFDS and pandas take seconds.
    from selectax.datasets import DataError
    from selectax.models.pytorch.files import WeightsError
    from selectax.study.evaluation.evaluate import evaluate

    try:
        table = evaluate(config, Console(stderr=True))
    except (ConfigurationError, DataError, WeightsError) as error:
        complain(error, config.log)
        return 2
    except OSError as error:
        complain(sentence_on(error, config.results), config.log)
        return 2
    except KeyboardInterrupt:
        complain("Interrupted; run the same command again to continue.", config.log)
        return 130
    if not config.log.quiet:
        print_summary(table)
    print(f"Results: {config.results}")
    return 0
