"""Work ahead: in order, bounded, errors where results are asked for, threads gone at the end."""

import threading
import time
from itertools import count

import pytest

from rareworld.train.data.ahead import ahead


@pytest.mark.parametrize("depth", [0, 1, 3, 20])
def test_results_come_in_order_whoever_finishes_first(depth: int) -> None:
    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3 == 0))
        return item * item

    got = [(item, made.result()) for item, made in ahead(range(10), work, threads=3, depth=depth)]
    assert got == [(item, item * item) for item in range(10)]


def test_no_more_than_the_depth_is_begun_before_it_is_wanted() -> None:
    begun: list[int] = []
    series = ahead(count(), begun.append, threads=2, depth=3)
    _, first = next(series)
    first.result()
    series.close()
    assert len(begun) <= 4


def test_an_error_is_raised_where_its_result_is_asked_for() -> None:
    def work(item: int) -> float:
        return 1 / item

    series = [made for _, made in ahead([1, 0, 2], work, threads=1, depth=2)]
    assert series[0].result() == 1
    assert series[2].result() == 0.5
    with pytest.raises(ZeroDivisionError):
        series[1].result()


def test_threads_end_with_the_series() -> None:
    before = threading.active_count()
    series = ahead(count(), str, threads=4, depth=4)
    next(series)
    assert threading.active_count() > before
    series.close()
    assert threading.active_count() == before
