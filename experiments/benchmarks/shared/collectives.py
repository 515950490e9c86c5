"""What devices exchange in a compiled program, counted from its text."""

import math
import re
from typing import NamedTuple

_BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "f32": 4, "s32": 4, "u32": 4}
_BYTES |= {"f64": 8, "s64": 8, "u64": 8}
# Of "%x = (f32[16]{0}, f32[3,3]{1,0}) all-reduce(...)", what comes out.
_COLLECTIVE = re.compile(
    r"\s*(?:ROOT )?%\S+ = (.*?) "
    r"(?:all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute)(?:-start)?\("
)


class Exchanges(NamedTuple):
    """Number of exchanges in a program, each loop's counted once, and bytes that come out."""

    number: int
    bytes: int


def count_exchanges(program: str) -> Exchanges:
    """Counts collective operations.

    Args:
      program: the text of a compiled program, `jax.jit(…).lower(…).compile().as_text()`.
    """
    found = [match[1] for match in map(_COLLECTIVE.match, program.splitlines()) if match]
    arrays = re.findall(r"(\w+)\[([\d,]*)\]", " ".join(found))
    sizes = [
        _BYTES[dtype] * math.prod(int(side) for side in shape.split(",") if side)
        for dtype, shape in arrays
    ]
    return Exchanges(len(found), sum(sizes))
