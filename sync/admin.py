from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from sync.models import ModelSync, Result, SyncRun
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
