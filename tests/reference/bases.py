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


def ascend(responses, labels, num_classes, steps, step_size, difference=1e-5):
    """Largest mean index on the path of Adam's rule from the units' own basis, and its basis.

    The gradient is by central differences, one entry of the basis at a time, and the nearest
    orthogonal matrix by singular values.
    """

    def mean_index(basis):
        return np.mean(selectivity_in_basis(responses, labels, num_classes, basis))

    units = responses.shape[1]
    basis, momentum, squares = np.eye(units), 0.0, 0.0
    visited = [(mean_index(basis), basis)]
    for number in range(steps):
        gradient = np.zeros((units, units))
        for at in np.ndindex(units, units):
            change = np.zeros((units, units))
            change[at] = difference
            gradient[at] = mean_index(basis + change) - mean_index(basis - change)
        gradient /= 2 * difference
        turn = (basis.T @ gradient - gradient.T @ basis) / 2
        momentum = 0.9 * momentum + 0.1 * turn
        squares = 0.99 * squares + 0.01 * turn**2
        mean, square = momentum / (1 - 0.9 ** (number + 1)), squares / (1 - 0.99 ** (number + 1))
        rate = step_size * (1 - number / steps)
        angles = rate * np.divide(mean, np.sqrt(square), out=np.zeros_like(mean), where=square > 0)
        left, _, right = np.linalg.svd(basis @ (np.eye(units) + angles))
        basis = left @ right
        visited.append((mean_index(basis), basis))
    return max(visited, key=lambda pair: pair[0])


def turn(angle):
    """Rotation of two units."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
