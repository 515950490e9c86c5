"""The network that each row of a results table belongs to."""

import numpy as np

from selectax.study.run import results
from selectax.study.run.networks import UNKNOWN_ALPHA, NetworkId, network_of, owners_of


def test_each_row_has_the_network_that_it_names():
    generator = np.random.default_rng(0)
    rows = [
        {
            "dataset": "digits",
            "model": "resnet8",
            "alpha": (UNKNOWN_ALPHA, -1.0, 0.0, 2.5)[generator.integers(4)],
            "seed": int(generator.integers(2)),
            "training": ("standard", "augmix")[generator.integers(2)],
            "training_strength": float(generator.integers(2)),
            "epoch": epoch,
            "metric": "accuracy",
            "value": 0.5,
        }
        for epoch in range(60)
    ]
    table = results.table(rows).sample(frac=1, random_state=0)
    owners = owners_of(table)
    assert owners == [network_of(row) for row in table.to_dict("records")]
    assert all(type(part) in (float, int, str) for owner in owners for part in owner)
    assert len(set(owners)) > 16  # of 4 alphas, 2 seeds, 2 methods and 2 strengths
    assert owners_of(table[:0]) == []


def test_an_unknown_alpha_is_the_same_network_again():
    assert network_of({"alpha": None, "seed": 3}) == network_of({"alpha": float("nan"), "seed": 3})
    assert network_of({"alpha": None, "seed": 3}) == NetworkId(UNKNOWN_ALPHA, 3)
