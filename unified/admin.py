"""What the admin of the unified models shares: it reads only, and stays fast however many rows there are.

No page counts a table, sorts it or reads it for the values it holds. Lists walk an index in their order; counts,
searches and pages have a bound.
"""

import json
import re
import uuid
from calendar import month_abbr, monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache, lru_cache, wraps
from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, quote
from django.contrib.postgres.search import SearchQuery
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.db.models import F, ManyToOneRel, Max, Min, Model, OrderBy, Prefetch, Q, QuerySet, TextChoices
from django.db.models.functions import Coalesce, Left
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter
from unfold.contrib.filters.forms import DropdownForm
from unfold.utils import display_for_label
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminSelectWidget

from unified.models import UnifiedModel
from unified.search import INDEXED_LENGTH, word_vector

Method = TypeVar("Method", bound=Callable[..., Any])

COUNT_LIMIT = 1_000  # rows that are counted exactly, and that pages lead to
WHOLE_COUNT_LIMIT = 10_000  # rows of a list without filters that are counted: an index is enough for that
SEARCH_LIMIT = 300  # rows that one way of searching finds at most
ORIGINAL_LIMIT = 50_000  # characters shown of one of the platform's originals
PREFORMATTED = '<pre class="text-xs" style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>'
ANY_ID = "00000000-0000-0000-0000-000000000000"
YEARS_BACK, YEARS_AHEAD = 15, 5  # offered by the date hierarchy, as platforms hold years like 1 and 9999


