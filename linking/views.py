from datetime import timedelta
from typing import cast

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from api.schema import write_responses
from linked_accounts import audit
from linked_accounts.authentication import ApiKeyAuthentication, KeyHolder
from linked_accounts.serializers import IntegrationSerializer
from linking.serializers import AccountTokenSerializer, LinkTokenRequestSerializer, LinkTokenSerializer
from linking.services import issue_link_token, known_account, redeem_public_token


class LinkTokenViewSet(ViewSet):
    """Tokens that let customers link an account themselves."""

    authentication_classes = [ApiKeyAuthentication]
    serializer_class = LinkTokenSerializer

    @extend_schema(
        summary="Make a link token",
        request=LinkTokenRequestSerializer,
        responses=write_responses(LinkTokenSerializer, has_account=False),
        tags=["link-token"],
    )
    def create(self, request: Request) -> Response:
        """Let a customer link an account, once, on the page at `magic_link_url` or with `interloop-link.js`.

        For a customer who has an account already, that one is linked anew, and keeps its id and token.
        """
        holder = cast(KeyHolder, request.auth)
        serializer = LinkTokenRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        is_magic = bool(given["should_create_magic_link_url"])
        with transaction.atomic():
            token, text = issue_link_token(
                organization_id=holder.organization_id,
                account_type=holder.account_type,
                platform=given.get("integration"),
                end_user_origin_id=given["end_user_origin_id"],
                end_user_organization_name=given["end_user_organization_name"],
                end_user_email_address=given["end_user_email_address"],
                scopes=given["scopes"],
                are_syncs_disabled=given["are_syncs_disabled"],
                language=given.get("language") or "en",
                expires_at=timezone.now() + timedelta(minutes=given["link_expiry_mins"]),
            )
            account = known_account(token)
            if account and token.platform not in (None, account.platform):
                detail = f"This customer has an account of {account.integration_name}: delete it first."
                raise ValidationError({"integration": [detail]})
            if is_magic:
                description = f"For {token.end_user_organization_name}."
                audit.record(holder.organization_id, "GENERATED_MAGIC_LINK", description, request=request)
        path = reverse("link", args=[text])
        base_url = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
        return Response(
            {
                "link_token": text,
                "integration_name": account and account.integration_name,
                "magic_link_url": f"{base_url}{path}" if is_magic else None,
            }
        )


class AccountTokenViewSet(ViewSet):
    """What a product's server gets for the public token that its page was told."""

    authentication_classes = [ApiKeyAuthentication]
    serializer_class = AccountTokenSerializer
    lookup_value_regex = "[^/]+"

    @extend_schema(summary="Exchange a public token for the account's", tags=["account-token"])
    def retrieve(self, request: Request, pk: str) -> Response:
        """Answer with the account token for a public token, which works once, for ten minutes."""
        holder = cast(KeyHolder, request.auth)
        with transaction.atomic():
            account = redeem_public_token(pk, organization_id=holder.organization_id, account_type=holder.account_type)
            if account is None:
                raise NotFound
            description = f"The token of linked account {account.id} at {account.integration_name}."
            audit.record(holder.organization_id, "END_USER_CREDENTIALS_ACCESSED", description, request=request)
        return Response(
            {
                "account_token": account.account_token(),
                "integration": IntegrationSerializer(account.connector_class).data,
                "id": account.id,
            }
        )
