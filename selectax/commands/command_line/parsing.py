"""A command's configuration from its words, and what is wrong with them in one sentence."""

import contextlib
import difflib
import io
import re
import sys
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import tyro
from typing_extensions import TypeForm

from selectax.arguments.names import unknown
from selectax.commands.command_line.environment import settle_environment
from selectax.commands.command_line.words import (
    RefusalError,
    check_given_once,
    flags_of,
    separate_values,
    with_paths,
)

Config = TypeVar("Config")

_OPTIONS = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
_NUMBERS = {int: "whole number", float: "number"}


def parse(
    config_class: TypeForm[Config],
    arguments: Sequence[str] | None,
    program: str | None,
    *,
    description: str | None = None,
    default_of: Callable[[Sequence[str]], Config] | None = None,
    examples: Sequence[str] = (),
) -> Config:
    """Makes a configuration of the words of a command.

    Args:
      config_class: a dataclass, or a union of such for a command with tasks.
      arguments: the words; by default those of the process.
      program: what precedes them; by default the process's.
      description: begins the help; by default the class's docstring.
      default_of: makes of the words the configuration whose values stand where no flag is given.
      examples: words of commands, with which the help ends.

    Raises:
      SystemExit: 2 after a sentence on stderr if the words cannot be meant, 0 after help.
    """
    settle_environment()
    words = list(sys.argv[1:] if arguments is None else arguments)
    program = program or sys.argv[0]
    told = io.StringIO()
    try:
        words = separate_values(words, config_class)
        with contextlib.redirect_stderr(told), _refusals(config_class, words, program):
            default: Any = {} if default_of is None else {"default": default_of(words)}
            config = tyro.cli(
                config_class,
                prog=program,
                args=words,
                description=description,
                config=_OPTIONS,
                **default,
            )
        check_given_once(words, config_class)
        return with_paths(config, words)
    except RefusalError as refusal:
        print(refusal, file=sys.stderr)
        raise SystemExit(2) from None
    except SystemExit as ended:
        if ended.code:
            # Of a kind that tyro has and this file does not know.
            print(_flattened(told.getvalue()), file=sys.stderr)
        elif examples:
            start = f"python {program}" if program.endswith(".py") else program
            print("Examples:", *(f"  {start} {words}".rstrip() for words in examples), sep="\n")
        raise


@contextlib.contextmanager
def _refusals(config_class, words, program) -> Iterator[None]:
    """Within, what tyro refuses is raised as a sentence, if this tyro tells of it."""
    try:
        from tyro import _errors

        within = _errors.on_parse_error
    except (ImportError, AttributeError):
        yield
        return

    def refuse(event):
        try:
            sentence = _sentence(event, words, config_class, program)
        except AttributeError:
            # Its events have changed: its own words will do.
            return
        if sentence is not None:
            raise RefusalError(sentence)

    with within(refuse):
        yield


def _sentence(event: Any, words: list[str], config_class: Any, program: str) -> str | None:
    """What is wrong; None for a kind of error that is unknown here."""
    kind = type(event).__name__
    help_of = f"see {program} --help"
    unknown = _unknown_flags(words, config_class)
    if unknown:
        # Whatever else is wrong: it may come of this.
        return _not_expected(unknown, words, config_class, help_of)
    if kind == "UnrecognizedArgs":
        return _not_expected(event.tokens, words, config_class, help_of)
    if kind == "MissingArgs":
        if event.unrecognized_tokens:
            return _not_expected(event.unrecognized_tokens, words, config_class, help_of)
        missing = event.missing_arguments[0].arg
        name, form = _name_of(missing), ""
        if not missing.is_positional():
            form = f"{name} {missing.lowered.metavar}"
        return f"{name}: missing; add {form or 'it'}, or {help_of}."
    if kind == "BadValue":
        return f"{_name_of(event.argument)}: missing a value; add it, or {help_of}."
    if kind == "InvalidChoice":
        return unknown_choice(_name_of(event.argument), event.value, event.choices)
    if kind == "MissingSubcommand":
        names = ", ".join(event.subcommand_spec.parser_from_name)
        return f"{event.prog}: does not say what to do; add one of {names}."
    if kind == "InstantiationFailure" and event.argument is not None:
        return _wrong_value(event, words, help_of)
    return None


