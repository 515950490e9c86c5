"""A part of a Markdown page that a script writes, between two comments."""


def with_marked(page: str, name: str, text: str) -> str:
    """A page with the part between `<!-- NAME: begin -->` and `<!-- NAME: end -->` replaced.

    Raises:
      ValueError: the page lacks one of the two comments.
    """
    begin, end = (f"<!-- {name}: {side} -->" for side in ("begin", "end"))
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"the page lacks {begin} or {end}.")
    return f"{before}{begin}\n{text}\n{end}{after}"
