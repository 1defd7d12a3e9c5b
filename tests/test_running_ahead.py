"""Work done ahead by a thread: all arrives in order, errors too, and it ends when told to."""

import threading

import numpy as np
import pytest

from deepkoal.memory import one_blas_thread
from deepkoal.video.temporal.running_ahead import run_ahead


def test_items_come_in_order_and_an_error_behind_them():
    def items():
        yield from range(20)
        raise ValueError("the twentieth")

    ahead = run_ahead(items(), 3)
    assert [next(ahead) for _ in range(20)] == list(range(20))
    with pytest.raises(ValueError, match="the twentieth"):
        next(ahead)


def test_closed_early_it_goes_no_further_and_closes_what_it_reads():
    given, closed = [], threading.Event()

    def items():
        try:
            for index in range(1000):
                given.append(index)
                yield index
        finally:
            closed.set()

    outer = run_ahead(run_ahead(items(), 2), 2)
    assert next(outer) == 0
    outer.close()
    assert closed.is_set()
    assert len(given) < 12  # four wait, and each thread holds one
    assert not [each for each in threading.enumerate() if each.name == "frames"]


def test_matrices_are_multiplied_by_one_thread_while_it_lasts():
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def count():
        return [
            each["num_threads"]
            for each in threadpoolctl.threadpool_info()
            if each["user_api"] == "blas"
        ]

    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpoolctl.threadpool_limits(2, "blas"):
        before = count()
        with one_blas_thread():
            with one_blas_thread():
                pass
            assert set(count()) == {1}
        assert count() == before
