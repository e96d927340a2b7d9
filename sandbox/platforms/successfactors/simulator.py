"""SuccessFactors' OData 2.0 interface to Recruiting, as strict as its documentation. Reading only.

https://userapps.support.sap.com/sap/support/knowledge/en/3383354
"""

import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from threading import RLock
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sandbox.company import Company
from sandbox.platforms.successfactors.assertions import Expected, problem_with
from sandbox.platforms.successfactors.options import ENTITIES, BadOption, Filter, comparable, invalid_names, read_names
from sandbox.platforms.successfactors.rows import CompanyRows, Row, Rows
from sandbox.server import Answer, Request

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:saml2-bearer"
TOKEN_SECONDS = 86399
MAX_PAGE_SIZE = 1000
MAX_SNAPSHOTS = 100

ROUTE = re.compile(r"/odata/v2/(\w+)(?:\((?:'((?:[^']|'')*)'|(\d+)L?)\))?")
# fmt: off
OPTIONS = frozenset({
    "$format", "$filter", "$select", "$expand", "$top", "$skip", "$skiptoken", "$orderby", "$inlinecount",
})
# fmt: on
SHOWN_BY_DEFAULT = frozenset({"t", "T"})  # of users, unless a filter asks for their status
ATOM = b'<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"></feed>'


@cache
def _key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


