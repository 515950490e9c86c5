"""The code blocks of the project's documents."""

import pathlib
import re
from collections.abc import Iterator


def blocks(page: pathlib.Path, language: str) -> list[str]:
    """Texts of the page's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def commands(page: pathlib.Path) -> Iterator[str]:
    """Each command of the page's shell blocks, in one line."""
    for block in blocks(page, "sh"):
        lines = re.split(r"&&|\n", block.replace("\\\n", ""))
        yield from filter(None, map(str.strip, lines))


def text_of(page: pathlib.Path) -> str:
    """Its text without line breaks, so that sentences are found."""
    return " ".join(page.read_text().split())
