"""The command `selectax`: its first word names a command, and only the code of that is loaded.

tyro parses the words of a command, but not the first word: for that it would need to import the
configurations of all commands, and tyro itself is missing unless the extra `study` is installed.
"""

import functools
import importlib
import operator
import sys
from importlib.metadata import version
from typing import Any

from selectax.arguments.names import unknown
from selectax.commands.command_line.environment import settle_environment
from selectax.commands.command_line.os_errors import sentence_on
from selectax.installing import sentence_on_missing

COMMANDS = {
    "sweep": "train networks at several alphas, measure them, and write a report",
    "evaluate": "measure a network trained in PyTorch, or the networks of a sweep",
    "report": "write the report of a run, or of several runs",
    "join": "join runs of one study, such as those of an array job, into one",
    "data": "prepare, check, list and show data sets",
    "corrupt": "make a corrupted version of your own images",
}
SHELLS = ("bash", "zsh", "fish")
_COMPLETION = ("--tyro-print-completion", "--tyro-write-completion")
_HELP = f"""\
usage: selectax COMMAND ...
       selectax --version

Class selectivity, dimensionality and robustness of neural networks.

{"".join(f"  {name:<9} {what}" + chr(10) for name, what in COMMANDS.items())}
`selectax COMMAND --help` explains a command and ends with examples.

To complete commands and flags in bash, zsh or fish:
  selectax --tyro-write-completion bash ~/.local/share/bash-completion/completions/selectax

Examples:
  selectax sweep
  selectax report runs/digits_resnet8
"""


def main() -> int:
    """Runs the command that the words of the process name, and returns its status."""
    settle_environment()
    words = sys.argv[1:]
    first = words[0] if words else "--help"
    if first in ("--help", "-h"):
        print(_HELP, end="")
        return 0
    if first == "--version":
        print(f"selectax {version('selectax')}")
        return 0
    if first not in (*COMMANDS, *_COMPLETION):
        return _refused(unknown(first, first, COMMANDS))
    try:
        if first in _COMPLETION:
            return _complete(words)
        command = importlib.import_module(f"selectax.commands.{first}")
        return command.main(words[1:], f"selectax {first}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("selectax"):
            raise
        return _refused(sentence_on_missing(f"selectax {first}:", error.name.partition(".")[0]))


def _complete(words: list[str]) -> int:
    """Writes or prints a shell's completion script."""
    option, *rest = words
    needed = 1 if option == "--tyro-print-completion" else 2
    if len(rest) != needed or rest[0] not in SHELLS:
        form = " ".join([option, "SHELL", "FILE"][: needed + 1])
        return _refused(f"{' '.join(words)}: give {form}, where SHELL is bash, zsh or fish.")
    from typing import Annotated

    import tyro

    from selectax.commands.command_line.help_texts import help_from_tables
    from selectax.commands.command_line.parsing import OPTIONS

    commands = {name: importlib.import_module(f"selectax.commands.{name}") for name in COMMANDS}
    any_command: Any = functools.reduce(
        operator.or_,
        (Annotated[commands[name].CONFIG, tyro.conf.subcommand(name)] for name in commands),
    )
    try:
        tyro.cli(
            any_command, prog="selectax", args=words, config=OPTIONS, registry=help_from_tables()
        )
    except OSError as error:
        return _refused(f"{option} {sentence_on(error, rest[-1])}")
    return 0


def _refused(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2
