"""Who calls: an API key names the organization, an account token one of its linked accounts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any, ClassVar
from uuid import UUID

from cachetools import TTLCache, cached
from django.utils.crypto import constant_time_compare
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from api.prepared import fetch_rows
from api.tenants import Hidden, Tenant
from linked_accounts.models import ApiKey, LinkedAccount
from linked_accounts.scopes import hidden
from linked_accounts.secrets import secret_hash


class InvalidKey(AuthenticationFailed):
    default_detail = "Invalid token."


class MissingAccountToken(AuthenticationFailed):
    default_detail = "Account Token must be passed in as an X-Account-Token header."


class InvalidAccountToken(AuthenticationFailed):
    """Unknown, revoked, deleted, another organization's, of the other kind: callers cannot tell which."""

    default_detail = "Invalid account token."


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """An authenticated caller. Answers `is_authenticated` for DRF."""

    organization_id: UUID
    api_key_id: UUID
    account_type: str

    is_authenticated: ClassVar[bool] = True


def find_key(secret: str) -> KeyHolder:
    """Raises InvalidKey."""
    hashed = secret_hash(secret)
    key = ApiKey.objects.filter(secret_hash=hashed, revoked_at__isnull=True).first()
    if key is None or not constant_time_compare(bytes(key.secret_hash), hashed):
        raise InvalidKey
    return KeyHolder(key.organization_id, key.id, key.account_type)


@dataclass(frozen=True)
class AccountAccess:
    """An API key together with the token of one of its organization's linked accounts."""

    holder: KeyHolder
    linked_account_id: UUID
    key_hash: bytes
    token_hash: bytes
    scopes_version: int
    hidden: Hidden

    # Whether key and token are still good, and the scopes still the same, is asked within the statement that reads the
    # rows, so that a remembered access sees nothing from the moment it is revoked or changed.
    guard: ClassVar[str] = (
        "EXISTS (SELECT FROM linked_accounts_linkedaccount a JOIN linked_accounts_apikey k"
        " ON k.organization_id = a.organization_id AND k.account_type = a.account_type"
        " WHERE a.id = %(account)s AND a.token_hash = %(token_hash)s AND a.scopes_version = %(scopes_version)s"
        " AND k.id = %(api_key)s AND k.secret_hash = %(key_hash)s AND k.revoked_at IS NULL)"
    )

    @cached_property
    def tenant(self) -> Tenant:
        return Tenant(
            self.guard,
            {
                "account": str(self.linked_account_id),
                "token_hash": f"\\x{self.token_hash.hex()}",
                "api_key": str(self.holder.api_key_id),
                "key_hash": f"\\x{self.key_hash.hex()}",
                "scopes_version": str(self.scopes_version),
            },
            self.hidden,
        )

    def renew(self) -> "AccountAccess | None":
        """Return the access as it is now if the account's scopes have changed since. Raises as `verify`."""
        if fetch_rows(f"SELECT {self.guard}", self.tenant.parameters)[0][0]:
            return None
        account = self.verify()
        renewed = replace(self, scopes_version=account.scopes_version, hidden=hidden(account))
        with _REMEMBERED_LOCK:
            _REMEMBERED[self.key_hash, self.token_hash] = renewed
        return renewed

    def verify(self, *, for_update: bool = False) -> LinkedAccount:
        """Return the linked account as it is now. Raises AuthenticationFailed if the access was revoked since.

        With `for_update` it stays as it is for everybody else until the transaction ends.
        """
        if not ApiKey.objects.filter(id=self.holder.api_key_id, revoked_at__isnull=True).exists():
            raise InvalidKey
        accounts = LinkedAccount.objects.select_related("organization").defer("credentials")  # no read needs them
        if for_update:
            accounts = accounts.select_for_update(of=("self",), no_key=True)
        account = accounts.filter(id=self.linked_account_id, token_hash=self.token_hash).first()
        if account is None:
            raise InvalidAccountToken
        return account


# Accesses by the hashes of key and token, for a minute: see AccountAccess.guard.
_REMEMBERED: TTLCache[tuple[bytes, bytes], AccountAccess] = TTLCache(maxsize=10_000, ttl=60)
_REMEMBERED_LOCK = Lock()


@cached(_REMEMBERED, key=lambda key, token: (secret_hash(key), secret_hash(token)), lock=_REMEMBERED_LOCK)
def find_access(key: str, token: str) -> AccountAccess:
    """Return what the caller may see, as it was a minute ago or later.

    Raises InvalidKey, then MissingAccountToken or InvalidAccountToken.
    """
    holder = find_key(key)
    if not token:
        raise MissingAccountToken
    hashed = secret_hash(token)
    accounts = LinkedAccount.objects.select_related("organization").defer("credentials")
    account = accounts.filter(
        token_hash=hashed, organization=holder.organization_id, account_type=holder.account_type
    ).first()
    if account is None or not constant_time_compare(bytes(account.token_hash), hashed):
        raise InvalidAccountToken
    return AccountAccess(holder, account.id, secret_hash(key), hashed, account.scopes_version, hidden(account))


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <API key>`. An account token may come along and is not looked at."""

    needs_account_token = False

    def authenticate(self, request: Request) -> tuple[KeyHolder, Any]:
        holder = find_key(bearer(request.META))
        return holder, holder

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class AccountTokenAuthentication(ApiKeyAuthentication):
    """API key and `X-Account-Token`."""

    needs_account_token = True

    def authenticate(self, request: Request) -> tuple[KeyHolder, AccountAccess]:
        access = access_of(request.META)
        return access.holder, access


def access_of(meta: Mapping[str, Any]) -> AccountAccess:
    """Return what the headers of a request give access to. Raises NotAuthenticated, or as `find_access`."""
    return find_access(bearer(meta), meta.get("HTTP_X_ACCOUNT_TOKEN", "").strip())


def bearer(meta: Mapping[str, Any]) -> str:
    """Return the key in the Authorization header. Raises NotAuthenticated."""
    scheme, _, key = meta.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise NotAuthenticated
    return str(key.strip())
