"""Training curves: metrics of each network after each epoch, as CSV or for TensorBoard."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

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


@contextmanager
def _none(folder, networks, begun):
    yield lambda epoch, figures: None


@contextmanager
def _csv(folder, networks, begun):
    path = folder.curves_csv
    kept = _rows_up_to(path, set(networks), begun)
    with whole_file(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([_HEADER, *kept])
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")

        def draw(epoch, figures):
            columns = [map(float, figures[name]) for name in FIGURES]
            for network, *values in zip(networks, *columns, strict=True):
                writer.writerow([*network, epoch, *values])
            file.flush()

        yield draw


def _rows_up_to(path: Path, networks: set[NetworkId], begun: int) -> list[list[str]]:
    """Rows of other networks, and rows of these networks up to epoch `begun`."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        # The last line may be incomplete if the process was killed.
        rows = list(csv.DictReader(line for line in file if line.endswith("\n")))
    kept = []
    for row in rows:
        row = {"training": "standard", "training_strength": "0.0", **row}
        if int(row["epoch"]) <= begun or network_of(row) not in networks:
            kept.append([row[name] for name in _HEADER])
    return kept


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
