"""Ashby's API, as strict as its documentation. Reading only: the key lacks the right to write.

https://developers.ashbyhq.com/reference/responses, https://developers.ashbyhq.com/docs/pagination-and-incremental-sync
"""

from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import RLock
from typing import Any

import orjson

from sandbox.company import Company
from sandbox.platforms.ashby.rows import CompanyRows, Row, Rows
from sandbox.server import Answer, Request

VERSION = "2026-01-01"
MAX_PER_PAGE = 100
REQUEST_ID = "01JSJ8FDK5ZN4XQBZP7DBKK7ZD"


class Refusal(Exception):  # noqa: N818 (named for what happened)
    """Becomes an envelope without success. Most are answered with status 200."""

    def __init__(self, code: str, message: str, *, status: int = 200) -> None:
        super().__init__(message)
        self.code, self.status = code, status


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_limit(value: Any) -> bool:
    return is_number(value) and 1 <= value <= MAX_PER_PAGE


Parameters = Mapping[str, Callable[[Any], bool]]
PAGING: Parameters = {"limit": is_limit, "cursor": is_text, "syncToken": is_text}
CREATED: Parameters = {"createdAfter": is_number}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """`shows_hidden` is the parameter that shows what `is_hidden`; `part_of` the one that names a row's parent."""

    resource: str
    permission: str
    parameters: Parameters = field(default_factory=dict)
    shows_hidden: str = ""
    is_hidden: Callable[[Row], bool] = lambda row: False
    part_of: str = ""
    has_pages: bool = True


LISTINGS = {
    "user.list": Listing(
        resource="user",
        permission="organizationRead",
        parameters={"includeDeactivated": is_flag},
        shows_hidden="includeDeactivated",
        is_hidden=lambda user: user.get("isEnabled") is False,
    ),
    "interviewPlan.list": Listing(
        resource="interviewPlan",
        permission="interviewsRead",
        parameters={"includeArchived": is_flag},
        shows_hidden="includeArchived",
        is_hidden=lambda plan: plan.get("isArchived") is True,
    ),
    "interviewStage.list": Listing(
        resource="interviewPlan",
        permission="interviewsRead",
        parameters={"interviewPlanId": is_text},
        part_of="interviewPlanId",
        has_pages=False,
    ),
    "application.list": Listing(resource="application", permission="candidatesRead", parameters=CREATED),
    "interviewSchedule.list": Listing(resource="interviewSchedule", permission="interviewsRead", parameters=CREATED),
    "interviewEvent.list": Listing(
        resource="interviewSchedule",
        permission="interviewsRead",
        parameters={"interviewScheduleId": is_text, **CREATED},
        part_of="interviewScheduleId",
    ),
}
# By name: the resource, the parameter that names one, the permission.
SINGLE_ROWS = {
    "user.info": ("user", "userId", "organizationRead"),
    "interviewStage.info": ("interviewStage", "interviewStageId", "interviewsRead"),
    "application.info": ("application", "applicationId", "candidatesRead"),
}
NOT_FOUND = {
    "user": "user_not_found",
    "interviewPlan": "interview_plan_not_found",
    "interviewStage": "interview_stage_not_found",
    "application": "application_not_found",
    "interviewSchedule": "interview_schedule_not_found",
}
DENIED = {
    "apiKey.info": "apiKeysRead",
    "interviewSchedule.create": "interviewsWrite",
    "interviewSchedule.update": "interviewsWrite",
    "interviewSchedule.cancel": "interviewsWrite",
}


