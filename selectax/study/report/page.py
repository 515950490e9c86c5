"""A study on one page: the papers' findings with their verdicts, figures, tables, settings.

The page is self-contained: it loads no other file.
"""

import base64
import importlib.metadata
import io
import platform
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jinja2
import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from selectax.study.report.alt_text import describe
from selectax.study.report.bootstrap import RESAMPLES
from selectax.study.report.figures import title_of
from selectax.study.report.figures.images import SHEET_TITLE
from selectax.study.report.figures.style import STYLE, number_text
from selectax.study.report.findings import SECOND, Finding, seeds_in_words
from selectax.study.report.tables import tables_of

_PACKAGES = ("selectax", "jax", "jaxlib", "flax", "optax", "numpy", "scipy", "pandas")
_DOTS_PER_INCH = 150
# The figure that is shown beside the verdicts is the first of these that was drawn.
_FIRST = ("robustness_by_selectivity_of_methods", "robustness_by_selectivity")
_SIGNS = {
    "holds": "✓",
    "holds in part": "◐",
    "does not hold": "✗",
    "cannot say": "?",
    "not tested": "?",
}
# Classes in the page's style sheet.
_CLASSES = dict(zip(_SIGNS, ("holds", "part", "fails", "open", "open"), strict=True))
# Columns of tables whose numbers were chosen, not measured, and are shown in full.
_GIVEN = ("alpha", "epsilon", "steps")


class Picture(NamedTuple):
    """A figure on the page.

    Attributes:
      name: name of the figure.
      title: caption below it.
      words: alt text.
      base64: its PNG file.
      inches: its width.
    """

    name: str
    title: str
    words: str
    base64: str
    inches: float


class Progress(NamedTuple):
    """How much of a study is done.

    Attributes:
      wanted: number of networks that were asked for.
      measured: number of networks that are measured completely.
      diverged: number of networks that diverged.
      begun: number of networks that are measured at least in part.
      seeds: number of seeds of each alpha, in words.
    """

    wanted: int
    measured: int
    diverged: int
    begun: int
    seeds: str


class Study(NamedTuple):
    """What the page is made from.

    Attributes:
      config: configuration of the runs, as in their `config.json`.
      table: their results.
      units: number of units of each layer, in order of depth.
      images: number of images by their purpose, if it is known.
      progress: how much is done.
      command: the command that reproduces the results.
      metrics: what each metric is, with its unit and range, if it is known.
      runs: number of runs that are joined.
    """

    config: Mapping[str, Any]
    table: pd.DataFrame
    units: Mapping[str, int]
    images: Mapping[str, int]
    progress: Progress
    command: str
    metrics: Mapping[str, str]
    runs: int = 1


def render(study: Study, pictures: Sequence[Picture], findings: Sequence[Finding]) -> str:
    """Returns the page as HTML.

    Args:
      study: what to report.
      pictures: its figures.
      findings: the findings of its table.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("selectax.study.report.page", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "number": number_text,
        "measured": _measured,
        "capitalized": _capitalized,
        "seeds": seeds_in_words,
    }
    by_name = {picture.name: picture for picture in pictures}
    first = next((by_name[name] for name in _FIRST if name in by_name), None)
    return environment.get_template("page.html.jinja").render(
        config=study.config,
        progress=study.progress,
        findings=findings,
        untested=[finding for finding in findings if finding.verdict == "not tested"],
        most_left_out=max((finding.left_out for finding in findings), default=0),
        numbers={finding.claim: number for number, finding in enumerate(findings, start=1)},
        signs=_SIGNS,
        classes=_CLASSES,
        edition=SECOND,
        first=first,
        pictures=[picture for picture in pictures if picture is not first],
        tables=tables_of(study.table, study.units, study.metrics),
        settings={name: _text(value) for name, value in sorted(study.config.items())}
        | {f"{purpose} images": f"{number:,}" for purpose, number in study.images.items()},
        versions=_versions(),
        command=study.command,
        resamples=RESAMPLES,
        given=_GIVEN,
        runs=study.runs,
        zip=zip,
    )


def picture_of(name: str, figure: Figure, png: bytes | None = None) -> Picture:
    """A figure for the page, drawn now unless its PNG file is given."""
    title = title_of(name)
    encoded = base64.b64encode(_as_png(figure) if png is None else png).decode()
    return Picture(name, title, f"{title} {describe(figure)}", encoded, figure.get_figwidth())


def image_sheet_picture(png: bytes) -> Picture:
    """The sheet of example images for the page, from its PNG file."""
    with Image.open(io.BytesIO(png)) as image:
        inches = image.width / image.info["dpi"][0]
    return Picture("images", SHEET_TITLE, SHEET_TITLE, base64.b64encode(png).decode(), inches)


def _as_png(figure: Figure) -> bytes:
    file = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format="png", dpi=_DOTS_PER_INCH)
    return file.getvalue()


def _measured(value: float) -> str:
    """To three significant digits; integers in full."""
    if not np.isfinite(value):
        return "–"
    text = str(value) if isinstance(value, int) else f"{value:#.3g}".rstrip(".")
    return text.replace("-", "−")


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]  # str.capitalize lowers the rest, such as PGD


def _text(value) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _versions() -> dict[str, str]:
    installed = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"Python": platform.python_version(), **installed, "system": platform.platform()}
