from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from api import pagination, statements, values
from api.filters import UnifiedFilterSet
from api.meta import MetaSerializer, meta
from api.parameters import read_shape
from api.serializers import UnifiedModelSerializer
from api.tenants import Tenant, access
from connectors.creation import Creation

Found = TypeVar("Found")


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
        place = pagination.cursor(request)
        given, shape, size = _read_all(
            lambda: self.filterset_class.read(request.query_params),
            lambda: read_shape(request, self.serializer_class),
            lambda: pagination.page_size(request),
        )

        def fetch(tenant: Tenant) -> statements.Page | None:
            wanted = statements.Wanted(self.serializer_class, self.filterset_class, tenant, shape, given, place, size)
            page = statements.fetch_page(wanted)
            return page if page.results else None

        page = _with_access(request, fetch) or statements.Page([], [])
        body = pagination.envelope(page.results, page.anchors, more_before=page.more_before, more_after=page.more_after)
        return Response(body)

    def retrieve(self, request: Request, pk: str) -> Response:
        (shape,) = _read_all(lambda: read_shape(request, self.serializer_class))
        id = values.uuid(pk)

        def fetch(tenant: Tenant) -> Any:
            return id and statements.fetch_one(self.serializer_class, tenant=tenant, shape=shape, id=id)

        record = _with_access(request, fetch)
        if record is None:
            raise NotFound
        return Response(record)


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


def _with_access(request: Request, fetch: Callable[[Tenant], Found | None]) -> Found | None:
    """Return what the caller may see; None if there is nothing. Raises AuthenticationFailed if he may see nothing."""
    found = fetch(access(request).tenant)
    if found is None and (renewed := access(request).renew()):
        request.auth = renewed
        found = fetch(renewed.tenant)
    return found


def _read_all(*readers: Callable[[], Any]) -> list[Any]:
    """Return what each reader returns, or raise one ValidationError with the errors of all."""
    results: list[Any] = []
    errors: dict[str, Any] = {}
    for read in readers:
        try:
            results.append(read())
        except ValidationError as error:
            errors.update(cast(dict[str, Any], error.detail))
    if errors:
        raise ValidationError(errors)
    return results
