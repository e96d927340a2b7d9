"""What Merge's API has and no platform here does: lists are empty, records not found, writes refused.

So that no call of an SDK falls on its face. The OpenAPI document leaves these out.
"""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from api.pagination import one_page
from api.problems import Problem, Problems, envelope
from api.tenants import access
from api.viewsets import RateLimitHeaders


def refusal(account: Any) -> Response:
    """Answer to a write that no platform takes."""
    detail = f"{account.integration_name} does not take this here."
    problem = Problem(problem_type="ERROR", title="Unsupported Operation", detail=detail)
    return Response(envelope(None, Problems(errors=[problem])), status.HTTP_400_BAD_REQUEST)


def empty_meta(account: Any) -> Response:
    empty = {"type": "object", "required": [], "properties": {}}
    return Response(
        {
            "request_schema": {"type": "object", "required": ["model"], "properties": {"model": empty}},
            "remote_field_classes": {},
            "status": {"linked_account_status": account.status, "can_make_request": False},
            "has_conditional_params": False,
            "has_required_linked_account_params": False,
        }
    )


class RefusesToCreate(APIView):
    """A model that nobody creates records of."""

    @extend_schema(exclude=True)
    def create(self, request: Request) -> Response:
        return refusal(access(request).verify())


class RefusesToWrite(RefusesToCreate):
    """A model that nobody writes at all."""

    @extend_schema(exclude=True)
    def partial_update(self, request: Request, pk: str) -> Response:
        return refusal(access(request).verify())

    @extend_schema(exclude=True)
    @action(detail=False, url_path="meta/post")
    def meta_post(self, request: Request) -> Response:
        return empty_meta(access(request).verify())

    @extend_schema(exclude=True)
    @action(detail=False, url_path="meta/patch/(?P<id>[^/]+)")
    def meta_patch(self, request: Request, id: str) -> Response:
        return empty_meta(access(request).verify())

    @extend_schema(exclude=True)
    @action(detail=False, methods=["post"], url_path="ignore/(?P<id>[^/]+)")
    def ignore(self, request: Request, id: str) -> Response:
        return refusal(access(request).verify())


class AbsentViewSet(RefusesToWrite, RateLimitHeaders, ViewSet):
    """A model of Merge's that no platform here fills."""

    schema = None
    lookup_value_regex = "[^/]+"

    def list(self, request: Request) -> Response:
        access(request).verify()
        return Response(one_page([], request))

    def retrieve(self, request: Request, pk: str) -> Response:
        access(request).verify()
        raise NotFound
