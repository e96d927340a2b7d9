"""The servers that are measured, each in processes of its own with one worker."""

import base64
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlencode
from uuid import uuid4

from django.conf import settings
from django.db import connection

from benchmarks.dataset import Dataset
from benchmarks.scenarios import LIST, Place, our_cursor
from linked_accounts.models import ApiKey

ROOT = Path(__file__).resolve().parents[1]
PEERS_DIR = Path(__file__).parent / "peers"
START_SECONDS = 90
THREADS = 2  # one waits for PostgreSQL while the other works: half as fast again as one
NEVER_REACHED = str(2**31 - 1)  # a limit, so that requests are counted


def _stock_cursor(place: Place) -> str:
    """Return DRF's cursor: the time before, and how many rows to pass over from there."""
    text = urlencode({"o": place.number, "p": str(place.time_before)})
    return base64.b64encode(text.encode()).decode()


def _plain_cursor(place: Place) -> str:
    """Return what `peers/cursors.py` reads."""
    return base64.urlsafe_b64encode(f"{place.created_at.isoformat()} {place.id}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    title: str
    module: tuple[str, ...]  # what `python` is told to run, without address and port
    address: Callable[[int], list[str]]
    cursor: Callable[[Place], str] = _plain_cursor
    directory: Path = PEERS_DIR
    environment: Mapping[str, str] = field(default_factory=dict)

    def path(self, query: str, place: Place | None) -> str:
        cursor = f"&cursor={quote(self.cursor(place), safe='')}" if place else ""
        return f"{LIST}{query}{cursor}"


def _host_and_port(port: int) -> list[str]:
    return ["--host", "127.0.0.1", "--port", str(port)]


_GUNICORN = (
    *("-m", "gunicorn", "--workers", "1", "--threads", str(THREADS), "--no-control-socket"),
    "django_project.wsgi",
)


def _bind(port: int) -> list[str]:
    return ["--bind", f"127.0.0.1:{port}"]


OURS = Peer(
    "ours", "Interloop", ("manage.py", "serve", "--workers", "1", "--no-worker"), _host_and_port, our_cursor, ROOT
)
LIMIT = Peer(
    "limit",
    "limit",
    (
        *("-m", "granian", "--interface", "wsgi", "--workers", "1", "--log-level", "warning"),
        *("--blocking-threads", str(THREADS), "limit:application"),
    ),
    _host_and_port,
)
PEERS = {
    peer.name: peer
    for peer in (
        OURS,
        Peer(
            "stock",
            "stock DRF",
            _GUNICORN,
            _bind,
            _stock_cursor,
            environment={"PEER_URLS": "django_project.drf"},
        ),
        Peer("ninja", "django-ninja", _GUNICORN, _bind, environment={"PEER_URLS": "django_project.ninja_api"}),
        Peer(
            "fastapi",
            "FastAPI + asyncpg",
            (
                *("-m", "uvicorn", "--workers", "1", "--no-access-log", "--loop", "uvloop", "--http", "httptools"),
                "fastapi_app:app",
            ),
            _host_and_port,
        ),
        LIMIT,
    )
}


@dataclass(frozen=True, slots=True)
class Cores:
    """Where things run. None: wherever the system likes."""

    server: int | None = None
    others: int | None = None


@dataclass(frozen=True, slots=True)
class Server:
    peer: Peer
    port: int
    headers: Mapping[str, str]
    log: Path
    process: "subprocess.Popen[bytes]"

    def log_end(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers by lower-case name, and body."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            asking.request("GET", path, headers={**self.headers, **(headers or {})})
            answer = asking.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            asking.close()


class ServerDiedError(Exception):
    """A server did not start. Its text is the end of the server's log."""


@contextmanager
def running(data: Dataset, names: list[str], cores: Cores) -> Iterator[dict[str, Server]]:
    """Serve the dataset by each of the named peers while the context lasts."""
    headers = _credentials(data)
    with ExitStack() as stack:
        logs = Path(stack.enter_context(TemporaryDirectory()))
        if cores.others is not None:
            stack.enter_context(_postgres_on(cores.others))
        servers = {name: stack.enter_context(_started(PEERS[name], data, headers, cores, logs)) for name in names}
        for server in servers.values():
            _await(server)
        yield servers


def _credentials(data: Dataset) -> dict[str, str]:
    account = data.account
    account.issue_token()
    account.save()
    ApiKey.objects.filter(organization=account.organization).delete()
    _, secret = ApiKey.objects.issue(organization=account.organization, name=f"benchmark {uuid4()}")
    return {"Authorization": f"Bearer {secret}", "X-Account-Token": account.issue_token()}


@contextmanager
def _started(peer: Peer, data: Dataset, headers: Mapping[str, str], cores: Cores, logs: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = logs / f"{peer.name}.log"
    command = [sys.executable, *peer.module, *peer.address(port)]
    environment = {**os.environ, **_environment(data), **peer.environment}
    if peer is not OURS:
        environment.pop("DJANGO_SETTINGS_MODULE", None)
    with log.open("wb") as output, _on(cores.server):
        process = subprocess.Popen(  # noqa: S603  they are our own commands
            command, cwd=peer.directory, env=environment, stdout=output, stderr=output
        )
    try:
        yield Server(peer, port, headers, log, process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(data: Dataset) -> dict[str, str]:
    """Return what all servers are told: where the database is, and our settings as production has them."""
    to = connection.get_connection_params()
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
    postgres = {variable: str(to[name]) for variable, name in names.items() if to.get(name)}
    query = urlencode({"host": to.get("host") or "", "port": to.get("port") or ""})
    password = f":{quote(str(to['password']), safe='')}" if to.get("password") else ""
    url = f"postgresql://{quote(str(to.get('user') or ''), safe='')}{password}@/{data.database}?{query}"
    return {
        **postgres,
        "BENCHMARK_ACCOUNT": str(data.account.id),
        "DATABASE_URL": url,
        "SECRET_KEY": settings.SECRET_KEY,
        "CREDENTIAL_KEYS": ",".join(settings.CREDENTIAL_KEYS),
        "API_RATE_LIMIT": NEVER_REACHED,
        "LOG_LEVEL": "INFO",
    }


def _await(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            server.get(f"{LIST}?page_size=1")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise ServerDiedError(f"{server.peer.title} did not start:\n{server.log_end()}")


@contextmanager
def _on(core: int | None) -> Iterator[None]:
    """Have processes that are started in the context run on one core."""
    if core is None:
        yield
        return
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, usual)


@contextmanager
def _postgres_on(core: int) -> Iterator[None]:
    """Have PostgreSQL, connections to come included, and this process run on one core."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_read_file('postmaster.pid')")
        postmaster = int(cursor.fetchone()[0].split()[0])
    processes = [postmaster, *_children(postmaster)]
    usual = os.sched_getaffinity(postmaster)
    for process in processes:
        os.sched_setaffinity(process, {core})
    with _on(core):
        yield
    for process in [postmaster, *_children(postmaster)]:
        os.sched_setaffinity(process, usual)


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            numbers = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(numbers[1]) == parent:
            found.append(int(entry.parent.name))
    return found
