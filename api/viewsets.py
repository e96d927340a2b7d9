from collections.abc import Mapping
from typing import Any

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from api.filters import UnifiedFilterSet
from api.meta import MetaSerializer, meta
from api.reading import read_page, read_record
from api.serializers import UnifiedModelSerializer
from api.tenants import access
from connectors.creation import Creation


class RateLimitHeaders(APIView):
    """Tells in every answer what the throttle has noted on the request."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        for name, value in getattr(request, "rate_limit_headers", {}).items():
            response[name] = value
        return super().finalize_response(request, response, *args, **kwargs)


class UnifiedViewSet(RateLimitHeaders, GenericViewSet[Any]):
    """Lists and retrieves a unified model for the caller's linked account, each by one SQL statement.

    What a caller may see is said by `request.auth`, an `api.tenants.Access`.
    """

    serializer_class: type[UnifiedModelSerializer]
    filterset_class: type[UnifiedFilterSet]
    lookup_value_regex = "[^/]+"

    def list(self, request: Request) -> Response:
        body, request.auth = read_page(
            self.serializer_class, self.filterset_class, access(request), request.META["QUERY_STRING"]
        )
        return Response(body)

    def retrieve(self, request: Request, pk: str) -> Response:
        body, request.auth = read_record(self.serializer_class, access(request), pk, request.META["QUERY_STRING"])
        return Response(body)


class CreatableViewSet(UnifiedViewSet):
    """A model that some platform creates records of. `request.auth.verify()` hands back the linked account."""

    @action(detail=False, url_path="meta/post", serializer_class=MetaSerializer, pagination_class=None)
    def meta_post(self, request: Request) -> Response:
        """What creating a record takes at the linked account's platform."""
        account = access(request).verify()
        return self.answer_meta(account, account.connector_class.creations, self.can_create(account))

    def answer_meta(self, account: Any, creations: Mapping[str, Creation], can_make_request: bool) -> Response:
        serializer = type(self).serializer_class
        model: Any = serializer.Meta.model
        creation = creations.get(model.__name__)
        return Response(meta(serializer, creation, account_status=account.status, can_make_request=can_make_request))

    def can_create(self, account: Any) -> bool:
        """Whether a POST has a chance."""
        return False
