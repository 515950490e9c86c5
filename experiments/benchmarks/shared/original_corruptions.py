"""The 19 corruptions of imagecorruptions, with the scikit-image and NumPy of today.

imagecorruptions 1.1.2 calls `gaussian(…, multichannel=True)` (glass blur, Gaussian blur), which
scikit-image 0.19 replaced by `channel_axis`, and `np.float_` (fog), which NumPy 2 removed.
"""

import types
from collections.abc import Callable

import numpy as np
from PIL import Image
from skimage.filters import gaussian


def original(name: str) -> Callable[[np.ndarray, int], np.ndarray]:
    """A function of an image (height, width, 3) of bytes and a severity, which gives bytes.

    Unlike `imagecorruptions.corrupt`, it takes images smaller than 32 × 32.
    """
    from imagecorruptions import corruptions

    corruptions.gaussian = _gaussian
    corruptions.np = types.SimpleNamespace(**(vars(np) | {"float_": np.float64}))
    function = getattr(corruptions, name)
    return lambda image, severity: np.uint8(function(Image.fromarray(image), severity))


def _gaussian(image, sigma, multichannel=False, **options):
    return gaussian(image, sigma, channel_axis=-1 if multichannel else None, **options)
