from typing import Any

from django.dispatch import receiver

from linked_accounts.deletion import erase_marked
from linked_accounts.signals import housekeeping


@receiver(housekeeping)
def end_deletions(**about: Any) -> None:
    erase_marked()
