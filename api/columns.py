"""What of a unified model's table stands behind each field that its serializer names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import orjson
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from api.parameters import Shape
from api.serializers import NO_FIELD_MAPPINGS, UnifiedModelSerializer
from api.tenants import Hidden

SerializerClass = type[UnifiedModelSerializer]

NOTHING_MAPPED = orjson.dumps(NO_FIELD_MAPPINGS).decode()


@dataclass(frozen=True, slots=True)
class Column:
    """What is selected for a field of the serializer."""

    name: str
    sql: str  # an expression over the table's alias t
    type: str


def selection(serializer: SerializerClass, shape: Shape, hidden: Hidden) -> list[Column]:
    """Return what is selected for each public field, in their order."""
    columns = _open_columns(serializer, shape)
    fields = hidden.fields_of(model_of(serializer).__name__)
    if not fields:
        return columns
    return [_veiled(column, is_hidden=column.name in fields) for column in columns]


def stored_remote_data(serializer: SerializerClass) -> str:
    """Return an expression for the originals of a record, as `json`; null where there are none."""
    side = table_name(related_model(model_of(serializer), "stored_remote_data"))
    return f"(SELECT entries FROM {side} WHERE record_id = t.id)"


def _veiled(column: Column, *, is_hidden: bool) -> Column:
    """Return what is selected of a model with hidden fields, as `api.serializers.UnifiedModelSerializer` shows it."""
    if is_hidden:
        nothing = "'{}'" if column.type.endswith("[]") else "NULL"
        return replace(column, sql=f"{nothing}::{column.type}")
    if column.name == "remote_data":  # to be cut by who reads it: PostgreSQL refuses JSON with halves of characters
        return replace(column, sql=f"{column.sql}::text", type="text")
    return column


def _open_columns(serializer: SerializerClass, shape: Shape) -> list[Column]:
    model = model_of(serializer)
    columns = []
    for name, serializer_field in fields_of(serializer).items():
        if name == "remote_data":
            sql = stored_remote_data(serializer) if shape.include_remote_data else "NULL::json"
            columns.append(Column(name, sql, "json"))
        elif name == "field_mappings":
            columns.append(Column(name, f"coalesce(t.field_mappings, '{NOTHING_MAPPED}'::json)", "json"))
        elif hasattr(serializer_field, "sql"):
            columns.append(Column(name, serializer_field.sql, serializer_field.sql.rpartition("::")[2]))
        else:
            sql = f"t.{column_name(model, name)}"
            if name in shape.enum_origins:
                sql = f"coalesce(t.{column_name(model, f'remote_{name}')}, {sql})"
            type_ = column_type(model, name)
            if type_.startswith("uuid"):  # PostgreSQL prints ids many times faster than Python makes objects of them
                type_ = type_.replace("uuid", "text")
                sql = f"{sql}::{type_}"
            columns.append(Column(name, sql, type_))
    return columns


@cache
def fields_of(serializer: SerializerClass) -> Mapping[str, Any]:
    return serializer().fields


def model_of(serializer: SerializerClass) -> type[models.Model]:
    return serializer.Meta.model


def related_model(model: type[models.Model], name: str) -> type[models.Model]:
    related: type[models.Model] = _field(model, name).related_model
    return related


def is_array(serializer: SerializerClass, name: str) -> bool:
    return isinstance(_field(model_of(serializer), name), ArrayField)


def table_name(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def column_name(model: type[models.Model], name: str) -> str:
    return connection.ops.quote_name(_field(model, name).column)


def column_type(model: type[models.Model], name: str) -> str:
    return str(_field(model, name).db_type(connection))


def _field(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name)
