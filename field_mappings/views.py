from collections.abc import Iterable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from api import values
from api.parameters import read_flag
from api.problems import Problems, envelope
from api.schema import read_responses, write_responses
from api.tenants import access
from api.viewsets import RateLimitHeaders
from field_mappings.models import MODELS, FieldMapping, TargetField
from field_mappings.remote_fields import remote_fields
from field_mappings.serializers import (
    FieldMappingRequestSerializer,
    FieldMappingResponseSerializer,
    FieldMappingsSerializer,
    PlaceSerializer,
    RemoteFieldsSerializer,
    TargetFieldsSerializer,
)
from field_mappings.services import change_mapping, create_mapping, delete_mapping
from field_mappings.values import mappings_of, template
from linked_accounts.models import LinkedAccount

# Merge's other models, of which nothing can be mapped here.
ABSENT = (
    *("Activity", "Attachment", "Candidate", "Department", "EEOC", "Job", "JobPosting", "Offer", "Office"),
    *("RejectReason", "Scorecard", "Tag"),
)
EXCLUDE = OpenApiParameter(
    "exclude_remote_field_metadata",
    OpenApiTypes.BOOL,
    description="Leave `remote_key_name` and `schema` null, which take a look at the originals.",
)


class FieldMappingViewSet(RateLimitHeaders, ViewSet):
    """Where the values of target fields stand in the platform's originals."""

    serializer_class = FieldMappingsSerializer
    lookup_value_regex = "[^/]+"

    @extend_schema(responses=read_responses(FieldMappingsSerializer, has_parameters=True), parameters=[EXCLUDE])
    def list(self, request: Request) -> Response:
        account = access(request).verify()
        return Response({name: [] for name in ABSENT} | _by_model(_shown(request, account, mappings_of(account.id))))

    @extend_schema(
        summary="Map a target field",
        request=FieldMappingRequestSerializer,
        responses=write_responses(FieldMappingResponseSerializer, status=201),
        parameters=[EXCLUDE],
    )
    def create(self, request: Request) -> Response:
        """Map a target field of the organization, or one of the account's own.

        The values are there after the next sync, which reads everything.
        """
        account = access(request).verify()
        mapping = create_mapping(account, request=request, **_validated(FieldMappingRequestSerializer, request))
        return _answer(request, account, mapping, 201)

    @extend_schema(
        summary="Change a mapping",
        request=PlaceSerializer,
        responses=write_responses(FieldMappingResponseSerializer, has_id=True),
        parameters=[EXCLUDE],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Have a mapping of the account lead elsewhere, from the next sync on."""
        account, mapping = _find(request, pk)
        change_mapping(mapping, request=request, **_validated(PlaceSerializer, request))
        return _answer(request, account, mapping)

    @extend_schema(summary="Delete a mapping", responses=write_responses(FieldMappingResponseSerializer, has_id=True))
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove a mapping of the account. Its values are gone after the next sync. Answers with what was removed."""
        account, mapping = _find(request, pk)
        answer = _answer(request, account, mapping)
        delete_mapping(mapping, request=request)
        return answer


class RemoteFieldViewSet(RateLimitHeaders, ViewSet):
    """The fields that the platform's originals hold, as far as the latest ones show."""

    serializer_class = RemoteFieldsSerializer

    @extend_schema(
        responses=read_responses(RemoteFieldsSerializer, has_parameters=True),
        parameters=[
            OpenApiParameter("common_models", OpenApiTypes.STR, description="Names of models, comma separated."),
            OpenApiParameter("include_example_values", OpenApiTypes.BOOL, description="Show some of the values."),
        ],
    )
    def list(self, request: Request) -> Response:
        account = access(request).verify()
        with_examples = read_flag(request.query_params, "include_example_values")
        names = [name for name in request.query_params.get("common_models", "").split(",") if name]
        unknown = [name for name in names if name not in (*MODELS, *ABSENT)]
        if unknown:
            raise ValidationError({"common_models": [f'"{name}" is no model.' for name in unknown]})
        names = names or [*ABSENT, *MODELS]
        empty: dict[str, Any] = {name: [] for name in names}
        wanted = [name for name in MODELS if name in names]
        return Response(empty | remote_fields(account, wanted, with_examples=with_examples))


class TargetFieldViewSet(RateLimitHeaders, ViewSet):
    """The organization's target fields."""

    serializer_class = TargetFieldsSerializer

    @extend_schema(responses=read_responses(TargetFieldsSerializer))
    def list(self, request: Request) -> Response:
        account = access(request).verify()
        mapped = {mapping.target_field_id for mapping in mappings_of(account.id)}
        targets = TargetField.objects.filter(organization=account.organization_id, linked_account=None)
        shown = (
            (
                target.common_model,
                {
                    "name": target.name,
                    "description": target.description,
                    "is_mapped": "true" if target.id in mapped else "false",
                },
            )
            for target in targets.order_by("name")
        )
        return Response({name: [] for name in ABSENT} | _by_model(shown))


def _find(request: Request, pk: str) -> tuple[LinkedAccount, FieldMapping]:
    """Return a mapping of the account's own: those of all accounts are the operator's."""
    account = access(request).verify()
    id = values.uuid(pk)
    own = FieldMapping.objects.select_related("target_field").filter(linked_account=account)
    mapping = own.filter(id=id).first() if id else None
    if mapping is None:
        raise NotFound
    return account, mapping


def _validated(serializer_class: Any, request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _answer(request: Request, account: LinkedAccount, mapping: FieldMapping, status: int = 200) -> Response:
    ((_, shown),) = _shown(request, account, [mapping])
    return Response(envelope(shown, Problems()), status)


def _shown(
    request: Request, account: LinkedAccount, mappings: Iterable[FieldMapping]
) -> Iterable[tuple[str, dict[str, Any]]]:
    mappings = list(mappings)
    is_brief = read_flag(request.query_params, "exclude_remote_field_metadata")
    models = {mapping.target_field.common_model for mapping in mappings}
    known = {} if is_brief else _schemas(account, models)
    for mapping in mappings:
        target = mapping.target_field
        place = (target.common_model, template(mapping.url_path), tuple(map(str, mapping.traversal_path)))
        yield (
            target.common_model,
            {
                "id": mapping.id,
                "is_integration_wide": mapping.is_integration_wide,
                "target_field": {
                    "name": target.name,
                    "description": target.description,
                    "is_organization_wide": target.is_organization_wide,
                },
                "remote_field": {
                    "remote_key_name": None if is_brief else str(mapping.traversal_path[-1]),
                    "schema": None if is_brief else known.get(place, {"type": "string"}),
                    "remote_endpoint_info": {
                        "method": mapping.method,
                        "url_path": mapping.url_path,
                        "field_traversal_path": mapping.traversal_path,
                    },
                },
                "jmes_path": mapping.jmes_path,
            },
        )


def _schemas(account: LinkedAccount, models: Iterable[str]) -> dict[Any, Any]:
    return {
        (
            model_name,
            template(one["remote_endpoint_info"]["url_path"]),
            tuple(one["remote_endpoint_info"]["field_traversal_path"]),
        ): one["schema"]
        for model_name, fields in remote_fields(account, models).items()
        for one in fields
    }


def _by_model(shown: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {name: [] for name in MODELS}
    for model_name, one in shown:
        found[model_name].append(one)
    return found
