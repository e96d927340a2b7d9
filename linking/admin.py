from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from linking.models import LinkToken
from unified.admin import CREATED, ReadOnlyAdmin, ReferenceFilter, link_column, time_column


@admin.register(LinkToken)
class LinkTokenAdmin(ReadOnlyAdmin):
    """Who was asked to link an account, and whether it has come to that."""

    list_display = [
        CREATED,
        "end_user_organization_name",
        link_column("organization"),
        "platform",
        time_column("expires_at"),
        time_column("used_at"),
        "tries",
    ]
    list_filter = [("organization", ReferenceFilter), ("platform", ChoicesDropdownFilter)]
    list_select_related = ["organization"]
    search_fields = ["end_user_organization_name__startswith", "end_user_origin_id"]
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
    fields = [
        "organization",
        "account_type",
        "end_user_organization_name",
        "end_user_email_address",
        "end_user_origin_id",
        "platform",
        "scopes",
        "are_syncs_disabled",
        "language",
        "tries",
        "created_at",
        "expires_at",
        "used_at",
        "id",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("token_hash")
