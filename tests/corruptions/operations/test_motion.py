import math

import numpy as np
import pytest

from selectax.corruptions.operations.motion import blur_along, motion_weights
from tests.corruptions.images import photographs
from tests.reference import corruptions_by_libraries as libraries

IMAGE = photographs(height=24, width=33)[0]


@pytest.mark.parametrize("degrees", range(-173, 181, 50))
def test_motion_goes_in_every_direction(degrees):
    weights = motion_weights([4], [2])[0]
    expected = libraries.motion_blur(IMAGE, 4, 2, math.radians(degrees))
    blurred = blur_along(IMAGE, weights, np.float32(math.radians(degrees)))
    np.testing.assert_allclose(blurred, expected, atol=3e-6)
