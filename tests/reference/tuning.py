"""Indices of tuning in float64, from all responses, one unit at a time."""

import numpy as np


def _by_class(responses, labels, num_classes):
    return {c: responses[labels == c] for c in range(num_classes) if np.any(labels == c)}


def preferred_class(responses, labels, num_classes):
    """Class of the largest mean of one unit's responses, −1 if no mean is larger than another."""
    means = {c: np.mean(own) for c, own in _by_class(responses, labels, num_classes).items()}
    if not means or max(means.values()) == min(means.values()):
        return -1
    return max(means, key=means.get)


def _preferred_and_others(responses, labels, num_classes):
    responses = np.asarray(responses, np.float64)
    preferred = preferred_class(responses, labels, num_classes)
    if preferred < 0:
        return None
    taking_part = (labels >= 0) & (labels < num_classes)
    return responses[labels == preferred], responses[taking_part & (labels != preferred)]


def ccmas(responses, labels, num_classes):
    """(μ_A − μ_¬A) / (μ_A + μ_¬A) of one unit, μ_¬A over all samples outside A."""
    groups = _preferred_and_others(responses, labels, num_classes)
    if groups is None:
        return 0.0
    inside, outside = groups
    return (inside.mean() - outside.mean()) / (inside.mean() + outside.mean())


def d_prime(responses, labels, num_classes):
    """Difference of means over the root of the mean variance, of one unit."""
    groups = _preferred_and_others(responses, labels, num_classes)
    if groups is None:
        return 0.0
    inside, outside = groups
    variances = [np.var(group, ddof=1) if len(group) > 1 else 0 for group in groups]
    if sum(variances) == 0:
        return np.inf
    return (inside.mean() - outside.mean()) / np.sqrt(np.mean(variances))


def treves_rolls(responses):
    """(mean r)² / mean r² of one unit."""
    responses = np.asarray(responses, np.float64)
    energy = np.mean(responses**2) if len(responses) else 0
    return np.mean(responses) ** 2 / energy if energy > 0 else 1.0


def vinje_gallant(responses):
    """(1 − a) / (1 − 1 / n) of one unit."""
    if len(responses) < 2:
        return 0.0
    return (1 - treves_rolls(responses)) / (1 - 1 / len(responses))


def precision_at_k(responses, labels, k, above=0.0):
    """Share of the commonest class among one unit's k strongest responses, earlier ones first."""
    strongest = sorted(range(len(responses)), key=lambda sample: -responses[sample])
    classes = [labels[sample] for sample in strongest if responses[sample] > above][:k]
    return max(classes.count(c) for c in classes) / len(classes) if classes else 0.0