@contextmanager
def only_indexes() -> Iterator[None]:
    """Have PostgreSQL walk indexes for what has a limit.

    It takes rows that meet a condition to be spread evenly, and then expects to find enough of them soon in the table
    itself. What is new or still to come is not spread but gathered at its end.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        yield


def estimated_count(rows: QuerySet[Any]) -> int:
    """Return how many rows PostgreSQL's planner expects, one at least."""
    return max(1, int(json.loads(rows.explain(format="json"))[0]["Plan"]["Plan Rows"]))


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts some rows; of more it tells the planner's estimate. It leads to the first COUNT_LIMIT."""

    template_name = "unified/pagination.html"  # django-unfold shows it in place of its own
    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> int:
        rows = self.object_list.order_by().prefetch_related(None)
        limit = COUNT_LIMIT if rows.query.where else WHOLE_COUNT_LIMIT
        with only_indexes():
            counted = rows[: limit + 1].count()
        if counted <= limit:
            return counted
        return max(counted, estimated_count(rows))

    @property
    def num_pages(self) -> int:
        return -(-min(max(self.count, 1), COUNT_LIMIT) // self.per_page)

    @property
    def is_bounded(self) -> bool:
        return self.count > COUNT_LIMIT

    @property
    def about(self) -> str:
        """The count as people read it; an estimate has no more than two digits that mean anything."""
        return f"{float(f'{self.count:.2g}'):,.0f}" if self.is_bounded else f"{self.count:,}"


class BoundedChangeList(ChangeList):
    """Takes its date hierarchy from the calendar: Django's reads every row for the dates it has."""

    def get_ordering_field(self, field_name: Any) -> Any:
        """Refuse what the page offers no sorting by, whatever the address says: it would sort the whole table."""
        return super().get_ordering_field(field_name) if field_name in self.sortable_by else None

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count  # else the head of the page tells the estimate to the last digit

    @property
    def date_links(self) -> dict[str, Any]:
        """The context of `admin/date_hierarchy.html`: `choices` one step down, `back` one step up or None."""
        field = self.date_hierarchy
        year, month, day = (int(self.params.get(f"{field}__{part}", 0)) for part in ("year", "month", "day"))

        def link(title: object, **parts: int) -> dict[str, Any]:
            chosen = {f"{field}__{part}": value for part, value in parts.items()}
            return {"title": title, "link": self.get_query_string(chosen, [f"{field}__"])}

        if not year:
            return {"back": None, "choices": [link(choice, year=choice) for choice in self._years()]}
        if not month:
            months = [link(f"{month_abbr[choice]} {year}", year=year, month=choice) for choice in range(1, 13)]
            return {"back": link("All dates"), "choices": months}
        title = f"{month_abbr[month]} {year}"
        if not day:
            days = range(1, monthrange(year, month)[1] + 1)
            return {
                "back": link(year, year=year),
                "choices": [link(choice, year=year, month=month, day=choice) for choice in days],
            }
        return {"back": link(title, year=year, month=month), "choices": [{"title": f"{day} {title}"}]}

    def _years(self) -> range:
        """Return the years from the oldest row of all to the newest."""
        dates = self.model._default_manager.aggregate(first=Min(self.date_hierarchy), last=Max(self.date_hierarchy))
        if dates["first"] is None:
            return range(0)
        today = timezone.now().year
        return range(max(dates["first"].year, today - YEARS_BACK), min(dates["last"].year, today + YEARS_AHEAD) + 1)


class ReferenceFilter(AutocompleteSelectFilter):
    """Narrows a list by a row that its rows refer to, found by typing."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        narrowed: QuerySet[Any] | None = super().queryset(request, queryset)
        related = self.field.related_model
        if narrowed is None or not self.value() or not issubclass(related, UnifiedModel):
            return narrowed
        # The indexes of references begin with the account, which is that of the row referred to. It is looked up first:
        # how many rows to expect, and so how best to find them, PostgreSQL knows of a given account only.
        account = related._default_manager.filter(pk=self.value()).values_list("linked_account", flat=True).first()
        return narrowed.filter(linked_account=account)

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Read the chosen row as its own admin does, so that what that one leaves unread stays so."""
        related_admin = self.model_admin.admin_site.get_model_admin(self.field.related_model)
        for choice in super().choices(changelist):
            rows = related_admin.get_queryset(self.request).prefetch_related(None)
            choice["form"].fields[self.lookup_kwarg].queryset = rows
            yield choice


class ConditionFilter(DropdownFilter):
    """A list filter whose choices are named conditions: `conditions` holds label and condition by parameter value."""

    conditions: Mapping[str, tuple[str, Q]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, label) for value, (label, _) in self.conditions.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(self.conditions[value][1]) if value in self.conditions else queryset


class StateFilter(ConditionFilter):
    title = "state"
    parameter_name = "state"
    conditions = {
        "present": ("Present", Q(remote_was_deleted=False, is_shell=False)),
        "deleted": ("Deleted at the platform", Q(remote_was_deleted=True)),
        "shell": ("Not yet arrived", Q(is_shell=True)),
    }


class TypingDropdownForm(DropdownForm):
    """A drop-down that takes typed text, too."""

    widget = UnfoldAdminSelectWidget(
        attrs={
            "data-theme": "admin-autocomplete",
            "data-tags": "true",
            "class": "unfold-admin-autocomplete admin-autocomplete",
        }
    )


class KnownTextFilter(DropdownFilter):
    """Narrows by a text that is often one of `known`: those are offered, any other can be typed."""

    form_class = TypingDropdownForm
    known: type[TextChoices]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        typed = [(value, value)] if (value := self.value()) and value not in self.known.values else []
        return [*self.known.choices, *typed]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not (value := self.value()):
            return queryset
        beginnings = queryset.alias(beginning=Left(self.parameter_name, INDEXED_LENGTH))
        narrowed: QuerySet[Any] = beginnings.filter(beginning=value[:INDEXED_LENGTH])
        return narrowed


def link_to(row: Model | None) -> str | None:
    """Return a link to the admin page of `row`; None for no row."""
    if row is None:
        return None
    url = _change_url(row._meta.label_lower).replace(ANY_ID, quote(str(row.pk)))
    return format_html('<a href="{}" class="text-link">{}</a>', url, row)


@cache
def _change_url(label: str) -> str:
    """Return the address of the pages of a model ("app.model"), with ANY_ID for an id. A list has a hundred of them."""
    return reverse(f"admin:{label.replace('.', '_')}_change", args=[ANY_ID])


def label_column(title: str, colours: Mapping[str, str]) -> Callable[[Method], Method]:
    """Let a method be shown as a coloured label; a value that `colours` lacks is grey, and no value has none."""

    def decorator(method: Method) -> Method:
        @wraps(method)
        def column(*arguments: Any) -> str | None:
            value = method(*arguments)
            return value and _label(str(value), colours.get(value))

        decorated: Any = admin.display(column, description=title)
        return decorated  # type: ignore[no-any-return]

    return decorator


@lru_cache(maxsize=1000)  # values that only platforms know can be any
def _label(text: str, colour: str | None) -> str:
    return display_for_label(text, "", {text: colour})  # type: ignore[no-any-return]


def link_column(path: str, title: str | None = None) -> Callable[[Any], str | None]:
    """Return a list column that links to the row which `path` leads to: `field` or `field__field`."""

    def column(row: Any) -> str | None:
        for name in path.split("__"):
            row = row and getattr(row, name)
        return link_to(row)

    column.__name__ = path
    return admin.display(column, description=title or path.replace("_", " "))


def time_column(field: str, ordering: Any = None) -> Callable[[Any], str | None]:
    """Return a list column that shows a time to the minute, and in one line."""

    def column(row: Any) -> str | None:
        time: datetime | None = getattr(row, field)
        return None if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M}"

    column.__name__ = field
    title = f"{field.removesuffix('_at').replace('_', ' ')} (UTC)"
    return admin.display(column, description=title, ordering=ordering or field)


