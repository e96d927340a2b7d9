from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models

from linked_accounts.models import LinkedAccount

if TYPE_CHECKING:
    from sync.models import Issue, Schedule  # noqa: F401  (for annotations)


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    def due(self, now: datetime) -> Self:
        """Return what should be synchronised now."""
        return self.filter(
            next_sync_at__lte=now,
            are_syncs_disabled=False,
            linked_account__status=LinkedAccount.Status.COMPLETE,
        )


class IssueQuerySet(models.QuerySet["Issue"]):
    def report(self, account: LinkedAccount, at: datetime, incidents: Mapping[str, Sequence[str]]) -> None:
        """Open an issue for each kind of trouble, with its details, or move the ongoing one; resolve the others."""
        ongoing = {one.error_description: one for one in self.filter(linked_account=account, status="ONGOING")}
        for description, details in incidents.items():
            issue = ongoing.pop(description, None) or self.model(
                linked_account=account, error_description=description, first_incident_time=at
            )
            issue.last_incident_time = at
            issue.error_details = list(details)
            issue.save()
        self.filter(id__in=[one.id for one in ongoing.values()]).update(status="RESOLVED")
