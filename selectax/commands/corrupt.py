"""Makes a corrupted version of a folder of images, an .npy file or a data set, or a sheet."""

from collections.abc import Sequence

from rich.console import Console

from selectax.commands.command_line.messages import complain, printed_warnings
from selectax.commands.command_line.os_errors import sentence_on
from selectax.commands.command_line.parsing import parse
from selectax.commands.corruption.config import CorruptConfig, check
from selectax.study.configuration.errors import ConfigurationError

CONFIG = CorruptConfig
EXAMPLES = (
    "--input photos --benchmark imagenet",
    "--input cifar10 --archives ~/archives --output cifar10-C",
    "--input images.npy --corruptions fog snow --severities 1 3 5",
    "--input digits --sheet sheet.png",
)


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> int:
    """Runs the command on its words, by default those of the process, and returns its status."""
    config = parse(CONFIG, arguments, program, examples=EXAMPLES)
    with printed_warnings(config.log):
        return _run(config)


def _run(config: CorruptConfig) -> int:
    # Imported here, because JAX and TFDS take seconds.
    from selectax.commands.corruption.tasks import corrupt_data_set, draw_sheet
    from selectax.datasets.archives.archive import DataError

    try:
        check(config)
        if config.sheet is not None:
            print(f"Sheet: {draw_sheet(config)}")
        else:
            print(f"Corrupted: {corrupt_data_set(config, Console(stderr=True))}")
    except (ConfigurationError, DataError) as error:
        complain(error, config.log)
        return 2
    except OSError as error:
        complain(sentence_on(error, config.sheet or config.folder), config.log)
        return 2
    except KeyboardInterrupt:
        complain("Interrupted; run the same command again to continue.", config.log)
        return 130
    return 0
