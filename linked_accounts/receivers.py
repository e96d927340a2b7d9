from typing import Any

from django.dispatch import receiver

from linked_accounts.deletion import resume_deletions
from linked_accounts.signals import housekeeping


@receiver(housekeeping)
def end_deletions(**about: Any) -> None:
    resume_deletions()
