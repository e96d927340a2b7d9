import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from connectors.http import Traffic
from linked_accounts.models import LinkedAccount
from sync.querysets import IssueQuerySet, ScheduleQuerySet

MAX_PROBLEMS = 100
RETRY_AFTER = timedelta(minutes=1)  # the pause after a first failure; twice as long after each further one
MAX_DOUBLINGS = 10
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
        indexes = [
            models.Index(fields=["linked_account", "-started_at"], name="sync_run_latest"),
            models.Index(fields=["-started_at"], name="sync_run_started"),  # for the admin
        ]

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

    @property
    def is_unread(self) -> bool:
        """Whether it was tried and could not be read a single time."""
        return self.data_fresh_as_of is None and self.last_sync_result == Result.FAILED

    def fresh_as_of(self, started_at: datetime) -> datetime | None:
        """Return since when a sync that starts then has to ask for changes; None for everything.

        That is where what is fresh is so as of a time to come: nobody knows what the clock said in truth.
        """
        fresh_as_of = self.data_fresh_as_of
        return None if fresh_as_of is None or fresh_as_of > started_at else fresh_as_of

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


class PromisedId(models.Model):
    """An id that a record was given before the platform had a name for it: see sync.identities."""

    number = models.BigAutoField(primary_key=True)
    linked_account = models.ForeignKey(LinkedAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    model_name = models.CharField(max_length=50)
    remote_id = models.TextField()
    id = models.UUIDField(unique=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["linked_account", "model_name", "remote_id"], name="promised_id_record")
        ]
        indexes = [models.Index(fields=["linked_account", "number"], name="promised_id_latest")]

    def __str__(self) -> str:
        return f"{self.model_name} {self.remote_id}"


class Schedule(models.Model):
    """When an account is synchronised."""

    linked_account = models.OneToOneField(
        LinkedAccount, primary_key=True, on_delete=models.CASCADE, related_name="schedule"
    )
    are_syncs_disabled = models.BooleanField("paused", default=False, help_text="Whether no sync starts by itself.")
    interval = models.DurationField(
        null=True,
        blank=True,
        validators=[MinValueValidator(timedelta(minutes=1))],
        help_text="From the start of one sync to that of the next, if not the usual one. Ten minutes: 00:10:00.",
    )
    full_interval = models.DurationField(
        null=True,
        blank=True,
        validators=[MinValueValidator(timedelta(minutes=1))],
        help_text="From one full sync to the next, if not the usual one. Two days: 2 00:00:00.",
    )
    next_sync_at = models.DateTimeField(null=True, editable=False)
    full_wanted_at = models.DateTimeField(
        "full one wanted since", null=True, editable=False, help_text="Until a full one has begun later, and succeeded."
    )
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="Failed syncs, one after the other.")

    objects = models.Manager.from_queryset(ScheduleQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["next_sync_at"], name="schedule_next")]

    def __str__(self) -> str:
        return f"next sync {self.next_sync_at:%Y-%m-%d %H:%M:%S}" if self.next_sync_at else "no next sync"

    def plan(self, run: SyncRun, *, is_of_one_piece: bool = True) -> None:
        """Note when the next sync is due after this one: sooner than usual if it failed, but later each time.

        A full one is still wanted if this was none, began before it was wanted, or was not of one piece: it went on
        where another had been interrupted, or field mappings were changed meanwhile.
        """
        if run.result == Result.FAILED:
            self.failures += 1
            pause = RETRY_AFTER * 2 ** min(self.failures - 1, MAX_DOUBLINGS)
            self.next_sync_at = max(run.started_at, run.finished_at or run.started_at) + min(pause, self.usual_interval)
        else:
            self.failures = 0
            self.next_sync_at = run.started_at + self.usual_interval
            if run.is_full and is_of_one_piece and self.full_wanted_at and self.full_wanted_at <= run.started_at:
                self.full_wanted_at = None
        self.save()

    def is_full_due(self, now: datetime) -> bool:
        """Whether the next sync is to list everything, so as to find what was deleted."""
        if self.full_wanted_at:
            return True
        supported = self.linked_account.connector_class.models
        listed = {
            one.model_name: one
            for one in self.linked_account.model_syncs.exclude(status=ModelSync.Status.DISABLED)
            # What was never read is asked for everything in any case.
            if one.model_name in supported and not one.is_unread
        }
        latest = self.full_interval or settings.FULL_SYNC_INTERVAL
        return any(
            one.listed_everything_at is None or one.listed_everything_at + latest <= now
            for name, one in listed.items()
            # Without a list that tells of it, it can never be known to be whole.
            if listed.keys() >= set(supported[name].told_by)
        )

    @property
    def usual_interval(self) -> timedelta:
        return self.interval or settings.SYNC_INTERVAL


class Issue(models.Model):
    """Trouble with an account that somebody has to look at. One of a kind goes on at a time."""

    class Status(models.TextChoices):
        ONGOING = "ONGOING"
        RESOLVED = "RESOLVED"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    linked_account = models.ForeignKey(LinkedAccount, on_delete=models.CASCADE, related_name="issues", db_index=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.ONGOING)
    error_description = models.CharField(max_length=100, help_text="The kind of trouble.")
    error_details = models.JSONField(default=list, help_text="What happened last time, a line for each.")
    first_incident_time = models.DateTimeField()
    last_incident_time = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, editable=False)
    is_muted = models.BooleanField(default=False)

    objects = models.Manager.from_queryset(IssueQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["linked_account", "error_description"],
                condition=Q(status="ONGOING"),
                name="issue_one_of_a_kind",
            )
        ]
        indexes = [models.Index(fields=["linked_account", "-last_incident_time"], name="issue_latest")]

    def __str__(self) -> str:
        return f"{self.error_description} ({self.status})"

    def is_over_since(self, at: datetime) -> bool:
        """Whether it was resolved before this time."""
        # Of older ones it is not known when they were resolved.
        return self.status == self.Status.RESOLVED and (self.resolved_at or self.last_incident_time) < at
