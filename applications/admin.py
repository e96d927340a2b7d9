from collections.abc import Mapping
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
    SEARCH_LIMIT,
    ReferenceFilter,
    StateFilter,
    estimated_count,
    link_column,
    search_words,
    time_column,
)

CANDIDATE_WORDS = ["first_name", "last_name"]
ROW_COST = 3  # of looking at the candidate of a row, in rows looked up by their candidate


def by_candidate(rows: QuerySet[Any], text: str, *, path: str, same_account: Mapping[str, Any]) -> QuerySet[Any]:
    """Narrow to the rows whose candidate, at the end of `path`, is found by `text`.

    Where few are called so, their rows are looked up. That takes the conditions of `same_account`: these always hold,
    but let indexes be walked that begin with the account. Where many are called so, and the filters leave few rows, it
    is faster to look at the candidate of each of these. PostgreSQL cannot choose: it takes the conditions for such that
    leave rows out.
    """
    named = search_words(Candidate.objects.all(), CANDIDATE_WORDS, text)
    share = estimated_count(named) / estimated_count(Candidate.objects.all())
    left, total = estimated_count(rows), estimated_count(rows.model._default_manager.all())
    found = rows.filter(**{f"{path}__in": named})
    by_row, by_name = min(left, SEARCH_LIMIT / share), min(total * share, SEARCH_LIMIT * total / left)
    return found if ROW_COST * by_row < by_name else found.filter(**same_account)


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
        same_account = {"candidate__linked_account": F("linked_account")}
        of_candidate = by_candidate(rows, text, path="candidate", same_account=same_account)
        return [*super().find(rows, text), of_candidate]

    @admin.display(description="candidate")
    def who(self, row: Application) -> str:
        return str(row.candidate or row)
