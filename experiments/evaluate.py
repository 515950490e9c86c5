"""Measures one network, a PyTorch file's or one of a sweep, and writes the full table."""

import sys

import tyro
from rich.console import Console

from selectax.datasets import DataError
from selectax.models.torch_files import WeightsError
from selectax.study.config import ConfigurationError
from selectax.study.evaluating import EvaluateConfig, evaluate
from selectax.study.summary import print_summary


def main() -> int:
    options = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    config = tyro.cli(EvaluateConfig, config=options)
    try:
        table = evaluate(config, Console(stderr=True))
    except (ConfigurationError, DataError, WeightsError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted; nothing was written.", file=sys.stderr)
        return 130
    print_summary(table)
    print(f"Results: {config.results}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
