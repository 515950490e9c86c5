"""What a corruption is: the entry of the table CORRUPTIONS."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

Benchmark = Literal["cifar10", "tiny_imagenet", "imagenet"]
BENCHMARKS: tuple[Benchmark, ...] = get_args(Benchmark)

Image = Float[Array, "height width channels"]
Textures = Float[Array | np.ndarray, "textures rows columns 3"]

# The paper and its published code, which made CIFAR-10-C, Tiny ImageNet-C and ImageNet-C.
BENCHMARK_SOURCE = "Hendrycks & Dietterich 2019, arXiv 1903.12261"


def as_they_are(severities: Sequence[Any], image_shape: tuple[int, ...]) -> np.ndarray:
    """Returns the parameters as an array, for corruptions that need nothing else."""
    del image_shape
    return np.asarray(severities, np.float32)


@dataclasses.dataclass(frozen=True)
class Corruption:
    """How to corrupt one image, and everything else that is known about the corruption.

    Corruptions are hashable, so they can be static arguments of compiled functions.

    Attributes:
      name: name in commands and in tables of results.
      apply: takes a key, an image in [0, 1] and the constants of one severity; returns the
        corrupted image. Its values may leave [0, 1]: `corrupt` clips them.
      constants: takes the parameters of all five severities and the shape of the image; returns
        a pytree of NumPy arrays whose first axis is the severity, so that a traced severity can
        index them. By default, the parameters themselves as float32.
      severities: five parameters for each benchmark, mildest first. A single benchmark's
        parameters are used for every benchmark.
      source: publication that defines the corruption.
      is_random: whether the result depends on the key.
      needs_colour: whether `apply` requires three channels: red, green and blue.
      keeps_flat_images: whether an image of a single grey value stays the same, up to rounding.
      is_extra: False for the 15 corruptions that the benchmark averages over, True for all others.
      textures: takes a benchmark and the shape of the images; returns textures to overlay. If
        given, the constants that `apply` receives are a pair of constants and textures.

    Raises:
      TypeError: apply or constants is not callable.
      ValueError: the name is empty, or severities are not five for one benchmark or for each.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from selectax.corruptions import Corruption, corrupt
      >>> def fade(key, image, share):
      ...     return (1 - share) * image + share
      >>> fading = Corruption("fading", fade, severities={"cifar10": (0.1, 0.2, 0.3, 0.4, 0.5)})
      >>> corrupt(jax.random.key(0), jnp.zeros((1, 8, 8, 3)), fading, severity=5)[0, 0, 0]
      Array([0.5, 0.5, 0.5], dtype=float32)
    """

    name: str
    apply: Callable[[PRNGKeyArray, Image, Any], Image]
    constants: Callable[[Sequence[Any], tuple[int, ...]], Any] = as_they_are
    severities: Mapping[str, Sequence[Any]] = dataclasses.field(kw_only=True, hash=False)
    source: str = ""
    is_random: bool = False
    needs_colour: bool = False
    keeps_flat_images: bool = False
    is_extra: bool = True
    textures: Callable[[Benchmark, tuple[int, ...]], Textures] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name must be a string that is not empty, not {self.name!r}.")
        for field in ("apply", "constants"):
            if not callable(getattr(self, field)):
                raise TypeError(
                    f"{field} of corruption {self.name!r} must be a function, not "
                    f"{getattr(self, field)!r}."
                )
        severities = self.severities
        complete = isinstance(severities, Mapping) and (
            len(severities) == 1 or len(severities) == len(BENCHMARKS)
        )
        if not complete or not set(severities) <= set(BENCHMARKS):
            raise ValueError(
                f"severities of corruption {self.name!r} must map one of the benchmarks "
                f"{', '.join(BENCHMARKS)}, or each of them, to five parameters, not {severities!r}."
            )
        for benchmark, parameters in severities.items():
            if not isinstance(parameters, Sequence) or len(parameters) != 5:
                raise ValueError(
                    f"severities of corruption {self.name!r} must be five for {benchmark}, not "
                    f"{parameters!r}; give one parameter for each severity."
                )

    def severities_of(self, benchmark: Benchmark) -> Sequence[Any]:
        """Returns the five parameters for a benchmark, or the only five that there are."""
        if len(self.severities) == 1:
            (parameters,) = self.severities.values()
            return parameters
        return self.severities[benchmark]
