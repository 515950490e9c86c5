"""The clock of compilation: what overlaps counts once, and what others record not at all."""

import pytest

from selectax.study.runtime import compile_clock as compiling
from selectax.study.runtime.compile_clock import CompileClock, compile_clock


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(compiling.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("intervals", "since", "expected"),
    [
        ([], 0, 0),
        ([(10, 12), (20, 25)], 0, 7),
        ([(10, 20), (12, 15)], 0, 10),  # one function traced within another
        ([(12, 15), (10, 20)], 0, 10),
        ([(10, 20), (15, 30)], 0, 20),
        ([(10, 20)], 15, 5),
        ([(10, 20)], 25, 0),
    ],
)
def test_intervals_are_united(clock, intervals, since, expected):
    heard = CompileClock()
    for begin, end in intervals:
        clock[0] = end
        heard.heard("/jax/core/compile/jaxpr_trace_duration", end - begin)
        heard.heard("/jax/compilation_cache/cache_retrieval_time_sec", 50.0)
    assert heard.seconds(since) == expected
    assert heard.seconds(since) == 0


def test_it_runs_within_alone():
    record = compiling.jax.monitoring.record_event_duration_secs
    with compile_clock() as heard:
        record("/jax/core/compile/backend_compile_duration", 3.0)
    record("/jax/core/compile/backend_compile_duration", 3.0)
    assert heard.seconds(-float("inf")) == pytest.approx(3)
