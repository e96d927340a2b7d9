"""Writes the SQL that finds the rows of a page by walks of indexes (docs/adr/0004-the-list-path.md).

The filterset says what a parameter means; this module only writes that down.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from api.columns import SerializerClass, column_name, is_array, model_of, table_name
from api.filters import TextFilter, UnifiedFilterSet
from api.pagination import Cursor
from api.parameters import Shape
from api.tenants import NOTHING_HIDDEN, Hidden
from unified.search import INDEXED_LENGTH

FilterSetClass = type[UnifiedFilterSet]

# So many changed rows are sorted into list order; where there are more, a walk in that order meets some soon.
SORTED_CHANGES = 10_000


@dataclass(frozen=True, slots=True)
class Range:
    """Which part of the list order is wanted, by the names of the parameters that bound it: `place` is the cursor's.

    Where several bounds apply only the narrowest is named, so that a walk of the index starts where the page does.
    """

    lower: str | None = None
    upper: str | None = None
    backwards: bool = False
    changed_since: str | None = None  # rows older than that count only if modified since,
    older_upper: str | None = None  # and this is where they end
    takes_place: bool = False  # whether the row at the cursor's place counts


@dataclass(frozen=True, slots=True)
class Query:
    """All that a statement's text depends on."""

    serializer: SerializerClass
    filterset: FilterSetClass
    guard: str
    shape: Shape
    filters: frozenset[str] = frozenset()
    range: Range = field(default_factory=Range)
    beyond: Range | None = None  # what lies on the other side of the cursor, and at it
    limit: int = 1
    show_deleted: bool = True
    show_shells: bool = True
    by_id: bool = False
    hidden: Hidden = NOTHING_HIDDEN

    @property
    def table(self) -> str:
        return table_name(model_of(self.serializer))


def range_of(parameters: Mapping[str, Any], place: Cursor | None, *, takes_place: bool = False) -> Range:
    bounds = dict(parameters) | ({"place": place.created_at} if place else {})
    lower = "created_after" if "created_after" in bounds else None
    # Nothing is modified before it is created.
    uppers = [name for name in ("created_before", "modified_before") if name in bounds]
    upper: str | None = min(uppers, key=bounds.__getitem__, default=None)
    if place and place.backwards:
        if upper is None or place.created_at < bounds[upper]:
            upper = "place"
    elif place and (lower is None or place.created_at >= bounds[lower]):
        lower = "place"
    changed_since = older_upper = None
    # Whatever was created since then was modified since then.
    if "modified_after" in bounds and (lower is None or bounds[lower] < bounds["modified_after"]):
        changed_since = older_upper = "modified_after"
        if upper is not None and bounds[upper] < bounds["modified_after"]:
            older_upper = upper
    return Range(lower, upper, bool(place and place.backwards), changed_since, older_upper, takes_place)


def rows(query: Query) -> str:
    """Return what selects the rows: the one that is asked for, or those of a page in list order.

    A page comes in reverse if backwards, and with one row more than is answered.
    """
    if query.by_id:
        return f"SELECT * FROM {query.table} t WHERE id = %(id)s AND linked_account_id = %(account)s AND {query.guard}"
    tail = _tail(query.range, query.limit)
    selects = [
        f"SELECT * FROM {query.table} t WHERE {_all(conditions)} {tail}" for conditions in _branches(query, query.range)
    ]
    changes = ""
    if _may_have_changed(query, query.range):
        changes, more = _changes(query, tail)
        selects += more
    united = " UNION ALL ".join(f"({select})" for select in selects)
    return f"{changes}SELECT * FROM ({united}) t WHERE {query.guard} {tail}"


def beyond(query: Query) -> str:
    """Return an expression that says whether the list holds anything on the other side of the cursor, or at it."""
    if query.beyond is None:
        return "false"
    branches = list(_branches(query, query.beyond))
    if _may_have_changed(query, query.beyond):
        branches.append(_changed(query, query.beyond))
    # The walk starts at the cursor and as a rule ends with its row.
    exists = [f"EXISTS (SELECT FROM {query.table} t WHERE {_all(each)} {_tail(query.beyond, 1)})" for each in branches]
    return f"({' OR '.join(exists)})"


def _tail(range_: Range, limit: int) -> str:
    order = "DESC" if range_.backwards else "ASC"
    return f"ORDER BY created_at {order}, id {order} LIMIT {limit}"


def expanded_with(serializer: SerializerClass, name: str, hidden: Hidden) -> SerializerClass | None:
    """Return what a reference is expanded with. None where it stays as it is."""
    related = serializer.expandable[name]
    if related is None or model_of(related).__name__ in hidden.models:
        return None
    return None if (model_of(serializer).__name__, name) in hidden.fields else related


def expansions(query: Query) -> dict[SerializerClass, list[str]]:
    """Return for each related model the expressions over a page's row that name its records."""
    related: dict[SerializerClass, list[str]] = {}
    for name in sorted(query.shape.expand):
        if serializer := expanded_with(query.serializer, name, query.hidden):
            column = f"t.{column_name(model_of(query.serializer), name)}"
            references = f"unnest({column})" if is_array(query.serializer, name) else column
            related.setdefault(serializer, []).append(references)
    return related


