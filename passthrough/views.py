from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from api import values
from api.schema import read_responses, write_responses
from api.tenants import access
from api.viewsets import RateLimitHeaders
from passthrough import services
from passthrough.jobs import queue_passthrough
from passthrough.models import KEPT_FOR, AsyncPassthrough
from passthrough.serializers import PassthroughRequestSerializer, ReceiptSerializer, RemoteResponseSerializer

PENDING = "PENDING"
RESULT = {"oneOf": [{"$ref": "#/components/schemas/RemoteResponse"}, {"type": "string", "enum": [PENDING]}]}


class PassthroughViewSet(RateLimitHeaders, ViewSet):
    """Requests to the platform's own API, with the linked account's credentials."""

    serializer_class = RemoteResponseSerializer

    @extend_schema(
        summary="Pass a request on to the platform",
        request=PassthroughRequestSerializer,
        responses=write_responses(RemoteResponseSerializer),
    )
    def create(self, request: Request) -> Response:
        """Pass a request on and answer with what the platform says: 200, whatever that is.

        408 where it does not answer in time, or 400 for methods that must not be repeated.
        """
        account = access(request).verify()
        return Response(services.pass_through(account, _validated(request)))


class AsyncPassthroughViewSet(RateLimitHeaders, ViewSet):
    """Requests to the platform's own API that a worker makes, for what takes longer."""

    serializer_class = ReceiptSerializer
    lookup_value_regex = "[^/]+"

    @extend_schema(
        summary="Have a request passed on to the platform",
        request=PassthroughRequestSerializer,
        responses=write_responses(ReceiptSerializer),
    )
    def create(self, request: Request) -> Response:
        """Take a request that a worker passes on, and answer with a receipt for its answer."""
        account = access(request).verify()
        services.check(account)
        validated = _validated(request)
        services.check_base_url(account, validated)
        passthrough = queue_passthrough(account, validated)
        return Response({"async_passthrough_receipt_id": passthrough.id})

    @extend_schema(
        summary="Retrieve what a platform answered",
        responses=read_responses(RESULT, has_id=True),
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        """Answer with what the platform said, or with the word PENDING. Kept for 24 hours."""
        account = access(request).verify()
        kept = AsyncPassthrough.objects.filter(linked_account=account, created_at__gt=timezone.now() - KEPT_FOR)
        id = values.uuid(pk)
        passthrough = kept.filter(id=id).first() if id else None
        if passthrough is None:
            raise NotFound
        return Response(passthrough.result if passthrough.is_done else PENDING)


def _validated(request: Request) -> dict[str, Any]:
    serializer = PassthroughRequestSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(json_types(serializer.validated_data))


def json_types(value: Any) -> Any:
    """Return validated data in plain types."""
    if isinstance(value, dict):
        return {name: json_types(one) for name, one in value.items()}
    return [json_types(one) for one in value] if isinstance(value, list) else value
