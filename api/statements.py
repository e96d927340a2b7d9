"""One SQL statement for a page of any unified model, expanded or not (docs/adr/0004-the-list-path.md).

The serializer says which columns are answered and the filterset what a parameter means; this module only writes that
down as SQL, once for each combination of parameters, and joins the rows that come back. What it answers must equal what
the serializer makes of the same rows: a test compares both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any
from uuid import UUID

import orjson
import psycopg
from django.contrib.postgres.fields import ArrayField
from django.db import InterfaceError, OperationalError, connection, models
from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format

from api.filters import TextFilter, UnifiedFilterSet
from api.pagination import Cursor
from api.parameters import Shape
from api.renderers import ORJSONRenderer
from api.serializers import NO_FIELD_MAPPINGS, UnifiedModelSerializer
from api.tenants import NOTHING_HIDDEN, Hidden, Tenant
from unified.search import INDEXED_LENGTH

SerializerClass = type[UnifiedModelSerializer]
FilterSetClass = type[UnifiedFilterSet]


@dataclass(frozen=True, slots=True)
class Page:
    """A page's records ready to be written, and (created_at, id) of each."""

    results: list[Any]
    anchors: list[tuple[datetime, str]]
    more_before: bool = False
    more_after: bool = False


@dataclass(frozen=True, slots=True)
class _Range:
    """Which part of the list order is wanted, by the names of the parameters that bound it: `place` is the cursor's.

    Where several bounds apply only the narrowest is named, so that a walk of the index starts where the page does.
    """

    lower: str | None = None
    upper: str | None = None
    backwards: bool = False
    changed_since: str | None = None  # rows older than that count only if modified since


@dataclass(frozen=True, slots=True)
class _Query:
    """All that a statement's text depends on."""

    serializer: SerializerClass
    filterset: FilterSetClass
    guard: str
    shape: Shape
    filters: frozenset[str] = frozenset()
    range: _Range = field(default_factory=_Range)
    limit: int = 1
    has_place: bool = False
    show_deleted: bool = True
    show_shells: bool = True
    by_id: bool = False
    hidden: Hidden = NOTHING_HIDDEN


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of a list: `given` are the filterset's validated values."""

    serializer: SerializerClass
    filterset: FilterSetClass
    tenant: Tenant
    shape: Shape
    given: Mapping[str, Any]
    place: Cursor | None
    size: int


def fetch_page(wanted: Wanted) -> Page:
    """Return the page of the list at its place, in list order."""
    if _is_hidden(wanted):
        return Page([], [])
    query, parameters = _query(wanted)
    results, anchors, beyond = _fetch(query, wanted.tenant, parameters)
    more = len(results) > wanted.size
    del results[wanted.size :], anchors[wanted.size :]
    if query.range.backwards:
        return Page(results[::-1], anchors[::-1], more_before=more, more_after=beyond)
    return Page(results, anchors, more_before=beyond, more_after=more)


