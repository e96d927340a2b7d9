"""Ids of records: computed from what the platform calls them, unless one was promised before the platform had a name.

An interview that is created later (`run_async`) has its id from the beginning. Nothing refers to interviews, so that
only who reads or writes them has to look here.
"""

import uuid

from sync.models import PromisedId
from unified.identity import unified_key


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
        new = PromisedId.objects.filter(linked_account=self.account_id, number__gt=self.latest).order_by("number")
        for promised in new:
            self._promised[promised.model_name, promised.remote_id] = promised.id.hex
            self.latest = promised.number
        return bool(new)
