"""Answers made of printed texts: joined, and put into one another where references are expanded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from api.columns import SerializerClass, fields_of, is_array, stored_remote_data
from api.prepared import Found, fetch_result
from api.printing import NO_REMOTE_DATA, PRINTED, printed_or_printing
from api.walks import Query, beyond, expansions, related_rows, rows

# The columns of each row. The last three are those of the page's own rows, and null for records they refer to.
_TEXT, _REMOTE_DATA, _BEYOND, _CREATED_AT, _ID = range(5)

_ID_IN_TEXT = slice(6, 44)  # in quotes: each text begins with {"id":"…"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL counts microseconds from here


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    expanded: tuple[tuple[bytes, bool], ...]  # the name as it stands before a reference, whether that is an array


def fetch(query: Query, parameters: Mapping[str, Any]) -> Found:
    """Return the records as JSON texts, in bytes."""
    written = statement(query)
    result = fetch_result(written.sql, parameters)
    texts = _texts(result, query)
    if None in texts:  # printed by an earlier version
        written = statement(query, prints_anew=True)
        result = fetch_result(written.sql, parameters)
        texts = _texts(result, query)
    page = list(range(result.ntuples))
    related = {}
    if written.expanded:
        related = {texts[row][_ID_IN_TEXT]: texts[row] for row in page if result.get_value(row, _BEYOND) is None}
        page = [row for row in page if result.get_value(row, _BEYOND) is not None]
        page.sort(key=lambda row: _place(result, row), reverse=query.range.backwards)
    records = [texts[row] for row in page]
    for marker, is_list in written.expanded:
        expand = _expand_list if is_list else _expand
        records = [expand(record, marker, related) for record in records]
    has_more_behind = bool(page) and result.get_value(page[0], _BEYOND) == b"\1"

    def anchor(position: int) -> tuple[datetime, str]:
        row = page[position]
        return _EPOCH + timedelta(microseconds=_created_at(result, row)), texts[row][_ID_IN_TEXT][1:-1].decode()

    return Found(records, anchor, has_more_behind)


def _texts(result: Any, query: Query) -> list[Any]:
    """Return the text of each row, with its originals if they are asked for; None where the row holds none."""
    rows = range(result.ntuples)
    texts = [result.get_value(row, _TEXT) for row in rows]
    if not query.shape.include_remote_data:
        return texts
    remote_data = [result.get_value(row, _REMOTE_DATA) for row in rows]
    return [
        text if text is None or data is None else b"%b%b}" % (text[: -len(NO_REMOTE_DATA)], data)
        for text, data in zip(texts, remote_data, strict=True)
    ]


def _place(result: Any, row: int) -> tuple[int, bytes]:
    return _created_at(result, row), result.get_value(row, _ID)


def _created_at(result: Any, row: int) -> int:
    return int.from_bytes(result.get_value(row, _CREATED_AT), signed=True)


def _expand(text: bytes, marker: bytes, related: Mapping[bytes, bytes]) -> bytes:
    """Return the text with the record in place of the id after the marker."""
    start = text.index(marker) + len(marker)
    if text.startswith(b"null", start):
        return text
    end = text.index(b'"', start + 1) + 1
    id = text[start:end]
    return b"%b%b%b" % (text[:start], related.get(id, id), text[end:])


def _expand_list(text: bytes, marker: bytes, related: Mapping[bytes, bytes]) -> bytes:
    start = text.index(marker) + len(marker) + 1
    end = text.index(b"]", start)
    ids = text[start:end].split(b",") if start < end else []
    return b"%b%b%b" % (text[:start], b",".join([related.get(id, id) for id in ids]), text[end:])


@lru_cache(maxsize=1024)
def statement(query: Query, *, prints_anew: bool = False) -> Statement:
    """Return what reads a page of texts. Those of other formats than today's are null, or with `prints_anew` printed.

    How to print them is not put into every statement: to get ready for it takes PostgreSQL longer than a record takes.
    """
    source, own = rows(query), f"{beyond(query)} AS beyond, t.created_at, t.id"
    related = expansions(query)
    if not related:
        return Statement(f"SELECT {_columns(query.serializer, query, prints_anew)}, {own} FROM ({source}) t", ())
    parts = [f"SELECT {_columns(query.serializer, query, prints_anew)}, {own} FROM page t"]
    for serializer, references in related.items():
        columns = f"{_columns(serializer, query, prints_anew)}, NULL::boolean, NULL::timestamptz, NULL::uuid"
        parts.append(f"SELECT {columns} FROM ({related_rows(serializer, references)}) t")
    # The last first: what was put into a text already then stands behind the name that is looked for. Before any
    # reference there are only names and plain values, so that the first place where a name stands is the field's own.
    names = [name for name in fields_of(query.serializer) if name in query.shape.expand]
    expanded = tuple(
        (f'"{name}":'.encode(), is_array(query.serializer, name))
        for name in reversed(names)
        if query.serializer.expandable[name] is not None
    )
    return Statement(f"WITH page AS MATERIALIZED ({source}) {' UNION ALL '.join(parts)}", expanded)


def _columns(serializer: SerializerClass, query: Query, prints_anew: bool) -> str:
    remote_data = stored_remote_data(serializer) if query.shape.include_remote_data else "NULL::json"
    text = printed_or_printing(serializer) if prints_anew else PRINTED
    return f"{text} AS text, {remote_data} AS remote_data"
