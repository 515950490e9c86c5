"""Eight devices, which need a process of their own, beside one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import xla

pytestmark = [pytest.mark.slow, pytest.mark.optimized]

PROGRAM = """
import jax, numpy as np
from tests.study.runtime.test_devices import TINY, assert_close, trained

with jax.enable_x64(True):
    options = {"recipe": TINY, "dtype": np.float64}
    expected = trained("1x1", 20, jax.devices(), **options)
    for layout in ("8x1", "2x4", "1x8"):
        assert_close(trained(layout, 20, jax.devices(), **options), expected, 1e-8)
expected = trained("1x1", 10, jax.devices(), recipe=TINY)
assert_close(trained("2x4", 10, jax.devices(), recipe=TINY), expected, 1e-4)
"""


def test_eight_devices_agree_with_one():
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "XLA_FLAGS": xla.flags(8),
        "JAX_PLATFORMS": "cpu",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
