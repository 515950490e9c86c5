"""How many networks a device trains side by side."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from selectax.study import plan
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.options import RunOptions
from selectax.study.plan import models_at_a_time


@pytest.fixture
def accelerator(monkeypatch):
    """A device with 1,000 bytes, 200 of them taken, of which one network takes 100."""
    statistics = {"bytes_limit": 1000, "bytes_in_use": 200}
    device = SimpleNamespace(memory_stats=lambda: statistics)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "local_devices", lambda: [device])
    monkeypatch.setattr(plan, "bytes_of_one", lambda _: 100)
    return statistics


def planned(mesh=None, **options):
    return SimpleNamespace(mesh=mesh, config=SweepConfig(run=RunOptions(**options)))


def test_as_many_as_its_memory_holds(accelerator):
    assert models_at_a_time(planned(), 20) == 6
    assert models_at_a_time(planned(), 4) == 4
    accelerator["bytes_in_use"] = 990
    assert models_at_a_time(planned(), 20) == 1
    accelerator.clear()
    assert models_at_a_time(planned(), 20) == 20


def test_of_a_mesh_each_device_has_its_own(accelerator, four_devices):
    mesh = Mesh(np.array(four_devices).reshape(4, 1), ("model", "data"))
    assert models_at_a_time(planned(mesh), 20) == 5
    assert models_at_a_time(planned(mesh), 21) == 6


def test_as_asked_for_but_no_more_than_there_are(accelerator):
    assert models_at_a_time(planned(models_at_a_time=9), 20) == 9
    assert models_at_a_time(planned(models_at_a_time=9), 4) == 4


def test_one_on_the_cpu():
    assert models_at_a_time(planned(), 20) == 1
