"""A study on one page: the seven findings with their verdicts, figures, tables, settings.

The page loads nothing from anywhere: figures, style and script are in it.
"""

import base64
import importlib.metadata
import io
import json
import platform
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from selectax.study import figures, results
from selectax.study.bootstrap import RESAMPLES
from selectax.study.config import ConfigurationError, defaults_of, to_json
from selectax.study.describing import describe
from selectax.study.folder import RunFolder, write_text
from selectax.study.measurement import parts_of
from selectax.study.plotting import STYLE, number_text
from selectax.study.report_tables import tables_of
from selectax.study.verdicts import Finding, find

_PACKAGES = ("selectax", "jax", "jaxlib", "flax", "optax", "numpy", "scipy", "pandas")
_DOTS_PER_INCH = 150
# The figure of the papers' claim, beside the verdicts.
_FIRST = "robustness_by_selectivity"
# Columns of tables that were chosen rather than measured.
_GIVEN = ("alpha", "epsilon", "steps")


class Picture(NamedTuple):
    """A figure as it stands on the page.

    Attributes:
      name: of the figure.
      title: below it.
      words: for those who do not see it.
      base64: its PNG file.
      inches: its width.
    """

    name: str
    title: str
    words: str
    base64: str
    inches: float


def write_report(
    path: Path,
    drawn: Mapping[str, Figure] | None = None,
    findings: Sequence[Finding] | None = None,
) -> Path:
    """Writes `report.html` into the folder of a run, of which a part may be lacking yet.

    Args:
      path: the folder.
      drawn: its figures, where they are at hand, and saved in the folder.
      findings: of its table, where they are at hand.

    Returns:
      The page's path.

    Raises:
      ConfigurationError: the folder holds no run, or files of it cannot be read.
    """
    folder = RunFolder(path)
    if not folder.config.exists():
        raise ConfigurationError(
            f"RUN {path}: holds no config.json of a run; give a folder that a sweep has written."
        )
    config, units = (_read(file) for file in (folder.config, folder.layers))
    try:
        file = results.table_in(path)
        table = results.load(file) if file.exists() else results.table([])
    except ValueError as error:
        raise ConfigurationError(f"RUN {error}") from None
    if drawn is None:
        drawn = figures.draw_all(table, units) if len(table) else {}
        pictures = [_picture(name, figure, _as_png(figure)) for name, figure in drawn.items()]
    else:
        pictures = [
            _picture(name, figure, (folder.figures / f"{name}.png").read_bytes())
            for name, figure in drawn.items()
        ]
    of_images = folder.figures / "images.png"
    # Drawn of a network at a sweep's end, and not to be had from the table.
    if "images" not in drawn and of_images.exists():
        pictures.append(_saved_picture(of_images))
    # A run of an earlier version does not say.
    images = _read(folder.images) if folder.images.exists() else {}
    if findings is None:
        findings = find(table, units, np.random.default_rng(0))
    page = render(config, table, units, images, pictures, findings)
    write_text(folder.report, page)
    return folder.report


def render(
    config: Mapping[str, Any],
    table: pd.DataFrame,
    units: Mapping[str, int],
    images: Mapping[str, int],
    pictures: Sequence[Picture],
    findings: Sequence[Finding],
) -> str:
    """The page.

    Args:
      config: of the run, as in its `config.json`.
      table: results, whole or in part.
      units: number of units of each layer, in order of depth.
      images: how many, by their purpose.
      pictures: its figures.
      findings: of the table.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("selectax.study", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "number": number_text,
        "measured": _measured,
        "capitalized": _capitalized,
    }
    return environment.get_template("report.html.jinja").render(
        config=config,
        progress=_progress(config, table),
        findings=findings,
        first=next((picture for picture in pictures if picture.name == _FIRST), None),
        pictures=[picture for picture in pictures if picture.name != _FIRST],
        tables=tables_of(table, units),
        settings={name: _text(value) for name, value in sorted(config.items())}
        | {f"{purpose} images": f"{number:,}" for purpose, number in images.items()},
        versions=_versions(),
        command=command_of(config),
        resamples=RESAMPLES,
        given=_GIVEN,
        zip=zip,
    )


def _as_png(figure: Figure) -> bytes:
    file = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format="png", dpi=_DOTS_PER_INCH)
    return file.getvalue()


def _picture(name: str, figure: Figure, png: bytes) -> Picture:
    encoded = base64.b64encode(png).decode()
    title = _capitalized(name.replace("_", " "))
    return Picture(name, title, describe(figure), encoded, figure.get_figwidth())


def command_of(config: Mapping[str, Any]) -> str:
    """The command that gives a run's results again, from its `config.json`."""
    dataset = config.get("dataset", "digits")
    defaults = to_json(defaults_of(dataset)) | {"dataset": "digits"}
    words = ["python", "experiments/sweep.py"]
    for name, value in config.items():
        if value == defaults.get(name):
            continue
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{name.replace('_', '-')}")
        else:
            words += [flag, *map(str, value if isinstance(value, list) else [value])]
    command = shlex.join(words)
    return command if dataset == "digits" else f"{command} --archives ARCHIVES"


def _progress(config, table) -> dict[str, int]:
    wanted = [(alpha, seed) for alpha in config["alpha"] for seed in range(config["seeds"])]
    parts = set(parts_of(config["measures"]))
    measured = [results.parts_measured(table, *network) for network in wanted]
    return {
        "wanted": len(wanted),
        "measured": sum(parts <= of_network for of_network in measured),
        "diverged": sum("diverged" in of_network for of_network in measured),
        "begun": sum("clean" in of_network for of_network in measured),
    }


def _measured(value: float) -> str:
    """To three digits, integers whole."""
    if not np.isfinite(value):
        return "–"
    text = str(value) if isinstance(value, int) else f"{value:#.3g}".rstrip(".")
    return text.replace("-", "−")


def _saved_picture(path: Path) -> Picture:
    words = "Test images, clean, corrupted and attacked, with the differences."
    with Image.open(path) as image:
        inches = image.width / image.info["dpi"][0]
    return Picture("images", "Images", words, base64.b64encode(path.read_bytes()).decode(), inches)


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]  # str.capitalize would lower the rest, such as PGD


def _text(value) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _versions() -> dict[str, str]:
    installed = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"Python": platform.python_version(), **installed, "system": platform.platform()}


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        raise ConfigurationError(
            f"RUN {path.parent}: its {path.name} cannot be read; run the sweep again with --resume."
        ) from None
