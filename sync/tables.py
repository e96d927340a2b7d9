"""The statements that compare rows with what is stored and write those that differ, in the caller's transaction."""

import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model
from psycopg.sql import SQL, Identifier

from api.printing import FORMAT, printing
from sync.copying import copy_rows
from sync.resources import BY_NAME, RESOURCES, Resource
from sync.rows import EMPTY_HASH, Row, array, as_id, as_key

IDENTITY = ["id", "remote_id", "linked_account_id", "created_at", "modified_at"]
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


# What a transaction that writes records begins with. Nobody else writes records of the account: a sync and a call can
# bring the same one. The planner has no way to rows but by their key: a table that grows from nothing is planned as the
# empty one that it was when last analysed.
_BEGIN = (
    "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0)), set_config('enable_seqscan', 'off', true),"
    " set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)"
)


def begin(cursor: CursorWrapper, account_id: uuid.UUID) -> None:
    """Let nobody else write records of the account in this transaction, and settle how rows are found."""
    cursor.execute(_BEGIN, [f"records/{account_id}"])


def compare(cursor: CursorWrapper, resource: Resource, rows: Mapping[str, Row]) -> Changes:
    """Read what is stored under the rows' ids and tell what has to be written."""
    has_originals = any(row.entries is not None for row in rows.values())
    cursor.execute(_compared(resource, has_originals), [array(rows)])
    stored = {key: values for key, *values in cursor.fetchall()}

    changes = Changes(resource=resource)
    for key, row in rows.items():
        entries_hash = None
        if key not in stored:
            changes.new.append(row)
        else:
            was_deleted, is_shell, content_hash, entries_hash, *origins = stored[key]
            if is_shell or was_deleted != row.remote_was_deleted or content_hash != row.content_hash:
                changes.changed.append(row)
                if is_shell:
                    changes.filled.add(key)
                elif row.remote_was_deleted and not was_deleted:
                    changes.removed.add(key)
            elif tuple(origins) != row.origins:
                changes.renamed.append(row)
        if row.entries is not None and entries_hash != row.entries_hash:
            (changes.changed_originals if entries_hash else changes.new_originals).append(row)
    return changes


def write(cursor: CursorWrapper, changes: Changes, account_id: uuid.UUID, now: datetime) -> set[str]:
    """Write what `compare` has found, stamped with `now`. Return keys of other records that were met on the way."""
    resource, table = changes.resource, changes.resource.model._meta.db_table
    values = [*STATE, MAPPED, *resource.columns, *resource.origin_columns]
    borrowed, met = _borrow(cursor, resource, account_id, [*changes.new, *changes.changed])
    further = [*(f"{name}_id" for name in resource.borrowed), *PRINTED]

    def all_values(row: Row, created_at: datetime) -> tuple[Any, ...]:
        text = _printed(resource, row, created_at, max(now, created_at))
        return *_values(resource, row), *borrowed[row.key], text, FORMAT

    if changes.new:
        own = (str(account_id), *2 * (now.isoformat(),))
        rows = ((row.key, row.remote_id, *own, *all_values(row, now)) for row in changes.new)
        copy_rows(cursor, table, [*IDENTITY, *values, *further], rows)
    if changes.changed:
        keys = [row.key for row in changes.changed]
        created_at = _lookup(cursor, resource.model, "created_at", account_id, map(as_id, keys))
        rows = ((row.key, *all_values(row, created_at[as_id(row.key)])) for row in changes.changed)
        _update(cursor, table, "id", [*values, *further], rows, modified_at=now)
        _lend(cursor, resource, keys)
    if changes.renamed:
        _update(cursor, table, "id", values, ((row.key, *_values(resource, row)) for row in changes.renamed))
    side = resource.remote_data_model._meta.db_table
    if changes.new_originals:
        copy_rows(cursor, side, ["record_id", *ORIGINALS], _originals(changes.new_originals))
    if changes.changed_originals:
        _update(cursor, side, "record_id", ORIGINALS, _originals(changes.changed_originals))
    return met


def insert_missing(
    cursor: CursorWrapper, resource: Resource, account_id: uuid.UUID, now: datetime, remote_ids: Mapping[str, str]
) -> None:
    """Give a row to each id that has none: a shell, or a stub where nobody lists the model and no more will arrive."""
    cursor.execute(_selected(resource), [array(remote_ids)])
    present = {key for (key,) in cursor.fetchall()}
    missing = [(key, remote_id) for key, remote_id in remote_ids.items() if key not in present]
    if not missing:
        return
    is_shell, text_of = bool(resource.fetch), resource.printer.text
    common = {"created_at": now, "modified_at": now, "remote_was_deleted": False}
    shared = (str(account_id), *2 * (now.isoformat(),), False, is_shell, None if is_shell else EMPTY_HASH, FORMAT)
    rows = (
        (key, remote_id, *shared, text_of({"id": as_id(key), "remote_id": remote_id, **common}, {}))
        for key, remote_id in missing
    )
    columns = [*IDENTITY, *STATE, "printed_format", "printed"]
    copy_rows(cursor, resource.model._meta.db_table, columns, rows)


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


