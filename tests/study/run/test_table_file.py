"""A growing table is on disk a few seconds later, and whatever ends the work."""

import pandas as pd
import pytest

from selectax.study.run import results, table_file
from selectax.study.run.table_file import growing_table

WHOSE = {"dataset": "digits", "model": "resnet8", "alpha": 0.0, "epoch": 1, "metric": "accuracy"}


def rows(seed):
    return [{**WHOSE, "seed": seed, "value": 0.5}]


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(table_file.time, "monotonic", lambda: now[0])
    return now


def seeds_in(path):
    return results.load(path)["seed"].tolist()


def test_it_is_written_after_a_few_seconds(tmp_path, clock):
    path = tmp_path / "results.csv"
    with growing_table(path, results.table(rows(0))) as growing:
        growing.add(rows(1))
        assert not path.exists()
        clock[0] += 5
        growing.add(rows(2))
        assert seeds_in(path) == [0, 1, 2]
        clock[0] += 4.9
        growing.add(rows(3))
        assert seeds_in(path) == [0, 1, 2]
    assert seeds_in(path) == [0, 1, 2, 3]
    pd.testing.assert_frame_equal(growing.table, results.load(path))


def test_a_large_table_is_written_less_often(tmp_path, clock, monkeypatch):
    path, save = tmp_path / "results.csv", results.save

    def slow_save(*arguments):
        save(*arguments)
        clock[0] += 3

    monkeypatch.setattr(results, "save", slow_save)
    with growing_table(path, results.table([])) as growing:
        clock[0] += 5
        growing.add(rows(1))
        clock[0] += 59
        growing.add(rows(2))
        assert seeds_in(path) == [1]
        clock[0] += 1
        growing.add(rows(3))
        assert seeds_in(path) == [1, 2, 3]


def test_it_is_written_when_the_work_is_interrupted(tmp_path, clock):
    path = tmp_path / "results.csv"

    def work():
        with growing_table(path, results.table([])) as growing:
            growing.add(rows(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert seeds_in(path) == [1]


def test_other_hosts_write_nothing(tmp_path, clock):
    with growing_table(None, results.table([])) as growing:
        growing.add(rows(1))
    assert growing.table["seed"].tolist() == [1]


def test_the_same_measurement_twice_is_refused(tmp_path, clock):
    with (
        pytest.raises(ValueError, match="same measurement"),
        growing_table(tmp_path / "results.csv", results.table(rows(1))) as growing,
    ):
        growing.add(rows(1))
