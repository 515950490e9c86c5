"""Class selectivity in float64, one sample, one unit and one class at a time."""

import numpy as np


def unit_responses(activations):
    """Spatial mean of (samples, …, units)."""
    activations = np.asarray(activations, np.float64)
    samples, units = activations.shape[0], activations.shape[-1]
    responses = np.zeros((samples, units))
    for sample in range(samples):
        for unit in range(units):
            responses[sample, unit] = np.mean(activations[sample, ..., unit])
    return responses


def class_means(responses, labels, num_classes, where=None):
    """Means of shape (classes, units), NaN for absent classes, and which classes are present."""
    responses = np.asarray(responses, np.float64)
    means = np.full((num_classes, responses.shape[1]), np.nan)
    present = np.zeros(num_classes, bool)
    for label in range(num_classes):
        members = [
            responses[sample]
            for sample in range(len(labels))
            if labels[sample] == label and (where is None or where[sample])
        ]
        if members:
            present[label] = True
            means[label] = sum(members) / len(members)
    return means, present


def class_selectivity_index(means, present=None, eps=1e-6):
    """(μ_max − μ_rest) / (μ_max + μ_rest + eps) of each unit, over the classes present."""
    means = np.asarray(means, np.float64)
    num_classes, units = means.shape
    index = np.zeros(units)
    for unit in range(units):
        unit_means = [means[c, unit] for c in range(num_classes) if present is None or present[c]]
        if len(unit_means) < 2:
            continue
        largest = max(unit_means)
        unit_means.remove(largest)
        rest = sum(unit_means) / len(unit_means)
        if largest > rest:
            index[unit] = (largest - rest) / (largest + rest + eps)
    return index


def layer_selectivity(activations, labels, num_classes, where=None):
    """Index of each unit, for each layer of a dict."""
    return {
        name: class_selectivity_index(
            *class_means(unit_responses(layer), labels, num_classes, where)
        )
        for name, layer in activations.items()
    }


def mean_selectivity(activations, labels, num_classes, layers=None, where=None):
    """Mean over layers, or tuples of layers, of the mean over their units."""
    by_layer = layer_selectivity(activations, labels, num_classes, where)
    means = []
    for group in layers or by_layer:
        names = group if isinstance(group, tuple) else (group,)
        units = [float(unit) for name in names for unit in by_layer[name]]
        means.append(sum(units) / len(units))
    return np.mean(means)
