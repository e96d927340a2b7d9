"""The query parameters that shape an answer, on lists and on single records alike."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.core.exceptions import ValidationError as FormValidationError
from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError

from api import values

if TYPE_CHECKING:
    from api.serializers import UnifiedModelSerializer


@dataclass(frozen=True, slots=True)
class Shape:
    """What the answer holds beside the plain fields."""

    expand: frozenset[str] = frozenset()
    enum_origins: frozenset[str] = frozenset()
    include_remote_data: bool = False


def read_flag(query: QueryDict, name: str) -> bool:
    """Return a switch of the query, off unless told otherwise. Raises ValidationError."""
    try:
        return bool(values.BooleanField(required=False).clean(query.get(name)))
    except FormValidationError as error:
        raise ValidationError({name: error.messages}) from error


def read_shape(query: QueryDict, serializer: "type[UnifiedModelSerializer]") -> Shape:
    """Raises ValidationError, which names every bad parameter."""
    errors: dict[str, list[str]] = {}

    def names(known: Iterable[str], *parameters: str) -> frozenset[str]:
        found: set[str] = set()
        for parameter in parameters:
            given = {name for value in query.getlist(parameter) for name in value.split(",") if name != ""}
            if unknown := given.difference(known):
                choices = ", ".join(known) or "none here"
                errors[parameter] = [f'"{name}" is not a valid choice: {choices}.' for name in sorted(unknown)]
            found |= given
        return frozenset(found)

    include_remote_data = False
    try:
        include_remote_data = read_flag(query, "include_remote_data")
    except ValidationError as error:
        errors.update(cast(dict[str, list[str]], error.detail))
    shape = Shape(
        expand=names(serializer.expandable, "expand"),
        enum_origins=names(serializer.enum_origins, "show_enum_origins", "remote_fields"),
        include_remote_data=include_remote_data,
    )
    if errors:
        raise ValidationError(errors)
    return shape


def shape_parameters(serializer: "type[UnifiedModelSerializer]") -> list[OpenApiParameter]:
    parameters = [
        OpenApiParameter(
            "include_remote_data", OpenApiTypes.BOOL, description="Fill `remote_data` with the platform's originals."
        )
    ]
    if serializer.expandable:
        choices = ", ".join(f"`{name}`" for name in serializer.expandable)
        parameters.append(
            OpenApiParameter(
                "expand",
                OpenApiTypes.STR,
                description=f"References to answer with whole objects, comma separated: {choices}.",
            )
        )
    if serializer.enum_origins:
        choices = ", ".join(f"`{name}`" for name in serializer.enum_origins)
        parameters += [
            OpenApiParameter(
                "show_enum_origins",
                OpenApiTypes.STR,
                description=f"Enum fields to show in the platform's words, comma separated: {choices}.",
            ),
            OpenApiParameter(
                "remote_fields", OpenApiTypes.STR, deprecated=True, description="Older name of `show_enum_origins`."
            ),
        ]
    return parameters
