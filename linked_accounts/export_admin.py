import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from threading import Lock
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count
from django.http import (
    HttpRequest,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import re_path, reverse
from django.utils import timezone
from django.utils.text import slugify

from api.serializers import UnifiedModelSerializer
from linked_accounts import audit, scopes
from linked_accounts.exports import Export
from linked_accounts.models import LinkedAccount
from unified.admin import UnifiedModelAdmin

logger = logging.getLogger(__name__)

# By the ending of the file's name: what people call it and programs, how it is written, and what is said in it where it
# breaks off. The answer has begun by then, and a file that only ended would be taken for a whole one.
FORMATS = {
    "csv": ("CSV", "text/csv; charset=utf-8", Export.csv, b"The export broke off here.\r\n"),
    "ndjson": ("JSON Lines", "application/x-ndjson", Export.ndjson, b'{"error":"The export broke off here."}\n'),
}
NO_FILTERS = {"o", "p", "e"}  # parameters of a list page that leave no row out
LONGEST_FILTER = 200  # characters of a filter that the audit trail tells


class BusyError(Exception):
    """Another export is under way in this process."""


class ExportableAdmin(UnifiedModelAdmin):
    """Hands out what a list shows, all of its pages in one file, with the public fields of `serializer`."""

    change_list_template = "linked_accounts/exportable_change_list.html"
    serializer: type[UnifiedModelSerializer]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.export)
        address = re_path(rf"^export/(?P<format>{'|'.join(FORMATS)})/$", view, name=self._url_name("export"))
        return [address, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        addresses = {
            title: reverse(f"admin:{self._url_name('export')}", args=[name]) for name, (title, *_) in FORMATS.items()
        }
        return super().changelist_view(request, {"exports": addresses, **(extra_context or {})})

    def export(self, request: HttpRequest, format: str) -> HttpResponseBase:
        """Answer with the file, after noting who takes it. As that leaves a trace, it takes a POST."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        page = reverse(f"admin:{self._url_name('changelist')}")
        try:
            rows = self.get_changelist_instance(request).queryset.prefetch_related(None)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{page}?e=1")
        counts = dict(rows.order_by().values_list("linked_account").annotate(Count("pk")))
        accounts = readable_accounts(counts, self.model.__name__)
        title, content_type, write, last_words = FORMATS[format]
        content = alone(to_its_end(write(Export(self.serializer, rows, accounts)), last_words))
        try:
            next(content)
        except BusyError:
            messages.warning(request, "Another export is under way. Try again in a moment.")
            return HttpResponseRedirect(f"{page}?{request.GET.urlencode()}")
        of_organizations: Counter[UUID] = Counter()
        for account in accounts.values():
            of_organizations[account.organization_id] += counts[account.id]
        self._note(request, title, of_organizations)
        name = f"{slugify(self.opts.verbose_name_plural)}-{timezone.now():%Y%m%dT%H%M%SZ}.{format}"
        return StreamingHttpResponse(
            content, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    def _note(self, request: HttpRequest, title: str, counts: Mapping[UUID, int]) -> None:
        """Tell each organization, by id, how many of its rows were exported, and by which filters."""
        filters = [f"{name}={value}"[:LONGEST_FILTER] for name, value in request.GET.items() if name not in NO_FILTERS]
        chosen = f", where {', '.join(filters)}" if filters else ""
        with transaction.atomic():
            for organization_id, count in counts.items():
                description = f"{count:,} {self.opts.verbose_name_plural} as {title}{chosen}."
                audit.record(organization_id, "EXPORTED_RECORDS", description, request=request, user=request.user)

    def _url_name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"


def readable_accounts(ids: Collection[UUID], model_name: str) -> dict[UUID, LinkedAccount]:
    """Return by id the accounts of which the model may be read, unless their data is being removed."""
    found = LinkedAccount.objects.present().filter(id__in=ids).select_related("organization")
    accounts = found.defer("credentials", "token_hash")
    return {account.id: account for account in accounts if scopes.permissions(account, model_name).can_read}


def to_its_end(chunks: Iterator[bytes], last_words: bytes) -> Iterator[bytes]:
    """Yield the chunks, and the last words if an error keeps them from their end."""
    try:
        yield from chunks
    except Exception:
        logger.exception("An export broke off")
        yield last_words


_LOCK = Lock()


def alone(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield an empty chunk, then `chunks`. Raises BusyError while another such iterator of this process has not ended.

    A client that stops reading keeps a thread of the server waiting, and a process has few of them.
    """
    if not _LOCK.acquire(blocking=False):
        raise BusyError
    try:
        yield b""
        yield from chunks
    finally:
        _LOCK.release()
