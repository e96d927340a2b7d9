from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast
from uuid import UUID

from rest_framework.request import Request


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose rows may be seen, and a condition that holds only while the caller may still see them."""

    linked_account_id: UUID
    guard: str
    parameters: Mapping[str, Any]


class Access(Protocol):
    """What an authentication class leaves on `request.auth`."""

    @property
    def tenant(self) -> Tenant: ...

    def verify(self) -> Any:
        """Raise AuthenticationFailed if the caller may no longer see the tenant."""


def access(request: Request) -> Access:
    return cast(Access, request.auth)
