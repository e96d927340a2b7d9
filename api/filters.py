"""Filters that say both how to narrow a queryset and how the list's one statement narrows its table."""

from typing import Any, ClassVar

import django_filters
from django.core.exceptions import ValidationError as FormValidationError
from django.db import models
from django.http import QueryDict
from django_filters.filterset import FILTER_FOR_DBFIELD_DEFAULTS
from rest_framework.exceptions import ValidationError

from api import values
from unified.querysets import UnifiedQuerySet


class DateTimeFilter(django_filters.IsoDateTimeFilter):
    field_class = values.DateTimeField


class FlagFilter(django_filters.BooleanFilter):
    """A switch of the list, read by whoever makes the list."""

    field_class = values.BooleanField

    def filter(self, qs: Any, value: bool | None) -> Any:
        return qs


class TextFilter(django_filters.CharFilter):
    """Compares a text that may be too long for an index: its beginning by the index, then the whole."""

    def __init__(self, field_name: str, lookup_expr: str = "exact", **options: Any) -> None:
        super().__init__(field_name, lookup_expr, strip=False, **options)


class ThroughFilter(django_filters.UUIDFilter):
    """Compares what stands in the row itself, and yet is the field of another record that the row refers to."""

    def __init__(self, field_name: str, *, means: str, **options: Any) -> None:
        super().__init__(field_name, **options)
        self.means = means


class UnifiedFilterSet(django_filters.FilterSet):
    """The parameters that every list of a unified model has (wire contract, section 2)."""

    FILTER_DEFAULTS: ClassVar[dict[Any, Any]] = FILTER_FOR_DBFIELD_DEFAULTS | {
        models.ForeignKey: {"filter_class": django_filters.UUIDFilter}
    }

    created_after = DateTimeFilter("created_at", "gte", help_text="Created here at this time or later.")
    created_before = DateTimeFilter("created_at", "lt", help_text="Created here before this time.")
    modified_after = DateTimeFilter(
        "modified_at",
        "gte",
        help_text="Changed here at this time or later. Poll with the time your previous poll started.",
    )
    modified_before = DateTimeFilter("modified_at", "lt", help_text="Last changed here before this time.")
    remote_id = django_filters.CharFilter("remote_id", strip=False, help_text="The platform's own id.")
    include_deleted_data = FlagFilter(help_text="Also list what the platform has deleted.")
    include_shell_data = FlagFilter(
        help_text="Also list shells: records that others refer to and that have not arrived yet."
    )

    @classmethod
    def filter_for_field(cls, field: Any, field_name: str, lookup_expr: str | None = None) -> django_filters.Filter:
        filter_ = super().filter_for_field(field, field_name, lookup_expr)
        filter_.extra.setdefault("help_text", f"Id of the {field.name.replace('_', ' ')}.")
        return filter_

    def filter_queryset(self, queryset: UnifiedQuerySet) -> Any:
        if not self.form.cleaned_data["include_deleted_data"]:
            queryset = queryset.present()
        if not self.form.cleaned_data["include_shell_data"]:
            queryset = queryset.filled()
        return super().filter_queryset(queryset)

    @classmethod
    def asks_about(cls, name: str) -> str:
        """Return the public field that a parameter tells about, or two with `__` between: one of another's."""
        filter_ = cls.base_filters[name]
        field_name: str = getattr(filter_, "means", filter_.field_name) or ""
        return field_name.removesuffix("_id")

    @classmethod
    def read(cls, query: QueryDict) -> dict[str, Any]:
        """Return the values of the parameters that were given. Raises ValidationError, which names every bad one.

        Does what a form would, for the given parameters only: to make a form costs more than to fetch a page.
        """
        values, errors = {}, {}
        for name in query.keys() & cls.base_filters.keys():
            try:
                value = cls.base_filters[name].field.clean(query[name])
            except FormValidationError as error:
                errors[name] = error.messages
            else:
                if value not in (None, ""):
                    values[name] = value
        if errors:
            raise ValidationError(errors)
        return values
