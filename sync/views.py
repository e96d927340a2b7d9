from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api import values
from api.pagination import CreatedAtCursorPagination, one_page
from api.schema import write_responses
from api.tenants import access
from api.viewsets import RateLimitHeaders
from linked_accounts import audit
from linked_accounts.authentication import ApiKeyAuthentication, KeyHolder
from linked_accounts.models import LinkedAccount
from sync.filters import IssueFilterSet
from sync.jobs import is_queued, queue_sync
from sync.models import Issue, ModelSync, Schedule, SyncRun
from sync.serializers import IssueSerializer, SyncStatusSerializer
from sync.state import model_syncs, recover


class CannotSynchronise(APIException):
    status_code = 400


class SyncStatusViewSet(RateLimitHeaders, GenericViewSet[ModelSync]):
    """Where the synchronisation of the linked account stands, model by model, in order of `model_id`."""

    queryset = ModelSync.objects.none()
    serializer_class = SyncStatusSerializer
    filter_backends = []

    def list(self, request: Request) -> Response:
        # There are as many as there are models: one page holds them all, whatever its size.
        return Response(one_page(self._statuses(access(request).verify()), request))

    @extend_schema(
        summary="Start a full sync", request=None, responses=write_responses(SyncStatusSerializer(many=True))
    )
    @action(detail=False, methods=["post"], pagination_class=None)
    def resync(self, request: Request) -> Response:
        """Have everything read anew, as soon as a worker is free. If a sync is running already, it is left to end."""
        recover(access(request).verify())  # a sync whose process was killed would be waited for in vain
        with transaction.atomic():
            account = access(request).verify(for_update=True)
            schedule, _ = Schedule.objects.get_or_create(linked_account=account)
            if schedule.are_syncs_disabled:
                raise CannotSynchronise("Syncs of this account are switched off.")
            if account.status in (LinkedAccount.Status.RELINK_NEEDED, LinkedAccount.Status.INCOMPLETE):
                raise CannotSynchronise(account.status_detail or "The account has to be linked first.")
            audit.record(
                account.organization_id,
                "FORCED_LINKED_ACCOUNT_RESYNC",
                f"Linked account {account.id}.",
                request=request,
            )
            if not SyncRun.objects.filter(linked_account=account, result=None, is_full=True).exists():
                queue_sync(account, full=True)
        return Response(self._statuses(account, is_awaited=True))

    def _statuses(self, account: LinkedAccount, *, is_awaited: bool = False) -> Any:
        found = model_syncs(account)
        if is_awaited or is_queued(account):
            for one in found:
                if one.status != ModelSync.Status.DISABLED:
                    one.status = ModelSync.Status.SYNCING
        schedule = Schedule.objects.filter(linked_account=account, are_syncs_disabled=False).first()
        context = {**self.get_serializer_context(), "next_sync_at": schedule and schedule.next_sync_at}
        return self.serializer_class(found, many=True, context=context).data


class ByFirstIncident(CreatedAtCursorPagination):
    field = "first_incident_time"


class IssueViewSet(ListModelMixin, GenericViewSet[Issue]):
    """Trouble with the organization's linked accounts, of the kind that the API key sees."""

    authentication_classes = [ApiKeyAuthentication]
    queryset = Issue.objects.select_related("linked_account").defer("linked_account__credentials")
    serializer_class = IssueSerializer
    filterset_class = IssueFilterSet
    pagination_class = ByFirstIncident
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> QuerySet[Issue]:
        holder = self.request.auth
        if not isinstance(holder, KeyHolder):  # the OpenAPI document is being made
            return super().get_queryset().none()
        accounts = LinkedAccount.objects.present().filter(
            organization=holder.organization_id, account_type=holder.account_type
        )
        return super().get_queryset().filter(linked_account__in=accounts)

    def retrieve(self, request: Request, pk: str) -> Response:
        id = values.uuid(pk)
        issue = self.get_queryset().filter(id=id).first() if id else None
        if issue is None:
            raise NotFound
        return Response(IssueSerializer(issue).data)
