"""Walks through listings that come in pages. None of them walks in circles, or for ever."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, TypeVar

import httpx2

from connectors.errors import UnexpectedAnswer
from connectors.http import Answer, Parameters, Session

MAX_PAGES = 100_000

Page = TypeVar("Page")


def follow_links(
    session: Session, url: str, params: Parameters | None = None, *, max_pages: int = MAX_PAGES
) -> Iterator[Any]:
    """Yield the parsed body of each page, the next one being what the `Link` header calls so (RFC 8288)."""
    pages = follow_urls(session, url, params, next_url=lambda answer: answer.links.get("next"), max_pages=max_pages)
    return (answer.json() for answer in pages)


def follow_urls(
    session: Session,
    url: str,
    params: Parameters | None = None,
    *,
    next_url: Callable[[Answer], str | httpx2.URL | None],
    max_pages: int = MAX_PAGES,
) -> Iterator[Answer]:
    """Yield each page, the next one being where `next_url` finds it in the last, until that is None or empty.

    That address is taken as it is, `params` go with the first request only. Raises UnexpectedAnswer if it leaves the
    host of `url`, which the authorization is for, if it repeats itself, or after `max_pages`.
    """
    start = httpx2.URL(url)

    def fetch(following: str | None) -> tuple[Answer, str | None]:
        answer = session.get(same_host(start, following, session)) if following else session.get(start, params)
        found = next_url(answer)
        return answer, str(found) if found else None

    return follow_cursor(fetch, name=f"GET {start.path}", max_pages=max_pages)


def follow_cursor(
    fetch: Callable[[str | None], tuple[Page, str | None]],
    *,
    name: str,
    start: str | None = None,
    max_pages: int = MAX_PAGES,
) -> Iterator[Page]:
    """Yield pages: `fetch` takes a cursor, `start` at first, and returns the page and the next cursor, if any.

    Raises UnexpectedAnswer, with `name` in its message, if a cursor has been there before, or after `max_pages`.
    """
    cursor, seen = start, set[str]()
    while True:
        page, cursor = fetch(cursor)
        yield page
        if not cursor:
            return
        if cursor in seen:
            raise UnexpectedAnswer(f"{name}: the next page has been there before")
        seen.add(cursor)
        if len(seen) >= max_pages:
            raise UnexpectedAnswer(f"{name}: more than {max_pages} pages")


def count_pages(
    fetch: Callable[[int], tuple[Page, bool]], *, name: str, first: int = 1, step: int = 1, max_pages: int = MAX_PAGES
) -> Iterator[Page]:
    """Yield numbered pages: `fetch` takes a number or an offset, and returns the page and whether there is another.

    Raises UnexpectedAnswer, with `name` in its message, after `max_pages`.
    """
    for position, number in enumerate(count(first, step), start=1):
        page, has_more = fetch(number)
        yield page
        if not has_more:
            return
        if position >= max_pages:
            raise UnexpectedAnswer(f"{name}: more than {max_pages} pages")


def same_host(start: httpx2.URL, following: str, session: Session) -> httpx2.URL:
    """Return an address that the platform gave us. Raises UnexpectedAnswer if the authorization is not for its host."""
    try:
        url = start.join(following)
    except httpx2.InvalidURL as error:
        raise UnexpectedAnswer(
            f"GET {start.path}: the next page has no address: {session.printable(following)}"
        ) from error
    if (url.scheme, url.host, url.port) != (start.scheme, start.host, start.port):
        raise UnexpectedAnswer(f"GET {start.path}: the next page is on another host, {url.host}")
    return url
