"""Iterables that work side by side, each in a thread of its own."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

import jax

from selectax.study.runtime.waiting import Abandoned, abandoned_on

Item = TypeVar("Item")

# Settings of JAX that its context managers change for one thread only.
_SETTINGS = (
    "debug_infs",
    "debug_nans",
    "default_device",
    "default_prng_impl",
    "disable_jit",
    "enable_x64",
    "log_compiles",
    "numpy_dtype_promotion",
    "numpy_rank_promotion",
    "threefry_partitionable",
    "transfer_guard",
)


class _Ended(NamedTuple):
    """The last entry of a thread; with an error if it ended with one."""

    error: BaseException | None = None


@contextmanager
def in_threads(works: Sequence[Iterable[Item]]) -> Iterator[list[Iterator[Item]]]:
    """Runs iterables side by side, with the settings that JAX has in this thread.

    Args:
      works: iterables that share nothing but what several threads may use.

    Yields:
      An iterator over the items of each, in the same order. It raises the error that its iterable
      raised. When the context exits, iterables that are not at their end are abandoned: they stop
      after their current item, or earlier if they `wait` for arrays.
    """
    settings = {name: getattr(jax.config, f"jax_{name}") for name in _SETTINGS}
    stop = threading.Event()
    queues: list[SimpleQueue[Any]] = [SimpleQueue() for _ in works]
    threads = [
        threading.Thread(target=_run, args=(work, queue, settings, stop))
        for work, queue in zip(works, queues, strict=True)
    ]
    try:
        for thread in threads:
            thread.start()
        yield [_items(queue) for queue in queues]
    finally:
        stop.set()
        for thread in threads:
            if thread.ident is not None:  # an interruption may come before its start
                thread.join()


def _run(
    work: Iterable[Any],
    queue: SimpleQueue[Any],
    settings: dict[str, Any],
    stop: threading.Event,
) -> None:
    with ExitStack() as stack:
        for name, value in settings.items():
            stack.enter_context(getattr(jax, name)(value))
        stack.enter_context(abandoned_on(stop))
        try:
            for item in work:
                queue.put(item)
                if stop.is_set():
                    return
        except Abandoned:
            return
        except BaseException as error:
            queue.put(_Ended(error))
        else:
            queue.put(_Ended())


def _items(queue: SimpleQueue[Any]) -> Iterator[Any]:
    while not isinstance(item := queue.get(), _Ended):
        yield item
    if item.error is not None:
        raise item.error
