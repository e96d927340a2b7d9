"""How fast a platform may be asked, where its documentation says so."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A documented limit: so many requests in so many seconds, and how many may come at once after a pause."""

    requests: int
    seconds: float = 1.0
    burst: int = 1


class Limiter(Protocol):
    """Holds one account to a pace, wherever it is asked for."""

    def reserve(self) -> float:
        """Take the next free place for a request and return in how many seconds that is. For any thread."""

    def close(self) -> None:
        """Give back connections."""
