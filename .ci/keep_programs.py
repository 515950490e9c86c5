"""Removes compiled programs that are old, or that a killed process left half written.

JAX never writes a program again that is there, and warns each time that it cannot read one.
"""

import pathlib
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

DAYS = 14
OLDEST = time.time() - DAYS * 24 * 3600


def keep(path: pathlib.Path) -> None:
    """Removes a program that is too old or cannot be read."""
    try:
        zlib.decompress(path.read_bytes())
        kept = path.stat().st_mtime > OLDEST
    except (zlib.error, FileNotFoundError):  # another run may have removed it
        kept = False
    if not kept:
        path.unlink(missing_ok=True)


with ThreadPoolExecutor() as pool:  # to read and to decompress needs no lock of the interpreter
    list(pool.map(keep, pathlib.Path(sys.argv[1]).glob("*-cache")))
