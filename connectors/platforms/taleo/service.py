"""How Taleo Business Edition is called: the dispatcher, login tokens, envelopes and searches.

http://www.oracle.com/technetwork/documentation/tberestapiguide-v15b1-2665296.pdf
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from threading import RLock, local
from typing import Any
from urllib.parse import quote

import httpx2

from connectors.errors import (
    BadCredentials,
    ConnectorError,
    NotFound,
    PlatformUnavailable,
    RateLimited,
    UnexpectedAnswer,
)
from connectors.http import Answer, Parameters, Session, judge_by_status
from connectors.pagination import follow_cursor, same_host
from connectors.parallel import in_parallel

DISPATCHER = "/MANAGER/dispatcher/api/v1"
DOMAIN = "taleo.net"
MAX_PER_PAGE = 500
WORKERS = 4
TOKEN_LIFETIME_SECONDS = 4 * 3600.0
ENTERPRISE = "Taleo Enterprise (a zone such as https://acme.taleo.net, without a company code) is not supported."


class LoginEnded(BadCredentials):
    """The token is no longer good, which says nothing about the credentials."""


class Refused(UnexpectedAnswer):
    """The platform finds fault with a parameter (400)."""


def judge(session: Session, answer: Answer) -> ConnectorError | None:
    """Tell apart what Taleo says with status 500. The messages of dead tokens quote the token, so they are not."""
    error = judge_by_status(session, answer)
    if answer.status == 400:
        return Refused(str(error))
    if answer.status == 500 and b"expired or invalid" in answer.body:
        return LoginEnded(f"{answer.request}: answered 500: the login token is expired or invalid")
    if answer.status == 500 and b"Maximum number of login tokens reached" in answer.body:
        # Too long to be waited for: a token may live that long if nobody logs out.
        return RateLimited(str(error), retry_after_seconds=TOKEN_LIFETIME_SECONDS)
    return error


def response(session: Session, answer: Answer) -> Mapping[str, Any]:
    """Return what is in the envelope, a bare list under no name. Raises UnexpectedAnswer if it says failure."""
    envelope = answer.json()
    if isinstance(envelope, dict):
        found, status = envelope.get("response"), envelope.get("status")
        if isinstance(found, dict | list) and (not isinstance(status, dict) or status.get("success") is not False):
            return found if isinstance(found, dict) else {"": found}
    raise UnexpectedAnswer(session.describe(answer))


class Login:
    """One login token for all calls of a connector, as a company has no more than 20. Also knows where to call.

    Both are asked for when they are first needed.
    """

    def __init__(self, base_url: str, settings: Mapping[str, str], *, may_be_plain: bool) -> None:
        self.base_url = base_url
        self.settings = settings
        self.may_be_plain = may_be_plain
        self._service_url: str | None = None
        self._token: str | None = None
        self._sent = local()
        self._lock = RLock()

    def service_url(self, session: Session) -> str:
        with self._lock:
            if self._service_url is None:
                self._service_url = self._ask_service_url(session)
            return self._service_url

    def headers(self, session: Session) -> Mapping[str, str]:
        with self._lock:
            if self._token is None:
                self._token = self._log_in(session)
                session.secrets = (*session.secrets, self._token)
            self._sent.token = self._token
            return _cookie(self._token)

    def renew(self) -> bool:
        with self._lock:
            if self._token == self._sent.token:  # else another thread was faster
                self._token = None
        return True

    def log_out(self, session: Session) -> None:
        """Give the token back. Trouble with that is nobody's concern: it dies by itself after four hours."""
        with self._lock:
            if self._token is not None:
                url, cookie = f"{self.service_url(session)}/logout", _cookie(self._token)
                self._token = None
                with suppress(ConnectorError):
                    session.send("POST", url, headers=cookie, use_auth=False, idempotent=True)

    def _ask_service_url(self, session: Session) -> str:
        if not self.base_url.endswith(DISPATCHER):
            raise BadCredentials(f"The base URL must end with {DISPATCHER}. {ENTERPRISE}")
        url = f"{self.base_url}/serviceUrl/{quote(self.settings['company_code'], safe='')}"
        try:
            answer = session.call("GET", url, use_auth=False)
        except NotFound as error:
            raise BadCredentials(f"No such company code. {ENTERPRISE} ({error})") from error
        found = response(session, answer).get("URL")
        if not isinstance(found, str) or not self._is_trusted(found):
            raise UnexpectedAnswer(f"{answer.request}: sends us elsewhere: {session.printable(str(found))}")
        return found.rstrip("/")

    def _is_trusted(self, address: str) -> bool:
        try:
            url, own = httpx2.URL(address), httpx2.URL(self.base_url)
        except httpx2.InvalidURL:
            return False
        is_safe = url.scheme == "https" or (url.scheme == "http" and self.may_be_plain)
        return is_safe and (url.host == own.host or (is_at_vendor(url.host) and is_at_vendor(own.host)))

    def _log_in(self, session: Session) -> str:
        form = {
            "orgCode": self.settings["company_code"],
            "userName": self.settings["username"],
            "password": self.settings["password"],
        }
        url = f"{self.service_url(session)}/login"
        answer = session.call("POST", url, form=form, use_auth=False, idempotent=True)
        token = response(session, answer).get("authToken")
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise UnexpectedAnswer(f"{answer.request}: answered without a token")
        return token


