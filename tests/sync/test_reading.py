"""Listings are read ahead, within bounds; whatever ends either side ends both."""

import threading
from contextvars import ContextVar

import pytest

from connectors.errors import PlatformUnavailable
from connectors.stored import NOTHING_STORED
from sync.reading import BATCHES_AHEAD, ReadAhead

PATIENCE_SECONDS = 10  # with what only fails if it never happens

word = ContextVar("word", default="unsaid")


class Remembering:
    """What is stored, as far as `known` tells: what was put there. Notes who asks."""

    def __init__(self):
        self.users = set()
        self.asked_in = []

    def known(self, model_name, remote_ids):
        self.asked_in.append(threading.current_thread())
        return self.users & set(remote_ids)

    def all_applications(self):
        for number in range(7):
            self.asked_in.append(threading.current_thread())
            yield number


@pytest.fixture(autouse=True)
def _batches_of_two(monkeypatch):
    monkeypatch.setattr("sync.reading.BATCH_SIZE", 2)


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "reader"]


def reading(listing, stored=NOTHING_STORED):
    return ReadAhead(listing if callable(listing) else lambda stored: listing, stored)


def batches_of(listing, stored=NOTHING_STORED):
    with reading(listing, stored) as batches:
        return list(batches)


def fail_to_store(listing, error, *, number=1, stored=NOTHING_STORED):
    """Take batches, and raise the error in place of storing the one of this number."""
    with reading(listing, stored) as batches:
        for position, _ in enumerate(batches, 1):
            if position == number:
                raise error


def test_batches_come_in_the_order_of_the_listing():
    assert batches_of(range(5)) == [[0, 1], [2, 3], [4]]


def test_a_listing_of_nothing_is_one_empty_batch():
    assert batches_of(()) == [[]]


def test_batches_are_prepared_where_they_are_read():
    prepared = []

    def prepare(batch):
        prepared.append((threading.current_thread().name, [*batch]))

    with ReadAhead(lambda stored: range(3), NOTHING_STORED, prepare) as batches:
        assert [*batches] == [[0, 1], [2]]
    assert prepared == [("reader", [0, 1]), ("reader", [2])]


def test_a_slow_listing_is_handed_over_before_a_batch_is_full(monkeypatch):
    monkeypatch.setattr("sync.reading.BATCH_SECONDS", -1)

    assert batches_of(range(2)) == [[0], [1], []]


def test_the_listing_goes_on_while_a_batch_is_stored():
    is_ahead = threading.Event()

    def listing(stored):
        yield from range(2 * (1 + BATCHES_AHEAD))
        is_ahead.set()

    with reading(listing) as batches:
        assert next(iter(batches)) == [0, 1]
        assert is_ahead.wait(PATIENCE_SECONDS)


def test_batches_are_stored_while_the_listing_goes_on():
    is_stored = threading.Event()

    def listing(stored):
        yield from range(2)
        assert is_stored.wait(PATIENCE_SECONDS)
        yield 2

    with reading(listing) as batches:
        for _ in batches:
            is_stored.set()


def test_the_listing_is_not_read_further_ahead_than_so_many_batches():
    stored_until = 0
    ahead = []

    def listing(stored):
        for number in range(100):
            ahead.append(number - stored_until)
            yield number

    with reading(listing) as batches:
        for batch in batches:
            stored_until += len(batch)

    # One batch is being filled, one is being stored.
    assert max(ahead) < 2 * (BATCHES_AHEAD + 2)


def test_what_was_read_before_the_platform_failed_comes_before_the_failure():
    def listing(stored):
        yield from range(3)
        raise PlatformUnavailable("503")

    taken = []
    with pytest.raises(PlatformUnavailable), reading(listing) as batches:
        taken.extend(batches)

    assert taken == [[0, 1], [2]]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_what_nobody_foresaw_in_a_listing_is_raised_after_the_batches_before(error):
    def listing(stored):
        yield from range(3)
        raise error

    taken = []
    with pytest.raises(error), reading(listing) as batches:
        taken.extend(batches)

    assert taken == [[0, 1]]


