from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from unfold.decorators import display

from applications.models import Application, Candidate, Job, JobInterviewStage, RejectReason
from unified.admin import (
    SEARCH_LIMIT,
    ReferenceFilter,
    StateFilter,
    UnifiedModelAdmin,
    link_column,
    search_words,
)

CANDIDATE_WORDS = ["first_name", "last_name"]


def applications_of(name: str) -> QuerySet[Any]:
    """Return the applications of the candidates whose words `name` begins."""
    candidates = search_words(Candidate.objects.all(), CANDIDATE_WORDS, name).values("pk")[:SEARCH_LIMIT]
    # The account, which is the same, lets the index on account and candidate be walked.
    return Application.objects.filter(candidate__in=candidates, candidate__linked_account=F("linked_account"))


@admin.register(Candidate)
class CandidateAdmin(UnifiedModelAdmin):
    list_display = ["__str__", link_column("linked_account"), "remote_id", "created_at", "state"]
    list_filter = [("linked_account", ReferenceFilter), StateFilter]
    search_help_text = "Name, id or remote id"
    words = CANDIDATE_WORDS
    unified_fields = ["first_name", "last_name"]


@admin.register(Job)
class JobAdmin(UnifiedModelAdmin):
    list_display = ["__str__", link_column("linked_account"), "remote_id", "created_at", "state"]
    list_filter = [("linked_account", ReferenceFilter), StateFilter]
    search_help_text = "Name, id or remote id"
    words = ["name"]
    unified_fields = ["name"]


@admin.register(RejectReason)
class RejectReasonAdmin(UnifiedModelAdmin):
    list_display = ["__str__", link_column("linked_account"), "remote_id", "created_at", "state"]
    list_filter = [("linked_account", ReferenceFilter), StateFilter]
    search_help_text = "Text, id or remote id"
    words = ["name"]
    unified_fields = ["name"]


@admin.register(JobInterviewStage)
class JobInterviewStageAdmin(UnifiedModelAdmin):
    list_display = ["__str__", link_column("job"), "stage_order", link_column("linked_account"), "created_at", "state"]
    list_filter = [("linked_account", ReferenceFilter), ("job", ReferenceFilter), StateFilter]
    search_help_text = "Name, id or remote id"
    prefetch = ["job"]
    words = ["name"]
    unified_fields = ["name", "job", "stage_order"]


@admin.register(Application)
class ApplicationAdmin(UnifiedModelAdmin):
    list_display = [
        "who",
        link_column("job"),
        link_column("current_stage"),
        "applied_at",
        "rejected_at",
        link_column("reject_reason"),
        "source",
        link_column("linked_account"),
        "created_at",
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
        return [*super().find(rows, text), rows.filter(pk__in=applications_of(text).values("pk")[:SEARCH_LIMIT])]

    @display(description="candidate")
    def who(self, row: Application) -> str:
        return str(row.candidate or row)