def _unknown_flags(words: Sequence[str], config_class: Any) -> list[str]:
    known = _flags(config_class)
    flags = [word.partition("=")[0] for word in words if re.match("--[A-Za-z]", word)]
    return [flag for flag in flags if flag.replace("_", "-") not in known]


def _name_of(argument: Any) -> str:
    name = argument.display_name()
    return name.upper() if argument.is_positional() else name


def _not_expected(
    tokens: Sequence[str], words: Sequence[str], config_class: Any, help_of: str
) -> str:
    flag = next((token.partition("=")[0] for token in tokens if token.startswith("-")), None)
    if flag is None:
        tasks = _tasks(config_class)
        if tasks and words[0] not in tasks:
            return unknown_choice("", tokens[0], tasks)
        return f"{tokens[0]}: not expected here; omit it, or {help_of}."
    known = _flags(config_class)
    if flag in known:
        # Of another task.
        return f"{flag}: not expected here; omit it, or {help_of}."
    near = difflib.get_close_matches(flag, sorted(known), n=1)
    proposed = f"did you mean {near[0]}? All flags: {help_of}" if near else help_of
    return f"{flag}: unknown; {proposed}."


def unknown_choice(flag: str, value: str, choices: Sequence[str]) -> str:
    """The sentence on a value that is none of the choices; flag is empty for a first word."""
    return unknown(f"{flag} {value}".strip(), value, choices)


def _wrong_value(event, words, help_of):
    flag, wanted = _name_of(event.argument), _innermost(event.argument.field.type)
    values = values_of(flag, words)
    choices = [str(choice) for kind in wanted for choice in typing.get_args(kind)]
    for value in values if choices else ():
        if value not in choices:
            return unknown_choice(flag, value, choices)
    for kind, name in _NUMBERS.items():
        if kind in wanted:
            wrong = next((value for value in values if not _reads_as(kind, value)), None)
            if wrong is not None:
                return f"{flag} {wrong}: give a {name}{' or None' * (type(None) in wanted)}."
    form = re.sub("[{}]", "", str(event.argument.lowered.metavar)).replace("|", " or ")
    return f"{' '.join([flag, *values])}: give {form}, or {help_of}."


def _innermost(hint: Any) -> set[Any]:
    """The types that a hint is made of, Literals as a whole."""
    if typing.get_origin(hint) is typing.Literal or not typing.get_args(hint):
        return {hint}
    return set().union(*(_innermost(part) for part in typing.get_args(hint)))


def values_of(flag: str, words: Sequence[str]) -> list[str]:
    """The words that follow a flag, up to the next one."""
    for at, word in enumerate(words):
        name, equals, value = word.replace("_", "-").partition("=")
        if name == flag:
            if equals:
                return [value]
            values = []
            for value in words[at + 1 :]:
                if re.match("--?[A-Za-z]", value) and not _reads_as(float, value):
                    break
                values.append(value)
            return values
    return []


def _reads_as(kind: type, value: str) -> bool:
    try:
        kind(value)
    except ValueError:
        return False
    return True


def _flags(config_class: Any) -> set[str]:
    """All flags of a configuration, and of its parts."""
    return {"--help", *(flag for flag, _ in flags_of(config_class))}


def _tasks(config_class: Any) -> list[str]:
    """Names of the tasks that a command's first word chooses from."""
    return [
        part.name
        for task in typing.get_args(config_class)
        for part in getattr(task, "__metadata__", ())
        if getattr(part, "name", None)
    ]


def _flattened(box: str) -> str:
    """The words of a text in a frame."""
    return " ".join(re.sub(r"[─-╿]+", " ", box).split())