def analyse_grown(new: Mapping[str, int]) -> None:
    """Have the planner learn of tables that grew by a tenth. `new` are numbers of rows, by names of models.

    Autovacuum would do so by itself, a minute later: until then lists of the admin site show wrong totals.
    """
    with connection.cursor() as cursor:
        for name, count in new.items():
            table = BY_NAME[name].model._meta.db_table
            cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
            if count > cursor.fetchone()[0] / 10:
                cursor.execute(SQL("ANALYZE (SKIP_LOCKED) {}").format(Identifier(table)))


def _values(resource: Resource, row: Row) -> tuple[Any, ...]:
    values = {**row.values, **{name: array(row.values[name]) for name in resource.arrays}}
    return row.remote_was_deleted, False, row.content_hash, row.field_mappings, *values.values(), *row.origins


def _printed(resource: Resource, row: Row, created_at: datetime, modified_at: datetime) -> str:
    common = {
        "id": as_id(row.key),
        "remote_id": row.remote_id,
        "created_at": created_at,
        "modified_at": modified_at,
        "remote_was_deleted": row.remote_was_deleted,
        "field_mappings": row.field_mappings,
    }
    return resource.printer.text(common, row.values)


def _borrow(
    cursor: CursorWrapper, resource: Resource, account_id: uuid.UUID, rows: Sequence[Row]
) -> tuple[dict[str, tuple[str | None, ...]], set[str]]:
    """Return for each row, by key, the values of the columns that repeat what others say, and the keys of those."""
    columns: list[list[str | None]] = []
    lenders: set[str] = set()
    for reference, name in resource.borrowed.values():
        lender: Any = resource.model._meta.get_field(reference).related_model
        ids = [row.values[reference] for row in rows]
        lent = _lookup(cursor, lender, f"{quoted(f'{name}_id')}::text", account_id, ids)
        columns.append([lent.get(id) for id in ids])
        lenders.update(map(as_key, lent))
    values = zip(*columns, strict=True) if columns else ((),) * len(rows)
    return {row.key: own for row, own in zip(rows, values, strict=True)}, lenders


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


def _lookup(
    cursor: CursorWrapper, model: type[Model], value: str, account_id: uuid.UUID, ids: Iterable[str | None]
) -> dict[str, Any]:
    """Return the value of each record of the account, an SQL expression, by id as the API writes it."""
    wanted = {id for id in ids if id is not None}
    if not wanted:
        return {}
    cursor.execute(
        f"SELECT id::text, {value} FROM {quoted(model._meta.db_table)}"
        " WHERE id = ANY(%s::uuid[]) AND linked_account_id = %s",
        [array(wanted), account_id],
    )
    return dict(cursor.fetchall())


def _originals(rows: Iterable[Row]) -> Iterable[tuple[Any, ...]]:
    return ((row.key, row.entries and row.entries.decode(), row.entries_hash) for row in rows)


@cache
def _compared(resource: Resource, has_originals: bool) -> str:
    """Return what reads, by key, what rows are compared with."""
    side, columns = quoted(resource.remote_data_model._meta.db_table), map(quoted, resource.origin_columns)
    entries_hash = "side.content_hash" if has_originals else "NULL"
    return _selected(
        resource,
        *(f"t.{quoted(name)}" for name in STATE),
        entries_hash,
        *(f"t.{name}" for name in columns),
        join=f"LEFT JOIN {side} side ON side.record_id = t.id" if has_originals else "",
    )


def _selected(resource: Resource, *values: str, join: str = "") -> str:
    """Return what reads expressions over the rows of some keys: each row begins with its key."""
    columns = ", ".join(["encode(uuid_send(t.id), 'hex')", *values])
    return f"SELECT {columns} FROM {quoted(resource.model._meta.db_table)} t {join} WHERE t.id = ANY(%s::uuid[])"


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
    changed = f"sync_changed_{zlib.crc32(','.join([table, *columns]).encode())}"
    # Made once for each connection, as tables come dear. Not analysed, and read from end to end.
    cursor.execute(
        SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {} ON COMMIT DELETE ROWS AS SELECT {} FROM {} WITH NO DATA").format(
            Identifier(changed), SQL(", ").join(map(Identifier, [key, *columns])), Identifier(table)
        )
    )
    copy_rows(cursor, changed, [key, *columns], rows)
    assignments = [f"{quoted(name)} = changed.{quoted(name)}" for name in columns]
    if modified_at is not None:
        assignments.append("modified_at = greatest(%(modified_at)s, t.created_at)")
    cursor.execute(
        f"UPDATE {quoted(table)} t SET {', '.join(assignments)} FROM {changed} changed WHERE t.{key} = changed.{key}",
        {"modified_at": modified_at},
    )
    cursor.execute(f"DELETE FROM {changed}")


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)
