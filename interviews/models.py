import uuid
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Left
from django.utils import timezone

from unified.models import (
    RemoteData,
    UnifiedModel,
    filter_index,
    list_indexes,
    record_key,
    reference,
    unified_constraints,
)
from unified.search import INDEXED_LENGTH

LATEST_FIRST = F("start_at").desc(nulls_last=True)
STATUS = Left("status", INDEXED_LENGTH)


class ScheduledInterview(UnifiedModel):
    """One interview booked for an application; an application can have several."""

    application = reference("applications.Application")
    job_interview_stage = reference("applications.JobInterviewStage")
    organizer = reference("remote_users.RemoteUser")
    # The application's, which lists can be narrowed to: they walk an index of this table in their order.
    job = reference("applications.Job", editable=False)
    interviewers = ArrayField(  # ids of RemoteUsers: docs/adr/0002-interviewers-as-an-array.md
        models.UUIDField(), default=list, help_text="The panel, in the platform's order."
    )
    location = models.TextField(null=True, help_text="A place, or the link of a video call.")
    start_at = models.DateTimeField(null=True, help_text="An all-day interview starts at midnight UTC.")
    end_at = models.DateTimeField(null=True, help_text="An all-day interview ends at midnight UTC.")
    remote_created_at = models.DateTimeField(null=True, help_text="When it was created at the platform.")
    remote_updated_at = models.DateTimeField(null=True, help_text="When it last changed at the platform.")
    # Not a closed set: a status that only the platform knows passes through unchanged.
    status = models.TextField(
        null=True,
        help_text="SCHEDULED, AWAITING_FEEDBACK, COMPLETE, or the platform's own word where none of them fits.",
    )
    remote_status = models.TextField(null=True, help_text="The status in the platform's words.")
    remote_group = models.TextField(
        null=True, help_text="What the platform lists it under, where it lists all interviews of one thing at a time."
    )

    class Meta:
        constraints = unified_constraints("interview")
        indexes = [
            *list_indexes("interview"),
            *(filter_index("interview", field) for field in ("application", "job_interview_stage", "organizer", "job")),
            # For the admin, which lists interviews by their time: those of all accounts, of one, of one status, of one
            # stage; the few that the API hides; and, in the order of their creation, those without a time.
            models.Index(LATEST_FIRST, "linked_account", STATUS, name="interview_start"),
            models.Index("linked_account", LATEST_FIRST, STATUS, name="interview_account_start"),
            models.Index(STATUS, LATEST_FIRST, "linked_account", name="interview_status_start"),
            models.Index("job_interview_stage", LATEST_FIRST, STATUS, name="interview_stage_start"),
            models.Index(
                LATEST_FIRST,
                "linked_account",
                STATUS,
                "remote_was_deleted",
                "is_shell",
                condition=Q(remote_was_deleted=True) | Q(is_shell=True),
                name="interview_hidden_start",
            ),
            models.Index(
                fields=["created_at", "linked_account"], condition=Q(start_at=None), name="interview_without_start"
            ),
            models.Index(
                fields=["linked_account", "remote_group"],
                condition=Q(remote_group__isnull=False),
                name="interview_remote_group",
            ),
            GinIndex(fields=["interviewers"], name="interview_interviewers"),
        ]


class AsyncPost(models.Model):
    """An interview that a worker is to create at the platform: `run_async` (wire contract, section 4)."""

    class Status(models.TextChoices):
        QUEUED = "QUEUED"
        IN_PROGRESS = "IN_PROGRESS"
        COMPLETED = "COMPLETED"
        FAILURE = "FAILURE"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    linked_account = models.ForeignKey("linked_accounts.LinkedAccount", on_delete=models.CASCADE, related_name="+")
    interview_id = models.UUIDField(unique=True, default=uuid.uuid4, help_text="What the interview is to be called.")
    body = models.JSONField(help_text="The request's.")
    status = models.CharField(max_length=20, choices=Status, default=Status.QUEUED)
    # {"status_code": 201, "response": {"model": …, "warnings": […], "errors": […]}}
    result = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="async_post_created")]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M:%S} {self.status}"

    @property
    def is_open(self) -> bool:
        return self.status in (self.Status.QUEUED, self.Status.IN_PROGRESS)

    def finish(self, *, status_code: int, response: dict[str, Any]) -> None:
        self.status = self.Status.COMPLETED if status_code < 400 else self.Status.FAILURE
        self.result = {"status_code": status_code, "response": response}
        self.finished_at = timezone.now()
        self.save()


class ScheduledInterviewRemoteData(RemoteData):
    record = record_key(ScheduledInterview)
