"""A receiver of webhooks that answers as a test says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread


@dataclass
class Target:
    """`answer` is asked for the status of each answer; None drops the connection."""

    url: str = ""
    answer: Callable[[], int | None] = lambda: 200
    headers: dict[str, str] = field(default_factory=dict)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)  # that were answered with 200
    tries: list[int | None] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of those who went away before they were answered."""


@contextmanager
def dripping(beginning: bytes, drop: bytes) -> Iterator[str]:
    """Serve a target that never ends its answer, however long one waits. Gives its address."""
    is_over = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.wfile.write(beginning)
            while not is_over.wait(0.02):
                self.wfile.write(drop)

        def log_message(self, *arguments: object) -> None:
            pass

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            is_over.set()
            server.shutdown()
            thread.join()


@contextmanager
def receiving(answer: Callable[[], int | None] = lambda: 200) -> Iterator[Target]:
    target = Target(answer=answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # its sender was killed
                return
            status = target.answer()
            with target.lock:
                target.tries.append(status)
                if status == 200:
                    target.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in target.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *arguments: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    target.url = f"http://127.0.0.1:{server.server_port}/hooks"
    try:
        yield target
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
