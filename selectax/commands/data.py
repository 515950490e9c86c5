"""Prepares, checks, lists and shows the data sets."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from selectax.commands.command_line.messages import printed_warnings
from selectax.commands.command_line.os_errors import sentence_on
from selectax.commands.command_line.parsing import parse
from selectax.commands.command_line.words import values_of
from selectax.commands.data_sets.config import Check, Command, List, Prepare, Show, check

CONFIG: Any = Command  # a union of classes, for which typing has no type before Python 3.15
EXAMPLES = (
    "prepare cifar10 cifar10_c --archives ~/archives",
    "check tiny_imagenet",
    "list",
    "show cifar10_c --output fog_and_kin.png",
)


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> int:
    """Runs the command on its words, by default those of the process, and returns its status."""
    command: Command = parse(CONFIG, arguments, program, description=__doc__, examples=EXAMPLES)
    words = sys.argv[1:] if arguments is None else arguments
    # Imported here, because help does without the study.
    from selectax.study.configuration.options import LogOptions

    with printed_warnings(LogOptions()):
        return _run(command, images_given=bool(values_of("--images", words)))


def _run(command: Command, *, images_given: bool) -> int:
    # Imported here, because TFDS takes seconds, and help should not.
    from selectax.commands.data_sets import tasks

    try:
        check(command, images_given=images_given)
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
        print("Interrupted; no partial data set was left.", file=sys.stderr)
        return 130
    return 0


def _place(command: Command) -> Path | str:
    """The file or folder that the command writes."""
    if isinstance(command, Show):
        return command.sheet
    return command.where.data_dir or "folder of prepared data sets"
