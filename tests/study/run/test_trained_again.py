"""Which rows are of another training of a network."""

import numpy as np
import pandas as pd
import pytest

from selectax.study.run import results
from selectax.study.run.networks import NetworkId
from selectax.study.run.trained_again import Training, trained_otherwise, without
from selectax.study.run.unit_values import joined, unit_table

NETWORK, OTHER = NetworkId(0.5, 1), NetworkId(0.5, 2)
TRAINING = Training(2, np.float32([0.7, 0.1, np.nan]), np.float32([0.3, 0.9, 0.1]))


def table_of(training, network=NETWORK, epoch=2, with_training=True):
    whose = {"dataset": "digits", "model": "resnet8", **network._asdict()}
    rows = [{"epoch": epoch, "metric": "accuracy", "value": 0.5}]
    rows += training.rows() if with_training else []
    return results.table([{**whose, **row} for row in rows])


def test_rows_of_the_same_training_are_known_from_the_file(tmp_path):
    for name in ("table.csv", "table.parquet"):
        results.save(tmp_path / name, table_of(TRAINING))
        assert trained_otherwise(results.load(tmp_path / name), {NETWORK: TRAINING}) == []


def test_another_best_epoch_and_the_least_difference_of_an_epoch_are_found():
    table = results.merge(table_of(TRAINING), table_of(TRAINING, OTHER, epoch=3))
    assert trained_otherwise(table, {NETWORK: TRAINING, OTHER: TRAINING}) == [OTHER]
    assert trained_otherwise(table, {NETWORK: TRAINING._replace(best_epoch=1)}) == [NETWORK]
    for name in ("loss", "accuracy"):
        values = getattr(TRAINING, name).copy()
        values[1] = np.nextafter(values[1], np.float32(1))
        assert trained_otherwise(table, {NETWORK: TRAINING._replace(**{name: values})}) == [NETWORK]


@pytest.mark.parametrize(("epoch", "differs"), [(2, False), (3, True)])
def test_without_rows_of_epochs_the_best_epoch_counts(epoch, differs):
    table = table_of(TRAINING, epoch=epoch, with_training=False)
    assert trained_otherwise(table, {NETWORK: TRAINING, OTHER: TRAINING}) == [NETWORK] * differs


def test_rows_and_units_of_the_other_networks_stay():
    mine, others = table_of(TRAINING), table_of(TRAINING, OTHER)
    table = results.merge(mine, others)
    pd.testing.assert_frame_equal(without(table, [NETWORK]), others)
    assert without(table, []) is table
    units = {"class_selectivity": {"first": np.float32([0.5, 0.25])}}
    of_mine, of_others = unit_table(NETWORK, units), unit_table(OTHER, units)
    pd.testing.assert_frame_equal(without(joined(of_mine, of_others), [NETWORK]), of_others)
