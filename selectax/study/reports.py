"""Reads the folders of runs, writes their report, and joins them into one run."""

import collections
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from selectax.datasets import DATASETS
from selectax.study.configuration.config import defaults_of, to_json
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.measures.registry import METRICS
from selectax.study.report import figures
from selectax.study.report.findings import Finding, find
from selectax.study.report.page import (
    Picture,
    Progress,
    Study,
    image_sheet_picture,
    picture_of,
    render,
)
from selectax.study.run.folder import DEVICES_PER_BATCH, RunFolder, write_text
from selectax.study.run.joined_runs import write_joined
from selectax.study.run.recorded_runs import RecordedRun, read_runs
from selectax.study.run.unit_values import joined, read_unit_values


def write_report(
    path: Path,
    drawn: Mapping[str, Figure] | None = None,
    findings: Sequence[Finding] | None = None,
    metrics: Mapping[str, str] = METRICS,
) -> Path:
    """Writes `report.html` into the folder of a run, which may be incomplete.

    Args:
      path: the folder.
      drawn: its figures, if they are already drawn and saved in the folder.
      findings: the findings of its table, if they are already known.
      metrics: what each metric is, with its unit and range.

    Returns:
      The page's path.

    Raises:
      ConfigurationError: the folder holds no run, or a file in it cannot be read.
    """
    return write_report_of([path], RunFolder(path).report, drawn, findings, metrics)


def write_report_of(
    paths: Sequence[Path],
    output: Path,
    drawn: Mapping[str, Figure] | None = None,
    findings: Sequence[Finding] | None = None,
    metrics: Mapping[str, str] = METRICS,
) -> Path:
    """Writes the report of one run, or of several whose tables are joined.

    Args:
      paths: folders of runs that differ only in their networks, measures and training methods.
      output: the page's path.
      drawn: figures of the first run, if they are already drawn and saved in its folder.
      findings: the findings of the tables, if they are already known.
      metrics: what each metric is, with its unit and range.

    Returns:
      The page's path.

    Raises:
      ConfigurationError: a folder holds no run, a file in it cannot be read, or the runs differ in
        more than their networks, measures and training methods.
    """
    run = read_runs(paths)
    # Before the findings, which take long, because a file that the figures need may be damaged.
    pictures = _pictures(paths, run, drawn, metrics)
    if findings is None:
        findings = find(run.table, run.units, np.random.default_rng(0))
    study = Study(
        run.config,
        run.table,
        run.units,
        run.images,
        _progress(run),
        "\n".join(map(command_of, run.configs)),
        metrics,
        len(paths),
    )
    write_text(output, render(study, pictures, findings))
    return output


def join_runs(paths: Sequence[Path], output: Path) -> RunFolder:
    """Makes one run of several: their networks and results, with figures and a report of all.

    The sheet of example images is that of the first run that has one.

    Args:
      paths: folders of runs that differ only in their networks and measures.
      output: the new run's folder, which appears when all its files are complete.

    Returns:
      The new run's files.

    Raises:
      ConfigurationError: `output` is a file or holds files, a folder of `paths` holds no run, a
        file in it cannot be read, or the runs differ in more than their networks and measures.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ConfigurationError(
            f"--output {output}: is a file or holds files; name a new or empty folder."
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    place = output.absolute()  # "." has neither a name nor a parent
    with tempfile.TemporaryDirectory(prefix=f"{place.name}.incomplete.", dir=place.parent) as new:
        folder = RunFolder(Path(new) / place.name)
        folder.path.mkdir()
        run = write_joined(paths, folder)
        drawn = {}
        if len(run.table):
            units = read_unit_values(folder.unit_values)
            drawn = figures.draw_all(run.table, run.units, METRICS, units)
        figures.save(drawn, folder.figures)
        sheets = [path for path in paths if (RunFolder(path).figures / "images.png").exists()]
        for sheet in RunFolder(sheets[0]).figures.glob("images.*") if sheets else ():
            shutil.copy(sheet, folder.figures)
        write_report(folder.path, drawn)
        folder.path.rename(place)
    return RunFolder(output)


def command_of(config: Mapping[str, Any]) -> str:
    """The command that reproduces a run, from the content of its `config.json`."""
    dataset = config.get("dataset", "digits")
    defaults = to_json(defaults_of(dataset)) | {"dataset": "digits"}
    words = ["python", "experiments/sweep.py"]
    for name, value in config.items():
        if value == defaults.get(name):
            continue
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{name.replace('_', '-')}")
        elif name == DEVICES_PER_BATCH:
            words += ["--mesh", f"1x{value}"]
        else:
            words += [flag, *map(str, value if isinstance(value, list) else [value])]
    command = shlex.join(words)
    has_archive = dataset in DATASETS and not DATASETS[dataset].is_embedded
    return f"{command} --archives ARCHIVES" if has_archive else command


def _pictures(
    paths: Sequence[Path],
    run: RecordedRun,
    drawn: Mapping[str, Figure] | None,
    metrics: Mapping[str, str],
) -> list[Picture]:
    saved = RunFolder(paths[0]).figures
    if drawn is None:
        unit_values = joined(*(read_unit_values(RunFolder(path).unit_values) for path in paths))
        drawn = (
            figures.draw_all(run.table, run.units, metrics, unit_values) if len(run.table) else {}
        )
        pictures = [picture_of(name, figure) for name, figure in drawn.items()]
    else:
        pictures = [
            picture_of(name, figure, (saved / f"{name}.png").read_bytes())
            for name, figure in drawn.items()
        ]
    sheet = saved / "images.png"
    # It needs the networks, so it is drawn only at the end of a sweep.
    if "images" not in drawn and sheet.exists():
        pictures.append(image_sheet_picture(sheet.read_bytes()))
    return pictures


def _progress(run: RecordedRun) -> Progress:
    wanted = {"clean", *run.config["measures"]}
    measured = [set(run.measured.get(network, ())) for network in run.networks]
    kinds = collections.Counter(network._replace(seed=0) for network in run.networks)
    seeds = sorted(kinds.values())
    ends = sorted({*seeds[:1], *seeds[-1:]})
    return Progress(
        wanted=len(run.networks),
        measured=sum(wanted <= of_network for of_network in measured),
        diverged=sum("diverged" in of_network for of_network in measured),
        begun=sum("clean" in of_network for of_network in measured),
        seeds=" to ".join(map(str, ends)) + (" seed" if ends == [1] else " seeds"),
    )
