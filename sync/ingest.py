"""Stores records batch by batch: what is new by COPY, what changed by UPDATE, what is the same not at all."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from psycopg.errors import ProgramLimitExceeded
from psycopg.sql import SQL, Identifier

from connectors.records import Fetched, Record
from field_mappings.values import Mappings
from linked_accounts.models import LinkedAccount
from sync import tables
from sync.identities import Identities
from sync.models import PendingRecord, PromisedId
from sync.pending import Reduced, put_aside, reduce
from sync.resources import BY_NAME, RESOURCES, Resource
from sync.rows import UNFIT, Row, RowMaker, array, with_embedded
from sync.signals import records_changed
from sync.stamps import Stamp, Stamps
from sync.state import SyncCancelledError
from sync.stored import StoredRecords

MAX_KNOWN_KEYS = 10_000
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


def hold(account_id: uuid.UUID) -> None:
    """Keep the account from being deleted in this transaction: originals and webhooks would outlive it.

    To be called when it is known that something has to be written, as the lock writes to the log as well. Raises
    SyncCancelledError if the account was deleted already.
    """
    if not LinkedAccount.objects.hold(account_id):
        raise SyncCancelledError("The account was deleted.")


class _PromisedMeanwhile(Exception):  # noqa: N818 (it is named for what happened)
    """Rows were made of records of which one may have been promised an id of its own since."""


Rows = Mapping[str, Mapping[str, Row]]  # by model name and key


class Ingest:
    """Stores one account's records, for the length of one sync.

    A reference to a record that never arrived becomes a shell's, or with `keeps_unknown_references` off nobody's: see
    sync.pending.
    """

    def __init__(
        self,
        account_id: uuid.UUID,
        *,
        stamps: Stamps | None = None,
        stored: StoredRecords | None = None,
        keeps_unknown_references: bool = True,
    ) -> None:
        self.account_id = account_id
        self.stamps = stamps or Stamps(account_id)
        self.stored = stored or StoredRecords(account_id)
        self.keeps_unknown_references = keeps_unknown_references
        self.identities = Identities(account_id)
        self.identities.refresh()  # ids are asked for before the first batch is written
        self.mappings = Mappings(account_id)
        self.rows = RowMaker(account_id, self.identities, self.mappings)
        self.counts: defaultdict[str, Counts] = defaultdict(Counts)
        self._known: set[str] = set()  # keys that have a row: batch after batch refers to much the same
        self._present: set[str] = set()  # keys of records that are there, in the same way

    def prepare(self, entries: Iterable[Fetched]) -> None:
        """Do, in any thread, what can be done before other entries of a listing are stored."""
        self.rows.prepare(with_embedded(entry for entry in entries if isinstance(entry, Record)))

    def store(self, records: Iterable[Record]) -> list[Problem]:
        """Store records in one durable transaction, and return those that nobody can store.

        Of records of the same id the last one counts. Those that stand in others in place of a reference count as well.
        """
        records = list(with_embedded(records))
        for record in records:
            self.counts[record.model_name].records += 1
        return self._store(records)

    def _store(self, records: Sequence[Record]) -> list[Problem]:
        problems = []
        rows: defaultdict[str, dict[str, Row]] = defaultdict(dict)
        latest: dict[str, Record] = {}
        for record in records:
            try:
                one = self.rows.row(record)
            except UNFIT as error:
                problems.append(Problem(record.model_name, record.remote_id, f"{type(error).__name__}: {error}"))
            else:
                rows[record.model_name][one.key] = one
                latest[one.key] = record
        if not rows:
            return problems
        reduced = {} if self.keeps_unknown_references else self._reduce(rows, latest)
        try:
            written = self._write_all(rows, reduced, problems)
        except _PromisedMeanwhile:
            return self._store(records)
        for one_written in written:
            self._note(one_written)
        return problems

    def _write_all(self, rows: Rows, reduced: Mapping[str, Reduced], problems: list[Problem]) -> list[Written]:
        """Write rows in one transaction, but those that PostgreSQL refuses: they are added to the problems."""
        try:
            return self.stamps.write(lambda stamp: [self._write(rows, stamp, reduced)])
        except REFUSALS as error:
            if not _blames_data(error):
                raise
        refused: list[Problem] = []
        written = self.stamps.write(lambda stamp: self._write_singly(rows, stamp, reduced, refused))
        problems += refused
        return written

    def forget_present(self) -> None:
        """Look again which records are there: a listing has shown which are not any more."""
        self._present.clear()

    def mark_deleted(self, resource: Resource, keys: Iterable[str]) -> None:
        """Mark records as deleted at the platform, which otherwise stay as they are, in a durable transaction.

        Ignores keys without a record.
        """
        table = Identifier(resource.model._meta.db_table)

        def mark(stamp: Stamp) -> int:
            with connection.cursor() as cursor:
                tables.begin(cursor, self.account_id)
                cursor.execute(
                    SQL(
                        "SELECT encode(uuid_send(id), 'hex') FROM {} WHERE id = ANY(%s::uuid[])"
                        " AND NOT remote_was_deleted AND NOT is_shell FOR UPDATE"
                    ).format(table),
                    [array(keys)],
                )
                present = [key for (key,) in cursor.fetchall()]
                if present:
                    hold(self.account_id)
                    tables.rewrite(
                        cursor,
                        resource,
                        {"remote_was_deleted": "true", "modified_at": "greatest(%(now)s, t.created_at)"},
                        "t.id = ANY(%(keys)s::uuid[])",
                        {"now": stamp.at, "keys": array(present)},
                    )
                    records_changed.send(
                        Ingest,
                        account_id=self.account_id,
                        model_name=resource.name,
                        added=[],
                        changed=[],
                        removed=present,
                    )
                return len(present)

        self.counts[resource.name].deleted += self.stamps.write(mark)

    def _reduce(self, rows: dict[str, dict[str, Row]], latest: Mapping[str, Record]) -> dict[str, Reduced]:
        """Take from the rows, in their place, the references to what never arrived. Return the records as they came."""
        wanted = {
            (reference.model_name, reference.key)
            for batch in rows.values()
            for one in batch.values()
            for reference in one.references
            if reference.key not in self._present and BY_NAME[reference.model_name].fetch
        }
        here = {(name, key) for name, batch in rows.items() for key, one in batch.items() if not one.remote_was_deleted}
        missing = set(wanted - here)
        for name in {name for name, _ in missing}:
            keys = {key for model_name, key in missing if model_name == name}
            present = self.stored.present(BY_NAME[name], keys)
            self._present |= present
            missing -= {(name, key) for key in present}
        if len(self._present) > MAX_KNOWN_KEYS:
            self._present.clear()

        reduced = {}
        for batch in rows.values():
            for key, one in batch.items():
                lacking = [found for found in one.references if (found.model_name, found.key) in missing]
                if lacking:
                    record = reduce(latest[key], {(found.model_name, found.remote_id) for found in lacking})
                    batch[key] = self.rows.row(record)
                    reduced[key] = Reduced(original=latest[key], missing=tuple(sorted({one.key for one in lacking})))
        return reduced

    def _write_singly(
        self, rows: Rows, stamp: Stamp, reduced: Mapping[str, Reduced], refused: list[Problem]
    ) -> list[Written]:
        """Store what is good of a batch that PostgreSQL refused; the rest goes to `refused`."""
        refused.clear()
        written = []
        for resource in RESOURCES:
            for one in rows.get(resource.name, {}).values():
                try:
                    with transaction.atomic():
                        written.append(self._write({resource.name: {one.key: one}}, stamp, reduced))
                except REFUSALS as error:
                    if not _blames_data(error):
                        raise
                    refused.append(Problem(resource.name, one.remote_id, f"{type(error).__name__}: {error}"))
        return written

    def _write(self, rows: Rows, stamp: Stamp, reduced: Mapping[str, Reduced]) -> Written:
        """Bring the tables up to the rows; a row that differs in nothing is not touched."""
        with connection.wrap_database_errors, connection.cursor() as cursor:
            tables.begin(cursor, self.account_id)
            if self.identities.refresh():
                raise _PromisedMeanwhile
            changes = [
                tables.compare(cursor, resource, rows[resource.name])
                for resource in RESOURCES
                if rows.get(resource.name)
            ]
            unknown = self._unknown(rows, changes)
            if any(changes):
                hold(self.account_id)
            met: set[str] = set()
            for change in changes:
                if change:
                    met |= tables.write(cursor, change, self.account_id, stamp.at)
            for name, remote_ids in unknown.items():
                not_met = {key: remote_id for key, remote_id in remote_ids.items() if key not in met}
                if not_met:
                    tables.insert_missing(cursor, BY_NAME[name], self.account_id, stamp.at, not_met)
            for change in changes:
                self._tell(change)
        if not self.keeps_unknown_references:
            keys = [key for batch in rows.values() for key in batch]
            put_aside(self.account_id, keys, {key: reduced[key] for key in keys if key in reduced})
        return Written(changes=changes, keys={key for found in (*rows.values(), *unknown.values()) for key in found})

    def _tell(self, change: tables.Changes) -> None:
        changed = [row.key for row in change.changed if row.key not in change.filled | change.removed]
        if change.new or change.changed:
            records_changed.send(
                Ingest,
                account_id=self.account_id,
                model_name=change.resource.name,
                added=[*(row.key for row in change.new), *change.filled],
                changed=changed,
                removed=[*change.removed],
            )

    def _unknown(self, rows: Rows, changes: Iterable[tables.Changes]) -> dict[str, dict[str, str]]:
        """Return the remote ids, by model name and key, of what is referred to and may lack a row.

        What rows refer to that did not change was given a row with them.
        """
        references = {ref for change in changes for row in (*change.new, *change.changed) for ref in row.references}
        unknown: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for reference in references:
            name, key = reference.model_name, reference.key
            if key not in self._known and key not in rows.get(name, ()):
                unknown[name][key] = reference.remote_id
        return unknown

    def _note(self, written: Written) -> None:
        for change in written.changes:
            counts = self.counts[change.resource.name]
            counts.new += len(change.new)
            counts.changed += len(change.changed)
        if len(self._known) + len(written.keys) > MAX_KNOWN_KEYS:
            self._known.clear()
        self._known |= written.keys


def promise(account_id: uuid.UUID, model_name: str, remote_id: str, id: uuid.UUID) -> None:
    """Give a record an id of its own, also where a sync has met it already."""
    resource = BY_NAME[model_name]
    with transaction.atomic(), connection.cursor() as cursor:
        tables.begin(cursor, account_id)
        promised, _ = PromisedId.objects.get_or_create(
            linked_account_id=account_id, model_name=model_name, remote_id=remote_id, defaults={"id": id}
        )
        id = promised.id  # of two promises the first one holds
        known = resource.model.objects.filter(linked_account=account_id, remote_id=remote_id).exclude(id=id)
        for old in list(known.values_list("id", flat=True)):
            originals: Any = resource.remote_data_model
            originals.objects.filter(record=old).update(record=id)
            PendingRecord.objects.filter(record_id=old).update(record_id=id)
            resource.model.objects.filter(id=old).update(id=id)


def _blames_data(error: Exception) -> bool:
    """Whether PostgreSQL refuses what a record holds, rather than being unable to work."""
    return not isinstance(error, OperationalError) or isinstance(error.__cause__, ProgramLimitExceeded)
