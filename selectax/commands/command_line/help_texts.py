"""Help texts that are filled from tables, such as "Network: {networks}.".

The docstring of a configuration's field may name a key of `TABLES` in braces. A table is loaded
only if help is printed that names it, because most tables load JAX.
"""

import ast
import dataclasses
import inspect
import itertools
import string
import textwrap
import typing
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tyro.constructors import (
    MISSING,
    ConstructorRegistry,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)


def _networks() -> str:
    from selectax.models import MODELS

    return ", ".join(MODELS)


def _data_sets() -> str:
    from selectax.datasets import DATASETS

    return ", ".join(DATASETS)


def _archived_data_sets() -> str:
    from selectax.datasets import ALL_DATASETS, describe

    return ", ".join(name for name in ALL_DATASETS if not describe(name).is_embedded)


def _corruptions() -> str:
    from selectax.corruptions import CORRUPTIONS

    return ", ".join(CORRUPTIONS)


def _attacks() -> str:
    from selectax.attacks import ATTACKS

    return ", ".join(ATTACKS)


def _measures() -> str:
    from selectax.study.measures.registry import MEASURES

    return "; ".join(f"{measure.name}, {measure.help}" for measure in MEASURES.values())


def _training_methods() -> str:
    from selectax.study.training.methods.registry import TRAINING_METHODS

    return "; ".join(f"{method.name}, {method.help}" for method in TRAINING_METHODS.values())


def _training_strengths() -> str:
    from selectax.study.training.methods.registry import STANDARD, TRAINING_METHODS

    return "; ".join(
        f"for {method.name} {method.strength}"
        for method in TRAINING_METHODS.values()
        if method is not STANDARD
    )


def _layer_choices() -> str:
    from selectax.study.configuration.regularized_layers import LAYER_CHOICES

    return "; ".join(f"{name}: {choice.help}" for name, choice in LAYER_CHOICES.items())


TABLES: Mapping[str, Callable[[], str]] = {
    "networks": _networks,
    "data_sets": _data_sets,
    "archived_data_sets": _archived_data_sets,
    "corruptions": _corruptions,
    "attacks": _attacks,
    "measures": _measures,
    "training_methods": _training_methods,
    "training_strengths": _training_strengths,
    "layer_choices": _layer_choices,
}


def filled(text: str, tables: Mapping[str, Callable[[], str]] = TABLES) -> str:
    """The text with each table's contents in place of its name.

    Raises:
      KeyError: there is no such table.
    """
    named = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    return text.format(**{name: tables[name]() for name in named})


def field_texts(config_class: type) -> dict[str, str]:
    """The docstring below each field of a dataclass and of its bases, by the field's name."""
    bases = [base for base in reversed(config_class.__mro__) if dataclasses.is_dataclass(base)]
    return {name: text for base in bases for name, text in _own_field_texts(base).items()}


def _own_field_texts(config_class: type) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(config_class))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        ast.unparse(field.target): " ".join(text.value.value.split())
        for field, text in itertools.pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def help_from_tables(
    tables: Mapping[str, Callable[[], str]] = TABLES,
) -> ConstructorRegistry:
    """A registry for `tyro.cli` that fills tables into the help of dataclasses that name them."""
    registry = ConstructorRegistry()

    @registry.struct_rule
    def with_tables(info: StructTypeInfo) -> StructConstructorSpec | None:
        if not dataclasses.is_dataclass(info.type):
            return None
        texts = field_texts(info.type)
        if not any("{" in text for text in texts.values()):
            return None  # tyro's own rule will do
        kinds = typing.get_type_hints(info.type, include_extras=True)
        fields = [
            StructFieldSpec(
                name=field.name,
                type=kinds[field.name],
                default=_default_of(field, info.default),
                helptext=partial(filled, texts.get(field.name, ""), tables),
            )
            for field in dataclasses.fields(info.type)
        ]
        return StructConstructorSpec(instantiate=info.type, fields=tuple(fields))

    return registry


def _default_of(field: dataclasses.Field, instance: Any) -> Any:
    """A field's value in the instance, if one is given; otherwise the default of its class."""
    if dataclasses.is_dataclass(instance):
        return getattr(instance, field.name)
    return MISSING if field.default is dataclasses.MISSING else field.default
