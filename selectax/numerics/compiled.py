"""Runs a function as one compiled program, and finds the program again at the next call."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp

from selectax.arguments.arrays import is_concrete

_DISABLED = "jax_disable_jit"
# Compiled programs that are kept; the least recently used one is dropped.
_PROGRAMS = 64

Function = TypeVar("Function", bound=Callable[..., Any])


def one_program(function: Function, static: tuple[str, ...] = ()) -> Function:
    """A function as one program where it is called plainly; where traced, part of the caller's.

    Called plainly without it, each operation would be a program of its own, and compiling dozens of
    them takes seconds at the first call.

    Args:
      function: function of arrays at the top of a module, which uses no other arrays.
      static: names of the arguments that are not arrays.

    Returns:
      A function with the same arguments and results.
    """
    return cast(Function, jax.jit(function, static_argnames=static, inline=True))


def run_compiled(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function of arrays, as one compiled program if it is not being traced already.

    `jax.jit` finds a program by the identity of the function and would compile a closure anew at
    each call. A function at the top of a module, on the other hand, would not notice that a network
    which it uses has new weights. Here, the function is traced at each call, arrays that it closes
    over become inputs of the program, and the program is found by its text. So the weights, images
    and epsilons of another call need no compilation, and are never mixed up. A function that calls
    back into Python is compiled at each call.

    Args:
      function: function of arrays that is defined anew for each call. Numbers that it closes over
        become part of the program.
      *arguments: pytrees of arrays and numbers. Numbers become arrays.

    Returns:
      The function's result.
    """
    # An attribute that type checkers do not know.
    is_disabled = getattr(jax.config, _DISABLED)
    if is_disabled or not is_concrete(arguments):
        return function(*arguments)
    arguments = jax.tree.map(jnp.asarray, arguments)
    traced, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    if not is_concrete(traced.consts):  # an outer function is being traced
        return function(*arguments)
    inputs = [*traced.consts, *jax.tree.leaves(arguments)]

    def flat(inputs):
        constants = inputs[: len(traced.consts)]
        return jax.core.eval_jaxpr(traced.jaxpr, constants, *inputs[len(constants) :])

    lowered = jax.jit(flat).lower(inputs)
    placement = tuple(getattr(array, "sharding", None) for array in inputs)
    program = _Program(lowered, placement)
    # The text of a call of Python does not tell which function it calls.
    compiled = lowered.compile() if "callback" in program.text else _compiled(program)
    results = compiled(inputs)
    return jax.tree.unflatten(jax.tree.structure(shapes), results)


class _Program:
    """A program that has not been compiled; programs with the same text are equal."""

    def __init__(self, lowered: Any, placement: tuple[Any, ...]) -> None:
        self.lowered = lowered
        self.text = lowered.as_text()
        self._placement = placement

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Program) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self):
        return self.text, self._placement


@functools.lru_cache(maxsize=_PROGRAMS)
def _compiled(program: _Program) -> Callable[..., Any]:
    return program.lowered.compile()