CREATED = time_column("created_at")


def list_url(label: str, **lookups: Any) -> str:
    """Return the address of the list of a model ("app.Model"), narrowed by `lookups`."""
    return reverse(f"admin:{label.lower().replace('.', '_')}_changelist", query=lookups)


def referring_lists(site: admin.AdminSite, row: Model) -> list[tuple[str, str]]:
    """Return title and address of every list, of any registered model, that a reference to `row` narrows."""
    found = []
    for relation in row._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ManyToOneRel) or relation.one_to_one:
            continue
        model, field = relation.related_model, relation.field
        if not site.is_registered(model):
            continue
        title = capfirst(str(model._meta.verbose_name_plural))
        if field.name.replace("_", "") != row._meta.model_name:
            title = f"{title} ({field.verbose_name})"
        found.append((title, list_url(model._meta.label, **{f"{field.name}__id__exact": row.pk})))
    return found


def links(addresses: Sequence[tuple[str, str]]) -> str:
    return format_html_join("", '<a href="{1}" class="text-link block">{0}</a>', addresses)


def search_words(rows: QuerySet[Any], fields: Sequence[str], text: str) -> QuerySet[Any]:
    """Narrow to the rows where each word of `text` begins a word of the fields."""
    words = [re.sub(r"['\\]", " ", word) for word in text[:INDEXED_LENGTH].split()]
    query = SearchQuery(" & ".join(f"'{word}':*" for word in words), search_type="raw", config="simple")
    found: QuerySet[Any] = rows.alias(words=word_vector(*fields)).filter(words=query)
    return found


