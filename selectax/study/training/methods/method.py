"""Defines a training method, which is an entry of the table TRAINING_METHODS."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class TrainingMethod:
    """A way of training for robustness, with a strength that may differ between networks.

    A method is hashable, so that it can be a static argument of compiled functions. Create it once,
    at the top of a module: two methods are equal only if their functions are the same objects.

    The loss is cross-entropy − alpha · mean selectivity + `loss`. Cross-entropy, selectivity and
    the reported training accuracy are those of the first view. Batch norm takes the statistics of
    all views together.

    Attributes:
      name: name in `--training-method` and in the column `training` of the results.
      help: short description.
      strength: what the strength means, with its unit.
      images: function from a `selectax.study.training.methods.batch.Batch` to the images that the
        network is trained on, floats in [0, 1] of shape (views · samples, height, width, channels),
        one view after the other. At strength 0 it must return the batch's own images in each view.
        None trains on the batch itself.
      loss: function (logits, labels, strength) -> scalar of an additional loss, where logits have
        shape (views, samples, classes). It must be a mean over samples, because it is averaged over
        devices and micro-batches. None adds nothing.
      views: number of images that `images` returns for each image.
      options: fields of `MethodOptions` that only this method uses.
      largest: largest strength.
      whole_numbers: whether strengths are whole numbers.
      needs_colour: whether images must have three channels: red, green and blue.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from selectax import study
      >>> def noisy(batch):
      ...     def draw(key):
      ...         return jax.random.normal(key, batch.images.shape[1:])
      ...
      ...     noise = batch.strength * jax.vmap(draw)(batch.keys)
      ...     return jnp.clip(batch.images + noise, 0, 1)
      ...
      >>> noise = study.TrainingMethod(
      ...     "noise", "Gaussian noise", "standard deviation in the range of pixels", images=noisy
      ... )
    """

    name: str
    help: str
    strength: str
    images: Callable[[Any], Any] | None = None
    loss: Callable[[Any, Any, Any], Any] | None = None
    views: int = 1
    options: tuple[str, ...] = ()
    largest: float = math.inf
    whole_numbers: bool = False
    needs_colour: bool = False
