"""Eigenvalues of covariance matrices."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Matrices with this number of rows or more are bisected on the CPU.
_BISECTED = 256


def descending_eigenvalues(matrix: Float[Array, "units units"]) -> Float[Array, "units"]:
    """Eigenvalues of a covariance matrix, in descending order and never negative.

    Args:
      matrix: symmetric matrix without negative eigenvalues but for rounding.

    Returns:
      All eigenvalues; NaN if an entry of the matrix is NaN or infinite.
    """
    # LAPACK can return finite eigenvalues of a matrix with an entry that is not finite.
    finite = jnp.all(jnp.isfinite(matrix))
    return jnp.maximum(_eigenvalues(matrix)[::-1], 0) * jnp.where(finite, 1, jnp.nan)


@jax.custom_jvp
def _eigenvalues(matrix):
    """Eigenvalues of a symmetric matrix, in ascending order.

    On the CPU, `eigvalsh` also computes the eigenvectors and discards them. Bisection of the
    tridiagonal form is several times faster for hundreds of units and as accurate. For fewer units
    it is not worth its compilation time of about a second.

    On the CPU, vmap processes one matrix after another: jaxlib's batched LAPACK calls block XLA's
    threads while they wait for tasks on the same threads, which deadlocked on two cores (jaxlib
    0.10.2).
    """

    @jax.custom_batching.sequential_vmap
    def by_lapack(matrix):
        return jnp.linalg.eigvalsh(matrix)

    @jax.custom_batching.sequential_vmap
    def tridiagonal(matrix):
        _, diagonal, beside, _ = jax.lax.linalg.tridiagonal(matrix)
        return diagonal, beside

    def by_bisection(matrix):
        # Scales the matrix, because bisection squares its entries and tiny ones would underflow.
        largest = jnp.max(jnp.abs(jnp.diagonal(matrix)))
        scaled = matrix / jnp.where(largest == 0, 1, largest)
        diagonal, beside = tridiagonal(scaled)
        return largest * jax.scipy.linalg.eigh_tridiagonal(diagonal, beside, eigvals_only=True)

    on_cpu = by_lapack if len(matrix) < _BISECTED else by_bisection
    return jax.lax.platform_dependent(matrix, cpu=on_cpu, default=jnp.linalg.eigvalsh)


@_eigenvalues.defjvp
def _eigenvalues_jvp(primals, tangents):
    return jax.jvp(jnp.linalg.eigvalsh, primals, tangents)
