from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models.functions import Coalesce, Least

from linked_accounts.models import LinkedAccount
from sync.signals import issue_changed

REOPENED_WITHIN = timedelta(days=7)  # of being resolved: what comes back then is the same trouble

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

    def bring_forward(self, now: datetime, interval: timedelta) -> None:
        """Have the next sync come after no more than an interval that was given just now; a first one at once."""
        self.update(next_sync_at=Least(Coalesce("next_sync_at", now), now + interval))


class IssueQuerySet(models.QuerySet["Issue"]):
    def report(self, account: LinkedAccount, at: datetime, incidents: Mapping[str, Sequence[str]]) -> None:
        """Open an issue for each kind of trouble, with its details, or move the ongoing one; resolve the others.

        One that was resolved a short while ago is opened again. Call it in a transaction.
        """
        known = {one.error_description: one for one in self._latest(account)}
        for description, details in incidents.items():
            issue = known.get(description)
            event = None
            if issue is None or issue.is_over_since(at - REOPENED_WITHIN):
                issue = self.model(linked_account=account, error_description=description, first_incident_time=at)
                event = "new"
            elif issue.status == "RESOLVED":
                event = "reopened"
            issue.status = "ONGOING"
            issue.resolved_at = None
            issue.last_incident_time = at
            issue.error_details = list(details)
            issue.save()
            if event:
                issue_changed.send(self.model, issue=issue, event=event)
        for description, issue in known.items():
            if issue.status == "ONGOING" and description not in incidents:
                issue.status = "RESOLVED"
                issue.resolved_at = at
                issue.save(update_fields=["status", "resolved_at"])
                issue_changed.send(self.model, issue=issue, event="resolved")

    def _latest(self, account: LinkedAccount) -> Self:
        """Return the latest issue of each kind."""
        kinds = self.filter(linked_account=account).order_by("error_description", "-last_incident_time")
        return kinds.distinct("error_description")
