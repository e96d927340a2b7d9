from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.exceptions import ValidationError
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from field_mappings.models import FieldMapping, TargetField
from field_mappings.serializers import TraversalPathField
from field_mappings.services import reshape_accounts
from field_mappings.values import check_jmes_path
from linked_accounts import audit
from unified.admin import CREATED, ReferenceFilter, link_column


class OrganizationWideForm(forms.ModelForm):  # type: ignore[type-arg]
    def _get_validation_exclusions(self) -> set[str]:
        # It is no field of the form, being null here, but part of the constraints.
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return exclusions - {"linked_account"}


class MappingForm(OrganizationWideForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["platform"].disabled = not self.instance._state.adding

    def clean_traversal_path(self) -> Any:
        try:
            return TraversalPathField(allow_empty=False).run_validation(self.cleaned_data["traversal_path"])
        except ValidationError as error:
            raise forms.ValidationError('A list of keys and positions: ["custom_fields", "region"].') from error

    def clean_jmes_path(self) -> str | None:
        expression: str | None = self.cleaned_data["jmes_path"] or None
        try:
            check_jmes_path(expression) if expression else None
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        return expression


class MappingInline(TabularInline):
    """The integration-wide mappings of a target; those of one account are made through the API."""

    model = FieldMapping
    form = MappingForm
    extra = 0
    fields = ["platform", "url_path", "traversal_path", "jmes_path"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(linked_account=None)


@admin.register(TargetField)
class TargetFieldAdmin(ModelAdmin):
    """Fields of an organization's own, and where each platform has their values."""

    form = OrganizationWideForm
    list_display = ["name", "common_model", link_column("organization"), "description", CREATED]
    list_filter = [("organization", ReferenceFilter), ("common_model", ChoicesDropdownFilter)]
    list_filter_submit = True
    list_select_related = ["organization"]
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["name"]
    ordering = ["common_model", "name"]
    autocomplete_fields = ["organization"]
    fields = ["organization", "common_model", "name", "description"]
    inlines = [MappingInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(linked_account=None)

    def get_readonly_fields(self, request: HttpRequest, obj: TargetField | None = None) -> list[str]:
        return ["organization", "common_model"] if obj else []

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        with transaction.atomic():
            super().save_related(request, form, formsets, change)
            touched: list[FieldMapping] = []
            for formset in formsets:
                changed = [mapping for mapping, _ in formset.changed_objects]
                touched += _note(request, "CREATED", formset.new_objects)
                touched += _note(request, "CHANGED", changed)
                touched += _note(request, "DELETED", formset.deleted_objects)
            if "name" in form.changed_data:
                touched = [*touched, *form.instance.mappings.all()]
            reshape_accounts(form.instance.organization_id, touched)

    def delete_model(self, request: HttpRequest, obj: TargetField) -> None:
        with transaction.atomic():
            mappings = _note(request, "DELETED", list(obj.mappings.all()))
            reshape_accounts(obj.organization_id, mappings)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[TargetField]) -> None:
        for target in queryset:
            self.delete_model(request, target)


def _note(request: HttpRequest, what: str, mappings: list[FieldMapping]) -> list[FieldMapping]:
    """Take note of what was done to mappings, and return them."""
    for mapping in mappings:
        whose = "INTEGRATION_WIDE" if mapping.is_integration_wide else "LINKED_ACCOUNT"
        event = f"{what}_{whose}_FIELD_MAPPING"
        audit.record(mapping.target_field.organization_id, event, f"{mapping}.", request=request, user=request.user)
    return mappings
