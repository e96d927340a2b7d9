"""Walks through Lever's lists, which come in pages: https://hire.lever.co/developer/documentation"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connectors.errors import UnexpectedAnswer
from connectors.http import Answer, Parameters, Session
from connectors.pagination import follow_cursor

MAX_PER_PAGE = 100


class UnreadableOffset(UnexpectedAnswer):
    """Lever does not know what to make of the token that a walk is at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows of a list. `first` is the position of the first one, counted from where the walk began.

    `next` is the token of the page that follows, if any. `is_continued`: the walk did not begin with the first page.
    """

    rows: list[Any]
    first: int
    next: str | None
    is_continued: bool


def is_unreadable_offset(answer: Answer) -> bool:
    return answer.status == 400 and b"invalid offset token" in answer.body.lower()


def pages(session: Session, url: str, params: Parameters | None = None, *, start: str | None = None) -> Iterator[Page]:
    """Yield the pages of a list, from the token `start` on where there is one.

    A token that Lever cannot read starts the walk again, once: then `first` is 0 again, and all rows come again.
    """
    try:
        yield from _walk(session, url, params, start)
    except UnreadableOffset:
        yield from _walk(session, url, params, None)


def all_rows(session: Session, url: str) -> list[Any]:
    rows: list[Any] = []
    for page in pages(session, url):
        rows[page.first :] = page.rows
    return rows


def _walk(session: Session, url: str, params: Parameters | None, start: str | None) -> Iterator[Page]:
    position = 0

    def fetch(offset: str | None) -> tuple[Page, str | None]:
        nonlocal position
        query: Parameters = {"limit": MAX_PER_PAGE, **(params or {}), **({"offset": offset} if offset else {})}
        answer = session.get(url, query)
        body = answer.json()
        rows = body.get("data") if isinstance(body, dict) else None
        if not isinstance(rows, list):
            raise UnexpectedAnswer(f"{answer.request}: answered with something other than a list")
        following = body.get("next") if body.get("hasNext") else None
        if body.get("hasNext") and not (isinstance(following, str) and following):
            raise UnexpectedAnswer(f"{answer.request}: says that there is more, and not where")
        page = Page(rows=rows, first=position, next=following, is_continued=start is not None)
        position += len(rows)
        return page, following

    return follow_cursor(fetch, name=f"GET {url}", start=start)
