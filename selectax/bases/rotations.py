"""Class selectivity of responses in a given basis and under random rotations."""

import functools

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.arguments.activations import checked_responses
from selectax.arguments.arrays import as_array
from selectax.arguments.key import checked_key
from selectax.arguments.labels import checked_labels
from selectax.arguments.numbers import checked_count
from selectax.arguments.samples import checked_where
from selectax.bases.signed_index import signed_selectivity_index
from selectax.numerics.products import full_product
from selectax.selectivity import class_means, init_class_moments, update_class_moments


def random_rotation(
    key: PRNGKeyArray, units: int, *, dtype: DTypeLike = jnp.float32
) -> Float[Array, "units units"]:
    """An orthogonal matrix, uniform over all of them (the Haar measure).

    It is the factor Q of the QR decomposition of a Gaussian matrix, with the signs chosen such that
    the diagonal of R is positive; without them, Q is not uniform. Its determinant is 1 or −1. The
    sign of a direction makes no difference to `signed_selectivity_index`.

    Args:
      key: PRNG key.
      units: number of rows and columns.
      dtype: dtype of the matrix; float64 needs `jax_enable_x64`.

    Returns:
      A matrix whose columns are orthonormal.

    Raises:
      TypeError: key is not a PRNG key, or units is not an integer.
      ValueError: units is below 1.

    References:
      Mezzadri, 2007, "How to generate random matrices from the classical compact groups".

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> rotation = selectax.random_rotation(jax.random.key(0), units=3)
      >>> bool(jnp.allclose(rotation.T @ rotation, jnp.eye(3), atol=1e-6))
      True
    """
    key, units = checked_key(key), checked_count("units", units)
    return _haar(jax.random.normal(key, (units, units), dtype))


def selectivity_in_basis(
    responses: Float[Array, "samples units"],
    labels: Int[Array, "samples"],
    num_classes: int,
    basis: Float[Array, "units directions"],
    *,
    where: Bool[Array, "samples"] | None = None,
) -> Float[Array, "directions"]:
    """Class selectivity of the directions of a basis, by `signed_selectivity_index`.

    Args:
      responses: one number per sample and unit, negative ones too.
      labels: class of each sample, from 0 to num_classes − 1, or −1 to ignore the sample.
      num_classes: number of classes; classes absent from the samples are left out.
      basis: one direction in each column.
      where: the samples that count; the others (padding) may hold any values, even NaN.

    Returns:
      Between 0 and 1, in float32 or wider; NaN if a response of a sample that counts is NaN or
      infinite. In the units' own basis, the identity, responses that are not negative have their
      class selectivity index.

    Raises:
      TypeError: responses or the basis are not floating-point numbers, or labels are not integers.
      ValueError: shapes do not match, or a concrete label is not a class.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses = jnp.array([[1.0, 1.0], [1.0, 0.0]])
      >>> basis = jnp.array([[1.0, 0.6], [0.0, -0.8]])
      >>> selectax.selectivity_in_basis(responses, jnp.array([0, 1]), 2, basis).round(3).tolist()
      [0.0, 1.0]
    """
    responses, labels, where = checked_samples(responses, labels, num_classes, where)
    basis = as_array("basis", basis)
    if not jnp.issubdtype(basis.dtype, jnp.floating):
        raise TypeError(f"basis must be floating-point numbers, not {basis.dtype}.")
    if basis.ndim != 2 or basis.shape[0] != responses.shape[1] or not basis.shape[1]:
        raise ValueError(
            f"basis must have shape ({responses.shape[1]}, directions), a row for each unit, not "
            f"{basis.shape}."
        )
    return index_in_basis(responses, labels, num_classes, jnp.asarray(basis), where)


def rotated_selectivity(
    key: PRNGKeyArray,
    responses: Float[Array, "samples units"],
    labels: Int[Array, "samples"],
    num_classes: int,
    *,
    rotations: int = 10,
    where: Bool[Array, "samples"] | None = None,
) -> Float[Array, "rotations"]:
    """Mean class selectivity of a layer's responses under random orthogonal rotations.

    A rotated unit subtracts some units' responses from others', so its index can exceed that of all
    units: compare networks under rotations, not one network's units with its rotated units.

    Args:
      key: PRNG key for the rotations.
      responses: one number per sample and unit, such as `unit_responses` returns.
      labels: class of each sample, from 0 to num_classes − 1, or −1 to ignore the sample.
      num_classes: number of classes; classes absent from the samples are left out.
      rotations: number of rotations.
      where: the samples that count; the others (padding) may hold any values, even NaN.

    Returns:
      For each rotation the mean of `selectivity_in_basis` over directions, between 0 and 1. NaN if
      a response of a sample that counts is NaN or infinite.

    Raises:
      TypeError: key is not a PRNG key, responses are not floating-point numbers, labels are not
        integers, or rotations is not an integer.
      ValueError: shapes do not match, a concrete label is not a class, or rotations is below 1.

    References:
      Bau et al., 2017, "Network dissection" (random rotations; the index under them is our choice).

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> responses, labels = jnp.eye(4), jnp.arange(4)  # each unit responds to one class
      >>> rotated = selectax.rotated_selectivity(jax.random.key(0), responses, labels, 4)
      >>> rotated.shape, bool(jnp.all(rotated < 0.9))
      ((10,), True)
    """
    key, rotations = checked_key(key), checked_count("rotations", rotations)
    responses, labels, where = checked_samples(responses, labels, num_classes, where)
    return _under_rotations(key, responses, labels, where, num_classes, rotations)


def checked_samples(responses, labels, num_classes, where):
    """Checked responses, in float32 or wider, labels, and the mask or None."""
    responses = checked_responses(responses)
    labels = checked_labels(labels, len(responses), checked_count("num_classes", num_classes))
    responses = responses.astype(jnp.promote_types(responses.dtype, jnp.float32))
    return responses, labels, checked_where(where, len(responses))


@functools.partial(jax.jit, static_argnames="num_classes")
def index_in_basis(responses, labels, num_classes, basis, where):
    """`selectivity_in_basis` of checked arguments."""
    rotated = full_product(responses, basis)
    moments = init_class_moments(num_classes, 2 * basis.shape[1], dtype=rotated.dtype)
    moments = update_class_moments(moments, rotated, labels, where=where, signed="split")
    return signed_selectivity_index(*class_means(moments))


@jax.custom_batching.sequential_vmap
def _haar(gaussian):
    # One matrix after another, as in selectax.dimensionality: batched LAPACK calls can deadlock.
    orthogonal, triangular = jnp.linalg.qr(gaussian)
    diagonal = jnp.diagonal(triangular)
    return orthogonal * jnp.where(diagonal < 0, -1, 1).astype(gaussian.dtype)


@functools.partial(jax.jit, static_argnames=("num_classes", "rotations"))
def _under_rotations(key, responses, labels, where, num_classes, rotations):
    def mean_index(key):
        rotation = random_rotation(key, responses.shape[1], dtype=responses.dtype)
        return jnp.mean(index_in_basis(responses, labels, num_classes, rotation, where))

    return jax.lax.map(mean_index, jax.random.split(key, rotations))
