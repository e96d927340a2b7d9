import pytest

from connectors.errors import UnexpectedAnswer
from connectors.http import Session, Traffic
from connectors.pagination import count_pages, follow_cursor, follow_links
from sandbox.server import Answer, serve
from tests.connectors.script import Script


def page(payload, link=None):
    return Answer(200, payload, {"Link": link} if link else {})


def walk(*answers, **options):
    with serve(Script(*answers)) as server:
        session = Session(traffic=Traffic())
        pages = list(follow_links(session, f"{server.url}/things", {"per_page": 2}, **options))
        return pages, [request.query for request in server.requests]


def test_pages_follow_each_other_and_parameters_go_with_the_first():
    pages, queries = walk(page([1, 2], '</things?cursor=a%2Bb>; rel="next"'), page([3]))

    assert pages == [[1, 2], [3]]
    assert queries == [(("per_page", "2"),), (("cursor", "a+b"),)]


def test_link_that_is_not_next_ends_the_walk():
    pages, _ = walk(page([1], '</things?page=1>; rel="prev", </things?page=9>; rel="last"'))

    assert pages == [[1]]


def test_next_page_is_found_among_other_links():
    pages, _ = walk(page([1], '</things?page=9>; rel="last", </things?page=2>; rel="next"'), page([2]))

    assert pages == [[1], [2]]


@pytest.mark.parametrize(
    "link", ["http://example.com/things?cursor=a", "https://127.0.0.1/things?cursor=a", "//127.0.0.1:1/things"]
)
def test_authorization_never_follows_to_another_host(link):
    with pytest.raises(UnexpectedAnswer, match="another host"):
        walk(page([1], f'<{link}>; rel="next"'), page([2]))


def test_next_page_that_repeats_is_a_loop():
    with pytest.raises(UnexpectedAnswer, match="before"):
        walk(page([1], '</things?cursor=a>; rel="next"'))


def test_pages_without_end_are_given_up():
    answers = [page([number], f'</things?cursor={number}>; rel="next"') for number in range(10)]

    with pytest.raises(UnexpectedAnswer, match="more than 5 pages"):
        walk(*answers, max_pages=5)


def test_cursors_are_followed_until_there_is_none():
    pages = {None: ("a", "1"), "1": ("b", "2"), "2": ("c", "")}

    assert list(follow_cursor(pages.__getitem__, name="GET /x")) == ["a", "b", "c"]
    assert list(follow_cursor(pages.__getitem__, name="GET /x", start="2")) == ["c"]


def test_a_cursor_that_leads_in_a_circle_is_given_up():
    with pytest.raises(UnexpectedAnswer, match="GET /x: the next page has been there before"):
        list(follow_cursor(lambda cursor: ("page", "same"), name="GET /x"))


def test_cursors_without_end_are_given_up():
    with pytest.raises(UnexpectedAnswer, match="more than 10 pages"):
        list(follow_cursor(lambda cursor: ("page", f"{cursor}1"), name="GET /x", max_pages=10))


def test_numbered_pages_are_counted_until_there_are_no_more():
    assert list(count_pages(lambda number: (number, number < 30), name="GET /x", first=0, step=10)) == [0, 10, 20, 30]


def test_numbered_pages_without_end_are_given_up():
    with pytest.raises(UnexpectedAnswer, match="more than 5 pages"):
        list(count_pages(lambda number: (number, True), name="GET /x", max_pages=5))