def related_rows(serializer: SerializerClass, references: Iterable[str]) -> str:
    """Return what selects the records that a page's rows refer to by these expressions."""
    ids = " UNION ".join(f"SELECT {reference} FROM page t" for reference in references)
    return f"SELECT * FROM {table_name(model_of(serializer))} WHERE id IN ({ids}) AND linked_account_id = %(account)s"


def _branches(query: Query, range_: Range) -> Iterator[list[str]]:
    """Yield the conditions of the walks in list order that together find the rows of a range, each row once.

    Where older rows that changed count as well, those are left to others.
    """
    since = range_.changed_since
    if _has_index(query):  # the filter's own: it leads to few rows as a rule
        modified = [f"modified_at >= %({since})s"] if since else []
        yield [*_conditions(query, range_), *_shown(query), *modified]
        return
    # What was created since then was modified since then, too, and the range begins before.
    conditions = _conditions(query, replace(range_, lower=since or range_.lower))
    yield from ([*conditions, *walked] for walked in _walked(query))


def _may_have_changed(query: Query, range_: Range) -> bool:
    return bool(range_.changed_since) and not _has_index(query)


def _changed(query: Query, range_: Range) -> list[str]:
    """Return the conditions of older rows that changed since."""
    since = f"%({range_.changed_since})s"
    changed = [f"modified_at >= {since}", "modified_at > created_at"]
    # In words that do not tell the planner of the index of what is shown: it cannot know how few of those changed.
    shown = [f"{condition.removeprefix('NOT ')}::int = 0" for condition in _shown(query)]
    return [*_older(query, range_), *changed, *shown]


def _older(query: Query, range_: Range) -> list[str]:
    """Return the conditions of rows of the range that were created earlier than what changed since is asked for."""
    return _conditions(query, replace(range_, upper=range_.older_upper))


def _changes(query: Query, tail: str) -> tuple[str, list[str]]:
    """Return a common table expression and the selects that use it: those of older rows that changed since.

    They are found by when they changed, and the keys of all sorted. Where they are many they are found by walking all
    older rows in list order instead: the first of them will not be far.
    """
    keys = f"SELECT created_at, id FROM {query.table} t WHERE {_all(_changed(query, query.range))}"
    # The order is the index's, and leaves the planner no other.
    changes = f"WITH changes AS MATERIALIZED ({keys} ORDER BY modified_at LIMIT {SORTED_CHANGES + 1}) "
    are_few = f"(SELECT count(*) FROM changes) <= {SORTED_CHANGES}"
    first = f"SELECT id FROM changes WHERE {are_few} {tail}"
    by_key = f"SELECT t.* FROM ({first}) first JOIN {query.table} t ON t.id = first.id"
    since = f"%({query.range.changed_since})s"
    older = [*_older(query, query.range), f"modified_at >= {since}", f"NOT {are_few}"]
    in_order = [f"SELECT * FROM {query.table} t WHERE {_all([*older, *walked])} {tail}" for walked in _walked(query)]
    return changes, [by_key, *in_order]


def _conditions(query: Query, range_: Range) -> list[str]:
    return ["linked_account_id = %(account)s", *_filter_conditions(query), *_bounds(range_)]


def _shown(query: Query) -> list[str]:
    shown = [] if query.show_deleted else ["NOT remote_was_deleted"]
    return [*shown, *([] if query.show_shells else ["NOT is_shell"])]


def _walked(query: Query) -> list[list[str]]:
    """Return the conditions of each index in list order that holds some of what is shown."""
    walked = [["NOT remote_was_deleted AND NOT is_shell"]]
    if query.show_deleted or query.show_shells:
        walked.append(["(remote_was_deleted OR is_shell)", *_shown(query)])
    return walked


def _bounds(range_: Range) -> Iterator[str]:
    """Yield the conditions that lead to both ends of the range."""
    at_place, equal = "(%(place_created_at)s, %(place_id)s)", "=" if range_.takes_place else ""
    if range_.lower == "place":
        yield f"(created_at, id) >{equal} {at_place}"
    elif range_.lower:
        yield f"created_at >= %({range_.lower})s"
    if range_.upper == "place":
        yield f"(created_at, id) <{equal} {at_place}"
    elif range_.upper:
        yield f"created_at < %({range_.upper})s"


_OPERATORS = {"exact": "{column} = {value}", "iexact": "upper({column}) = upper({value})", "lt": "{column} < {value}"}


def _filter_conditions(query: Query) -> Iterator[str]:
    for name in sorted(query.filters - {"modified_after"}):
        filter_ = query.filterset.base_filters[name]
        column, value = column_name(model_of(query.serializer), filter_.field_name), f"%({name})s"
        comparison = _OPERATORS[filter_.lookup_expr]
        if isinstance(filter_, TextFilter):
            beginning = {"column": f"left({column}, {INDEXED_LENGTH})", "value": f"left({value}, {INDEXED_LENGTH})"}
            yield comparison.format(**beginning)
        yield comparison.format(column=column, value=value)


def _has_index(query: Query) -> bool:
    """Whether an index holds the rows that some filter finds, in list order: that of each exact one does."""
    lookups = {query.filterset.base_filters[name].lookup_expr for name in query.filters}
    return not lookups.isdisjoint({"exact", "iexact"})


def _all(conditions: Iterable[str]) -> str:
    return " AND ".join(conditions)
