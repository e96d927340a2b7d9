from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet

from applications.models import Application, Candidate, Job, JobInterviewStage, RejectReason
from applications.serializers import (
    ApplicationSerializer,
    CandidateSerializer,
    JobInterviewStageSerializer,
    JobSerializer,
    RejectReasonSerializer,
)
from linked_accounts.export_admin import ExportableAdmin
from unified.admin import (
    CREATED,
    ReferenceFilter,
    StateFilter,
    link_column,
    search_words,
    time_column,
)

CANDIDATE_WORDS = ["first_name", "last_name"]


def candidates_named(text: str) -> QuerySet[Any]:
    return search_words(Candidate.objects.all(), CANDIDATE_WORDS, text)


@admin.register(Candidate)
class CandidateAdmin(ExportableAdmin):
    serializer = CandidateSerializer
    list_display = ["__str__", link_column("linked_account"), "remote_id", CREATED, "state"]
    list_filter = [("linked_account", ReferenceFilter), StateFilter]
    search_help_text = "Name, id or remote id"
    words = CANDIDATE_WORDS
    unified_fields = ["first_name", "last_name"]


@admin.register(Job)
class JobAdmin(ExportableAdmin):
    serializer = JobSerializer
    list_display = ["__str__", link_column("linked_account"), "remote_id", CREATED, "state"]
    list_filter = [("linked_account", ReferenceFilter), StateFilter]
    search_help_text = "Name, id or remote id"
    words = ["name"]
    unified_fields = ["name"]


@admin.register(RejectReason)
class RejectReasonAdmin(ExportableAdmin):
    serializer = RejectReasonSerializer
    list_display = ["__str__", link_column("linked_account"), "remote_id", CREATED, "state"]
    list_filter = [("linked_account", ReferenceFilter), StateFilter]
    search_help_text = "Text, id or remote id"
    words = ["name"]
    unified_fields = ["name"]


@admin.register(JobInterviewStage)
class JobInterviewStageAdmin(ExportableAdmin):
    serializer = JobInterviewStageSerializer
    list_display = ["__str__", link_column("job"), "stage_order", link_column("linked_account"), CREATED, "state"]
    list_filter = [("linked_account", ReferenceFilter), ("job", ReferenceFilter), StateFilter]
    search_help_text = "Name, id or remote id"
    prefetch = ["job"]
    words = ["name"]
    unified_fields = ["name", "job", "stage_order"]


@admin.register(Application)
class ApplicationAdmin(ExportableAdmin):
    serializer = ApplicationSerializer
    list_display = [
        "who",
        link_column("job"),
        link_column("current_stage"),
        time_column("applied_at"),
        link_column("reject_reason"),
        "source",
        link_column("linked_account"),
        CREATED,
        "state",
    ]
    list_filter = [
        ("linked_account", ReferenceFilter),
        ("candidate", ReferenceFilter),
        ("job", ReferenceFilter),
        ("current_stage", ReferenceFilter),
        ("credited_to", ReferenceFilter),
        ("reject_reason", ReferenceFilter),
        StateFilter,
    ]
    search_help_text = "Candidate's name, id or remote id"
    prefetch = ["candidate", "job", "current_stage", "credited_to", "reject_reason"]
    unified_fields = [
        "candidate",
        "job",
        "current_stage",
        "applied_at",
        "rejected_at",
        "reject_reason",
        "source",
        "credited_to",
    ]

    def find(self, rows: QuerySet[Any], text: str) -> list[QuerySet[Any]]:
        # The account, which is the same, lets the index on account and candidate be walked.
        of_candidate = rows.filter(candidate__in=candidates_named(text), candidate__linked_account=F("linked_account"))
        return [*super().find(rows, text), of_candidate]

    @admin.display(description="candidate")
    def who(self, row: Application) -> str:
        return str(row.candidate or row)
