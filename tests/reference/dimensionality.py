"""Principal variances and dimensionality in float64."""

import numpy as np


def covariance(responses):
    """Unbiased covariance of (samples, units), one pair of units at a time; 0 below 2 samples."""
    responses = np.asarray(responses, np.float64)
    samples, units = responses.shape
    matrix = np.zeros((units, units))
    if samples < 2:
        return matrix
    centered = responses - sum(responses) / samples
    for i in range(units):
        for j in range(units):
            matrix[i, j] = np.sum(centered[:, i] * centered[:, j]) / (samples - 1)
    return matrix


def principal_variances(responses):
    """Squared singular values of the centered matrix over samples − 1, with zeros up to units."""
    responses = np.asarray(responses, np.float64)
    samples, units = responses.shape
    variances = np.zeros(units)
    if samples < 2:
        return variances
    singular = np.linalg.svd(responses - responses.mean(axis=0), compute_uv=False)
    variances[: len(singular)] = singular**2 / (samples - 1)
    return variances


def components_for_variance(variances, thresholds=(0.90, 0.95, 0.99)):
    """Smallest number of leading components whose share of the variance reaches each threshold."""
    variances = [float(variance) for variance in variances]
    total = sum(variances)
    numbers = []
    for threshold in thresholds:
        number = 0
        while total > 0 and sum(variances[:number]) < threshold * total:
            number += 1
        numbers.append(number)
    return np.array(numbers)


def participation_ratio(responses):
    """tr(C)² / tr(C²) of the covariance C, without its eigenvalues."""
    matrix = covariance(responses)
    energy = np.trace(matrix @ matrix)
    return np.trace(matrix) ** 2 / energy if energy > 0 else 0.0


def effective_rank(responses):
    """exp of the entropy of the shares of the centred matrix's singular values.

    Without those whose square is at most eps of float32 · units · the largest square.
    """
    eps = np.finfo(np.float32).eps
    responses = np.asarray(responses, np.float64)
    if len(responses) < 2:
        return 0.0
    singular = np.linalg.svd(responses - responses.mean(axis=0), compute_uv=False)
    singular = [s for s in singular if s**2 > eps * responses.shape[1] * singular[0] ** 2]
    entropy = 0.0
    for value in singular:
        share = value / sum(singular)
        entropy -= share * np.log(share)
    return float(np.exp(entropy)) if singular else 0.0
