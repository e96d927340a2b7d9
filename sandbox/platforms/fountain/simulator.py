"""Fountain Hire's API v2, as strict as its documentation. Reading only, and without what tells one person's bookings.

https://developer.fountain.com/reference, https://developer.fountain.com/reference/rate-limitations
"""

from base64 import b64decode, b64encode
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from threading import RLock
from time import time

import orjson

from sandbox.company import Company
from sandbox.platforms.fountain.rows import CompanyRows, Row, Rows
from sandbox.server import Answer, Request

DEFAULT_PER_PAGE = {"funnels": 25, "applicants": 25, "sessions": 10}
MAX_PER_PAGE = 100
MAX_PAGE = 100  # of calendar slots: beyond it, there are only cursors
WINDOW_SECONDS = 60
# What a cursor is made for, beside its list.
FILTERS = {
    "applicants": ("updated_at[gt]", "updated_at[lt]", "funnel_id", "stage_id"),
    "sessions": ("funnel_id", "stage_id", "with_unbooked"),
}
NOT_FOUND = Answer(404, {"message": "Requested resource not found"})

Filters = tuple[tuple[str, str], ...]
Test = Callable[[Row], bool]


class Refused(Exception):  # noqa: N818 (named for what happened)
    """Becomes 422."""


class FountainSimulator:
    """Tells about a company, or about rows given as they are: `FountainSimulator(PayloadRows(users=[…]))`.

    Fountain itself allows 120 requests a minute. `denied_lists` ("sessions", …) answer 403. `extra_headers` go out with
    every answer.
    """

    base_path = "/v2"
    api_key = "sandbox-api-key"

    def __init__(self, source: Company | Rows, *, requests_per_minute: int = 100_000) -> None:
        self.rows: Rows = CompanyRows(source) if isinstance(source, Company) else source
        self.lock = source.lock if isinstance(source, Company) else RLock()
        self.limit = requests_per_minute
        self.denied_lists: set[str] = set()
        self.extra_headers: dict[str, str] = {}
        self._minute, self._taken = 0, 0
        self._version = -1
        self._matching: dict[tuple[str, Filters], Sequence[int]] = {}
        self._by_id: dict[str, dict[str, int]] = {}

    @property
    def credentials(self) -> dict[str, str]:
        return {"api_key": self.api_key}

    def answer(self, request: Request) -> Answer:
        with self.lock:
            answer = self._answer(request)
            return Answer(answer.status, answer.payload, self._limit_headers() | self.extra_headers)

    def fault(self, status: int, retry_after_seconds: int | None) -> Answer:
        if status != 429:
            return Answer(status, {"error": "Something went wrong"} if status == 500 else b"")
        ends = {} if retry_after_seconds is None else {"X-Api-Ratelimit-Reset": str(int(time()) + retry_after_seconds)}
        return Answer(429, _too_many(), ends)

    def _answer(self, request: Request) -> Answer:
        if request.headers.get("x-access-token") != self.api_key:
            return Answer(401, {"message": "Unauthorized"})
        if not self._take():
            return Answer(429, _too_many())
        version, *path = request.path.removeprefix("/").split("/")
        if f"/{version}" != self.base_path or request.method != "GET":
            return NOT_FOUND
        if self._version != self.rows.version:
            self._version = self.rows.version
            self._matching, self._by_id = {}, {}
        try:
            return self._route(path, dict(request.query))
        except Refused as error:
            return Answer(422, {"message": str(error)})

    def _route(self, path: Sequence[str], given: Mapping[str, str]) -> Answer:
        if path[0] in self.denied_lists:
            return Answer(403, {"message": "Forbidden"})
        match path:
            case ["users"]:
                return Answer(200, {"users": self._all("users", self.rows.keys("users"))})
            case ["funnels"]:
                return self._list_openings(given)
            case ["applicants"]:
                return self._list_by_cursor("applicants", given)
            case ["sessions"]:
                if given.get("funnel_id") and self._find("funnels", given["funnel_id"]) is None:
                    return NOT_FOUND
                return self._list_by_cursor("sessions", given)
            case ["applicants" | "funnels" as listing, row_id] if row := self._find(listing, row_id):
                return Answer(200, row)
            case ["funnels", funnel_id, "stages"] if funnel := self._find("funnels", funnel_id):
                return Answer(200, {"stages": [{"custom_id": None, **stage} for stage in funnel["stages"]]})
            case ["stages", stage_id]:
                funnels = self._all("funnels", self.rows.keys("funnels"))
                found = (stage for funnel in funnels for stage in funnel["stages"] if stage["id"] == stage_id)
                return next((Answer(200, {"custom_id": None, **stage}) for stage in found), NOT_FOUND)
        return NOT_FOUND

    def _list_openings(self, given: Mapping[str, str]) -> Answer:
        per_page, number = _per_page("funnels", given), _positive(given.get("page"), default=1)
        keys = self.rows.keys("funnels")
        shown = keys[(number - 1) * per_page : number * per_page]
        pagination = {"current": number, "last": max(1, -(-len(keys) // per_page))}
        return Answer(200, {"funnels": self._all("funnels", shown), "pagination": pagination})

    def _list_by_cursor(self, listing: str, given: Mapping[str, str]) -> Answer:
        per_page = _per_page(listing, given)
        filters: Filters = tuple((name, given[name]) for name in FILTERS[listing] if name in given)
        keys = self._keys(listing, filters)
        if listing == "sessions" and "cursor" not in given and "page" in given:
            number = _positive(given["page"], default=1)
            if number > MAX_PAGE:
                raise Refused(f"page must not be above {MAX_PAGE}")
            start = min((number - 1) * per_page, len(keys))
            after = keys[start - 1] if start else None
        else:
            after = _read_cursor(given["cursor"], listing, filters) if "cursor" in given else None
            start = 0 if after is None else bisect_right(keys, after)

        shown = keys[start : start + per_page]
        current = following = _write_cursor(listing, filters, after)
        has_more = start + per_page < len(keys)
        if has_more:
            following = _write_cursor(listing, filters, shown[-1])
        pagination: Row = {"current_cursor": current, "next_cursor": following}
        if listing == "sessions":
            number = start // per_page + 1
            pagination = {
                "per_page": per_page,
                "total_count": len(keys),
                "current_page": number,
                "next_page": number + 1 if has_more else None,
                "total_pages": max(1, -(-len(keys) // per_page)),
            } | pagination
        return Answer(200, {listing: self._all(listing, shown), "pagination": pagination})

    def _keys(self, listing: str, filters: Filters) -> Sequence[int]:
        """Return what matches, in rising order: worked out once until something changes."""
        if (listing, filters) not in self._matching:
            wanted = dict(filters)
            if listing == "sessions":
                if not wanted.get("funnel_id"):
                    raise Refused("funnel_id is required")
                keys = self.rows.sessions_of(wanted["funnel_id"])
            else:
                keys = self.rows.keys(listing)
            if tests := list(_tests(listing, wanted)):
                keys = [key for key in keys if all(test(self.rows.row(listing, key)) for test in tests)]
            self._matching[listing, filters] = keys
        return self._matching[listing, filters]

    def _find(self, listing: str, row_id: str) -> Row | None:
        if listing not in self._by_id:
            self._by_id[listing] = {self.rows.row(listing, key)["id"]: key for key in self.rows.keys(listing)}
        key = self._by_id[listing].get(row_id)
        return None if key is None else self.rows.row(listing, key)

    def _all(self, listing: str, keys: Iterable[int]) -> list[Row]:
        return [self.rows.row(listing, key) for key in keys]

    def _take(self) -> bool:
        minute = int(time()) // WINDOW_SECONDS
        if minute != self._minute:
            self._minute, self._taken = minute, 0
        self._taken += 1
        return self._taken <= self.limit

    def _limit_headers(self) -> dict[str, str]:
        return {
            "X-Api-Ratelimit-Limit": str(self.limit),
            "X-Api-Ratelimit-Limit-Remaining": str(max(0, self.limit - self._taken)),
            "X-Api-Ratelimit-Reset": str((int(time()) // WINDOW_SECONDS + 1) * WINDOW_SECONDS),
        }


def _too_many() -> Row:
    return {"error": {"msg": "Too many API requests. See documentation for more information"}}


def _tests(listing: str, wanted: Mapping[str, str]) -> Iterable[Test]:
    if listing == "sessions":
        if wanted.get("with_unbooked") != "true":
            yield lambda row: bool(row.get("booked_slots"))
        if stage_id := wanted.get("stage_id"):
            yield lambda row: stage_id in row["stage_ids"]
        return
    if funnel_id := wanted.get("funnel_id"):
        yield lambda row: row["funnel"]["id"] == funnel_id
    if stage_id := wanted.get("stage_id"):
        yield lambda row: row["stage"]["id"] == stage_id
    if "updated_at[gt]" in wanted:
        after = _time(wanted["updated_at[gt]"])
        yield lambda row: datetime.fromisoformat(row["updated_at"]) > after
    if "updated_at[lt]" in wanted:
        before = _time(wanted["updated_at[lt]"])
        yield lambda row: datetime.fromisoformat(row["updated_at"]) < before


def _time(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Refused("updated_at is invalid") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _positive(value: str | None, *, default: int) -> int:
    return int(value) if value and value.isdecimal() and int(value) > 0 else default


def _per_page(listing: str, given: Mapping[str, str]) -> int:
    return min(_positive(given.get("per_page"), default=DEFAULT_PER_PAGE[listing]), MAX_PER_PAGE)


def _write_cursor(listing: str, filters: Filters, after: int | None) -> str:
    return b64encode(orjson.dumps([listing, filters, after]), altchars=b"-_").decode()


def _read_cursor(cursor: str, listing: str, filters: Filters) -> int | None:
    """Return the key of the last row before the page, None at the beginning. A cursor is of one list and filter."""
    try:
        made_for, made_with, after = orjson.loads(b64decode(cursor, altchars=b"-_", validate=True))
    except (TypeError, ValueError):
        raise Refused("cursor is invalid") from None
    if made_for != listing or made_with != [list(pair) for pair in filters]:
        raise Refused("cursor is of another list")
    return None if after is None else int(after)
