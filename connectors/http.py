"""HTTP with platforms: one pool of connections, bounded answers and waits, errors that people can read."""

import random
from collections.abc import Collection, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import Any, Protocol

import httpx2
import orjson
import stamina

from connectors.base import Traffic
from connectors.errors import (
    BadCredentials,
    ConnectorError,
    MissingPermission,
    NotFound,
    PlatformUnavailable,
    RateLimited,
    UnexpectedAnswer,
)

Parameters = Mapping[str, str | int]

IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
MAX_QUOTED_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How to try again: platforms name what their documentation asks for."""

    backoff_seconds: tuple[float, ...] = (1, 2, 4, 8, 16)  # after lost connections and 5xx; jitter comes on top
    rate_limit_seconds: float = 30.0  # after a 429 that does not say how long
    max_rate_limit_seconds: float = 600.0  # of one request, all its waits together
    max_rate_limit_waits: int = 30  # of one request, for platforms that say "wait 0 seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, read to its end. `links` are the addresses of its Link header by relation, made absolute."""

    request: str  # "GET /v3/users": for messages, so without a query
    url: httpx2.URL
    status: int
    headers: httpx2.Headers
    links: Mapping[str, httpx2.URL]
    body: bytes

    def json(self) -> Any:
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise UnexpectedAnswer(f"{self.request}: answered {self.status} with something that is not JSON") from error


class Auth(Protocol):
    def authorization(self, session: "Session") -> str:
        """Return the Authorization header, with calls of its own through `session` where it takes some."""

    def renew(self) -> bool:
        """Prepare for another try after a 401. False if that would only be the same again."""


class Session:
    """Calls one platform for one connector; not for several threads at a time.

    Redirects are not followed: the authorization stays with the host that it was meant for.
    """

    def __init__(
        self,
        *,
        traffic: Traffic,
        auth: Auth | None = None,
        retries: Retries | None = None,
        secrets: Collection[str] = (),
        timeout_seconds: float = 60.0,
        max_answer_seconds: float = 300.0,
        max_answer_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self.traffic = traffic
        self.auth = auth
        self.retries = retries or Retries()
        self.secrets = secrets
        self.max_answer_seconds = max_answer_seconds
        self.max_answer_bytes = max_answer_bytes
        self._last_credential = ""
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(timeout_seconds, connect=10.0), headers={"Accept": "application/json"}
        )

    def close(self) -> None:
        self._client.close()

    def get(self, url: str | httpx2.URL, params: Parameters | None = None) -> Answer:
        """Return a successful answer. Raises ConnectorError for every other."""
        answer = self.send("GET", url, params=params)
        self.raise_for_status(answer)
        return answer

    def send(
        self,
        method: str,
        url: str | httpx2.URL,
        *,
        params: Parameters | None = None,
        form: Parameters | None = None,
        authorization: str | None = None,
        idempotent: bool | None = None,
    ) -> Answer:
        """Return the platform's last word, which may be a refusal; raise where it has none (429, 5xx, no answer).

        `authorization` takes the place of the session's own. `idempotent` says that a call may be repeated though its
        method does not tell; only such calls are tried again.
        """
        may_repeat = method in IDEMPOTENT_METHODS if idempotent is None else idempotent
        request = self._build_request(method, url, params, form)
        if authorization is None and self.auth:
            answer = self._exchange_patiently(request, self.auth.authorization(self), may_repeat=may_repeat)
            if answer.status == 401 and self.auth.renew():
                answer = self._exchange_patiently(request, self.auth.authorization(self), may_repeat=may_repeat)
            return answer
        return self._exchange_patiently(request, authorization, may_repeat=may_repeat)

    def raise_for_status(self, answer: Answer) -> None:
        if not 200 <= answer.status < 300:
            raise self._refusal(answer)

    def describe(self, answer: Answer) -> str:
        """Return what was asked and answered, for people: in the platform's own words where those are JSON."""
        message = f"{answer.request}: answered {answer.status}"
        if not answer.body.startswith(b"{"):
            return message  # pages of proxies and web servers help nobody
        words = " ".join(answer.body.decode(errors="replace").replace("\0", "").split())
        for secret in (*self.secrets, self._last_credential):
            words = words.replace(secret, "[hidden]") if secret else words
        return f"{message}: {words[:MAX_QUOTED_CHARACTERS]}"

    def _build_request(
        self, method: str, url: str | httpx2.URL, params: Parameters | None, form: Parameters | None
    ) -> httpx2.Request:
        try:
            return self._client.build_request(method, url, params=params, data=form)
        except httpx2.InvalidURL as error:
            raise UnexpectedAnswer(f"no address to call: {error}") from error

    def _exchange_patiently(self, request: httpx2.Request, authorization: str | None, *, may_repeat: bool) -> Answer:
        if authorization is not None:
            request.headers["Authorization"] = authorization
            self._last_credential = authorization.partition(" ")[2]
        if not may_repeat:
            return self._exchange(request)
        tries = stamina.RetryingCaller(attempts=None, timeout=None)
        return tries(_Patience(self.retries, self.traffic), self._exchange, request)

    def _exchange(self, request: httpx2.Request) -> Answer:
        name = f"{request.method} {request.url.path}"
        self.traffic.requests += 1
        try:
            with closing(self._client.send(request, stream=True)) as response:
                answer = Answer(
                    request=name,
                    url=response.url,
                    status=response.status_code,
                    headers=response.headers,
                    links={rel: response.url.join(link["url"]) for rel, link in response.links.items() if rel},
                    body=self._read(name, response),
                )
        except httpx2.UnsupportedProtocol as error:
            raise UnexpectedAnswer(f"{name}: {error}") from error
        except (httpx2.NetworkError, httpx2.TimeoutException, httpx2.RemoteProtocolError) as error:
            raise PlatformUnavailable(f"{name}: {type(error).__name__}: {error}") from error
        except httpx2.TransportError as error:
            # The texts of the other ones may quote what was sent, headers included.
            raise PlatformUnavailable(f"{name}: {type(error).__name__}") from None
        except (httpx2.DecodingError, httpx2.InvalidURL) as error:
            raise UnexpectedAnswer(f"{name}: {type(error).__name__}: {error}") from error

        if answer.status == 429 or answer.status >= 500:
            raise self._refusal(answer)
        return answer

    def _read(self, name: str, response: httpx2.Response) -> bytes:
        body = bytearray()
        deadline = monotonic() + self.max_answer_seconds
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self.max_answer_bytes:
                raise UnexpectedAnswer(f"{name}: answered with more than {self.max_answer_bytes} bytes")
            if monotonic() > deadline:
                raise PlatformUnavailable(f"{name}: still answering after {self.max_answer_seconds:.0f} s")
        return bytes(body)

    def _refusal(self, answer: Answer) -> ConnectorError:
        message = self.describe(answer)
        match answer.status:
            case 401:
                return BadCredentials(message)
            case 403:
                return MissingPermission(message)
            case 404 | 410:
                return NotFound(message)
            case 429:
                return RateLimited(message, retry_after_seconds=_seconds_to_wait(answer.headers))
            case status if status >= 500:
                return PlatformUnavailable(message)
        return UnexpectedAnswer(message)


