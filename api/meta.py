"""`…/meta/post`: what it takes to create a record, in the JSON Schema of Merge's kind."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from api.serializers import UnifiedModelSerializer
from connectors.creation import Creation

_ID = {"type": "string", "format": "uuid"}
_TYPES: dict[type[Any], dict[str, Any]] = {
    models.ForeignKey: _ID,
    ArrayField: {"type": "array", "items": _ID},
    models.DateTimeField: {"type": "string", "format": "date-time"},
    models.BooleanField: {"type": "boolean"},
    models.IntegerField: {"type": "integer"},
    models.TextField: {"type": "string"},
}


class RequestStatusSerializer(serializers.Serializer[Any]):
    linked_account_status = serializers.CharField()
    can_make_request = serializers.BooleanField()


@extend_schema_serializer(many=False)
class MetaSerializer(serializers.Serializer[Any]):
    """What a POST takes: a JSON Schema of its body, with `enum_information` where values have meanings."""

    request_schema = serializers.DictField()
    remote_field_classes = serializers.DictField()
    status = RequestStatusSerializer()
    has_conditional_params = serializers.BooleanField()
    has_required_linked_account_params = serializers.BooleanField()


def meta(
    serializer: type[UnifiedModelSerializer], creation: Creation | None, *, account_status: str, can_make_request: bool
) -> dict[str, Any]:
    """Return the answer for a platform that creates by `creation`, or not at all where that is None."""
    required = ["model"] + (["remote_user_id"] if creation and creation.remote_user_id_required else [])
    return {
        "request_schema": {
            "type": "object",
            "required": required,
            "properties": {
                "remote_user_id": {**_ID, "title": "remote_user_id"},
                "model": _model(serializer, creation)
                if creation
                else {"type": "object", "required": [], "properties": {}},
            },
        },
        "remote_field_classes": {},
        "status": {"linked_account_status": account_status, "can_make_request": can_make_request},
        "has_conditional_params": bool(creation and creation.is_conditional),
        "has_required_linked_account_params": False,
    }


def _model(serializer: type[UnifiedModelSerializer], creation: Creation) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for name, description in creation.fields.items():
        properties[name] = {**_type(serializer, name), "title": name, "description": description}
        if choices := creation.choices.get(name):
            properties[name]["enum"] = list(choices)
            properties[name]["enum_information"] = [
                {"value": value, "description": meaning} for value, meaning in choices.items()
            ]
    parameters = {
        parameter.name: {"type": parameter.type, "title": parameter.name, "description": parameter.description}
        | ({"enum": list(parameter.choices)} if parameter.choices else {})
        for parameter in creation.integration_params
    }
    needed = [parameter.name for parameter in creation.integration_params if parameter.required]
    properties["integration_params"] = _object("integration_params", parameters, required=needed)
    properties["linked_account_params"] = _object("linked_account_params", {}, required=[])
    required = [name for name in creation.fields if name in creation.required]
    return {
        "type": "object",
        "required": required + (["integration_params"] if needed else []),
        "properties": properties,
    }


def _type(serializer: type[UnifiedModelSerializer], name: str) -> dict[str, Any]:
    model: Any = serializer.Meta.model
    field = model._meta.get_field(name)
    return next(schema for kind, schema in _TYPES.items() if isinstance(field, kind))


def _object(title: str, properties: dict[str, Any], *, required: list[str]) -> dict[str, Any]:
    return {"type": "object", "title": title, "required": required, "properties": properties}
