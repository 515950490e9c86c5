"""What a corruption is."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

Image = Float[Array, "height width channels"]


def as_they_are(severities: Sequence[Any], image_shape: tuple[int, int, int]) -> np.ndarray:
    """Constants of a corruption that needs nothing but its parameters."""
    del image_shape
    return np.asarray(severities, np.float32)


class Corruption(NamedTuple):
    """One image's corruption, split into what severity decides and what is done with it.

    Attributes:
      apply: (key, image in [0, 1], constants of one severity) to the corrupted image, which may
        leave [0, 1].
      constants: (parameters of all severities, shape of the image) to NumPy arrays whose first axis
        is severity, so that a traced severity can choose among them.
      in_colour: whether apply takes only images of three channels, red, green and blue.
    """

    apply: Callable[[PRNGKeyArray, Image, Any], Image]
    constants: Callable[[Sequence[Any], tuple[int, int, int]], Any] = as_they_are
    in_colour: bool = False
