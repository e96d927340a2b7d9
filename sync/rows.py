"""Records in terms of columns, and the hashes that tell whether they changed.

Nothing here asks the database, but for mapped fields of records that come without their originals.

Ids are *keys* here: hexadecimal text, which is compared, hashed and sent many times faster than `uuid.UUID`.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from connectors.payloads import dump
from connectors.records import MAX_REMOTE_ID_LENGTH, Original, Record
from field_mappings.values import Mappings
from sync.identities import Identities
from sync.resources import BY_NAME
from unified.identity import unified_key

UNFIT = (AttributeError, TypeError, ValueError)


@dataclass(slots=True, eq=False)
class Reference:
    """What a record refers to. As a rule the same object for the same record."""

    model_name: str
    key: str
    remote_id: str
    id: str  # the key as the API writes it


class Row(NamedTuple):
    """`values` are those of `Resource.names`, in their order; `origins` are in that of `Resource.origin_columns`.

    Among the values, references are ids as the API writes them, and times UTC.
    """

    key: str
    remote_id: str
    remote_was_deleted: bool
    content_hash: bytes
    values: dict[str, Any]
    origins: tuple[str | None, ...]
    entries: bytes | None  # the originals as JSON text; None where there are none
    entries_hash: bytes | None
    field_mappings: str | None  # as JSON text; None where nothing is mapped
    references: list[Reference]


class RowMaker:
    """Makes rows of one account's records."""

    def __init__(
        self, account_id: uuid.UUID, identities: Identities | None = None, mappings: Mappings | None = None
    ) -> None:
        self.account_id = account_id
        self.identities = identities or Identities(account_id)
        self.mappings = mappings
        # Record after record refers to much the same, and computing an id costs more than all else here.
        self._reference = lru_cache(maxsize=10_000)(self._new_reference)
        # By id of a record: it, and how many ids were promised when its row was made.
        self._prepared: dict[int, tuple[Record, int, Row]] = {}

    def prepare(self, records: Iterable[Record]) -> None:
        """Make rows, in any thread, that `row` will be asked for.

        What cannot be made is left to that. So are rows with field mappings, for which originals may have to be read.
        """
        for record in records:
            if self.mappings is None or not self.mappings.has(record.model_name):
                latest = self.identities.latest
                with suppress(*UNFIT):
                    self._prepared[id(record)] = record, latest, self._new_row(record)

    def row(self, record: Record) -> Row:
        """Return a record's row. Raises one of UNFIT for what no column can hold, or is not of its declared type."""
        if prepared := self._prepared.pop(id(record), None):
            _, latest, row = prepared
            if latest == self.identities.latest:
                return row
        return self._new_row(record)

    def _new_row(self, record: Record) -> Row:
        """Make a record's row.

        The hash is over the unified values without those that are None: a field added later changes no hash until it
        has a value. It leaves out the platform's words and originals: `modified_at` stays when only these change.
        """
        resource = BY_NAME[record.model_name]
        values = {name: getattr(record, name) for name in resource.names}
        references: list[Reference] = []
        origins: list[str | None] = []
        reference_to = self._reference
        for name in resource.times:
            if (time := values[name]) is not None and time.tzinfo is not UTC:
                values[name] = _utc(time)
        for name, target in resource.references.items():
            if (value := values[name]) is not None:
                reference = reference_to(target, value.remote_id if isinstance(value, Record) else value)
                references.append(reference)
                values[name] = reference.id
        for name, target in resource.arrays.items():
            several = [reference_to(target, each) for each in dict.fromkeys(values[name])]
            references += several
            values[name] = [reference.id for reference in several]
        for name in resource.choices:
            values[name], origin = values[name] or (None, None)
            origins.append(origin)
        hashed = {name: value for name, value in values.items() if value is not None}
        key = self.identities.key(record.model_name, record.remote_id)
        mapped = self._mapped(record, key)
        if mapped is not None:
            hashed["field_mappings"] = mapped
        entries = _entries(record)
        return Row(
            key=key,
            remote_id=record.remote_id,
            remote_was_deleted=record.remote_was_deleted,
            content_hash=_hash(orjson.dumps(hashed)),
            values=values,
            origins=tuple(origins),
            entries=entries,
            entries_hash=None if entries is None else _hash(entries),
            field_mappings=mapped,
            references=references,
        )

    def _mapped(self, record: Record, key: str) -> str | None:
        """Return as JSON what the account's field mappings make of a record's originals, or else of the stored ones."""
        if self.mappings is None or not self.mappings.has(record.model_name):
            return None
        originals: Iterable[Original] = record.remote_data
        if not originals:
            stored: Any = BY_NAME[record.model_name].remote_data_model
            entries = stored.objects.filter(record=key).values_list("entries", flat=True).first() or ()
            originals = [Original(entry["path"], entry["data"]) for entry in entries]
        return dump(self.mappings.values(record.model_name, originals)).decode()

    def _new_reference(self, model_name: str, remote_id: str) -> Reference:
        if not 0 < len(remote_id) <= MAX_REMOTE_ID_LENGTH:
            raise ValueError(f"it refers to a {model_name} by an id of {len(remote_id)} characters")
        key = unified_key(self.account_id, model_name, remote_id)
        return Reference(model_name, key, remote_id, as_id(key))


# The hash of a record of which nothing is known but its id.
EMPTY_HASH = blake2b(b"{}", digest_size=16).digest()


def with_embedded(records: Iterable[Record]) -> Iterator[Record]:
    """Yield records, each after those that stand in it in place of a reference."""
    for record in records:
        for name in BY_NAME[record.model_name].references:
            if isinstance(value := getattr(record, name), Record):
                yield value
        yield record


def array(keys: Iterable[str]) -> str:
    """Return a PostgreSQL array as text, which psycopg takes many times longer to write."""
    return "{" + ",".join(keys) + "}"


def as_id(key: str) -> str:
    """Return a key as the API writes ids."""
    return f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"


def as_key(id: str) -> str:
    return id.replace("-", "")


def _utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError(f"the time {value} has no time zone")
    return value.astimezone(UTC)


def _entries(record: Record) -> bytes | None:
    if not record.remote_data:
        return None
    return dump([{"path": original.path, "data": original.data} for original in record.remote_data])


def _hash(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()
