"""The words of a command line: the values of each flag, and the paths that they name."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from selectax.commands.command_line.arguments import argument_of, arguments_of

Config = TypeVar("Config")


class RefusalError(Exception):
    """A sentence that names the word that was given, and the remedy."""


def separate_values(words: Sequence[str], config_class: Any) -> list[str]:
    """Splits a word that holds several values of one flag, such as "--alpha=-1 0 1".

    Agents that search for hyperparameters pass several values as one word.
    """
    several = {argument.name for argument in arguments_of(config_class) if argument.takes_several}
    separated, flag = [], ""
    for word in words:
        if re.match("--[A-Za-z]", word):
            name, equals, values = word.partition("=")
            flag = name.replace("_", "-")
            several_here = flag in several and equals and re.search(r"\s", values.strip())
            separated += [name, *values.split()] if several_here else [word]
        elif flag in several and re.search(r"\s", word.strip()):
            separated += word.split()
        else:
            separated.append(word)
    return separated


def grouped(words: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Pairs of a flag and the words up to the next flag; first "" and the words before any flag."""
    groups: list[tuple[str, list[str]]] = [("", [])]
    for word in words:
        if re.match("--?[A-Za-z]", word) and not reads_as(float, word):
            flag, equals, value = word.partition("=")
            groups.append((flag.replace("_", "-"), [value] if equals else []))
        else:
            groups[-1][1].append(word)
    return groups


def values_of(flag: str, words: Sequence[str]) -> list[str]:
    """The words between a flag and the next one; empty if the flag is not given."""
    return next((values for name, values in grouped(words) if name == flag), [])


def reads_as(kind: type, value: str) -> bool:
    """Whether a word can be converted to a type."""
    try:
        kind(value)
    except ValueError:
        return False
    return True


def with_paths(config: Config, words: Sequence[str]) -> Config:
    """The configuration with ~ expanded in its paths.

    Raises:
      RefusalError: a path names another file system, such as gs://, or an unknown home folder.
    """
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            changes[field.name] = with_paths(value, words)
        elif isinstance(value, Path):
            changes[field.name] = _local(value, argument_of(field).name, words)
        elif isinstance(value, tuple) and any(isinstance(one, Path) for one in value):
            name = argument_of(field).name
            changes[field.name] = tuple(_local(one, name, words) for one in value)
    return dataclasses.replace(config, **changes)  # type: ignore[type-var]


def _local(path: Path, name: str, words: Sequence[str]) -> Path:
    scheme = re.match("([A-Za-z][A-Za-z0-9+.-]*):/", str(path))
    # Path has dropped the second slash.
    if scheme and any(f"{scheme[1]}://" in word for word in words):
        address = str(path).replace(":/", "://", 1)
        raise RefusalError(
            f"{name} {address}: is no local path; name one on a disk or a mounted file system."
        )
    try:
        return path.expanduser()
    except RuntimeError:
        raise RefusalError(
            f"{name} {path}: has no home folder to expand ~ to; give the whole path."
        ) from None
