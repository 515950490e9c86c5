"""Measures one network, a PyTorch file's, or those of a sweep, and writes the full table."""

import sys
from collections.abc import Sequence

from rich.console import Console

from selectax.commands.command_line.messages import complain, tell_of_warnings
from selectax.commands.command_line.os_errors import sentence_on
from selectax.commands.command_line.parsing import parse, values_of
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
    """Runs the command on its words, by default those of the process; gives the exit status."""
    config = parse(CONFIG, arguments, program, examples=EXAMPLES)
    tell_of_warnings(config.log)
    named = values_of("--dataset", sys.argv[1:] if arguments is None else arguments)
    if named and config.weights.is_dir():
        complain(
            f"--dataset {named[0]}: has no effect with --weights {config.weights}, a sweep that "
            "knows its own data; omit it.",
            config.log,
        )
        return 2
    # Late, because they load JAX, Flax, TFDS and pandas.
    from selectax.datasets import DataError
    from selectax.models.torch_files import WeightsError
    from selectax.study.evaluations import evaluate

    try:
        table = evaluate(config, Console(stderr=True))
    except (ConfigurationError, DataError, WeightsError) as error:
        complain(error, config.log)
        return 2
    except OSError as error:
        complain(sentence_on(error, config.results), config.log)
        return 2
    except KeyboardInterrupt:
        complain("Interrupted; the same command goes on with what was measured.", config.log)
        return 130
    if not config.log.quiet:
        print_summary(table)
    print(f"Results: {config.results}")
    return 0
