"""Reads of unified models: what is asked for, and the answer. Views and the fast lane before them share all of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar, cast

from django.http import QueryDict
from rest_framework.exceptions import NotFound, ValidationError

from api import pagination, statements, values
from api.columns import SerializerClass
from api.parameters import Shape, read_flag, read_shape
from api.tenants import Access, Tenant
from api.walks import FilterSetClass

Found = TypeVar("Found")

REMEMBERED = 4096  # query strings: callers send the same again and again, but for cursors
LONGEST_REMEMBERED = 2000


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the query of a list means."""

    place: pagination.Cursor | None
    given: Mapping[str, Any]
    shape: Shape
    size: int


def read_page(
    serializer: SerializerClass, filterset: FilterSetClass, access: Access, query: str
) -> tuple[dict[str, Any], Access]:
    """Return the body of a list, and the access as it is now. `query` is that of the URL, as it came.

    Raises InvalidCursor, ValidationError, or AuthenticationFailed if the access was revoked.
    """
    asked = _remembering(_asked, query)(serializer, cast(Any, filterset), query)

    def fetch(tenant: Tenant) -> statements.Page | None:
        page = statements.fetch_page(
            statements.Wanted(serializer, filterset, tenant, asked.shape, asked.given, asked.place, asked.size)
        )
        return page if page.anchors else None

    page, access = _with_access(access, fetch)
    page = page or statements.EMPTY_PAGE
    body = pagination.envelope(page.results, page.anchors, more_before=page.more_before, more_after=page.more_after)
    return body, access


def read_record(serializer: SerializerClass, access: Access, id: str, query: str) -> tuple[Any, Access]:
    """Return the body of a record, and the access as it is now. Raises NotFound, or as `read_page`."""
    shape = _remembering(_shape, query)(serializer, query)
    known = values.uuid(id)

    def fetch(tenant: Tenant) -> Any:
        return known and statements.fetch_one(serializer, tenant=tenant, shape=shape, id=known)

    record, access = _with_access(access, fetch)
    if record is None:
        raise NotFound
    return record, access


def _with_access(access: Access, fetch: Callable[[Tenant], Found | None]) -> tuple[Found | None, Access]:
    """Return what the caller may see; None if there is nothing. Raises AuthenticationFailed if he may see nothing."""
    found = fetch(access.tenant)
    if found is None and (renewed := access.renew()):
        return fetch(renewed.tenant), renewed
    return found, access


def _remembering(read: Any, query: str) -> Callable[..., Any]:
    """Return what reads a query: with a memory, unless the query would take much of it."""
    return cast(Callable[..., Any], read if len(query) <= LONGEST_REMEMBERED else read.__wrapped__)


@lru_cache(maxsize=REMEMBERED)
def _asked(serializer: SerializerClass, filterset: Any, query: str) -> _Asked:
    parameters = _parameters(query)
    place = pagination.cursor(parameters)
    given, shape, size = _read_all(
        lambda: filterset.read(parameters),
        lambda: read_shape(parameters, serializer),
        lambda: pagination.page_size(parameters),
    )
    return _Asked(place, given, shape, size)


@lru_cache(maxsize=REMEMBERED)
def _shape(serializer: SerializerClass, query: str) -> Shape:
    parameters = _parameters(query)
    # A shell is shown in any case, but the flag has to be one.
    shape, _ = _read_all(
        lambda: read_shape(parameters, serializer), lambda: read_flag(parameters, "include_shell_data")
    )
    return cast(Shape, shape)


def _parameters(query: str) -> QueryDict:
    return QueryDict(query.encode("latin-1"))  # as WSGI hands text over


def _read_all(*readers: Callable[[], Any]) -> list[Any]:
    """Return what each reader returns, or raise one ValidationError with the errors of all."""
    results: list[Any] = []
    errors: dict[str, Any] = {}
    for read in readers:
        try:
            results.append(read())
        except ValidationError as error:
            errors.update(cast(dict[str, Any], error.detail))
    if errors:
        raise ValidationError(errors)
    return results
