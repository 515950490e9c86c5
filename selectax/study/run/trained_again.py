"""Drops the rows of networks that were trained again, with another result than their rows are of.

Without its checkpoints, as in the folder of joined runs, a network that lacks measures is trained
again. Its training may end differently on another machine, and its rows must be of one training.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from selectax.study.run import results
from selectax.study.run.networks import NetworkId, owners_of

_LOSS, _ACCURACY = "train_loss", "train_accuracy"


class Training(NamedTuple):
    """The course of a network's training.

    Attributes:
      best_epoch: epoch after which the network is measured.
      loss: training loss of each epoch.
      accuracy: training accuracy of each epoch.
    """

    best_epoch: int
    loss: Float[np.ndarray, "epochs"]
    accuracy: Float[np.ndarray, "epochs"]

    def rows(self) -> list[results.Row]:
        """Returns the rows of the results table with the loss and accuracy of each epoch."""
        return [
            {"epoch": epoch, "metric": metric, "value": value}
            for metric, values in ((_LOSS, self.loss), (_ACCURACY, self.accuracy))
            for epoch, value in enumerate(values, start=1)
        ]

    def gave(self, rows: pd.DataFrame) -> bool:
        """Whether all rows of a network may be of this training.

        Losses and accuracies are compared to the last bit, because the weights that give the
        slightest difference are others.
        """
        of_epochs = rows["metric"].isin([_LOSS, _ACCURACY])
        measured = rows[~of_epochs & (rows["metric"] != "diverged")]
        if set(measured["epoch"]) - {self.best_epoch}:
            return False
        before = rows[of_epochs].set_index(["metric", "epoch"])["value"]
        now = pd.DataFrame(self.rows()).set_index(["metric", "epoch"])["value"].astype("float64")
        return before.empty or before.sort_index().equals(now.sort_index())


def trained_otherwise(
    table: pd.DataFrame, trainings: Mapping[NetworkId, Training]
) -> list[NetworkId]:
    """Returns the networks with rows that are not of these trainings."""
    return [
        network
        for network, training in trainings.items()
        if not training.gave(results.rows_of_network(table, *network))
    ]


def without(table: pd.DataFrame, networks: list[NetworkId]) -> pd.DataFrame:
    """Returns a table, of results or of values of units, without the rows of some networks."""
    if not networks:
        return table
    return table[[owner not in networks for owner in owners_of(table)]].reset_index(drop=True)
