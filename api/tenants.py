from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from rest_framework.request import Request


@dataclass(frozen=True, slots=True)
class Hidden:
    """What a caller may not see: whole models by name, and fields as pairs of model and field."""

    models: frozenset[str] = frozenset()
    fields: frozenset[tuple[str, str]] = frozenset()

    def fields_of(self, model_name: str) -> frozenset[str]:
        return frozenset(name for model, name in self.fields if model == model_name) if self.fields else frozenset()


NOTHING_HIDDEN = Hidden()


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose rows may be seen, and a condition that holds only while the caller may still see them, and just so much.

    `parameters` are those of the condition, and `account`, the linked account's id, as PostgreSQL writes such values.
    """

    guard: str
    parameters: Mapping[str, str]
    hidden: Hidden = NOTHING_HIDDEN


class Access(Protocol):
    """What an authentication class leaves on `request.auth`."""

    @property
    def tenant(self) -> Tenant: ...

    def verify(self, *, for_update: bool = False) -> Any:
        """Raise AuthenticationFailed if the caller may no longer see the tenant.

        With `for_update` nobody else changes or deletes it until the transaction ends.
        """

    def renew(self) -> "Access | None":
        """Return the access as it is now if it shows more or less than this one. Raises as `verify`."""


def access(request: Request) -> Access:
    return cast(Access, request.auth)
