"""Iterables in threads: side by side, in order, with errors and settings, and abandoned on exit."""

import threading
import time

import jax
import jax.numpy as jnp
import pytest

from selectax.study.runtime.threads import in_threads
from selectax.study.runtime.waiting import wait

TIMEOUT = 60


class Late:
    """An array that is ready after a minute."""

    def __init__(self):
        self._begin = time.monotonic()

    def is_ready(self):
        return time.monotonic() > self._begin + TIMEOUT


def test_they_run_side_by_side_and_each_in_order():
    met = threading.Barrier(2)

    def counted(start):
        for number in range(start, start + 3):
            met.wait(TIMEOUT)  # never passes alone
            yield number

    with in_threads([counted(0), counted(10)]) as (low, high):
        assert next(high) == 10  # whoever is read first
        assert list(low) == [0, 1, 2]
        assert list(high) == [11, 12]


def test_an_error_is_raised_after_the_items_before_it():
    def failing():
        yield 1
        raise KeyboardInterrupt

    with in_threads([failing(), range(2)]) as (broken, whole):
        assert next(broken) == 1
        with pytest.raises(KeyboardInterrupt):
            next(broken)
        assert list(whole) == [0, 1]


def test_on_exit_those_that_wait_are_abandoned_and_closed():
    ends = []

    def waiting():
        yield 0
        try:
            wait(Late())
            ends.append("ready")
        finally:
            ends.append("closed")

    def interrupted():
        with in_threads([waiting()]) as (items,):
            assert next(items) == 0
            raise ZeroDivisionError

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert ends == ["closed"]
    assert threading.active_count() == before


def test_on_exit_those_that_compute_stop_after_their_item():
    begun = []

    def computing():
        for number in range(1000):
            begun.append(number)
            time.sleep(0.01)
            yield number

    with in_threads([computing()]) as (items,):
        next(items)
    assert len(begun) < 1000


def test_settings_of_the_calling_thread_hold():
    def of_a_thread():
        yield jnp.asarray(1.0).dtype, jax.config.jax_debug_nans, jax.devices()[0]
        yield jnp.zeros(2).device

    with (
        jax.enable_x64(not jax.config.jax_enable_x64),
        jax.debug_nans(True),
        jax.default_device(jax.devices()[-1]),
    ):
        expected = list(of_a_thread())
        with in_threads([of_a_thread()]) as (items,):
            assert list(items) == expected
    assert list(of_a_thread()) != expected
