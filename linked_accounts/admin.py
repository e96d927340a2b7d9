from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from linked_accounts import audit, scopes
from linked_accounts.deletion import delete_account
from linked_accounts.models import AccountType, ApiKey, AuditEvent, LinkedAccount, Organization
from unified.admin import (
    CREATED,
    ConditionFilter,
    ReadOnlyAdmin,
    ReferenceFilter,
    label_column,
    link_column,
    links,
    referring_lists,
    time_column,
)

STATUS_COLOURS: dict[str, str] = {
    LinkedAccount.Status.COMPLETE: "success",
    LinkedAccount.Status.INCOMPLETE: "info",
    LinkedAccount.Status.RELINK_NEEDED: "danger",
}


class UndeletableAdmin(ModelAdmin):
    """Deleting would take every interview of an account along, in one request."""

    list_filter_submit = True
    show_facets = admin.ShowFacets.NEVER

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="see also")
    def referring(self, row: Any) -> str:
        return links(referring_lists(self.admin_site, row))


class OrganizationForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_default_scopes(self) -> Any:
        given = self.cleaned_data["default_scopes"] or {}
        if problems := scopes.problems(given):
            raise forms.ValidationError(problems)
        return given


@admin.register(Organization)
class OrganizationAdmin(UndeletableAdmin):
    list_display = ["name", CREATED]
    search_fields = ["name"]
    date_hierarchy = "created_at"
    ordering = ["name"]
    readonly_fields = ["id", "created_at", "referring"]
    fields = ["name", "default_scopes", "id", "created_at", "referring"]
    add_fieldsets = ((None, {"fields": ["name"]}),)
    form = OrganizationForm

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "default_scopes" in form.changed_data:
            scopes.change_default_scopes(obj, obj.default_scopes)
            audit.record(obj.id, "CHANGED_SCOPES", "Default scopes.", request=request, user=request.user)


class RevokedFilter(ConditionFilter):
    title = "revoked"
    parameter_name = "revoked"
    conditions = {"no": ("In use", Q(revoked_at=None)), "yes": ("Revoked", Q(revoked_at__isnull=False))}


class NewApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        in_use = ApiKey.objects.filter(
            organization=values.get("organization"), name=values.get("name"), revoked_at=None
        )
        if in_use.exists():  # the form leaves `revoked_at` out, so that Django skips the constraint
            self.add_error("name", "The organization has a key of this name in use.")
        return values


