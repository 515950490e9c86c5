"""Two processes with two devices each run one sweep: as one process would, and after a kill too."""

import time

import pandas as pd
import pytest

from selectax.study.run import results
from tests.commands.sweep.processes import PROGRAM, finished, start, start_hosts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def of_one_process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "one"
    finished([start("--output", folder, "--mesh", "1x1", devices=1)])
    return results.load(folder / "results.csv")


def test_two_hosts_give_the_table_of_one(of_one_process, tmp_path):
    first, second = finished(start_hosts(tmp_path / "run", "--mesh", "2x2", "--curves", "csv"))
    assert "Evaluating network 4/4" in first
    assert "Evaluating network" not in second
    # Of one host alone: a header, and 4 networks in 3 epochs.
    assert len((tmp_path / "run" / "curves.csv").read_text().splitlines()) == 1 + 4 * 3
    table = results.load(tmp_path / "run" / "results.csv")
    pd.testing.assert_frame_equal(table, of_one_process, rtol=2e-3, atol=2e-4)


def test_eight_devices_that_measure_side_by_side_give_the_table_of_one(of_one_process, tmp_path):
    # As on eight accelerators; attacks, which rounding may turn, are not among the measures.
    program = "from selectax.study import measuring_loop\nimport jax\n"
    program += "measuring_loop._measuring_devices = jax.local_devices\n" + PROGRAM
    where = ("--output", tmp_path / "run", "--mesh", "1x1")
    finished([start(*where, devices=8, program=program)])
    table = results.load(tmp_path / "run" / "results.csv")
    pd.testing.assert_frame_equal(table, of_one_process, rtol=1e-5, atol=1e-6)


def test_two_hosts_that_stream_and_are_killed_go_on(of_one_process, tmp_path):
    folder = tmp_path / "run=[1]"  # of which each host gives Orbax a link of its own
    arrangement = ("--mesh", "1x4", "--input", "stream")
    processes = start_hosts(folder, *arrangement)
    checkpoint = folder / "checkpoints" / "4"
    while not checkpoint.is_dir():
        assert all(process.poll() is None for process in processes)
        time.sleep(0.005)
    for process in processes:
        process.kill()
        process.communicate()
    assert not (folder / "results.csv").exists()
    first, _ = finished(start_hosts(folder, *arrangement, "--resume"))
    assert "epoch 1/3" not in first
    table = results.load(folder / "results.csv")
    pd.testing.assert_frame_equal(table, of_one_process, rtol=2e-3, atol=2e-4)