def page_statement(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """Return the SQL that fetches a page and its parameters, for who looks at plans."""
    query, parameters = _query(wanted)
    return _statement(query).sql, _with_tenant(parameters, wanted.tenant)


def fetch_one(serializer: SerializerClass, *, tenant: Tenant, shape: Shape, id: UUID) -> Any:
    """Return the record ready to be written, deleted and shell ones too; None if the tenant has none of that id."""
    if _model(serializer).__name__ in tenant.hidden.models:
        return None
    query = _Query(serializer, UnifiedFilterSet, tenant.guard, shape, by_id=True, hidden=tenant.hidden)
    results, _, _ = _fetch(query, tenant, {"id": id})
    return results[0] if results else None


def _query(wanted: Wanted) -> tuple[_Query, dict[str, Any]]:
    parameters = {name: value for name, value in wanted.given.items() if not isinstance(value, bool)}
    place = wanted.place
    query = _Query(
        wanted.serializer,
        wanted.filterset,
        wanted.tenant.guard,
        wanted.shape,
        frozenset(parameters) - {"created_after", "created_before"},
        _range(parameters, place),
        wanted.size + 1,
        has_place=place is not None,
        show_deleted=bool(wanted.given.get("include_deleted_data")),
        show_shells=bool(wanted.given.get("include_shell_data")),
        hidden=wanted.tenant.hidden,
    )
    if place:
        parameters |= {"place_created_at": place.created_at, "place_id": place.id}
    return query, parameters


def _is_hidden(wanted: Wanted) -> bool:
    """Whether nothing may be seen of a list: none of the model, or not what a filter asks about."""
    hidden, model = wanted.tenant.hidden, _model(wanted.serializer)
    if model.__name__ in hidden.models:
        return True
    if not hidden.fields:
        return False
    for name in wanted.given:
        first, _, second = (wanted.filterset.base_filters[name].field_name or "").partition("__")
        first = first.removesuffix("_id")
        if (model.__name__, first) in hidden.fields:
            return True
        if second and (_related_model(model, first).__name__, second.removesuffix("_id")) in hidden.fields:
            return True
    return False


def _range(parameters: Mapping[str, Any], place: Cursor | None) -> _Range:
    lower = "created_after" if "created_after" in parameters else None
    # Nothing is modified before it is created.
    uppers = [name for name in ("created_before", "modified_before") if name in parameters]
    upper = min(uppers, key=lambda name: parameters[name], default=None)
    if place and place.backwards:
        if upper is None or place.created_at < parameters[upper]:
            upper = "place"
    elif place and (lower is None or place.created_at >= parameters[lower]):
        lower = "place"
    changed_since = "modified_after" if "modified_after" in parameters else None
    if changed_since:
        starts_at = place.created_at if place and lower == "place" else parameters.get(lower or "")
        if starts_at and starts_at >= parameters[changed_since]:
            changed_since = None  # whatever was created since then was modified since then
    return _Range(lower, upper, backwards=bool(place and place.backwards), changed_since=changed_since)


# --- running a statement -------------------------------------------------------------------------------------------


def _fetch(
    query: _Query, tenant: Tenant, parameters: Mapping[str, Any]
) -> tuple[list[Any], list[tuple[datetime, str]], bool]:
    statement = _statement(query)
    rows = _rows(statement.sql, _with_tenant(parameters, tenant))
    own = statement.kinds[0]
    related: dict[str, orjson.Fragment] = {}
    if len(statement.kinds) == 1:
        page = rows
    else:
        page, related = _related(statement, rows)
        page.sort(key=own.anchor, reverse=query.range.backwards)
    results = [dict(zip(own.names, own.values(row), strict=True)) for row in page]
    for name, is_array in own.expanded:
        for result in results:
            reference = result[name]
            if is_array:
                result[name] = [related.get(id, id) for id in reference]
            elif reference is not None:
                result[name] = related.get(reference, reference)
    return results, [own.anchor(row) for row in page], bool(page and page[0][_BEYOND])


def _with_tenant(parameters: Mapping[str, Any], tenant: Tenant) -> dict[str, Any]:
    return {**parameters, **tenant.parameters, "account": tenant.linked_account_id}


def _related(statement: "_Statement", rows: list[Any]) -> tuple[list[Any], dict[str, orjson.Fragment]]:
    """Part the page's rows from those it refers to, and write each of the latter once, by its id."""
    page: list[Any] = []
    related: dict[str, orjson.Fragment] = {}
    for row in rows:
        if row[_KIND] == 0:
            page.append(row)
            continue
        kind = statement.kinds[row[_KIND]]
        record = dict(zip(kind.names, kind.values(row), strict=True))
        related[record["id"]] = orjson.Fragment(orjson.dumps(record, option=ORJSONRenderer.options))
    return page, related


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


def _rows(sql: str, parameters: Mapping[str, Any]) -> list[Any]:
    try:
        return _rows_once(sql, parameters)
    except (OperationalError, InterfaceError):
        # A kept connection may have died unnoticed, by a restart of the server say; one that lives has a real error.
        if connection.in_atomic_block or (connection.connection and connection.is_usable()):
            raise
        connection.close()
        return _rows_once(sql, parameters)


def _rows_once(sql: str, parameters: Mapping[str, Any]) -> list[Any]:
    connection.ensure_connection()
    prepared: Any = _PreparedCursor(connection.connection)
    prepared.adapters.register_loader("json", _TextOfJSON)
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrap(prepared) as cursor:
        cursor.execute(sql, parameters)
        rows: list[Any] = cursor.fetchall()
    return rows


# --- writing a statement -------------------------------------------------------------------------------------------


# Every row begins with the number of its kind, and whether the list goes on at the cursor's other side.
_KIND, _BEYOND, _FIRST_SLOT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    sql: str  # an expression over the table's alias t
    type: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """How to read the rows of one model out of a statement's."""

    names: tuple[str, ...]
    values: Any  # row → values of `names`
    anchor: Any  # row → (created_at, id)
    expanded: tuple[tuple[str, bool], ...]  # field, whether it is an array


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    kinds: tuple[_Kind, ...]  # the page's own model first, then those it is expanded into


@lru_cache(maxsize=1024)
def _statement(query: _Query) -> _Statement:
    columns = [_columns(query.serializer, query.shape, query.hidden)]
    sources = _expansions(query.serializer, query.shape, query.hidden)
    plain = Shape(include_remote_data=query.shape.include_remote_data)
    columns += [_columns(serializer, plain, query.hidden) for serializer in sources]
    # Models share a column of the union where name and type agree.
    slots = list(dict.fromkeys((column.name, column.type) for kind in columns for column in kind))
    kinds = tuple(
        _kind(kind, slots, query.shape if number == 0 else plain, query.serializer, query.hidden)
        for number, kind in enumerate(columns)
    )
    source = _by_id(query) if query.by_id else _page(query)
    beyond = _beyond(query)
    if not sources:
        return _Statement(_select(0, beyond, columns[0], slots, f"({source}) t"), kinds)
    parts = [_select(0, beyond, columns[0], slots, "page t")]
    for number, (serializer, references) in enumerate(sources.items(), start=1):
        ids = " UNION ".join(f"SELECT {reference} FROM page t" for reference in references)
        related = (
            f"(SELECT * FROM {_table(_model(serializer))} WHERE id IN ({ids}) AND linked_account_id = %(account)s) t"
        )
        parts.append(_select(number, "NULL::boolean", columns[number], slots, related))
    return _Statement(f"WITH page AS MATERIALIZED ({source}) {' UNION ALL '.join(parts)}", kinds)


def _kind(
    columns: list[_Column],
    slots: list[tuple[str, str]],
    shape: Shape,
    serializer: SerializerClass,
    hidden: Hidden,
) -> _Kind:
    index = {(column.name, column.type): slots.index((column.name, column.type)) + _FIRST_SLOT for column in columns}
    by_name = {name: position for (name, _), position in index.items()}
    expanded = tuple(
        (name, _is_array(serializer, name)) for name in sorted(shape.expand) if _expanded(serializer, name, hidden)
    )
    return _Kind(
        tuple(column.name for column in columns),
        itemgetter(*index.values()),
        itemgetter(by_name["created_at"], by_name["id"]),
        expanded,
    )


def _select(kind: int, beyond: str, columns: list[_Column], slots: list[tuple[str, str]], source: str) -> str:
    sql = {(column.name, column.type): column.sql for column in columns}
    cells = ", ".join(sql.get(slot, f"NULL::{slot[1]}") for slot in slots)
    return f"SELECT {kind} AS kind, {beyond} AS beyond, {cells} FROM {source}"


def _columns(serializer: SerializerClass, shape: Shape, hidden: Hidden) -> list[_Column]:
    """Return what is selected for each public field, in their order."""
    columns = _open_columns(serializer, shape)
    fields = hidden.fields_of(_model(serializer).__name__)
    if not fields:
        return columns
    return [_veiled(column, is_hidden=column.name in fields) for column in columns]


def _veiled(column: _Column, *, is_hidden: bool) -> _Column:
    """Return what is selected of a model with hidden fields, as `api.serializers.UnifiedModelSerializer` shows it."""
    if is_hidden:
        nothing = "'{}'" if column.type.endswith("[]") else "NULL"
        return replace(column, sql=f"{nothing}::{column.type}")
    if column.name == "remote_data" and not column.sql.startswith("NULL"):
        entry = "json_build_object('path', entry->'path', 'data', NULL)"
        return replace(column, sql=f"(SELECT json_agg({entry}) FROM json_array_elements({column.sql}) entry)")
    return column


def _open_columns(serializer: SerializerClass, shape: Shape) -> list[_Column]:
    model = _model(serializer)
    columns = []
    for name, serializer_field in _fields(serializer).items():
        if name == "remote_data":
            stored = (
                f"(SELECT entries FROM {_table(_related_model(model, 'stored_remote_data'))} WHERE record_id = t.id)"
            )
            columns.append(_Column(name, stored if shape.include_remote_data else "NULL::json", "json"))
        elif name == "field_mappings":
            nothing = orjson.dumps(NO_FIELD_MAPPINGS).decode()
            columns.append(_Column(name, f"coalesce(t.field_mappings, '{nothing}'::json)", "json"))
        elif hasattr(serializer_field, "sql"):
            columns.append(_Column(name, serializer_field.sql, serializer_field.sql.rpartition("::")[2]))
        else:
            sql = f"t.{_column(model, name)}"
            if name in shape.enum_origins:
                sql = f"coalesce(t.{_column(model, f'remote_{name}')}, {sql})"
            type_ = str(_field(model, name).db_type(connection))
            if type_.startswith("uuid"):  # PostgreSQL prints ids many times faster than Python makes objects of them
                type_ = type_.replace("uuid", "text")
                sql = f"{sql}::{type_}"
            columns.append(_Column(name, sql, type_))
    return columns


def _expanded(serializer: SerializerClass, name: str, hidden: Hidden) -> SerializerClass | None:
    """Return what a reference is expanded with. None where it stays as it is."""
    related = serializer.expandable[name]
    if related is None or _model(related).__name__ in hidden.models:
        return None
    return None if (_model(serializer).__name__, name) in hidden.fields else related


def _expansions(serializer: SerializerClass, shape: Shape, hidden: Hidden) -> dict[SerializerClass, list[str]]:
    """Return for each related model the expressions over a page's row that name its records."""
    sources: dict[SerializerClass, list[str]] = {}
    for name in sorted(shape.expand):
        if related := _expanded(serializer, name, hidden):
            column = f"t.{_column(_model(serializer), name)}"
            sources.setdefault(related, []).append(f"unnest({column})" if _is_array(serializer, name) else column)
    return sources


def _by_id(query: _Query) -> str:
    return (
        f"SELECT * FROM {_table(_model(query.serializer))} t "
        f"WHERE id = %(id)s AND linked_account_id = %(account)s AND {query.guard}"
    )


def _page(query: _Query) -> str:
    """Return the page's rows in list order (in reverse if backwards), one more than the page has."""
    branches = list(_branches(query, query.range))
    order = "DESC" if query.range.backwards else "ASC"
    tail = f"ORDER BY created_at {order}, id {order} LIMIT {query.limit}"
    selects = [
        f"SELECT * FROM {_table(_model(query.serializer))} t WHERE {' AND '.join([*conditions, query.guard])} {tail}"
        for conditions in branches
    ]
    if len(selects) == 1:
        return selects[0]
    united = " UNION ALL ".join(f"({select})" for select in selects)
    return f"SELECT * FROM ({united}) t {tail}"


def _beyond(query: _Query) -> str:
    """Return an expression that says whether the list holds anything on the other side of the cursor, or at it."""
    if not query.has_place:
        return "false"
    order = "ASC" if query.range.backwards else "DESC"
    # The cursor bounds the other end now; the walk starts there and as a rule ends with its first row.
    comparison = ">=" if query.range.backwards else "<="
    at_place = f"(created_at, id) {comparison} (%(place_created_at)s, %(place_id)s)"
    lower, upper = query.range.lower, query.range.upper
    other = _Range(
        lower=None if lower == "place" else lower,
        upper=None if upper == "place" else upper,
        changed_since="modified_after" if "modified_after" in query.filters else None,
    )
    exists = [
        f"EXISTS (SELECT FROM {_table(_model(query.serializer))} t WHERE {' AND '.join([*conditions, at_place])} "
        f"ORDER BY created_at {order}, id {order} LIMIT 1)"
        for conditions in _branches(query, other)
    ]
    return f"({' OR '.join(exists)})"


def _branches(query: _Query, range_: _Range) -> Iterator[list[str]]:
    """Yield the conditions of the index walks that together find the rows of a range, each row once."""
    common = ["linked_account_id = %(account)s", *_filter_conditions(query), *_bounds(range_)]
    shown = [] if query.show_deleted else ["NOT remote_was_deleted"]
    shown += [] if query.show_shells else ["NOT is_shell"]
    modified = [f"modified_at >= %({range_.changed_since})s"] if range_.changed_since else []
    if any(_has_index(query.filterset.base_filters[name]) for name in query.filters):
        yield [*common, *shown, *modified]  # the filter's own index leads to few rows as a rule
        return
    since = [f"created_at >= %({range_.changed_since})s"] if range_.changed_since else []
    yield [*common, "NOT remote_was_deleted AND NOT is_shell", *since]
    if query.show_deleted or query.show_shells:
        yield [*common, "(remote_was_deleted OR is_shell)", *shown, *since]
    if range_.changed_since:
        yield [*common, *shown, *modified, f"created_at < %({range_.changed_since})s", "modified_at > created_at"]


def _bounds(range_: _Range) -> Iterator[str]:
    """Yield the conditions that lead to both ends of the range."""
    at_place = "(%(place_created_at)s, %(place_id)s)"
    if range_.lower == "place":
        yield f"(created_at, id) > {at_place}"
    elif range_.lower:
        yield f"created_at >= %({range_.lower})s"
    if range_.upper == "place":
        yield f"(created_at, id) < {at_place}"
    elif range_.upper:
        yield f"created_at < %({range_.upper})s"


_OPERATORS = {"exact": "{column} = {value}", "iexact": "upper({column}) = upper({value})", "lt": "{column} < {value}"}


def _filter_conditions(query: _Query) -> Iterator[str]:
    model = _model(query.serializer)
    for name in sorted(query.filters - {"modified_after"}):
        filter_ = query.filterset.base_filters[name]
        first, _, second = filter_.field_name.partition("__")
        column, value = _column(model, first), f"%({name})s"
        if second:
            related = _related_model(model, first)
            yield (
                f"{column} IN (SELECT id FROM {_table(related)} "
                f"WHERE linked_account_id = %(account)s AND {_column(related, second)} = {value})"
            )
            continue
        comparison = _OPERATORS[filter_.lookup_expr]
        if isinstance(filter_, TextFilter):
            beginning = {"column": f"left({column}, {INDEXED_LENGTH})", "value": f"left({value}, {INDEXED_LENGTH})"}
            yield comparison.format(**beginning)
        yield comparison.format(column=column, value=value)


def _has_index(filter_: Any) -> bool:
    """Whether an index holds the rows that a filter finds, in list order: all exact ones but those by another table."""
    return filter_.lookup_expr in ("exact", "iexact") and "__" not in filter_.field_name


@cache
def _fields(serializer: SerializerClass) -> Mapping[str, Any]:
    return serializer().fields


def _model(serializer: SerializerClass) -> type[models.Model]:
    return serializer.Meta.model


def _field(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name)


def _related_model(model: type[models.Model], name: str) -> type[models.Model]:
    related: type[models.Model] = _field(model, name).related_model
    return related


def _is_array(serializer: SerializerClass, name: str) -> bool:
    return isinstance(_field(_model(serializer), name), ArrayField)


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(model: type[models.Model], name: str) -> str:
    return connection.ops.quote_name(_field(model, name).column)