class AshbySimulator:
    """Tells about a company, or about rows given as they are: `AshbySimulator(PayloadRows({"user": […]}))`.

    `permissions` are those of the key. `expire_tokens` and `expire_cursors` do so with all that were given out.
    """

    base_path = ""
    api_key = "sandbox-api-key"

    def __init__(self, source: Company | Rows, *, max_incremental_pages: int = 1000) -> None:
        self.rows: Rows = CompanyRows(source) if isinstance(source, Company) else source
        self.lock = source.lock if isinstance(source, Company) else RLock()
        self.permissions = {"organizationRead", "interviewsRead", "candidatesRead"}
        self.version_status = "active"
        self.max_incremental_pages = max_incremental_pages
        self._expiries = {"syncToken": 0, "cursor": 0}
        self._sorted: dict[tuple[Any, ...], list[str]] = {}
        self._sorted_in_state = -1

    @property
    def credentials(self) -> dict[str, str]:
        return {"api_key": self.api_key}

    def expire_tokens(self) -> None:
        self._expiries["syncToken"] += 1

    def expire_cursors(self) -> None:
        self._expiries["cursor"] += 1

    def answer(self, request: Request) -> Answer:
        with self.lock:
            answer = self._route(request)
        versions = {"Ashby-Version": VERSION, "Ashby-Version-Status": self.version_status}
        return Answer(answer.status, answer.payload, versions | dict(answer.headers))

    def fault(self, status: int, retry_after_seconds: int | None) -> Answer:
        if status != 429:
            return Answer(status, b"Something went wrong")
        headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
        return Answer(429, _refused("rate_limit_exceeded", "Rate limit exceeded. Try again later."), headers)

    def _route(self, request: Request) -> Answer:
        name = request.path.removeprefix("/")
        if request.method != "POST" or not (name in LISTINGS or name in SINGLE_ROWS or name in DENIED):
            return Answer(404, b"Not Found")
        authorization = request.headers.get("authorization")
        if not authorization:
            return Answer(401, b"No API key was given.")
        if authorization != "Basic " + b64encode(f"{self.api_key}:".encode()).decode():
            return Answer(403, b"This API key does not exist or was deactivated.")
        try:
            return Answer(200, self._result(name, request))
        except Refusal as refusal:
            return Answer(refusal.status, _refused(refusal.code, str(refusal)))

    def _result(self, name: str, request: Request) -> Row:
        if request.headers.get("ashby-version", VERSION) != VERSION:
            raise Refusal("invalid_api_version", "This version of the API is not available.")
        if name in DENIED:
            self._require(DENIED[name])
            raise Refusal("invalid_input", f"{name} is not simulated")
        if name in SINGLE_ROWS:
            resource, parameter, permission = SINGLE_ROWS[name]
            self._require(permission)
            row_id = _body(request, {parameter: is_text}, required=parameter)[parameter]
            self._require_row(resource, row_id)
            return {"success": True, "results": self.rows.row(resource, row_id)}
        listing = LISTINGS[name]
        self._require(listing.permission)
        parameters = {**listing.parameters, **(PAGING if listing.has_pages else {})}
        body = _body(request, parameters, required=listing.part_of)
        if listing.part_of:
            self._require_row(listing.resource, body[listing.part_of])
        if not listing.has_pages:
            rows = self.rows.parts(listing.resource, body[listing.part_of])
            return {"success": True, "results": rows, "moreDataAvailable": False}
        return self._page(name, listing, body)

    def _require(self, permission: str) -> None:
        if permission not in self.permissions:
            code = "missing_endpoint_permission"
            raise Refusal(code, "The API key lacks the permission for this endpoint.", status=403)

    def _require_row(self, resource: str, row_id: str) -> None:
        if row_id not in self.rows.changes(resource):
            raise Refusal(NOT_FOUND[resource], f"There is no {resource} with this id.")

    def _page(self, name: str, listing: Listing, body: Mapping[str, Any]) -> Row:
        """Rows come by their ids, which say nothing of time. What changes during a run comes in the next one."""
        others = {key: value for key, value in sorted(body.items()) if key not in ("limit", "cursor")}
        begun_in, after = self.rows.state(), ""
        if "cursor" in body:
            begun_in, after, asked = self._open(name, "cursor", body["cursor"], "cursor_invalid", "next_cursor_expired")
            if asked != others:
                raise Refusal("invalid_next_cursor", "The cursor belongs to a request with other parameters.")
        since = -1
        if "syncToken" in body:
            (since,) = self._open(name, "syncToken", body["syncToken"], "sync_token_invalid", "sync_token_expired")
        limit = body.get("limit", MAX_PER_PAGE)

        row: Callable[[str], Row]
        ids: Sequence[str]
        if listing.part_of:
            parts = {str(part.get("id")): part for part in self.rows.parts(listing.resource, body[listing.part_of])}
            ids, row = sorted(parts), parts.__getitem__
        else:
            ids, row = self._matching(name, listing, body, since), partial(self.rows.row, listing.resource)
        if since >= 0 and len(ids) > self.max_incremental_pages * limit:
            raise Refusal("incremental_sync_too_large", "Too much has changed. Perform a full sync.")
        start = bisect_right(ids, after)
        shown = ids[start : start + limit]
        page: Row = {"success": True, "results": [row(row_id) for row_id in shown], "moreDataAvailable": False}
        if start + limit < len(ids):
            cursor = self._seal(name, "cursor", begun_in, shown[-1], others)
            return page | {"moreDataAvailable": True, "nextCursor": cursor}
        return page | {"syncToken": self._seal(name, "syncToken", begun_in)}

    def _matching(self, name: str, listing: Listing, body: Mapping[str, Any], since: int) -> Sequence[str]:
        """Return the ids of what a run is about, in order; put together once for each state of the rows."""
        state = self.rows.state()
        if self._sorted_in_state != state:
            self._sorted_in_state, self._sorted = state, {}
        shows_hidden = not listing.shows_hidden or body.get(listing.shows_hidden, False)
        created_after = body.get("createdAfter")
        key = (name, since, shows_hidden, created_after)
        if key not in self._sorted:
            ids = sorted(row_id for row_id, changed in self.rows.changes(listing.resource).items() if changed > since)
            if not shows_hidden:
                ids = [row_id for row_id in ids if not listing.is_hidden(self.rows.row(listing.resource, row_id))]
            if created_after is not None:
                bound = timedelta(milliseconds=created_after)
                ids = [row_id for row_id in ids if _age(self.rows.row(listing.resource, row_id)) > bound]
            self._sorted[key] = ids
        return self._sorted[key]

    def _seal(self, name: str, kind: str, *content: Any) -> str:
        return urlsafe_b64encode(orjson.dumps([name, kind, self._expiries[kind], *content])).decode()

    def _open(self, name: str, kind: str, sealed: str, if_invalid: str, if_expired: str) -> list[Any]:
        content: list[Any]
        try:
            found_name, found_kind, expiry, *content = orjson.loads(urlsafe_b64decode(sealed))
        except (ValueError, TypeError):
            found_name = found_kind = None
        if (found_name, found_kind) != (name, kind):
            raise Refusal(if_invalid, f"This is no {kind} of {name}. Perform a full sync.")
        if expiry != self._expiries[kind]:
            raise Refusal(if_expired, f"The {kind} has expired. Perform a full sync.")
        return content


