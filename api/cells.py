"""Answers made of values, in any words and with anything left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson

from api.columns import Column, SerializerClass, is_array, selection
from api.parameters import Shape
from api.prepared import Found, fetch_rows
from api.renderers import ORJSONRenderer
from api.serializers import withheld
from api.tenants import Hidden
from api.walks import Query, beyond, expanded_with, expansions, related_rows, rows
from connectors.payloads import load

# Every row begins with the number of its kind, and whether the list goes on at the cursor's other side.
_KIND, _BEYOND, _FIRST_SLOT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class _Kind:
    """How to read the rows of one model out of a statement's."""

    names: tuple[str, ...]
    values: Any  # row → values of `names`
    anchor: Any  # row → (created_at, id)
    expanded: tuple[tuple[str, bool], ...]  # field, whether it is an array
    withholds: bool  # of originals, all but where they come from: they are text then

    def record(self, row: Any) -> dict[str, Any]:
        record = dict(zip(self.names, self.values(row), strict=True))
        if self.withholds and (originals := record["remote_data"]):
            record["remote_data"] = withheld(load(originals))
        return record


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    kinds: tuple[_Kind, ...]  # the page's own model first, then those it is expanded into


def fetch(query: Query, parameters: Mapping[str, Any]) -> Found:
    """Return the records as dictionaries."""
    written = statement(query)
    found = fetch_rows(written.sql, parameters)
    own = written.kinds[0]
    related: dict[str, orjson.Fragment] = {}
    page = found
    if len(written.kinds) > 1:
        page, related = _related(written, found)
        page.sort(key=own.anchor, reverse=query.range.backwards)
    records = [own.record(row) for row in page]
    for name, is_list in own.expanded:
        for record in records:
            reference = record[name]
            if is_list:
                record[name] = [related.get(id, id) for id in reference]
            elif reference is not None:
                record[name] = related.get(reference, reference)
    return Found(records, lambda position: own.anchor(page[position]), bool(page and page[0][_BEYOND]))


def _related(statement: Statement, rows: list[Any]) -> tuple[list[Any], dict[str, orjson.Fragment]]:
    """Part the page's rows from those it refers to, and write each of the latter once, by its id."""
    page: list[Any] = []
    related: dict[str, orjson.Fragment] = {}
    for row in rows:
        if row[_KIND] == 0:
            page.append(row)
            continue
        record = statement.kinds[row[_KIND]].record(row)
        related[record["id"]] = orjson.Fragment(orjson.dumps(record, option=ORJSONRenderer.options))
    return page, related


@lru_cache(maxsize=1024)
def statement(query: Query) -> Statement:
    columns = [selection(query.serializer, query.shape, query.hidden)]
    related = expansions(query)
    plain = Shape(include_remote_data=query.shape.include_remote_data)
    columns += [selection(serializer, plain, query.hidden) for serializer in related]
    # Models share a column of the union where name and type agree.
    slots = list(dict.fromkeys((column.name, column.type) for kind in columns for column in kind))
    kinds = tuple(
        _kind(kind, slots, query.shape if number == 0 else plain, query.serializer, query.hidden)
        for number, kind in enumerate(columns)
    )
    source, is_beyond = rows(query), beyond(query)
    if not related:
        return Statement(_select(0, is_beyond, columns[0], slots, f"({source}) t"), kinds)
    parts = [_select(0, is_beyond, columns[0], slots, "page t")]
    for number, (serializer, references) in enumerate(related.items(), start=1):
        source_of_related = f"({related_rows(serializer, references)}) t"
        parts.append(_select(number, "NULL::boolean", columns[number], slots, source_of_related))
    return Statement(f"WITH page AS MATERIALIZED ({source}) {' UNION ALL '.join(parts)}", kinds)


def _kind(
    columns: list[Column],
    slots: list[tuple[str, str]],
    shape: Shape,
    serializer: SerializerClass,
    hidden: Hidden,
) -> _Kind:
    index = {(column.name, column.type): slots.index((column.name, column.type)) + _FIRST_SLOT for column in columns}
    by_name = {name: position for (name, _), position in index.items()}
    expanded = tuple(
        (name, is_array(serializer, name)) for name in sorted(shape.expand) if expanded_with(serializer, name, hidden)
    )
    return _Kind(
        tuple(column.name for column in columns),
        itemgetter(*index.values()),
        itemgetter(by_name["created_at"], by_name["id"]),
        expanded,
        ("remote_data", "text") in index,
    )


def _select(kind: int, beyond: str, columns: list[Column], slots: list[tuple[str, str]], source: str) -> str:
    sql = {(column.name, column.type): column.sql for column in columns}
    cells = ", ".join(sql.get(slot, f"NULL::{slot[1]}") for slot in slots)
    return f"SELECT {kind} AS kind, {beyond} AS beyond, {cells} FROM {source}"
