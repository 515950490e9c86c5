"""A study on one page: the seven findings with their verdicts, figures, tables, settings.

The page loads nothing from anywhere: figures, style and script are in it.
"""

import base64
import collections
import importlib.metadata
import io
import platform
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from selectax.datasets import DATASETS
from selectax.study.configuration.config import defaults_of, to_json
from selectax.study.report import figures
from selectax.study.report.alt_text import describe
from selectax.study.report.bootstrap import RESAMPLES
from selectax.study.report.figures.plotting import STYLE, number_text
from selectax.study.report.findings import Finding, find
from selectax.study.report.tables import tables_of
from selectax.study.run.folder import RunFolder, write_text
from selectax.study.run.recorded_runs import RecordedRun, read_runs

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
    return write_report_of([path], RunFolder(path).report, drawn, findings)


def write_report_of(
    paths: Sequence[Path],
    output: Path,
    drawn: Mapping[str, Figure] | None = None,
    findings: Sequence[Finding] | None = None,
) -> Path:
    """Writes the report of one run or of several, whose tables are joined.

    Args:
      paths: folders of runs that differ in their networks and measures alone.
      output: the page's path.
      drawn: figures of the first run, where they are at hand, and saved in its folder.
      findings: of the tables, where they are at hand.

    Returns:
      The page's path.

    Raises:
      ConfigurationError: a folder holds no run, files of it cannot be read, or the runs differ.
    """
    run = read_runs(paths)
    saved = RunFolder(paths[0]).figures
    if drawn is None:
        drawn = figures.draw_all(run.table, run.units) if len(run.table) else {}
        pictures = [_picture(name, figure, _as_png(figure)) for name, figure in drawn.items()]
    else:
        pictures = [
            _picture(name, figure, (saved / f"{name}.png").read_bytes())
            for name, figure in drawn.items()
        ]
    of_images = saved / "images.png"
    # Drawn of a network at a sweep's end, and not to be had from the table.
    if "images" not in drawn and of_images.exists():
        pictures.append(_saved_picture(of_images))
    if findings is None:
        findings = find(run.table, run.units, np.random.default_rng(0))
    write_text(output, render(run, pictures, findings, runs=len(paths)))
    return output


def render(
    run: RecordedRun, pictures: Sequence[Picture], findings: Sequence[Finding], *, runs: int = 1
) -> str:
    """The page.

    Args:
      run: what is known of the run, or of several as one.
      pictures: its figures.
      findings: of its table.
      runs: how many are joined.
    """
    config, table, units, images = run.config, run.table, run.units, run.images
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
    }
    return environment.get_template("page.html.jinja").render(
        config=config,
        progress=_progress(run),
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
        runs=runs,
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
    has_archive = dataset in DATASETS and not DATASETS[dataset].is_embedded
    return f"{command} --archives ARCHIVES" if has_archive else command


def _progress(run: RecordedRun) -> dict[str, Any]:
    parts = {"clean", *run.config["measures"]}
    measured = [set(run.measured.get(network, ())) for network in run.networks]
    seeds = sorted(collections.Counter(network.alpha for network in run.networks).values())
    ends = sorted({*seeds[:1], *seeds[-1:]})
    return {
        "wanted": len(run.networks),
        "measured": sum(parts <= of_network for of_network in measured),
        "diverged": sum("diverged" in of_network for of_network in measured),
        "begun": sum("clean" in of_network for of_network in measured),
        "seeds": " to ".join(map(str, ends)) + (" seed" if ends == [1] else " seeds"),
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
