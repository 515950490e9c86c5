"""Live curves: what is drawn after each epoch, and that a run that goes on doubles none of it."""

import csv
import itertools

import numpy as np
import pytest

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.run.curves import FIGURES, join_curves, open_curves
from selectax.study.run.folder import RunFolder
from selectax.study.run.networks import NetworkId

NETWORKS = [NetworkId(-1.0, 0), NetworkId(0.1, 3)]
OTHERS = [NetworkId(2.0, 0)]


def figures_at(epoch, networks=NETWORKS, offset=0.0):
    """Of each figure, a value for each network that tells all of them and all epochs apart."""
    return {
        name: np.float32(epoch + offset) + np.arange(len(networks), dtype=np.float32) / 8 + number
        for number, name in enumerate(FIGURES)
    }


def draw_epochs(kind, folder, epochs, *, begun, networks=NETWORKS, offset=0.0):
    with open_curves(kind, folder, networks, begun) as draw:
        for epoch in epochs:
            draw(epoch, figures_at(epoch, networks, offset))


def rows(folder):
    with folder.curves_csv.open(newline="") as file:
        return [
            {name: cell if name == "training" else float(cell) for name, cell in row.items()}
            for row in csv.DictReader(file)
        ]


def expected(epochs, networks=NETWORKS):
    return [
        {
            **network._asdict(),
            "epoch": epoch,
            **{name: values[at] for name, values in figures_at(epoch, networks).items()},
        }
        for epoch in epochs
        for at, network in enumerate(networks)
    ]


def test_without_curves_nothing_is_written(tmp_path):
    draw_epochs("none", RunFolder(tmp_path), [1, 2], begun=0)
    assert not list(tmp_path.iterdir())


def test_csv_has_a_row_for_each_network_and_epoch_as_soon_as_it_is_told(tmp_path):
    folder = RunFolder(tmp_path)
    with open_curves("csv", folder, NETWORKS, 0) as draw:
        for epoch in (1, 2):
            draw(epoch, figures_at(epoch))
            assert rows(folder) == expected(range(1, epoch + 1))
    assert [path.name for path in tmp_path.iterdir()] == ["curves.csv"]


def test_a_run_that_goes_on_doubles_no_epoch_in_csv(tmp_path):
    folder = RunFolder(tmp_path)
    # The third epoch was drawn, and its checkpoint was not written any more.
    draw_epochs("csv", folder, [1, 2], begun=0)
    draw_epochs("csv", folder, [3], begun=2, offset=100)
    draw_epochs("csv", folder, [3, 4], begun=2)
    assert rows(folder) == expected([1, 2, 3, 4])


def test_curves_of_other_networks_of_the_run_stay(tmp_path):
    folder = RunFolder(tmp_path)
    draw_epochs("csv", folder, [1, 2], begun=0)
    draw_epochs("csv", folder, [1], begun=0, networks=OTHERS)
    assert rows(folder) == expected([1, 2]) + expected([1], OTHERS)


def test_networks_of_other_strengths_are_kept_apart(tmp_path):
    folder = RunFolder(tmp_path)
    weak, strong = ([NetworkId(0.0, 0, "adversarial", strength)] for strength in (1.0, 2.0))
    draw_epochs("csv", folder, [1, 2], begun=0, networks=weak)
    draw_epochs("csv", folder, [1], begun=0, networks=strong)
    assert rows(folder) == expected([1, 2], weak) + expected([1], strong)


def test_curves_of_an_earlier_version_are_continued(tmp_path):
    folder = RunFolder(tmp_path)
    draw_epochs("csv", folder, [1], begun=0)
    now = folder.curves_csv.read_text()
    before = now.replace("training,training_strength,", "").replace("standard,0.0,", "")
    assert before != now
    folder.curves_csv.write_text(before)
    draw_epochs("csv", folder, [2], begun=1)
    assert rows(folder) == expected([1, 2])


def test_half_a_line_after_a_kill_is_dropped_wherever_it_ends(tmp_path):
    folder = RunFolder(tmp_path)
    draw_epochs("csv", folder, [1, 2], begun=0)
    whole = folder.curves_csv.read_text()
    last = whole.rindex("\n", 0, -1) + 1
    for length in range(last, len(whole)):
        folder.curves_csv.write_text(whole[:length])
        draw_epochs("csv", folder, [2], begun=1)
        assert rows(folder) == expected([1, 2])


def test_a_file_without_a_whole_line_is_begun_anew(tmp_path):
    folder = RunFolder(tmp_path)
    for content in ("", "alpha,se"):
        folder.curves_csv.write_text(content)
        draw_epochs("csv", folder, [2], begun=1)
        assert rows(folder) == expected([2])


