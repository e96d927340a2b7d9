"""What both versions of Greenhouse's Harvest API have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from connectors.base import UNREADABLE, Window
from connectors.errors import ConnectorError, MissingPermission, UnexpectedAnswer
from connectors.http import Parameters, Session
from connectors.pagination import follow_links
from connectors.platforms.greenhouse.mapping import Dictionary, Payload
from connectors.records import Fetched, Gap, Whole
from connectors.values import remote_id

MAX_PER_PAGE = 500
# A record that is written while a window is read can be missing from it.
OVERLAP = timedelta(minutes=5)

T = TypeVar("T")


class Harvest(ABC):
    """Reads one account. No dictionary is read twice in its life, and none before it is needed."""

    def __init__(self, session: Session, base_url: str) -> None:
        self.session = session
        self.base_url = base_url
        self._dictionaries: dict[tuple[Any, ...], Dictionary] = {}

    @abstractmethod
    def check(self) -> None: ...

    @abstractmethod
    def fetch_users(self, window: Window) -> Iterator[Fetched]: ...

    @abstractmethod
    def fetch_job_interview_stages(self, window: Window) -> Iterator[Fetched]: ...

    @abstractmethod
    def fetch_applications(self, window: Window) -> Iterator[Fetched]: ...

    @abstractmethod
    def fetch_interviews(self, window: Window) -> Iterator[Fetched]: ...

    @abstractmethod
    def refetch_application(self, application_id: str) -> Iterator[Fetched]:
        """Read one application and all its interviews, or that it is gone."""

    @abstractmethod
    def refetch_interview(self, interview_id: str) -> Iterator[Fetched]:
        """Read one interview, or that it is gone."""

    @abstractmethod
    def acting_as(self, user_id: str) -> AbstractContextManager[Mapping[str, str]]:
        """Have the session's calls be made in a user's name, together with these headers. Raises ConnectorError."""

    @abstractmethod
    def find_slot(self, stage_id: str) -> str | None:
        """Return the first interview of a stage that can be scheduled."""

    @abstractmethod
    def stages_of(self, slot_id: str | None) -> Dictionary:
        """Return the stage of one slot, by that; others may come along. Empty where we may not know."""

    @abstractmethod
    def fetch_row(self, interview_id: str) -> Payload | None:
        """Return one interview's payload. None if there is no such interview (any more)."""

    @abstractmethod
    def read_row(self, row: Payload, stages: Dictionary) -> Iterator[Fetched]:
        """Read one interview's payload, with the panel that belongs to it."""

    def ensure_not_retired(self, refusal: ConnectorError) -> None:  # noqa: B027 (most versions are not)
        """Raise something else where a refusal only says that this version answers nobody any more."""

    def rows(self, path: str, params: Parameters) -> Iterator[Any]:
        """Yield the payloads of a listing. Every one is a bare array."""
        for page in follow_links(self.session, self.base_url + path, params):
            if not isinstance(page, list):
                raise UnexpectedAnswer(f"GET {path}: answered with something other than a list")
            yield from page

    def _dictionary(
        self, path: str, params: Parameters, entries: Callable[[Any], Iterable[tuple[str, str | None]]]
    ) -> Generator[Gap, None, Dictionary]:
        """Return what `entries` finds in the payloads of a listing. A Gap says what we may not, or cannot, read."""
        key = (path, *params.items())
        if key not in self._dictionaries:
            dictionary: dict[str, str | None] = {}
            try:
                for payload in self.rows(path, params):
                    try:
                        dictionary.update(entries(payload))
                    except UNREADABLE as error:
                        yield Gap(reason=f"GET {path}: an entry cannot be read: {error}")
            except MissingPermission as error:
                yield Gap(reason=str(error))
            self._dictionaries[key] = dictionary
        return self._dictionaries[key]


def whole(application_id: str, interviews: Sequence[Any]) -> Iterator[Whole]:
    """Yield that these payloads are all interviews of an application, unless one of them does not tell its id."""
    remote_ids = ids_in(interviews)
    if len(remote_ids) == len(interviews):
        yield Whole(group=application_id, remote_ids=frozenset(remote_ids))


def without_gaps(steps: Generator[Gap, None, T]) -> T:
    """Return what comes out in the end, whatever was missing on the way."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        result: T = end.value
        return result


def ids_in(payloads: Iterable[Any], key: str = "id") -> list[str]:
    """Return the ids of those payloads that have one; the others are reported where they are read."""
    ids = []
    for payload in payloads:
        with suppress(*UNREADABLE):
            ids.append(remote_id(payload[key]))
    return ids


def changed_since(window: Window) -> datetime | None:
    return window.since - OVERLAP if window.since else None


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
