"""What drf-spectacular cannot see by itself: expansions, the errors that every operation has."""

import inspect
from typing import Any

from django.db import models
from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_basic_type
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer
from rest_framework import serializers

from api.parameters import shape_parameters
from api.problems import WriteSerializer
from api.serializers import NO_FIELD_MAPPINGS, EmptyList, Unknown

BY_PARAMETER = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
}


class ErrorSerializer(serializers.Serializer[Any]):
    """What went wrong, in one sentence."""

    detail = serializers.CharField()


class BadRequestSerializer(serializers.Serializer[Any]):
    """A body that cannot be read, in one sentence, or what is wrong by field."""

    detail = serializers.CharField(required=False)
    model = serializers.ListField(child=serializers.CharField(), required=False)


_UNKNOWN_CALLER = ("Authentication credentials were not provided.", "Invalid token.")
_UNKNOWN_ACCOUNT = ("Account Token must be passed in as an X-Account-Token header.", "Invalid account token.")
_THROTTLED_HEADERS = [
    OpenApiParameter(
        "Retry-After", int, OpenApiParameter.HEADER, response=[429], description="Whole seconds to wait, at least 1."
    ),
    OpenApiParameter(
        "X-RateLimit-Limit", int, OpenApiParameter.HEADER, response=[429], description="Requests per minute."
    ),
    OpenApiParameter(
        "X-RateLimit-Remaining", int, OpenApiParameter.HEADER, response=[429], description="Requests left."
    ),
    OpenApiParameter(
        "X-RateLimit-Reset", int, OpenApiParameter.HEADER, response=[429], description="Unix time of the next minute."
    ),
]


def _error(description: str, *details: str) -> OpenApiResponse:
    return OpenApiResponse(
        ErrorSerializer,
        description,
        [OpenApiExample(detail, {"detail": detail}, response_only=True) for detail in details],
    )


def record_example(**own: Any) -> OpenApiExample:
    """Return an example of a unified model from the fields that are its own."""
    common = {
        "id": "b8faf072-98b9-4445-8a9a-6b4950efca19",
        "remote_id": "9100021",
        "created_at": "2026-09-30T08:05:00.623204Z",
        "modified_at": "2026-10-02T16:20:00Z",
    }
    last = {"remote_was_deleted": False, "field_mappings": NO_FIELD_MAPPINGS, "remote_data": None}
    return OpenApiExample("A record", {**common, **own, **last}, response_only=True)


def write_responses(
    serializer: Any, *, status: int = 200, has_id: bool = False, has_account: bool = True
) -> dict[int, Any]:
    """Return what a write can answer: `serializer` is its envelope. Only those of an account are rate limited."""
    refused: Any = BadRequestSerializer
    if isinstance(serializer, type) and issubclass(serializer, WriteSerializer):
        refused = PolymorphicProxySerializer(
            component_name=f"Refused{serializer.__name__.removesuffix('Serializer')}",
            serializers=[serializer, BadRequestSerializer],
            resource_type_field_name=None,
        )
    responses = {
        status: serializer,
        400: OpenApiResponse(
            refused, "Nothing was written, or nobody knows: `errors` says why. Not to be sent again as it is."
        ),
        401: _error("Who calls is not known, or no longer.", *_UNKNOWN_CALLER, *_UNKNOWN_ACCOUNT),
        415: _error("The body is no JSON."),
        429: _error(
            "Too many requests, of the account here or at the platform. Nothing happened.",
            "Request was throttled. Expected available in 12 seconds.",
        ),
    }
    if not has_account:
        del responses[429]
    return responses | ({404: _error("The linked account has no such record.", "Not found.")} if has_id else {})


def read_responses(serializer: Any, *, has_id: bool = False, has_parameters: bool = False) -> dict[int, Any]:
    """Return what a single answer about an account can be, besides `serializer`."""
    responses = {code: one for code, one in write_responses(serializer, has_id=has_id).items() if code != 415}
    responses[400] = OpenApiResponse(BY_PARAMETER, "Parameters that make no sense, each with what is wrong.")
    if not has_parameters:
        del responses[400]
    return responses


