"""The points read off the author's figure, typed again from the notes made when it was read."""

import numpy as np

from selectax.datasets import DATASETS
from selectax.study.report.published import PUBLISHED

# alpha: mean selectivity in thousandths, test accuracy in tenths of a point.
READ_OFF = {
    **{-2: (154, 531), -1: (222, 536), -0.7: (249, 534), -0.4: (280, 534), -0.3: (290, 531)},
    **{-0.2: (310, 527), -0.1: (325, 524), 0: (347, 516), 0.1: (394, 508), 0.2: (461, 504)},
    **{0.3: (532, 497), 0.4: (582, 494), 0.7: (703, 494), 1: (776, 493), 2: (879, 471)},
}
OVERLAPPING = (-0.4, -0.3, -0.2, -0.1)


def test_points_are_those_that_were_read_off():
    points = PUBLISHED["tiny_imagenet"].points()
    assert list(points["alpha"]) == list(READ_OFF)
    selectivity, accuracy = np.transpose(list(READ_OFF.values()))
    np.testing.assert_allclose(points["selectivity"], selectivity / 1000, atol=1e-12)
    np.testing.assert_allclose(points["accuracy"], accuracy / 1000, atol=1e-12)
    errors = [0.01 if alpha in OVERLAPPING else 0.005 for alpha in READ_OFF]
    np.testing.assert_allclose(points["selectivity_error"], errors)
    np.testing.assert_allclose(points["accuracy_error"], 0.002)


def test_data_sets_of_published_figures_are_known():
    assert set(PUBLISHED) <= set(DATASETS)
