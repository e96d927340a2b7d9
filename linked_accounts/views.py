from typing import cast

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from api.pagination import CreatedAtCursorPagination
from api.schema import read_responses, write_responses
from api.tenants import access
from api.viewsets import RateLimitHeaders
from linked_accounts import audit, scopes
from linked_accounts.authentication import ApiKeyAuthentication, KeyHolder
from linked_accounts.deletion import delete_account
from linked_accounts.filters import AuditEventFilterSet, LinkedAccountFilterSet
from linked_accounts.models import AccountType, ApiKey, AuditEvent, LinkedAccount, Organization, WebhookReceiver
from linked_accounts.serializers import (
    AccountDetailsSerializer,
    AccountTokenSerializer,
    AuditEventSerializer,
    AvailableActionsSerializer,
    ConditionsSerializer,
    KeyNameSerializer,
    KeySerializer,
    LinkedAccountSerializer,
    ScopesSerializer,
    WebhookReceiverSerializer,
    shown_scopes,
    stored_scopes,
)
from linked_accounts.services import replace_key


class LinkedAccountViewSet(ListModelMixin, GenericViewSet[LinkedAccount]):
    """The organization's linked accounts, of the kind that the API key sees."""

    authentication_classes = [ApiKeyAuthentication]
    queryset = LinkedAccount.objects.present().defer("credentials")
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


class RegenerateTokenViewSet(RateLimitHeaders, ViewSet):
    """The linked account's token, made anew."""

    serializer_class = AccountTokenSerializer

    @extend_schema(summary="Replace the account token", request=None, responses=write_responses(AccountTokenSerializer))
    def create(self, request: Request) -> Response:
        """Give the linked account another token. The old one stops working at once."""
        with transaction.atomic():
            account = access(request).verify(for_update=True)
            token = account.renew_token()
            audit.record(
                account.organization_id,
                "REGENERATED_LINKED_ACCOUNT_TOKEN",
                f"Linked account {account.id}.",
                request=request,
            )
        return Response({"linked_account_id": account.id, "account_token": token})


class DeleteAccountViewSet(RateLimitHeaders, ViewSet):
    """The linked account's end."""

    @extend_schema(
        summary="Delete the linked account",
        request=None,
        responses=write_responses(OpenApiResponse(description="It is gone.")),
    )
    def create(self, request: Request) -> Response:
        """Remove the linked account: its token works no more, its credentials are gone, and so is its data.

        The data of large accounts goes in the minutes after.
        """
        delete_account(access(request).verify(), request=request)
        return Response()


class GenerateKeyViewSet(ViewSet):
    """The organization's API keys."""

    authentication_classes = [ApiKeyAuthentication]
    serializer_class = KeySerializer

    @extend_schema(
        summary="Make an API key",
        request=KeyNameSerializer,
        responses=write_responses(KeySerializer, has_account=False),
    )
    def create(self, request: Request) -> Response:
        """Make another API key of the caller's kind, test or production. It is shown only now."""
        holder, name = cast(KeyHolder, request.auth), _name(request)
        try:
            with transaction.atomic():
                organization = Organization.objects.get(id=holder.organization_id)
                is_test = holder.account_type == AccountType.TEST
                _, secret = ApiKey.objects.issue(organization=organization, name=name, is_test=is_test)
                kind = "TEST" if is_test else "REMOTE_PRODUCTION"
                audit.record(organization.id, f"CREATED_{kind}_API_KEY", f"Key {name}.", request=request)
        except IntegrityError:
            raise ValidationError({"name": ["There is a key of this name already."]}) from None
        return Response({"name": name, "key": secret})


class RegenerateKeyViewSet(ViewSet):
    """The organization's API keys."""

    authentication_classes = [ApiKeyAuthentication]
    serializer_class = KeySerializer

    @extend_schema(
        summary="Replace an API key",
        request=KeyNameSerializer,
        responses=write_responses(KeySerializer, has_account=False),
    )
    def create(self, request: Request) -> Response:
        """Replace the key of this name, of the caller's kind. The old one stops working at once."""
        holder, name = cast(KeyHolder, request.auth), _name(request)
        with transaction.atomic():
            organization = Organization.objects.get(id=holder.organization_id)
            try:
                secret = replace_key(organization=organization, name=name, account_type=holder.account_type)
            except ApiKey.DoesNotExist:
                raise NotFound from None
            audit.record(organization.id, f"REGENERATED_{holder.account_type}_API_KEY", f"Key {name}.", request=request)
        return Response({"name": name, "key": secret})


class NewestFirst(CreatedAtCursorPagination):
    newest_first = True


class AuditTrailViewSet(ListModelMixin, GenericViewSet[AuditEvent]):
    """What was done to the organization's keys, accounts and settings, newest first."""

    authentication_classes = [ApiKeyAuthentication]
    queryset = AuditEvent.objects.all()
    serializer_class = AuditEventSerializer
    filterset_class = AuditEventFilterSet
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[AuditEvent]:
        holder = self.request.auth
        if not isinstance(holder, KeyHolder):  # the OpenAPI document is being made
            return super().get_queryset().none()
        return super().get_queryset().filter(organization=holder.organization_id)


class WebhookReceiverViewSet(RateLimitHeaders, ViewSet):
    """The platform's own webhooks for the linked account, which it sends to the account's `webhook_listener_url`."""

    serializer_class = WebhookReceiverSerializer

    @extend_schema(responses=read_responses(WebhookReceiverSerializer(many=True)))
    def list(self, request: Request) -> Response:
        receivers = WebhookReceiver.objects.filter(linked_account=access(request).verify()).order_by("event")
        return Response(WebhookReceiverSerializer(receivers, many=True).data)

    @extend_schema(
        summary="Switch a webhook of the platform on or off",
        responses=write_responses(WebhookReceiverSerializer, status=201),
    )
    def create(self, request: Request) -> Response:
        """Take the platform's webhooks for one event, signed with `key` if there is one; the same event again: changed.

        Where webhooks have to be set up by hand at the platform, `docs/platforms.md` says how. They go to the account's
        `webhook_listener_url`, which this fills if the platform sends any. Where all receivers of an account are
        inactive, what the platform sends is ignored.
        """
        access(request).verify()
        serializer = WebhookReceiverSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        with transaction.atomic():
            account = access(request).verify(for_update=True)
            receiver, _ = WebhookReceiver.objects.update_or_create(
                linked_account=account,
                event=given["event"],
                defaults={"is_active": given["is_active"], "key": given.get("key")},
            )
            if account.connector_class.webhooks is not None:
                base_url = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
                account.webhook_listener_url = base_url + account.webhook_path()
                account.save(update_fields=["webhook_listener_url"])
        return Response(WebhookReceiverSerializer(receiver).data, status=201)


class SelectiveSyncConditionsViewSet(RateLimitHeaders, ViewSet):
    """Conditions that narrow what is synchronised: there are none yet."""

    serializer_class = ConditionsSerializer

    @extend_schema(responses=read_responses(ConditionsSerializer))
    def list(self, request: Request) -> Response:
        access(request).verify()
        return Response({"results": []})


def _name(request: Request) -> str:
    serializer = KeyNameSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    name: str = serializer.validated_data["name"]
    return name
