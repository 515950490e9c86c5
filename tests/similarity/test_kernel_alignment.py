import jax
import numpy as np
import pytest

from selectax.similarity import init_joint_covariance, linear_cka, update_joint_covariance
from tests.reference import similarity as reference
from tests.similarity.layers import SAMPLES, rotation, two_layers

A, B = two_layers()


def test_it_is_the_alignment_of_gram_matrices():
    np.testing.assert_allclose(linear_cka(A, B), reference.linear_cka(A, B), rtol=1e-4)
    assert 0.1 < linear_cka(A, B) < 0.9
    np.testing.assert_allclose(linear_cka(B, A), linear_cka(A, B), rtol=1e-5)


def test_rotations_scales_and_shifts_do_not_matter():
    changed = 1e-12 * (A @ rotation(5)), 1e12 * (B @ rotation(7)) + np.float32(4e12)
    np.testing.assert_allclose(linear_cka(*changed), linear_cka(A, B), rtol=1e-3)
    np.testing.assert_allclose(linear_cka(A, 7 * (A @ rotation(5)) - 2), 1, rtol=1e-5)
    other = linear_cka(A * np.float32([1, 1, 1, 1, 10]), B)  # the scale of one unit does
    assert abs(other - linear_cka(A, B)) > 0.02


def test_layers_known_by_hand():
    """Orthogonal data have 0; one of two equally strong units shares half of the variance."""
    signs = np.float32([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    assert linear_cka(signs[:, :1], signs[:, 1:]) == 0
    np.testing.assert_allclose(linear_cka(signs[:, :2], signs[:, 1:2]), 1 / np.sqrt(2), rtol=1e-6)
    assert linear_cka(signs[:, :1], np.ones((4, 2), np.float32)) == 0


def test_a_stream_and_a_mask_give_the_same():
    update = jax.jit(update_joint_covariance)
    state = init_joint_covariance(5, 7)
    for start in range(0, SAMPLES, 50):
        state = update(state, A[start : start + 50], B[start : start + 50])
    np.testing.assert_allclose(linear_cka(state), linear_cka(A, B), rtol=1e-5)
    where = np.arange(SAMPLES) % 3 > 0
    padded = np.where(where[:, None], A, np.nan)
    masked = linear_cka(padded, B, where=where)
    np.testing.assert_allclose(masked, reference.linear_cka(A[where], B[where]), rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linear_cka(A), "b is missing; give the responses"),
        (lambda: linear_cka(A, B[1:]), "a and b must have the same samples, but a has 200 and"),
        (lambda: linear_cka(init_joint_covariance(2, 3), B), "b and where apply to matrices"),
        (lambda: linear_cka(A.astype(int), B), "responses must be floating"),
        (lambda: linear_cka(A, B, where=np.ones(3, bool)), "where must have shape"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
