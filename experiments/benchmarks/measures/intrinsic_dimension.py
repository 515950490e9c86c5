"""TwoNN, with its fit, against scikit-learn's search for nearest neighbours by brute force.

Responses of a layer: rectified mixtures of a few sources with noise. The peer only searches for the
two nearest neighbours.

  python experiments/benchmarks/measures/intrinsic_dimension.py [--samples 10000] [--units 64]
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from sklearn.neighbors import NearestNeighbors

from experiments.benchmarks.shared.contest import Aims, Contest, time_in_turn
from selectax.intrinsic_dimension import twonn_dimension

SOURCES = 8


@dataclasses.dataclass(frozen=True)
class Options:
    """What is compared."""

    samples: int = 10_000
    """Of the layer's responses."""
    units: int = 64
    """Of the layer."""
    rounds: int = 7
    """Of each contestant, in turn."""


def contest(options: Options = Options()) -> Contest:
    generator = np.random.default_rng(0)
    sources = generator.normal(size=(options.samples, SOURCES))
    mixed = sources @ generator.normal(size=(SOURCES, options.units))
    noise = 0.05 * generator.normal(size=mixed.shape)
    responses = np.maximum(mixed + noise, 0).astype(np.float32)
    on_device = jnp.asarray(responses)

    def by_selectax():
        return jax.block_until_ready(twonn_dimension(on_device))

    def by_scikit_learn():
        # The nearest neighbour that it finds is the point itself.
        search = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(responses)
        return search.kneighbors(responses)[0]

    found = float(by_selectax())
    distances = by_scikit_learn().astype(np.float64)
    logs = np.sort(np.log(distances[:, 2] / distances[:, 1]))[: int(0.9 * options.samples)]
    heights = -np.log1p(-np.arange(1, len(logs) + 1) / options.samples)
    expected = logs @ heights / (logs @ logs)
    print(f"dimension {found:.4f}; from scikit-learn's distances {expected:.4f}")
    return Contest(
        f"TwoNN of {options.samples:,} × {options.units} responses",
        time_in_turn(
            {"selectax": by_selectax, "scikit-learn": by_scikit_learn}, rounds=options.rounds
        ),
        work=1,
        unit="layers",
        peer="scikit-learn",
        aims=Aims(1, 1, gpu=1),
    )


if __name__ == "__main__":
    contest(tyro.cli(Options, description=__doc__)).show()
