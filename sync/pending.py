"""Records with references that lead nowhere, kept until what they refer to arrives.

Some platforms' contracts want such a reference to be null. The record as the platform told it is put aside, and stored
anew when a record arrives that it refers to, which may be long after the platform told about it last.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection

from connectors.records import Choice, Record
from sync.models import PendingRecord
from sync.resources import BY_NAME, RESOURCES
from sync.rows import array

CHUNK = 500
REFERRED_TO = tuple(resource for resource in RESOURCES if resource.fetch)  # the others have no record to wait for


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """A record as it came, and the keys of what it refers to and what is not there, in their order."""

    original: Record
    missing: tuple[str, ...]


def reduce(record: Record, missing: Collection[tuple[str, str]]) -> Record:
    """Return the record without references to these records, each a model's name and a remote id."""
    resource = BY_NAME[record.model_name]
    changes: dict[str, Any] = {}
    for name, target in resource.references.items():
        value = getattr(record, name)
        remote_id = value.remote_id if isinstance(value, Record) else value
        if remote_id is not None and (target, remote_id) in missing:
            changes[name] = None
    for name, target in resource.arrays.items():
        changes[name] = tuple(each for each in getattr(record, name) if (target, each) not in missing)
    return replace(record, **changes)


def put_aside(account_id: uuid.UUID, keys: Iterable[str], reduced: Mapping[str, Reduced]) -> None:
    """Keep the originals of reduced records, by key; forget those of other `keys`, which lack nothing any more.

    What is kept already and did not change is not written again.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT encode(uuid_send(record_id), 'hex'), record, missing FROM sync_pendingrecord"
            " WHERE record_id = ANY(%s::uuid[])",
            [array(keys)],
        )
        kept = {key: (record, missing) for key, record, missing in cursor.fetchall()}
    PendingRecord.objects.filter(record_id__in=kept.keys() - reduced.keys()).delete()
    rows = [
        PendingRecord(
            record_id=uuid.UUID(key),
            linked_account_id=account_id,
            model_name=one.original.model_name,
            record=_as_json(one.original),
            missing=[uuid.UUID(missing) for missing in one.missing],
        )
        for key, one in reduced.items()
    ]
    new = [row for row in rows if kept.get(row.record_id.hex) != (row.record, row.missing)]
    PendingRecord.objects.bulk_create(
        new, update_conflicts=True, unique_fields=["record_id"], update_fields=["record", "missing"]
    )


def arrived(account_id: uuid.UUID) -> Iterator[list[Record]]:
    """Yield, some hundreds at a time, the records of which something that they lacked is there now.

    They come without originals, which leaves stored ones as they are. Those deleted meanwhile are forgotten.
    """
    beyond = uuid.UUID(int=0)
    while chunk := list(
        PendingRecord.objects.filter(linked_account_id=account_id, record_id__gt=beyond).order_by("record_id")[:CHUNK]
    ):
        beyond = chunk[-1].record_id
        there = _arrived({missing for one in chunk for missing in one.missing})
        found = [one for one in chunk if not there.isdisjoint(one.missing)]
        deleted = _deleted(found)
        PendingRecord.objects.filter(record_id__in=deleted).delete()
        if records := [_as_record(one) for one in found if one.record_id not in deleted]:
            yield records


def _arrived(keys: Collection[uuid.UUID]) -> set[uuid.UUID]:
    found: set[uuid.UUID] = set()
    for resource in REFERRED_TO:
        found.update(
            resource.model._default_manager.filter(id__in=keys, is_shell=False, remote_was_deleted=False).values_list(
                "id", flat=True
            )
        )
    return found


def _deleted(pending: Iterable[PendingRecord]) -> set[uuid.UUID]:
    by_model: dict[str, list[uuid.UUID]] = {}
    for one in pending:
        by_model.setdefault(one.model_name, []).append(one.record_id)
    return {
        row_id
        for name, ids in by_model.items()
        for row_id in BY_NAME[name]
        .model._default_manager.filter(id__in=ids, remote_was_deleted=True)
        .values_list("id", flat=True)
    }


def _as_json(record: Record) -> dict[str, Any]:
    resource = BY_NAME[record.model_name]
    values = {name: getattr(record, name) for name in [*resource.plain, *resource.arrays, *resource.choices]}
    for name in resource.times:
        value: datetime | None = getattr(record, name)
        values[name] = value and value.isoformat()
    for name in resource.references:
        one = getattr(record, name)
        values[name] = one.remote_id if isinstance(one, Record) else one
    values = {name: value for name, value in values.items() if value is not None}
    for name in resource.arrays:
        values[name] = list(values[name])
    for name in resource.choices:
        if name in values:
            values[name] = list(values[name])
    return {"remote_id": record.remote_id, **values}


def _as_record(pending: PendingRecord) -> Record:
    resource = BY_NAME[pending.model_name]
    values: dict[str, Any] = dict(pending.record)
    for name in resource.times:
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
    for name in resource.arrays:
        values[name] = tuple(values[name])
    for name in resource.choices:
        if name in values:
            values[name] = Choice(*values[name])
    return resource.record(**values)
