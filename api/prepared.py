"""Runs a statement as lists need it: planned once, its rows in binary."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import orjson
import psycopg
from django.db import InterfaceError, OperationalError, connection
from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Found:
    """What a statement brought: `records` ready to be written, in the order of the walk.

    `anchor` returns (created_at, id) of the record at a position.
    """

    records: list[Any]
    anchor: Callable[[int], tuple[datetime, str]]
    has_more_behind: bool  # on the other side of the place where the walk began


class _TextOfJSON(Loader):
    """Hands JSON on as the text that it is."""

    format = Format.BINARY

    def load(self, data: Buffer) -> orjson.Fragment:
        return orjson.Fragment(bytes(data))


class PreparedCursor(psycopg.Cursor[Any]):
    """Plans a statement once per connection and takes its rows in binary.

    Django's own cursors do neither, and read times in Python.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        return super().execute(query, params, prepare=True, binary=True)


def run(sql: str, parameters: Mapping[str, Any], read: Callable[[Any], Result]) -> Result:
    """Return what `read` makes of the cursor that has run the statement."""
    try:
        return _run_once(sql, parameters, read)
    except (OperationalError, InterfaceError):
        # A kept connection may have died unnoticed, by a restart of the server say; one that lives has a real error.
        if connection.in_atomic_block or (connection.connection and connection.is_usable()):
            raise
        connection.close()
        return _run_once(sql, parameters, read)


def _run_once(sql: str, parameters: Mapping[str, Any], read: Callable[[Any], Result]) -> Result:
    connection.ensure_connection()
    prepared: Any = PreparedCursor(connection.connection)
    prepared.adapters.register_loader("json", _TextOfJSON)
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrap(prepared) as cursor:
        cursor.execute(sql, parameters)
        return read(cursor)
