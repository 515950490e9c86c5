"""Counts compilations."""

import contextlib
from collections.abc import Iterator

import jax


@contextlib.contextmanager
def counted_compilations() -> Iterator[list[str]]:
    """Within, adds an entry to the list for each program that JAX compiles."""
    compiled: list[str] = []

    def listener(event, *_, **__):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        yield compiled
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)
