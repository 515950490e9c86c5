"""Similarity of two matrices of responses in float64, from the data and not from covariances."""

import numpy as np


def centered(responses):
    """Responses minus the mean of each unit."""
    responses = np.asarray(responses, np.float64)
    return responses - responses.mean(axis=0)


def linear_cka(a, b):
    """Alignment of the two samples × samples matrices of inner products."""
    kernel_a, kernel_b = (centered(layer) @ centered(layer).T for layer in (a, b))

    def dot(one, other):
        return np.trace(one @ other)

    return dot(kernel_a, kernel_b) / np.sqrt(dot(kernel_a, kernel_a) * dot(kernel_b, kernel_b))


def orthonormal(responses):
    """An orthonormal basis of the span of the units, by singular values of the data."""
    left, values, _ = np.linalg.svd(centered(responses), full_matrices=False)
    return left[:, values > 1e-10 * values[0]]


def canonical_variates(a, b):
    """Orthonormal canonical variates of the first layer, and their correlations."""
    basis_a, basis_b = orthonormal(a), orthonormal(b)
    left, correlations, _ = np.linalg.svd(basis_a.T @ basis_b, full_matrices=False)
    return basis_a @ left, correlations


def pwcca(a, b):
    """Mean correlation, weighted by how much the first layer's units project onto each variate."""
    variates, correlations = canonical_variates(a, b)
    weights = [sum(abs(variate @ unit) for unit in centered(a).T) for variate in variates.T]
    return np.average(correlations, weights=weights)
