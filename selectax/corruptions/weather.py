"""Weather."""

import jax.numpy as jnp

from selectax.corruptions.corruption import Corruption


def _brightness(_, image, amount):
    # At constant hue and saturation all channels are proportional to the HSV value, their maximum.
    value = jnp.max(image, axis=-1, keepdims=True)
    brighter = jnp.clip(value + amount, 0, 1)
    black = value == 0
    return jnp.where(black, brighter, image * (brighter / jnp.where(black, 1, value)))


brightness = Corruption(_brightness)
