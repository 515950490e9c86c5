"""How many networks are measured at a time."""

import types

import pytest

from selectax.study import measuring_loop

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
