from typing import Any

import django_filters
from django.db.models import QuerySet

from api.filters import DateTimeFilter, FlagFilter
from connectors import registry
from linked_accounts.models import AccountType, AuditEvent, LinkedAccount
from linked_accounts.serializers import CATEGORY


class UUIDInFilter(django_filters.BaseInFilter, django_filters.UUIDFilter):
    pass


class TextInFilter(django_filters.BaseInFilter, django_filters.CharFilter):
    pass


class KindFilter(FlagFilter):
    def filter(self, qs: QuerySet[Any], value: bool | None) -> QuerySet[Any]:
        if value is None:
            return qs
        return qs.filter(account_type=AccountType.TEST if value else AccountType.PRODUCTION)


class LinkedAccountFilterSet(django_filters.FilterSet):
    category = django_filters.CharFilter(method="in_category", help_text="Only `ats` has accounts.")
    id = django_filters.UUIDFilter("id", help_text="Id of the linked account.")
    ids = UUIDInFilter("id", help_text="Comma separated.")
    end_user_email_address = django_filters.CharFilter(
        "end_user_email_address", "iexact", help_text="The customer's e-mail address, in upper or lower case."
    )
    end_user_organization_name = django_filters.CharFilter(
        "end_user_organization_name", help_text="The customer's name."
    )
    end_user_origin_id = django_filters.CharFilter("end_user_origin_id", help_text="The customer's id in your product.")
    end_user_origin_ids = TextInFilter("end_user_origin_id", help_text="Comma separated.")
    include_duplicates = FlagFilter(help_text="There are none: an origin id has one account.")
    integration_name = django_filters.CharFilter(
        method="of_platform", help_text="The platform's name, such as Greenhouse."
    )
    is_test_account = KindFilter(
        "account_type", help_text="Which kind of account; without it, the kind that the API key sees."
    )
    status = django_filters.ChoiceFilter(
        choices=LinkedAccount.Status.choices, help_text="Whether the account is linked and working."
    )

    class Meta:
        model = LinkedAccount
        fields: list[str] = []

    def in_category(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset if value == CATEGORY else queryset.none()

    def of_platform(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(platform__in=[slug for slug, title in registry.choices() if title == value])


class AuditEventFilterSet(django_filters.FilterSet):
    event_type = django_filters.CharFilter("event_type", help_text="Such as CHANGED_SCOPES.")
    user_email = django_filters.CharFilter("user_email", "iexact", help_text="Whose doings.")
    start_date = DateTimeFilter("created_at", "gte", help_text="From this time on.")
    end_date = DateTimeFilter("created_at", "lt", help_text="Before this time.")

    class Meta:
        model = AuditEvent
        fields: list[str] = []
