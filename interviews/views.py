from typing import Any
from uuid import uuid4

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api import values
from api.drafts import without_nul
from api.meta import MetaSerializer
from api.parameters import read_flag, read_shape
from api.problems import Problem, Problems, envelope
from api.schema import write_responses
from api.tenants import access
from api.viewsets import CreatableViewSet, RateLimitHeaders
from interviews import services
from interviews.filters import ScheduledInterviewFilterSet
from interviews.jobs import queue_creation
from interviews.models import AsyncPost, ScheduledInterview
from interviews.serializers import (
    AsyncTaskSerializer,
    InterviewCancellationSerializer,
    InterviewRequestSerializer,
    InterviewResponseSerializer,
    ScheduledInterviewSerializer,
)
from linked_accounts.models import LinkedAccount
from linked_accounts.scopes import hidden

DEBUG_MODE = OpenApiParameter(
    "is_debug_mode", OpenApiTypes.BOOL, description="Tell in `logs` which calls were made to the platform."
)
RUN_ASYNC = OpenApiParameter(
    "run_async",
    OpenApiTypes.BOOL,
    description="Answer once the request is found to be right, and leave the rest to a worker: see `/async-tasks`.",
)


class ScheduledInterviewViewSet(CreatableViewSet):
    """Interviews booked for applications."""

    queryset = ScheduledInterview.objects.all()
    serializer_class = ScheduledInterviewSerializer
    filterset_class = ScheduledInterviewFilterSet

    def retrieve(self, request: Request, pk: str) -> Response:
        try:
            return super().retrieve(request, pk)
        except NotFound:
            interview = _find_unwritten(request, pk)
            if interview is None:
                raise
            shape = read_shape(request.query_params, ScheduledInterviewSerializer)
            # Of the account as it was found just now: the access may be remembered from before.
            context = {"shape": shape, "hidden": hidden(interview.linked_account)}
            return Response(ScheduledInterviewSerializer(interview, context=context).data)

    @extend_schema(
        summary="Create an interview at the platform",
        request=InterviewRequestSerializer,
        responses=write_responses(InterviewResponseSerializer, status=201),
        parameters=[DEBUG_MODE, RUN_ASYNC],
    )
    def create(self, request: Request) -> Response:
        """Create an interview at the linked account's platform: `meta/post` tells what that takes there.

        The interview is in lists at once. An answer of 400 with a `PROVIDER_ERROR` can mean that the platform did not
        say what became of it: the next sync shows.
        """
        account, body = access(request).verify(), without_nul(request.data)
        is_debugged = read_flag(request.query_params, "is_debug_mode")
        is_async = read_flag(request.query_params, "run_async")
        if not is_async:
            outcome = _patiently(services.create_interview, account=account, body=body)
            return _answer(request, account, outcome, status.HTTP_201_CREATED, is_debugged=is_debugged)
        problems, given = services.check_creation(account=account, body=body)
        logs: list[Any] | None = [] if is_debugged else None
        if problems.errors:
            return Response(envelope(None, problems, logs), status.HTTP_400_BAD_REQUEST)
        async_post = queue_creation(account=account, body=body)
        interview = services.unsaved(account, given, id=async_post.interview_id, remote_id=None)
        answer = {**envelope(services.show(interview), problems, logs), "task_id": async_post.id}
        return Response(answer, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change an interview at the platform",
        request=InterviewRequestSerializer,
        responses=write_responses(InterviewResponseSerializer, has_id=True),
        parameters=[DEBUG_MODE],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change what is given of an interview, where the platform lets others do so: `meta/patch` tells.

        An addition to Merge's API.
        """
        account, interview = _find(request, pk)
        is_debugged = read_flag(request.query_params, "is_debug_mode")
        if gone := _gone(interview):
            return Response(gone, status.HTTP_400_BAD_REQUEST)
        body = without_nul(request.data)
        outcome = _patiently(services.update_interview, account=account, interview=interview, body=body)
        return _answer(request, account, outcome, status.HTTP_200_OK, is_debugged=is_debugged)

    @extend_schema(
        summary="Cancel an interview at the platform",
        request=InterviewCancellationSerializer,
        responses=write_responses(InterviewResponseSerializer, has_id=True),
        parameters=[DEBUG_MODE],
    )
    @action(detail=True, methods=["post"], filter_backends=[], pagination_class=None)
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel an interview, where the platform lets others do so. An addition to Merge's API.

        Platforms either keep it, as cancelled, or delete it: `remote_was_deleted` is then true.
        """
        account, interview = _find(request, pk)
        is_debugged = read_flag(request.query_params, "is_debug_mode")
        if gone := _gone(interview):
            return Response(gone, status.HTTP_400_BAD_REQUEST)
        body = without_nul(request.data)
        outcome = _patiently(services.cancel_interview, account=account, interview=interview, body=body)
        return _answer(request, account, outcome, status.HTTP_200_OK, is_debugged=is_debugged)

    @extend_schema(summary="Describe what changing interviews takes")
    @action(detail=False, url_path="meta/patch", serializer_class=MetaSerializer, pagination_class=None)
    def meta_patch(self, request: Request) -> Response:
        """What changing an interview takes at the linked account's platform. An addition to Merge's API."""
        account = access(request).verify()
        return self.answer_meta(account, account.connector_class.updates, services.can_update(account))

    def can_create(self, account: LinkedAccount) -> bool:
        return services.can_create(account)


class AsyncTaskViewSet(RateLimitHeaders, GenericViewSet[AsyncPost]):
    """What became of an interview that was created with `run_async`."""

    queryset = AsyncPost.objects.all()
    serializer_class = AsyncTaskSerializer
    filter_backends = []
    lookup_value_regex = "[^/]+"

    def retrieve(self, request: Request, pk: str) -> Response:
        account = access(request).verify()
        id = values.uuid(pk)
        async_post = id and AsyncPost.objects.filter(linked_account=account, id=id).first()
        if not async_post:
            raise NotFound
        return Response({"status": async_post.status, "result": async_post.result})


def _find(request: Request, pk: str) -> tuple[LinkedAccount, ScheduledInterview]:
    account: LinkedAccount = access(request).verify()
    id = values.uuid(pk)
    found = id and ScheduledInterview.objects.for_account(account).select_related("stored_remote_data").filter(id=id)
    interview = found.first() if found else None
    # The answer shows all of it, so that who may not read has nothing to change.
    if interview is None or not services.can_read(account):
        raise NotFound
    return account, interview


def _find_unwritten(request: Request, pk: str) -> ScheduledInterview | None:
    """Return an interview that a worker has yet to create."""
    account: LinkedAccount = access(request).verify()
    id = values.uuid(pk)
    async_post = AsyncPost.objects.filter(linked_account=account, interview_id=id).first() if id else None
    if async_post is None or not async_post.is_open or not services.can_read(account):
        return None
    _, given = services.check_creation(account=account, body=async_post.body)
    return services.unsaved(account, given, id=async_post.interview_id, remote_id=None)


def _gone(interview: ScheduledInterview) -> dict[str, Any] | None:
    if not interview.remote_was_deleted:
        return None
    return envelope(None, Problems(errors=[Problem(problem_type="ERROR", detail="The platform has deleted it.")]))


def _patiently(write: Any, **what: Any) -> services.Outcome:
    """Write, and say as our own limit does where the platform asks us to wait."""
    try:
        outcome: services.Outcome = write(**what)
    except services.TooManyRequests as error:
        raise Throttled(wait=error.wait_seconds) from error
    return outcome


def _answer(
    request: Request, account: LinkedAccount, outcome: services.Outcome, good: int, *, is_debugged: bool
) -> Response:
    shown = services.show(outcome.interview) if outcome.interview else None
    page = request.build_absolute_uri(reverse("admin:linked_accounts_linkedaccount_change", args=[account.id]))
    logs = [
        {
            "log_id": uuid4(),
            "dashboard_view": page,
            "log_summary": {"url": call.url, "method": call.method, "status_code": call.status or 0},
        }
        for call in outcome.exchanges
    ]
    body = envelope(shown, outcome.problems, logs if is_debugged else None)
    return Response(body, good if outcome.is_good else status.HTTP_400_BAD_REQUEST)
