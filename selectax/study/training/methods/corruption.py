"""Training on corrupted images: each image gets a random one of several corruptions."""

import functools

import jax
import jax.numpy as jnp

from selectax.corruptions import corrupt
from selectax.study.training.methods.batch import Batch, Images


def corrupted_images(batch: Batch) -> Images:
    """Corrupts each image by a random one of the named corruptions.

    Which corruption an image gets, and its random numbers, depend on the image's own key. All named
    corruptions are computed and one result is kept, so the cost grows with their number.

    Args:
      batch: images to corrupt. The strength is the severity, a whole number from 0 to 5; traced.
        Its options are the names of the corruptions and the benchmark whose severities they have.

    Returns:
      Images in [0, 1]; at strength 0 exactly the batch's images.

    References:
      Hendrycks & Dietterich, 2019, "Benchmarking neural network robustness to common corruptions
      and perturbations" (corruptions and severities).
    """
    names, benchmark = batch.options["training_corruptions"], batch.options["benchmark"]
    severity = jnp.round(batch.strength).astype(jnp.int32)

    def under(name, key, image, severity):
        return corrupt(key, image[None], name, severity, benchmark=benchmark)[0]

    branches = [functools.partial(under, name) for name in names]

    def one(key, image):
        choice_key, corruption_key = jax.random.split(key)
        chosen = jax.random.randint(choice_key, (), 0, len(names), jnp.int32)
        return jax.lax.switch(chosen, branches, corruption_key, image, severity)

    corrupted = jax.vmap(one)(batch.keys, batch.images)
    return jnp.where(batch.strength > 0, corrupted, batch.images)
