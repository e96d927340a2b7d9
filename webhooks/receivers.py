"""What happens elsewhere, as events for whoever listens. Each runs in the transaction of what it tells of."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.dispatch import receiver
from django.utils import timezone

from interviews.models import AsyncPost
from interviews.signals import async_post_completed
from linked_accounts.models import LinkedAccount
from linked_accounts.serializers import AccountDetailsSerializer, IntegrationSerializer
from linked_accounts.signals import account_deleted, account_linked, housekeeping
from passthrough.models import AsyncPassthrough
from passthrough.signals import passthrough_resolved
from sync.models import Issue, ModelSync, Schedule, SyncRun
from sync.serializers import IssueSerializer, SyncStatusSerializer
from sync.signals import account_synced, issue_changed, model_synced, records_changed
from webhooks.models import Delivery
from webhooks.outbox import emit, emit_records

KEEP_DELIVERIES = timedelta(days=30)
IN_SUMMARIES = ("last_sync_finished", "last_sync_result", "data_fresh_as_of", "sync_status_reason")


@receiver(account_linked)
def tell_of_link(account: LinkedAccount, **about: Any) -> None:
    emit(
        account,
        "LinkedAccount.linked",
        lambda: {
            "account_token": account.account_token(),
            "integration": IntegrationSerializer(account.connector_class).data,
            "id": account.id,
        },
    )


@receiver(account_deleted)
def tell_of_deletion(account: LinkedAccount, **about: Any) -> None:
    """Forget what was to be told of the account: nobody may see any of it from now on, but that it is gone."""
    Delivery.objects.filter(linked_account_id=account.id).forget()
    emit(account, "LinkedAccount.deleted", lambda: AccountDetailsSerializer(account).data)


@receiver(records_changed)
def tell_of_records(
    account_id: UUID,
    model_name: str,
    added: Sequence[str],
    changed: Sequence[str],
    removed: Sequence[str],
    **about: Any,
) -> None:
    emit_records(account_id, model_name, {"added": added, "changed": changed, "removed": removed})


@receiver(model_synced)
def tell_of_model_sync(model_sync: ModelSync, was_initial: bool, **about: Any) -> None:
    account = model_sync.linked_account
    emit(
        account,
        f"{model_sync.model_name}.synced",
        lambda: {
            **_integration(account),
            "synced_fields": sorted(account.connector_class.models[model_sync.model_name].fields),
            "sync_status": {**_status(model_sync), "is_initial_sync": was_initial},
        },
    )


@receiver(account_synced)
def tell_of_sync(account: LinkedAccount, sync_run: SyncRun, was_initial: bool, **about: Any) -> None:
    for event in ("LinkedAccount.sync_completed", "LinkedAccount.synced"):
        emit(account, event, lambda: _summary(account, was_initial))


@receiver(issue_changed)
def tell_of_issue(issue: Issue, event: str, **about: Any) -> None:
    emit(issue.linked_account, f"Issue.{event}", lambda: IssueSerializer(issue).data)


@receiver(async_post_completed)
def tell_of_async_post(account: LinkedAccount, async_post: AsyncPost, **about: Any) -> None:
    emit(
        account,
        "AsyncPost.completed",
        lambda: {"task_id": async_post.id, "status": async_post.status, "result": async_post.result},
    )


@receiver(passthrough_resolved)
def tell_of_passthrough(account: LinkedAccount, passthrough: AsyncPassthrough, **about: Any) -> None:
    emit(
        account,
        "AsyncPassthrough.resolved",
        lambda: {"async_passthrough_receipt_id": passthrough.id, **passthrough.result},
    )


@receiver(housekeeping)
def forget_old_deliveries(**about: Any) -> None:
    Delivery.objects.filter(finished_at__lt=timezone.now() - KEEP_DELIVERIES).forget()


def _integration(account: LinkedAccount) -> dict[str, str]:
    return {"integration_name": account.integration_name, "integration_id": account.platform}


def _summary(account: LinkedAccount, was_initial: bool) -> dict[str, Any]:
    found = {one.model_name: _status(one) for one in account.model_syncs.order_by("model_name")}
    return {
        "is_initial_sync": was_initial,
        **_integration(account),
        "sync_status": {f"ats.{name}": {key: status[key] for key in IN_SUMMARIES} for name, status in found.items()},
    }


def _status(model_sync: ModelSync) -> dict[str, Any]:
    schedule = Schedule.objects.filter(linked_account=model_sync.linked_account_id, are_syncs_disabled=False).first()
    context = {"next_sync_at": schedule and schedule.next_sync_at}
    return dict(SyncStatusSerializer(model_sync, context=context).data)
