"""What is asked of the interviews list, by every server in its own dialect."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from api.pagination import Cursor
from benchmarks.dataset import Dataset
from interviews.models import ScheduledInterview

LIST = "/api/ats/v1/interviews"
DEEP = 0.88  # of the list's rows lie before the page
RANDOM_PATHS = 500
EXPAND = "application,interviewers,job_interview_stage,organizer"


class Place(NamedTuple):
    """The place right after a row, which is the `number`th of those of its time, from 1."""

    created_at: datetime
    id: UUID
    number: int

    @property
    def time_before(self) -> datetime:
        """A time between this and that of the batch before."""
        return self.created_at - timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`queries` are paths relative to the list, each at a place of the list or at its beginning."""

    name: str
    title: str
    queries: Callable[[Dataset], Sequence[tuple[str, Place | None]]]
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    only: frozenset[str] | None = None  # the peers that have an answer


def _listed(data: Dataset) -> Any:
    return ScheduledInterview.objects.for_account(data.account).present().filled()


def _places(data: Dataset, rows: Any) -> list[Place]:
    listed = _listed(data)
    found = rows.values_list("created_at", "id")
    return [Place(at, id, listed.filter(created_at=at, id__lte=id).count()) for at, id in found]


def deep(data: Dataset) -> Place:
    offset = int(_listed(data).count() * DEEP)
    (place,) = _places(data, _listed(data).in_list_order()[offset : offset + 1])
    return place


def _random_rows(data: Dataset) -> Any:
    chance = random.Random(7)
    remote_ids = [str(chance.randint(1, data.interviews)) for _ in range(RANDOM_PATHS)]
    return _listed(data).filter(remote_id__in=remote_ids)


def _shuffled(found: list[Any]) -> list[Any]:
    random.Random(8).shuffle(found)
    return found


def changed_since(data: Dataset, number: int) -> datetime:
    """Return since when so many listed rows changed that were there before; all, where there are fewer."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT min(modified_at) FROM (SELECT modified_at FROM {ScheduledInterview._meta.db_table} "
            "WHERE linked_account_id = %s AND modified_at > created_at AND NOT remote_was_deleted AND NOT is_shell "
            "ORDER BY modified_at DESC LIMIT %s) t",
            [data.account.id, number],
        )
        found: datetime = cursor.fetchone()[0]
    return found


def _simple(query: str) -> Callable[[Dataset], Sequence[tuple[str, Place | None]]]:
    return lambda data: [(query, None)]


def _modified(number: int) -> Callable[[Dataset], Sequence[tuple[str, Place | None]]]:
    return lambda data: [(f"?page_size=100&modified_after={changed_since(data, number):%Y-%m-%dT%H:%M:%SZ}", None)]


SCENARIOS = [
    Scenario("first", "list of 100, first page", _simple("?page_size=100")),
    Scenario("deep", f"list of 100, after {DEEP:.0%} of the rows", lambda data: [("?page_size=100", deep(data))]),
    Scenario(
        "random",
        "list of 100, random places",
        lambda data: [("?page_size=100", place) for place in _shuffled(_places(data, _random_rows(data)))],
    ),
    Scenario("thirty", "list of 30", _simple("?page_size=30")),
    Scenario(
        "retrieve",
        "retrieve, random ids",
        lambda data: [(f"/{id}", None) for id in _shuffled(list(_random_rows(data).values_list("id", flat=True)))],
    ),
    Scenario("expand", "four expansions, 100", _simple(f"?page_size=100&expand={EXPAND}")),
    Scenario("remote_data", "remote data, 100", _simple("?page_size=100&include_remote_data=true")),
    Scenario(
        "stage",
        "one stage, 100",
        lambda data: [(f"?page_size=100&job_interview_stage_id={data.id_of('stage', 7)}", None)],
    ),
    Scenario("modified_100", "modified_after, 100 changed", _modified(100)),
    Scenario("modified_8000", "modified_after, 8,000 changed", _modified(8000)),
    Scenario(
        "enum_origins",
        "list of 100 with enum origins",
        _simple("?page_size=100&show_enum_origins=status"),
        only=frozenset({"ours", "stock"}),
    ),
    Scenario(
        "not_modified",
        "list of 100, If-None-Match",
        _simple("?page_size=100"),
        status=304,
        only=frozenset({"ours"}),
    ),
    Scenario(
        "gzip",
        "list of 100, gzip",
        _simple("?page_size=100"),
        headers={"Accept-Encoding": "gzip"},
        only=frozenset({"ours", "stock"}),
    ),
]


def our_cursor(place: Place) -> str:
    return Cursor(place.created_at, place.id).encode()
