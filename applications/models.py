from django.db import models
from django.db.models.functions import Left

from unified.models import (
    RemoteData,
    UnifiedModel,
    filter_index,
    list_indexes,
    newest_index,
    record_key,
    reference,
    unified_constraints,
    words_index,
)
from unified.search import INDEXED_LENGTH


class Candidate(UnifiedModel):
    """A person who applies. Kept because applications refer to it: a stub with what a connector happens to know."""

    first_name = models.TextField(null=True)
    last_name = models.TextField(null=True)

    class Meta:
        constraints = unified_constraints("candidate")
        indexes = [
            *list_indexes("candidate"),
            newest_index("candidate"),
            words_index("candidate", "first_name", "last_name"),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, [self.first_name, self.last_name])) or super().__str__()


class Job(UnifiedModel):
    """An opening. Kept because applications and stages refer to it: a stub with what a connector happens to know."""

    name = models.TextField(null=True)

    class Meta:
        constraints = unified_constraints("job")
        indexes = [*list_indexes("job"), newest_index("job"), words_index("job", "name")]

    def __str__(self) -> str:
        return self.name or super().__str__()


class RejectReason(UnifiedModel):
    """Why an application was rejected. Where the platform has a text but no id, the text is the remote id too."""

    name = models.TextField(null=True)

    class Meta:
        constraints = unified_constraints("reason")
        indexes = [*list_indexes("reason"), newest_index("reason"), words_index("reason", "name")]

    def __str__(self) -> str:
        return self.name or super().__str__()


class JobInterviewStage(UnifiedModel):
    """A step of a hiring process, of one job or of all."""

    name = models.TextField(null=True)
    job = reference("applications.Job")
    stage_order = models.IntegerField(null=True, help_text="Position in the process, lowest first.")

    class Meta:
        constraints = unified_constraints("stage")
        indexes = [
            *list_indexes("stage"),
            newest_index("stage"),
            filter_index("stage", "job"),
            words_index("stage", "name"),
        ]

    def __str__(self) -> str:
        return self.name or super().__str__()


class Application(UnifiedModel):
    """A candidate's application for a job."""

    candidate = reference("applications.Candidate")
    job = reference("applications.Job")
    applied_at = models.DateTimeField(null=True)
    rejected_at = models.DateTimeField(null=True)
    source = models.TextField(null=True, help_text="Where the candidate came from.")
    credited_to = reference("remote_users.RemoteUser")
    current_stage = reference("applications.JobInterviewStage")
    reject_reason = reference("applications.RejectReason")

    class Meta:
        constraints = unified_constraints("application")
        indexes = [
            *list_indexes("application"),
            newest_index("application"),
            *(
                filter_index("application", field)
                for field in ("candidate", "job", "credited_to", "current_stage", "reject_reason")
            ),
            # The beginning only: an index entry has no room for any text that a platform may hold.
            models.Index(
                "linked_account",
                Left("source", INDEXED_LENGTH),
                "created_at",
                "id",
                "modified_at",
                name="application_source",
            ),
        ]


class CandidateRemoteData(RemoteData):
    record = record_key(Candidate)


class JobRemoteData(RemoteData):
    record = record_key(Job)


class RejectReasonRemoteData(RemoteData):
    record = record_key(RejectReason)


class JobInterviewStageRemoteData(RemoteData):
    record = record_key(JobInterviewStage)


class ApplicationRemoteData(RemoteData):
    record = record_key(Application)
