import gc

import pytest

from sync.garbage import search_seldom


@pytest.fixture(autouse=True)
def _usual_searches():
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_records_under_way_are_not_searched_for_cycles():
    search_seldom()
    searches = gc.get_stats()[0]["collections"]

    payloads = [{"id": number, "panel": [{"id": each} for each in range(3)]} for number in range(10_000)]

    assert gc.get_stats()[0]["collections"] == searches
    assert len(payloads) == 10_000


def test_cycles_are_found_in_the_end():
    search_seldom()
    searches = gc.get_stats()[0]["collections"]

    for _ in range(200_000):
        cycle = []
        cycle.append(cycle)

    assert gc.get_stats()[0]["collections"] > searches
