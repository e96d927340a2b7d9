"""Finds what the platform no longer has: rows that a full listing did not hold."""

import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Self

from django.db import connection, transaction
from psycopg.sql import SQL, Identifier

from connectors.records import Fetched, Gap
from sync import tables
from sync.resources import Resource
from sync.rows import array
from unified.identity import unified_id

CHUNK = 1000


class Unseen:
    """The rows of an account that a sync has not met yet, in a temporary table; a context manager.

    What was there before the sync is noted when it starts, so that rows made meanwhile by other ways are left alone.
    Shells are not among them, having never arrived, nor are rows without a remote id.
    """

    def __init__(self, account_id: uuid.UUID, resources: Sequence[Resource]) -> None:
        self.account_id = account_id
        self.resources = resources
        self._watched: set[str] = set()
        self._left = 0

    def __enter__(self) -> Self:
        if not self.resources:
            return self
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS pg_temp.sync_unseen")  # of a sync whose end went wrong
            cursor.execute("CREATE TEMPORARY TABLE sync_unseen (id uuid PRIMARY KEY, model_name text NOT NULL)")
            for resource in self.resources:
                cursor.execute(
                    SQL(
                        "INSERT INTO sync_unseen SELECT id, %s FROM {} WHERE linked_account_id = %s"
                        " AND NOT remote_was_deleted AND NOT is_shell AND remote_id IS NOT NULL"
                    ).format(Identifier(resource.model._meta.db_table)),
                    [resource.name, self.account_id],
                )
                if cursor.rowcount:
                    self._watched.add(resource.name)
                    self._left += cursor.rowcount
            cursor.execute("ANALYZE sync_unseen")
        return self

    def __exit__(self, *exception: object) -> None:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("DROP TABLE IF EXISTS pg_temp.sync_unseen")

    def watches(self, resource: Resource) -> bool:
        """Whether there was any row that the sync could find missing."""
        return resource.name in self._watched

    def see(self, entries: Iterable[Fetched]) -> None:
        """Take away what is there after all, readable or not."""
        if not self._left:
            return
        keys = []
        for entry in entries:
            if not isinstance(entry, Gap) and entry.remote_id:
                with suppress(UnicodeEncodeError):  # an id that was never stored
                    keys.append(unified_id(self.account_id, entry.model_name, entry.remote_id).hex)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM sync_unseen WHERE id = ANY(%s::uuid[])", [array(keys)])
            self._left -= cursor.rowcount

    def mark_deleted(self, resource: Resource) -> int:
        """Mark what is left of the model as deleted, in short transactions, and return how many rows that are."""
        marked = 0
        beyond = uuid.UUID(int=0)
        while chunk := self._chunk(resource, beyond):
            with transaction.atomic(durable=True), connection.cursor() as cursor:
                tables.settle_plans(cursor)
                cursor.execute(
                    SQL(
                        "UPDATE {} SET remote_was_deleted = true, modified_at = greatest(%s, created_at)"
                        " WHERE id = ANY(%s::uuid[]) AND NOT remote_was_deleted"
                    ).format(Identifier(resource.model._meta.db_table)),
                    [tables.clock(cursor), array(one.hex for one in chunk)],
                )
                marked += cursor.rowcount
            beyond = chunk[-1]
        return marked

    def _chunk(self, resource: Resource, beyond: uuid.UUID) -> list[uuid.UUID]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM sync_unseen WHERE model_name = %s AND id > %s ORDER BY id LIMIT %s",
                [resource.name, beyond, CHUNK],
            )
            return [row_id for (row_id,) in cursor.fetchall()]
