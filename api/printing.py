"""The public JSON of records, printed when they are written and joined when they are read (ADR 12).

The serializer is the definition. What stands here prints the same to the byte, once in SQL and once from the values of
a row that is about to be written; a test compares all three. A text holds the record unexpanded and without originals.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import orjson

from api.columns import NOTHING_MAPPED, SerializerClass, column_name, column_type, fields_of, model_of
from api.renderers import ORJSONRenderer

# To be raised whenever the same row would print differently, by a new field say. Rows of another format are printed
# anew as they are read, until `manage.py reprint` has printed them. A test reminds of it.
FORMAT = 1

# How each text ends, where originals take the place of the null.
NO_REMOTE_DATA = b"null}"


# An SQL expression over the alias t: the row's text as it stands there, null if it is of another format.
PRINTED = f"CASE WHEN t.printed_format = {FORMAT} THEN t.printed END"


@cache
def printed_or_printing(serializer: SerializerClass) -> str:
    """Return an SQL expression over the alias t: the row's text as it stands there, or else printed now."""
    return f"coalesce({PRINTED}, {printing(serializer)})"


def printing(serializer: SerializerClass, values: Mapping[str, str] | None = None) -> str:
    """Return an SQL expression over the alias t that prints the row.

    `values` are expressions for fields whose columns are to be given other values in the same statement.
    """
    model, parts = model_of(serializer), []
    for name, serializer_field in fields_of(serializer).items():
        if name == "remote_data":
            value = "'null'"
        elif name == "field_mappings":
            value = f"coalesce(t.field_mappings::text, '{NOTHING_MAPPED}')"
        elif hasattr(serializer_field, "sql"):
            value = f"'{_constant(serializer_field).decode()}'"
        else:
            sql = (values or {}).get(name) or f"t.{column_name(model, name)}"
            value = _printed_value(sql, column_type(model, name))
        parts.append(f"""'"{name}":' || {value}""")
    return f"""('{{' || {" || ',' || ".join(parts)} || '}}')"""


def _printed_value(sql: str, type: str) -> str:
    match type:
        case "uuid":
            value = f"""'"' || {sql} || '"'"""
        case "uuid[]":
            value = f"""CASE {sql} WHEN '{{}}' THEN '[]' ELSE '["' || array_to_string({sql}, '","') || '"]' END"""
        case "timestamp with time zone":
            time = f"{sql} AT TIME ZONE 'UTC'"
            fraction = f"CASE WHEN date_trunc('second', {sql}) = {sql} THEN '' ELSE to_char({time}, '.US') END"
            value = f"""'"' || to_char({time}, 'YYYY-MM-DD"T"HH24:MI:SS') || {fraction} || 'Z"'"""
        case "boolean" | "integer":
            value = f"{sql}::text"
        case "text":
            value = f"to_json({sql})::text"
        case _:
            raise TypeError(f"nobody has said how to print a {type}")
    return f"coalesce({value}, 'null')"


def _constant(serializer_field: Any) -> bytes:
    return orjson.dumps(serializer_field.to_representation(None))


class Printer:
    """Prints rows of one model that are about to be written."""

    def __init__(self, serializer: SerializerClass, unprinted: Iterable[str]) -> None:
        """`unprinted` are names among the values that the serializer does not know."""
        # What is printed of a row of which nothing is known, in the order of the fields.
        self._nothing: dict[str, Any] = {
            name: orjson.Fragment(_constant(serializer_field)) if hasattr(serializer_field, "sql") else None
            for name, serializer_field in fields_of(serializer).items()
        }
        self._unprinted = frozenset(unprinted)

    def text(self, common: Mapping[str, Any], values: Mapping[str, Any]) -> str:
        """Return the text of a row: `common` are values of what all models have, `values` of the model's own fields.

        Times are aware and UTC, ids text in their usual form, field mappings JSON text.
        """
        record = {**self._nothing, **values, **common}
        for name in self._unprinted:
            record.pop(name, None)
        record["field_mappings"] = orjson.Fragment(record["field_mappings"] or NOTHING_MAPPED)
        return orjson.dumps(record, option=ORJSONRenderer.options).decode()
