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


class LinkedAccountThrottle(BaseThrottle):
    _shares: dict[UUID, _Share] = {}
    _lock = Lock()

    def allow_request(self, request: Request, view: Any) -> bool:
        limit: int = settings.API_RATE_LIMIT
        if not limit or not isinstance(request.auth, AccountAccess):
            return True
        now = time.time()
        window = int(now // WINDOW_SECONDS)
        with self._lock:
            share = self._share(request.auth.linked_account_id, window, limit)
            allowed = share.unused > 0
            share.unused -= allowed
            remaining = share.unused + share.left
        reset_at = (window + 1) * WINDOW_SECONDS
        self.seconds_to_reset = max(1.0, reset_at - now)
        request.rate_limit_headers = {  # type: ignore[attr-defined]
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": str(reset_at),
        }
        return allowed

    def wait(self) -> float:
        return self.seconds_to_reset

    def _share(self, account_id: UUID, window: int, limit: int) -> _Share:
        share = self._shares.get(account_id)
        if share is None or share.window != window:
            if len(self._shares) > 10_000:
                self._shares.clear()
            share = self._shares[account_id] = _Share(window, left=limit)
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
