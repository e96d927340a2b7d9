"""What callers may read and write of an account's data, model by model (wire contract, section 5).

Stored as `{"<model>": {"read": true, "write": true, "disabled_fields": ["…"]}}`, on the organization for all of its
accounts and on an account in place of that. A model that neither names is open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F

from api.serializers import unified_serializers
from api.tenants import NOTHING_HIDDEN, Hidden
from linked_accounts.models import LinkedAccount, Organization
from linked_accounts.signals import account_reshaped

# No field of these can be disabled: nothing could be done with a record without them.
ALWAYS_ENABLED = frozenset({"id", "remote_id", "created_at", "modified_at", "remote_was_deleted"})


@dataclass(frozen=True, slots=True)
class Permissions:
    """What may be done with one model."""

    can_read: bool = True
    can_write: bool = True
    disabled_fields: frozenset[str] = frozenset()


OPEN = Permissions()
Stored = Mapping[str, Mapping[str, Any]]


def permissions(account: LinkedAccount, model_name: str) -> Permissions:
    """Return what may be done with a model of an account, its own scopes coming before the organization's."""
    stored = account.scopes.get(model_name) or account.organization.default_scopes.get(model_name)
    return read(stored) if stored else OPEN


def read(stored: Mapping[str, Any]) -> Permissions:
    return Permissions(
        can_read=stored.get("read", True),
        can_write=stored.get("write", True),
        disabled_fields=frozenset(stored.get("disabled_fields", ())) - ALWAYS_ENABLED,
    )


def hidden(account: LinkedAccount) -> Hidden:
    """Return what callers may not see of an account."""
    named = account.scopes.keys() | account.organization.default_scopes.keys()
    if not named:
        return NOTHING_HIDDEN
    found = {name: permissions(account, name) for name in named}
    return Hidden(
        models=frozenset(name for name, one in found.items() if not one.can_read),
        fields=frozenset((name, field) for name, one in found.items() for field in one.disabled_fields),
    )


def model_fields() -> dict[str, list[str]]:
    """Return the names of all models that have scopes, each with those of its fields."""
    return {name: list(serializer().fields) for name, serializer in sorted(unified_serializers().items())}


def problems(stored: Any) -> list[str]:
    """Return what is wrong with scopes that somebody wants to store."""
    if not isinstance(stored, dict):
        return ["This has to be an object, by model name."]
    known = model_fields()
    found = []
    for model_name, scope in stored.items():
        if model_name not in known:
            found.append(f"There is no model {model_name}; there are {', '.join(known)}.")
        elif not isinstance(scope, dict) or scope.keys() - {"read", "write", "disabled_fields"}:
            found.append(f"{model_name}: takes read, write and disabled_fields.")
        elif not all(isinstance(scope.get(name, True), bool) for name in ("read", "write")):
            found.append(f"{model_name}: read and write are true or false.")
        elif not isinstance(scope.get("disabled_fields", []), list):
            found.append(f"{model_name}: disabled_fields is a list of names.")
        else:
            found += _field_problems(model_name, scope.get("disabled_fields", []), known[model_name])
    return found


def change_scopes(account: LinkedAccount, stored: Stored) -> None:
    """Put scopes in the place of the account's own, and have everything read anew with the next sync."""
    with transaction.atomic():
        LinkedAccount.objects.filter(id=account.id).update(scopes=stored, scopes_version=F("scopes_version") + 1)
        account.refresh_from_db(fields=["scopes", "scopes_version"])
        account_reshaped.send(LinkedAccount, account=account)


def change_default_scopes(organization: Organization, stored: Stored) -> None:
    """Put scopes in the place of those that hold for all accounts of an organization."""
    with transaction.atomic():
        Organization.objects.filter(id=organization.id).update(default_scopes=stored)
        accounts = LinkedAccount.objects.filter(organization=organization)
        accounts.update(scopes_version=F("scopes_version") + 1)
        for account in accounts.iterator():
            account_reshaped.send(LinkedAccount, account=account)


def _field_problems(model_name: str, fields: list[Any], known: list[str]) -> list[str]:
    unknown = [str(name) for name in fields if name not in known]
    needed = sorted(ALWAYS_ENABLED.intersection(name for name in fields if isinstance(name, str)))
    found = [f"{model_name} has no field {', '.join(unknown)}."] if unknown else []
    return found + ([f"{model_name}: {', '.join(needed)} cannot be disabled."] if needed else [])