def test_a_listing_that_cannot_be_opened_fails():
    with pytest.raises(ZeroDivisionError):
        batches_of(lambda stored: 1 / 0)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_whoever_stops_storing_has_the_listing_closed_by_its_own_thread(number):
    threads = []

    def listing(stored):
        threads.append(threading.current_thread())
        try:
            yield from range(1000)
        finally:
            threads.append(threading.current_thread())

    with pytest.raises(ZeroDivisionError):
        fail_to_store(listing, ZeroDivisionError, number=number)

    opened_in, closed_in = threads
    assert opened_in is closed_in is not threading.current_thread()
    assert not opened_in.is_alive()


def test_what_a_stopped_listing_raises_does_not_hide_why_it_was_stopped():
    def listing(stored):
        try:
            yield from range(1000)
        finally:
            raise PlatformUnavailable("503")

    with pytest.raises(ZeroDivisionError):
        fail_to_store(listing, ZeroDivisionError)


def test_a_listing_of_which_nothing_is_taken_is_stopped():
    with reading(range(1000)):
        pass


def test_whoever_interrupts_the_process_does_not_wait_for_the_platform(monkeypatch):
    monkeypatch.setattr("sync.reading.PATIENCE_SECONDS", 0)
    answers, threads, read_on = threading.Event(), [], []

    def listing(stored):
        threads.append(threading.current_thread())
        yield from range(2)
        answers.wait(PATIENCE_SECONDS)
        yield 2
        read_on.append(True)

    with pytest.raises(KeyboardInterrupt):
        fail_to_store(listing, KeyboardInterrupt)

    assert threads[0].is_alive()
    assert threads[0].daemon
    answers.set()
    threads[0].join(PATIENCE_SECONDS)
    assert not read_on


def test_the_listing_knows_what_is_bound_to_the_logs():
    word.set("bound")

    assert batches_of(lambda stored: [word.get()]) == [["bound"]]


# Asking what is stored


def test_a_listing_is_told_of_all_that_it_handed_over():
    found = []

    def listing(stored):
        for number in range(20):
            known = stored.known("RemoteUser", [str(one) for one in range(20)])
            found.append((number, {int(one) for one in known}))
            yield number

    stored = Remembering()
    with reading(listing, stored) as batches:
        for batch in batches:
            stored.users |= set(map(str, batch))

    assert found == [(number, set(range(number - number % 2))) for number in range(20)]
    assert set(stored.asked_in) == {threading.current_thread()}


def test_a_listing_walks_through_what_is_stored_a_chunk_at_a_time(monkeypatch):
    monkeypatch.setattr("sync.reading.CHUNK", 3)
    stored = Remembering()

    assert batches_of(lambda stored: stored.all_applications(), stored) == [[0, 1], [2, 3], [4, 5], [6]]
    assert set(stored.asked_in) == {threading.current_thread()}


def test_what_goes_wrong_with_a_question_is_raised_in_the_listing():
    caught = []

    def listing(stored):
        try:
            stored.known("RemoteUser", None)
        except TypeError as error:
            caught.append(error)
        yield 0

    assert batches_of(listing, Remembering()) == [[0]]
    assert caught


def test_an_interrupted_question_ends_both(monkeypatch):
    closed = []

    def interrupted(model_name, remote_ids):
        raise KeyboardInterrupt

    def listing(stored):
        try:
            stored.known("RemoteUser", ["1"])
        finally:
            closed.append(True)
        yield 0

    stored = Remembering()
    monkeypatch.setattr(stored, "known", interrupted)

    with pytest.raises(KeyboardInterrupt):
        batches_of(listing, stored)
    assert closed


def test_nobody_waits_for_an_answer_when_storing_has_ended():
    closed = []

    def listing(stored):
        yield from range(2)
        try:
            stored.known("RemoteUser", ["1"])
        finally:
            closed.append(True)

    stored = Remembering()
    with pytest.raises(ZeroDivisionError):
        fail_to_store(listing, ZeroDivisionError, stored=stored)

    assert closed
    assert not stored.asked_in
