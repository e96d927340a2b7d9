"""Reads listings ahead of their being stored, so that a sync does not wait for platform and database in turns."""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from queue import Empty, SimpleQueue
from threading import Semaphore, Thread
from time import monotonic
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from django.db import connections

from connectors.errors import ConnectorError
from connectors.records import Fetched
from connectors.stored import Stored, StoredApplication

BATCH_SIZE = 2000
BATCH_SECONDS = 2.0  # of a slow platform: what arrived is stored, and a sync that is to end does so
BATCHES_AHEAD = 1  # that waits to be stored, beside the one that is being filled and the one that is being stored
PATIENCE_SECONDS = 5.0  # with a call to the platform when somebody interrupts the process
CHUNK = 500

Answer = TypeVar("Answer")
Batch = list[Fetched]


class _Stopped(BaseException):
    """Nobody wants any more of the listing. As GeneratorExit, this is not for connectors to catch."""


class _End(NamedTuple):
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class _Question:
    ask: Callable[[], Any]
    answer: Future[Any] = field(default_factory=Future)

    def settle(self) -> None:
        try:
            self.answer.set_result(self.ask())
        except Exception as error:
            self.answer.set_exception(error)
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        self.answer.set_exception(_Stopped())


class ReadAhead:
    """The batches of a listing, in its order, read by a thread of its own; a context manager to be iterated over once.

    `open_listing` is called in that thread, and what it returns is walked through and closed there. It may ask what is
    stored of the Stored that it is given: `stored` answers in the thread that iterates here, when all batches that were
    handed over before have been taken and the next one is asked for. What the listing raises is raised here after all
    that was read before; a batch that a ConnectorError leaves unfinished is handed over first. No thread is left when
    the context ends, but if the process is interrupted while the platform does not answer.
    """

    def __init__(
        self,
        open_listing: Callable[[Stored], Iterable[Fetched]],
        stored: Stored,
        prepare: Callable[[Batch], None] = lambda batch: None,
    ) -> None:
        self._open_listing = open_listing
        self._stored = stored
        self._prepare = prepare
        self._handed_over: SimpleQueue[Batch | _Question | _End] = SimpleQueue()
        self._room = Semaphore(BATCHES_AHEAD)
        self._is_stopped = False
        self._has_ended = False
        # What is logged there is about the same account.
        self._thread = Thread(target=copy_context().run, args=[self._run], name="reader", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        is_interrupted = error is not None and not isinstance(error, Exception)
        self._stop(PATIENCE_SECONDS if is_interrupted else None)

    def __iter__(self) -> Iterator[Batch]:
        while True:
            match self._handed_over.get():
                case _Question() as question:
                    question.settle()
                case _End(error):
                    self._has_ended = True
                    if error is not None:
                        raise error
                    return
                case batch:
                    self._room.release()
                    yield batch

    def _stop(self, timeout_seconds: float | None) -> None:
        """Have the thread end before its next entry, and wait until it has, so long at most."""
        self._is_stopped = True
        self._room.release()
        while not self._has_ended:
            try:
                left = self._handed_over.get(timeout=timeout_seconds)
            except Empty:
                return
            if isinstance(left, _Question):
                left.drop()
            self._has_ended = isinstance(left, _End)
        self._thread.join()

    # What follows runs in the thread that reads.

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            try:
                self._read()
            finally:
                connections.close_all()  # connectors open none, but nobody else could close this thread's
        except _Stopped:
            pass
        except BaseException as raised:
            error = raised
        self._handed_over.put(_End(error))

    def _read(self) -> None:
        entries = self._open_listing(_Asked(self._stored, self))
        batch: Batch = []
        begun_at = monotonic()
        try:
            for entry in entries:
                if self._is_stopped:
                    return
                batch.append(entry)
                if len(batch) == BATCH_SIZE or monotonic() - begun_at > BATCH_SECONDS:
                    self._hand_over(batch)
                    batch, begun_at = [], monotonic()
        except ConnectorError:
            self._hand_over(batch)
            raise
        finally:
            if isinstance(entries, Generator):
                entries.close()
        self._hand_over(batch)

    def _hand_over(self, batch: Batch) -> None:
        self._prepare(batch)
        self._room.acquire()
        if self._is_stopped:
            raise _Stopped
        self._handed_over.put(batch)

    def ask(self, ask: Callable[[], Answer]) -> Answer:
        if self._is_stopped:
            raise _Stopped
        question = _Question(ask)
        self._handed_over.put(question)
        answer: Answer = question.answer.result()
        return answer


class _Asked:
    """Has the other thread ask what is stored: the connection of a sync, with its temporary table, is that one's."""

    def __init__(self, stored: Stored, reader: ReadAhead) -> None:
        self._stored = stored
        self._reader = reader

    def known(self, model_name: str, remote_ids: Collection[str]) -> set[str]:
        return self._reader.ask(lambda: self._stored.known(model_name, remote_ids))

    def applications(self, remote_ids: Collection[str]) -> Mapping[str, StoredApplication]:
        return self._reader.ask(lambda: self._stored.applications(remote_ids))

    def applications_of(
        self, pairs: Collection[tuple[str, str]]
    ) -> Mapping[tuple[str, str], tuple[StoredApplication, ...]]:
        return self._reader.ask(lambda: self._stored.applications_of(pairs))

    def all_applications(self) -> Iterator[StoredApplication]:
        applications = self._stored.all_applications()
        while chunk := self._reader.ask(lambda: list(islice(applications, CHUNK))):
            yield from chunk

    def applications_to_interview(self, *, after: datetime, limit: int) -> tuple[str, ...]:
        return self._reader.ask(lambda: self._stored.applications_to_interview(after=after, limit=limit))
