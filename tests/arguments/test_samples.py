"""Masks of the samples that count."""

import pytest

from tests.arguments.calls import assert_refused, mean

BAD = {
    "weights": (lambda: mean(where=[0.5, 1, 1, 1]), "where holds 0.5"),
    "a short mask": (lambda: mean(where=[True]), "where must have shape"),
}


@pytest.mark.parametrize("case", BAD)
def test_errors_name_the_argument_in_one_sentence(case):
    assert_refused(*BAD[case])
