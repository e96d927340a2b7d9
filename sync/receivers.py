from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.dispatch import receiver

from connectors.records import Fetched, Gone
from interviews.signals import interview_written
from linked_accounts.models import LinkedAccount
from linked_accounts.signals import account_deleted, account_linked, account_reshaped
from sync.engine import store_written
from sync.jobs import forget_jobs, queue_sync
from sync.models import Schedule, SyncRun
from sync.stamps import database_now


@receiver(account_linked)
def synchronise_linked_account(account: LinkedAccount, are_syncs_disabled: bool | None, **about: Any) -> None:
    """Begin with what is there already, without being told to."""
    if are_syncs_disabled is not None:
        Schedule.objects.update_or_create(linked_account=account, defaults={"are_syncs_disabled": are_syncs_disabled})
    queue_sync(account)


@receiver(interview_written)
def store_written_interview(
    account: LinkedAccount, entries: Iterable[Fetched], promised: Mapping[str, UUID], **about: Any
) -> None:
    entries = list(entries)
    store_written(account, entries, promised)
    is_gone = any(isinstance(entry, Gone) for entry in entries)
    if is_gone and SyncRun.objects.filter(linked_account=account, result=None).exists():
        # It may have been read before, and is stored only now. What was changed comes with the next changes; that it is
        # gone shows in a full listing alone.
        queue_sync(account, full=True)


@receiver(account_reshaped)
def read_everything_anew(account: LinkedAccount, **about: Any) -> None:
    if account.status == LinkedAccount.Status.COMPLETE:
        queue_sync(account, full=True)
    else:  # once it is linked again
        Schedule.objects.update_or_create(linked_account=account, defaults={"full_wanted_at": database_now()})


@receiver(account_deleted)
def stop_synchronising(account: LinkedAccount, **about: Any) -> None:
    forget_jobs(account)
