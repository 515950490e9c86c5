"""The tests' small network in float64, its attacks by central differences."""

import numpy as np


def _convolution(images, layer, stride):
    """3 × 3 with XLA's SAME padding, one shift of the kernel at a time."""
    kernel, bias = (np.asarray(layer[name], np.float64) for name in ("kernel", "bias"))
    size = -(-images.shape[1] // stride)
    missing = max((size - 1) * stride + 3 - images.shape[1], 0)
    around = (missing // 2, missing - missing // 2)
    padded = np.pad(images, ((0, 0), around, around, (0, 0)))
    total = np.zeros((len(images), size, size, kernel.shape[-1])) + bias
    for row in range(3):
        for column in range(3):
            rows, columns = (
                slice(at, at + (size - 1) * stride + 1, stride) for at in (row, column)
            )
            total += padded[:, rows, columns] @ kernel[row, column]
    return total


def logits_and_responses(variables, images, masks=None):
    """Of images in [0, 1]: logits, and of each layer the responses (samples, units)."""
    params, masks = variables["params"], masks or {"first": 1, "second": 1}
    first = np.maximum(_convolution(np.asarray(images, np.float64), params["Conv_0"], 2), 0)
    first = first * masks["first"]
    second = np.maximum(_convolution(first, params["Conv_1"], 1), 0) * masks["second"]
    responses = {"first": first.mean((1, 2)), "second": second.mean((1, 2))}
    dense = {name: np.asarray(value, np.float64) for name, value in params["Dense_0"].items()}
    return responses["second"] @ dense["kernel"] + dense["bias"], responses


def predictions(variables, images, masks=None):
    """The class of each image."""
    return logits_and_responses(variables, images, masks)[0].argmax(axis=1)


def input_gradient_norms(variables, images, layer, step=1e-6):
    """Norm of the gradient of each unit's response to each image, by central differences."""
    norms = []
    for image in np.asarray(images, np.float64):
        shifts = step * np.eye(image.size).reshape(-1, *image.shape)
        above, below = (
            logits_and_responses(variables, image + sign * shifts)[1][layer] for sign in (1, -1)
        )
        norms.append(np.linalg.norm((above - below) / (2 * step), axis=0))
    return np.array(norms)


def fgsm(variables, images, labels, epsilon, step=1e-6):
    """Each pixel goes by epsilon the way in which the loss rises."""
    attacked = np.array(images, np.float64)
    for image, label, result in zip(images, labels, attacked, strict=True):
        shifts = step * np.eye(image.size).reshape(-1, *image.shape)
        rise = _losses(variables, image + shifts, label) - _losses(variables, image - shifts, label)
        result += epsilon * np.sign(np.where(np.abs(rise) < 1e-14, 0, rise)).reshape(image.shape)
    return np.clip(attacked, 0, 1)


def _losses(variables, images, label):
    logits, _ = logits_and_responses(variables, images)
    return np.log(np.sum(np.exp(logits - logits[:, [label]]), axis=1))
