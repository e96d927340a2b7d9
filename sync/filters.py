import django_filters
from django.db.models import QuerySet

from api.filters import DateTimeFilter, FlagFilter
from connectors import registry
from linked_accounts.secrets import secret_hash
from sync.models import Issue


class MutedFilter(FlagFilter):
    """Shows muted issues as well."""

    def filter(self, qs: QuerySet[Issue], value: bool | None) -> QuerySet[Issue]:
        return qs if value else qs.filter(is_muted=False)


class IssueFilterSet(django_filters.FilterSet):
    linked_account_id = django_filters.UUIDFilter("linked_account", help_text="Id of the linked account.")
    account_token = django_filters.CharFilter(method="of_token", help_text="Token of the linked account.")
    end_user_organization_name = django_filters.CharFilter(
        "linked_account__end_user_organization_name", help_text="The customer's name."
    )
    integration_name = django_filters.CharFilter(method="of_platform", help_text="The platform's name.")
    status = django_filters.ChoiceFilter(choices=Issue.Status.choices, help_text="ONGOING or RESOLVED.")
    include_muted = MutedFilter(help_text="Also list issues that somebody has muted.")
    start_date = DateTimeFilter("last_incident_time", "gte", help_text="Last seen at this time or later.")
    end_date = DateTimeFilter("last_incident_time", "lt", help_text="Last seen before this time.")
    first_incident_time_after = DateTimeFilter("first_incident_time", "gte", help_text="Began at this time or later.")
    first_incident_time_before = DateTimeFilter("first_incident_time", "lt", help_text="Began before this time.")
    last_incident_time_after = DateTimeFilter("last_incident_time", "gte", help_text="Last seen then or later.")
    last_incident_time_before = DateTimeFilter("last_incident_time", "lt", help_text="Last seen before this time.")

    class Meta:
        model = Issue
        fields: list[str] = []

    def of_token(self, queryset: QuerySet[Issue], name: str, value: str) -> QuerySet[Issue]:
        return queryset.filter(linked_account__token_hash=secret_hash(value))

    def of_platform(self, queryset: QuerySet[Issue], name: str, value: str) -> QuerySet[Issue]:
        slugs = [slug for slug, title in registry.choices() if title == value]
        return queryset.filter(linked_account__platform__in=slugs)