def test_networks_that_diverged_have_nan(tmp_path):
    folder = RunFolder(tmp_path)
    with open_curves("csv", folder, NETWORKS, 0) as draw:
        draw(1, figures_at(1) | {"loss": np.array([np.nan, 1], np.float32)})
    first, second = rows(folder)
    assert np.isnan(first["loss"])
    assert second["loss"] == 1


def test_joined_runs_have_each_network_and_epoch_once_in_csv(tmp_path):
    one, half, other = (RunFolder(tmp_path / name) for name in ("one", "half", "other"))
    joined = RunFolder(tmp_path / "joined")
    for folder in (one, half, other, joined):
        folder.path.mkdir()
    draw_epochs("csv", half, [1], begun=0)
    draw_epochs("csv", one, [1, 2], begun=0)
    draw_epochs("csv", other, [1], begun=0, networks=OTHERS)
    join_curves([half, one, other], joined)
    assert rows(joined) == expected([1, 2]) + expected([1], OTHERS)
    draw_epochs("csv", joined, [2], begun=1, networks=OTHERS)
    assert rows(joined)[-1] == expected([2], OTHERS)[0]


def test_joined_runs_without_curves_have_none(tmp_path):
    join_curves([RunFolder(tmp_path / "one")], RunFolder(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "alpha,seed,epoch\n0,one,1\n", "alpha\n0\n"])
def test_a_file_that_is_no_table_of_curves_is_told(content, tmp_path):
    folder = RunFolder(tmp_path)
    folder.curves_csv.write_text(content)
    with pytest.raises(ConfigurationError, match=r"curves\.csv: is no table of training curves"):
        draw_epochs("csv", folder, [1], begun=0)
    assert folder.curves_csv.read_text() == content


def scalars(folder, network):
    """Of each figure, epochs and values as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    place = folder.curves_of_tensorboard / network
    accumulator = EventAccumulator(str(place), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {
        name: [(event.step, event.value) for event in accumulator.Scalars(name)]
        for name in accumulator.Tags()["scalars"]
    }


@pytest.mark.slow
def test_tensorboard_reads_a_run_of_each_network(tmp_path):
    folder = RunFolder(tmp_path)
    draw_epochs("tensorboard", folder, [1, 2], begun=0)
    names = {"alpha_-1_seed_0", "alpha_0.1_seed_3"}
    assert {path.name for path in folder.curves_of_tensorboard.iterdir()} == names
    for at, network in enumerate(["alpha_-1_seed_0", "alpha_0.1_seed_3"]):
        assert scalars(folder, network) == {
            name: [(epoch, figures_at(epoch)[name][at]) for epoch in (1, 2)] for name in FIGURES
        }


@pytest.mark.slow
def test_a_run_that_goes_on_doubles_no_epoch_for_tensorboard(tmp_path, monkeypatch):
    from tensorboardX import event_file_writer

    # Files are named by the second, and read in that order.
    seconds = itertools.count(1_700_000_000)
    monkeypatch.setattr(event_file_writer.time, "time", lambda: next(seconds))
    folder = RunFolder(tmp_path)
    draw_epochs("tensorboard", folder, [1, 2], begun=0)
    draw_epochs("tensorboard", folder, [3], begun=2, offset=100)
    draw_epochs("tensorboard", folder, [3, 4], begun=2)
    found = scalars(folder, "alpha_0.1_seed_3")
    assert found == {
        name: [(epoch, figures_at(epoch)[name][1]) for epoch in (1, 2, 3, 4)] for name in FIGURES
    }


def test_an_event_file_holds_a_record_for_each_figure(tmp_path):
    """Read without TensorBoard, by the format's own lengths."""
    folder = RunFolder(tmp_path)
    draw_epochs("tensorboard", folder, [1, 2], begun=0)
    from tensorboardX.proto.event_pb2 import Event

    (path,) = (folder.curves_of_tensorboard / "alpha_-1_seed_0").iterdir()
    content, found = path.read_bytes(), []
    while content:
        length = int.from_bytes(content[:8], "little")
        event = Event.FromString(content[12 : 12 + length])
        found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
        content = content[16 + length :]
    assert found == [
        (epoch, name, figures_at(epoch)[name][0]) for epoch in (1, 2) for name in FIGURES
    ]


@pytest.mark.slow
def test_joined_runs_have_the_curves_of_all_for_tensorboard(tmp_path):
    one, other = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "other")
    draw_epochs("tensorboard", one, [1, 2], begun=0)
    draw_epochs("tensorboard", other, [1], begun=0, networks=OTHERS)
    joined = RunFolder(tmp_path / "joined")
    join_curves([one, other], joined)
    for folder in (one, other):
        for place in folder.curves_of_tensorboard.iterdir():
            assert scalars(joined, place.name) == scalars(folder, place.name)
    assert len(list(joined.curves_of_tensorboard.iterdir())) == 3