def sort_found(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Have few rows sorted, in the same order: PostgreSQL would walk the index of that until it meets them."""
    first: Any
    first, *others = rows.query.order_by
    if isinstance(first, str):
        first = F(first.removeprefix("-")).desc() if first.startswith("-") else F(first).asc()
    column = first.expression
    no_index = OrderBy(Coalesce(column, column), first.descending, first.nulls_first, first.nulls_last)
    return rows.order_by(no_index, *others)


def formatted_json(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    text = text.encode(errors="backslashreplace").decode()  # JSON may hold half a surrogate pair, which no page can
    rest = len(text) - ORIGINAL_LIMIT
    return text if rest <= 0 else f"{text[:ORIGINAL_LIMIT]}\n… and {rest:,} characters more"


class ReadOnlyAdmin(ModelAdmin):
    """Shows rows that only a synchronisation writes."""

    change_list_template = "unified/change_list.html"
    paginator = BoundedPaginator
    list_per_page = 30
    list_filter_submit = True
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by: Sequence[Any] = ()  # columns that have an index: any other would sort the whole table

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read the account of each row, if it has one, as its own admin does: without its credentials."""
        rows: QuerySet[Any] = super().get_queryset(request)
        if not hasattr(self.model, "linked_account"):
            return rows
        account = self.model._meta.get_field("linked_account").related_model
        accounts = self.admin_site.get_model_admin(account).get_queryset(request)
        return rows.prefetch_related(Prefetch("linked_account", accounts))


class UnifiedModelAdmin(ReadOnlyAdmin):
    date_hierarchy = "created_at"
    ordering = ["-created_at", "-id"]
    sortable_by = [CREATED]
    search_fields = ["id", "remote_id"]  # shows the search box; what is searched says `find`
    search_help_text = "Id or remote id"

    prefetch: Sequence[str] = ()  # what columns and fields follow
    words: Sequence[str] = ()  # fields that are searched by the beginnings of their words
    unified_fields: Sequence[str] = ()
    platform_fields: Sequence[str] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related(*self.prefetch)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        bookkeeping = ["id", "linked_account", "created_at", "modified_at", "mappings"]
        see_also = ["referring"] if obj and self.get_referring(obj) else []
        return [
            ("Unified fields", {"fields": [*self.unified_fields, *see_also]}),
            ("At the platform", {"fields": ["remote_id", *self.platform_fields, "presence"]}),
            ("Bookkeeping", {"fields": bookkeeping}),
            ("Remote data", {"fields": ["remote_data"]}),
        ]

    def get_referring(self, row: UnifiedModel) -> list[tuple[str, str]]:
        """Return title and address of the lists that a page leads to."""
        return referring_lists(self.admin_site, row)

    def find(self, rows: QuerySet[Any], text: str) -> list[QuerySet[Any]]:
        """Return the rows that `text` finds, by one query for each index that it can be looked up in."""
        account = self.model._meta.get_field("linked_account").related_model
        # Naming every account makes the unique index on account and remote id of use.
        found = [rows.filter(linked_account__in=account._default_manager.values("pk"), remote_id=text)]
        with suppress(ValueError):
            found.append(rows.filter(pk=uuid.UUID(text)))
        if self.words:
            found.append(search_words(rows, self.words, text))
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        rows = queryset.order_by().prefetch_related(None)
        # Looked up now and one after the other: the list asks for them twice, to count and to show them, and PostgreSQL
        # stops at the limit only where it need not sort out what was found twice.
        with only_indexes():
            ids = {id for found in self.find(rows, text) for id in found.values_list("pk", flat=True)[:SEARCH_LIMIT]}
        return sort_found(queryset.filter(pk__in=ids)), False

    @label_column("state", {"deleted": "danger", "shell": "warning"})
    def state(self, row: UnifiedModel) -> str | None:
        if row.remote_was_deleted:
            return "deleted"
        return "shell" if row.is_shell else None

    @admin.display(description="state")
    def presence(self, row: UnifiedModel) -> str:
        if row.remote_was_deleted:
            return "Deleted at the platform"
        return "Not yet arrived: other records refer to it" if row.is_shell else "Present"

    @admin.display(description="see also")
    def referring(self, row: UnifiedModel) -> str:
        return links(self.get_referring(row))

    @admin.display(description="field mappings")
    def mappings(self, row: UnifiedModel) -> str | None:
        return row.field_mappings and format_html(PREFORMATTED, formatted_json(row.field_mappings))

    @admin.display(description="remote data")
    def remote_data(self, row: Any) -> str | None:
        """Each of the platform's originals under the path it came from, closed until clicked."""
        stored = getattr(row, "stored_remote_data", None)
        return stored and format_html_join(
            "",
            '<details class="mb-2"><summary class="cursor-pointer font-medium">{}</summary>'
            + PREFORMATTED
            + "</details>",
            ((entry["path"], formatted_json(entry["data"])) for entry in stored.entries),
        )
