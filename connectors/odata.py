"""Reads OData 2.0 services.

https://www.odata.org/documentation/odata-version-2-0/uri-conventions/,
https://www.odata.org/documentation/odata-version-2-0/json-format/
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx2

from connectors.errors import ConnectorError, UnexpectedAnswer
from connectors.http import Answer, Session, judge_by_status
from connectors.pagination import MAX_PAGES, follow_cursor, same_host
from connectors.values import utc_time

DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d+)?\)/")


class ListingExpired(UnexpectedAnswer):
    """The service no longer knows where a listing was to go on."""


def judge(session: Session, answer: Answer) -> ConnectorError | None:
    """Return what is wrong with an answer, as judge_by_status does; ListingExpired for a next page that is refused."""
    if answer.status == 400 and "$skiptoken" in answer.url.params:
        return ListingExpired(session.describe(answer))
    return judge_by_status(session, answer)


def fetch_pages(
    session: Session, url: str, options: Mapping[str, str], *, max_pages: int = MAX_PAGES
) -> Iterator[list[Any]]:
    """Yield the entries of each page. A listing that expires, where `judge` says so, begins again, once.

    So the entries of some pages may come twice.
    """
    try:
        yield from _walk(session, url, options, max_pages)
    except ListingExpired:
        yield from _walk(session, url, options, max_pages)


def expanded(navigation: Any) -> list[Any]:
    """Return the entries of a navigation to many; none where it is null or was not expanded."""
    return (navigation or {}).get("results") or []


def moment(value: str | None) -> datetime | None:
    """Read Edm.DateTime and Edm.DateTimeOffset as JSON has them: `/Date(1770130800000+0100)/`.

    The offset tells where it was written down; the milliseconds are UTC with or without it. Raises ValueError or
    TypeError for anything else.
    """
    if value is None:
        return None
    found = DATE.fullmatch(value)
    if found is None:
        raise ValueError(f"no time: {value!r}")
    return utc_time(int(found[1]))


def datetimeoffset(value: datetime) -> str:
    """Return the literal of an aware time for `$filter`, cut to seconds."""
    return f"datetimeoffset'{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"


def _walk(session: Session, url: str, options: Mapping[str, str], max_pages: int) -> Iterator[list[Any]]:
    # Percent-encoded throughout: not every service takes "+" for a blank.
    start = httpx2.URL(f"{url}?{urlencode(options, quote_via=quote, safe='$,')}")
    name = f"GET {start.path}"

    def fetch(address: str | None) -> tuple[list[Any], str | None]:
        answer = session.get(same_host(start, address, session) if address else start)
        match answer.json():
            case {"d": {"results": list(entries), **rest}}:
                following = rest.get("__next")
                return entries, str(following) if following else None
        raise UnexpectedAnswer(f"{name}: answered with something other than a list")

    return follow_cursor(fetch, name=name, max_pages=max_pages)
