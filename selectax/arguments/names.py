"""Suggestions for unknown names."""

import difflib
from collections.abc import Iterable


def nearest(name: object, known: Iterable[str]) -> str:
    """The known name that is most similar."""
    return difflib.get_close_matches(str(name), list(known), n=1, cutoff=0)[0]


def unknown(given: str, name: object, known: Iterable[str]) -> str:
    """The error message for an unknown name.

    Args:
      given: the argument as the user wrote it, such as "--model resnet9".
      name: the unknown name, such as "resnet9".
      known: the known names.
    """
    known = list(known)
    return f"{given}: unknown; did you mean {nearest(name, known)}? Known are {', '.join(known)}."
