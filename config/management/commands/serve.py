import logging
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.executor import MigrationExecutor
from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

# Of each process, for what waits for a platform: reads keep to a few of them, see config.fast_lane.
BLOCKING_THREADS = 16


class Command(BaseCommand):
    help = "Serve the API, its documentation and the admin site. Stop it with Ctrl-C or SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        add_server_arguments(parser)
        parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
        add_worker_argument(parser)

    def handle(self, *, host: str, port: int, workers: int, no_worker: bool, **options: Any) -> None:
        if workers < 1:
            raise CommandError("--workers: at least 1")
        check_migrations()
        self.stderr.write(f"Serving on http://{host}:{port}/")
        with nullcontext() if no_worker else background_worker():
            server(host=host, port=port, workers=workers).serve()


def add_server_arguments(parser: CommandParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")


def add_worker_argument(parser: CommandParser) -> None:
    parser.add_argument(
        "--no-worker", action="store_true", help="serve only: linked accounts are synchronised by manage.py worker"
    )


@contextmanager
def background_worker() -> Iterator[None]:
    """Run `manage.py worker` beside this process while the context lasts; one that dies is started again."""
    ended = threading.Event()
    processes: list[subprocess.Popen[bytes]] = []

    def keep_running() -> None:
        while not ended.is_set():
            # In a session of its own, so that Ctrl-C reaches it through us: it is told once, and can end in order.
            command = [sys.executable, sys.argv[0], "worker", "--while-stdin-is-open"]
            options: Any = {"stdin": subprocess.PIPE, "start_new_session": True}
            processes[:] = [subprocess.Popen(command, **options)]  # noqa: S603  it is our own command
            processes[0].wait()
            ended.wait(1)

    thread = threading.Thread(target=keep_running, name="worker")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        for process in processes:
            process.terminate()
        thread.join()


def check_migrations() -> None:
    """Raise CommandError unless the database is of this version. Leaves no connection behind."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    connection.close()
    if missing:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in missing)
        raise CommandError(f"The {DEFAULT_DB_ALIAS} database lacks migrations: {names}. Run: manage.py migrate")


def server(*, host: str, port: int, workers: int) -> Any:
    # A forked worker would inherit the locks of OpenSSL, held or not, and wait for ever to check a password.
    multiprocessing.set_start_method("spawn", force=True)
    # Granian advises against so many threads, not knowing that most of them wait for platforms.
    logging.getLogger("_granian").addFilter(lambda record: "Python threads" not in record.getMessage())
    return Granian(
        "config.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=BLOCKING_THREADS,
        # Connections that hang in the middle of their headers are given up.
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
    )
