"""Rows of a unified model as a file of any length: CSV, or JSON Lines.

The columns are the model's public fields, with the account in front. Rows come through a cursor that the server has
filled before the first of them leaves: memory stays flat however many there are, and neither a slow reader nor a broken
connection keeps a transaction open.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from api.serializers import UnifiedModelSerializer
from linked_accounts import scopes
from linked_accounts.models import LinkedAccount
from unified.fields import JSONTextField

CHUNK = 1_000  # rows that are in memory at a time
JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE

# What spreadsheets take for the beginning of a formula, also in the wide forms of East Asian scripts.
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  these very ones


@dataclass(frozen=True)
class Export:
    """The rows of one model that belong to `accounts`, without what the scopes of each keep from being read."""

    serializer: type[UnifiedModelSerializer]
    rows: QuerySet[Any]
    accounts: Mapping[UUID, LinkedAccount]

    @property
    def columns(self) -> list[str]:
        account, *others = self._stored
        return [account, "end_user_organization_name", *others]

    def csv(self) -> Iterator[bytes]:
        """Yield CSV for spreadsheets: with a byte order mark, without which some take it for another encoding."""
        text = io.StringIO("\ufeff")
        text.seek(0, io.SEEK_END)
        writer = csv.writer(text)
        writer.writerow(self.columns)
        for chunk in self._chunks():
            writer.writerows(map(cell, row) for row in chunk)
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
        yield text.getvalue().encode()

    def ndjson(self) -> Iterator[bytes]:
        columns = self.columns
        json = [columns.index(name) for name in self._json]
        for chunk in self._chunks():
            for row in chunk:
                for place in json:
                    row[place] = row[place] and orjson.Fragment(row[place])
            lines = (orjson.dumps(dict(zip(columns, row, strict=True)), option=JSON_OPTIONS) for row in chunk)
            yield b"".join(lines)

    @cached_property
    def _stored(self) -> list[str]:
        """The columns of the table that are exported: the API's other fields are the same for every row."""
        stored = {field.name for field in self.rows.model._meta.concrete_fields}
        return ["linked_account", *(name for name in self.serializer.Meta.fields if name in stored), "is_shell"]

    @cached_property
    def _json(self) -> list[str]:
        """The columns whose JSON is handed on as the text that it is."""
        field = self.rows.model._meta.get_field
        return [name for name in self._stored if isinstance(field(name), JSONTextField)]

    def _chunks(self) -> Iterator[list[list[Any]]]:
        """Yield the rows, as values in the order of `columns`."""
        selected = [Cast(name, TextField()) if name in self._json else name for name in self._stored]
        found = iter(self.rows.prefetch_related(None).values_list(*selected).iterator(chunk_size=CHUNK))
        hidden = {id: self._hidden(account) for id, account in self.accounts.items()}
        while rows := list(islice(found, CHUNK)):
            chunk = []
            for account, *values in rows:
                if account not in self.accounts:
                    continue
                row = [account, self.accounts[account].end_user_organization_name, *values]
                for place in hidden[account]:
                    row[place] = [] if isinstance(row[place], list) else None
                chunk.append(row)
            yield chunk

    def _hidden(self, account: LinkedAccount) -> list[int]:
        """Return the places of the columns that nobody may read of an account."""
        names = scopes.permissions(account, self.rows.model.__name__).disabled_fields
        return [place for place, name in enumerate(self.columns) if name in names]


def cell(value: Any) -> Any:
    """Return what CSV says for a value: nothing for null, JSON for lists and objects, and never a formula."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_BEGINNINGS) else value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    return orjson.dumps(value).decode() if isinstance(value, list) else value
