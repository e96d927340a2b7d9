from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import DropdownFilter
from unfold.contrib.filters.forms import AutocompleteDropdownForm

from applications.admin import by_candidate
from interviews.models import LATEST_FIRST, ScheduledInterview
from interviews.serializers import ScheduledInterviewSerializer
from linked_accounts.export_admin import ExportableAdmin
from remote_users.models import RemoteUser
from unified.admin import (
    ConditionFilter,
    KnownTextFilter,
    ReferenceFilter,
    StateFilter,
    label_column,
    link_column,
    link_to,
    time_column,
)
from unified.enums import InterviewStatus

SOONEST_FIRST = F("start_at").asc(nulls_first=True)  # the other way along the indexes that are latest first
START = time_column("start_at", ordering=SOONEST_FIRST)

STATUS_COLOURS: dict[str, str] = {
    InterviewStatus.SCHEDULED: "info",
    InterviewStatus.AWAITING_FEEDBACK: "warning",
    InterviewStatus.COMPLETE: "success",
}


class StatusFilter(KnownTextFilter):
    title = "status"
    parameter_name = "status"
    known = InterviewStatus


class WhenFilter(ConditionFilter):
    title = "time"
    parameter_name = "when"
    conditions = {
        "upcoming": ("Upcoming", Q(start_at__gte=Now())),
        "past": ("Past", Q(start_at__lt=Now())),
        "none": ("Without a time", Q(start_at=None)),
    }


class InterviewerFilter(DropdownFilter):
    """Narrows to the panels that a person sits on, found by typing."""

    title = "interviewer"
    parameter_name = "interviewer"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.request = request
        self.model_admin = model_admin

    def has_output(self) -> bool:
        return True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        form = AutocompleteDropdownForm(
            request=self.request,
            name=self.parameter_name,
            label=" By interviewer ",
            choices=(),
            # Who can organize an interview can sit on its panel: the field tells whom to offer.
            field=ScheduledInterview._meta.get_field("organizer"),
            model_admin=self.model_admin,
            data={self.parameter_name: self.value()},
        )
        yield {"form": form}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not (value := self.value()):
            return queryset
        try:
            return queryset.filter(interviewers__contains=[UUID(value)])
        except ValueError as error:
            raise IncorrectLookupParameters from error


@admin.register(ScheduledInterview)
class ScheduledInterviewAdmin(ExportableAdmin):
    serializer = ScheduledInterviewSerializer
    date_hierarchy = "start_at"
    list_display = [
        "who",
        link_column("application__job", "job"),
        link_column("job_interview_stage", "stage"),
        START,
        time_column("end_at"),
        "status_label",
        link_column("organizer"),
        "panel_size",
        link_column("linked_account"),
        "state",
    ]
    sortable_by = [START]
    list_filter = [
        WhenFilter,
        StatusFilter,
        ("linked_account", ReferenceFilter),
        ("application", ReferenceFilter),
        ("job", ReferenceFilter),
        ("job_interview_stage", ReferenceFilter),
        ("organizer", ReferenceFilter),
        InterviewerFilter,
        StateFilter,
    ]
    search_help_text = "Candidate's name, id or remote id"
    prefetch = ["application__candidate", "application__job", "job_interview_stage", "organizer"]
    unified_fields = [
        "candidate",
        "application",
        "job_interview_stage",
        "start_at",
        "end_at",
        "status",
        "location",
        "organizer",
        "panel",
    ]
    platform_fields = ["remote_status", "remote_created_at", "remote_updated_at"]

    def get_ordering(self, request: HttpRequest) -> Sequence[Any]:
        match request.GET.get("when"):
            case "upcoming":
                return [SOONEST_FIRST, "-id"]
            case "none":
                return ["-created_at", "-id"]
        return [LATEST_FIRST, "-id"]

    def get_sortable_by(self, request: HttpRequest) -> Sequence[Any]:
        return [] if request.GET.get("when") == "none" else super().get_sortable_by(request)

    def find(self, rows: QuerySet[Any], text: str) -> list[QuerySet[Any]]:
        same_account = {
            "application__linked_account": F("linked_account"),
            "application__candidate__linked_account": F("linked_account"),
        }
        of_candidate = by_candidate(rows, text, path="application__candidate", same_account=same_account)
        return [*super().find(rows, text), of_candidate]

    @admin.display(description="candidate")
    def who(self, row: ScheduledInterview) -> str:
        application = row.application
        return str((application and application.candidate) or application or row)

    @label_column("status", STATUS_COLOURS)
    def status_label(self, row: ScheduledInterview) -> str | None:
        return row.status

    @admin.display(description="panel")
    def panel_size(self, row: ScheduledInterview) -> int:
        return len(row.interviewers)

    @admin.display(description="candidate")
    def candidate(self, row: ScheduledInterview) -> str | None:
        return row.application and link_to(row.application.candidate)

    @admin.display(description="interviewers")
    def panel(self, row: ScheduledInterview) -> str:
        people = RemoteUser.objects.in_bulk(row.interviewers)
        return format_html_join(", ", "{}", ((link_to(people[id]) if id in people else id,) for id in row.interviewers))
