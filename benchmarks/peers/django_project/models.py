"""The service's tables, and a join table for interviewers as a ManyToManyField has it."""

import hashlib
from typing import Any

from django.db import models


class ApiKey(models.Model):
    id = models.UUIDField(primary_key=True)
    organization_id = models.UUIDField()
    secret_hash = models.BinaryField(unique=True)
    revoked_at = models.DateTimeField(null=True)

    is_authenticated = True

    class Meta:
        managed = False
        db_table = "linked_accounts_apikey"

    def __str__(self) -> str:
        return str(self.id)


class LinkedAccount(models.Model):
    id = models.UUIDField(primary_key=True)
    organization_id = models.UUIDField()
    token_hash = models.BinaryField(unique=True)

    class Meta:
        managed = False
        db_table = "linked_accounts_linkedaccount"

    def __str__(self) -> str:
        return str(self.id)


def find_caller(secret: str, token: str) -> tuple[ApiKey, LinkedAccount]:
    """Raises DoesNotExist of either."""
    key = ApiKey.objects.get(secret_hash=_hash(secret), revoked_at=None)
    account = LinkedAccount.objects.get(token_hash=_hash(token), organization_id=key.organization_id)
    return key, account


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


class StoredJSONField(models.JSONField):
    """A column of the type `json`, which psycopg has parsed already."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return value


class UnifiedModel(models.Model):
    id = models.UUIDField(primary_key=True)
    linked_account = models.ForeignKey(LinkedAccount, on_delete=models.CASCADE, related_name="+")
    remote_id = models.TextField(null=True)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()
    remote_was_deleted = models.BooleanField()
    is_shell = models.BooleanField()
    stored_field_mappings = StoredJSONField(null=True, db_column="field_mappings")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.id)

    @property
    def field_mappings(self) -> Any:
        return self.stored_field_mappings or {"organization_defined_targets": {}, "linked_account_defined_targets": {}}


class RemoteUser(UnifiedModel):
    first_name = models.TextField(null=True)
    last_name = models.TextField(null=True)
    email = models.TextField(null=True)
    disabled = models.BooleanField(null=True)
    remote_created_at = models.DateTimeField(null=True)
    access_role = models.TextField(null=True)

    class Meta:
        managed = False
        db_table = "remote_users_remoteuser"


class JobInterviewStage(UnifiedModel):
    name = models.TextField(null=True)
    job = models.UUIDField(null=True, db_column="job_id")
    stage_order = models.IntegerField(null=True)

    class Meta:
        managed = False
        db_table = "applications_jobinterviewstage"


class Application(UnifiedModel):
    candidate = models.UUIDField(null=True, db_column="candidate_id")
    job = models.UUIDField(null=True, db_column="job_id")
    applied_at = models.DateTimeField(null=True)
    rejected_at = models.DateTimeField(null=True)
    source = models.TextField(null=True)
    credited_to = models.UUIDField(null=True, db_column="credited_to_id")
    current_stage = models.UUIDField(null=True, db_column="current_stage_id")
    reject_reason = models.UUIDField(null=True, db_column="reject_reason_id")

    class Meta:
        managed = False
        db_table = "applications_application"

    @property
    def offers(self) -> list[Any]:
        return []

    @property
    def screening_question_answers(self) -> list[Any]:
        return []


class ScheduledInterview(UnifiedModel):
    application = models.ForeignKey(Application, null=True, on_delete=models.SET_NULL)
    job_interview_stage = models.ForeignKey(JobInterviewStage, null=True, on_delete=models.SET_NULL)
    organizer = models.ForeignKey(RemoteUser, null=True, on_delete=models.SET_NULL, related_name="+")
    interviewers = models.ManyToManyField(RemoteUser, through="Seat")
    location = models.TextField(null=True)
    start_at = models.DateTimeField(null=True)
    end_at = models.DateTimeField(null=True)
    remote_created_at = models.DateTimeField(null=True)
    remote_updated_at = models.DateTimeField(null=True)
    status = models.TextField(null=True)
    remote_status = models.TextField(null=True)

    class Meta:
        managed = False
        db_table = "interviews_scheduledinterview"


class Seat(models.Model):
    scheduledinterview = models.ForeignKey(ScheduledInterview, on_delete=models.CASCADE)
    remoteuser = models.ForeignKey(RemoteUser, on_delete=models.CASCADE)
    position = models.PositiveSmallIntegerField()

    class Meta:
        managed = False
        db_table = "benchmark_panel"

    def __str__(self) -> str:
        return str(self.position)


class RemoteData(models.Model):
    record = models.OneToOneField(
        ScheduledInterview, primary_key=True, on_delete=models.CASCADE, related_name="stored_remote_data"
    )
    entries = StoredJSONField()

    class Meta:
        managed = False
        db_table = "interviews_scheduledinterviewremotedata"

    def __str__(self) -> str:
        return str(self.record_id)


def listed(account: LinkedAccount) -> "models.QuerySet[ScheduledInterview]":
    panel = models.Prefetch("interviewers", RemoteUser.objects.order_by("seat__position"))
    return ScheduledInterview.objects.filter(linked_account=account).prefetch_related(panel)
