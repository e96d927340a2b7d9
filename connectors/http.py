"""HTTP with platforms: one pool of connections, bounded answers and waits, errors that people can read."""

import random
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import chain, repeat
from json import dumps
from threading import Lock
from time import monotonic, sleep, time
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import httpx2
import stamina

from connectors.errors import (
    BadCredentials,
    ConnectorError,
    MissingPermission,
    NotFound,
    PlatformUnavailable,
    RateLimited,
    TimedOut,
    UnexpectedAnswer,
)
from connectors.pace import Limiter
from connectors.payloads import load

Parameters = Mapping[str, str | int]

IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
MAX_QUOTED_CHARACTERS = 300


class Traffic:
    """What a sync cost so far: requests made, seconds waited before trying again (rate limits, back-off)."""

    def __init__(self, requests: int = 0, waited_seconds: float = 0.0) -> None:
        self.requests = requests
        self.waited_seconds = waited_seconds
        self._lock = Lock()

    def count(self, *, requests: int = 0, waited_seconds: float = 0.0) -> None:
        with self._lock:
            self.requests += requests
            self.waited_seconds += waited_seconds

    def copy(self) -> "Traffic":
        return Traffic(self.requests, self.waited_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How to try again: platforms name what their documentation asks for. Jitter comes on top of back-off."""

    backoff_seconds: tuple[float, ...] = (1, 2, 4, 8, 16)  # after lost connections and 5xx
    after_timeouts: bool = True  # whether to try again as well when the platform does not answer in time
    rate_limit_seconds: tuple[float, ...] = (30.0,)  # after 429s that do not say how long; the last one for ever
    min_rate_limit_seconds: float = 0.0  # of one wait, whatever the platform says
    max_rate_limit_wait_seconds: float | None = None  # of one wait, whatever the platform says
    max_rate_limit_seconds: float = 600.0  # of one request, all its waits together
    max_rate_limit_waits: int = 30  # of one request, for platforms that say "wait 0 seconds"


# For calls that somebody waits for: a lost connection is tried once more, a rate limit told at once.
AT_ONCE = Retries(backoff_seconds=(0.2,), after_timeouts=False, max_rate_limit_waits=0)
MAX_EXCHANGES = 100


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
            return load(self.body)
        except ValueError as error:
            raise UnexpectedAnswer(f"{self.request}: answered {self.status} with something that is not JSON") from error


class Exchange(NamedTuple):
    """A call that was made, for people. `status` is None where no answer came."""

    method: str
    url: str  # without a query, which may hold secrets
    status: int | None


class Auth(Protocol):
    def headers(self, session: "Session") -> Mapping[str, str]:
        """Return the headers that prove who calls, with calls of its own through `session` where it takes some."""

    def renew(self) -> bool:
        """Prepare for another try after a refusal. False if that would only be the same again."""


Judge = Callable[["Session", Answer], ConnectorError | None]


def judge_by_status(session: "Session", answer: Answer) -> ConnectorError | None:
    """Return what is wrong with an answer, going by its HTTP status. None if nothing is."""
    if 200 <= answer.status < 300:
        return None
    error = _error(session.describe(answer), answer)
    error.status, error.words = answer.status, session.words(answer)
    return error


def _error(message: str, answer: Answer) -> ConnectorError:
    match answer.status:
        case 401:
            return BadCredentials(message)
        case 403:
            return MissingPermission(message)
        case 404 | 410:
            return NotFound(message)
        case 429:
            return RateLimited(message, retry_after_seconds=seconds_to_wait(answer.headers))
        case status if status >= 500:
            return PlatformUnavailable(message)
    return UnexpectedAnswer(message)


class Session:
    """Calls one platform for one connector, from several threads if it likes.

    Redirects are not followed: the authorization stays with the host that it was meant for. `judge` tells what is
    wrong with an answer, for platforms where the status does not: RateLimited and PlatformUnavailable are tried again,
    BadCredentials once more with `auth` renewed. `limiter` keeps to the platform's limits before it has to say 429.
    """

    def __init__(
        self,
        *,
        traffic: Traffic,
        auth: Auth | None = None,
        retries: Retries | None = None,
        secrets: Collection[str] = (),
        headers: Mapping[str, str] | None = None,
        judge: Judge = judge_by_status,
        limiter: Limiter | None = None,
        timeout_seconds: float = 60.0,
        max_answer_seconds: float = 300.0,
        max_answer_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self.traffic = traffic
        self.auth = auth
        self.retries = retries or Retries()
        self.secrets = secrets
        self.judge = judge
        self.limiter = limiter
        self.max_answer_seconds = max_answer_seconds
        self.max_answer_bytes = max_answer_bytes
        # Not to be shown: what `auth` said last, and what the last call said that brought its own authorization.
        self._proofs: Collection[str] = ()
        self._proof_names: Collection[str] = ()
        self._own_proofs: Collection[str] = ()
        self.exchanges: deque[Exchange] | None = None  # of the latest calls, for whoever wants to know
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(timeout_seconds, connect=10.0),
            headers={"Accept": "application/json", **(headers or {})},
        )

    def close(self) -> None:
        self._client.close()

    def hurry(self, timeout_seconds: float) -> None:
        """Have the calls from now on end soon, well or badly: somebody waits for them. Notes them in `exchanges`."""
        self.retries = AT_ONCE
        self.max_answer_seconds = timeout_seconds
        self._client.timeout = httpx2.Timeout(timeout_seconds, connect=min(timeout_seconds, 10.0))
        self.exchanges = deque(maxlen=MAX_EXCHANGES)

    def get(self, url: str | httpx2.URL, params: Parameters | None = None) -> Answer:
        """Return a successful answer. Raises ConnectorError for every other."""
        return self.call("GET", url, params=params)

    def call(
        self,
        method: str,
        url: str | httpx2.URL,
        *,
        params: Parameters | None = None,
        form: Parameters | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        use_auth: bool = True,
        idempotent: bool | None = None,
    ) -> Answer:
        """Return a successful answer, as `send` does. Raises ConnectorError for every other."""
        answer = self.send(
            method,
            url,
            params=params,
            form=form,
            json=json,
            content=content,
            headers=headers,
            use_auth=use_auth,
            idempotent=idempotent,
        )
        self.raise_for_status(answer)
        return answer

    def send(
        self,
        method: str,
        url: str | httpx2.URL,
        *,
        params: Parameters | None = None,
        form: Parameters | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        use_auth: bool = True,
        idempotent: bool | None = None,
    ) -> Answer:
        """Return the platform's last word, which may be a refusal; raise where it has none (429, 5xx, no answer).

        One of `form`, `json` and `content` is the body. `idempotent` says that a call may be repeated though its
        method does not tell; only such calls are tried again.
        """
        may_repeat = method in IDEMPOTENT_METHODS if idempotent is None else idempotent
        if headers and "Authorization" in headers:
            self._own_proofs = _quotable_parts(headers["Authorization"])
        try:
            request = self._client.build_request(
                method, url, params=params, data=form, json=json, content=content, headers=headers
            )
        except httpx2.InvalidURL as error:
            raise UnexpectedAnswer(f"no address to call: {error}") from error
        if not use_auth or self.auth is None:
            return self._exchange_patiently(request, may_repeat=may_repeat)
        self._prove(request, self.auth)
        answer = self._exchange_patiently(request, may_repeat=may_repeat)
        if isinstance(self.judge(self, answer), BadCredentials) and self.auth.renew():
            self._prove(request, self.auth)
            answer = self._exchange_patiently(request, may_repeat=may_repeat)
        return answer

    def relay(
        self,
        method: str,
        url: httpx2.URL,
        *,
        content: bytes | None,
        headers: Mapping[str, str],
        prepare: Callable[[httpx2.Request], object] = lambda request: None,
    ) -> tuple[Answer, dict[str, str]]:
        """Send a request of somebody else's, once, and return what the platform says to it, whatever that is.

        Also returns the headers that were sent, without what proves who calls, which wins over those given. `prepare`
        has a last look at the request.
        """
        request = self._client.build_request(method, url, content=content, headers=headers)
        prepare(request)
        if self.auth is not None:
            self._prove(request, self.auth)
        answer = self._receive(request)
        if self.auth is not None and answer.status == 401 and self.auth.renew():
            self._prove(request, self.auth)
            answer = self._receive(request)
        proofs = self._proof_names
        sent = {name: "<redacted>" if name in proofs else self.hide(text) for name, text in request.headers.items()}
        return answer, sent

    def raise_for_status(self, answer: Answer) -> None:
        if error := self.judge(self, answer):
            raise error

    def describe(self, answer: Answer) -> str:
        """Return what was asked and answered, for people: in the platform's own words where those are JSON."""
        message = f"{answer.request}: answered {answer.status}"
        words = self.words(answer)
        return message if words is None else f"{message}: {words}"

    def words(self, answer: Answer) -> str | None:
        """Return the platform's own words. None unless those are JSON: pages of web servers help nobody."""
        return self.printable(answer.body.decode(errors="replace")) if answer.body.startswith(b"{") else None

    def printable(self, text: str) -> str:
        """Return words of the platform for people: short, on one line, without what proves who calls."""
        return self.hide(" ".join(text.replace("\0", "").split()))[:MAX_QUOTED_CHARACTERS]

    def hide(self, text: str) -> str:
        """Return text without what proves who calls."""
        for secret in (*self.secrets, *self._proofs, *self._own_proofs):
            for spelling in _spellings(secret) if secret else ():
                text = text.replace(spelling, "[hidden]")
        return text

    def _prove(self, request: httpx2.Request, auth: Auth) -> None:
        proofs = auth.headers(self)
        try:
            request.headers.update(proofs)
        except UnicodeEncodeError:
            raise BadCredentials("The credentials hold characters that cannot be sent.") from None
        self._proof_names = {name.lower() for name in proofs}
        self._proofs = [part for proof in proofs.values() for part in _quotable_parts(proof)]

    def _exchange_patiently(self, request: httpx2.Request, *, may_repeat: bool) -> Answer:
        if not may_repeat:
            return self._exchange(request)
        tries = stamina.RetryingCaller(attempts=None, timeout=None)
        return tries(_Patience(self.retries, self.traffic), self._exchange, request)

    def _exchange(self, request: httpx2.Request) -> Answer:
        answer = self._receive(request)
        problem = self.judge(self, answer)
        if isinstance(problem, RateLimited | PlatformUnavailable):
            raise problem
        return answer

    def _receive(self, request: httpx2.Request) -> Answer:
        name = f"{request.method} {request.url.path}"
        if self.limiter and (wait := self.limiter.reserve()):
            self.traffic.count(waited_seconds=wait)
            sleep(wait)
        self.traffic.count(requests=1)
        status: int | None = None
        try:
            with closing(self._client.send(request, stream=True)) as response:
                status = response.status_code
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
        except httpx2.TimeoutException as error:
            raise TimedOut(f"{name}: {type(error).__name__}: {error}") from error
        except (httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
            raise PlatformUnavailable(f"{name}: {type(error).__name__}: {error}") from error
        except httpx2.TransportError as error:
            # The texts of the other ones may quote what was sent, headers included.
            raise PlatformUnavailable(f"{name}: {type(error).__name__}") from None
        except (httpx2.DecodingError, httpx2.InvalidURL) as error:
            raise UnexpectedAnswer(f"{name}: {type(error).__name__}: {error}") from error
        finally:
            if self.exchanges is not None:
                url = request.url.copy_with(query=None, userinfo=b"")
                self.exchanges.append(Exchange(request.method, self.printable(str(url)), status))
        return answer

    def _read(self, name: str, response: httpx2.Response) -> bytes:
        body = bytearray()
        deadline = monotonic() + self.max_answer_seconds
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self.max_answer_bytes:
                raise UnexpectedAnswer(f"{name}: answered with more than {self.max_answer_bytes} bytes")
            if monotonic() > deadline:
                raise TimedOut(f"{name}: still answering after {self.max_answer_seconds:.0f} s")
        return bytes(body)


class _Patience:
    """Says after a failed try how many seconds to wait for the next one, or that there is none. For one request."""

    def __init__(self, retries: Retries, traffic: Traffic) -> None:
        self.retries = retries
        self.traffic = traffic
        self.backoff = iter(retries.backoff_seconds)
        self.rate_limit_backoff: Iterator[float] = chain(
            retries.rate_limit_seconds, repeat(retries.rate_limit_seconds[-1])
        )
        self.rate_limit_seconds = 0.0
        self.rate_limit_waits = 0

    def __call__(self, error: Exception) -> bool | float:
        wait: float | None = None
        if isinstance(error, RateLimited):
            wait = self._rate_limit_wait(error)
        elif isinstance(error, TimedOut) and not self.retries.after_timeouts:
            wait = None
        elif isinstance(error, PlatformUnavailable) and (pause := next(self.backoff, None)) is not None:
            wait = _with_jitter(pause)
        if wait is None:
            return False
        self.traffic.count(waited_seconds=wait)
        return wait

    def _rate_limit_wait(self, error: RateLimited) -> float | None:
        told = error.retry_after_seconds
        wait = _with_jitter(next(self.rate_limit_backoff)) if told is None else told
        wait = max(wait, self.retries.min_rate_limit_seconds)
        if self.retries.max_rate_limit_wait_seconds is not None:
            wait = min(wait, self.retries.max_rate_limit_wait_seconds)
        self.rate_limit_seconds += wait
        self.rate_limit_waits += 1
        if (
            self.rate_limit_seconds > self.retries.max_rate_limit_seconds
            or self.rate_limit_waits > self.retries.max_rate_limit_waits
        ):
            return None
        return wait


def _quotable_parts(proof: str) -> tuple[str, str]:
    """Return what an error may quote of a header: all of it, or what stands behind the scheme."""
    return proof, proof.rpartition(" ")[2]


def _spellings(secret: str) -> tuple[str, ...]:
    """Return how a platform may quote a secret: as it is, and as it stands in XML, in a form, a path, or in JSON."""
    in_json = (dumps(secret, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
    return secret, escape(secret), quote_plus(secret), quote(secret, safe=""), *in_json


def _with_jitter(seconds: float) -> float:
    return seconds * random.uniform(1, 1.25)


def seconds_to_wait(headers: httpx2.Headers) -> float | None:
    """Read Retry-After (RFC 9110: seconds or a date), else when the window ends (Unix time). None if neither says."""
    retry_after = headers.get("Retry-After") or ""
    reset = headers.get("X-RateLimit-Reset") or headers.get("X-Api-Ratelimit-Reset") or ""
    if retry_after.isdecimal():
        return float(retry_after)
    if retry_after:
        with suppress(ValueError, TypeError):
            return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    if reset.isdecimal() and (wait := float(reset) - time()) > 0:  # if past, their clock and ours disagree
        return wait
    return None
