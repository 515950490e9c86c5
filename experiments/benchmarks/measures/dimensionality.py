"""The three-matrix dimensionality job against scikit-learn's fastest solver.

Clean responses, perturbed responses and their difference, 10,000 samples, of all layers of a
ResNet-20 and a layer of 512 units: the components that reach 90, 95 and 99 % of the variance.

  python experiments/benchmarks/measures/dimensionality.py [--samples 10000] [--rounds 7]
"""

import collections
import dataclasses
import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from sklearn.decomposition import PCA

from experiments.benchmarks.shared.contest import Aims, Contest, time_in_turn
from selectax.dimensionality import (
    components_for_variance,
    init_covariance,
    principal_variances,
    update_covariance,
)

WIDTHS = [16] * 7 + [32] * 6 + [64] * 6 + [512]
THRESHOLDS = (0.90, 0.95, 0.99)
BATCH = 1000


def rectified_responses(generator, samples, units):
    """Clean and perturbed responses of a layer: rectified mixtures whose variances fall off."""
    sources = generator.normal(size=(samples, units))
    strengths = np.arange(1, units + 1) ** -1.0
    mixing = strengths[:, None] * generator.normal(size=(units, units))
    shift = 0.3 * generator.normal(size=(samples, units)) * generator.permutation(strengths)
    clean = np.maximum(sources @ mixing + 0.5, 0)
    perturbed = np.maximum(sources @ mixing + 0.5 + shift, 0)
    return clean.astype(np.float32), perturbed.astype(np.float32)


@jax.jit
def by_selectax(clean, perturbed):
    """Components of three matrices, from dicts of width to (batches, layers, samples, width)."""

    def add_batch(states, batch):
        clean, perturbed = batch
        return {
            width: jax.vmap(jax.vmap(update_covariance))(
                states[width],
                jnp.stack([clean[width], perturbed[width], perturbed[width] - clean[width]]),
            )
            for width in states
        }, None

    def empty(width):
        layers = clean[width].shape[1]
        return jax.tree.map(
            lambda leaf: jnp.zeros((3, layers, *leaf.shape)), init_covariance(width)
        )

    states, _ = jax.lax.scan(
        add_batch, {width: empty(width) for width in clean}, (clean, perturbed)
    )

    def components(state):
        return components_for_variance(principal_variances(state), THRESHOLDS)

    return {width: jax.vmap(jax.vmap(components))(state) for width, state in states.items()}


def by_scikit_learn(clean, perturbed, solvers):
    """The same from dicts of width to (layers, samples, width), by a given solver per width."""
    return {
        width: np.array(
            [
                [_components(PCA(svd_solver=solvers[width]).fit(layer)) for layer in layers]
                for layers in (clean[width], perturbed[width], perturbed[width] - clean[width])
            ]
        )
        for width in clean
    }


def _components(pca):
    shares = np.cumsum(pca.explained_variance_ratio_)
    return [int(np.sum(shares < threshold)) + 1 for threshold in THRESHOLDS]


@dataclasses.dataclass(frozen=True)
class Options:
    """What is compared."""

    samples: int = 10_000
    """Of each layer's responses."""
    rounds: int = 7
    """Of each contestant, in turn."""


def contest(options: Options = Options()) -> Contest:
    warnings.filterwarnings("ignore", category=RuntimeWarning)

    generator = np.random.default_rng(0)
    clean, perturbed = collections.defaultdict(list), collections.defaultdict(list)
    for width in WIDTHS:
        one, other = rectified_responses(generator, options.samples, width)
        clean[width].append(one)
        perturbed[width].append(other)
    clean, perturbed = (
        {width: np.stack(layers) for width, layers in responses.items()}
        for responses in (clean, perturbed)
    )
    batches = [
        {
            width: jnp.asarray(layers.reshape(len(layers), -1, BATCH, width).swapaxes(0, 1))
            for width, layers in responses.items()
        }
        for responses in (clean, perturbed)
    ]

    solvers = {}
    for width in clean:
        fit = {
            solver: functools.partial(PCA(svd_solver=solver).fit, clean[width][0])
            for solver in ("full", "covariance_eigh")
        }
        fastest = {solver: min(times) for solver, times in time_in_turn(fit, rounds=5).items()}
        solvers[width] = min(fastest, key=fastest.get)
        times = ", ".join(f"{solver} {seconds:.4f} s" for solver, seconds in fastest.items())
        print(f"scikit-learn, {width} units: {times}")

    ours = functools.partial(by_selectax, *batches)
    theirs = functools.partial(by_scikit_learn, clean, perturbed, solvers)
    exact = by_scikit_learn(
        *({width: layers.astype(np.float64) for width, layers in responses.items()}
          for responses in (clean, perturbed)),
        dict.fromkeys(clean, "full"),
    )  # fmt: skip
    for name, found in (("selectax", ours()), ("scikit-learn in float32", theirs())):
        differing = sum(int(np.sum(np.asarray(found[width]) != exact[width])) for width in exact)
        total = sum(numbers.size for numbers in exact.values())
        print(f"{name}: {differing} of {total} component counts differ from float64 scikit-learn")
    contestants = {"selectax": lambda: jax.block_until_ready(ours()), "scikit-learn": theirs}
    return Contest(
        "Components of clean and perturbed responses and their difference, all layers",
        time_in_turn(contestants, rounds=options.rounds),
        work=1,
        unit="jobs",
        peer="scikit-learn",
        aims=Aims(1, 1, gpu=3),
    )


if __name__ == "__main__":
    contest(tyro.cli(Options, description=__doc__)).show()
