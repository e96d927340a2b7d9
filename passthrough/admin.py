from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from passthrough.models import AsyncPassthrough
from unified.admin import CREATED, ReadOnlyAdmin, ReferenceFilter, link_column, time_column


@admin.register(AsyncPassthrough)
class AsyncPassthroughAdmin(ReadOnlyAdmin):
    """Requests that workers pass on. What they say is the caller's and the platform's business."""

    list_display = [CREATED, link_column("linked_account"), "method", "status", time_column("finished_at")]
    list_filter = [("linked_account", ReferenceFilter), ("status", ChoicesDropdownFilter)]
    search_fields = ["id"]
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
    fields = ["linked_account", "method", "status", "created_at", "finished_at", "id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("request", "result")