class Service:
    """Reads a company's objects."""

    def __init__(self, session: Session, login: Login) -> None:
        self.session = session
        self.login = login

    def get(self, path: str, params: Parameters | None = None) -> Mapping[str, Any]:
        """Return the response to a path below the service URL."""
        return self._get(httpx2.URL(f"{self.login.service_url(self.session)}/{path}"), params)

    def rows(self, path: str, params: Parameters | None = None) -> list[Any]:
        """Return the only list of a response."""
        return _only_list(path, self.get(path, params))

    def search(self, kind: str, filters: Parameters | None = None) -> Iterator[list[Any]]:
        """Yield pages of payloads. A search that Taleo forgot on the way is begun again, once."""
        for has_begun_again in (False, True):
            has_page = False
            try:
                for page in self._pages(kind, filters or {}):
                    has_page = True
                    yield page
            except Refused:
                if has_begun_again or not has_page:
                    raise
            else:
                return

    def below(self, parent: str, ids: Iterable[str], *, path: str, parameter: str = "") -> Iterator[list[Any]]:
        """Yield for each of these parents what is listed below it: the id fills `path`, or goes into `parameter`."""

        def fetch(parent_id: str) -> list[Any]:
            params = {parameter: parent_id} if parameter else None
            try:
                return self.rows(path.format(quote(parent_id, safe="")), params)
            except NotFound:
                if self._has(f"object/{parent}/{quote(parent_id, safe='')}"):
                    raise
                return []  # deleted since it was listed

        return in_parallel(fetch, ids, workers=WORKERS)

    def has_interview_search(self) -> bool:
        return self._has("object/interview/search", {"limit": 0})

    def _has(self, path: str, params: Parameters | None = None) -> bool:
        try:
            self.get(path, params)
        except NotFound:
            return False
        return True

    def _pages(self, kind: str, filters: Parameters) -> Iterator[list[Any]]:
        path = f"object/{kind}/search"
        start = httpx2.URL(f"{self.login.service_url(self.session)}/{path}")

        def fetch(following: str | None) -> tuple[list[Any], str | None]:
            if following:
                found = self._get(same_host(start, following, self.session))
            else:
                found = self._get(start, {"limit": MAX_PER_PAGE, **filters})
            pagination = found.get("pagination")
            following = pagination.get("next") if isinstance(pagination, dict) else None
            return unwrapped(_only_list(path, found), kind), following and str(following)

        return follow_cursor(fetch, name=f"GET {start.path}")

    def _get(self, url: httpx2.URL, params: Parameters | None = None) -> Mapping[str, Any]:
        try:
            return response(self.session, self.session.get(url, params))
        except LoginEnded as error:
            raise PlatformUnavailable(f"{error}, though it is new") from error


def is_at_vendor(host: str) -> bool:
    return host == DOMAIN or host.endswith(f".{DOMAIN}")


def unwrapped(rows: Sequence[Any], kind: str) -> list[Any]:
    """Return what is in each row of a list under the name of its kind, None where there is no such thing."""
    return [row.get(kind) if isinstance(row, dict) else None for row in rows]


def _only_list(path: str, found: Mapping[str, Any]) -> list[Any]:
    """Take the list whatever its key is: not all of the keys are documented."""
    lists = [value for value in found.values() if isinstance(value, list)]
    if len(lists) != 1:
        raise UnexpectedAnswer(f"GET {path}: answered with {len(lists)} lists in place of one")
    return lists[0]


def _cookie(token: str) -> Mapping[str, str]:
    return {"Cookie": f"authToken={token}"}
