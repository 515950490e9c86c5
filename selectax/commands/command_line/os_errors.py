"""Sentences on errors of the operating system."""

import errno
import os
from pathlib import Path

_NO_ACCESS = "change its permissions, or name another place"
_REMEDIES = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room within the quota",
    errno.EROFS: "name a place that is not read-only",
    errno.EACCES: _NO_ACCESS,
    errno.EPERM: _NO_ACCESS,
}


def sentence_on(error: OSError, place: Path | str, remedy: str | None = None) -> str:
    """One sentence that names the file, the reason and the remedy.

    Args:
      error: the error. Without a reason of the system it was raised by a library, or is a sentence
        of our own, which is returned unchanged.
      place: the file or folder that the command works on, for errors that name no file, such as
        those of writing to a full disk.
      remedy: what to do; by default a remedy for the kind of error.
    """
    reason = error.strerror
    if reason is None:
        reason = " ".join(str(error).split()) or type(error).__name__
        if reason.endswith("."):
            return reason
    # The file name may also be a file descriptor.
    named = error.filename if isinstance(error.filename, str | bytes | os.PathLike) else place
    remedy = remedy or _REMEDIES.get(error.errno or 0, "name another file")
    return f"{os.fsdecode(named)}: {reason}; {remedy}."
