"""One TFDS builder for each data set.

Importing this package registers the builders with TFDS, as is usual for TFDS: afterwards
`tfds.builder("tiny_imagenet")` returns the builder that `selectax.datasets.load` uses. The other
names are cifar10_c, tiny_imagenet_c and selectax_cifar10, because cifar10 is TFDS's own data set,
which has other splits and cannot be prepared without TensorFlow.
"""

from selectax.datasets.builders import cifar10 as cifar10
from selectax.datasets.builders import cifar10_c as cifar10_c
from selectax.datasets.builders import tiny_imagenet as tiny_imagenet
from selectax.datasets.builders import tiny_imagenet_c as tiny_imagenet_c
