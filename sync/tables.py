"""The statements that compare rows with what is stored and write those that differ, in the caller's transaction."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper
from django.db.models import Model
from psycopg.sql import SQL, Composable, Composed, Identifier

from api.printing import FORMAT, printing
from sync.resources import RESOURCES, Resource
from sync.rows import EMPTY_HASH, Row, array, as_id

IDENTITY = ["id", "linked_account_id", "remote_id", "created_at", "modified_at"]
STATE = ["remote_was_deleted", "is_shell", "content_hash"]
MAPPED = "field_mappings"
ORIGINALS = ["entries", "content_hash"]
PRINTED = ["printed", "printed_format"]


@dataclass(slots=True, kw_only=True)
class Changes:
    """What is to be written for one model."""

    resource: Resource
    new: list[Row] = field(default_factory=list)
    changed: list[Row] = field(default_factory=list)
    renamed: list[Row] = field(default_factory=list)  # the platform has other words for the same
    new_originals: list[Row] = field(default_factory=list)
    changed_originals: list[Row] = field(default_factory=list)
    filled: set[str] = field(default_factory=set)  # keys of those changed that were shells,
    removed: set[str] = field(default_factory=set)  # and of those that the platform has deleted since

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.renamed or self.new_originals or self.changed_originals)


def settle_plans(cursor: CursorWrapper) -> None:
    """Leave the planner no way to rows but by their key.

    A table that grows from nothing is planned as the empty one that it was when last analysed.
    """
    for way in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
        cursor.execute(SQL("SET LOCAL {} = off").format(Identifier(way)))


def compare(cursor: CursorWrapper, resource: Resource, rows: Mapping[str, Row]) -> Changes:
    """Read what is stored under the rows' ids and tell what has to be written."""
    columns = [*STATE, *resource.origin_columns]
    cursor.execute(_select(resource.model._meta.db_table, "id", columns), [array(rows)])
    stored = {key: values for key, *values in cursor.fetchall()}
    cursor.execute(
        _select(resource.remote_data_model._meta.db_table, "record_id", ["content_hash"]),
        [array(key for key, row in rows.items() if row.entries is not None)],
    )
    entries_hashes = dict(cursor.fetchall())

    changes = Changes(resource=resource)
    for key, row in rows.items():
        if key not in stored:
            changes.new.append(row)
        else:
            was_deleted, is_shell, content_hash, *origins = stored[key]
            if is_shell or was_deleted != row.remote_was_deleted or content_hash != row.content_hash:
                changes.changed.append(row)
                if is_shell:
                    changes.filled.add(key)
                elif row.remote_was_deleted and not was_deleted:
                    changes.removed.add(key)
            elif tuple(origins) != row.origins:
                changes.renamed.append(row)
        if key not in entries_hashes:
            if row.entries is not None:
                changes.new_originals.append(row)
        elif entries_hashes[key] != row.entries_hash:
            changes.changed_originals.append(row)
    return changes


def write(cursor: CursorWrapper, changes: Changes, account_id: uuid.UUID, now: datetime) -> None:
    """Write what `compare` has found, stamped with `now`."""
    resource, table = changes.resource, changes.resource.model._meta.db_table
    values = [*STATE, MAPPED, *resource.columns, *resource.origin_columns]
    borrowed = _borrow(cursor, resource, [*changes.new, *changes.changed])
    further = [*(f"{name}_id" for name in resource.borrowed), *PRINTED]
    if changes.new:
        _copy(
            cursor,
            table,
            [*IDENTITY, *values, *further],
            (
                (
                    *(row.key, account_id, row.remote_id, now, now),
                    *_values(row),
                    *borrowed[row.key],
                    *_printed(resource, row, now, now),
                )
                for row in changes.new
            ),
        )
    if changes.changed:
        keys = [row.key for row in changes.changed]
        created_at = _lookup(cursor, resource.model, Identifier("created_at"), map(as_id, keys))
        _update(
            cursor,
            table,
            "id",
            [*values, *further],
            (
                (row.key, *_values(row), *borrowed[row.key], *_printed(resource, row, at, max(now, at)))
                for row, at in ((row, created_at[as_id(row.key)]) for row in changes.changed)
            ),
            modified_at=now,
        )
        _lend(cursor, resource, keys)
    if changes.renamed:
        _update(cursor, table, "id", values, ((row.key, *_values(row)) for row in changes.renamed))
    side = resource.remote_data_model._meta.db_table
    if changes.new_originals:
        _copy(cursor, side, ["record_id", *ORIGINALS], _originals(changes.new_originals))
    if changes.changed_originals:
        _update(cursor, side, "record_id", ORIGINALS, _originals(changes.changed_originals))


def insert_missing(
    cursor: CursorWrapper, resource: Resource, account_id: uuid.UUID, now: datetime, remote_ids: Mapping[str, str]
) -> None:
    """Give a row to each id that has none: a shell, or a stub where nobody lists the model and no more will arrive."""
    is_shell = bool(resource.fetch)
    printer, nothing = resource.printer, ["{}" if name in resource.arrays else None for name in resource.columns]
    texts = [
        printer.text([as_id(key), remote_id, now, now, False, None, *nothing]) for key, remote_id in remote_ids.items()
    ]
    cursor.execute(
        SQL(
            "INSERT INTO {table} ({columns}) SELECT id, %s, remote_id, %s, %s, false, %s, %s, text, %s"
            " FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS missing (id, remote_id, text) ON CONFLICT DO NOTHING"
        ).format(table=Identifier(resource.model._meta.db_table), columns=_names([*IDENTITY, *STATE, *PRINTED])),
        [
            *(account_id, now, now, is_shell, None if is_shell else EMPTY_HASH, FORMAT),
            *(array(remote_ids), [*remote_ids.values()], texts),
        ],
    )


