"""One SQL statement for a page of any unified model, expanded or not (docs/adr/0004-the-list-path.md).

Its rows are texts that were printed when the records were written (api.texts), or values where an answer shows less
than those hold, or other words (api.cells). Either must answer what the serializer makes of the same rows: a test
compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from api import cells, texts
from api.columns import SerializerClass, model_of, related_model
from api.filters import UnifiedFilterSet
from api.pagination import Cursor
from api.parameters import Shape
from api.tenants import NOTHING_HIDDEN, Tenant
from api.walks import FilterSetClass, Query, range_of


@dataclass(frozen=True, slots=True)
class Page:
    """A page's records, ready to be written as a JSON array, and (created_at, id) of the first and of the last."""

    results: Any
    anchors: list[tuple[datetime, str]]
    more_before: bool = False
    more_after: bool = False


EMPTY_PAGE = Page([], [])


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
        return EMPTY_PAGE
    query, parameters = _query(wanted)
    is_printed = _is_printed(query)
    found = (texts if is_printed else cells).fetch(query, {**parameters, **wanted.tenant.parameters})
    if not found.records:
        return EMPTY_PAGE
    records = found.records[: wanted.size]
    anchors = [found.anchor(0), found.anchor(len(records) - 1)]
    before, after = found.has_more_behind, len(found.records) > wanted.size
    if query.range.backwards:
        records, anchors, before, after = records[::-1], anchors[::-1], after, before
    results = orjson.Fragment(b"[" + b",".join(records) + b"]") if is_printed else records
    return Page(results, anchors, more_before=before, more_after=after)


def fetch_one(serializer: SerializerClass, *, tenant: Tenant, shape: Shape, id: UUID) -> Any:
    """Return the record ready to be written, deleted and shell ones too; None if the tenant has none of that id."""
    if model_of(serializer).__name__ in tenant.hidden.models:
        return None
    query = Query(serializer, UnifiedFilterSet, tenant.guard, shape, by_id=True, hidden=tenant.hidden)
    is_printed = _is_printed(query)
    found = (texts if is_printed else cells).fetch(query, {"id": id, **tenant.parameters})
    if not found.records:
        return None
    return orjson.Fragment(found.records[0]) if is_printed else found.records[0]


def page_statement(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """Return the SQL that fetches a page and its parameters, for who looks at plans."""
    query, parameters = _query(wanted)
    statement = (texts if _is_printed(query) else cells).statement(query)
    return statement.sql, {**parameters, **wanted.tenant.parameters}


def _is_printed(query: Query) -> bool:
    """Whether the answer can be made of printed texts, which show all there is, in our words."""
    return not query.shape.enum_origins and query.hidden == NOTHING_HIDDEN


def _query(wanted: Wanted) -> tuple[Query, dict[str, Any]]:
    parameters = {name: value for name, value in wanted.given.items() if not isinstance(value, bool)}
    place = wanted.place
    query = Query(
        wanted.serializer,
        wanted.filterset,
        wanted.tenant.guard,
        wanted.shape,
        frozenset(parameters) - {"created_after", "created_before"},
        range_of(parameters, place),
        range_of(parameters, replace(place, backwards=not place.backwards), takes_place=True) if place else None,
        wanted.size + 1,
        show_deleted=bool(wanted.given.get("include_deleted_data")),
        show_shells=bool(wanted.given.get("include_shell_data")),
        hidden=wanted.tenant.hidden,
    )
    if place:
        parameters |= {"place_created_at": place.created_at, "place_id": place.id}
    return query, parameters


def _is_hidden(wanted: Wanted) -> bool:
    """Whether nothing may be seen of a list: none of the model, or not what a filter asks about."""
    hidden, model = wanted.tenant.hidden, model_of(wanted.serializer)
    if model.__name__ in hidden.models:
        return True
    for name in wanted.given:
        first, _, second = wanted.filterset.asks_about(name).partition("__")
        if (model.__name__, first) in hidden.fields:
            return True
        if second:
            other = related_model(model, first).__name__
            if other in hidden.models or (other, second) in hidden.fields:
                return True
    return False
