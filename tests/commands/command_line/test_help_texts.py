"""Help texts are filled from tables, which are loaded only when help is printed."""

import dataclasses

import pytest
import tyro

from selectax.commands.command_line.help_texts import (
    TABLES,
    field_texts,
    filled,
    help_from_tables,
)
from selectax.corruptions import CORRUPTIONS
from selectax.datasets import ALL_DATASETS, DATASETS
from selectax.models import MODELS


@dataclasses.dataclass(frozen=True)
class Part:
    """Of a configuration."""

    size: int = 3
    """Size, one of {sizes}."""


@dataclasses.dataclass(frozen=True)
class Whole:
    """Begins the help."""

    colour: str = "red"
    """Colour, one of {colours},
    or a number."""
    plain: tuple[int, ...] = (1, 2)
    """No table."""
    silent: float | None = None
    part: Part = Part()


def parse(words, tables, **options):
    registry = help_from_tables(tables)
    return tyro.cli(
        Whole, args=words, registry=registry, config=(tyro.conf.OmitArgPrefixes,), **options
    )


def test_help_names_what_is_in_the_tables(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"], {"colours": lambda: "red, blue", "sizes": lambda: "3, 4"})
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Begins the help." in words
    assert "Colour, one of red, blue, or a number. (default: red)" in words
    assert "No table. (default: 1 2)" in words
    assert "Size, one of 3, 4. (default: 3)" in words


def test_values_are_parsed_without_the_tables():
    def not_loaded():
        raise AssertionError

    tables = {"colours": not_loaded, "sizes": not_loaded}
    assert parse(["--size", "4", "--plain", "5"], tables) == Whole(plain=(5,), part=Part(4))
    default = Whole("blue", part=Part(7))
    assert parse(["--silent", "2"], tables, default=default) == Whole("blue", (1, 2), 2, Part(7))


def test_texts_are_those_below_the_fields():
    assert field_texts(Whole) == {
        "colour": "Colour, one of {colours}, or a number.",
        "plain": "No table.",
    }


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("networks", MODELS),
        ("data_sets", DATASETS),
        ("archived_data_sets", [name for name in ALL_DATASETS if name != "digits"]),
        ("corruptions", CORRUPTIONS),
    ],
)
def test_tables_are_those_of_the_library(table, names):
    assert filled(f"One of {{{table}}}.") == f"One of {', '.join(names)}."


def test_a_table_that_does_not_exist_is_an_error():
    assert set(TABLES) == {
        "networks",
        "data_sets",
        "archived_data_sets",
        "corruptions",
        "attacks",
        "measures",
        "training_methods",
        "training_strengths",
        "layer_choices",
    }
    with pytest.raises(KeyError, match="nothing"):
        filled("One of {nothing}.")
