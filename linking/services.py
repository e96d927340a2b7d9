"""Links accounts by what customers enter themselves: tried out at the platform before anything is stored."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connectors import registry
from connectors.addresses import PrivateAddress, public_address
from connectors.base import Connector, Credential
from connectors.errors import BadCredentials, ConnectorError, MissingPermission, RateLimited, UnsupportedOperation
from linked_accounts.models import AccountType, LinkedAccount
from linked_accounts.secrets import secret_hash
from linked_accounts.services import link_account
from linking.models import LinkToken, PublicToken

MAX_TRIES = 20
CHECK_SECONDS = 20.0
PUBLIC_TOKEN_LASTS = timedelta(minutes=10)


class LinkEndedError(Exception):
    """`reason` is one of "unknown", "expired", "used" and "tries"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why credentials were not taken. `reason` and `base_url` are names in linking.texts, the rest is for people."""

    reason: str
    detail: str | None = None
    credentials: Mapping[str, str] = field(default_factory=dict)  # what is wrong, by name
    base_url: str | None = None


def issue_link_token(**values: Any) -> tuple[LinkToken, str]:
    """Return a new link token and its text, which is known only now."""
    text = secrets.token_urlsafe(32)
    return LinkToken.objects.create(token_hash=secret_hash(text), **values), text


def find_link_token(text: str) -> LinkToken:
    """Raises LinkEndedError."""
    token = LinkToken.objects.select_related("organization").filter(token_hash=secret_hash(text)).first()
    if token is None:
        raise LinkEndedError("unknown")
    if token.used_at:
        raise LinkEndedError("used")
    if token.expires_at <= timezone.now():
        raise LinkEndedError("expired")
    return token


def asked_credentials(connector_class: type[Connector]) -> list[Credential]:
    """Return what customers are asked for."""
    return [credential for credential in connector_class.credentials if not credential.operators_only]


def known_account(token: LinkToken) -> LinkedAccount | None:
    """Return the account that the token links anew, if there is one."""
    accounts = LinkedAccount.objects.present().filter(
        organization=token.organization_id,
        account_type=token.account_type,
        end_user_origin_id=token.end_user_origin_id,
    )
    return accounts.first()


def link(
    token: LinkToken, *, platform: str, credentials: Mapping[str, str], base_url: str | None
) -> tuple[LinkedAccount, str] | Refusal:
    """Try credentials out and link the account with them. Returns it with a public token, or what is wrong.

    Raises LinkEndedError where the token is used up, also by somebody else meanwhile.
    """
    connector_class = registry.connector_class(platform)
    if LinkToken.objects.filter(id=token.id, tries__lt=MAX_TRIES).update(tries=F("tries") + 1) == 0:
        raise LinkEndedError("tries")
    asked = [credential.name for credential in asked_credentials(connector_class)]
    given = {name: credentials[name] for name in asked if credentials.get(name)}
    refusal = _refusal(connector_class, given, base_url)
    if refusal:
        return refusal
    with transaction.atomic():
        # The organization is locked along with it, as two tokens can be for the same customer. Its new rows need not
        # wait for that.
        token = LinkToken.objects.select_for_update(no_key=True).select_related("organization").get(id=token.id)
        if token.used_at:
            raise LinkEndedError("used")
        try:
            account, _ = link_account(
                organization=token.organization,
                platform=platform,
                end_user_origin_id=token.end_user_origin_id,
                end_user_organization_name=token.end_user_organization_name,
                end_user_email_address=token.end_user_email_address,
                credentials=given,
                base_url=base_url,
                is_test=token.account_type == AccountType.TEST,
                are_syncs_disabled=token.are_syncs_disabled,
                scopes=token.scopes,
            )
        except ValidationError as error:
            return Refusal(reason="invalid", detail=" ".join(error.messages))
        token.used_at = timezone.now()
        token.save(update_fields=["used_at"])
        return account, issue_public_token(account)


def issue_public_token(account: LinkedAccount) -> str:
    text = secrets.token_urlsafe(32)
    expires_at = timezone.now() + PUBLIC_TOKEN_LASTS
    PublicToken.objects.create(token_hash=secret_hash(text), linked_account=account, expires_at=expires_at)
    return text


def redeem_public_token(text: str, *, organization_id: UUID, account_type: str) -> LinkedAccount | None:
    """Return the account that a public token is for, and use the token up. None if it is for none, or no more."""
    with transaction.atomic():
        token = (
            PublicToken.objects.select_for_update()
            .filter(
                token_hash=secret_hash(text),
                expires_at__gt=timezone.now(),
                linked_account__organization=organization_id,
                linked_account__account_type=account_type,
            )
            .first()
        )
        if token is None:
            return None
        account = LinkedAccount.objects.get(id=token.linked_account_id)
        token.delete()
    return account


def forget_old_tokens() -> None:
    PublicToken.objects.filter(expires_at__lt=timezone.now()).delete()
    LinkToken.objects.filter(expires_at__lt=timezone.now() - timedelta(days=30)).delete()


def _refusal(connector_class: type[Connector], given: Mapping[str, str], base_url: str | None) -> Refusal | None:
    problems = connector_class.validate_credentials(given)
    base_url_problem = _base_url_problem(connector_class, base_url) if base_url else None
    if problems or base_url_problem:
        return Refusal(reason="missing", credentials=problems, base_url=base_url_problem)
    try:
        with connector_class(credentials=dict(given), base_url=base_url) as connector:
            connector.session.hurry(CHECK_SECONDS)
            connector.check()
    except UnsupportedOperation:
        return None  # nothing to try them out with
    except BadCredentials as error:
        return Refusal(reason="refused", detail=str(error))
    except MissingPermission as error:
        return Refusal(reason="not_allowed", detail=str(error))
    except RateLimited as error:
        return Refusal(reason="busy", detail=str(error))
    except (ConnectorError, ValueError) as error:
        return Refusal(reason="unreachable", detail=str(error))
    return None


def _base_url_problem(connector_class: type[Connector], base_url: str) -> str | None:
    """Return what is wrong with an address that a customer entered, as a name in linking.texts.

    Only the platform's own hosts are called, where these are known: any other could lead us on to where it likes.
    """
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError:
        return "no_address"
    if parts.scheme not in ("http", "https") or parts.username or parts.password or not parts.hostname:
        return "no_address"
    if settings.ALLOW_PRIVATE_ADDRESSES:
        return None
    if parts.scheme != "https":
        return "not_https"
    if connector_class.own_hosts and not connector_class.is_own_host(parts.hostname):
        return "foreign_address"
    try:
        public_address(parts.hostname, port or 443)
    except PrivateAddress:
        return "private_address"
    return None
