"""How many images of each split a sweep uses."""

import numpy as np

from selectax import datasets
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.options import DataOptions, EvaluationOptions
from selectax.study.data import load_data


def test_limits_take_the_first_images():
    config = SweepConfig(
        data=DataOptions(train_limit=40, validation_limit=7),
        evaluation=EvaluationOptions(evaluation_images=9, evaluation_batch_size=4),
    )
    data = load_data(config)
    assert data.counts == {"training": 40, "validation": 7, "test": 9}
    images, labels = datasets.load("digits", "validation")
    where = np.asarray(data.validation.where)
    np.testing.assert_array_equal(np.asarray(data.validation.images)[where], images[:7])
    np.testing.assert_array_equal(np.asarray(data.validation.labels)[where], labels[:7])
    assert load_data(SweepConfig()).counts["validation"] == len(images)
