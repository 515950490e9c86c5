"""AugMix, an augmentation that makes networks robust to corruptions, in JAX.

`augment_and_mix` mixes an image with chains of random operations on it. AugMix training adds
`jensen_shannon_consistency` to the loss: it makes a network give similar probabilities for an image
and for two augmented versions of it.

AUGMIX_OPERATIONS is the table of operations. They are those that the authors' code uses by default.
Its colour, contrast, brightness and sharpness are left out, because the corruptions of CIFAR-10-C
contain similar ones.

References:
  Hendrycks et al., 2020, "AugMix: A simple data processing method to improve robustness and
  uncertainty", arXiv 1912.02781, and the authors' code, github.com/google-research/augmix.
"""

from selectax.augmix.consistency import jensen_shannon_consistency
from selectax.augmix.mixing import augment_and_mix
from selectax.augmix.operations import AUGMIX_OPERATIONS, AugMixOperation

__all__ = ["AUGMIX_OPERATIONS", "AugMixOperation", "augment_and_mix", "jensen_shannon_consistency"]
