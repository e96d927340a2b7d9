"""Rows as PostgreSQL's COPY reads them, made here: psycopg takes several times as long for each value."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL, Identifier

ROWS_A_WRITE = 50  # PostgreSQL stores what was sent while the next ones are made


def copy_rows(cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Add rows of text, numbers, booleans, bytes, ids, aware times and None to a table."""
    statement = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), SQL(", ").join(map(Identifier, columns)))
    with cursor.copy(statement) as copy:
        lines: list[str] = []
        for row in rows:
            lines.append("\t".join(["\\N" if value is None else _WRITTEN[type(value)](value) for value in row]))
            if len(lines) == ROWS_A_WRITE:
                copy.write(_as_bytes(lines))
                lines.clear()
        if lines:
            copy.write(_as_bytes(lines))


def _as_bytes(lines: Iterable[str]) -> bytes:
    # Halves of characters, which platforms may cut in two, are no UTF-8.
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _text(value: str) -> str:
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if "\n" in value:
        value = value.replace("\n", "\\n")
    if "\r" in value:
        value = value.replace("\r", "\\r")
    if "\t" in value:
        value = value.replace("\t", "\\t")
    return value


class _Written(dict[type, Callable[[Any], str]]):
    def __missing__(self, kind: type) -> Callable[[Any], str]:
        """Write members of enumerations, which are texts as well, like their kind."""
        self[kind] = next(write for known, write in [*self.items()] if issubclass(kind, known))
        return self[kind]


_WRITTEN = _Written(
    {
        str: _text,
        bool: lambda value: "t" if value else "f",
        int: str,
        bytes: lambda value: f"\\\\x{value.hex()}",
        datetime: datetime.isoformat,
        uuid.UUID: str,
    }
)
