"""What the tests of training methods train: networks of one layer, and one step of training."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from selectax.models.network import Network, of_module
from selectax.study.training.methods.batch import Batch
from selectax.study.training.methods.registry import TRAINING_METHODS
from selectax.study.training.recipe import Recipe
from selectax.study.training.step import Hyperparameters, init_state, train_step
from tests.study.tiny import bytes_and_labels

ADVERSARIAL = {"adversarial_norm": "linf", "adversarial_steps": 3}
CORRUPTION = {"training_corruptions": ("contrast", "brightness"), "benchmark": "cifar10"}


def init(key, images):
    inputs = images[0].size
    return {"params": {"kernel": jax.random.normal(key, (inputs, 2)) / inputs**0.5}}


def apply(variables, images):
    flat = images.reshape(len(images), -1)
    return flat @ variables["params"]["kernel"], {"pixels": flat}


LINEAR = Network(init, apply)


class Normalized(nn.Module):
    """A convolution, batch norm and logits."""

    axis_name: str | None = None

    @nn.compact
    def __call__(self, images, train=False):
        """Logits and activations."""
        maps = nn.Conv(5, (3, 3), strides=2, use_bias=False)(images)
        norm = nn.BatchNorm(
            use_running_average=not train, momentum=0.9, axis_name=self.axis_name, name="norm"
        )
        first = nn.relu(norm(maps))
        return nn.Dense(3)(first.mean((1, 2))), {"first": first}


_init = jax.jit(init_state, static_argnums=(1, 2))
_step = jax.jit(train_step, static_argnames=("recipe", "steps_per_epoch", "axis_name"))


def unit_images(samples=16):
    images, labels = bytes_and_labels(samples)
    return images.astype(np.float32) / 255, labels


def recipe_of(name, network=None, **changes):
    """A recipe for a method, with options for three steps in linf."""
    method = TRAINING_METHODS[name]
    network = network or of_module(Normalized())
    given = {"method": method, "epochs": 10, "batch_size": 16, **changes}
    if name == "adversarial":
        given.setdefault("method_options", tuple(ADVERSARIAL.items()))
    return Recipe(network, 3, **given)


def hyperparameters(strength=0.0, alpha=0.0, **changes):
    given = Hyperparameters(
        jnp.float32(alpha), jnp.float32(0.1), jnp.int32(0), strength=jnp.float32(strength)
    )
    return dataclasses.replace(given, **changes)


def one_step(recipe, given, images, labels, key=None, state=None):
    """The state after one step from the state of seed 0, and the metrics."""
    state = _init(given, recipe, images.shape[1:]) if state is None else state
    key = jax.random.key(7) if key is None else key
    return _step(state, images, labels, given, recipe=recipe, steps_per_epoch=5, key=key)


def batch_of(logits_fn, images, labels, strength, **options):
    keys = jax.random.split(jax.random.key(1), len(images))
    return Batch(
        keys, jnp.asarray(images), jnp.asarray(labels), jnp.float32(strength), logits_fn, options
    )
