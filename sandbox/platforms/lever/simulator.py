"""Lever's Data API v1, as strict as its documentation.

https://hire.lever.co/developer/documentation
"""

import re
from base64 import b64encode
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from threading import RLock
from time import monotonic
from typing import Any, ClassVar

from sandbox.company import Company
from sandbox.platforms.lever.filters import LISTS, OPPORTUNITY, BadRequest, Query, Test, number, tests_for
from sandbox.platforms.lever.rows import NEWEST_FIRST, CompanyRows, Key, Row, Rows
from sandbox.platforms.lever.writes import InterviewWrites
from sandbox.server import Answer, Request

MAX_LIMIT = 100
CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "ResourceNotFound",
    429: "TooManyRequests",
    500: "ServerError",
    503: "ServiceUnavailable",
}
NAMES = {"users": "User", "stages": "Stage", "archive_reasons": "Archive reason", "opportunities": "Opportunity"}
INNER_LISTS = ("applications", "panels")  # parts of other rows
# What panels leave out of their interviews.
WITHOUT = frozenset(
    {"panel", "stage", "user", "createdAt", "timezone", "canceledAt", "postings", "gcalEventUrl", "opportunityId"}
)
MAX_REMEMBERED = 64  # lists that were filtered


class LeverSimulator:
    """Tells about a company, or about rows given as they are: `LeverSimulator(PayloadRows({"users": […]}))`.

    Only a company's interviews can be written. `denied` ("users", "interviews", "deleted", …, and "POST panels",
    "PUT interviews", "DELETE interviews") answer 403: the key was made without that right. `confidential` are the ids
    of opportunities that it does not see. Without `requests_per_second` everybody may ask as fast as they can.
    """

    base_path: ClassVar[str] = "/v1"
    api_key = "sandbox-api-key"

    def __init__(self, source: Company | Rows, *, requests_per_second: float | None = None, burst: int = 20) -> None:
        self.rows: Rows = CompanyRows(source) if isinstance(source, Company) else source
        self.writes = InterviewWrites(self.rows) if isinstance(self.rows, CompanyRows) else None
        self.lock = source.lock if isinstance(source, Company) else RLock()
        self.denied: set[str] = set()
        self.confidential: set[str] = set()
        self._bucket = _Bucket(requests_per_second, burst) if requests_per_second else None
        self._filtered: dict[tuple[Any, ...], Sequence[Key]] = {}

    @property
    def credentials(self) -> dict[str, str]:
        return {"api_key": self.api_key}

    def answer(self, request: Request) -> Answer:
        with self.lock:
            try:
                self._admit(request)
                return Answer(200, self._read(request)) if request.method == "GET" else self._write(request)
            except BadRequest as error:
                return _problem(400, str(error))
            except _Refused as refused:
                return _problem(refused.status, str(refused))

    def fault(self, status: int, retry_after_seconds: int | None) -> Answer:
        if status == 429:
            headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
            return _problem(429, "Rate limit exceeded", headers)
        return _problem(status, "Something went wrong") if status in CODES else Answer(status)

    def _admit(self, request: Request) -> None:
        expected = "Basic " + b64encode(f"{self.api_key}:".encode()).decode()
        if request.headers.get("authorization") != expected:
            raise _Refused(401, "The API key provided is not valid")
        if self._bucket and not self._bucket.take():
            raise _Refused(429, "Rate limit exceeded")

    def _write(self, request: Request) -> Answer:
        writes = self.writes
        match request.method, request.path.split("/")[1:]:
            case "POST", ["v1", "opportunities", row_id, "panels"] if writes:
                self._allow("POST panels")
                self._row("opportunities", row_id, "Opportunity")
                listing = f"opportunities/{row_id}/interviews"
                numbers = writes.create(row_id, request.query, request.body)
                panel_id = self.rows.row(listing, numbers[0])["panel"]
                return Answer(201, {"data": next(one for one in self._panels(row_id) if one["id"] == panel_id)})
            case "PUT" | "DELETE" as method, ["v1", "opportunities", row_id, "interviews", interview_id] if writes:
                self._allow(f"{method} interviews")
                self._row("opportunities", row_id, "Opportunity")
                listing = f"opportunities/{row_id}/interviews"
                self._row(listing, interview_id, "Interview")
                if method == "DELETE":
                    writes.delete(interview_id, request.query)
                    return Answer(204)
                writes.replace(interview_id, request.query, request.body)
                return Answer(200, {"data": self._row(listing, interview_id, "Interview")})
        raise _Refused(403, "This API key may only read")

    def _read(self, request: Request) -> Row:
        match request.path.split("/")[1:]:
            case ["v1", "opportunities", "deleted"]:
                return self._list("deleted", "opportunities/deleted", request.query)
            case ["v1", name] if name in NAMES:
                return self._list(name, name, request.query)
            case ["v1", name, row_id] if name in NAMES:
                self._allow(name)
                tests_for(OPPORTUNITY if name == "opportunities" else {}, request.query)
                return {"data": self._shown(name, self._row(name, row_id, NAMES[name]), request.query)}
            case ["v1", "opportunities", row_id, "interviews" | "panels" | "applications" as name]:
                self._row("opportunities", row_id, "Opportunity")
                return self._list(name, f"opportunities/{row_id}/{name}", request.query)
            case ["v1", "opportunities", row_id, "interviews", interview_id]:
                self._allow("interviews")
                tests_for({}, request.query)
                self._row("opportunities", row_id, "Opportunity")
                return {"data": self._row(f"opportunities/{row_id}/interviews", interview_id, "Interview")}
        raise _Refused(404, "Resource was not found")

    def _allow(self, name: str) -> None:
        if name in self.denied:
            raise _Refused(403, f"This API key may not {name if ' ' in name else f'read {name}'}")

    def _row(self, listing: str, row_id: str, name: str) -> Row:
        try:
            if row_id not in self.confidential:
                return self.rows.row(listing, row_id)
        except KeyError:
            pass
        raise _Refused(404, f"{name} was not found")

    def _list(self, name: str, listing: str, query: Query) -> Row:
        self._allow(name)
        filters = [pair for pair in query if pair[0] not in ("limit", "offset")]
        limit = number("limit", [value for key, value in query if key == "limit"] or [str(MAX_LIMIT)])
        if not 1 <= limit <= MAX_LIMIT:
            raise BadRequest(f"Invalid value for parameter limit: must be between 1 and {MAX_LIMIT}")
        after = _read_offset([value for key, value in query if key == "offset"], is_falling=listing in NEWEST_FIRST)

        tests = tests_for(LISTS[name], filters)
        inner = {row["id"]: row for row in self._inner_rows(name, listing)}
        keys = list(enumerate(inner)) if name in INNER_LISTS else self._matching(listing, filters, tests)
        start = bisect_right(keys, after) if after else 0
        shown = keys[start : start + limit]
        rows = (inner.get(row_id) or self.rows.row(listing, row_id) for _, row_id in shown)
        data = [self._shown(name, row, query) for row in rows]
        if start + limit >= len(keys):
            return {"data": data, "hasNext": False}
        return {"data": data, "hasNext": True, "next": f"0.{abs(shown[-1][0])}.{shown[-1][1]}"}

    def _matching(self, listing: str, filters: Query, tests: Sequence[Test]) -> Sequence[Key]:
        """Return the keys of rows that pass the filters, which are remembered until something changes."""
        hidden = frozenset(self.confidential) if listing == "opportunities" else frozenset()
        keys = self.rows.keys(listing)
        if not tests and not hidden:
            return keys
        asked = (listing, tuple(filters), hidden, self.rows.version())
        if asked not in self._filtered:
            if len(self._filtered) >= MAX_REMEMBERED:
                self._filtered.clear()
            self._filtered[asked] = [
                key for key in keys if key[1] not in hidden and _passes(self.rows.row(listing, key[1]), tests)
            ]
        return self._filtered[asked]

    def _inner_rows(self, name: str, listing: str) -> Sequence[Row]:
        """Return the rows of lists that are parts of other rows; other lists have none."""
        if name == "applications":
            applications: list[Row] = self.rows.row("opportunities", listing.split("/")[1])["applications"]
            return applications
        return self._panels(listing.split("/")[1]) if name == "panels" else ()

    def _panels(self, opportunity_id: str) -> list[Row]:
        listing = f"opportunities/{opportunity_id}/interviews"
        panels: defaultdict[str, list[Row]] = defaultdict(list)
        for _, row_id in self.rows.keys(listing):
            row = self.rows.row(listing, row_id)
            panels[row["panel"]].append(row)
        return [
            {
                "id": panel_id,
                "createdAt": interviews[0]["createdAt"],
                "canceledAt": None,
                "interviews": [{key: row[key] for key in row if key not in WITHOUT} for row in interviews],
                "start": min((one["date"] for one in interviews if one["date"]), default=None),
                "stage": interviews[0]["stage"],
                "timezone": interviews[0]["timezone"],
                "user": interviews[0]["user"],
                "externallyManaged": self.writes is not None and self.writes.is_ours(interviews[0]["id"]),
                "externalUrl": None,
            }
            for panel_id, interviews in panels.items()
        ]

    def _shown(self, name: str, row: Row, query: Query) -> Row:
        """Return a row, an opportunity with only those of its parts expanded that were asked to be."""
        if name != "opportunities":
            return row
        expanded = {value for key, value in query if key == "expand"}
        shown = dict(row)
        if "applications" not in expanded:
            shown["applications"] = [one["id"] for one in row["applications"]]
        if "contact" in expanded:
            shown["contact"] = {"id": row["contact"], "name": row["name"], "emails": row["emails"]}
        if "followers" in expanded:
            shown["followers"] = [self._expanded("users", one) for one in row["followers"]]
        for key, listing in (("stage", "stages"), ("owner", "users"), ("sourcedBy", "users")):
            if key in expanded:
                shown[key] = self._expanded(listing, row[key])
        return shown

    def _expanded(self, listing: str, row_id: str | None) -> Row | str | None:
        try:
            return self.rows.row(listing, row_id) if row_id else None
        except KeyError:
            return row_id


class _Refused(Exception):  # noqa: N818 (it is no error of ours)
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Bucket:
    """Tokens that come back at a steady rate, as many as it has room for."""

    def __init__(self, per_second: float, size: int) -> None:
        self.per_second, self.size = per_second, size
        self._tokens, self._filled_at = float(size), monotonic()

    def take(self) -> bool:
        now = monotonic()
        self._tokens = min(self.size, self._tokens + (now - self._filled_at) * self.per_second)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def _problem(status: int, message: str, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, {"code": CODES[status], "message": message}, headers or {})


def _passes(row: Row, tests: Sequence[Test]) -> bool:
    return all(test(row) for test in tests)


def _read_offset(values: list[str], *, is_falling: bool) -> Key | None:
    if not values:
        return None
    parts = re.fullmatch(r"0\.(\d{1,18})\.(.+)", values[0])
    if parts is None or len(values) > 1:
        raise BadRequest(f"Invalid offset token: {values[0]}")
    position = int(parts[1])
    return -position if is_falling else position, parts[2]
