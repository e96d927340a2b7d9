"""Taleo Business Edition's REST API, as strict as its documentation. Reading only.

http://www.oracle.com/technetwork/documentation/tberestapiguide-v15b1-2665296.pdf
"""

import hmac
import re
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from threading import RLock
from urllib.parse import parse_qsl, unquote, urlencode

from sandbox.company import Company
from sandbox.platforms.taleo.rows import ID_KEYS, PARENT_KEYS, TIME_ZONE, CompanyRows, Row, Rows
from sandbox.server import Answer, Request

SERVICE_PATH = "/CH07/ats/api/v1"
SEARCHES = frozenset({"user", "candidate", "requisition", "interview"})
FILTERS = frozenset({"start", "limit", "lastUpdated_from", "lastUpdated_to", "status", "addedWithin"})
CONTINUATION = frozenset({"searchId", "start", "limit", "digicode"})
DEFAULT_LIMIT, MAX_LIMIT = 200, 500
MAX_TOKENS = 20
TOKEN_LIFETIME = timedelta(hours=4)
MAX_SEARCHES = 100
CONTENT_TYPE = {"Content-Type": "application/json;charset=UTF-8"}


class Refusal(Exception):  # noqa: N818 (named for what happened)
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class TaleoSimulator:
    """Tells about a company, or about rows given as they are.

    `has_interview_search` is off for the tenants that lack that resource.
    """

    base_path = "/MANAGER/dispatcher/api/v1"
    company_code, username, password = "ACMECO", "api.sync", "s&cret=+%ü"

    def __init__(self, source: Company | Rows) -> None:
        self.rows: Rows = CompanyRows(source) if isinstance(source, Company) else source
        self.lock = source.lock if isinstance(source, Company) else RLock()
        self.has_interview_search = True
        self._tokens: dict[str, datetime] = {}  # until when they live
        self._searches: dict[int, _Search] = {}
        self._next_search_id = count(10_001).__next__
        self._key = secrets.token_bytes(16)

    @property
    def credentials(self) -> dict[str, str]:
        return {
            "company_code": self.company_code,
            "username": self.username,
            "password": self.password,
            "time_zone": TIME_ZONE.key,
        }

    @property
    def live_tokens(self) -> int:
        return sum(1 for ends_at in self._tokens.values() if ends_at > datetime.now(UTC))

    def log_in(self) -> str:
        """Return a new token."""
        if self.live_tokens >= MAX_TOKENS:
            raise Refusal(500, "Maximum number of login tokens reached")
        token = f"webapi2-{secrets.randbelow(10**16):016}"
        self._tokens[token] = datetime.now(UTC) + TOKEN_LIFETIME
        return token

    def forget_tokens(self) -> None:
        self._tokens.clear()

    def forget_searches(self) -> None:
        self._searches.clear()

    def answer(self, request: Request) -> Answer:
        with self.lock:
            try:
                return _enveloped(200, self._route(request))
            except Refusal as refusal:
                return _failed(refusal.status, str(refusal))

    def fault(self, status: int, retry_after_seconds: int | None) -> Answer:
        headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
        return _failed(status, "Please try again later", headers)

    def _route(self, request: Request) -> Row:
        if request.path.startswith(f"{self.base_path}/serviceUrl/"):
            return self._service_url(request)
        path = request.path.removeprefix(f"{SERVICE_PATH}/")
        if path == request.path:
            raise Refusal(404, f"Requested resource : {request.path} is not available")
        if path in ("login", "logout"):
            _expect(request, "POST")
            return self._answer_login(request) if path == "login" else self._answer_logout(request)
        self._authenticate(request)
        _expect(request, "GET")
        return self._object(request, path)

    def _service_url(self, request: Request) -> Row:
        _expect(request, "GET")
        code = unquote(request.path.rpartition("/")[2])
        if code != self.company_code:
            raise _unavailable("company", code)
        return {"URL": f"{request.base_url}{SERVICE_PATH}"}

    def _answer_login(self, request: Request) -> Row:
        given = dict(request.query)
        if request.headers.get("content-type", "").partition(";")[0] == "application/x-www-form-urlencoded":
            given |= parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True)
        expected = {"orgCode": self.company_code, "userName": self.username, "password": self.password}
        if any(given.get(name) != value for name, value in expected.items()):
            raise Refusal(401, "Invalid username, password or company code")
        return {"authToken": self.log_in()}

    def _answer_logout(self, request: Request) -> Row:
        del self._tokens[self._authenticate(request)]
        return {}

    def _authenticate(self, request: Request) -> str:
        cookies = (part.strip().partition("=") for part in request.headers.get("cookie", "").split(";"))
        token = next((value for name, _, value in cookies if name == "authToken"), "null")
        if token not in self._tokens or self._tokens[token] <= datetime.now(UTC):
            raise Refusal(500, f"Login session for token {token} is expired or invalid.")
        return token

    def _object(self, request: Request, path: str) -> Row:
        match path.split("/"):
            case ["object", "info"]:
                return {"objects": [*ID_KEYS, "status"]}
            case ["object", "status", "CAREQ"]:
                return {"statuses": self.rows.statuses()}
            case ["object", "candidateapplication"]:
                return self._applications(request)
            case ["object", "candidate", candidate_id, "interview"]:
                self._row("candidate", candidate_id)
                return _listed("interviews", "interview", self.rows.below("candidate", int(candidate_id), "interview"))
            case ["object", kind, "search"] if kind in SEARCHES and (kind != "interview" or self.has_interview_search):
                return self._search(request, kind)
            case ["object", kind, row_id] if kind in ID_KEYS:
                return {kind: self._row(kind, row_id)}
        raise Refusal(404, f"Requested resource : {path} is not available")

    def _row(self, kind: str, row_id: str) -> Row:
        row = self.rows.row(kind, int(row_id)) if _is_number(row_id) else None
        if row is None:
            raise _unavailable(kind, row_id)
        return row

    def _applications(self, request: Request) -> Row:
        parameters = {key: parent for parent, key in PARENT_KEYS.items()}
        given = _single(request.query, allowed=parameters)
        if len(given) != 1:
            raise Refusal(400, "Exactly one of candidateId and requisitionId is required")
        ((key, value),) = given.items()
        if not _is_number(value):
            raise _invalid(key)
        self._row(parameters[key], value)
        found = self.rows.below(parameters[key], int(value), "candidateapplication")
        return _listed("candToReqs", "candidateapplication", found)

    # Searches

    def _search(self, request: Request, kind: str) -> Row:
        if any(name == "searchId" for name, _ in request.query):
            given = _single(request.query, allowed=CONTINUATION)
            search_id, start, limit = (_number(given, name) for name in ("searchId", "start", "limit"))
            search = self._searches.get(search_id)
            if search is None or search.kind != kind:
                raise _invalid("searchId")
            if not hmac.compare_digest(self._digicode(search_id, start, limit), given.get("digicode", "")):
                raise _invalid("digicode")
        else:
            given = _single(request.query, allowed=FILTERS)
            start, limit = _number(given, "start", "1"), min(_number(given, "limit", str(DEFAULT_LIMIT)), MAX_LIMIT)
            if start < 1:
                raise _invalid("start")
            search_id, search = self._next_search_id(), _Search(kind, self._matching(kind, given))
            self._searches[search_id] = search
            if len(self._searches) > MAX_SEARCHES:
                del self._searches[min(self._searches)]
        return self._page(f"{request.base_url}{request.path}", search_id, search, start, limit)

    def _page(self, url: str, search_id: int, search: "_Search", start: int, limit: int) -> Row:
        """Return one page of the list as it was, without what was deleted meanwhile."""

        def link(start: int) -> str:
            digicode = self._digicode(search_id, start, limit)
            query = {"searchId": search_id, "start": start, "limit": limit, "digicode": digicode}
            return f"{url}?{urlencode(query)}"

        total = len(search.ids)
        pagination = {"total": total, "self": link(start)}
        if limit and start + limit <= total:
            pagination["next"] = link(start + limit)
        if start > 1:
            pagination["previous"] = link(max(1, start - limit))
        rows = (self.rows.row(search.kind, row_id) for row_id in search.ids[start - 1 : start - 1 + limit])
        found = [row for row in rows if row is not None]
        return {"pagination": pagination, **_listed("searchResults", search.kind, found)}

    def _matching(self, kind: str, given: Mapping[str, str]) -> Sequence[int]:
        earliest, latest = _day(given, "lastUpdated_from"), _day(given, "lastUpdated_to")
        ids = self.rows.ids(kind)
        if earliest or latest:
            first, last = earliest or date.min, latest or date.max
            days = ((row_id, self.rows.updated_at(kind, row_id)) for row_id in ids)
            ids = [row_id for row_id, at in days if at and first <= at.astimezone(UTC).date() <= last]
        if "status" in given:
            ids = [row_id for row_id in ids if str(self._given(kind, row_id, "status")) == given["status"]]
        if "addedWithin" in given:
            since = (datetime.now(UTC) - timedelta(days=_number(given, "addedWithin"))).date().isoformat()
            ids = [row_id for row_id in ids if str(self._given(kind, row_id, "creationDate") or "") >= since]
        return ids

    def _given(self, kind: str, row_id: int, key: str) -> object:
        return (self.rows.row(kind, row_id) or {}).get(key)

    def _digicode(self, *parts: int) -> str:
        return b64encode(hmac.digest(self._key, repr(parts).encode(), "sha256")[:16]).decode()


