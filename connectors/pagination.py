"""Walks through listings that come in pages."""

from collections.abc import Iterator
from typing import Any

import httpx2

from connectors.errors import UnexpectedAnswer
from connectors.http import Parameters, Session

MAX_PAGES = 100_000


def follow_links(
    session: Session, url: str, params: Parameters | None = None, *, max_pages: int = MAX_PAGES
) -> Iterator[Any]:
    """Yield the parsed body of each page, the next one being what the `Link` header calls so (RFC 8288).

    That address is taken as it is, `params` go with the first request only. Raises UnexpectedAnswer if it leaves the
    host of `url`, which the authorization is for, if it repeats itself, or after `max_pages`.
    """
    start = httpx2.URL(url)
    seen: set[str] = set()
    answer = session.get(start, params)
    while True:
        yield answer.json()
        following = answer.links.get("next")
        if following is None:
            return
        if _origin(following) != _origin(start):
            raise UnexpectedAnswer(f"{answer.request}: the next page is on another host, {following.host}")
        if str(following) in seen:
            raise UnexpectedAnswer(f"{answer.request}: the next page has been there before")
        if len(seen) + 1 >= max_pages:
            raise UnexpectedAnswer(f"{answer.request}: more than {max_pages} pages")
        seen.add(str(following))
        answer = session.get(following)


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
