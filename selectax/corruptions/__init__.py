"""The common corruptions of CIFAR-10-C, Tiny ImageNet-C and ImageNet-C, in JAX.

All corruptions follow the same rules. They take float images in [0, 1] with 1 or 3 channels, at
least 8 pixels high and wide, and return images of the same shape and dtype in [0, 1]. The benchmark
selects the parameters of the severities. Each sample gets its own randomness from the key. The
severity may be traced, so one compilation serves all five. Computation is in float32, whatever the
dtype of the images and the default dtypes of the process.

CORRUPTIONS is a dict from names to `Corruption` objects. `corrupt` also takes a `Corruption` of
your own, which need not be registered.

References:
  Hendrycks & Dietterich, 2019, "Benchmarking neural network robustness to common corruptions and
  perturbations".
"""

from selectax.corruptions.application import corrupt, to_published_bytes
from selectax.corruptions.corruption import BENCHMARKS, Benchmark, Corruption
from selectax.corruptions.registry import BENCHMARK_CORRUPTIONS, CORRUPTIONS

__all__ = [
    "BENCHMARKS",
    "BENCHMARK_CORRUPTIONS",
    "CORRUPTIONS",
    "Benchmark",
    "Corruption",
    "corrupt",
    "to_published_bytes",
]