def _body(request: Request, parameters: Parameters, *, required: str = "") -> dict[str, Any]:
    """Read the parameters of a call. Raises Refusal."""
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise Refusal("invalid_input", "the body is not JSON") from None
    is_json = request.headers.get("content-type", "").partition(";")[0] == "application/json"
    if not isinstance(body, dict) or not is_json or request.query:
        raise Refusal("invalid_input", "parameters go as a JSON object into the body, which says that it is JSON")
    for key, value in body.items():
        if key not in parameters:
            raise Refusal("invalid_input", f"{key} is not a parameter of this endpoint")
        if key == "limit" and not is_limit(value):
            raise Refusal("invalid_input", f"limit must be a whole number between 1 and {MAX_PER_PAGE}")
        if not parameters[key](value):
            raise Refusal("invalid_input", f"{key} has a wrong value")
    if required and required not in body:
        raise Refusal("invalid_input", f"{required} is required")
    return body


def _refused(code: str, message: str) -> Row:
    info = {"code": code, "message": message, "requestId": REQUEST_ID}
    return {"success": False, "errors": [code], "errorInfo": info}


def _age(row: Row) -> timedelta:
    """Return when a row was created, counted from 1970."""
    return datetime.fromisoformat(row["createdAt"]) - datetime.fromisoformat("1970-01-01T00:00:00Z")
