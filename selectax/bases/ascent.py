"""Search for the orthogonal basis with the largest mean class selectivity."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.arguments.arrays import is_concrete
from selectax.arguments.key import checked_key
from selectax.arguments.numbers import check_real, checked_count
from selectax.bases.rotations import checked_samples, index_in_basis, random_rotation
from selectax.numerics.products import full_product

# Decay rates of the running means of the gradient and of its square, and the smallest divisor.
_MOMENTUM, _SQUARES, _TINY = 0.9, 0.99, 1e-20
# Enough for angles of hundreds of radians; usual steps need about 10.
_MOST_ITERATIONS = 60


class BestBasis(NamedTuple):
    """The best basis that `best_basis` found.

    Attributes:
      selectivity: mean class selectivity of the directions of the basis. A basis with a larger one
        may exist.
      basis: one direction in each column.
      of_starts: the largest mean found from each start: from the units' own basis, then from each
        random one. If they agree, a much better basis is less likely.

    Example:
      >>> import selectax
      >>> selectax.BestBasis._fields
      ('selectivity', 'basis', 'of_starts')
    """

    selectivity: Float[Array, ""]
    basis: Float[Array, "units units"]
    of_starts: Float[Array, "starts"]


def best_basis(
    key: PRNGKeyArray,
    responses: Float[Array, "samples units"],
    labels: Int[Array, "samples"],
    num_classes: int,
    *,
    starts: int = 3,
    steps: int = 200,
    step_size: float | Float[Array, ""] = 0.1,
    where: Bool[Array, "samples"] | None = None,
) -> BestBasis:
    """The orthogonal basis with the largest mean class selectivity that gradient ascent finds.

    The mean over directions of `selectivity_in_basis` is maximised over all orthogonal matrices Q,
    from the units' own basis and from random ones. In each step, the gradient with respect to Q is
    projected onto the rotations at Q, which are skew-symmetric matrices; Adam's rule, applied to
    the angles of these rotations, gives the step A; and Q (I + A) is replaced by its nearest
    orthogonal matrix (the polar retraction). The step size decreases linearly to 0.

    The mean has many local maxima, and no upper bound can be proved: the result is the best that
    was found, which is never worse than the units' own basis. It is fitted to the given samples, so
    with few samples per unit, measure it on others by `selectivity_in_basis`.

    Args:
      key: PRNG key for the random starts.
      responses: one number per sample and unit, such as `unit_responses` returns.
      labels: class of each sample, from 0 to num_classes − 1, or −1 to ignore the sample.
      num_classes: number of classes; classes absent from the samples are left out.
      starts: number of random starts, besides the units' own basis; 0 for that basis alone.
      steps: number of steps from each start.
      step_size: initial angle of a step in radians, for each pair of directions; can be traced.
      where: the samples that count; the others (padding) may hold any values, even NaN.

    Returns:
      The basis and its mean, between 0 and 1, in float32 or wider. All numbers are NaN if a
      response of a sample that counts or the step size is NaN or infinite.

    Raises:
      TypeError: key is not a PRNG key, responses are not floating-point numbers, labels, starts or
        steps are not integers, or step_size is not a single number.
      ValueError: shapes do not match, starts is negative, steps is below 1, or, if values are
        concrete, a label is not a class or step_size is negative.

    References:
      Absil, Mahony & Sepulchre, 2008, "Optimization algorithms on matrix manifolds" (polar
      retraction). Kingma & Ba, 2015, "Adam: a method for stochastic optimization". Higham, 2008,
      "Functions of matrices", section 8.3 (Newton–Schulz iteration). The search is our choice.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> rotation = selectax.random_rotation(jax.random.key(0), units=4)
      >>> found = selectax.best_basis(jax.random.key(1), rotation, jnp.arange(4), 4)
      >>> bool(found.selectivity > 0.95)  # the code of the rows is one-hot in another basis
      True
    """
    key, steps = checked_key(key), checked_count("steps", steps)
    starts = checked_count("starts", starts, least=0)
    check_real("step_size", step_size)
    if is_concrete(step_size) and step_size < 0:
        raise ValueError(f"step_size must not be negative, not {step_size}.")
    responses, labels, where = checked_samples(responses, labels, num_classes, where)
    return _search(key, responses, labels, where, step_size, num_classes, starts, steps)


@functools.partial(jax.jit, static_argnames=("num_classes", "starts", "steps"))
def _search(key, responses, labels, where, step_size, num_classes, starts, steps):
    counts = (labels >= 0) & (labels < num_classes)
    counts = (counts if where is None else counts & where)[:, None]
    step_size = jnp.asarray(step_size, responses.dtype)
    finite = jnp.all(jnp.isfinite(responses) | ~counts) & jnp.isfinite(step_size)
    responses = jnp.where(counts & finite, responses, 0)

    def mean_index(basis):
        return jnp.mean(index_in_basis(responses, labels, num_classes, basis, where))

    units, dtype = responses.shape[1], responses.dtype
    bases = [random_rotation(each, units, dtype=dtype) for each in jax.random.split(key, starts)]
    first = jnp.stack([jnp.eye(units, dtype=dtype), *bases])
    found, best = jax.lax.map(lambda basis: _ascend(mean_index, basis, step_size, steps), first)
    at = jnp.argmax(found)
    undefined = jnp.where(finite, 1, jnp.nan).astype(dtype)
    return BestBasis(found[at] * undefined, best[at] * undefined, found * undefined)


def _ascend(mean_index, basis, step_size, steps):
    """The largest mean index on the path from one basis, and its basis."""

    def step(state, number):
        basis, momentum, squares, largest, best = state
        value, gradient = jax.value_and_grad(mean_index)(basis)
        largest, best = _better(value, basis, largest, best)
        turn = full_product(basis.T, gradient)
        turn = (turn - turn.T) / 2
        momentum = _MOMENTUM * momentum + (1 - _MOMENTUM) * turn
        squares = _SQUARES * squares + (1 - _SQUARES) * turn**2
        unbiased = momentum / (1 - _MOMENTUM ** (number + 1))
        root = jnp.sqrt(squares / (1 - _SQUARES ** (number + 1)))
        angles = step_size * (1 - number / steps) * unbiased / (root + _TINY)
        return (_turned(basis, angles), momentum, squares, largest, best), None

    zeros = jnp.zeros_like(basis)
    state = basis, zeros, zeros, jnp.asarray(-1, basis.dtype), basis
    numbers = jnp.arange(steps, dtype=basis.dtype)
    (basis, _, _, largest, best), _ = jax.lax.scan(step, state, numbers)
    return _better(mean_index(basis), basis, largest, best)


def _better(value, basis, largest, best):
    improves = value > largest
    return jnp.where(improves, value, largest), jnp.where(improves, basis, best)


def _turned(basis, angles):
    """The orthogonal matrix nearest to basis (I + angles), by the Newton–Schulz iteration.

    It needs matrix products alone. QR decompositions by LAPACK slow down up to a hundredfold if
    other processes use the CPU, and cannot be batched.
    """
    # Singular values of I + A are between 1 and (1 + |A|²)^½, because A is skew-symmetric. Its
    # singular values come in pairs, so |A| is at most the Frobenius norm over √2.
    largest = jnp.minimum(jnp.sum(angles**2) / 2, jnp.max(jnp.sum(jnp.abs(angles), axis=0)) ** 2)
    turned = (basis + full_product(basis, angles)) / jnp.sqrt(1 + largest)

    def is_rough(state):
        _, deviation, iteration = state
        # Converges quadratically: one more iteration is exact to rounding.
        return (deviation > jnp.sqrt(jnp.finfo(basis.dtype).eps)) & (iteration < _MOST_ITERATIONS)

    def iterate(state):
        turned, _, iteration = state
        excess = full_product(turned.T, turned) - jnp.eye(len(turned), dtype=turned.dtype)
        closer = turned - full_product(turned, excess) / 2
        return closer, jnp.max(jnp.abs(excess)), iteration + 1

    start = turned, jnp.asarray(jnp.inf, basis.dtype), jnp.int32(0)
    return jax.lax.while_loop(is_rough, iterate, start)[0]
