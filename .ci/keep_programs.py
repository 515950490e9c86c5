"""Removes compiled programs that are old, or that a killed process left half written.

JAX never writes a program again that is there, and warns each time that it cannot read one.
"""

import pathlib
import sys
import time
import zlib

DAYS = 14

oldest = time.time() - DAYS * 24 * 3600
for path in pathlib.Path(sys.argv[1]).glob("*-cache"):
    try:
        zlib.decompress(path.read_bytes())
        kept = path.stat().st_mtime > oldest
    except (zlib.error, FileNotFoundError):  # another run may have removed it
        kept = False
    if not kept:
        path.unlink(missing_ok=True)
