"""Stamps rows so that a client who polls for what was modified since its last poll misses none.

A row is seen from its commit on, which comes after it was stamped. Who polls between the two, and next time asks for
what was modified since, would never see it. So rows are stamped a moment ahead, and committed before that moment comes.
"""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import connection, transaction

from sync import tables
from sync.resources import RESOURCES

Result = TypeVar("Result")

AHEAD = timedelta(milliseconds=500)
COMMIT_TAKES = 0.2  # of the time ahead


def database_now() -> datetime:
    """Return the time by the one clock that also stamps rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


class _TooLate(Exception):  # noqa: N818 (it is named for what happened)
    """The moment that rows were stamped with is nearly there, and they are not committed."""


class Stamp:
    """The time that stamps the rows of one transaction: taken when first asked for. Ask late."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead
        self.taken: datetime | None = None

    @property
    def at(self) -> datetime:
        if self.taken is None:
            self.taken = database_now() + self._ahead
        return self.taken

    def ensure_ahead(self) -> None:
        if self.taken is not None and database_now() > self.taken - self._ahead * COMMIT_TAKES:
            raise _TooLate


class Stamps:
    """The stamps of one account's rows, for the length of one sync. `latest` is None until a row was stamped."""

    def __init__(self, account_id: uuid.UUID) -> None:
        self.account_id = account_id
        self.latest: datetime | None = None
        self._ahead = AHEAD

    def write(self, work: Callable[[Stamp], Result]) -> Result:
        """Do the work in one durable transaction and return its result.

        It is done once more, with more time, if it took too long. It must change nothing but the database.
        """
        while True:
            stamp = Stamp(self._ahead)
            try:
                with transaction.atomic(durable=True):
                    result = work(stamp)
                    stamp.ensure_ahead()
            except _TooLate:
                self._ahead *= 4
                continue
            self._settle(stamp.taken)
            return result

    def _settle(self, stamp: datetime | None) -> None:
        """Note the stamp. Where even the commit took too long, stamp its rows again.

        These are not only rows of that very stamp: one that was created further ahead keeps that later time.
        """
        while stamp is not None:
            self.latest = stamp
            if database_now() < stamp:
                return
            self._ahead *= 4
            late, stamp = stamp, database_now() + self._ahead
            with transaction.atomic(durable=True), connection.cursor() as cursor:
                tables.begin(cursor, self.account_id)
                for resource in RESOURCES:
                    tables.rewrite(
                        cursor,
                        resource,
                        {"modified_at": "%(now)s"},
                        "t.linked_account_id = %(account)s AND t.modified_at >= %(late)s AND t.modified_at < %(now)s",
                        {"now": stamp, "account": self.account_id, "late": late},
                    )
