import jax.numpy as jnp
import numpy as np
import pytest

import selectax
from tests.arguments.calls import assert_refused


def test_variances_may_be_integers_in_any_order_or_slightly_below_zero():
    expected = selectax.components_for_variance(jnp.array([6.0, 3, 1]), (0.5, 0.8))
    for given in ([6, 3, 1], np.array([1, 3, 6]), [6.0, 3.0, 1.0, -1e-8]):
        np.testing.assert_array_equal(selectax.components_for_variance(given, (0.5, 0.8)), expected)
    np.testing.assert_allclose(selectax.participation_ratio([2, 2, 0]), 2)


BAD = {
    "negative variances": (lambda: selectax.participation_ratio([2.0, -1.0]), "variances hold -1"),
    "no variances": (lambda: selectax.components_for_variance([]), "variances are empty"),
}


@pytest.mark.parametrize("case", BAD)
def test_errors_name_the_argument_in_one_sentence(case):
    assert_refused(*BAD[case])
