"""The statements that compare rows with what is stored and write those that differ, in the caller's transaction."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL, Composed, Identifier

from sync.resources import Resource
from sync.rows import EMPTY_HASH, Row, array

IDENTITY = ["id", "linked_account_id", "remote_id", "created_at", "modified_at"]
STATE = ["remote_was_deleted", "is_shell", "content_hash"]
MAPPED = "field_mappings"
ORIGINALS = ["entries", "content_hash"]


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
    resource = changes.resource
    value_columns = [*resource.columns, *resource.origin_columns]
    if changes.new:
        _copy(
            cursor,
            resource.model._meta.db_table,
            [*IDENTITY, *STATE, MAPPED, *value_columns],
            (
                (row.key, account_id, row.remote_id, now, now, *_state(row), *row.values, *row.origins)
                for row in changes.new
            ),
        )
    for rows, modified_at in ((changes.changed, now), (changes.renamed, None)):
        if rows:
            _update(
                cursor,
                resource.model._meta.db_table,
                "id",
                [*STATE, MAPPED, *value_columns],
                ((row.key, *_state(row), *row.values, *row.origins) for row in rows),
                modified_at=modified_at,
            )
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
    cursor.execute(
        SQL(
            "INSERT INTO {table} ({columns}) SELECT id, %s, remote_id, %s, %s, false, %s, %s"
            " FROM unnest(%s::uuid[], %s::text[]) AS missing (id, remote_id) ON CONFLICT DO NOTHING"
        ).format(table=Identifier(resource.model._meta.db_table), columns=_names([*IDENTITY, *STATE])),
        [account_id, now, now, is_shell, None if is_shell else EMPTY_HASH, array(remote_ids), [*remote_ids.values()]],
    )


def _state(row: Row) -> tuple[Any, ...]:
    return row.remote_was_deleted, False, row.content_hash, row.field_mappings


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
