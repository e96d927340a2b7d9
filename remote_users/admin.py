from django.contrib import admin
from django.db.models import Q

from linked_accounts.export_admin import ExportableAdmin
from remote_users.models import RemoteUser
from remote_users.serializers import RemoteUserSerializer
from unified.admin import (
    CREATED,
    ConditionFilter,
    KnownTextFilter,
    ReferenceFilter,
    StateFilter,
    link_column,
    list_url,
)
from unified.enums import AccessRole
from unified.models import UnifiedModel


class RoleFilter(KnownTextFilter):
    title = "access role"
    parameter_name = "access_role"
    known = AccessRole


class DisabledFilter(ConditionFilter):
    title = "disabled"
    parameter_name = "disabled"
    conditions = {"yes": ("Yes", Q(disabled=True)), "no": ("No", Q(disabled=False))}


@admin.register(RemoteUser)
class RemoteUserAdmin(ExportableAdmin):
    serializer = RemoteUserSerializer
    list_display = ["__str__", "email", "access_role", "disabled", link_column("linked_account"), CREATED, "state"]
    list_filter = [("linked_account", ReferenceFilter), RoleFilter, DisabledFilter, StateFilter]
    search_help_text = "Name, email, id or remote id"
    words = ["first_name", "last_name", "email"]
    unified_fields = ["first_name", "last_name", "email", "access_role", "disabled"]
    platform_fields = ["remote_access_role", "remote_created_at"]

    def get_referring(self, row: UnifiedModel) -> list[tuple[str, str]]:
        panels = list_url("interviews.ScheduledInterview", interviewer=row.pk)
        return [("Scheduled interviews (on the panel)", panels), *super().get_referring(row)]
