"""Rows as PostgreSQL's COPY reads them, made here: psycopg takes several times as long for each value.

A row is written as a JSON array, which orjson does at once. Without its brackets that is a line of CSV with backslashes
for escapes, and `null` for nothing, but for the escapes that are JSON's alone.
"""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL, Identifier

ROWS_A_WRITE = 50  # PostgreSQL stores what was sent while the next ones are made

_JSON_ESCAPE = re.compile(rb"\\(?:[bfnrt]|u[0-9a-f]{4})")
_BACKSLASH = rb"\\"
_NOWHERE_IN_UTF8 = b"\xff"


def copy_rows(cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Add rows of text, numbers, booleans, bytes, ids, aware times and None to a table."""
    statement = SQL(r"COPY {} ({}) FROM STDIN (FORMAT csv, ESCAPE '\', NULL 'null')")
    with cursor.copy(statement.format(Identifier(table), SQL(", ").join(map(Identifier, columns)))) as copy:
        lines: list[bytes] = []
        for row in rows:
            lines.append(_line(row))
            if len(lines) == ROWS_A_WRITE:
                copy.write(_as_csv(b"".join(lines)))
                lines.clear()
        if lines:
            copy.write(_as_csv(b"".join(lines)))


def _line(row: Sequence[Any]) -> bytes:
    try:
        line = orjson.dumps(row, default=_as_text)
    except orjson.JSONEncodeError:
        # Halves of characters, which platforms may cut in two, are no UTF-8.
        line = json.dumps(row, default=_as_text, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return line[1:-1] + b"\n"


def _as_text(value: Any) -> str:
    match value:
        case bytes():
            return rf"\x{value.hex()}"
        case datetime():
            return value.isoformat()
    return str(value)


def _as_csv(lines: bytes) -> bytes:
    """Write characters for escapes that only JSON has; quotes and backslashes stay escaped."""
    if not _JSON_ESCAPE.search(lines):
        return lines
    # With escaped backslashes out of the way, what follows a backslash belongs to it.
    lines = lines.replace(_BACKSLASH, _NOWHERE_IN_UTF8)
    lines = _JSON_ESCAPE.sub(lambda escape: json.loads(b'"%b"' % escape[0]).encode(), lines)
    return lines.replace(_NOWHERE_IN_UTF8, _BACKSLASH)
