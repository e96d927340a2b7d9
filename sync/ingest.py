"""Stores records batch by batch: what is new by COPY, what changed by UPDATE, what is the same not at all."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from psycopg.errors import ProgramLimitExceeded

from connectors.records import Record
from sync import tables
from sync.resources import BY_NAME, RESOURCES
from sync.rows import Row, RowMaker, with_embedded

MAX_KNOWN_KEYS = 20_000
REFUSALS = (DataError, IntegrityError, OperationalError)  # of the last kind: too large for an index; see _blames_data


@dataclass(slots=True)
class Counts:
    """What became of the records of one model."""

    records: int = 0
    new: int = 0
    changed: int = 0
    deleted: int = 0
    problems: int = 0


class Problem(NamedTuple):
    """A record that was not stored."""

    model_name: str
    remote_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What one transaction did. `keys` are of all that has a row now."""

    changes: list[tables.Changes]
    keys: set[str]


Rows = Mapping[str, Mapping[str, Row]]  # by model name and key


class Ingest:
    """Stores one account's records, for the length of one sync."""

    def __init__(self, account_id: uuid.UUID) -> None:
        self.account_id = account_id
        self.rows = RowMaker(account_id)
        self.counts: defaultdict[str, Counts] = defaultdict(Counts)
        self._known: set[str] = set()  # keys that have a row: batch after batch refers to much the same

    def store(self, records: Iterable[Record]) -> list[Problem]:
        """Store records in one durable transaction, and return those that nobody can store.

        Of records of the same id the last one counts. Those that stand in others in place of a reference count as well.
        """
        problems = []
        rows: defaultdict[str, dict[str, Row]] = defaultdict(dict)
        for record in with_embedded(records):
            self.counts[record.model_name].records += 1
            try:
                one = self.rows.row(record)
            except (AttributeError, TypeError, ValueError) as error:
                problems.append(Problem(record.model_name, record.remote_id, f"{type(error).__name__}: {error}"))
            else:
                rows[record.model_name][one.key] = one
        if not rows:
            return problems
        try:
            with transaction.atomic(durable=True):
                written = self._write(rows)
        except REFUSALS as error:
            if not _blames_data(error):
                raise
            problems += self._store_singly(rows)
        else:
            self._note(written)
        return problems

    def _store_singly(self, rows: Rows) -> list[Problem]:
        """Store what is good of a batch that PostgreSQL refused, and return the rest."""
        problems = []
        with transaction.atomic(durable=True):
            for resource in RESOURCES:
                for one in rows.get(resource.name, {}).values():
                    try:
                        with transaction.atomic():
                            written = self._write({resource.name: {one.key: one}})
                    except REFUSALS as error:
                        if not _blames_data(error):
                            raise
                        problems.append(Problem(resource.name, one.remote_id, f"{type(error).__name__}: {error}"))
                    else:
                        self._note(written)
        return problems

    def _write(self, rows: Rows) -> Written:
        """Bring the tables up to the rows; a row that differs in nothing is not touched."""
        with connection.wrap_database_errors, connection.cursor() as cursor:
            tables.settle_plans(cursor)
            changes = [
                tables.compare(cursor, resource, rows[resource.name])
                for resource in RESOURCES
                if rows.get(resource.name)
            ]
            unknown = self._unknown(rows)
            if unknown or any(changes):
                now = tables.clock(cursor)
                for change in changes:
                    tables.write(cursor, change, self.account_id, now)
                for name, remote_ids in unknown.items():
                    tables.insert_missing(cursor, BY_NAME[name], self.account_id, now, remote_ids)
        return Written(changes=changes, keys={key for found in (*rows.values(), *unknown.values()) for key in found})

    def _unknown(self, rows: Rows) -> dict[str, dict[str, str]]:
        """Return the remote ids, by model name and key, of what is referred to and may lack a row."""
        unknown: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for batch in rows.values():
            for one in batch.values():
                for name, key, remote_id in one.references:
                    if key not in self._known and key not in rows.get(name, ()):
                        unknown[name][key] = remote_id
        return unknown

    def _note(self, written: Written) -> None:
        for change in written.changes:
            counts = self.counts[change.resource.name]
            counts.new += len(change.new)
            counts.changed += len(change.changed)
        if len(self._known) + len(written.keys) > MAX_KNOWN_KEYS:
            self._known.clear()
        self._known |= written.keys


def _blames_data(error: Exception) -> bool:
    """Whether PostgreSQL refuses what a record holds, rather than being unable to work."""
    return not isinstance(error, OperationalError) or isinstance(error.__cause__, ProgramLimitExceeded)
