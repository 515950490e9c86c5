"""Makes a -C version of a folder of images, an .npy file or a data set, or a contact sheet."""

import sys

import tyro
from rich.console import Console

from selectax.datasets.archives import DataError
from selectax.study.config import ConfigurationError
from selectax.study.corrupting import CorruptConfig, check, corrupt_data_set, draw_sheet


def main() -> int:
    config = tyro.cli(CorruptConfig, config=(tyro.conf.FlagCreatePairsOff,))
    try:
        check(config)
        if config.sheet is not None:
            print(f"Sheet: {draw_sheet(config)}")
        else:
            print(f"Corrupted: {corrupt_data_set(config, Console(stderr=True))}")
    except (ConfigurationError, DataError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on with what is missing.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
