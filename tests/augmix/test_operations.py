"""Each operation against Pillow, over the whole range of levels."""

import functools
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.augmix import AUGMIX_OPERATIONS
from selectax.augmix.application import apply_operations
from selectax.augmix.pixels import pack, unpack
from tests.corruptions.images import cifar_10
from tests.reference import augmix as reference

LEVELS = np.linspace(0.1, 9.99, 32).astype(np.float32)
NAMES = tuple(reference.OPERATIONS)
REAL_DATA = os.environ.get("SELECTAX_REAL_DATA")


def images(kind):
    if kind == "real":
        return np.round(255 * cifar_10(pathlib.Path(REAL_DATA))[0][: len(LEVELS)]).astype(np.uint8)
    generator = np.random.default_rng(0)
    random = generator.integers(30, 220, (len(LEVELS), 18, 26, 3), np.uint8)
    random[0], random[1, ..., 0], random[2, :9] = 77, 200, 255
    return random


@functools.cache
def changed(kind):
    """Results by Pillow and ours for each operation, level and sign, with one compilation."""
    cases = [
        (name, index, sign) for name in NAMES for sign in (1, -1) for index in range(len(LEVELS))
    ]
    before = images(kind)[[index for _, index, _ in cases]]
    expected = [
        reference.apply(name, image, float(LEVELS[index]), sign)
        for image, (name, index, sign) in zip(before, cases, strict=True)
    ]
    size = before.shape[1:3]
    amounts = [
        float(AUGMIX_OPERATIONS[name].amount(LEVELS[index], size))
        * (sign if AUGMIX_OPERATIONS[name].is_signed else 1)
        for name, index, sign in cases
    ]
    apply = jax.jit(apply_operations, static_argnames="size")
    which = np.array([[NAMES.index(name)] for name, _, _ in cases], np.int32)
    lengths = np.ones(len(cases), np.int32)
    packed = pack(jnp.asarray(before))
    found = apply(packed, which, np.array(amounts, np.float32)[:, None], lengths, size=size)
    shape = (len(NAMES), -1, *before.shape[1:])
    return np.asarray(unpack(found)).reshape(shape), np.reshape(expected, shape)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "kind",
    [
        "random",
        pytest.param("real", marks=pytest.mark.skipif(not REAL_DATA, reason="no real data")),
    ],
)
def test_an_operation_gives_the_bytes_of_pillow(kind, name):
    found, expected = (every[NAMES.index(name)].astype(int) for every in changed(kind))
    # Rounding of positions, in float32 here, decides about a few pixels; Pillow's own rounding of
    # the stretch of autocontrast about some values.
    tolerance = {"autocontrast": (1, 0.02), "rotate": (1, 1e-3), "shear_x": (1, 1e-3)}
    tolerance["shear_y"] = tolerance["shear_x"]
    largest, share = tolerance.get(name, (0, 0))
    difference = np.abs(found - expected)
    assert difference.max() <= largest
    assert np.mean(difference > 0) <= share


def test_operations_are_the_published_ones_in_their_order():
    assert tuple(AUGMIX_OPERATIONS) == NAMES
    kinds = [
        (operation.displacement, operation.table, operation.adaptive_table)
        for operation in AUGMIX_OPERATIONS.values()
    ]
    assert all(sum(one is not None for one in kind) == 1 for kind in kinds)


@pytest.mark.parametrize("level", [0.1, 2.4, 2.6, 3.0, 9.99])
def test_amounts_are_the_published_parameters(level):
    size = (24, 32)
    amounts = {
        name: float(operation.amount(jnp.float32(level), size))
        for name, operation in AUGMIX_OPERATIONS.items()
    }
    whole, part = reference.int_parameter, reference.float_parameter
    expected = {
        "posterize": whole(level, 4),
        "rotate": whole(level, 30),
        "solarize": whole(level, 256),
        "shear_x": part(level, 0.3),
        "shear_y": part(level, 0.3),
        "translate_x": whole(level, 32 / 3),
        "translate_y": whole(level, 24 / 3),
    }
    for name, amount in expected.items():
        assert amounts[name] == pytest.approx(amount, rel=1e-6), name
