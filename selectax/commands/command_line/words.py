"""The words of a command line, and what people mean by them: several values, flags, paths."""

import dataclasses
import re
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import tyro

Config = TypeVar("Config")


class RefusalError(Exception):
    """A sentence that names what was given, and the remedy."""


def separate_values(words: Sequence[str], config_class: Any) -> list[str]:
    """Splits a word that holds several values of one flag, such as "--alpha=-1 0 1".

    Agents that search for hyperparameters pass several values as one word.
    """
    several = {flag for flag, kind in flags_of(config_class) if _is_of_several(kind)}
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


def check_given_once(words: Sequence[str], config_class: Any) -> None:
    """Refuses a flag with values that is given twice, of which only the last would count.

    Raises:
      RefusalError: a sentence that names it.
    """
    kinds = dict(flags_of(config_class))
    given = [word.partition("=")[0].replace("_", "-") for word in words]
    for flag in dict.fromkeys(given):
        if given.count(flag) > 1 and kinds.get(flag, bool) is not bool:
            remedy = "all its values after one" if _is_of_several(kinds[flag]) else "one of them"
            raise RefusalError(f"{flag}: given {given.count(flag)} times; give {remedy}.")


def with_paths(config: Config, words: Sequence[str]) -> Config:
    """The configuration with its paths as the file system has them: ~ is the home folder.

    Raises:
      RefusalError: a path is of another file system, such as gs://, or its home is unknown.
    """
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            changes[field.name] = with_paths(value, words)
        elif isinstance(value, Path):
            changes[field.name] = _local(value, _name_of(field), words)
        elif isinstance(value, tuple) and any(isinstance(one, Path) for one in value):
            changes[field.name] = tuple(_local(one, _name_of(field), words) for one in value)
    return dataclasses.replace(config, **changes)  # type: ignore[type-var]


def flags_of(config_class: Any) -> Iterator[tuple[str, Any]]:
    """All flags of a configuration and of its parts, with their types."""
    if not dataclasses.is_dataclass(config_class):
        for part in typing.get_args(config_class):
            yield from flags_of(part)
        return
    for field in dataclasses.fields(config_class):
        if dataclasses.is_dataclass(field.type):
            yield from flags_of(field.type)
        elif not _is_positional(field):
            yield f"--{field.name.replace('_', '-')}", field.type


def _local(path: Path, name: str, words: Sequence[str]) -> Path:
    scheme = re.match("([A-Za-z][A-Za-z0-9+.-]*):/", str(path))
    # A path has lost the second slash.
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


def _is_positional(field: dataclasses.Field) -> bool:
    return tyro.conf.Positional in getattr(field.type, "__metadata__", ())


def _name_of(field: dataclasses.Field) -> str:
    if not _is_positional(field):
        return f"--{field.name.replace('_', '-')}"
    metavars = (getattr(part, "metavar", None) for part in field.type.__metadata__)  # type: ignore[union-attr]
    return next((metavar.split()[0] for metavar in metavars if metavar), field.name.upper())


def _is_of_several(kind: Any) -> bool:
    return typing.get_origin(kind) is tuple or any(
        typing.get_origin(part) is tuple for part in typing.get_args(kind)
    )
