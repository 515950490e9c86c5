"""A population over strengths of training: killed, resumed, on one device and on four.

Over alphas alone, test_kills.py and test_hosts.py say the same.
"""

import time

import pandas as pd
import pytest

from selectax.study.run import results
from tests.commands.sweep.processes import finished, start

pytestmark = pytest.mark.slow

STRENGTHS = (
    *("--training-method", "adversarial", "--training-strength", "0", "8"),
    *("--adversarial-steps", "2"),
)


def killed_and_resumed(folder, *arguments, devices):
    """The table of a sweep that is killed after its first checkpoint."""
    arguments = (*arguments, "--output", folder)
    process = start(*arguments, devices=devices)
    while not (folder / "checkpoints" / "4").is_dir():
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert not (folder / "results.csv").exists()
    (told,) = finished([start(*arguments, "--resume", devices=devices)])
    assert "epoch 1/3" not in told
    return results.load(folder / "results.csv"), told


def test_one_and_four_devices_resumed_after_a_kill_give_the_table_of_an_undisturbed_run(tmp_path):
    whole = tmp_path / "whole"
    finished([start(*STRENGTHS, "--output", whole, "--mesh", "1x1", devices=1)])
    expected = results.load(whole / "results.csv")
    assert set(expected["training"]) == {"adversarial"}
    assert set(expected["training_strength"]) == {0.0, 8.0}
    found, told = killed_and_resumed(tmp_path / "one", *STRENGTHS, "--mesh", "1x1", devices=1)
    pd.testing.assert_frame_equal(found, expected)
    assert "alpha 2 seed 1 adversarial 8" in told
    of_four, _ = killed_and_resumed(tmp_path / "four", *STRENGTHS, "--mesh", "2x2", devices=4)
    pd.testing.assert_frame_equal(of_four, expected, rtol=2e-3, atol=2e-4)
