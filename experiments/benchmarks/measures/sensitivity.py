"""Input-unit gradients by random directions against one vector-Jacobian product a unit.

The network is by default the ResNet-32 of the real data; images are CIFAR-10's first test images.
"""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from experiments.benchmarks.shared.contest import Aims, Contest, time_in_turn
from selectax import models
from selectax.datasets import load
from selectax.models.convolution import native_convolution
from selectax.selectivity import unit_responses
from selectax.sensitivity import (
    exact_input_gradient_norms,
    init_norm_moments,
    input_gradient_norms,
    update_norm_moments,
    variation_over_samples,
    variation_over_units,
)

EXACT = "one product a unit"


@dataclasses.dataclass(frozen=True)
class Options:
    """What is compared."""

    data: tyro.conf.Positional[pathlib.Path]
    """Folder of resnet32-cifar10.th and cifar-10-binary.tar.gz."""
    model: str = "resnet32"
    """Name of the network; any but ResNet-32 has random weights."""
    images: int = 32
    """Test images."""
    directions: int = 64
    """Random directions for each image."""
    rounds: int = 3
    """Of each contestant, in turn."""


def contest(options: Options) -> Contest:
    images, labels = load("cifar10", "test", archives=options.data, allow_unverified_archives=True)
    images = jnp.asarray(images[:500], jnp.float32) / 255
    module = models.create(options.model, 10)
    if options.model == "resnet32":
        variables = models.from_torch(options.data / "resnet32-cifar10.th", "resnet32", 10)
    else:
        variables = module.init(jax.random.key(1), images[:1])
    logits, _ = jax.jit(module.apply)(variables, images)
    print(f"accuracy of the network: {jnp.mean(jnp.argmax(logits, axis=1) == labels[:500]):.3f}")

    def responses_fn(module):
        def respond(images):
            _, activations = module.apply(variables, images)
            return {name: unit_responses(layer) for name, layer in activations.items()}

        return respond

    native = responses_fn(module.clone(convolve=native_convolution))
    estimate = jax.jit(
        lambda key, images: input_gradient_norms(key, native, images, directions=options.directions)
    )
    exact = jax.jit(lambda images: exact_input_gradient_norms(responses_fn(module), images))
    images = images[: options.images]
    key = jax.random.key(0)
    estimated_norms, exact_norms = estimate(key, images), exact(images)
    report(estimated_norms, exact_norms)
    contestants = {
        "random directions": lambda: jax.block_until_ready(estimate(key, images)),
        EXACT: lambda: jax.block_until_ready(exact(images)),
    }
    name = options.model.replace("resnet", "ResNet-")
    return Contest(
        f"Input gradients of {name} by {options.directions} random directions",
        time_in_turn(contestants, rounds=options.rounds),
        work=options.images,
        unit="images",
        peer=EXACT,
        aims=Aims(10, 10, gpu=10),
    )


def report(estimated, exact):
    """Deviations of the estimates at the median unit and over all units."""
    moments = [
        {
            name: update_norm_moments(init_norm_moments(layer.norm.shape[1]), layer)
            for name, layer in norms.items()
        }
        for norms in (estimated, exact)
    ]

    def units(of_layer):
        return [np.concatenate([of_layer(layers[name]) for name in exact]) for layers in moments]

    for what, (ours, true) in {
        "mean norm over samples": units(lambda layer: layer.mean),
        "variation over samples": units(variation_over_samples),
        "variation over units": units(lambda layer: variation_over_units(layer)[None]),
    }.items():
        alive = true > 0
        deviation = ours[alive] / true[alive] - 1
        low, median, high = np.percentile(deviation, [5, 50, 95])
        print(
            f"{what}: {np.sum(alive)} values, median {np.median(true[alive]):.3f}; estimates "
            f"deviate by {median:+.1%} at the median, from {low:+.1%} to {high:+.1%} at 5 to 95 %, "
            f"absolutely by {np.median(np.abs(deviation)):.1%} (aim: 5 %)"
        )


if __name__ == "__main__":
    contest(tyro.cli(Options, description=__doc__)).show()
