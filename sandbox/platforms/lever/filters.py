"""What Lever's lists can be asked for. Any other parameter is refused.

https://hire.lever.co/developer/documentation
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.platforms.lever.rows import Row

Query = Sequence[tuple[str, str]]
Test = Callable[[Row], bool]
Filter = Callable[[str, list[str]], Test]  # takes the parameter's name and values, however often it was given

EXPANDABLE = frozenset({"applications", "stage", "owner", "followers", "sourcedBy", "contact"})
CONFIDENTIALITIES = {"all", "confidential", "non-confidential"}


class BadRequest(Exception):  # noqa: N818 (as Lever calls it)
    """A parameter is unknown, or has a value that it cannot have."""


def one_of(values: Callable[[Row], Sequence[Any]]) -> Filter:
    """Keep rows that hold any of what was asked for; the parameter may be repeated."""
    return lambda name, wanted: lambda row: any(value in wanted for value in values(row))


def field(key: str) -> Filter:
    return one_of(lambda row: [row.get(key)])


def at_least(key: str) -> Filter:
    def read(name: str, values: list[str]) -> Test:
        bound = number(name, values)
        return lambda row: row.get(key) is not None and row[key] >= bound

    return read


def at_most(key: str) -> Filter:
    def read(name: str, values: list[str]) -> Test:
        bound = number(name, values)
        return lambda row: row.get(key) is not None and row[key] <= bound

    return read


def is_set(key: str) -> Filter:
    def read(name: str, values: list[str]) -> Test:
        wanted = flag(name, values)
        return lambda row: bool(row.get(key)) == wanted

    return read


def known(words: Mapping[str, Any] | set[str] | frozenset[str]) -> Filter:
    """Refuse other words than these. What they ask for concerns no row that we show."""

    def read(name: str, values: list[str]) -> Test:
        for value in values:
            if value not in words:
                raise BadRequest(f"Invalid value for parameter {name}: {value}")
        return lambda row: True

    return read


def _postings(row: Row) -> list[Any]:
    return [application["posting"] for application in row["applications"]]


def _confidentiality(name: str, values: list[str]) -> Test:
    known(CONFIDENTIALITIES)(name, values)
    return lambda row: values[-1] != "confidential"


def _include_deactivated(name: str, values: list[str]) -> Test:
    includes = flag(name, values)
    return lambda row: includes or row["deactivatedAt"] is None


OPPORTUNITY: dict[str, Filter] = {"expand": known(EXPANDABLE), "include": known({"followers"})}
LISTS: Mapping[str, Mapping[str, Filter]] = {
    "users": {
        "includeDeactivated": _include_deactivated,
        "email": field("email"),
        "accessRole": field("accessRole"),
        "externalDirectoryId": field("externalDirectoryId"),
    },
    "stages": {},
    "archive_reasons": {"type": field("type")},
    "opportunities": OPPORTUNITY
    | {
        "tag": one_of(lambda row: row["tags"]),
        "email": one_of(lambda row: row["emails"]),
        "origin": field("origin"),
        "source": one_of(lambda row: row["sources"]),
        "confidentiality": _confidentiality,
        "stage_id": field("stage"),
        "posting_id": one_of(lambda row: [] if row.get("archived") else _postings(row)),
        "archived_posting_id": one_of(lambda row: _postings(row) if row.get("archived") else []),
        "archive_reason_id": one_of(lambda row: [(row.get("archived") or {}).get("reason")]),
        "archived": is_set("archived"),
        "snoozed": is_set("snoozedUntil"),
        "contact_id": field("contact"),
        "created_at_start": at_least("createdAt"),
        "created_at_end": at_most("createdAt"),
        "updated_at_start": at_least("updatedAt"),
        "updated_at_end": at_most("updatedAt"),
        "advanced_at_start": at_least("lastAdvancedAt"),
        "advanced_at_end": at_most("lastAdvancedAt"),
    },
    "deleted": {"deleted_at_start": at_least("deletedAt"), "deleted_at_end": at_most("deletedAt")},
    "interviews": {},
    "panels": {},
    "applications": {},
}
WITHOUT_EFFECT = frozenset({"expand", "include"})  # on which rows are listed


def tests_for(filters: Mapping[str, Filter], query: Query) -> list[Test]:
    """Return what a row has to pass. Raises BadRequest for what is not among the filters."""
    given: dict[str, list[str]] = {}
    for name, value in query:
        given.setdefault(name, []).append(value)
    if unknown := given.keys() - filters.keys():
        raise BadRequest(f"Unknown parameter: {', '.join(sorted(unknown))}")
    tests = {name: filters[name](name, values) for name, values in given.items()}
    if "includeDeactivated" in filters and "includeDeactivated" not in tests:
        tests["includeDeactivated"] = _include_deactivated("includeDeactivated", ["false"])
    return [test for name, test in tests.items() if name not in WITHOUT_EFFECT]


def number(name: str, values: list[str]) -> int:
    if len(values) > 1 or not values[0].isdecimal():
        raise BadRequest(f"Invalid value for parameter {name}: must be one whole number")
    return int(values[0])


def flag(name: str, values: list[str]) -> bool:
    if len(values) > 1 or values[0] not in ("true", "false"):
        raise BadRequest(f"Invalid value for parameter {name}: must be true or false")
    return values[0] == "true"
