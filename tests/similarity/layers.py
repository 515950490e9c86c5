"""Responses of two layers that share some of their causes."""

import numpy as np

SAMPLES = 200


def two_layers(units_a=5, units_b=7, seed=0):
    """Responses in float32, of units of very different means and sizes."""
    generator = np.random.default_rng(seed)
    causes = generator.normal(size=(SAMPLES, 3))
    a, b = (
        causes @ generator.normal(size=(3, units)) + generator.normal(size=(SAMPLES, units))
        for units in (units_a, units_b)
    )
    sizes = np.geomspace(0.1, 10, units_a)
    return np.float32(5 + a * sizes), np.float32(b - 3)


def rotation(units, seed=1):
    """An orthogonal matrix in float32."""
    return np.float32(np.linalg.qr(np.random.default_rng(seed).normal(size=(units, units)))[0])
