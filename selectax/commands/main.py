"""The command `selectax`: its first word is a command of its own, whose code alone is loaded."""

import importlib
import sys
from importlib.metadata import version

from selectax.arguments.names import unknown
from selectax.commands.command_line.environment import settle_environment
from selectax.commands.command_line.os_errors import sentence_on
from selectax.installing import sentence_on_missing

COMMANDS = {
    "sweep": "train networks at several alphas, and measure and draw what comes of it",
    "evaluate": "measure one network, of PyTorch or of a sweep",
    "report": "write report.html of a run",
    "data": "prepare, check, list and show data sets",
    "corrupt": "make a -C version of your own images",
}
SHELLS = ("bash", "zsh", "fish")
_COMPLETION = ("--tyro-print-completion", "--tyro-write-completion")
_HELP = f"""\
usage: selectax COMMAND ...
       selectax --version

Class selectivity, dimensionality and robustness of neural networks.

{"".join(f"  {name:<9} {what}" + chr(10) for name, what in COMMANDS.items())}
`selectax COMMAND --help` explains a command and ends with examples of it.

Completion of commands and flags, for bash, zsh or fish:
  selectax --tyro-write-completion bash ~/.local/share/bash-completion/completions/selectax

Examples:
  selectax sweep
  selectax report runs/digits_resnet8
"""


def main() -> int:
    """Runs the command that the words of the process name; gives the exit status."""
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
    """Writes or prints a script of completion for a shell."""
    option, *rest = words
    needed = 1 if option == "--tyro-print-completion" else 2
    if len(rest) != needed or rest[0] not in SHELLS:
        form = " ".join([option, "SHELL", "FILE"][: needed + 1])
        return _refused(f"{' '.join(words)}: give {form}, where SHELL is bash, zsh or fish.")
    from typing import Annotated, Union

    import tyro

    commands = {name: importlib.import_module(f"selectax.commands.{name}") for name in COMMANDS}
    of_each = tuple(
        Annotated[command.CONFIG, tyro.conf.subcommand(name)] for name, command in commands.items()
    )
    options = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    try:
        tyro.cli(Union[of_each], prog="selectax", args=words, config=options)  # type: ignore[call-overload]  # noqa: UP007
    except OSError as error:
        return _refused(f"{option} {sentence_on(error, rest[-1])}")
    return 0


def _refused(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2
