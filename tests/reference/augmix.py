"""AugMix's operations and chains by Pillow and NumPy, as in the authors' augmentations.py."""

import numpy as np
from PIL import Image, ImageOps


def int_parameter(level, largest):
    return int(level * largest / 10)


def float_parameter(level, largest):
    return float(level) * largest / 10


def _affine(image, *coefficients):
    return image.transform(
        image.size, Image.Transform.AFFINE, coefficients, resample=Image.Resampling.BILINEAR
    )


def _rotate(image, level, sign):
    degrees = sign * int_parameter(level, 30)
    return image.rotate(degrees, resample=Image.Resampling.BILINEAR)


def _shear_x(image, level, sign):
    return _affine(image, 1, sign * float_parameter(level, 0.3), 0, 0, 1, 0)


def _shear_y(image, level, sign):
    return _affine(image, 1, 0, 0, sign * float_parameter(level, 0.3), 1, 0)


def _translate_x(image, level, sign):
    return _affine(image, 1, 0, sign * int_parameter(level, image.size[0] / 3), 0, 1, 0)


def _translate_y(image, level, sign):
    return _affine(image, 1, 0, 0, 0, 1, sign * int_parameter(level, image.size[1] / 3))


# In the order of the authors' list `augmentations`.
OPERATIONS = {
    "autocontrast": lambda image, level, sign: ImageOps.autocontrast(image),
    "equalize": lambda image, level, sign: ImageOps.equalize(image),
    "posterize": lambda image, level, sign: ImageOps.posterize(image, 4 - int_parameter(level, 4)),
    "rotate": _rotate,
    "solarize": lambda image, level, sign: ImageOps.solarize(
        image, 256 - int_parameter(level, 256)
    ),
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": _translate_x,
    "translate_y": _translate_y,
}


def apply(name, image, level, sign):
    """An operation on one image of bytes."""
    changed = OPERATIONS[name](Image.fromarray(image), level, sign)
    return np.asarray(changed)


def augment_and_mix(image, draws, severity):
    """The mixture for one image of bytes, in [0, 1] and float64, with the draws of one image."""
    names = list(OPERATIONS)
    mixture = np.zeros(image.shape)
    for chain, weight in enumerate(np.float64(draws.weights)):
        changed = image
        for step in range(draws.length[chain]):
            level = 0.1 + float(draws.level[chain, step]) * (severity - 0.1)
            name = names[draws.operation[chain, step]]
            changed = apply(name, changed, level, int(draws.sign[chain, step]))
        mixture += weight * (changed / 255)
    share = float(draws.share)
    return (1 - share) * (image / 255) + share * mixture


def consistency(*logits):
    """The Jensen–Shannon term of the authors' `train`, in float64."""
    shifted = [each - each.max(axis=1, keepdims=True) for each in np.float64(logits)]
    probabilities = [np.exp(each) / np.exp(each).sum(axis=1, keepdims=True) for each in shifted]
    mixture = np.clip(sum(probabilities) / 3, 1e-7, 1)
    divergences = []
    for each in probabilities:
        present = np.where(each > 0, each, 1)
        divergences.append(np.sum(each * (np.log(present) - np.log(mixture))) / len(each))
    return sum(divergences) / 3
