"""Attacks on linear models in float64: logits = flat(images) @ weights + bias."""

import numpy as np


def linear_logits(images, weights, bias):
    """Logits of shape (samples, classes)."""
    return np.asarray(images, np.float64).reshape(len(images), -1) @ weights + bias


def cross_entropy(logits, labels):
    """Loss of each sample."""
    logits = np.asarray(logits, np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_normalizer = np.log(np.sum(np.exp(shifted), axis=1))
    return log_normalizer - shifted[np.arange(len(labels)), labels]


def cross_entropy_gradient(images, labels, weights, bias):
    """Gradient of each sample's own loss with respect to its image, weights @ (p − onehot)."""
    logits = linear_logits(images, weights, bias)
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    gradient = np.zeros((len(images), weights.shape[0]))
    for sample, label in enumerate(labels):
        for number in range(weights.shape[1]):
            error = probabilities[sample, number] - (number == label)
            gradient[sample] += error * weights[:, number]
    return gradient.reshape(np.shape(images))


def best_step(images, direction, epsilon, norm, bounds=(0, 1)):
    """The point of ball and box that goes farthest along a direction per sample.

    For linf each coordinate goes alone, so the box only cuts it short. For l2 the maximizer is
    clip(images + multiplier · direction) for the multiplier that spends the whole radius (the
    Lagrange condition), found by bisection.
    """
    images = np.asarray(images, np.float64)
    epsilon = np.broadcast_to(epsilon, len(images))
    moved = np.zeros_like(images)
    for sample, (image, way, radius) in enumerate(zip(images, direction, epsilon, strict=True)):
        if norm == "linf":
            moved[sample] = np.clip(image + radius * np.sign(way), *bounds)
            continue
        low, high = 0.0, 1e3 * radius / np.linalg.norm(way)
        for _ in range(200):
            multiplier = (low + high) / 2
            moved[sample] = np.clip(image + multiplier * way, *bounds)
            if np.linalg.norm(moved[sample] - image) < radius:
                low = multiplier
            else:
                high = multiplier
    return moved


def best_attack(images, labels, weights, bias, epsilon, norm, bounds=(0, 1)):
    """Best attack on a linear model of two classes, whose loss rises with one margin alone."""
    toward = weights[:, 1] - weights[:, 0]
    signs = np.where(np.asarray(labels) == 0, 1.0, -1.0)
    direction = (signs[:, None] * toward).reshape(np.shape(images))
    return best_step(images, direction, epsilon, norm, bounds)


def robust_accuracy(images, labels, weights, bias, epsilons, norm, bounds=(0, 1)):
    """Share of images that no perturbation within each radius breaks, for any number of classes.

    An image breaks when some other class can be brought above its own.
    """
    shares = []
    for epsilon in epsilons:
        robust = 0
        for sample in range(len(images)):
            image, label = images[sample : sample + 1], labels[sample]
            unbroken = True
            for other in range(weights.shape[1]):
                if other == label:
                    continue
                direction = (weights[:, other] - weights[:, label]).reshape(image.shape)
                moved = best_step(image, direction, epsilon, norm, bounds)
                logits = linear_logits(moved, weights, bias)[0]
                unbroken = unbroken and logits[label] > logits[other]
            robust += unbroken
        shares.append(robust / len(images))
    return np.array(shares)
