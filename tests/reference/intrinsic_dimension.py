"""TwoNN in float64, one point at a time, and manifolds of known dimension."""

import math

import numpy as np


def twonn_dimension(responses, discarded=0.1):
    """Slope through the origin of −log(1 − F) over log μ, of points without their copies."""
    points = []
    for point in np.asarray(responses, np.float64).tolist():
        if point not in points:
            points.append(point)
    points = np.array(points)
    ratios = []
    for at, point in enumerate(points):
        others = np.delete(points, at, axis=0)
        first, second = sorted(np.sqrt(np.sum((others - point) ** 2, axis=1)))[:2]
        ratios.append(second / first)
    number = len(ratios)
    kept = sorted(ratios)[: min(number - 1, math.floor(round((1 - discarded) * number, 9)))]
    logs = np.log(kept)
    heights = [-math.log(1 - rank / number) for rank in range(1, len(kept) + 1)]
    slope, *_ = np.linalg.lstsq(logs[:, None], np.array(heights), rcond=None)
    return float(slope[0])


def sphere(generator, number):
    """Points on a sphere of dimension 2 in three dimensions."""
    points = generator.normal(size=(number, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def swiss_roll(generator, number):
    """A rolled-up plane."""
    angle = 1.5 * np.pi * (1 + 2 * generator.uniform(size=number))
    height = 21 * generator.uniform(size=number)
    return np.stack([angle * np.cos(angle), height, angle * np.sin(angle)], axis=1)


def torus(generator, number):
    """A curved manifold of dimension 5 in ten dimensions: a product of five circles."""
    angles = generator.uniform(0, 2 * np.pi, (number, 5))
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def helix(generator, number):
    """A curve in three dimensions."""
    angle = generator.uniform(0, 4 * np.pi, number)
    return np.stack([np.cos(angle), np.sin(angle), angle / 5], axis=1)
