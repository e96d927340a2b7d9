from datetime import UTC, datetime, timedelta, timezone

import pytest

from connectors.errors import BadCredentials, UnexpectedAnswer
from connectors.http import Session, Traffic
from connectors.odata import ListingExpired, datetimeoffset, expanded, fetch_pages, judge, moment
from sandbox.server import Answer, serve
from tests.connectors.script import Script


def page(*entries, following=None):
    return Answer(200, {"d": {"results": list(entries), **({"__next": following} if following else {})}})


def next_page(place="a"):
    return f"/odata/Things?$format=json&$skiptoken={place}"


EXPIRED = Answer(400, {"error": {"code": "X", "message": {"lang": "en-US", "value": "Bad $skiptoken"}}})


def walk(*answers, **options):
    """Return the entries of each page, and the queries that were sent."""
    with serve(Script(*answers)) as server:
        session = Session(traffic=Traffic(), judge=judge)
        given = {"$format": "json", "$filter": "name eq 'a b'", "$expand": "one,other"}
        pages = list(fetch_pages(session, f"{server.url}/odata/Things", given, **options))
        return pages, [dict(request.query) for request in server.requests]


def test_pages_follow_each_other_and_their_addresses_are_taken_as_they_are():
    pages, queries = walk(page(1, 2, following=next_page("a%2Bb%3D")), page(3))

    assert pages == [[1, 2], [3]]
    assert queries == [
        {"$format": "json", "$filter": "name eq 'a b'", "$expand": "one,other"},
        {"$format": "json", "$skiptoken": "a+b="},
    ]


@pytest.mark.parametrize("following", ["https://example.com/odata/Things?$skiptoken=a", "//127.0.0.1:1/odata/Things"])
def test_authorization_never_follows_to_another_host(following):
    with pytest.raises(UnexpectedAnswer, match="another host"):
        walk(page(1, following=following), page(2))


def test_next_page_that_repeats_is_a_loop():
    with pytest.raises(UnexpectedAnswer, match="before"):
        walk(page(1, following=next_page()))


def test_pages_without_end_are_given_up():
    answers = [page(number, following=next_page(str(number))) for number in range(10)]

    with pytest.raises(UnexpectedAnswer, match="more than 5 pages"):
        walk(*answers, max_pages=5)


def test_listing_that_expires_begins_again():
    pages, queries = walk(page(1, following=next_page()), EXPIRED, page(1, following=next_page("b")), page(2))

    assert pages == [[1], [1], [2]]
    assert queries[0] == queries[2]


def test_listing_that_expires_again_fails_in_the_services_words():
    with pytest.raises(ListingExpired, match="Bad \\$skiptoken"):
        walk(page(1, following=next_page()), EXPIRED, page(1, following=next_page("b")), EXPIRED)


@pytest.mark.parametrize(("refusal", "error"), [(EXPIRED, UnexpectedAnswer), (Answer(401), BadCredentials)])
def test_other_refusals_begin_nothing_again(refusal, error):
    with pytest.raises(error) as caught:
        walk(refusal, page(1))

    assert not isinstance(caught.value, ListingExpired)


@pytest.mark.parametrize("payload", [{}, [], {"d": {}}, {"d": []}, {"d": {"results": {}}}])
def test_answer_that_is_no_list_is_unexpected(payload):
    with pytest.raises(UnexpectedAnswer, match="GET /odata/Things: answered with something other than a list"):
        walk(Answer(200, payload))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/Date(1770130800000)/", datetime(2026, 2, 3, 15, 0, tzinfo=UTC)),
        ("/Date(1770130800000+0000)/", datetime(2026, 2, 3, 15, 0, tzinfo=UTC)),
        # An offset does not move the moment.
        ("/Date(1770130800000+0530)/", datetime(2026, 2, 3, 15, 0, tzinfo=UTC)),
        ("/Date(1770130800000-300)/", datetime(2026, 2, 3, 15, 0, tzinfo=UTC)),
        ("/Date(-1500)/", datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=UTC)),
        (None, None),
    ],
)
def test_moments_are_milliseconds_in_utc(value, expected):
    assert moment(value) == expected


@pytest.mark.parametrize(
    "value", ["2026-02-03", "/Date()/", "/Date(1)", "", 1770130800000, "/Date(99999999999999999)/"]
)
def test_moment_refuses_everything_else(value):
    with pytest.raises((ValueError, TypeError)):
        moment(value)


def test_literals_are_utc():
    local = datetime(2026, 11, 1, 2, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))

    assert datetimeoffset(local) == "datetimeoffset'2026-11-01T00:00:00Z'"


@pytest.mark.parametrize(
    ("navigation", "expected"),
    [({"results": [1, 2]}, [1, 2]), ({"results": []}, []), ({"__deferred": {"uri": "x"}}, []), (None, [])],
)
def test_navigations_hold_what_was_expanded(navigation, expected):
    assert expanded(navigation) == expected
