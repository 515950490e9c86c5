"""AugMix training: clean images, two augmented versions of each, and a consistency loss.

At strength 0 the three versions are the same images, and the consistency loss is 0. The networks
then equal those of standard training up to rounding, because batch norm sums over three copies of
each image: losses of a step agree to a relative difference of 1e-5, and rounding grows with the
number of steps.

References:
  Hendrycks et al., 2020, "AugMix: A simple data processing method to improve robustness and
  uncertainty", arXiv 1912.02781, section 3; the function `train` of cifar.py in the authors' code
  (weight of the consistency loss, and one pass over the three versions together).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from selectax.augmix import augment_and_mix, jensen_shannon_consistency
from selectax.study.training.methods.batch import Batch, Images

# Of the authors' code.
_WEIGHT = 12


def three_versions(batch: Batch) -> Images:
    """Returns the batch's images, followed by two augmented versions of each of them.

    Args:
      batch: RGB images. The strength multiplies severity and share of the augmentation: 0 leaves
        images as they are, and 1 is the published augmentation.

    Returns:
      Images in [0, 1], of shape (3 · samples, height, width, 3).
    """

    def mixed(key, image):
        return augment_and_mix(key, image[None], strength=batch.strength)[0]

    keys = jax.vmap(jax.random.split)(batch.keys)
    versions = [jax.vmap(mixed)(keys[:, number], batch.images) for number in range(2)]
    return jnp.concatenate([batch.images, *versions])


def consistency_loss(
    logits: Float[Array, "3 samples classes"],
    labels: Int[Array, "samples"],
    strength: Float[Array, ""],
) -> Float[Array, ""]:
    """Returns 12 times the Jensen–Shannon divergence of the predictions for the three versions."""
    del labels, strength
    return _WEIGHT * jensen_shannon_consistency(*logits)
