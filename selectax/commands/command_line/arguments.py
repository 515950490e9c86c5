"""The arguments of a command, read from the dataclasses that its command line is made of."""

import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import tyro

_FORMS = {int: "INT", float: "FLOAT", str: "STR", Path: "PATH", type(None): "None", ...: "..."}


class Argument(NamedTuple):
    """A flag or a positional argument.

    Attributes:
      name: as on the command line, such as --epochs; of a positional argument as in help, such as
        RUN.
      kind: the type of its value, without annotations.
      is_required: whether it has no default.
    """

    name: str
    kind: Any
    is_required: bool

    @property
    def is_flag(self) -> bool:
        """Whether it is given by a flag; otherwise it is positional."""
        return self.name.startswith("--")

    @property
    def takes_several(self) -> bool:
        """Whether its value may be several words."""
        return bool(self.tuples)

    @property
    def takes_any_number(self) -> bool:
        """Whether its value may be any number of words, even none."""
        return any(... in members for members in self.tuples)

    @property
    def tuples(self) -> list[tuple[Any, ...]]:
        """Types of the members of each tuple that its value may be."""
        options = (self.kind, *typing.get_args(self.kind))
        return [typing.get_args(option) for option in options if typing.get_origin(option) is tuple]

    @property
    def form(self) -> str:
        """What a value looks like, such as "None or INT INT"."""
        return " or ".join(sorted(_forms(self.kind), key=lambda form: form != "None"))


def arguments_of(config_class: Any) -> Iterator[Argument]:
    """All arguments of a configuration and its parts, or of every task if it is a union."""
    if not dataclasses.is_dataclass(config_class):
        for task in typing.get_args(config_class):
            yield from arguments_of(task)
        return
    for field in dataclasses.fields(config_class):
        if dataclasses.is_dataclass(field.type):
            yield from arguments_of(field.type)
        else:
            yield argument_of(field)


def argument_of(field: dataclasses.Field) -> Argument:
    """The argument that a field of a configuration becomes."""
    kind: Any = field.type
    marks = getattr(kind, "__metadata__", ())
    name = f"--{field.name.replace('_', '-')}"
    if tyro.conf.Positional in marks:
        # The singular of the field's name, as in help: RUN for the field `runs`.
        name = field.name.upper().removesuffix("S")
    return Argument(
        name=name,
        kind=typing.get_args(kind)[0] if marks else kind,
        is_required=field.default is dataclasses.MISSING,
    )


def tasks_of(config_class: Any) -> dict[str, Any]:
    """The classes that a command's first word chooses from, named as tyro names them."""
    return {task.__name__.lower(): task for task in typing.get_args(config_class)}


def innermost(kind: Any) -> set[Any]:
    """The types that a type is made of, each Literal as a whole."""
    if typing.get_origin(kind) is typing.Literal or not typing.get_args(kind):
        return {kind}
    return set().union(*(innermost(part) for part in typing.get_args(kind)))


def _forms(kind: Any) -> list[str]:
    if kind in _FORMS:
        return [_FORMS[kind]]
    parts = [form for part in typing.get_args(kind) for form in _forms(part)]
    return [" ".join(parts)] if typing.get_origin(kind) is tuple else parts
