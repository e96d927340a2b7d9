"""Runs a statement as lists need it: planned once, its rows in binary."""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import count
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import orjson
import psycopg
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from psycopg.adapt import Buffer, Loader
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Found:
    """What a statement brought: `records` ready to be written, in the order of the walk.

    `anchor` returns (created_at, id) of the record at a position.
    """

    records: list[Any]
    anchor: Callable[[int], tuple[datetime, str]]
    has_more_behind: bool  # on the other side of the place where the walk began


def fetch_rows(sql: str, parameters: Mapping[str, Any]) -> list[Any]:
    """Return the rows as Python values."""

    def fetch(connection: Any) -> list[Any]:
        with _cursor(connection) as cursor:
            cursor.execute(sql, parameters)
            rows: list[Any] = cursor.fetchall()
        return rows

    return _patiently(fetch)


def fetch_result(sql: str, parameters: Mapping[str, Any]) -> Any:
    """Return libpq's result, whose values are bytes.

    Past psycopg's cursors, which take as long as PostgreSQL does for a page; unless somebody wants to know of queries.
    """

    def fetch(connection: Any) -> Any:
        if not connection.queries_logged and not connection.execute_wrappers:
            return _execute_prepared(connection, sql, parameters)
        with _cursor(connection) as cursor:
            cursor.execute(sql, parameters)
            return cursor.pgresult

    return _patiently(fetch)


def _patiently(fetch: Callable[[Any], Result]) -> Result:
    connection = connections[DEFAULT_DB_ALIAS]
    connection.ensure_connection()
    try:
        return fetch(connection)
    except (OperationalError, InterfaceError):
        # A kept connection may have died unnoticed, by a restart of the server say; one that lives has a real error.
        if connection.in_atomic_block or (connection.connection and connection.is_usable()):
            raise
        connection.close()
        connection.ensure_connection()
        return fetch(connection)


class _TextOfJSON(Loader):
    """Hands JSON on as the text that it is."""

    format = Format.BINARY

    def load(self, data: Buffer) -> orjson.Fragment:
        return orjson.Fragment(bytes(data))


class _PreparedCursor(psycopg.Cursor[Any]):
    """Plans a statement once per connection and takes its rows in binary.

    Django's own cursors do neither, and read times in Python.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        return super().execute(query, params, prepare=True, binary=True)


def _cursor(connection: Any) -> Any:
    prepared: Any = _PreparedCursor(connection.connection)
    prepared.adapters.register_loader("json", _TextOfJSON)
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    return wrap(prepared)


# A process of PostgreSQL keeps some 80 kB for each, and filters, sizes and expansions make tens of thousands of them.
MAX_PREPARED = 200
# Names of the statements that each connection has prepared, by their text, the longest unused first.
_names: WeakKeyDictionary[Any, OrderedDict[str, bytes]] = WeakKeyDictionary()
_numbers = count()


def _execute_prepared(connection: Any, sql: str, parameters: Mapping[str, Any]) -> Any:
    connection.validate_no_broken_transaction()
    names = _names.setdefault(connection.connection, OrderedDict())
    pgconn = connection.connection.pgconn
    text, order = _numbered(sql)
    with connection.wrap_database_errors:
        if sql in names:
            names.move_to_end(sql)
        else:
            if len(names) >= MAX_PREPARED:
                _checked(pgconn.exec_(b"DEALLOCATE " + names.popitem(last=False)[1]))
            name = b"page_%d" % next(_numbers)
            _checked(pgconn.prepare(name, text))
            names[sql] = name
        values = [_as_text(parameters[parameter]) for parameter in order]
        return _checked(pgconn.exec_prepared(names[sql], values, result_format=Format.BINARY))


@lru_cache(maxsize=2048)
def _numbered(sql: str) -> tuple[bytes, list[str]]:
    """Return the statement with numbers for its parameters, as PostgreSQL has them, and their names in that order."""
    order = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
    return re.sub(r"%\((\w+)\)s", lambda found: f"${order.index(found[1]) + 1}", sql).encode(), order


def _as_text(value: Any) -> bytes:
    return (value.isoformat() if isinstance(value, datetime) else str(value)).encode()


def _checked(result: Any) -> Any:
    if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        error = error_from_result(result)
        if error.sqlstate is None:  # not PostgreSQL says so but the way to it, which is gone
            raise psycopg.OperationalError(str(error))
        raise error
    return result
