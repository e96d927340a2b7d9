import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from linked_accounts import audit
from unified.admin import CREATED, ReadOnlyAdmin, ReferenceFilter, label_column, link_column, time_column
from webhooks.events import EVENTS
from webhooks.models import Delivery, DeliveryAttempt, Hook, SigningKey
from webhooks.services import delete_hook, ping, rotate_signing_key

COLOURS: dict[str, str] = {
    Delivery.Status.PENDING: "info",
    Delivery.Status.DELIVERED: "success",
    Delivery.Status.FAILED: "danger",
}
HIDDEN = "shown to the receiver only"


class HookForm(forms.ModelForm):  # type: ignore[type-arg]
    events = forms.MultipleChoiceField(
        choices=[(name, name) for name in EVENTS], initial=EVENTS, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )


@admin.register(Hook)
class HookAdmin(ModelAdmin):
    """Targets of webhooks. Their deliveries have a page of their own."""

    form = HookForm
    list_display = [
        "target",
        link_column("organization"),
        "is_active",
        "failures",
        time_column("paused_until"),
        CREATED,
    ]
    list_filter = [("organization", ReferenceFilter), ("is_active", BooleanRadioFilter)]
    list_filter_submit = True
    list_select_related = ["organization"]
    search_fields = ["target"]
    ordering = ["-created_at"]
    autocomplete_fields = ["organization"]
    fields = ["organization", "target", "account_type", "is_active", "tells_of_first_sync", "events"]
    actions = ["send_test"]

    def save_model(self, request: HttpRequest, obj: Hook, form: Any, change: bool) -> None:
        if {"target", "is_active"} & set(form.changed_data):
            obj.wake()
        super().save_model(request, obj, form, change)
        kind = "CHANGED" if change else "CREATED"
        audit.record(obj.organization_id, f"{kind}_DESTINATION", f"Webhook to {obj.target}.", user=request.user)
        if not obj.organization.signing_keys.exists():
            key = SigningKey.current(obj.organization)
            text = "The key that webhooks of {} are signed with, shown only now: <code>{}</code>."
            messages.warning(request, format_html(text, obj.organization, key.secret))

    def delete_model(self, request: HttpRequest, obj: Hook) -> None:
        delete_hook(obj, user=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Hook]) -> None:
        for hook in queryset:
            delete_hook(hook, user=request.user)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Say how much goes along instead of listing it: a target can have deliveries by the hundred thousand."""
        hooks = list(objs)
        counts = {"hooks": len(hooks), "deliveries": Delivery.objects.filter(hook__in=hooks).count()}
        return [hook.target for hook in hooks], counts, set(), []

    @admin.action(description="Send a test event", permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[Hook]) -> None:
        for hook in queryset:
            ping(hook)
        messages.success(request, "Sent as soon as a worker takes it: see Webhook deliveries.")


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnlyAdmin):
    """Keys that deliveries are signed with. A key is shown when it is made, and by `manage.py webhook secret`."""

    list_display = ["__str__", link_column("organization"), CREATED, time_column("ends_at")]
    list_filter = [("organization", ReferenceFilter)]
    list_select_related = ["organization"]
    ordering = ["-created_at"]
    fields = ["organization", "created_at", "ends_at"]
    actions = ["rotate"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SigningKey]:
        rows: QuerySet[SigningKey] = super().get_queryset(request)
        return rows.defer("secret")

    def has_rotate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("webhooks.change_signingkey")

    @admin.action(description="Replace by a new key", permissions=["rotate"])
    def rotate(self, request: HttpRequest, queryset: QuerySet[SigningKey]) -> None:
        for key in queryset.filter(ends_at=None).select_related("organization"):
            new = rotate_signing_key(key.organization)
            text = "The new key of {}, shown only now: <code>{}</code>. The old one signs beside it for a week."
            messages.warning(request, format_html(text, key.organization, new.secret))


class AttemptInline(TabularInline):
    model = DeliveryAttempt
    extra = 0
    can_delete = False
    fields = readonly_fields = [
        "started_at",
        "seconds",
        "response_status",
        "error",
        "request_headers",
        "response_headers",
        "response_body",
    ]
    ordering = ["started_at"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = [CREATED, "event", "state", link_column("hook"), "attempts", "next_attempt"]
    list_filter = [
        ("hook", ReferenceFilter),
        ("status", ChoicesDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    ]
    list_filter_submit = True
    list_select_related = ["hook"]
    search_fields = ["event__startswith", "linked_account_id", "id"]
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
    inlines = [AttemptInline]
    fields = [
        "hook",
        "event",
        "linked_account_id",
        "status",
        "attempts",
        "created_at",
        "next_attempt",
        "finished_at",
        "content",
        "id",
    ]
    readonly_fields = fields
    actions = ["send_again"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        rows: QuerySet[Delivery] = super().get_queryset(request)
        return rows.defer("body")

    @label_column("status", COLOURS)
    def state(self, row: Delivery) -> str:
        return row.status

    @admin.display(description="next attempt (UTC)")
    def next_attempt(self, row: Delivery) -> str | None:
        """Return when it is to be sent; while it is being sent, when that is taken for lost."""
        return f"{row.next_attempt_at:%Y-%m-%d %H:%M}" if row.status == Delivery.Status.PENDING else None

    @admin.display(description="body")
    def content(self, row: Delivery) -> str:
        body = json.loads(row.body)
        if isinstance(body["data"], dict) and "account_token" in body["data"]:
            body["data"]["account_token"] = HIDDEN
        return format_html("<pre>{}</pre>", json.dumps(body, indent=2, ensure_ascii=False))

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("webhooks.change_delivery")

    @admin.action(description="Send once more", permissions=["replay"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        count = Delivery.objects.filter(id__in=queryset.order_by().values("id")).replay(timezone.now())
        messages.success(request, f"To be sent once more: {count}.")
