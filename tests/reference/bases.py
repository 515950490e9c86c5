"""Class selectivity of rotated responses in float64, one direction and one part at a time."""

import numpy as np

from tests.reference import selectivity


def selectivity_in_basis(responses, labels, num_classes, basis, where=None):
    """Of each column: the mean index of both parts, weighted by the mean over classes of each."""
    responses = np.asarray(responses, np.float64)
    index = np.zeros(basis.shape[1])
    for direction in range(basis.shape[1]):
        rotated = np.array([np.dot(sample, basis[:, direction]) for sample in responses])
        weighted = size = 0.0
        for part in (np.maximum(rotated, 0), np.maximum(-rotated, 0)):
            means, present = selectivity.class_means(part[:, None], labels, num_classes, where)
            (of_part,) = selectivity.class_selectivity_index(means, present)
            weighted += np.mean(means[present]) * of_part
            size += np.mean(means[present])
        index[direction] = weighted / size if size > 0 else 0.0
    return index


def best_of_two_units(responses, labels, num_classes, angles=2000):
    """Largest mean index over all rotations of two units by angles of a fine grid, and its angle.

    A quarter turn is enough: it swaps the two directions and the sign of one.
    """
    grid = np.pi / 2 * np.arange(angles) / angles
    means = [
        np.mean(selectivity_in_basis(responses, labels, num_classes, turn(angle))) for angle in grid
    ]
    return max(means)


def turn(angle):
    """Rotation of two units."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
