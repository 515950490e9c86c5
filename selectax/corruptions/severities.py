"""The parameters of the published benchmarks, severities 1 to 5 in order.

References:
  Hendrycks & Dietterich, 2019, "Benchmarking neural network robustness to common corruptions and
  perturbations", and the code that made CIFAR-10-C, Tiny ImageNet-C and ImageNet-C.
"""

SEVERITIES = {
    # deviation of the noise
    "gaussian_noise": {
        "cifar10": (0.04, 0.06, 0.08, 0.09, 0.10),
        "tiny_imagenet": (0.04, 0.08, 0.12, 0.15, 0.18),
        "imagenet": (0.08, 0.12, 0.18, 0.26, 0.38),
    },
    # deviation of the kernel, in pixels
    "gaussian_blur": {
        "cifar10": (0.4, 0.6, 0.7, 0.8, 1.0),
        "tiny_imagenet": (0.5, 0.75, 1.0, 1.25, 1.5),
        "imagenet": (1.0, 2.0, 3.0, 4.0, 6.0),
    },
    # what is added to the HSV value
    "brightness": {
        "cifar10": (0.05, 0.1, 0.15, 0.2, 0.3),
        "tiny_imagenet": (0.1, 0.2, 0.3, 0.4, 0.5),
        "imagenet": (0.1, 0.2, 0.3, 0.4, 0.5),
    },
    # factor of the deviation from the mean
    "contrast": {
        "cifar10": (0.75, 0.5, 0.4, 0.3, 0.15),
        "tiny_imagenet": (0.4, 0.3, 0.2, 0.1, 0.05),
        "imagenet": (0.4, 0.3, 0.2, 0.1, 0.05),
    },
    # share of the side that is left
    "pixelate": {
        "cifar10": (0.95, 0.9, 0.85, 0.75, 0.65),
        "tiny_imagenet": (0.9, 0.8, 0.7, 0.6, 0.5),
        "imagenet": (0.6, 0.5, 0.4, 0.3, 0.25),
    },
}

BENCHMARKS = ("cifar10", "tiny_imagenet", "imagenet")