class UnifiedAutoSchema(AutoSchema):
    def get_summary(self) -> str:
        name = self.path.removeprefix("/api/ats/v1/").partition("/")[0].replace("-", " ")
        if self._is_paged():
            return f"List {name}"
        if getattr(self.view, "action", None) == "meta_post":
            return f"Describe what creating {name} takes"
        return f"Retrieve one by its id from {name}" if "{" in self.path else f"Retrieve {name}"

    def get_override_parameters(self) -> list[Any]:
        return [*self._shape(), *(_THROTTLED_HEADERS if self._is_throttled() else [])]

    def get_response_serializers(self) -> Any:
        found = super().get_response_serializers()
        responses: dict[Any, Any] = found if isinstance(found, dict) else {200: found}
        details = [*_UNKNOWN_CALLER]
        if self._is_throttled():
            details += _UNKNOWN_ACCOUNT
            responses[429] = _error(
                "The account's requests of this minute are used up.",
                "Request was throttled. Expected available in 12 seconds.",
            )
        responses[401] = _error("Who calls is not known, or no longer.", *details)
        if self._is_paged():
            responses[400] = OpenApiResponse(
                BY_PARAMETER,
                "Parameters that make no sense, each with what is wrong.",
                [OpenApiExample("Bad page size", {"page_size": ["A valid integer is required."]}, response_only=True)],
            )
            responses[404] = _error("The cursor cannot be read.", "Invalid cursor")
        elif "{" in self.path:
            responses[400] = OpenApiResponse(BY_PARAMETER, "Parameters that make no sense, each with what is wrong.")
            responses[404] = _error("The linked account has no such record.", "Not found.")
        return responses

    def _shape(self) -> list[OpenApiParameter]:
        serializer: Any = getattr(self.view, "serializer_class", None)
        if self.method != "GET" or not hasattr(serializer, "expandable"):
            return []
        parameters = shape_parameters(serializer)
        if not self._is_paged():
            parameters.append(
                OpenApiParameter(
                    "include_shell_data",
                    OpenApiTypes.BOOL,
                    description="Has no effect: a single record is answered whether it is a shell or not.",
                )
            )
        return parameters

    def _is_paged(self) -> bool:
        return getattr(self.view, "action", None) == "list" and getattr(self.view, "pagination_class", None) is not None

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Tell lists by their paging: `GET /account-details` is routed like one and answers one object."""
        return self._is_paged() and super()._is_list_view(serializer)

    def _is_throttled(self) -> bool:
        return any(
            getattr(authenticator, "needs_account_token", False) for authenticator in self.view.get_authenticators()
        )


def without_slashes(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Show paths as SDKs call them, without a slash at their end."""
    result["paths"] = {path.rstrip("/"): operations for path, operations in result["paths"].items()}
    return result


class UnifiedModelSerializerExtension(OpenApiSerializerExtension):
    target_class = "api.serializers.UnifiedModelSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        for name, related in self.target.expandable.items():
            if related and name in schema["properties"]:
                schema["properties"][name] = self._reference(
                    name, auto_schema.resolve_serializer(related, direction).ref
                )
        for name in schema["properties"]:
            schema["properties"][name].pop("readOnly", None)
        schema["description"] = inspect.getdoc(self.target.Meta.model)
        schema["required"] = list(schema["properties"])  # every field is always there, if only as null
        return schema

    def _reference(self, name: str, record: dict[str, Any]) -> dict[str, Any]:
        id = {"type": "string", "format": "uuid"}
        if isinstance(self.target.Meta.model._meta.get_field(name), models.ForeignKey):
            return {"oneOf": [id, record, {"type": "null"}], "description": "An id, or with `expand` the record."}
        items = {"oneOf": [id, record]}
        return {"type": "array", "items": items, "description": "Ids, or with `expand` the records."}


class UnknownExtension(OpenApiSerializerFieldExtension):
    target_class = Unknown

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        schema = build_basic_type(self.target.like) or {}
        return schema | {"type": [schema["type"], "null"], "description": "Always null."}


class EmptyListExtension(OpenApiSerializerFieldExtension):
    target_class = EmptyList

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        return {"type": "array", "items": {}, "description": "Always empty."}
