from uuid import UUID

from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from linked_accounts.deletion import erase


def queue_erasure(account_id: UUID) -> None:
    """Have a worker remove what is left of an account that is marked as deleted."""
    lock = f"erase/{account_id}"
    try:
        with transaction.atomic():
            erase_account.configure(lock=lock, queueing_lock=lock).defer(account_id=str(account_id))
    except AlreadyEnqueued:
        pass


@app.task(name="linked_accounts.erase", queue="calls", retry=5)
def erase_account(account_id: str) -> None:
    erase(UUID(account_id))
