"""Greenhouse's Harvest API, as strict as its documentation: v3 with OAuth, v1 with an API key.

https://harvestdocs.greenhouse.io/docs/list-endpoints, https://developers.greenhouse.io/harvest.html
"""

import secrets
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import RLock
from time import time
from urllib.parse import parse_qsl, quote, urlencode

import orjson

from sandbox.company import Company
from sandbox.platforms.greenhouse.filters import V1, V3, BadParameter, Listing, read_flag, read_ids, tests_for
from sandbox.platforms.greenhouse.rows import CompanyRows, Row, Rows, iso
from sandbox.platforms.greenhouse.writes import NOT_FOUND, V2, InterviewWrites, Names, Refused
from sandbox.platforms.greenhouse.writes import V3 as V3_NAMES
from sandbox.server import Answer, Request

MAX_PER_PAGE = 500
DEFAULT_PER_PAGE = 100
TOKEN_LIFETIME = timedelta(hours=1)
CURSOR_NOT_ALONE = "When passing a cursor, do not include other query params."


class GreenhouseSimulator:
    """Tells about a company, or about rows given as they are: `GreenhouseSimulator(PayloadRows({"v3/users": […]}))`.

    Only a company's interviews can be written. `denied_listings` ("v3/sources", …) answer 403, and so do writes to v3
    whose scope is one of `denied_scopes` ("harvest:interviews:create", …). `v1_status` is what all of v1 answers once
    it is retired.
    """

    base_path = ""
    client_id, client_secret, api_key = "sandbox-client", "sandbox-client-secret", "sandbox-api-key"

    def __init__(self, source: Company | Rows, *, requests_per_window: int = 1000) -> None:
        self.rows: Rows = CompanyRows(source) if isinstance(source, Company) else source
        self.lock = source.lock if isinstance(source, Company) else RLock()
        self.limits = {"v3": _RateLimit(requests_per_window, 30), "v1": _RateLimit(requests_per_window, 10)}
        self.writes = InterviewWrites(source) if isinstance(source, Company) else None
        self.denied_listings: set[str] = set()
        self.denied_scopes: set[str] = set()
        self.v1_status: int | None = None
        self._tokens: dict[str, _Token] = {}

    @property
    def credentials(self) -> dict[str, str]:
        return {"client_id": self.client_id, "client_secret": self.client_secret}

    @property
    def v1_credentials(self) -> dict[str, str]:
        return {"api_version": "v1", "api_key": self.api_key}

    def forget_tokens(self) -> None:
        self._tokens.clear()

    def answer(self, request: Request) -> Answer:
        with self.lock:
            return self._route(request)

    def fault(self, status: int, retry_after_seconds: int | None) -> Answer:
        if status != 429:
            return Answer(status, {"message": "Server error"} if status == 500 else b"")
        headers = self.limits["v3"].headers() | {"X-RateLimit-Remaining": "0"}
        if retry_after_seconds is not None:
            headers["Retry-After"] = str(retry_after_seconds)
            headers["X-RateLimit-Reset"] = str(int(time()) + retry_after_seconds)
        return Answer(429, {"message": "Rate limit exceeded"}, headers)

    def _route(self, request: Request) -> Answer:
        """The router comes before everything else: unknown paths are 404 even without credentials."""
        version, _, rest = request.path.removeprefix("/").partition("/")
        if (request.method, request.path) == ("POST", "/token"):
            return self._answer_token(request)
        if request.method == "GET" and version == "v3" and rest in V3:
            return self._answer_v3(request, rest)
        if request.method == "GET" and version == "v1" and (route := _route_v1(rest)):
            return self._answer_v1(request, route)
        if self.writes and (write := _write(request.method, request.path)):
            answer = self._answer_write_v3 if version == "v3" else self._answer_write_v1
            return answer(request, write, self.writes)
        return NOT_FOUND

    # v3

    def _answer_token(self, request: Request) -> Answer:
        if not _is_basic(request, self.client_id, self.client_secret):
            return Answer(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            return Answer(400, {"error": "invalid_request", "error_description": "The body must be a form"})
        form = dict(parse_qsl(request.body.decode(errors="replace")))
        if form.get("grant_type") != "client_credentials":
            return Answer(400, {"error": "unsupported_grant_type"})
        subject = form.get("sub")
        if subject is not None and self._user(subject) is None:
            return Answer(400, {"error": "invalid_request", "error_description": "sub is not a user"})
        token = _Token(subject, datetime.now(UTC) + TOKEN_LIFETIME)
        text = secrets.token_urlsafe(32)
        self._tokens[text] = token
        return Answer(200, {"access_token": text, "token_type": "Bearer", "expires_at": iso(token.expires_at)})

    def _answer_v3(self, request: Request, name: str) -> Answer:
        token = self._enter_v3(request)
        if isinstance(token, Answer):
            return token
        headers = self.limits["v3"].headers()
        problem = self._denial(f"v3/{name}", token)
        if problem:
            return Answer(403, {"message": "Forbidden", "errors": [problem]}, headers)
        try:
            page = self._page_v3(name, request.query)
        except BadParameter as error:
            return Answer(422, {"errors": [str(error)]}, headers)
        if page.cursor:
            headers["Link"] = f'<{request.base_url}{request.path}?cursor={quote(page.cursor)}>; rel="next"'
        return Answer(200, page.rows, headers)

    def _answer_write_v3(self, request: Request, write: "_Write", writes: InterviewWrites) -> Answer:
        token = self._enter_v3(request)
        if isinstance(token, Answer):
            return token
        headers = self.limits["v3"].headers()
        if (scope := f"harvest:interviews:{write.scope}") in self.denied_scopes:
            errors = [f"This credential lacks the scope {scope}."]
            return Answer(403, {"message": "Forbidden", "errors": errors}, headers)
        acting_user = int(token.subject) if token.subject is not None else self.rows.ids("v3/users", {})[-1]
        try:
            return self._perform(request, write, writes, V3_NAMES, acting_user)
        except Refused as refused:
            return Answer(422, {"errors": [f"{name} {problem}." for name, problem in refused.errors]}, headers)

    def _enter_v3(self, request: Request) -> "_Token | Answer":
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        token = self._tokens.get(text) if scheme == "Bearer" else None
        if token is None or token.expires_at <= datetime.now(UTC):
            return Answer(401, {"message": "Unauthorized", "errors": ["Token could not be decoded."]})
        if not self.limits["v3"].take():
            return self.fault(429, self.limits["v3"].seconds_left())
        return token

    def _perform(
        self, request: Request, write: "_Write", writes: InterviewWrites, names: Names, acting_user: int
    ) -> Answer:
        """Raises Refused."""
        listing = "v3/interviews" if names is V3_NAMES else "v1/scheduled_interviews"
        if write.row_id is None:
            interview = writes.create(request.body, names, acting_user=acting_user)
            return Answer(201, self.rows.row(listing, interview.id)) if interview else NOT_FOUND
        if write.row_id not in self.rows.ids(listing, {}):
            return NOT_FOUND
        interview = writes.company.interviews[write.row_id]
        if names is V2 and interview.external_event_id is None:
            raise Refused([("id", "must be of an interview that was created through Harvest")])
        if write.method == "DELETE":
            writes.delete(interview, names)
            return (
                Answer(204)
                if names is V3_NAMES
                else Answer(200, {"message": f"Interview {interview.id} has been deleted."})
            )
        changed = writes.change(interview, request.body, names, acting_user=acting_user)
        return Answer(200, self.rows.row(listing, changed.id))

    def _denial(self, listing: str, token: "_Token") -> str | None:
        if listing in self.denied_listings:
            return f"This credential lacks the scope harvest:{listing.removeprefix('v3/')}:list."
        user = self._user(token.subject) if token.subject is not None else None
        if user is not None and not user["site_admin"]:
            return "You must be a Site Admin to access this resource."
        return None

    def _user(self, user_id: str) -> Row | None:
        known = self.rows.ids("v3/users", {})
        return self.rows.row("v3/users", int(user_id)) if user_id.isdigit() and int(user_id) in known else None

    def _page_v3(self, name: str, query: Sequence[tuple[str, str]]) -> "_PageV3":
        given = _single(query)
        below = None
        if "cursor" in given:
            if len(given) > 1:
                raise BadParameter("cursor", "must stand alone", message=CURSOR_NOT_ALONE)
            below, given = _read_cursor(name, given["cursor"])
        if "created_at" in given and "updated_at" in given:
            raise BadParameter("created_at", "and updated_at exclude each other")
        per_page = _read_per_page(given)
        fields = given["fields"].split(",") if "fields" in given else None
        filters = {key: value for key, value in given.items() if key not in ("per_page", "fields")}
        matching = self._matching(f"v3/{name}", V3[name], filters, below=below)
        rows = list(islice(matching, per_page + 1))
        cursor = _write_cursor(name, rows[per_page - 1]["id"], given) if len(rows) > per_page else None
        return _PageV3([_only_fields(row, fields) for row in rows[:per_page]], cursor)

    def _matching(self, name: str, listing: Listing, filters: Mapping[str, str], *, below: int | None) -> Iterator[Row]:
        """Yield matching rows, the highest id first."""
        tests = tests_for(listing, filters)
        wanted = {key: read_ids(key, value) for key, value in filters.items() if key.endswith("ids")}
        row_ids = self.rows.ids(name, wanted)
        end = len(row_ids) if below is None else bisect_left(row_ids, below)
        rows = (self.rows.row(name, row_ids[position]) for position in range(end - 1, -1, -1))
        return (row for row in rows if all(test(row) for test in tests))

    # v1

    def _answer_v1(self, request: Request, route: "_RouteV1") -> Answer:
        if refusal := self._enter_v1(request):
            return refusal
        headers = self.limits["v1"].headers()
        if request.body or f"v1/{route.name}" in self.denied_listings:
            return Answer(403, {"message": "You do not have permission to do this"}, headers)
        if route.row_id is not None:
            if route.row_id not in self.rows.ids(f"v1/{route.name}", {}):
                return Answer(404, {"message": "Resource not found"})
            return Answer(200, self.rows.row(f"v1/{route.name}", route.row_id), headers)
        try:
            return self._list_v1(request, route, headers)
        except BadParameter as error:
            problem = {"message": error.problem, "field": error.name}
            return Answer(422, {"message": "Validation error", "errors": [problem]}, headers)

    def _answer_write_v1(self, request: Request, write: "_Write", writes: InterviewWrites) -> Answer:
        if refusal := self._enter_v1(request):
            return refusal
        headers = self.limits["v1"].headers()
        acting_user = request.headers.get("on-behalf-of", "")
        if self._user(acting_user) is None:
            return Answer(403, {"message": "You must provide an On-Behalf-Of header"}, headers)
        try:
            return self._perform(request, write, writes, V2, int(acting_user))
        except Refused as refused:
            errors = [{"message": problem, "field": name} for name, problem in refused.errors]
            return Answer(422, {"message": "Validation error", "errors": errors}, headers)

    def _enter_v1(self, request: Request) -> Answer | None:
        if self.v1_status is not None:
            return Answer(self.v1_status, {"message": "This version of Harvest has been retired"})
        if not _is_basic(request, self.api_key, ""):
            return Answer(401, {"message": "Invalid Basic Auth credentials"})
        if not self.limits["v1"].take():
            return self.fault(429, self.limits["v1"].seconds_left())
        return None

    def _list_v1(self, request: Request, route: "_RouteV1", headers: dict[str, str]) -> Answer:
        given = _single(request.query)
        per_page, page = _read_per_page(given), _read_positive("page", given.get("page", "1"))
        skips_count = read_flag("skip_count", given.get("skip_count", "false"))
        filters = {key: value for key, value in given.items() if key not in ("per_page", "page", "skip_count")}
        tests = tests_for(V1[route.name], filters)
        if route.application_id is not None:
            tests.append(lambda row: row.get("application_id") == route.application_id)

        name = f"v1/{route.name}"
        rows = (self.rows.row(name, row_id) for row_id in self.rows.ids(name, {}))
        matching = (row for row in rows if all(test(row) for test in tests))
        start = (page - 1) * per_page
        shown = list(islice(matching, start, start + per_page + 1))
        has_next, shown = len(shown) > per_page, shown[:per_page]
        pages = {"next": page + 1} if has_next else {}
        if page > 1:
            pages["prev"] = page - 1
        if not skips_count:
            total = start + len(shown) + has_next + sum(1 for _ in matching)
            pages["last"] = max(1, -(-total // per_page))
        links = [
            f'<{request.base_url}{request.path}?{urlencode(given | {"page": str(number)})}>; rel="{relation}"'
            for relation, number in pages.items()
        ]
        return Answer(200, shown, headers | ({"Link": ", ".join(links)} if links else {}))


@dataclass(frozen=True, slots=True)
class _Token:
    subject: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _PageV3:
    rows: list[Row]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _RouteV1:
    """A listing, one row of it, or the interviews of one application."""

    name: str
    row_id: int | None = None
    application_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Write:
    """A new interview, or a change of one."""

    method: str
    row_id: int | None

    @property
    def scope(self) -> str:
        return {"POST": "create", "PATCH": "update", "DELETE": "delete"}[self.method]


class _RateLimit:
    """A fixed window of time, and how many requests it still has room for."""

    def __init__(self, limit: int, window_seconds: int) -> None:
        self.limit, self.window_seconds = limit, window_seconds
        self._window, self._taken = 0, 0

    def take(self) -> bool:
        window = int(time()) // self.window_seconds
        if window != self._window:
            self._window, self._taken = window, 0
        self._taken += 1
        return self._taken <= self.limit

    def seconds_left(self) -> int:
        return self.window_seconds - int(time()) % self.window_seconds

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.limit - self._taken)),
            "X-RateLimit-Reset": str(int(time()) + self.seconds_left()),
        }


