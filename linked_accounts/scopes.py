"""What callers may read and write of an account's data, model by model (wire contract, section 5).

Stored as `{"<model>": {"read": true, "write": true, "disabled_fields": ["…"]}}`, on the organization for all of its
accounts and on an account in place of that. A model that neither names is open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linked_accounts.models import LinkedAccount

# No field of these can be disabled: nothing could be done with a record without them.
ALWAYS_ENABLED = frozenset({"id", "remote_id", "created_at", "modified_at", "remote_was_deleted"})


@dataclass(frozen=True, slots=True)
class Permissions:
    """What may be done with one model."""

    can_read: bool = True
    can_write: bool = True
    disabled_fields: frozenset[str] = frozenset()


OPEN = Permissions()


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
