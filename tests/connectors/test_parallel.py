from threading import Lock
from time import sleep

import pytest

from connectors.parallel import in_parallel


def test_results_come_in_the_order_of_the_items():
    def work(number):
        sleep(0.02 * (5 - number % 5))
        return number

    assert list(in_parallel(work, range(20), workers=4)) == list(range(20))


def test_no_more_work_at_a_time_than_there_are_workers():
    lock, busy, most = Lock(), [], []

    def work(number):
        with lock:
            busy.append(number)
            most.append(len(busy))
        sleep(0.01)
        with lock:
            busy.remove(number)

    list(in_parallel(work, range(30), workers=3))

    assert max(most) == 3


def test_items_are_not_taken_far_ahead():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = in_parallel(lambda number: number, items(), workers=2)
    next(results)

    assert len(taken) == 4
    results.close()


def test_what_a_call_raises_comes_in_its_turn():
    def work(number):
        if number == 2:
            raise ValueError(number)
        return number

    results = in_parallel(work, range(10), workers=2)

    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="2"):
        next(results)