@dataclass(frozen=True, slots=True)
class _Search:
    kind: str
    ids: Sequence[int]


def _expect(request: Request, method: str) -> None:
    if request.method != method:
        raise Refusal(405, f"Method {request.method} is not allowed")


def _unavailable(kind: str, row_id: str) -> Refusal:
    return Refusal(404, f"Requested {kind} : {row_id} is not available")


def _invalid(name: str) -> Refusal:
    return Refusal(400, f"Invalid search parameter : {name}")


def _single(query: Sequence[tuple[str, str]], *, allowed: Mapping[str, str] | frozenset[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in query:
        if name not in allowed or name in given:
            raise _invalid(name)
        given[name] = value
    return given


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _number(given: Mapping[str, str], name: str, default: str = "") -> int:
    value = given.get(name, default)
    if not _is_number(value):
        raise _invalid(name)
    return int(value)


def _day(given: Mapping[str, str], name: str) -> date | None:
    if name not in given:
        return None
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", given[name], re.ASCII):
        raise _invalid(name)
    try:
        return date.fromisoformat(given[name])
    except ValueError:
        raise _invalid(name) from None


def _listed(key: str, kind: str, rows: Sequence[Row]) -> Row:
    return {key: [{kind: row} for row in rows]}


def _enveloped(status: int, response: Row) -> Answer:
    return Answer(status, {"response": response, "status": {"success": True, "detail": {}}}, CONTENT_TYPE)


def _failed(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    detail = {"operation": "internal", "errormessage": message, "error": message, "errorcode": str(status)}
    payload = {"response": {}, "status": {"success": False, "detail": detail}}
    return Answer(status, payload, {**CONTENT_TYPE, **(headers or {})})
