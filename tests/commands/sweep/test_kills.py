"""A sweep that is killed again and again ends with the table of one that was left alone."""

import time

import numpy as np
import pandas as pd
import pytest

from selectax.study.run import results
from tests.commands.sweep.processes import finished, start

pytestmark = pytest.mark.slow

KILLS, EPOCHS = 3, 15
ARGUMENTS = ("--mesh", "1x1", "--input", "stream")


def test_kills_at_random_moments_leave_no_trace(tmp_path):
    generator = np.random.default_rng(0)
    finished([start("--output", tmp_path / "undisturbed", *ARGUMENTS, devices=1, epochs=EPOCHS)])
    moments, folder = [], tmp_path / "killed"
    for _ in range(KILLS):
        process = start("--output", folder, *ARGUMENTS, "--resume", devices=1, epochs=EPOCHS)
        # While it starts and compiles, or somewhat after the news of its second or third epoch: by
        # then, its first one is kept even on a slow machine.
        news = int(generator.choice([0, 2, 3]))
        told = [process.stdout.readline() for _ in range(news)]
        time.sleep(generator.uniform(0, 0.4 if news else 8))
        moments.append((told[-1].split("  ")[0] if told else "", process.poll()))
        process.kill()
        process.communicate()
    assert all(code is None for _, code in moments), moments
    finished([start("--output", folder, *ARGUMENTS, "--resume", devices=1, epochs=EPOCHS)])
    expected = results.load(tmp_path / "undisturbed" / "results.csv")
    pd.testing.assert_frame_equal(results.load(folder / "results.csv"), expected)
    assert len({told for told, _ in moments}) > 2, moments
