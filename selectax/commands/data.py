"""Prepares, checks, lists and shows the data sets."""

import sys
from collections.abc import Sequence
from pathlib import Path

from selectax.commands.command_line.messages import tell_of_warnings
from selectax.commands.command_line.os_errors import sentence_on
from selectax.commands.command_line.parsing import parse, values_of
from selectax.commands.data_sets.config import Check, Command, List, Prepare, Show, check

CONFIG = Command
EXAMPLES = (
    "prepare cifar10 cifar10_c --archives ~/archives",
    "check tiny_imagenet",
    "list",
    "show cifar10_c --output fog_and_kin.png",
)


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> int:
    """Runs the command on its words, by default those of the process; gives the exit status."""
    command: Command = parse(CONFIG, arguments, program, description=__doc__, examples=EXAMPLES)
    words = sys.argv[1:] if arguments is None else arguments
    # Late, because TFDS takes seconds, and help should not.
    from selectax.commands.data_sets import tasks
    from selectax.study.configuration.options import LogOptions

    tell_of_warnings(LogOptions())

    try:
        check(command, images_given=bool(values_of("--images", words)))
        match command:
            case Prepare():
                tasks.prepare_all(command.names, command.where)
            case Check():
                tasks.check_all(command.names, command.where)
            case List():
                tasks.list_all(command.where)
            case Show():
                tasks.show(command)
    except (ValueError, OSError) as error:
        if isinstance(error, OSError):
            print(sentence_on(error, _place(command)), file=sys.stderr)
        else:
            print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted; nothing is left that could be taken for a data set.", file=sys.stderr)
        return 130
    return 0


def _place(command: Command) -> Path | str:
    """What the command writes."""
    if isinstance(command, Show):
        return command.sheet
    return command.where.data_dir or "folder of prepared data sets"
