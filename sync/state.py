"""Whether an account is being synchronised, and where each of its models stands."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models.functions import Greatest

from linked_accounts.models import LinkedAccount
from linked_accounts.scopes import permissions
from sync.models import ModelSync, Result, SyncRun
from sync.resources import LISTED
from sync.signals import account_synced, model_synced
from sync.stamps import database_now


class SyncError(Exception):
    """A synchronisation that could not even begin."""


class NotLinkedError(SyncError):
    """The account has no credentials that work."""


class SyncCancelledError(SyncError):
    """Somebody wants the running sync to end."""


class SyncInProgressError(SyncError):
    """Another process synchronises the account."""


@contextmanager
def sync_lock(account: LinkedAccount) -> Iterator[None]:
    """Keep other processes from synchronising the account. Raises SyncInProgressError if one does.

    PostgreSQL drops the lock with the connection, so that a killed process leaves none behind.
    """
    if not _take_lock("pg_try_advisory_lock", account):
        raise SyncInProgressError(f"{account} is being synchronised already.")
    try:
        yield
    finally:
        if connection.is_usable():
            _take_lock("pg_advisory_unlock", account)


def model_syncs(account: LinkedAccount) -> list[ModelSync]:
    """Return where each listed model stands, in order of their names; unsaved for those that no sync has met yet."""
    found = _stored(account)
    if any(model_sync.status == ModelSync.Status.SYNCING for model_sync in found.values()):
        recover(account)
        found = _stored(account)
    supported = account.connector_class.models
    for name in (resource.name for resource in LISTED):
        status = ModelSync.Status.SYNCING if name in supported else ModelSync.Status.DISABLED
        found.setdefault(name, ModelSync(linked_account=account, model_name=name, status=status))
        if not permissions(account, name).can_read:
            found[name].status = ModelSync.Status.DISABLED
    return [found[name] for name in sorted(found)]


def recover(account: LinkedAccount) -> None:
    """End what a killed sync left open, if any; a sync that is at work is left alone."""
    with transaction.atomic():
        # Who gets the lock knows that nobody is at work, whatever the rows say.
        if _take_lock("pg_try_advisory_xact_lock", account):
            fail_abandoned(account)


@transaction.atomic
def fail_abandoned(account: LinkedAccount) -> None:
    """End what a sync left open that nobody ended, its process being killed. Only for who holds the account's lock."""
    reason = "The sync ended without a result: its process was killed, or lost the database."
    now = database_now()
    runs = SyncRun.objects.filter(linked_account=account, result=None)
    models = ModelSync.objects.filter(linked_account=account, status=ModelSync.Status.SYNCING)
    run_ids, model_ids = list(runs.values_list("pk", flat=True)), list(models.values_list("pk", flat=True))
    runs.update(result=Result.FAILED, finished_at=Greatest("started_at", now), error=reason)
    models.update(
        status=ModelSync.Status.FAILED,
        sync_status_reason=None,
        last_sync_result=Result.FAILED,
        last_sync_finished=now,
        problems=[{"remote_id": None, "reason": reason}],
    )
    ended = list(ModelSync.objects.filter(pk__in=model_ids).select_related("linked_account").order_by("model_name"))
    for model_sync in ended:
        model_synced.send(ModelSync, model_sync=model_sync, was_initial=model_sync.is_initial_sync)
    for sync_run in SyncRun.objects.filter(pk__in=run_ids).order_by("started_at"):
        was_initial = any(model_sync.is_initial_sync for model_sync in ended)
        account_synced.send(SyncRun, account=account, sync_run=sync_run, was_initial=was_initial)


def _stored(account: LinkedAccount) -> dict[str, ModelSync]:
    return {model_sync.model_name: model_sync for model_sync in ModelSync.objects.filter(linked_account=account)}


def _take_lock(function: str, account: LinkedAccount) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [f"sync/{account.id}"])
        done: bool = cursor.fetchone()[0]
    return done
