"""Serves a simulated platform over HTTP on loopback, with faults on demand."""

import random
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from time import sleep
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import orjson

CONTROL_PATH = "/_sandbox"  # which no platform uses
REMEMBERED_REQUESTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`query` keeps order and repetitions. `headers` are by lower-case name. `base_url` is how the client calls us."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    base_url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`payload` becomes JSON, unless it is bytes, which go out as they are."""

    status: int
    payload: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Simulator(Protocol):
    def answer(self, request: Request) -> Answer: ...

    def fault(self, status: int, retry_after_seconds: int | None) -> Answer:
        """Say 429 or 5xx as this platform does."""


class Control(Protocol):
    """Answers, in place of the simulator, what is asked for under CONTROL_PATH."""

    def answer(self, request: Request, server: "Server") -> Answer: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one answer: it comes late, or with an error, or the connection ends in its place.

    `after_storing`: the platform has then done what it was asked to, and only its answer is lost.
    """

    delay_seconds: float = 0.0
    status: int | None = None
    retry_after_seconds: int | None = None
    drops_connection: bool = False
    after_storing: bool = False


DROPPED_CONNECTION = Fault(drops_connection=True)


def rate_limited(*, retry_after_seconds: int | None = 1) -> Fault:
    return Fault(status=429, retry_after_seconds=retry_after_seconds)


def failing(status: int = 500) -> Fault:
    return Fault(status=status)


def slow(seconds: float) -> Fault:
    return Fault(delay_seconds=seconds)


def after_storing(fault: Fault) -> Fault:
    return replace(fault, after_storing=True)


class Faults:
    """Which answers go wrong: first those that were queued, then a share of the rest."""

    def __init__(self, *, seed: int = 1) -> None:
        self._lock = Lock()
        self._chance = random.Random(seed)
        self._queue: list[tuple[str, Fault]] = []
        self._share = 0.0
        self._shared: tuple[Fault, ...] = (DROPPED_CONNECTION,)

    def queue(self, fault: Fault, *, times: int = 1, path: str = "") -> None:
        """Spoil the next answers, or the next ones to paths that start with `path`."""
        with self._lock:
            self._queue += [(path, fault)] * times

    def spoil_share(self, share: float, *faults: Fault) -> None:
        """Spoil this share of all answers, 0 to 1, with one of these faults each."""
        with self._lock:
            self._share, self._shared = share, faults or self._shared

    def clear(self) -> None:
        with self._lock:
            self._queue.clear()
            self._share = 0.0

    def queued(self) -> list[tuple[str, Fault]]:
        """Return what is still to go wrong, each with how the path has to start."""
        with self._lock:
            return list(self._queue)

    def shared(self) -> tuple[float, tuple[Fault, ...]]:
        with self._lock:
            return self._share, self._shared

    def pick(self, path: str) -> Fault | None:
        with self._lock:
            for position, (start, fault) in enumerate(self._queue):
                if path.startswith(start):
                    del self._queue[position]
                    return fault
            return self._chance.choice(self._shared) if self._chance.random() < self._share else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and the status that it was answered with, None if the connection was dropped."""

    at: datetime
    request: Request
    status: int | None


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    faults: Faults
    requests: list[Request]  # that came in, the oldest first
    recent: deque[Exchange] = field(default_factory=lambda: deque(maxlen=REMEMBERED_REQUESTS))  # the oldest first


@contextmanager
def serve(
    simulator: Simulator,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    keep_requests: bool = True,
    control: Control | None = None,
) -> Iterator[Server]:
    """Serve in a thread of this process while the context lasts; port 0 takes any that is free.

    Without `keep_requests` only the latest are remembered. What `control` is asked is neither remembered nor spoiled.
    """
    with _HttpServer((host, port), BaseHTTPRequestHandler) as http:
        server = Server(f"http://{host}:{http.server_port}", Faults(), [])
        http.RequestHandlerClass = _handler(simulator, server, keep_requests=keep_requests, control=control)
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # clients may keep their connections open for longer than we want to stay
    request_queue_size = 128


def _handler(
    simulator: Simulator, server: Server, *, keep_requests: bool, control: Control | None
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # headers and body leave in one packet
        timeout = 60

        def respond(self) -> None:
            request = self.read_request()
            if control and (request.path == CONTROL_PATH or request.path.startswith(f"{CONTROL_PATH}/")):
                self.send_answer(control.answer(request, server))
                return
            if keep_requests:
                server.requests.append(request)
            answer = self.find_answer(request)
            status = answer.status if answer else None
            server.recent.append(Exchange(at=datetime.now(UTC), request=request, status=status))
            if answer is None:
                self.close_connection = True
            else:
                self.send_answer(answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond  # noqa: N815 (names that http.server looks for)

        def find_answer(self, request: Request) -> Answer | None:
            """Return what the simulator or a fault in its place says; None if the connection is to be dropped."""
            fault = server.faults.pick(request.path) or Fault()
            answer = simulator.answer(request) if fault.after_storing else None
            sleep(fault.delay_seconds)
            if fault.drops_connection:
                return None
            if fault.status is None:
                return answer or simulator.answer(request)
            return simulator.fault(fault.status, fault.retry_after_seconds)

        def read_request(self) -> Request:
            address = urlsplit(self.path)
            return Request(
                method=self.command,
                path=address.path,
                query=tuple(parse_qsl(address.query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
                base_url=f"http://{self.headers.get('Host', '')}",
            )

        def send_answer(self, answer: Answer) -> None:
            is_raw = isinstance(answer.payload, bytes)
            body: bytes = answer.payload if is_raw else orjson.dumps(answer.payload)
            self.send_response(answer.status, responses.get(answer.status))
            headers = {} if is_raw else {"Content-Type": "application/json; charset=utf-8"}
            for name, value in (headers | dict(answer.headers) | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent: whoever wants to know what was asked reads `Server.requests`."""

    return Handler
