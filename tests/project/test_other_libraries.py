"""The pages on other libraries hold: each runs, trains, and moves selectivity the way of alpha."""

import pathlib
import re

import pytest

from tests.project.markdown import blocks

PAGES = sorted((pathlib.Path(__file__).parents[2] / "docs" / "other_libraries").glob("*.md"))
NETWORK = re.compile(r"alpha (\S+): loss (\S+) → (\S+), selectivity (\S+)")


def networks(text):
    return [tuple(map(float, found)) for found in NETWORK.findall(text)]


def test_the_libraries_have_a_page_each():
    assert {page.stem for page in PAGES} == {"linen", "nnx", "equinox", "haiku", "plain_jax"}


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_regularizer_works_in_other_libraries(page, capsys):
    exec(compile("".join(blocks(page, "python")), page.name, "exec"), {})
    trained = networks(capsys.readouterr().out)
    assert [alpha for alpha, *_ in trained] == [-0.3, 0, 0.3]
    for _, first, last, _ in trained:
        assert last < 0.9 * first
    lowered, left, raised = (selectivity for *_, selectivity in trained)
    assert lowered < left < raised
    # What the page says, as far as another processor's rounding leaves it.
    (said,) = blocks(page, "text")
    for (*_, selectivity), (*_, as_said) in zip(trained, networks(said), strict=True):
        assert selectivity == pytest.approx(as_said, abs=0.1)
