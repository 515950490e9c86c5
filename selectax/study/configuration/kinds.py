"""Checks that options are of their kind, which the command line sees to and Python does not."""

import dataclasses
import numbers
import types
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.values import check_name, flag_of

# Whole numbers are checked beside their limits.
_WORDS = {float: "a number", bool: "True or False", str: "a name", Path: "a path"}


def check_kinds(options: Any, named: Callable[[str], str] = flag_of) -> None:
    """Checks the kinds of all options of a dataclass, and of the dataclasses in it.

    Args:
      options: a dataclass of options.
      named: maps a field to its name in the error message; a flag by default.

    Raises:
      ConfigurationError: a value is of another kind, or none of the choices.
    """
    for field in dataclasses.fields(options):
        kind, value = field.type, getattr(options, field.name)
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            if not isinstance(value, kind):
                raise ConfigurationError(f"{field.name} {value!r}: give {kind.__name__}(…).")
            check_kinds(value, named)
            continue
        if get_origin(kind) in (Union, types.UnionType):
            if value is None and types.NoneType in get_args(kind):
                continue
            kind = next(one for one in get_args(kind) if one is not types.NoneType)
        _check_kind(named(field.name), value, kind)


def as_paths(options: Any, *fields: str) -> None:
    """Makes paths of the fields that hold strings, of a dataclass that is being initialized."""
    for field in fields:
        if isinstance(value := getattr(options, field), str):
            object.__setattr__(options, field, Path(value))


def _check_kind(named: str, value: Any, kind: Any) -> None:
    if get_origin(kind) is Literal:
        check_name(named, value, get_args(kind))
    elif get_origin(kind) is tuple:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise ConfigurationError(f"{named} {value!r}: give a tuple of values.")
        for one, of_one in zip(value, _kinds_of(kind, len(value)), strict=True):
            if get_origin(of_one) is not Literal:  # names of one's own may be among them
                _check_kind(named, one, of_one)
    elif kind in _WORDS and not _is_one(value, kind):
        raise ConfigurationError(f"{named} {value!r}: give {_WORDS[kind]}.")


def _kinds_of(kind: Any, number: int) -> Sequence[Any]:
    """Kinds of the values of a tuple; any number of one kind, or any if the numbers differ."""
    kinds = get_args(kind)
    if kinds[-1] is Ellipsis:
        return kinds[:1] * number
    return kinds if len(kinds) == number else (Any,) * number


def _is_one(value: Any, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, numbers.Real) and not isinstance(value, bool)
    return isinstance(value, PathLike if kind is Path else kind)
