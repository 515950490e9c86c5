import pytest

from selectax.study.report import figures
from tests.study.report.known import UNITS, table


@pytest.fixture(scope="package")
def full():
    """A table with every measure."""
    return table()


@pytest.fixture(scope="package")
def drawn(full):
    """Its figures."""
    return figures.draw_all(full, UNITS)
