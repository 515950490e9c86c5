"""Parts of pages that scripts write."""

import pytest

from experiments.marked import with_marked


def test_what_is_between_the_comments_is_replaced():
    page = "a\n<!-- evidence: begin -->\nold\n<!-- evidence: end -->\nb\n"
    assert with_marked(page, "evidence", "new") == page.replace("old", "new")


@pytest.mark.parametrize("page", ["no place", "<!-- evidence: begin -->"])
def test_a_page_without_a_place_is_refused(page):
    with pytest.raises(ValueError, match="the page lacks <!-- evidence: begin -->"):
        with_marked(page, "evidence", "rows")
