"""Mistakes in the words of a command, each refused in one sentence.

tyro prints a mistake in a box of several lines. Only a private module of tyro tells what kind of
mistake it is, so the words are checked here before tyro parses them.
"""

import difflib
import typing
from collections.abc import Sequence
from typing import Any

from selectax.arguments.names import unknown
from selectax.commands.command_line.arguments import Argument, arguments_of, innermost, tasks_of
from selectax.commands.command_line.words import RefusalError, grouped, reads_as

_NUMBERS = {int: "whole number", float: "number"}


def check_words(words: Sequence[str], config_class: Any, program: str) -> None:
    """Refuses words that tyro cannot parse, and a flag that is given twice.

    Args:
      words: those after the program.
      config_class: a dataclass, or a union of such for a command with tasks.
      program: the program's name, for the sentence.

    Raises:
      RefusalError: a sentence that names the word and the remedy.
    """
    help_of = f"see {program} --help"
    flags = {"--help", *(argument.name for argument in arguments_of(config_class))}
    _check_known(words, flags, help_of)
    tasks = tasks_of(config_class)
    if tasks:
        _check_task(words, tasks, program)
        config_class, words = tasks[words[0]], words[1:]
    arguments = {argument.name: argument for argument in arguments_of(config_class)}
    (_, positional_words), *groups = grouped(words)
    for flag, values in groups:
        if flag not in arguments:
            raise _not_expected(flag, help_of)  # a flag of another task
        taken = _number_taken(arguments[flag], values)
        _check_value(arguments[flag], values[:taken], help_of)
        if values[taken:] and positional_words:
            # tyro requires positional words to be adjacent.
            raise _not_expected(values[taken], help_of)
        positional_words += values[taken:]
    _check_positional(list(arguments.values()), positional_words, help_of)
    given = [flag for flag, _ in groups]
    for argument in arguments.values():
        _check_number_of_times(argument, given.count(argument.name), help_of)


def unknown_choice(flag: str, value: str, choices: Sequence[str]) -> str:
    """The sentence on a value that is not among the choices; flag is empty for a first word."""
    return unknown(f"{flag} {value}".strip(), value, choices)


def _check_known(words: Sequence[str], flags: set[str], help_of: str) -> None:
    for flag, _ in grouped(words)[1:]:
        if flag not in flags:
            near = difflib.get_close_matches(flag, sorted(flags), n=1)
            proposed = f"did you mean {near[0]}? All flags: {help_of}" if near else help_of
            raise RefusalError(f"{flag}: unknown; {proposed}.")


def _check_task(words: Sequence[str], tasks: dict[str, Any], program: str) -> None:
    if not words:
        names = ", ".join(tasks)
        raise RefusalError(f"{program}: does not say what to do; add one of {names}.")
    if words[0] not in tasks:
        if words[0].startswith("-"):
            raise _not_expected(words[0].partition("=")[0], f"see {program} --help")
        raise RefusalError(unknown_choice("", words[0], list(tasks)))


def _number_taken(argument: Argument, values: Sequence[str]) -> int:
    """Number of the words after a flag that are its value."""
    if argument.kind is bool:
        return 0
    return len(values) if argument.takes_several else 1


def _check_value(argument: Argument, values: Sequence[str], help_of: str) -> None:
    name, kinds = argument.name, innermost(argument.kind)
    if not (values or argument.takes_any_number or argument.kind is bool):
        raise RefusalError(f"{name}: missing a value; add it, or {help_of}.")
    if type(None) in kinds and list(values) == ["None"]:
        return
    choices = [str(choice) for kind in kinds for choice in typing.get_args(kind)]
    for value in values:
        if choices and value not in choices:
            raise RefusalError(unknown_choice(name, value, choices))
        for kind, number in _NUMBERS.items():
            if kind in kinds and not reads_as(kind, value):
                or_none = " or None" if type(None) in kinds else ""
                raise RefusalError(f"{name} {value}: give a {number}{or_none}.")
    lengths = {len(members) for members in argument.tuples}
    if lengths and not argument.takes_any_number and len(values) not in lengths:
        raise RefusalError(f"{' '.join([name, *values])}: give {argument.form}, or {help_of}.")


def _check_positional(arguments: list[Argument], words: list[str], help_of: str) -> None:
    for argument in arguments:
        if not argument.is_flag and not argument.takes_any_number:
            if not words:
                raise RefusalError(f"{argument.name}: missing; add it, or {help_of}.")
            words = words[1:]
    takes_all = any(not argument.is_flag and argument.takes_any_number for argument in arguments)
    if words and not takes_all:
        raise _not_expected(words[0], help_of)


def _check_number_of_times(argument: Argument, times: int, help_of: str) -> None:
    name = argument.name
    if argument.is_flag and argument.is_required and not times:
        raise RefusalError(f"{name}: missing; add {name} {argument.form}, or {help_of}.")
    if times > 1 and argument.kind is not bool:
        remedy = "all its values after one" if argument.takes_several else "one of them"
        raise RefusalError(f"{name}: given {times} times; give {remedy}.")


def _not_expected(word: str, help_of: str) -> RefusalError:
    return RefusalError(f"{word}: not expected here; omit it, or {help_of}.")
