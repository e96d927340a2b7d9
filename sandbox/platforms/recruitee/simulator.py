"""Recruitee's API, as strict as is known of it.

https://docs.recruitee.com/reference/getting-started, https://apidocs.recruitee.com
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from threading import RLock
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.company import Company
from sandbox.platforms.recruitee.rows import CompanyRows, Listing, Row, Rows
from sandbox.platforms.recruitee.writes import EventWrites, RefusedError
from sandbox.server import Answer, Request

MAX_LIMIT = 1000
DEFAULT_CANDIDATES = 100
STATUSES = ("past_due", "upcoming")
FLAGS = {"true": True, "1": True, "false": False, "0": False}
MAINTENANCE = b"<html><head><title>Down for maintenance</title></head><body><h1>We will be back</h1></body></html>"

# Which keys of a row `references` are told of.
CANDIDATE_REFERENCES = {"Admin": ("admin_id",)}
PLACEMENT_REFERENCES = {"Offer": ("offer_id",), "Stage": ("stage_id",)}
EVENT_REFERENCES = {
    "Admin": ("admin_id", "admin_ids"),
    "Candidate": ("candidate_id",),
    "Offer": ("offer_id",),
    "Stage": ("stage_id",),
}

Test = Callable[[Row], bool]
T = TypeVar("T")


class RecruiteeSimulator:
    """Tells about a company, or about rows given as they are: `RecruiteeSimulator(PayloadRows(admin_rows=[…]))`.

    Only a company's events can be written. `denied` ("candidates", "interview/events", …, and "POST", "PATCH",
    "DELETE") answer 403. The token is the first admin's.
    """

    base_path = ""
    company_id, subdomain, api_token = "40001", "sandbox", "sandbox-token"

    def __init__(self, source: Company | Rows) -> None:
        self.rows: Rows = CompanyRows(source) if isinstance(source, Company) else source
        self.writes = EventWrites(self.rows) if isinstance(self.rows, CompanyRows) else None
        self.lock = source.lock if isinstance(source, Company) else RLock()
        self.denied: set[str] = set()

    @property
    def credentials(self) -> dict[str, str]:
        return {"company_id": self.company_id, "api_token": self.api_token}

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self.api_token}":
            return _refusal(401, "unauthorized", "Token is invalid")
        with self.lock:
            try:
                return self._route(request)
            except _BadParameterError as error:
                return _refusal(422, "invalid", f"{error} is invalid")
            except RefusedError as error:
                return _refusal(422, "invalid", str(error))

    def fault(self, status: int, retry_after_seconds: int | None) -> Answer:
        if status != 429:
            return Answer(status, MAINTENANCE, {"Content-Type": "text/html"})
        headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
        return _refusal(429, "too_many_requests", "Too many requests", headers)

    def _route(self, request: Request) -> Answer:
        match request.path.split("/"):
            case ["", "c", company_id, *path]:
                is_denied = not self.denied.isdisjoint(("/".join(path), request.method))
                if company_id not in (self.company_id, self.subdomain) or is_denied:
                    return _refusal(403, "forbidden", "You have no access to this company")
                if request.method == "GET":
                    return self._read(path, _Parameters(request.query))
                return self._write(self.writes, request, path) if self.writes else NOT_FOUND
        return NOT_FOUND

    def _write(self, writes: EventWrites, request: Request, path: Sequence[str]) -> Answer:
        match request.method, path:
            case "POST", ["interview", "candidates", row_id, "events"] if row_id.isdecimal():
                if self.rows.candidate(int(row_id)) is None:
                    return NOT_FOUND
                owner_id = next(iter(self.rows.admins()))["id"]
                return self._event(201, writes.draft(int(row_id), request.body, owner_id=owner_id))
            case method, ["interview", "events", row_id, *rest] if row_id.isdecimal():
                row = self.rows.event(int(row_id))
                if row is None:
                    return NOT_FOUND
                if (method, rest) == ("POST", ["schedule"]):
                    writes.schedule(row, request.body)
                    return self._event(200, row["id"])
                if (method, rest) == ("PATCH", []):
                    writes.change(row, request.body)
                    return self._event(200, row["id"])
                if (method, rest) == ("DELETE", []):
                    writes.delete(row["id"])
                    return Answer(200, {"interview_event": row})
        return NOT_FOUND

    def _event(self, status: int, event_id: int) -> Answer:
        row = self.rows.event(event_id)
        return Answer(status, {"interview_event": row, "references": self._of_events([row] if row else [])})

    def _read(self, path: Sequence[str], parameters: "_Parameters") -> Answer:
        match path:
            case ["admins"]:
                return Answer(200, {"admins": list(self.rows.admins())})
            case ["pipeline_templates"]:
                return Answer(200, {"pipeline_templates": [_without_stages(row) for row in self.rows.templates()]})
            case ["pipeline_templates", row_id] if row_id.isdecimal():
                row = self.rows.template(int(row_id))
                return Answer(200, {"pipeline_template": row}) if row else NOT_FOUND
            case ["candidates"]:
                return self._candidates(parameters)
            case ["candidates", row_id] if row_id.isdecimal():
                row = self.rows.candidate(int(row_id))
                return Answer(200, {"candidate": row, "references": self._of_candidates([row])}) if row else NOT_FOUND
            case ["interview", "events"]:
                return self._events(parameters)
            case ["interview", "events", row_id] if row_id.isdecimal():
                row = self.rows.event(int(row_id))
                return Answer(200, {"interview_event": row, "references": self._of_events([row])}) if row else NOT_FOUND
        return NOT_FOUND

    def _candidates(self, parameters: "_Parameters") -> Answer:
        limit = parameters.number("limit", least=1, most=MAX_LIMIT, default=DEFAULT_CANDIDATES)
        offset = parameters.number("offset", least=0, default=0)
        listing = self.rows.candidates().where(_candidate_tests(parameters))
        rows = listing.part(offset, offset + limit)
        return Answer(200, {"candidates": rows, "references": self._of_candidates(rows)})

    def _events(self, parameters: "_Parameters") -> Answer:
        status = parameters.choice("status", STATUSES, default="upcoming")
        scope = parameters.choice("scope", ("all", "my"), default="all")
        limit = parameters.number("limit", least=1, most=MAX_LIMIT, default=0)
        page = parameters.number("page", least=1, default=1)
        tests = _event_tests(parameters)
        if scope == "my":
            owner_id = next(iter(self.rows.admins()), {"id": None})["id"]
            tests.append(lambda row: owner_id in (row["admin_id"], *(row["admin_ids"] or ())))
        listings: dict[str, Listing] = {one: self.rows.events(one).where(tests) for one in STATUSES}
        start, stop = ((page - 1) * limit, page * limit) if limit else (0, None)
        rows = listings[status].part(start, stop)
        return Answer(
            200,
            {
                "interview_events": rows,
                "meta": {"counters": {one: len(listing) for one, listing in listings.items()}},
                "references": self._of_events(rows),
            },
        )

    def _of_candidates(self, rows: Sequence[Row]) -> list[Row]:
        placements = [placement for row in rows for placement in row.get("placements") or ()]
        return self._references(rows, CANDIDATE_REFERENCES) + self._references(placements, PLACEMENT_REFERENCES)

    def _of_events(self, rows: Sequence[Row]) -> list[Row]:
        return self._references(rows, EVENT_REFERENCES)

    def _references(self, rows: Sequence[Row], keys: Mapping[str, Sequence[str]]) -> list[Row]:
        """Return what rows refer to, by kind and in the order they do, each once."""
        found = []
        for kind, names in keys.items():
            ids = dict.fromkeys(row_id for row in rows for name in names for row_id in _as_list(row.get(name)))
            found += [row for row_id in ids if (row := self.rows.reference(kind, row_id))]
        return found


class _BadParameterError(ValueError):
    """A known parameter with a value that it does not take."""


class _Parameters:
    """What was asked for. Unknown names go unnoticed, of repeated ones the last counts."""

    def __init__(self, query: Sequence[tuple[str, str]]) -> None:
        self.query = query
        self.given = dict(query)

    def number(self, name: str, *, least: int, default: int, most: int | None = None) -> int:
        if name not in self.given:
            return default
        number = _number(name, self.given[name])
        if number < least or (most is not None and number > most):
            raise _BadParameterError(name)
        return number

    def ids(self, name: str) -> set[int]:
        return {_number(name, value) for key, value in self.query if key == name}

    def choice(self, name: str, choices: Sequence[str], *, default: str) -> str:
        value = self.given.get(name, default)
        if value not in choices:
            raise _BadParameterError(name)
        return value

    def flag(self, name: str) -> bool:
        value = self.given.get(name, "false")
        if value not in FLAGS:
            raise _BadParameterError(name)
        return FLAGS[value]

    def day(self, name: str) -> date | None:
        return self._read(name, date.fromisoformat)

    def moment(self, name: str) -> datetime | None:
        moment = self._read(name, datetime.fromisoformat)
        return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None

    def zone(self, name: str) -> tzinfo | None:
        return self._read(name, ZoneInfo)

    def _read(self, name: str, read: Callable[[str], T]) -> T | None:
        try:
            return read(self.given[name]) if name in self.given else None
        except (ValueError, ZoneInfoNotFoundError, OSError):
            raise _BadParameterError(name) from None


def _candidate_tests(parameters: _Parameters) -> list[Test]:
    tests: list[Test] = []
    if offers := parameters.ids("offer_id"):
        tests.append(lambda row: any(placement["offer_id"] in offers for placement in row["placements"]))
    if ids := parameters.ids("ids[]"):
        tests.append(lambda row: row["id"] in ids)
    if query := parameters.given.get("query"):
        tests.append(lambda row: query.lower() in row["name"].lower())
    if parameters.flag("disqualified"):
        tests.append(lambda row: any(placement.get("disqualified_at") for placement in row["placements"]))
    if parameters.flag("qualified"):
        tests.append(lambda row: any(not placement.get("disqualified_at") for placement in row["placements"]))
    if after := parameters.moment("created_after"):
        tests.append(lambda row: datetime.fromisoformat(row["created_at"]) > after)
    return tests


def _event_tests(parameters: _Parameters) -> list[Test]:
    tests: list[Test] = []
    zone = parameters.zone("timezone") or ZoneInfo("UTC")
    if candidates := parameters.ids("candidate_id"):
        tests.append(lambda row: row["candidate_id"] in candidates)
    if admins := parameters.ids("admin_ids[]"):
        tests.append(lambda row: not admins.isdisjoint(row["admin_ids"] or ()))

    def day_of(row: Row) -> date | None:
        return datetime.fromisoformat(row["starts_at"]).astimezone(zone).date() if row["starts_at"] else None

    if first := parameters.day("start_date"):
        tests.append(lambda row: (day := day_of(row)) is not None and day >= first)
    if last := parameters.day("end_date"):
        tests.append(lambda row: (day := day_of(row)) is not None and day <= last)
    return tests


def _refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, {"error": [message], "errors": [{"code": code, "message": message}]}, headers or {})


NOT_FOUND = _refusal(404, "not_found", "Not found")


def _without_stages(template: Row) -> Row:
    return {key: value for key, value in template.items() if key != "stages"}


def _number(name: str, value: str) -> int:
    if not value.isdecimal():
        raise _BadParameterError(name)
    return int(value)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