class SuccessFactorsSimulator:
    """Tells about a company, or about rows given as they are: `SuccessFactorsSimulator(PayloadRows({"User": […]}))`.

    `denied_entities` answer 403, `missing_entities` 404, as where a module is not enabled.
    """

    base_path = ""
    company_id, client_id, user_id = "sandboxcompany", "sandbox-api-key", "sandbox.api"

    def __init__(self, source: Company | Rows, *, max_page_size: int = MAX_PAGE_SIZE) -> None:
        self.rows: Rows = CompanyRows(source) if isinstance(source, Company) else source
        self.lock = source.lock if isinstance(source, Company) else RLock()
        self.max_page_size = max_page_size
        self.denied_entities: set[str] = set()
        self.missing_entities: set[str] = set()
        self._tokens: dict[str, datetime] = {}
        self._snapshots: dict[str, _Snapshot] = {}

    @property
    def credentials(self) -> dict[str, str]:
        pem = _key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return {
            "company_id": self.company_id,
            "client_id": self.client_id,
            "user_id": self.user_id,
            "private_key": pem,
        }

    def forget_tokens(self) -> None:
        self._tokens.clear()

    def end_snapshots(self) -> None:
        self._snapshots.clear()

    def answer(self, request: Request) -> Answer:
        with self.lock:
            if request.path == "/oauth/token":
                return self._answer_token(request)
            return self._answer_odata(request)

    def fault(self, status: int, retry_after_seconds: int | None) -> Answer:
        if status != 429:
            return _error(status, "COE_GENERAL_SERVER_ERROR", "[COE0001]Internal server error.")
        headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
        return _error(429, "429", "Too many requests. Please try again later.", headers)

    # Tokens

    def _answer_token(self, request: Request) -> Answer:
        if request.method != "POST":
            return _token_error(405, "Method not allowed")
        if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            return _token_error(415, "The body must be a form")
        form = dict(parse_qsl(request.body.decode(errors="replace")))
        if missing := [name for name in ("company_id", "client_id", "grant_type", "assertion") if name not in form]:
            return _token_error(400, f"Missing parameter: {missing[0]}")
        if form["grant_type"] != GRANT_TYPE:
            return _token_error(400, "Unsupported grant_type")
        if (form["company_id"], form["client_id"]) != (self.company_id, self.client_id):
            return _token_error(401, "Unable to authenticate the client")
        expected = Expected(
            public_key=_key().public_key(),
            client_id=self.client_id,
            user_id=self.user_id,
            recipient=f"{request.base_url}/oauth/token",
        )
        if problem := problem_with(form["assertion"], expected):
            return _token_error(401, f"Unable to verify the SAML assertion: {problem}")
        token = b64encode(secrets.token_bytes(24)).decode()
        self._tokens[token] = datetime.now(UTC) + timedelta(seconds=TOKEN_SECONDS)
        return Answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS})

    def _is_known(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        ends_at = self._tokens.get(token)
        return scheme == "Bearer" and ends_at is not None and datetime.now(UTC) < ends_at

    # Entities

    def _answer_odata(self, request: Request) -> Answer:
        if not self._is_known(request.headers.get("authorization", "")):
            message = "Unauthorized: the access token is missing, invalid or expired."
            return _error(401, "401", message, {"WWW-Authenticate": "Bearer"})
        route = ROUTE.fullmatch(unquote(request.path))
        entity = route[1] if route else request.path
        if route is None or entity not in ENTITIES or entity in self.missing_entities:
            return _error(404, "NotFoundException", f"[COE0002]Entity {entity} is not found.")
        if request.method != "GET":
            return _error(405, "MethodNotAllowed", f"[COE0003]{request.method} is not allowed.")
        if entity in self.denied_entities:
            return _error(403, "COE_PERMISSION_DENIED", "The API user has no permission for this operation.")
        try:
            given = _read_options(request.query)
            if route[2] is None and route[3] is None:
                answer = self._list(request, entity, given)
            else:
                answer = self._single(entity, route, given)
        except BadOption as error:
            return _error(400, "COE_GENERAL_BAD_REQUEST", str(error))
        wants_json = given.get("$format") == "json" or "application/json" in request.headers.get("accept", "")
        if answer.status == 200 and not wants_json:
            return Answer(200, ATOM, {"Content-Type": "application/atom+xml; charset=utf-8"})
        return answer

    def _single(self, entity: str, route: re.Match[str], given: Mapping[str, str]) -> Answer:
        show = _read_shape(entity, given)
        key = (route[2] or "").replace("''", "'") or route[3] or ""
        row = self.rows.find(entity, key)
        if row is None:
            shown = f"{key}L" if route[3] else f"'{key}'"
            return _error(404, "NotFoundException", f"[COE0007]{entity} with key {shown} is not found.")
        return Answer(200, {"d": show(row)})

    def _list(self, request: Request, entity: str, given: Mapping[str, str]) -> Answer:
        show = _read_shape(entity, given)
        paging = given.get("paging")
        if paging not in (None, "snapshot", "cursor"):
            raise BadOption(f"[COE0012]Unknown paging: {paging}")
        refused = {"snapshot": ("$top", "$skip"), "cursor": ("$top", "$skip", "$orderby")}.get(paging or "", ())
        if wrong := [name for name in refused if name in given]:
            raise BadOption(f"[COE0012]{wrong[0]} cannot be used with paging={paging}")
        size = min(self.max_page_size, _read_number(given, "customPageSize", MAX_PAGE_SIZE, least=1))

        asked = {name: value for name, value in given.items() if name != "$skiptoken"}
        snapshot_id, start = _read_token(given.get("$skiptoken"))
        if snapshot_id:
            snapshot = self._snapshots.get(snapshot_id)
            if snapshot is None or (snapshot.entity, snapshot.asked) != (entity, asked):
                raise BadOption("[COE0011]The $skiptoken is invalid, or its snapshot has ended.")
            ids: Sequence[str] = snapshot.ids
        else:
            ids = self._matching(entity, given)
        page: dict[str, object] = {}
        if given.get("$inlinecount") == "allpages":
            page["__count"] = str(len(ids))
        rows = [row for row_id in ids[start : start + size] if (row := self.rows.row(entity, row_id)) is not None]
        page["results"] = [show(row) for row in rows]
        if start + size < len(ids):
            if paging and not snapshot_id:
                snapshot_id = self._keep(_Snapshot(entity, asked, ids))
            following = {**asked, "$skiptoken": _write_token(snapshot_id, start + size)}
            options = urlencode(following, quote_via=quote, safe="$,")
            page["__next"] = f"{request.base_url}{request.path}?{options}"
        return Answer(200, {"d": page})

    def _matching(self, entity: str, given: Mapping[str, str]) -> Sequence[str]:
        ids = self.rows.ids(entity)
        tests: list[Callable[[Row], bool]] = []
        named: set[str] = set()
        if "$filter" in given:
            condition = Filter(entity, given["$filter"])
            tests.append(condition.test())
            named = condition.fields
        if entity == "User" and "status" not in named:
            tests.append(lambda row: row.get("status") in SHOWN_BY_DEFAULT)
        if tests or "$orderby" in given:
            known = [(row_id, row) for row_id in ids if (row := self.rows.row(entity, row_id)) is not None]
            matching = [(row_id, row) for row_id, row in known if all(test(row) for test in tests)]
            if "$orderby" in given:
                _sort(matching, entity, given["$orderby"])
            ids = [row_id for row_id, _ in matching]
        skipped = _read_number(given, "$skip", 0)
        return list(islice(ids, skipped, skipped + _read_number(given, "$top", len(ids))))

    def _keep(self, snapshot: "_Snapshot") -> str:
        for oldest in list(self._snapshots)[: len(self._snapshots) - MAX_SNAPSHOTS + 1]:
            del self._snapshots[oldest]
        snapshot_id = secrets.token_hex(8)
        self._snapshots[snapshot_id] = snapshot
        return snapshot_id


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The ids of a listing as it was when its first page was read, and what was asked."""

    entity: str
    asked: Mapping[str, str]
    ids: Sequence[str]


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, {"error": {"code": code, "message": {"lang": "en-US", "value": message}}}, headers or {})


def _token_error(status: int, message: str) -> Answer:
    return Answer(status, {"errorHttpCode": str(status), "errorMessage": message})


def _read_options(query: Sequence[tuple[str, str]]) -> dict[str, str]:
    given = dict(query)
    if len(given) < len(query):
        raise BadOption("[COE0010]An option is repeated.")
    if unknown := [name for name in given if name.startswith("$") and name not in OPTIONS]:
        raise BadOption(f"[COE0010]Unknown option: {unknown[0]}")
    if given.get("$format", "json") not in ("json", "atom"):
        raise BadOption("[COE0010]Unknown $format")
    if given.get("$inlinecount", "none") not in ("allpages", "none"):
        raise BadOption("[COE0010]Unknown $inlinecount")
    return given


def _read_number(given: Mapping[str, str], name: str, default: int, *, least: int = 0) -> int:
    value = given.get(name, str(default))
    if not value.isdecimal() or int(value) < least:
        raise BadOption(f"[COE0010]{name} must be a number")
    return int(value)


def _read_shape(entity: str, given: Mapping[str, str]) -> Callable[[Row], Row]:
    """Return what makes of a row what was asked for: fields selected, navigations deferred unless expanded."""
    known = ENTITIES[entity]
    expanded = read_names(entity, given["$expand"], known.navigations) if "$expand" in given else []
    selected = None
    if "$select" in given:
        selected = read_names(entity, given["$select"], {*known.fields, *known.navigations})
        if missing := [path for path in selected if "/" in path and path.partition("/")[0] not in expanded]:
            raise invalid_names(entity, missing)

    def show(row: Row) -> Row:
        deferred = {
            name: {"__deferred": {"uri": f"{row['__metadata']['uri']}/{name}"}}
            for name in known.navigations.difference(expanded)
        }
        shown = {name: deferred.get(name, value) for name, value in row.items()}
        return shown if selected is None else _select(shown, selected)

    return show


def _select(row: Row, paths: Sequence[str]) -> Row:
    shown: Row = {"__metadata": row["__metadata"]}
    for path in paths:
        name, _, inner = path.partition("/")
        value = row.get(name)
        if not inner or value is None:
            shown[name] = value
        elif "results" in value:
            shown[name] = {"results": [{inner: each.get(inner)} for each in value["results"]]}
        else:
            shown[name] = {**shown.get(name, {}), inner: value.get(inner)}
    return shown


def _sort(rows: list[tuple[str, Row]], entity: str, order: str) -> None:
    name, _, direction = order.partition(" ")
    kind = ENTITIES[entity].fields.get(name)
    if kind is None or direction not in ("", "asc", "desc"):
        raise invalid_names(entity, [order])

    def place(entry: tuple[str, Row]) -> tuple[bool, Any]:
        value = comparable(kind, entry[1].get(name))
        return value is not None, value

    rows.sort(key=place, reverse=direction == "desc")


def _write_token(snapshot_id: str | None, start: int) -> str:
    return b64encode(orjson.dumps({"startRow": start, "snapshot": snapshot_id})).decode()


def _read_token(token: str | None) -> tuple[str | None, int]:
    if token is None:
        return None, 0
    try:
        match orjson.loads(b64decode(token, validate=True)):
            case {"startRow": int(start), "snapshot": str() | None as snapshot_id} if start >= 0:
                return snapshot_id, start
    except ValueError:
        pass
    raise BadOption("[COE0011]The $skiptoken is invalid, or its snapshot has ended.")
