"""Ways to prove to a platform who calls."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from connectors.errors import BadCredentials, UnexpectedAnswer
from connectors.http import Session
from connectors.values import utc_time

RENEW_BEFORE_END = timedelta(seconds=60)
DEFAULT_LIFETIME = timedelta(hours=1)


def basic_authorization(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class BasicAuth:
    user: str
    password: str = ""

    def headers(self, session: Session) -> Mapping[str, str]:
        return {"Authorization": basic_authorization(self.user, self.password)}

    def renew(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class FixedHeader:
    """A header that always says the same: `FixedHeader("X-Api-Key", key)`, `FixedHeader("Authorization", …)`."""

    name: str
    value: str

    def headers(self, session: Session) -> Mapping[str, str]:
        return {self.name: self.value}

    def renew(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    ends_at: datetime


class OAuth:
    """A bearer token (RFC 6750) of an OAuth 2.0 token endpoint, fetched when needed and kept while it lasts.

    `grant` returns the form of the token request, made anew for each; `headers` go with it. Raises BadCredentials if
    the token endpoint refuses.
    """

    def __init__(
        self, token_url: str, *, grant: Callable[[], Mapping[str, str]], headers: Mapping[str, str] | None = None
    ) -> None:
        self.token_url = token_url
        self._grant = grant
        self._grant_headers = headers
        self._token: _Token | None = None
        self._lock = Lock()

    def headers(self, session: Session) -> Mapping[str, str]:
        with self._lock:
            if self._token is None or self._token.ends_at - RENEW_BEFORE_END <= datetime.now(UTC):
                self._token = self._fetch_token(session)
            return {"Authorization": f"Bearer {self._token.text}"}

    def renew(self) -> bool:
        self._token = None
        return True

    def _fetch_token(self, session: Session) -> _Token:
        asked_at = datetime.now(UTC)
        answer = session.send(
            "POST",
            self.token_url,
            form=self._grant(),
            headers=self._grant_headers,
            use_auth=False,
            idempotent=True,
        )
        if answer.status in (400, 401):
            raise BadCredentials(session.describe(answer))
        session.raise_for_status(answer)
        payload = answer.json()
        token = payload.get("access_token") if isinstance(payload, dict) else None
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise UnexpectedAnswer(f"{answer.request}: answered without an access token")
        return _Token(token, _ends_at(payload, asked_at))


def client_credentials(
    token_url: str, *, client_id: str, client_secret: str, parameters: Mapping[str, str] | None = None
) -> OAuth:
    """Return OAuth 2.0 with client credentials (RFC 6749, section 4.4), the client proving itself by basic auth.

    `parameters` go into the token request beside the grant type.
    """
    return OAuth(
        token_url,
        grant=lambda: {"grant_type": "client_credentials", **(parameters or {})},
        headers={"Authorization": basic_authorization(client_id, client_secret)},
    )


def _ends_at(payload: dict[str, Any], asked_at: datetime) -> datetime:
    """Read `expires_at` (a time) or `expires_in` (seconds from now): platforms send either, or neither."""
    try:
        if ends_at := utc_time(payload.get("expires_at")):
            return ends_at
        return asked_at + timedelta(seconds=float(payload["expires_in"]))
    except (KeyError, ValueError, TypeError, OverflowError):
        return asked_at + DEFAULT_LIFETIME
