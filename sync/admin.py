from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from procrastinate.contrib.django.models import ProcrastinateJob
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter

from linked_accounts import audit
from sync.jobs import cancel, queue_sync
from sync.models import Issue, ModelSync, Result, Schedule, SyncRun
from sync.stamps import database_now
from unified.admin import ReadOnlyAdmin, ReferenceFilter, label_column, link_column, time_column

COLOURS = {
    "SYNCING": "info",
    Result.DONE: "success",
    Result.PARTIALLY_SYNCED: "warning",
    Result.FAILED: "danger",
}


CUSTOMER = ["linked_account__end_user_organization_name", "linked_account__end_user_origin_id"]
STARTED = time_column("started_at")


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnlyAdmin):
    list_display = [
        STARTED,
        link_column("linked_account"),
        "outcome",
        "duration",
        "requests",
        "is_full",
    ]
    list_filter = [("linked_account", ReferenceFilter), ("result", ChoicesDropdownFilter)]
    search_fields = CUSTOMER
    date_hierarchy = "started_at"
    ordering = ["-started_at"]
    sortable_by = [STARTED]
    fields = [
        "linked_account",
        "result",
        "is_full",
        "started_at",
        "finished_at",
        "requests",
        "waited_seconds",
        "error",
        "counts",
        "id",
    ]

    @label_column("result", COLOURS)
    def outcome(self, row: SyncRun) -> str:
        return row.result or "running"

    @admin.display(description="seconds")
    def duration(self, row: SyncRun) -> Any:
        return row.finished_at and round((row.finished_at - row.started_at).total_seconds(), 1)


@admin.register(ModelSync)
class ModelSyncAdmin(ReadOnlyAdmin):
    list_display = [
        "model_name",
        link_column("linked_account"),
        "state",
        time_column("last_sync_start"),
        time_column("last_sync_finished"),
        time_column("data_fresh_as_of"),
    ]
    list_filter = [("linked_account", ReferenceFilter), ("status", ChoicesDropdownFilter)]
    search_fields = [*CUSTOMER, "model_name"]
    date_hierarchy = "last_sync_start"
    ordering = ["linked_account", "model_name"]
    fields = [
        "linked_account",
        "model_name",
        "status",
        "sync_status_reason",
        "last_sync_start",
        "last_sync_finished",
        "last_sync_result",
        "data_fresh_as_of",
        "historical_data_since",
        "is_initial_sync",
        "problems",
    ]

    @label_column("status", COLOURS)
    def state(self, row: ModelSync) -> str:
        return row.status


@admin.register(Schedule)
class ScheduleAdmin(ModelAdmin):
    """When accounts are synchronised, and the way to have that done now."""

    list_display = [
        "state",
        link_column("linked_account"),
        time_column("next_sync_at"),
        "interval",
        "full_interval",
        "failures",
    ]
    list_filter = [("linked_account", ReferenceFilter), ("are_syncs_disabled", BooleanRadioFilter)]
    list_filter_submit = True
    list_select_related = ["linked_account"]
    search_fields = CUSTOMER
    ordering = ["next_sync_at"]
    readonly_fields = ["linked_account", "next_sync_at", "full_wanted_at", "failures"]
    fields = [
        "linked_account",
        "are_syncs_disabled",
        "interval",
        "full_interval",
        "next_sync_at",
        "full_wanted_at",
        "failures",
    ]
    actions = ["synchronise", "synchronise_in_full", "cancel_syncs"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        obj.save(update_fields=form.changed_data)  # a sync may have changed the rest since the page was opened
        Schedule.objects.filter(pk=obj.pk).bring_forward(database_now(), obj.usual_interval)

    @label_column("state", {"on": "success", "failing": "danger", "paused": "warning"})
    def state(self, row: Schedule) -> str:
        if row.are_syncs_disabled:
            return "paused"
        return "failing" if row.failures else "on"

    @admin.action(description="Synchronise now", permissions=["change"])
    def synchronise(self, request: HttpRequest, queryset: QuerySet[Schedule], *, full: bool = False) -> None:
        for schedule in queryset.select_related("linked_account"):
            account = schedule.linked_account
            queue_sync(account, full=full)
            if full:
                description = f"Linked account {account.id}."
                audit.record(
                    account.organization_id,
                    "FORCED_LINKED_ACCOUNT_RESYNC",
                    description,
                    request=request,
                    user=request.user,
                )
        messages.success(request, "Queued for the workers; a sync that was switched off stays so.")

    @admin.action(description="Synchronise in full now", permissions=["change"])
    def synchronise_in_full(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        self.synchronise(request, queryset, full=True)

    @admin.action(description="Cancel running and queued syncs", permissions=["change"])
    def cancel_syncs(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        for schedule in queryset.select_related("linked_account"):
            cancel(schedule.linked_account)
        messages.success(request, "Cancelled; what was stored stays.")


@admin.register(Issue)
class IssueAdmin(ReadOnlyAdmin):
    list_display = [
        "error_description",
        link_column("linked_account"),
        "state",
        time_column("first_incident_time"),
        time_column("last_incident_time"),
    ]
    list_filter = [("linked_account", ReferenceFilter), ("status", ChoicesDropdownFilter)]
    search_fields = [*CUSTOMER, "error_description"]
    date_hierarchy = "last_incident_time"
    ordering = ["-last_incident_time"]
    fields = [
        "linked_account",
        "error_description",
        "status",
        "first_incident_time",
        "last_incident_time",
        "error_details",
        "id",
    ]

    @label_column("status", {"ONGOING": "danger", "RESOLVED": "success"})
    def state(self, row: Issue) -> str:
        return row.status


admin.site.unregister(ProcrastinateJob)


@admin.register(ProcrastinateJob)
class JobAdmin(ModelAdmin):
    """What workers have to do, are doing, and failed at; what they did is forgotten."""

    list_filter_submit = True
    list_display = ["task_name", "args", "state", "priority", "attempts", time_column("scheduled_at")]
    list_filter = [("status", ChoicesDropdownFilter)]
    search_fields = ["lock", "task_name"]
    ordering = ["-id"]
    readonly_fields = fields = [
        "task_name",
        "args",
        "status",
        "priority",
        "attempts",
        "scheduled_at",
        "lock",
        "queueing_lock",
        "id",
    ]

    @label_column("status", {"todo": "info", "doing": "success", "failed": "danger"})
    def state(self, row: ProcrastinateJob) -> str:
        return row.status

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
