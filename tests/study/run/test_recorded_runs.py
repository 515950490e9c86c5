"""Several runs joined into one, also of several training methods."""

import json

import pandas as pd
import pytest

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.run.networks import NetworkId
from selectax.study.run.recorded_runs import read_runs
from tests.study.planted import planted_table, write_run


def of_method(folder, training, strengths, **config):
    """A run of one alpha and seed, and of several strengths."""
    tables = [
        planted_table(alphas=(0.0,), seeds=1).assign(training=training, training_strength=strength)
        for strength in strengths
    ]
    given = {"alpha": [0.0], "seeds": 1, "training_method": training, **config}
    table = pd.concat(tables, ignore_index=True)
    return write_run(folder, table, training_strength=list(strengths), **given)


def test_runs_of_several_methods_are_joined(tmp_path):
    standard = of_method(tmp_path / "one", "standard", (0.0,))
    weak = of_method(tmp_path / "two", "adversarial", (1.0,), adversarial_steps=3)
    strong = of_method(tmp_path / "three", "adversarial", (4.0, 8.0), adversarial_steps=3)
    run = read_runs([standard, weak, strong])
    assert run.networks == [
        NetworkId(0.0, 0),
        *(NetworkId(0.0, 0, "adversarial", strength) for strength in (1.0, 4.0, 8.0)),
    ]
    assert set(run.table["training_strength"]) == {0.0, 1.0, 4.0, 8.0}
    assert run.config["training_method"] == ["standard", "adversarial"]
    assert run.config["adversarial_steps"] == 3
    assert [
        (config["training_method"], config["training_strength"], config["adversarial_steps"])
        for config in run.configs
    ] == [("standard", [0.0], 7), ("adversarial", [1.0, 4.0, 8.0], 3)]


def test_runs_of_one_method_with_other_options_are_not_joined(tmp_path):
    runs = [
        of_method(tmp_path / "one", "standard", (0.0,)),
        of_method(tmp_path / "two", "adversarial", (1.0,), adversarial_steps=3),
        of_method(tmp_path / "three", "adversarial", (2.0,), adversarial_steps=4),
    ]
    with pytest.raises(ConfigurationError, match=r"differ in adversarial steps \(3 and 4\)"):
        read_runs(runs)


def test_a_run_of_an_earlier_version_is_joined_with_one_of_today(tmp_path):
    """It names no training method."""
    table = planted_table(alphas=(0.0,), seeds=2)
    first = of_method(tmp_path / "one", "standard", (0.0,))
    second = write_run(tmp_path / "two", table[table["seed"] == 1], alpha=[0.0], seeds=1)
    config = json.loads((second / "config.json").read_text()) | {"first_seed": 1}
    for name in ("training_method", "training_strength", "adversarial_steps"):
        del config[name]
    (second / "config.json").write_text(json.dumps(config))
    assert read_runs([first, second]).networks == [NetworkId(0.0, 0), NetworkId(0.0, 1)]


def test_runs_with_other_devices_for_each_batch_are_not_joined(tmp_path):
    """Runs of earlier versions did not record them."""
    early = of_method(tmp_path / "early", "standard", (0.0,))
    two, four = (
        of_method(tmp_path / f"{devices}", "standard", (0.0,), devices_per_batch=devices)
        for devices in (2, 4)
    )
    assert read_runs([early, two]).config["devices_per_batch"] == 2
    with pytest.raises(ConfigurationError, match=r"number of devices for each batch \(2 and 4\)"):
        read_runs([two, early, four])
