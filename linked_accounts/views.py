from typing import cast

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from api.schema import write_responses
from api.tenants import access
from api.viewsets import RateLimitHeaders
from linked_accounts import audit, scopes
from linked_accounts.authentication import ApiKeyAuthentication, KeyHolder
from linked_accounts.filters import LinkedAccountFilterSet
from linked_accounts.models import LinkedAccount, Organization
from linked_accounts.serializers import (
    AccountDetailsSerializer,
    AvailableActionsSerializer,
    LinkedAccountSerializer,
    ScopesSerializer,
    shown_scopes,
    stored_scopes,
)


class LinkedAccountViewSet(ListModelMixin, GenericViewSet[LinkedAccount]):
    """The organization's linked accounts, of the kind that the API key sees."""

    authentication_classes = [ApiKeyAuthentication]
    queryset = LinkedAccount.objects.all()
    serializer_class = LinkedAccountSerializer
    filterset_class = LinkedAccountFilterSet

    def get_queryset(self) -> QuerySet[LinkedAccount]:
        holder = self.request.auth
        if not isinstance(holder, KeyHolder):  # the OpenAPI document is being made
            return super().get_queryset().none()
        return super().get_queryset().filter(organization=holder.organization_id, account_type=holder.account_type)


class AccountDetailsViewSet(RateLimitHeaders, ViewSet):
    """The linked account that the account token names."""

    serializer_class = AccountDetailsSerializer

    def list(self, request: Request) -> Response:
        return Response(AccountDetailsSerializer(access(request).verify()).data)


class AvailableActionsViewSet(RateLimitHeaders, ViewSet):
    """What can be done with the linked account's platform."""

    serializer_class = AvailableActionsSerializer

    def list(self, request: Request) -> Response:
        return Response(AvailableActionsSerializer(access(request).verify().connector_class).data)


class DefaultScopesViewSet(ViewSet):
    """What may be read and written of the organization's accounts, unless an account has scopes of its own."""

    authentication_classes = [ApiKeyAuthentication]
    serializer_class = ScopesSerializer

    def list(self, request: Request) -> Response:
        organization = Organization.objects.get(id=cast(KeyHolder, request.auth).organization_id)
        return Response(shown_scopes(lambda name: scopes.read(organization.default_scopes.get(name, {}))))


class LinkedAccountScopesViewSet(RateLimitHeaders, ViewSet):
    """What may be read and written of the linked account."""

    serializer_class = ScopesSerializer

    def list(self, request: Request) -> Response:
        account = access(request).verify()
        return Response(shown_scopes(lambda name: scopes.permissions(account, name)))

    @extend_schema(summary="Change linked account scopes", responses=write_responses(ScopesSerializer))
    def create(self, request: Request) -> Response:
        """Put scopes in the place of the account's own. What is left out falls back to the default scopes.

        What is hidden is hidden at once; what is shown again comes with the next sync, which reads everything.
        """
        account = access(request).verify()
        serializer = ScopesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            scopes.change_scopes(account, stored_scopes(serializer.validated_data["common_models"]))
            audit.record(
                account.organization_id, "CHANGED_SCOPES", f"Scopes of linked account {account.id}.", request=request
            )
        return self.list(request)
