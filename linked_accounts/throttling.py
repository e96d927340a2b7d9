"""So many requests per linked account and minute, counted by all processes together.

The count is a row in PostgreSQL. A process takes several requests out of it at a time, fewer as the limit comes near,
and serves them without asking again: the limit is never exceeded, and most requests cost no round trip.
"""

import time
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from linked_accounts.authentication import AccountAccess

WINDOW_SECONDS = 60


@dataclass(slots=True)
class _Share:
    """What this process has taken out of a window and not used, and what all have left of it beside that."""

    window: int
    unused: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one request: whether it may be served, and what its answer says of the limit."""

    is_allowed: bool
    seconds_to_reset: float
    headers: dict[str, str]


_shares: dict[UUID, _Share] = {}
_lock = Lock()


def take(account_id: UUID) -> Taken | None:
    """Count a request. None where there is no limit."""
    limit: int = settings.API_RATE_LIMIT
    if not limit:
        return None
    now = time.time()
    window = int(now // WINDOW_SECONDS)
    with _lock:
        share = _share(account_id, window, limit)
        is_allowed = share.unused > 0
        share.unused -= is_allowed
        remaining = share.unused + share.left
    reset_at = (window + 1) * WINDOW_SECONDS
    headers = {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(reset_at),
    }
    return Taken(is_allowed, max(1.0, reset_at - now), headers)


class LinkedAccountThrottle(BaseThrottle):
    """Counts what the fast lane has not counted already: that leaves in the request's environment what it took."""

    TAKEN = "interloop.taken"

    def allow_request(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, AccountAccess):
            return True
        self.taken: Taken | None = request.META.get(self.TAKEN) or take(request.auth.linked_account_id)
        if self.taken is None:
            return True
        request.rate_limit_headers = self.taken.headers  # type: ignore[attr-defined]
        return self.taken.is_allowed

    def wait(self) -> float | None:
        return self.taken.seconds_to_reset if self.taken else None


def _share(account_id: UUID, window: int, limit: int) -> _Share:
    share = _shares.get(account_id)
    if share is None or share.window != window:
        if len(_shares) > 10_000:
            _shares.clear()
        share = _shares[account_id] = _Share(window, left=limit)
    if not share.unused and share.left:
        wanted = max(1, share.left // 64)
        taken_by_all = _take(account_id, window, wanted)
        share.unused = min(wanted, max(0, limit - (taken_by_all - wanted)))
        share.left = max(0, limit - taken_by_all)
    return share


def _take(account_id: UUID, window: int, wanted: int) -> int:
    """Count `wanted` more requests and return how many all processes have taken in this window."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO linked_accounts_requestcount AS old (linked_account_id, "window", taken)
            SELECT id, %s, %s FROM linked_accounts_linkedaccount WHERE id = %s
            ON CONFLICT (linked_account_id) DO UPDATE SET
                taken = excluded.taken + CASE WHEN old."window" = excluded."window" THEN old.taken ELSE 0 END,
                "window" = excluded."window"
            RETURNING taken
            """,
            [window, wanted, account_id],
        )
        found = cursor.fetchone()
    return int(found[0]) if found else wanted  # of an account that is gone nothing is counted, or answered
