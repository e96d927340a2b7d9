"""What platforms send us by themselves: whether it is genuine, and what to read anew because of it.

A message is never taken for data. It only says where to look: so it does no harm if it comes twice, late or in the
wrong order.
"""

import hmac
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from connectors.records import check_remote_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One call of the platform. `headers` are by lower-case name, `payload` is what its body says as JSON."""

    headers: Mapping[str, str]
    body: bytes
    payload: Any


class Subject(StrEnum):
    """What to read anew. The last two name a record, which `Connector.refetch` reads."""

    CHANGES = "changes"  # an incremental sync
    EVERYTHING = "everything"  # a full sync: something was deleted, and only that can tell what
    APPLICATION = "application"  # the application of that remote id and its interviews
    INTERVIEW = "interview"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Raises ValueError for an id that no record has."""

    subject: Subject
    remote_id: str | None = None

    def __post_init__(self) -> None:
        if self.remote_id is not None:
            check_remote_id(self.remote_id)
            self.remote_id.encode()  # halves of characters raise a ValueError of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """The answer to a call that only asks whether somebody is there."""

    status: int = 200
    headers: Mapping[str, str]


class Webhooks(ABC):
    """A platform's webhooks. `secret_name` is the credential that signs them; without it the address alone must do."""

    secret_name: ClassVar[str]
    accepted_status: ClassVar[int] = 200  # what the platform takes for "arrived"
    setup: ClassVar[str]  # where in the platform a customer enters our address, and which events to choose

    def greet(self, delivery: Delivery) -> Greeting | None:
        """Answer what comes before any signature. None for everything else."""
        return None

    @abstractmethod
    def is_genuine(self, delivery: Delivery, secret: str) -> bool:
        """Whether who sent this knows the secret."""

    @abstractmethod
    def hints(self, delivery: Delivery) -> tuple[Hint, ...]:
        """Return what to read anew: nothing for events that we do not know. Raises UNREADABLE for what is no event."""


def is_hmac_sha256(signature: str, message: bytes, secret: str) -> bool:
    """Whether a hexadecimal HMAC-SHA256 of the message was made with the secret, compared in constant time."""
    expected = hmac.new(secret.encode(), message, "sha256").hexdigest()
    return hmac.compare_digest(expected.encode(), signature.strip().lower().encode())
