from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q

if TYPE_CHECKING:
    from webhooks.models import Delivery, Hook


class HookQuerySet(models.QuerySet["Hook"]):
    def listening(self, account_id: UUID, *events: str) -> list["Hook"]:
        """Return those that want to know any of these events of an account."""
        # Every batch of a sync asks, mostly for nothing, and writing this down would take the ORM ten times as long.
        return list(
            self.raw(
                "SELECT hook.* FROM webhooks_hook hook JOIN linked_accounts_linkedaccount account"
                " ON account.organization_id = hook.organization_id AND account.account_type = hook.account_type"
                " WHERE account.id = %s AND hook.is_active AND hook.events && %s::varchar[]",
                [account_id, list(events)],
            )
        )

    def with_work(self, now: datetime) -> Self:
        """Return those with something to deliver that may be tried now."""
        from webhooks.models import Delivery

        due = Delivery.objects.filter(hook=OuterRef("pk"), status="PENDING", next_attempt_at__lte=now)
        return self.filter(Q(paused_until=None) | Q(paused_until__lte=now), Exists(due), is_active=True)


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def claim(self, hook: Any, *, limit: int, now: datetime, lease: timedelta) -> list["Delivery"]:
        """Return some of the hook's due deliveries, which nobody else gets until the lease is over. Oldest first."""
        with transaction.atomic():
            due = self.filter(hook=hook, status="PENDING", next_attempt_at__lte=now).order_by("next_attempt_at")
            claimed = list(due.select_for_update(skip_locked=True)[:limit])
            self.filter(id__in=[delivery.id for delivery in claimed]).update(next_attempt_at=now + lease)
        return claimed

    def forget(self) -> None:
        """Delete them with their log, also while a worker notes what came of one."""
        with transaction.atomic():
            ids = list(self.order_by("id").select_for_update().values_list("id", flat=True))
            self.model.objects.filter(id__in=ids).delete()

    def replay(self, now: datetime) -> int:
        """Send them once more, as they were, whatever became of them; return how many."""
        return self.update(status="PENDING", attempts=0, queued_at=now, next_attempt_at=now, finished_at=None)
