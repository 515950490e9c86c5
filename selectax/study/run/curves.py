"""Training curves: metrics of each network after each epoch, as CSV or for TensorBoard."""

import csv
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.run.folder import RunFolder
from selectax.study.run.networks import NetworkId, network_of
from selectax.study.runtime.whole_files import whole_file

FIGURES = ("loss", "accuracy", "validation_accuracy", "selectivity")
_HEADER = (*NetworkId._fields, "epoch", *FIGURES)
# Takes the number of an epoch, counted from 1, and the values of each metric for all networks.
Draw = Callable[[int, Mapping[str, Sequence[float]]], None]


@contextmanager
def open_curves(
    kind: Literal["none", "csv", "tensorboard"],
    folder: RunFolder,
    networks: Sequence[NetworkId],
    begun: int,
) -> Iterator[Draw]:
    """Starts the training curves of a group of networks, or continues them after a restart.

    Args:
      kind: format of the curves; "none" writes nothing.
      folder: folder of the run.
      networks: the networks, in the order of the values.
      begun: number of completed epochs; values of later epochs are dropped.

    Yields:
      A function that writes the metrics of one epoch.
    """
    opened = {"none": _none, "csv": _csv, "tensorboard": _tensorboard}[kind]
    with opened(folder, networks, begun) as draw:
        yield draw


def join_curves(runs: Sequence[RunFolder], folder: RunFolder) -> None:
    """Copies the training curves of several runs into the folder of one.

    Runs of the same networks draw the same curves. In CSV each epoch is there once; for TensorBoard
    all files are copied, and it draws their points on top of each other.

    Raises:
      ConfigurationError: a run's `curves.csv` cannot be read.
    """
    rows = {key: row for run in runs for key, row in _read(run.curves_csv).items()}
    if rows:
        _write(folder.curves_csv, rows.values())
    for run in runs:
        if run.curves_of_tensorboard.is_dir():
            shutil.copytree(
                run.curves_of_tensorboard, folder.curves_of_tensorboard, dirs_exist_ok=True
            )


@contextmanager
def _none(folder, networks, begun):
    yield lambda epoch, figures: None


@contextmanager
def _csv(folder, networks, begun):
    path = folder.curves_csv
    known = _read(path).items()
    _write(path, [row for (one, epoch), row in known if epoch <= begun or one not in networks])
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")

        def draw(epoch, figures):
            columns = [map(float, figures[name]) for name in FIGURES]
            for network, *values in zip(networks, *columns, strict=True):
                writer.writerow([*network, epoch, *values])
            file.flush()

        yield draw


def _write(path: Path, rows: Iterable[Sequence[str]]) -> None:
    with whole_file(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([_HEADER, *rows])


def _read(path: Path) -> dict[tuple[NetworkId, int], list[str]]:
    """All whole rows, by network and epoch; earlier versions do not tell the training method."""
    if not path.exists():
        return {}
    rows = {}
    try:
        with path.open(newline="") as file:
            # The last line may be incomplete if the process was killed.
            for row in csv.DictReader(line for line in file if line.endswith("\n")):
                row = {"training": "standard", "training_strength": "0.0", **row}
                rows[network_of(row), int(row["epoch"])] = [row[name] for name in _HEADER]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ConfigurationError(
            f"{path}: is no table of training curves ({error!r}); remove it to go on without it."
        ) from error
    return rows


@contextmanager
def _tensorboard(folder, networks, begun):
    from tensorboardX import SummaryWriter

    # TensorBoard then ignores values of later epochs in earlier event files.
    options = {"purge_step": begun + 1}
    with ExitStack() as stack:
        writers = []
        for network in networks:
            place = folder.curves_of_tensorboard / str(network).replace(" ", "_")
            writers.append(stack.enter_context(SummaryWriter(str(place), **options)))

        def draw(epoch, figures):
            for at, writer in enumerate(writers):
                for name in FIGURES:
                    writer.add_scalar(name, float(figures[name][at]), epoch)
                writer.flush()

        yield draw
