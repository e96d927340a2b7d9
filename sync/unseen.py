"""Finds what the platform no longer has: rows that a full listing did not hold."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Self

from django.db import connection
from psycopg.sql import SQL, Identifier

from connectors.records import Fetched, Kept, Record, Unreadable
from sync.identities import Identities
from sync.resources import BY_NAME, Resource
from sync.rows import array

CHUNK = 1000


class Unseen:
    """The rows of an account that a full listing has not met yet, in a temporary table; a context manager.

    What was there before the sync is noted when it starts, so that rows made meanwhile by other ways are left alone.
    Shells are not among them, having never arrived, nor are rows without a remote id.
    """

    def __init__(self, identities: Identities, resources: Sequence[Resource]) -> None:
        self.identities = identities
        self.account_id = identities.account_id
        self.resources = resources
        self._watched: set[str] = set()
        self._left = 0

    def __enter__(self) -> Self:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS pg_temp.sync_unseen")  # of a sync whose end went wrong
        for resource in self.resources:
            self.watch(resource)
        return self

    def __exit__(self, *exception: object) -> None:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("DROP TABLE IF EXISTS pg_temp.sync_unseen")

    def watch(self, resource: Resource) -> None:
        """Note which rows of a model are there: all of it is about to be listed."""
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE IF NOT EXISTS sync_unseen (id uuid PRIMARY KEY, model_name text NOT NULL)"
            )
            cursor.execute(
                SQL(
                    "INSERT INTO sync_unseen SELECT id, %s FROM {} WHERE linked_account_id = %s"
                    " AND NOT remote_was_deleted AND NOT is_shell AND remote_id IS NOT NULL ON CONFLICT DO NOTHING"
                ).format(Identifier(resource.model._meta.db_table)),
                [resource.name, self.account_id],
            )
            if cursor.rowcount:
                self._watched.add(resource.name)
                self._left += cursor.rowcount
                cursor.execute("ANALYZE sync_unseen")

    def watches(self, resource: Resource) -> bool:
        """Whether there was any row that the sync could find missing."""
        return resource.name in self._watched

    def see(self, entries: Iterable[Fetched]) -> None:
        """Take away what is there after all, readable or not."""
        if not self._left:
            return
        keys, groups = [], []
        for entry in entries:
            if isinstance(entry, Kept):
                groups.append(entry.group)
            elif isinstance(entry, Record | Unreadable) and entry.remote_id:
                with suppress(UnicodeEncodeError):  # an id that was never stored
                    keys.append(self.identities.key(entry.model_name, entry.remote_id))
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM sync_unseen WHERE id = ANY(%s::uuid[])", [array(keys)])
            self._left -= cursor.rowcount
            if groups:
                cursor.execute(
                    SQL(
                        "DELETE FROM sync_unseen USING {} AS record WHERE record.id = sync_unseen.id"
                        " AND record.linked_account_id = %s AND record.remote_group = ANY(%s)"
                    ).format(Identifier(BY_NAME["ScheduledInterview"].model._meta.db_table)),
                    [self.account_id, groups],
                )
                self._left -= cursor.rowcount

    def chunks(self, resource: Resource) -> Iterator[list[str]]:
        """Yield the keys of what is left of the model, some at a time."""
        beyond = uuid.UUID(int=0)
        while chunk := self._chunk(resource, beyond):
            yield [one.hex for one in chunk]
            beyond = chunk[-1]

    def _chunk(self, resource: Resource, beyond: uuid.UUID) -> list[uuid.UUID]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM sync_unseen WHERE model_name = %s AND id > %s ORDER BY id LIMIT %s",
                [resource.name, beyond, CHUNK],
            )
            return [row_id for (row_id,) in cursor.fetchall()]
