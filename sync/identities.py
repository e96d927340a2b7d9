"""Ids of records: computed from what the platform calls them, unless one was promised before the platform had a name.

An interview that is created later (`run_async`) has its id from the beginning. Nothing refers to interviews, so that
only who reads or writes them has to look here.
"""

import uuid

from django.db import connection

from unified.identity import unified_key

# Not by the ORM, which takes longer to ask than PostgreSQL to answer: it is asked for every batch.
_PROMISED = (
    "SELECT model_name, remote_id, encode(uuid_send(id), 'hex'), number FROM sync_promisedid"
    " WHERE linked_account_id = %s AND number > %s ORDER BY number"
)


class Identities:
    """Knows the keys of one account's records: hexadecimal ids."""

    def __init__(self, account_id: uuid.UUID) -> None:
        self.account_id = account_id
        self._promised: dict[tuple[str, str], str] = {}
        self.latest = 0  # the number of the latest promise that was taken note of

    def key(self, model_name: str, remote_id: str) -> str:
        promised = self._promised.get((model_name, remote_id)) if self._promised else None
        return promised or unified_key(self.account_id, model_name, remote_id)

    def refresh(self) -> bool:
        """Take note of what was promised meanwhile, and return whether anything was."""
        with connection.cursor() as cursor:
            cursor.execute(_PROMISED, [self.account_id, self.latest])
            new = cursor.fetchall()
        for model_name, remote_id, key, number in new:
            self._promised[model_name, remote_id] = key
            self.latest = number
        return bool(new)
