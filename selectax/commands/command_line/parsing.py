"""A command's configuration from its words."""

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import tyro

from selectax.commands.command_line.environment import settle_environment
from selectax.commands.command_line.help_texts import help_from_tables
from selectax.commands.command_line.mistakes import check_words
from selectax.commands.command_line.words import RefusalError, separate_values, with_paths

Config = TypeVar("Config")

OPTIONS = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)


@contextlib.contextmanager
def _allowing_closed_output() -> Iterator[None]:
    """Ends the process quietly if nobody reads its output any more, as in `--help | head`."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Otherwise the interpreter tries to write what is left when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


@_allowing_closed_output()
def parse(
    config_class: type[Config],
    arguments: Sequence[str] | None,
    program: str | None,
    *,
    description: str | None = None,
    default_of: Callable[[Sequence[str]], Config] | None = None,
    examples: Sequence[str] = (),
) -> Config:
    """Makes a configuration from the words of a command.

    Args:
      config_class: a dataclass, or a union of dataclasses for a command with tasks.
      arguments: the words; by default those of the process.
      program: the program's name in help and errors; by default the process's.
      description: the beginning of the help; by default the class's docstring.
      default_of: returns, for the words, the configuration that holds the flags' defaults.
      examples: words of example commands, which end the help.

    Raises:
      SystemExit: 2 after a sentence on stderr if the words cannot be parsed, 0 after help.
    """
    settle_environment()
    words = list(sys.argv[1:] if arguments is None else arguments)
    program = program or sys.argv[0]
    errors_of_tyro = io.StringIO()
    try:
        words = separate_values(words, config_class)
        if not _is_for_tyro(words):
            check_words(words, config_class, program)
        default: Any = {} if default_of is None else {"default": default_of(words)}
        with contextlib.redirect_stderr(errors_of_tyro):
            config = tyro.cli(
                config_class,
                prog=program,
                args=words,
                description=description,
                config=OPTIONS,
                registry=help_from_tables(),
                **default,
            )
        return with_paths(config, words)
    except RefusalError as refusal:
        print(refusal, file=sys.stderr)
        raise SystemExit(2) from None
    except SystemExit as ended:
        if ended.code:
            # A mistake that check_words does not know: tyro's box of text, on one line.
            print(
                " ".join(re.sub(r"[─-╿]+", " ", errors_of_tyro.getvalue()).split()), file=sys.stderr
            )
        elif examples:
            start = f"python {program}" if program.endswith(".py") else program
            print("Examples:", *(f"  {start} {words}".rstrip() for words in examples), sep="\n")
        raise


def _is_for_tyro(words: Sequence[str]) -> bool:
    """Whether the words ask for help, or for one of tyro's completion scripts."""
    return any(word in ("-h", "--help") or word.startswith("--tyro-") for word in words)
