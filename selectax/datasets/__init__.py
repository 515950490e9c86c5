"""Labelled images as arrays: scikit-learn's digits, embedded, and four data sets through TFDS.

Importing this registers them with TFDS: `tfds.builder("tiny_imagenet")` is the builder that `load`
uses, and so are cifar10_c, tiny_imagenet_c and selectax_cifar10. (cifar10 is TFDS's own, with other
splits, which cannot be prepared without TensorFlow.)
"""

from selectax.installing import sentence_on_missing

try:
    from selectax.datasets.archives.archive import DataError
    from selectax.datasets.loading import load
    from selectax.datasets.registry import (
        ALL_DATASETS,
        CORRUPTED,
        DATASETS,
        SEVERITIES,
        SPLITS,
        DataSet,
        describe,
    )
except ModuleNotFoundError as missing:
    raise ImportError(sentence_on_missing("selectax.datasets", missing.name)) from missing

__all__ = [
    "ALL_DATASETS",
    "CORRUPTED",
    "DATASETS",
    "SEVERITIES",
    "SPLITS",
    "DataError",
    "DataSet",
    "describe",
    "load",
]
