"""One TFDS builder for each data set.

Importing this package registers the builders with TFDS, as is usual for TFDS: afterwards
`tfds.builder("tiny_imagenet")` returns the builder that `selectax.datasets.load` uses. The other
names are cifar10_c, tiny_imagenet_c and selectax_cifar10, because cifar10 is TFDS's own data set,
which has other splits and cannot be prepared without TensorFlow.
"""

from selectax.datasets.builders import (
    cifar10,
    cifar10_c,
    tiny_imagenet,
    tiny_imagenet_c,
)

__all__ = ["cifar10", "cifar10_c", "tiny_imagenet", "tiny_imagenet_c"]
