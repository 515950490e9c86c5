"""How many networks are measured at a time."""

import types

import numpy as np
import pytest

from selectax.study import measuring_loop
from selectax.study.measures.measurement import Measured
from selectax.study.run.networks import NetworkId
from selectax.study.runtime import hosts as runtime_hosts

CPU, GPU = (types.SimpleNamespace(platform=platform) for platform in ("cpu", "gpu"))


@pytest.mark.parametrize(
    ("devices", "hosts", "expected"),
    [
        ([CPU], 1, [[1], [2, 3], [4, 5], [6]]),  # the first one compiles for all
        ([CPU], 2, [[1, 2], [3, 4, 5, 6]]),
        ([GPU], 1, [[1], [2], [3], [4], [5], [6]]),
        ([GPU, GPU], 2, [[1, 2, 3, 4], [5, 6]]),
    ],
)
def test_each_host_measures_one_on_each_device_or_two_on_a_cpu(
    devices, hosts, expected, monkeypatch
):
    monkeypatch.setattr(measuring_loop, "_ON_CPU", 2)
    monkeypatch.setattr(measuring_loop.jax, "process_count", lambda: hosts)
    assert list(measuring_loop._turns([1, 2, 3, 4, 5, 6], devices)) == expected


def test_warnings_and_units_of_other_hosts_arrive_with_their_rows(monkeypatch):
    """As the first of two hosts sees them; the second one sends the same of other networks."""

    def of_both(array):
        sent = np.frombuffer(array.tobytes().replace(b"[1.0", b"[2.0"), array.dtype)
        return np.stack([array, sent.reshape(array.shape)])

    monkeypatch.setattr(runtime_hosts.jax, "process_count", lambda: 2)
    monkeypatch.setattr(runtime_hosts.multihost_utils, "process_allgather", of_both)
    one, two = (NetworkId(alpha, 0) for alpha in (1.0, 2.0))
    rows = [{"metric": "accuracy", "value": np.float32(0.5)}]
    units = {"class_selectivity": {"stem": np.array([0.25, 1], np.float32)}}
    measured = Measured("attacks", rows, ("mind the gradients.",), units)
    (first, of_first), (second, of_second) = measuring_loop._of_all_hosts([(one, measured)])
    assert (first, second) == (one, two)
    for found in (of_first, of_second):
        assert found == measured._replace(units={"class_selectivity": {"stem": [0.25, 1]}})
