"""Input-unit gradients of quadratic forms, and their variation, in float64."""

import numpy as np


def quadratic_responses(image, forms, slopes):
    """½ xᵀ A x + b · x for each unit's A and b."""
    flat = np.asarray(image, np.float64).ravel()
    return np.array(
        [flat @ form @ flat / 2 + slope @ flat for form, slope in zip(forms, slopes, strict=True)]
    )


def quadratic_norms(images, forms, slopes):
    """Norms of the gradients A x + b, of shape (samples, units), for symmetric A."""
    norms = np.zeros((len(images), len(forms)))
    for sample, image in enumerate(images):
        flat = np.asarray(image, np.float64).ravel()
        for unit, (form, slope) in enumerate(zip(forms, slopes, strict=True)):
            norms[sample, unit] = np.sqrt(np.sum((form @ flat + slope) ** 2))
    return norms


def variation_over_samples(norms):
    """Standard deviation, with count − 1, over the mean of each unit; 0 where there is none."""
    found = []
    for of_unit in np.asarray(norms, np.float64).T:
        mean = np.mean(of_unit) if len(of_unit) > 1 else 0
        found.append(np.std(of_unit, ddof=1) / mean if mean > 0 else 0)
    return np.array(found)


def variation_over_units(norms):
    """Standard deviation over the mean of the units' means; 0 where there is none."""
    if not len(norms):
        return 0
    means = np.mean(np.asarray(norms, np.float64), axis=0)
    return np.std(means) / np.mean(means) if np.mean(means) > 0 else 0
