import pytest

import selectax
from tests.arguments.calls import ACTIVATIONS, assert_refused

BAD = {
    "an integer for a key": (
        lambda: selectax.leading_variances(0, ACTIVATIONS, 1),
        r"give jax\.random\.key\(0\)",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_errors_name_the_argument_in_one_sentence(case):
    assert_refused(*BAD[case])
