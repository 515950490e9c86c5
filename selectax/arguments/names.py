"""Names that are chosen among known ones."""

import difflib
from collections.abc import Iterable


def nearest(name: object, known: Iterable[str]) -> str:
    """The known name that is most similar."""
    return difflib.get_close_matches(str(name), list(known), n=1, cutoff=0)[0]


def unknown(given: str, name: object, known: Iterable[str]) -> str:
    """The sentence on a name that is not among the known ones.

    Args:
      given: what is unknown, such as "--model resnet9".
      name: the name alone.
      known: the names to choose among.
    """
    known = list(known)
    return f"{given}: unknown; did you mean {nearest(name, known)}? Known are {', '.join(known)}."
