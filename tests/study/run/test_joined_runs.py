"""The folder of one run made of several: its networks, rows and settings."""

import json

import pandas as pd
import pytest

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.run import results
from selectax.study.run.curves import FIGURES, open_curves
from selectax.study.run.folder import RunFolder
from selectax.study.run.joined_runs import write_joined
from selectax.study.run.networks import (
    NetworkId,
    read_groups,
    read_measured,
    record_of,
)
from selectax.study.run.recorded_runs import read_runs
from selectax.study.run.unit_values import read_unit_values, unit_table, write_unit_values
from tests.study.planted import planted_table, write_run

ALPHAS = (-1.0, 0.0)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "joined").mkdir()
    return RunFolder(tmp_path / "joined")


def of_seed(path, table, seed):
    """A run of both alphas and one seed, with values of units."""
    rows = table[table["seed"] == seed]
    given = {"alpha": list(ALPHAS), "seeds": 1, "first_seed": seed}
    run = RunFolder(write_run(path, rows, **given))
    group = [NetworkId(alpha, seed)._asdict() for alpha in ALPHAS]
    measured, _ = read_measured(run, results.load(run.results))
    record = {"groups": [group], "measured": record_of(measured)}
    run.networks.write_text(json.dumps(record))
    units = {"class_selectivity": {"first": [0.1, seed / 10]}}
    write_unit_values(run.unit_values, unit_table(NetworkId(0.0, seed), units))
    with open_curves("csv", run, [NetworkId(0.0, seed)], 0) as draw:
        draw(1, {name: [seed / 10] for name in FIGURES})
    return run


def test_it_holds_what_a_run_of_all_networks_holds(tmp_path, folder):
    table = planted_table(alphas=ALPHAS, seeds=3)
    runs = [of_seed(tmp_path / str(seed), table, seed) for seed in range(3)]
    written = write_joined([run.path for run in runs], folder)
    pd.testing.assert_frame_equal(written.table, table)
    for path in (folder.results, folder.results_in_parquet):
        pd.testing.assert_frame_equal(results.load(path), table)
    assert read_groups(folder) == [[NetworkId(alpha, n) for alpha in ALPHAS] for n in range(3)]
    record, whole = read_measured(folder, table)
    assert len(whole) == len(table)
    assert {network.seed for network in record} == {0, 1, 2}
    assert all(one.measures == record[NetworkId(-1.0, 0)].measures for one in record.values())
    units = read_unit_values(folder.unit_values)
    assert units["value"].tolist() == pytest.approx([0.1, 0, 0.1, 0.1, 0.1, 0.2])
    assert pd.read_csv(folder.curves_csv)["loss"].tolist() == [0, 0.1, 0.2]
    config = json.loads(folder.config.read_text())
    assert (config["seeds"], config["first_seed"], config["alpha"]) == (3, 0, list(ALPHAS))
    assert read_runs([folder.path]).images == {"training": 13_500}
    assert json.loads(folder.layers.read_text()) == json.loads(runs[0].layers.read_text())


def test_runs_that_share_a_network_have_it_once(tmp_path, folder):
    table = planted_table(alphas=ALPHAS, seeds=2)
    first, second = (of_seed(tmp_path / str(seed), table, seed) for seed in range(2))
    both = write_run(tmp_path / "both", table, alpha=list(ALPHAS), seeds=2)
    write_joined([first.path, both, second.path], folder)
    groups = read_groups(folder)
    assert [len(group) for group in groups] == [2, 2]
    assert len({network for group in groups for network in group}) == 4
    pd.testing.assert_frame_equal(results.load(folder.results), table)


def test_rows_that_no_record_tells_of_are_left_out(tmp_path, folder):
    """As of a run that was killed between its table and its list of networks."""
    table = planted_table(alphas=ALPHAS, seeds=2)
    first, second = (of_seed(tmp_path / str(seed), table, seed) for seed in range(2))
    record = json.loads(second.networks.read_text())
    cut_off = record["measured"][0]
    cut_off["rows"] -= 1
    second.networks.write_text(json.dumps(record))
    write_joined([first.path, second.path], folder)
    found = results.load(folder.results)
    assert len(found) == len(table) - (cut_off["rows"] + 1)
    assert len(read_groups(folder)) == 2
    assert NetworkId(cut_off["alpha"], 1) not in read_measured(folder, found)[0]


def test_runs_of_several_training_methods_are_refused(tmp_path, folder):
    table = planted_table(alphas=(0.0,), seeds=1)
    standard = write_run(tmp_path / "one", table, alpha=[0.0], seeds=1)
    trained = table.assign(training="augmix", training_strength=1.0)
    given = {"training_method": "augmix", "training_strength": [1.0]}
    augmix = write_run(tmp_path / "two", trained, alpha=[0.0], seeds=1, **given)
    with pytest.raises(ConfigurationError, match="of the training methods standard and augmix"):
        write_joined([standard, augmix], folder)
    assert not list(folder.path.iterdir())
