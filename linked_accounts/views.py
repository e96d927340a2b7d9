from django.db.models import QuerySet
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from api.tenants import access
from api.viewsets import RateLimitHeaders
from linked_accounts.authentication import ApiKeyAuthentication, KeyHolder
from linked_accounts.filters import LinkedAccountFilterSet
from linked_accounts.models import LinkedAccount
from linked_accounts.serializers import (
    AccountDetailsSerializer,
    AvailableActionsSerializer,
    LinkedAccountSerializer,
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
