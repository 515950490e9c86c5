"""Populations over alphas and over strengths: killed, resumed, on one device and on four."""

import time

import pandas as pd
import pytest

from selectax.study.run import results
from tests.commands.sweep.processes import finished, start

pytestmark = pytest.mark.slow

POPULATIONS = {
    "alphas": (),
    "strengths": (
        *("--training-method", "adversarial", "--training-strength", "0", "8"),
        *("--adversarial-steps", "2"),
    ),
}


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


@pytest.mark.parametrize("population", POPULATIONS)
def test_one_and_four_devices_resumed_after_a_kill_give_the_table_of_an_undisturbed_run(
    population, tmp_path
):
    arguments = POPULATIONS[population]
    whole = tmp_path / "whole"
    finished([start(*arguments, "--output", whole, "--mesh", "1x1", devices=1)])
    expected = results.load(whole / "results.csv")
    found, told = killed_and_resumed(tmp_path / "one", *arguments, "--mesh", "1x1", devices=1)
    pd.testing.assert_frame_equal(found, expected)
    of_four, _ = killed_and_resumed(tmp_path / "four", *arguments, "--mesh", "2x2", devices=4)
    pd.testing.assert_frame_equal(of_four, expected, rtol=2e-3, atol=2e-4)
    if population == "strengths":
        assert set(expected["training"]) == {"adversarial"}
        assert set(expected["training_strength"]) == {0.0, 8.0}
        assert "alpha 2 seed 1 adversarial 8" in told
