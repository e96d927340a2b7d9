"""The public shape of unified models: named once here, read by lists, by single records and by the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.parameters import Shape
from api.tenants import NOTHING_HIDDEN, Hidden

# What `field_mappings` says where nothing is mapped.
NO_FIELD_MAPPINGS: dict[str, Any] = {"organization_defined_targets": {}, "linked_account_defined_targets": {}}


def unified_fields(*own: str) -> list[str]:
    """Return the public fields of a model: its own between those that all unified models have."""
    return [
        "id",
        "remote_id",
        "created_at",
        "modified_at",
        *own,
        "remote_was_deleted",
        "field_mappings",
        "remote_data",
    ]


class Unknown(serializers.Field[Any, Any, Any, Any]):
    """A field of Merge's models that no platform here fills: always null. `like` is what it would hold."""

    sql = "NULL::text"

    def __init__(self, like: OpenApiTypes = OpenApiTypes.STR) -> None:
        super().__init__(source="*", read_only=True)
        self.like = like

    def to_representation(self, value: Any) -> None:
        return None


class EmptyList(serializers.Field[Any, Any, Any, Any]):
    """A list of Merge's models that no platform here fills: always empty."""

    sql = "'{}'::text[]"

    def __init__(self) -> None:
        super().__init__(source="*", read_only=True)

    def to_representation(self, value: Any) -> list[Any]:
        return []


@extend_schema_field(
    {
        "type": ["object", "null"],
        "properties": {
            "organization_defined_targets": {"type": "object", "additionalProperties": True},
            "linked_account_defined_targets": {"type": "object", "additionalProperties": True},
        },
        "examples": [NO_FIELD_MAPPINGS],
    }
)
class FieldMappingsField(serializers.Field[Any, Any, Any, Any]):
    """The customer's own fields, by target name."""

    def get_attribute(self, instance: Any) -> Any:
        return instance.field_mappings or NO_FIELD_MAPPINGS  # a null would skip to_representation

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(
    {
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "properties": {"path": {"type": "string"}, "data": {}},
            "required": ["path", "data"],
        },
    }
)
class RemoteDataField(serializers.Field[Any, Any, Any, Any]):
    """The platform's originals; null unless asked for."""

    def __init__(self) -> None:
        super().__init__(source="*", read_only=True)

    def to_representation(self, value: Any) -> Any:
        if not self.context["shape"].include_remote_data:
            return None
        stored = getattr(value, "stored_remote_data", None)
        return stored and stored.entries


def unified_serializers() -> "dict[str, type[UnifiedModelSerializer]]":
    """Return the serializer of each unified model, by the model's name."""
    return {serializer.Meta.model.__name__: serializer for serializer in UnifiedModelSerializer.__subclasses__()}


def withheld(entries: Any) -> Any:
    """Return originals of which nothing is told but where they came from: nobody knows which part of them is hidden."""
    return entries and [{"path": entry["path"], "data": None} for entry in entries]


class UnifiedModelSerializer(serializers.ModelSerializer[Any]):
    """Writes a unified model in the shape of `context["shape"]`, without what `context["hidden"]` names, if given.

    `expandable` names the references that can be answered with whole objects, None where the field is always empty.
    `enum_origins` names the enum fields whose originals stand in a column `remote_<field>`.
    """

    expandable: ClassVar[Mapping[str, "type[UnifiedModelSerializer] | None"]] = {}
    enum_origins: ClassVar[tuple[str, ...]] = ()

    field_mappings = FieldMappingsField(read_only=True)
    remote_data = RemoteDataField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shape: Shape = self.context["shape"]
        result = super().to_representation(instance)
        for name in shape.enum_origins:
            origin = getattr(instance, f"remote_{name}")
            result[name] = result[name] if origin is None else origin
        hidden: Hidden = self.context.get("hidden", NOTHING_HIDDEN)
        fields = hidden.fields_of(type(instance).__name__)
        if fields:
            result["remote_data"] = withheld(result["remote_data"])
        for name in fields & result.keys():
            result[name] = [] if isinstance(result[name], list) and name != "remote_data" else None
        for name in shape.expand - fields:
            serializer = self.expandable[name]
            if serializer and serializer.Meta.model.__name__ not in hidden.models:
                ids = getattr(instance, instance._meta.get_field(name).attname)
                result[name] = self._expanded(serializer, ids)
        return result

    def _expanded(self, serializer_class: "type[UnifiedModelSerializer]", ids: Any) -> Any:
        plain = Shape(include_remote_data=self.context["shape"].include_remote_data)
        serializer = serializer_class(context={**self.context, "shape": plain})
        wanted = ids if isinstance(ids, list) else [ids]
        model: Any = serializer_class.Meta.model
        rows = model.objects.in_bulk(wanted)
        found = [serializer.to_representation(rows[id]) if id in rows else id for id in wanted]
        return found if isinstance(ids, list) else found[0]
