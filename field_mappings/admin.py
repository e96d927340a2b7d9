from typing import Any

import jmespath
import jmespath.exceptions
from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from field_mappings.models import FieldMapping, TargetField
from field_mappings.services import reshape_accounts
from linked_accounts import audit
from unified.admin import CREATED, ReferenceFilter, link_column


class MappingForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_traversal_path(self) -> Any:
        path = self.cleaned_data["traversal_path"]
        if not isinstance(path, list) or not path or not all(isinstance(step, str | int) for step in path):
            raise forms.ValidationError('A list of keys and positions: ["custom_fields", "region"].')
        return path

    def clean_jmes_path(self) -> str | None:
        expression: str | None = self.cleaned_data["jmes_path"] or None
        try:
            jmespath.compile(expression) if expression else None
        except jmespath.exceptions.JMESPathError as error:
            raise forms.ValidationError(f"This is no JMESPath: {error}") from error
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
            for formset in formsets:
                for mapping in (*formset.new_objects, *(one for one, _ in formset.changed_objects)):
                    self._tell(request, "CHANGED", mapping)
                for mapping in formset.deleted_objects:
                    self._tell(request, "DELETED", mapping)

    def delete_model(self, request: HttpRequest, obj: TargetField) -> None:
        with transaction.atomic():
            for mapping in obj.mappings.filter(linked_account=None):
                self._tell(request, "DELETED", mapping)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[TargetField]) -> None:
        for target in queryset:
            self.delete_model(request, target)

    def _tell(self, request: HttpRequest, what: str, mapping: FieldMapping) -> None:
        organization = mapping.target_field.organization_id
        event = f"{what}_INTEGRATION_WIDE_FIELD_MAPPING"
        audit.record(organization, event, f"{mapping}.", request=request, user=request.user)
        reshape_accounts(mapping)
