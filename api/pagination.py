"""Cursor pagination by (created_at, id): stable while rows are added, changed and hidden."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

MAX_PAGE_SIZE = 100


class InvalidCursor(NotFound):
    default_detail = "Invalid cursor"


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two records: right after the one named or, `backwards`, right before it.

    The record itself need no longer exist. As text: base64url without padding of `p=<created_at>&i=<id>[&r=1]`.
    """

    created_at: datetime
    id: UUID | str  # a UUID, as an object or as text
    backwards: bool = False

    @classmethod
    def decode(cls, text: str) -> Self:
        """Raises InvalidCursor."""
        try:
            query = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
            parts = parse_qs(query, strict_parsing=True)
            created_at = datetime.fromisoformat(parts["p"][0])
            if created_at.utcoffset() is None:
                raise InvalidCursor
            return cls(created_at.astimezone(UTC), UUID(parts["i"][0]), parts.get("r") == ["1"])
        except (binascii.Error, ValueError, KeyError, OverflowError):
            raise InvalidCursor from None

    def encode(self) -> str:
        query = {"p": self.created_at.isoformat(), "i": str(self.id)} | ({"r": "1"} if self.backwards else {})
        return base64.urlsafe_b64encode(urlencode(query).encode()).rstrip(b"=").decode()


def page_size(query: QueryDict) -> int:
    """Return what the caller asks for, at most 100. Raises ValidationError."""
    text = query.get("page_size")
    if not text:
        return CreatedAtCursorPagination.default_page_size
    try:
        if not text.isascii() or "_" in text:  # Python takes other digits, and groups of them
            raise ValueError(text)
        size = int(text)
    except ValueError:
        raise ValidationError({"page_size": ["A valid integer is required."]}) from None
    if size < 1:
        raise ValidationError({"page_size": ["Ensure this value is greater than or equal to 1."]})
    return min(size, MAX_PAGE_SIZE)


def cursor(query: QueryDict) -> Cursor | None:
    """Raises InvalidCursor."""
    text = query.get("cursor")
    return Cursor.decode(text) if text else None


def one_page(results: list[Any], request: Request) -> dict[str, Any]:
    """Return the body of a list that one page always holds. Raises as for any other list."""
    page_size(request.query_params), cursor(request.query_params)
    return envelope(results, [], more_before=False, more_after=False)


def envelope(
    results: list[Any], anchors: list[tuple[datetime, str]], *, more_before: bool, more_after: bool
) -> dict[str, Any]:
    """Return the body of a list; `anchors` begins and ends with (created_at, id) of its first and last record."""
    return {
        "next": Cursor(*anchors[-1]).encode() if more_after and anchors else None,
        "previous": Cursor(*anchors[0], backwards=True).encode() if more_before and anchors else None,
        "results": results,
    }


class CreatedAtCursorPagination(BasePagination):
    """Pages a queryset of anything that has `created_at` and `id`, or another time by the name of `field`."""

    default_page_size = 30
    field = "created_at"
    newest_first = False

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        size, place = page_size(request.query_params), cursor(request.query_params)
        order, reverse = [self.field, "id"], [f"-{self.field}", "-id"]
        if self.newest_first:
            order, reverse = reverse, order
        if place is None:
            page = list(queryset.order_by(*order)[: size + 1])
            self.more_before, self.more_after = False, len(page) > size
            self.page = page[:size]
        else:
            at = Q(**{self.field: place.created_at}) & Q(id=place.id)
            same_time = Q(**{self.field: place.created_at})
            later = Q(**{f"{self.field}__gt": place.created_at}) | (same_time & Q(id__gt=place.id))
            after, before = (~later & ~at, later) if self.newest_first else (later, ~later & ~at)
            if place.backwards:
                page = list(queryset.filter(before).order_by(*reverse)[: size + 1])
                self.more_before, self.more_after = len(page) > size, queryset.filter(at | after).exists()
                self.page = page[:size][::-1]
            else:
                page = list(queryset.filter(after).order_by(*order)[: size + 1])
                self.more_before, self.more_after = queryset.filter(at | before).exists(), len(page) > size
                self.page = page[:size]
        return self.page

    def get_paginated_response(self, data: Any) -> Response:
        anchors = [(getattr(row, self.field), str(row.id)) for row in self.page]
        return Response(envelope(data, anchors, more_before=self.more_before, more_after=self.more_after))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        place = {"type": ["string", "null"]}
        example = (
            "cD0yMDI2LTA5LTMwVDA4JTNBMDUlM0EwMC42MjMyMDQlMkIwMCUzQTAwJmk9Yjhm"
            "YWYwNzItOThiOS00NDQ1LThhOWEtNmI0OTUwZWZjYTE5"
        )
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": place | {"description": "`cursor` of the next page; null on the last one.", "example": example},
                "previous": place
                | {"description": "`cursor` of the previous page; null on the first one.", "example": None},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "description": "`next` or `previous` of another page of the same list, unchanged. Repeat the filters.",
                "schema": {"type": "string"},
            },
            {
                "name": "page_size",
                "in": "query",
                "description": f"Records per page. More than {MAX_PAGE_SIZE} counts as {MAX_PAGE_SIZE}.",
                "schema": {"type": "integer", "minimum": 1, "default": self.default_page_size},
            },
        ]
