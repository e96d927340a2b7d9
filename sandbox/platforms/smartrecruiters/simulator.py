"""SmartRecruiters' customer API, as strict as its documentation. Reading only.

https://developers.smartrecruiters.com/reference/candidatesall-1, …/users, …/interviews, …/rate-limiting
"""

from base64 import b64decode, b64encode
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Lock, RLock
from time import time
from typing import TypeVar
from urllib.parse import unquote, urlencode

import orjson

from sandbox.company import Company
from sandbox.platforms.smartrecruiters.rows import CompanyRows, Row, Rows, by_id
from sandbox.server import Answer, Request

DEFAULT_LIMITS = {"users": 100, "candidates": 10}
MAX_LIMIT = 100
MAX_CONCURRENT, MAX_CONCURRENT_CANDIDATES = 8, 1
Found = TypeVar("Found")

# Page ids begin with it: written in base64 it holds what has to be escaped in a query.
PAGE_ID_MARK = b"\xfb\xff\xbf"


class Refusal(Exception):  # noqa: N818 (named for what happened)
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class _Route:
    """`name` is that of what is asked for; `ids` are those in the path."""

    name: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The rows that pass a filter, by rising id. `state` is the version and the filter."""

    state: tuple[int, str | None]
    ids: Sequence[str]
    rows: Sequence[Row]


class SmartRecruitersSimulator:
    """Tells about a company, or about rows given as they are: `SmartRecruitersSimulator(PayloadRows(…))`.

    `denied` ("users", "processes", "candidates", "application", "history", "interviews") answer 403. SmartRecruiters
    allows ten requests a second: `requests_per_second` lets more pass, for those who do not want to wait.
    """

    base_path = ""
    api_key = "sandbox-smart-token"

    def __init__(self, source: Company | Rows, *, requests_per_second: int = 100_000) -> None:
        self.rows: Rows = CompanyRows(source) if isinstance(source, Company) else source
        self.lock = source.lock if isinstance(source, Company) else RLock()
        self.limits = _Limits(requests_per_second)
        self.denied: set[str] = set()
        self._sorted: dict[str, _Sorted] = {}

    @property
    def credentials(self) -> dict[str, str]:
        return {"api_key": self.api_key}

    def answer(self, request: Request) -> Answer:
        if request.headers.get("x-smarttoken") != self.api_key:
            return _error(401, "UNAUTHORIZED", "Missing or invalid credentials")
        with self.limits.take(is_for_candidates=request.path == "/candidates") as is_allowed:
            if not is_allowed:
                return self.fault(429, None)
            try:
                with self.lock:
                    answer = self._answer(request)
            except Refusal as refusal:
                answer = _error(refusal.status, refusal.code, str(refusal))
            return Answer(answer.status, answer.payload, {**self.limits.headers(), **answer.headers})

    def fault(self, status: int, retry_after_seconds: int | None) -> Answer:
        if status != 429:
            return _error(500, "INTERNAL_ERROR", "Internal server error") if status == 500 else Answer(status)
        headers = {**self.limits.headers(), "X-RateLimit-Remaining": "0"}
        if retry_after_seconds is not None:
            headers["Retry-After"] = str(retry_after_seconds)
        return Answer(429, _error(429, "TOO_MANY_REQUESTS", "Too many requests").payload, headers)

    def _answer(self, request: Request) -> Answer:
        route = _route(request.path)
        if route.name in self.denied or request.method != "GET":
            raise Refusal(403, "FORBIDDEN", "Access to the resource is forbidden")
        match route:
            case _Route("users", ()):
                return self._page(request, "users", self.rows.users())
            case _Route("candidates", ()):
                return self._page(request, "candidates", self.rows.candidates())
            case _Route("interviews"):
                return Answer(200, {"content": self._interviews(_single(request, {"applicationId"}))})
        _single(request, ())
        match route:
            case _Route("processes", ()):
                return _counted(self.rows.processes())
            case _Route("history", (candidate_id, job_id)):
                self._application(candidate_id, job_id)
                return _counted(self.rows.history(candidate_id, job_id))
            case _Route("application", (candidate_id, job_id)):
                return Answer(200, self._application(candidate_id, job_id))
            case _Route("job_application", (application_id,)):
                return Answer(200, _found(self.rows.job_application(application_id)))
            case _Route(name, (row_id,)):
                listings = {"users": self.rows.users, "processes": self.rows.processes}
                return Answer(200, _found(by_id(listings.get(name, self.rows.candidates)(), row_id)))
        raise AssertionError(route)

    def _application(self, candidate_id: str, job_id: str) -> Row:
        row = self.rows.application(candidate_id, job_id)
        if row is None:
            raise Refusal(404, "CANDIDATE_NOT_ASSIGNED", "Candidate is not assigned to given job")
        return row

    def _interviews(self, given: Mapping[str, str]) -> list[Row]:
        if not given.get("applicationId"):
            raise _bad("applicationId is required")
        return _found(self.rows.interviews(given["applicationId"]))

    def _page(self, request: Request, name: str, rows: Sequence[Row]) -> Answer:
        given = _single(request, {"limit", "pageId", "updatedAfter"})
        limit, updated_after = _read_limit(given, name), given.get("updatedAfter")
        asked = [name, limit, updated_after]
        matching = self._matching(name, rows, updated_after)
        start = bisect_right(matching.ids, _read_page_id(given["pageId"], asked)) if "pageId" in given else 0
        page = matching.rows[start : start + limit]

        body: Row = {"limit": limit, "content": page}
        headers = {}
        if name == "candidates":
            body["totalFound"] = len(matching.rows)
        if start + limit < len(matching.rows):
            body["nextPageId"] = _write_page_id(asked, page[-1]["id"])
            if name == "candidates":
                following = urlencode({**given, "limit": limit, "pageId": body["nextPageId"]})
                headers["Link"] = f'<{request.path}?{following}>; rel="next"'
        return Answer(200, body, headers)

    def _matching(self, name: str, rows: Sequence[Row], updated_after: str | None) -> _Sorted:
        """Sort and filter a listing once, until something changes or another filter is asked for."""
        state = self.rows.version, updated_after
        if name not in self._sorted or self._sorted[name].state != state:
            after = _read_time(updated_after) if updated_after is not None else None
            kept = [row for row in rows if after is None or datetime.fromisoformat(row["updatedOn"]) > after]
            kept.sort(key=lambda row: str(row["id"]))
            self._sorted[name] = _Sorted(state, [row["id"] for row in kept], kept)
        return self._sorted[name]


class _Limits:
    """So many requests in a second and at a time, by the rules for one credential."""

    def __init__(self, requests_per_second: int) -> None:
        self.requests_per_second = requests_per_second
        self._lock = Lock()
        self._second, self._taken = 0, 0
        self._at_work, self._at_candidates = 0, 0

    @contextmanager
    def take(self, *, is_for_candidates: bool) -> Iterator[bool]:
        with self._lock:
            if self._second != int(time()):
                self._second, self._taken = int(time()), 0
            self._taken += 1
            self._at_work += 1
            self._at_candidates += is_for_candidates
            is_allowed = (
                self._taken <= self.requests_per_second
                and self._at_work <= MAX_CONCURRENT
                and (not is_for_candidates or self._at_candidates <= MAX_CONCURRENT_CANDIDATES)
            )
        try:
            yield is_allowed
        finally:
            with self._lock:
                self._at_work -= 1
                self._at_candidates -= is_for_candidates

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.requests_per_second),
            "X-RateLimit-Remaining": str(max(0, self.requests_per_second - self._taken)),
            "X-RateLimit-Concurrent-Limit": str(MAX_CONCURRENT),
            "X-RateLimit-Concurrent-Remaining": str(max(0, MAX_CONCURRENT - self._at_work)),
        }


def _route(path: str) -> _Route:
    """Raises Refusal for paths that are none."""
    match [unquote(part) for part in path.removeprefix("/").split("/")]:
        case ["user-api", "v201804", "users", *ids] if len(ids) <= 1:
            return _Route("users", tuple(ids))
        case ["configuration", "hiring-processes", *ids] if len(ids) <= 1:
            return _Route("processes", tuple(ids))
        case ["candidates", *ids] if len(ids) <= 1:
            return _Route("candidates", tuple(ids))
        case ["candidates", candidate_id, "jobs", job_id]:
            return _Route("application", (candidate_id, job_id))
        case ["candidates", candidate_id, "jobs", job_id, "status", "history"]:
            return _Route("history", (candidate_id, job_id))
        case ["interviews-api", "v201904", "interviews"]:
            return _Route("interviews")
        case ["job-applications-api", "v202112", "job-applications", application_id]:
            return _Route("job_application", (application_id,))
    raise _not_found()


def _single(request: Request, known: Collection[str]) -> dict[str, str]:
    given = dict(request.query)
    for name in given:
        if name not in known:
            raise _bad(f"{name} is not a parameter of this call")
    if len(given) < len(request.query):
        raise _bad("parameters must not be repeated")
    return given


def _read_limit(given: Mapping[str, str], name: str) -> int:
    value = given.get("limit", str(DEFAULT_LIMITS[name]))
    if not value.isdecimal() or not 1 <= int(value) <= MAX_LIMIT:
        raise _bad(f"limit must be an integer between 1 and {MAX_LIMIT}")
    return int(value)


def _read_time(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _bad("updatedAfter must be an ISO 8601 time") from None
    if moment.tzinfo is None:
        raise _bad("updatedAfter must have a zone")
    return moment


def _write_page_id(asked: Sequence[object], last_id: str) -> str:
    return b64encode(PAGE_ID_MARK + orjson.dumps([asked, last_id])).decode()


def _read_page_id(page_id: str, asked: Sequence[object]) -> str:
    """Return the last id of the page before. A page id goes with the limit and the filter that it was given for."""
    try:
        known, last_id = orjson.loads(b64decode(page_id, validate=True).removeprefix(PAGE_ID_MARK))
    except ValueError:
        known, last_id = None, ""
    if known != asked:
        raise _bad("pageId is unknown")
    return str(last_id)


def _found(what: Found | None) -> Found:
    if what is None:
        raise _not_found()
    return what


def _counted(rows: Sequence[Row]) -> Answer:
    return Answer(200, {"totalFound": len(rows), "content": rows})


def _bad(message: str) -> Refusal:
    return Refusal(400, "INVALID_PARAMETER", message)


def _not_found() -> Refusal:
    return Refusal(404, "NOT_FOUND", "Resource not found")


def _error(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"message": message, "errors": [{"code": code, "message": message}]})