class _Patience:
    """Says after a failed try how many seconds to wait for the next one, or that there is none. For one request."""

    def __init__(self, retries: Retries, traffic: Traffic) -> None:
        self.retries = retries
        self.traffic = traffic
        self.backoff = iter(retries.backoff_seconds)
        self.rate_limit_seconds = 0.0
        self.rate_limit_waits = 0

    def __call__(self, error: Exception) -> bool | float:
        wait: float | None = None
        if isinstance(error, RateLimited):
            wait = self._rate_limit_wait(error)
        elif isinstance(error, PlatformUnavailable) and (pause := next(self.backoff, None)) is not None:
            wait = pause * random.uniform(1, 1.25)
        if wait is None:
            return False
        self.traffic.waited_seconds += wait
        return wait

    def _rate_limit_wait(self, error: RateLimited) -> float | None:
        told = error.retry_after_seconds
        wait = self.retries.rate_limit_seconds if told is None else told
        self.rate_limit_seconds += wait
        self.rate_limit_waits += 1
        if (
            self.rate_limit_seconds > self.retries.max_rate_limit_seconds
            or self.rate_limit_waits > self.retries.max_rate_limit_waits
        ):
            return None
        return wait


def _seconds_to_wait(headers: httpx2.Headers) -> float | None:
    """Read Retry-After (RFC 9110: seconds or a date), else X-RateLimit-Reset (Unix seconds). None if neither says."""
    retry_after, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    if retry_after.isdecimal():
        return float(retry_after)
    if retry_after:
        with suppress(ValueError, TypeError):
            return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    if reset.isdecimal() and (wait := float(reset) - time()) > 0:  # if past, their clock and ours disagree
        return wait
    return None
