"""Holds an account to its platform's documented pace, counted by all processes and machines together."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from connectors.pace import Pace

# The generic cell rate algorithm: `next_at` is when the bucket would be full again if nobody asked any more.
RESERVE = """
INSERT INTO linked_accounts_requestpace AS pace (linked_account_id, next_at)
VALUES (%(account)s, clock_timestamp() + %(interval)s * interval '1 second')
ON CONFLICT (linked_account_id) DO UPDATE
SET next_at = greatest(pace.next_at, clock_timestamp()) + %(interval)s * interval '1 second'
RETURNING extract(epoch FROM next_at - clock_timestamp())
"""


class DatabaseLimiter:
    """A row for each account. Statements run in one thread of their own, whichever threads ask."""

    def __init__(self, account_id: uuid.UUID, pace: Pace) -> None:
        self.account_id = account_id
        self.interval_seconds = pace.seconds / pace.requests
        self.burst_seconds = pace.burst * self.interval_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pace")

    def reserve(self) -> float:
        ahead_seconds = self._thread.submit(self._reserve).result()
        return max(0.0, ahead_seconds - self.burst_seconds)

    def close(self) -> None:
        self._thread.submit(lambda: connection.close()).result()  # the connection of that thread, not of this one
        self._thread.shutdown()

    def _reserve(self) -> float:
        with connection.cursor() as cursor:
            cursor.execute(RESERVE, {"account": self.account_id, "interval": self.interval_seconds})
            return float(cursor.fetchone()[0])
