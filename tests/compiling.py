"""Counts compilations."""

import contextlib
from collections.abc import Iterator

import jax


@contextlib.contextmanager
def counted_compilations() -> Iterator[list[str]]:
    """Within, adds the name of each program that JAX compiles to the list."""
    compiled: list[str] = []

    def listener(event, _, **about):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(about.get("fun_name", event))

    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        yield compiled
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)