def _route_v1(path: str) -> _RouteV1 | None:
    match path.split("/"):
        case [name] if name in V1:
            return _RouteV1(name=name)
        case [name, row_id] if name in V1 and row_id.isdigit():
            return _RouteV1(name=name, row_id=int(row_id))
        case ["applications", application_id, "scheduled_interviews"] if application_id.isdigit():
            return _RouteV1(name="scheduled_interviews", application_id=int(application_id))
    return None


def _write(method: str, path: str) -> _Write | None:
    """Of v2 there is only what v1 had in another form."""
    match method, *path.removeprefix("/").split("/"):
        case ["POST", "v3", "interviews"] | ["POST", "v2", "scheduled_interviews"]:
            return _Write(method, None)
        case (
            ["PATCH" | "DELETE", "v3", "interviews", row_id]
            | ["PATCH", "v2", "scheduled_interviews", row_id]
            | ["DELETE", "v1", "scheduled_interviews", row_id]
        ) if row_id.isdigit():
            return _Write(method, int(row_id))
    return None


def _is_basic(request: Request, user: str, password: str) -> bool:
    expected = "Basic " + b64encode(f"{user}:{password}".encode()).decode()
    return request.headers.get("authorization") == expected


def _single(query: Sequence[tuple[str, str]]) -> dict[str, str]:
    given = dict(query)
    for name in given:
        if sum(1 for key, _ in query if key == name) > 1:
            raise BadParameter(name, "is repeated")
    return given


def _read_positive(name: str, value: str) -> int:
    if not value.isdigit() or int(value) < 1:
        raise BadParameter(name, "must be a positive number")
    return int(value)


def _read_per_page(given: Mapping[str, str]) -> int:
    number = _read_positive("per_page", given.get("per_page", str(DEFAULT_PER_PAGE)))
    if number > MAX_PER_PAGE:
        raise BadParameter("per_page", f"must be between 1 and {MAX_PER_PAGE}")
    return number


def _write_cursor(name: str, below: int, given: Mapping[str, str]) -> str:
    return b64encode(orjson.dumps([name, below, given]), altchars=b"-_").decode()


def _read_cursor(name: str, cursor: str) -> tuple[int, dict[str, str]]:
    try:
        listing, below, given = orjson.loads(b64decode(cursor, altchars=b"-_", validate=True))
    except ValueError:
        raise BadParameter("cursor", "is invalid") from None
    if listing != name:
        raise BadParameter("cursor", "is of another endpoint")
    return below, given


def _only_fields(row: Row, fields: Sequence[str] | None) -> Row:
    return row if fields is None else {key: row[key] for key in ("id", *fields) if key in row}
