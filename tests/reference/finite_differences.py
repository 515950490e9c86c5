"""Gradients in float64 by central differences."""

import numpy as np


def central_difference(function, array, step=1e-5):
    """Gradient of `function`, from an array to a number, one entry at a time."""
    array = np.array(array, np.float64)
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        above, below = array.copy(), array.copy()
        above[index] += step
        below[index] -= step
        gradient[index] = (function(above) - function(below)) / (2 * step)
    return gradient