def rewrite(
    cursor: CursorWrapper,
    resource: Resource,
    values: Mapping[str, str],
    condition: str,
    parameters: Mapping[str, Any],
) -> None:
    """Give fields of rows other values, and print the rows anew. Values and condition are SQL over the alias t."""
    printed = {"printed": printing(resource.serializer, values), "printed_format": str(FORMAT)}
    assignments = [SQL("{} = {}").format(Identifier(name), SQL(value)) for name, value in {**values, **printed}.items()]
    cursor.execute(
        SQL("UPDATE {} t SET {} WHERE {}").format(
            Identifier(resource.model._meta.db_table),
            SQL(", ").join(assignments),
            SQL(condition),
        ),
        parameters,
    )


def _values(row: Row) -> tuple[Any, ...]:
    return row.remote_was_deleted, False, row.content_hash, row.field_mappings, *row.values, *row.origins


def _printed(resource: Resource, row: Row, created_at: datetime, modified_at: datetime) -> tuple[str, int]:
    own = (as_id(row.key), row.remote_id, created_at, modified_at, row.remote_was_deleted, row.field_mappings)
    return resource.printer.text([*own, *row.values]), FORMAT


def _borrow(cursor: CursorWrapper, resource: Resource, rows: Sequence[Row]) -> dict[str, tuple[str | None, ...]]:
    """Return for each row, by key, the values of the columns that repeat what another record says."""
    columns: list[list[str | None]] = []
    for reference, name in resource.borrowed.values():
        place = resource.columns.index(f"{reference}_id")
        lender: Any = resource.model._meta.get_field(reference).related_model
        lent = _lookup(
            cursor, lender, SQL("{}::text").format(Identifier(f"{name}_id")), {row.values[place] for row in rows}
        )
        columns.append([lent.get(row.values[place]) for row in rows])
    values = zip(*columns, strict=True) if columns else ((),) * len(rows)
    return {row.key: own for row, own in zip(rows, values, strict=True)}


def _lend(cursor: CursorWrapper, resource: Resource, keys: Iterable[str]) -> None:
    """Write what changed records say to the rows that repeat it."""
    for borrower in RESOURCES:
        for column, (reference, name) in borrower.borrowed.items():
            if borrower.references[reference] != resource.name:
                continue
            names = {"column": f"{column}_id", "lent": f"{name}_id", "reference": f"{reference}_id"}
            cursor.execute(
                SQL(
                    "UPDATE {borrower} t SET {column} = lender.{lent} FROM {lender} lender"
                    " WHERE lender.id = ANY(%s::uuid[]) AND t.linked_account_id = lender.linked_account_id"
                    " AND t.{reference} = lender.id AND t.{column} IS DISTINCT FROM lender.{lent}"
                ).format(
                    borrower=Identifier(borrower.model._meta.db_table),
                    lender=Identifier(resource.model._meta.db_table),
                    **{role: Identifier(name) for role, name in names.items()},
                ),
                [array(keys)],
            )


def _lookup(cursor: CursorWrapper, model: type[Model], value: Composable, ids: Iterable[str | None]) -> dict[str, Any]:
    """Return the value of each record, by id as the API writes it."""
    statement = SQL("SELECT id::text, {} FROM {} WHERE id = ANY(%s::uuid[])")
    wanted = [id for id in ids if id is not None]
    if not wanted:
        return {}
    cursor.execute(statement.format(value, Identifier(model._meta.db_table)), [array(wanted)])
    return dict(cursor.fetchall())


def _originals(rows: Iterable[Row]) -> Iterable[tuple[Any, ...]]:
    return ((row.key, row.entries and row.entries.decode(), row.entries_hash) for row in rows)


def _select(table: str, key: str, columns: Sequence[str]) -> Composed:
    """Return what reads rows by key: each begins with it."""
    return SQL("SELECT encode(uuid_send({key}), 'hex'), {columns} FROM {table} WHERE {key} = ANY(%s::uuid[])").format(
        columns=_names(columns), table=Identifier(table), key=Identifier(key)
    )


def _copy(cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    statement = SQL("COPY {table} ({columns}) FROM STDIN").format(table=Identifier(table), columns=_names(columns))
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _update(
    cursor: CursorWrapper,
    table: str,
    key: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    modified_at: datetime | None = None,
) -> None:
    """Overwrite rows, of which each begins with its key; `modified_at` stays without a new time for it."""
    names = {"table": Identifier(table), "key": Identifier(key), "changed": Identifier("sync_changed")}
    cursor.execute(
        SQL("CREATE TEMPORARY TABLE {changed} AS SELECT {columns} FROM {table} WITH NO DATA").format(
            columns=_names([key, *columns]), **names
        )
    )
    _copy(cursor, "sync_changed", [key, *columns], rows)
    assignments = [SQL("{name} = {changed}.{name}").format(name=Identifier(name), **names) for name in columns]
    if modified_at is not None:
        assignments.append(SQL("modified_at = greatest({}, created_at)").format(modified_at))
    cursor.execute(
        SQL("UPDATE {table} SET {assignments} FROM {changed} WHERE {table}.{key} = {changed}.{key}").format(
            assignments=SQL(", ").join(assignments), **names
        )
    )
    cursor.execute(SQL("DROP TABLE {changed}").format(**names))


def _names(names: Iterable[str]) -> Composed:
    return SQL(", ").join(map(Identifier, names))