@admin.register(ApiKey)
class ApiKeyAdmin(UndeletableAdmin):
    list_display = [
        "name",
        "beginning",
        link_column("organization"),
        "account_type",
        CREATED,
        time_column("revoked_at"),
    ]
    list_filter = [("organization", ReferenceFilter), ("account_type", ChoicesDropdownFilter), RevokedFilter]
    list_select_related = ["organization"]
    search_fields = ["name", "beginning__startswith"]
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
    autocomplete_fields = ["organization"]
    fields = readonly_fields = ["organization", "name", "account_type", "beginning", "created_at", "revoked_at", "id"]
    add_fieldsets = ((None, {"fields": ["organization", "name", "account_type"]}),)
    actions = ["revoke"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        rows: QuerySet[ApiKey] = super().get_queryset(request)
        return rows.defer("secret_hash")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether keys can be revoked, by the action: on a key's own page there is nothing to change."""
        return obj is None and super().has_change_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return self.readonly_fields if obj else []

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, change: bool = False, **kwargs: Any) -> Any:
        if not change:
            kwargs["form"] = NewApiKeyForm
        return super().get_form(request, obj, change, **kwargs)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        key, secret = ApiKey.objects.issue(
            organization=obj.organization, name=obj.name, is_test=obj.account_type == AccountType.TEST
        )
        kind = "TEST" if obj.account_type == AccountType.TEST else "REMOTE_PRODUCTION"
        audit.record(
            obj.organization_id, f"CREATED_{kind}_API_KEY", f"Key {obj.name}.", request=request, user=request.user
        )
        obj.pk = key.pk
        obj.refresh_from_db()
        text = "The key, which is shown only now: <code>{}</code>. Keep it, and keep it secret."
        messages.warning(request, format_html(text, secret))

    @admin.action(description="Revoke", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        keys = queryset.filter(revoked_at=None)
        for key in keys:
            key.revoke()
            self.log_change(request, key, "Revoked.")
            kind = "TEST" if key.account_type == AccountType.TEST else "REMOTE_PRODUCTION"
            audit.record(
                key.organization_id, f"DELETED_{kind}_API_KEY", f"Key {key.name}.", request=request, user=request.user
            )
        messages.success(request, f"Revoked: {', '.join(str(key) for key in keys) or 'none, all were'}.")


@admin.register(LinkedAccount)
class LinkedAccountAdmin(UndeletableAdmin):
    """Accounts are linked through the API or the command line; what is edited here is what people read."""

    list_per_page = 30
    list_display = [
        "end_user_organization_name",
        "platform_name",
        "status_label",
        "account_type",
        link_column("organization"),
        "end_user_origin_id",
        CREATED,
    ]
    list_filter = [
        ("platform", ChoicesDropdownFilter),
        ("status", ChoicesDropdownFilter),
        ("account_type", ChoicesDropdownFilter),
        ("organization", ReferenceFilter),
    ]
    list_select_related = ["organization"]
    search_fields = ["end_user_organization_name", "end_user_origin_id", "end_user_email_address", "id"]
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
    readonly_fields = [
        "organization",
        "platform_name",
        "status",
        "status_detail",
        "account_type",
        "end_user_origin_id",
        "base_url",
        "webhook_listener_url",
        "webhook_address",
        "has_credentials",
        "id",
        "created_at",
        "completed_at",
        "referring",
    ]
    fieldsets = (
        ("Customer", {"fields": ["end_user_organization_name", "end_user_email_address", "end_user_origin_id"]}),
        (
            "Connection",
            {
                "fields": [
                    "platform_name",
                    "status",
                    "status_detail",
                    "has_credentials",
                    "base_url",
                    "webhook_listener_url",
                ]
            },
        ),
        ("Webhooks of the platform", {"fields": ["webhook_address"]}),
        (
            "Bookkeeping",
            {"fields": ["referring", "id", "organization", "account_type", "created_at", "completed_at"]},
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("linked_accounts.delete_linkedaccount"))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name the accounts alone: what goes with them may be a million rows."""
        return [f"{account}, with all that was read from the platform" for account in objs], {}, set(), []

    def delete_model(self, request: HttpRequest, obj: LinkedAccount) -> None:
        delete_account(obj, request=request, user=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[LinkedAccount]) -> None:
        for account in queryset:
            delete_account(account, request=request, user=request.user, at_once=False)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave the secrets unread: a page needs none, and must not fail where no key decrypts them."""
        rows: QuerySet[Any] = super().get_queryset(request).annotate(has_credentials=Q(credentials__isnull=False))
        return rows.defer("credentials", "token_hash")

    def save_model(self, request: HttpRequest, obj: LinkedAccount, form: Any, change: bool) -> None:
        obj.save(update_fields=form.changed_data)  # a sync may have changed the rest since the page was opened
        if form.changed_data:
            description = f"{', '.join(form.changed_data)} of linked account {obj.id}."
            audit.record(obj.organization_id, "CHANGED_LINKED_ACCOUNT", description, request=request, user=request.user)

    @admin.display(description="platform", ordering="platform")
    def platform_name(self, row: LinkedAccount) -> str:
        return row.integration_name

    @label_column("status", STATUS_COLOURS)
    def status_label(self, row: LinkedAccount) -> str:
        return row.status

    @admin.display(description="address")
    def webhook_address(self, row: LinkedAccount) -> str:
        """Say where the platform may send its webhooks, and how that is set up there."""
        webhooks = row.connector_class.webhooks
        if webhooks is None:
            return f"{row.integration_name} sends none that tell of interviews."
        return format_html("<code>{}{}</code><br>{}", settings.PUBLIC_URL, row.webhook_path(), webhooks.setup)

    @admin.display(description="credentials", boolean=True)
    def has_credentials(self, row: Any) -> bool:
        stored: bool = row.has_credentials
        return stored


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = [CREATED, "event_type", link_column("organization"), "role", "user_name", "event_description"]
    list_filter = [("organization", ReferenceFilter), ("role", ChoicesDropdownFilter)]
    list_select_related = ["organization"]
    search_fields = ["event_type__startswith", "user_name__startswith", "user_email__startswith"]
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
    fields = [
        "organization",
        "event_type",
        "event_description",
        "role",
        "user_name",
        "user_email",
        "ip_address",
        "created_at",
        "id",
    ]
