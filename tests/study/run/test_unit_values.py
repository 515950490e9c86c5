"""Values of single units, on disk and joined."""

import numpy as np
import pandas as pd
import pytest

from selectax.study.configuration.errors import ConfigurationError
from selectax.study.run.networks import NetworkId
from selectax.study.run.unit_values import (
    joined,
    read_unit_values,
    unit_table,
    write_unit_values,
)

VALUES = {"class_selectivity": {"b": np.float32([0.5, 0.25]), "a": np.float32([1.0])}}


def test_each_unit_has_a_row():
    table = unit_table(NetworkId(-0.7, 3), VALUES)
    assert table.columns.tolist() == [
        *("alpha", "seed", "training", "training_strength", "metric", "layer", "unit", "value")
    ]
    assert table[["layer", "unit", "value"]].values.tolist() == [
        *(["a", 0, 1.0], ["b", 0, 0.5], ["b", 1, 0.25]),
    ]
    assert set(table["alpha"]) == {-0.7}
    assert set(table["seed"]) == {3}


def test_networks_of_other_strengths_are_kept_apart():
    weak, strong = (NetworkId(0.0, 0, "adversarial", strength) for strength in (1.0, 2.0))
    table = joined(unit_table(weak, VALUES), unit_table(strong, VALUES))
    assert table["training_strength"].tolist() == [1.0] * 3 + [2.0] * 3
    assert set(table["training"]) == {"adversarial"}


def test_a_table_of_an_earlier_version_is_of_standard_training(tmp_path):
    now = unit_table(NetworkId(0.5, 1), VALUES)
    before = now.drop(columns=["training", "training_strength"])
    before.to_parquet(tmp_path / "units.parquet", index=False)
    pd.testing.assert_frame_equal(read_unit_values(tmp_path / "units.parquet"), now)


def test_of_a_unit_that_two_tables_hold_the_last_counts():
    before = unit_table(NetworkId(0.0, 0), VALUES)
    after = unit_table(NetworkId(0.0, 0), {"class_selectivity": {"a": np.float32([0.125])}})
    values = joined(before, after)["value"].tolist()
    assert values == [0.125, 0.5, 0.25]


@pytest.mark.parametrize("damage", ["text", "cut", "zeros", "other columns", "other types"])
def test_a_damaged_file_is_refused_with_the_remedy(tmp_path, damage):
    path = tmp_path / "units.parquet"
    table = unit_table(NetworkId(0.0, 0), VALUES)
    write_unit_values(path, table)
    whole = path.read_bytes()
    if damage == "other columns":
        table.drop(columns="unit").to_parquet(path)
    elif damage == "other types":
        table.assign(seed="none").to_parquet(path)
    else:
        zeros = whole[:4] + bytes(600) + whole[604:]
        damaged = {"text": b"nothing of ours\n", "cut": whole[:600], "zeros": zeros}
        path.write_bytes(damaged[damage])
    with pytest.raises(ConfigurationError) as refused:
        read_unit_values(path)
    says = str(refused.value)
    assert says.startswith(f"{path}: is no table of values of units (")
    assert says.endswith("; remove it to go on without it.")
    assert "\n" not in says


def test_a_table_comes_back_as_it_was_and_nothing_from_nothing(tmp_path):
    table = joined(unit_table(NetworkId(0.0, 0), VALUES), unit_table(NetworkId(-1.0, 0), VALUES))
    write_unit_values(tmp_path / "units.parquet", table)
    pd.testing.assert_frame_equal(read_unit_values(tmp_path / "units.parquet"), table)
    write_unit_values(tmp_path / "none.parquet", joined())
    assert not (tmp_path / "none.parquet").exists()
    assert read_unit_values(tmp_path / "none.parquet").empty
