from typing import Any

from django.dispatch import receiver

from linked_accounts.models import LinkedAccount
from linked_accounts.signals import account_linked
from sync.jobs import queue_sync


@receiver(account_linked)
def synchronise_linked_account(account: LinkedAccount, **about: Any) -> None:
    """Begin with what is there already, without being told to."""
    queue_sync(account)
