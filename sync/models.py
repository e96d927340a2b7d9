import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from connectors.http import Traffic
from linked_accounts.models import LinkedAccount

MAX_PROBLEMS = 100
BEGINNING_OF_TIME = datetime(1900, 1, 1, tzinfo=UTC)  # the contract's word for "as far back as the platform goes"


class Result(models.TextChoices):
    DONE = "DONE"
    PARTIALLY_SYNCED = "PARTIALLY_SYNCED"
    FAILED = "FAILED"

    @classmethod
    def worst(cls, results: Iterable["Result"]) -> "Result":
        """Return the one that is farthest from DONE, which nothing at all counts as."""
        return max(results, key=list(cls).index, default=cls.DONE)


class SyncRun(models.Model):
    """One synchronisation of one linked account: what it came to and what it cost."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    linked_account = models.ForeignKey(
        LinkedAccount, on_delete=models.CASCADE, related_name="sync_runs", db_index=False
    )
    is_full = models.BooleanField(help_text="Whether everything was asked for, not only what had changed.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=20, choices=Result, null=True, help_text="Empty while it runs.")
    error = models.TextField(null=True, help_text="What failed, a line for each model.")
    requests = models.PositiveIntegerField(default=0, help_text="Requests made to the platform.")
    waited_seconds = models.FloatField(default=0, help_text="Time spent waiting because the platform asked for it.")
    # By unified model name: records read, and of those new, changed, deleted, and problems met.
    counts = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(result=None, finished_at=None)
                | Q(
                    result__isnull=False,
                    result__in=Result.values,
                    finished_at__isnull=False,
                    finished_at__gte=F("started_at"),
                ),
                name="sync_run_state",
            ),
            models.UniqueConstraint(fields=["linked_account"], condition=Q(result=None), name="sync_run_one_at_a_time"),
        ]
        indexes = [models.Index(fields=["linked_account", "-started_at"], name="sync_run_latest")]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M:%S} {self.result or 'running'}"

    def finish(
        self, result: Result, *, at: datetime, error: str | None, traffic: Traffic, counts: dict[str, dict[str, int]]
    ) -> None:
        self.result = result
        self.finished_at = at
        self.error = error
        self.requests = traffic.requests
        self.waited_seconds = traffic.waited_seconds
        self.counts = counts
        self.save()


class ModelSync(models.Model):
    """Where the synchronisation of one unified model of one linked account stands."""

    class Status(models.TextChoices):
        SYNCING = "SYNCING"
        DONE = "DONE"
        PARTIALLY_SYNCED = "PARTIALLY_SYNCED"
        FAILED = "FAILED"
        DISABLED = "DISABLED"
        PAUSED = "PAUSED"

    class Reason(models.TextChoices):
        RATE_LIMITED = "RATE_LIMITED"
        WAITING_ON_OTHER_MODELS = "WAITING_ON_OTHER_MODELS"

    linked_account = models.ForeignKey(
        LinkedAccount, on_delete=models.CASCADE, related_name="model_syncs", db_index=False
    )
    model_name = models.CharField(max_length=50)
    status = models.CharField(max_length=20, choices=Status, default=Status.SYNCING)
    sync_status_reason = models.CharField(max_length=30, choices=Reason, null=True)
    last_sync_start = models.DateTimeField(null=True)
    last_sync_finished = models.DateTimeField(null=True, help_text="When the latest sync that ended did so.")
    last_sync_result = models.CharField(max_length=20, choices=Result, null=True)
    data_fresh_as_of = models.DateTimeField(
        null=True, help_text="Start of the latest sync that read all it asked for: the next one asks for changes since."
    )
    historical_data_since = models.DateTimeField(null=True)
    listed_everything_at = models.DateTimeField(
        null=True, help_text="Start of the latest sync that listed all there is, and so found what was deleted."
    )
    state = models.JSONField(default=dict, help_text="What the next listing has to know: sync tokens and the like.")
    has_gap = models.BooleanField(default=False, help_text="Whether the latest sync lacked something beside records.")
    is_initial_sync = models.BooleanField(default=True)
    # Of the latest sync: [{"remote_id": text or null, "reason": text}, …], no more than MAX_PROBLEMS.
    problems = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["linked_account", "model_name"], name="model_sync_name")]

    def __str__(self) -> str:
        return f"{self.model_name} {self.status}"

    def start(self, at: datetime) -> None:
        """Queue the model in a sync that has just begun."""
        self.status = self.Status.SYNCING
        self.sync_status_reason = self.Reason.WAITING_ON_OTHER_MODELS
        self.last_sync_start = at
        self.problems = []
        self.save()

    def explain(self, reason: "ModelSync.Reason | None") -> None:
        self.sync_status_reason = reason
        self.save(update_fields=["sync_status_reason"])

    def finish(
        self,
        result: Result,
        *,
        at: datetime,
        was_full: bool,
        listed_everything: bool = False,
        fresh_as_of: datetime | None = None,
        has_gap: bool = False,
        problems: list[dict[str, Any]],
        reason: "ModelSync.Reason | None" = None,
    ) -> None:
        """End the model's part of the sync that `start` began; what is fresh since then stays so if it failed.

        `fresh_as_of` is where that is not the start of the sync.
        """
        self.status = self.Status(result)
        self.sync_status_reason = reason
        self.last_sync_result = result
        self.last_sync_finished = at
        self.problems = problems[:MAX_PROBLEMS]
        if result is not Result.FAILED:
            self.is_initial_sync = False
            self.data_fresh_as_of = fresh_as_of or self.last_sync_start
            if was_full:
                self.historical_data_since = BEGINNING_OF_TIME
            if listed_everything:
                self.listed_everything_at = self.last_sync_start
            elif self.has_gap and not has_gap:  # what was read without it has to be read again
                self.listed_everything_at = None
            self.has_gap = has_gap
        self.save()

    def keep(self, state: Mapping[str, Any]) -> None:
        """Keep what the next listing of the model has to know."""
        self.state = dict(state)
        self.save(update_fields=["state"])

    def disable(self) -> None:
        """Note that the platform lacks the model."""
        self.status = self.Status.DISABLED
        self.sync_status_reason = None
        self.save()


class PendingRecord(models.Model):
    """A record as the platform told it, of which references lead to records that never arrived: see sync.pending."""

    record_id = models.UUIDField(primary_key=True, editable=False)
    linked_account = models.ForeignKey(LinkedAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    model_name = models.CharField(max_length=50)
    record = models.JSONField()
    missing = ArrayField(models.UUIDField())

    class Meta:
        indexes = [models.Index(fields=["linked_account", "record_id"], name="pending_record_account")]

    def __str__(self) -> str:
        return f"{self.model_name} {self.record['remote_id']}"
