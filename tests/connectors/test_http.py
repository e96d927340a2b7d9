import gzip
import json
from urllib.parse import quote, quote_plus

import pytest
import time_machine

from connectors.auth import FixedHeader
from connectors.errors import (
    BadCredentials,
    MissingPermission,
    NotFound,
    PlatformUnavailable,
    RateLimited,
    UnexpectedAnswer,
)
from connectors.http import Retries, Session, Traffic
from sandbox.server import DROPPED_CONNECTION, Answer, failing, rate_limited, serve, slow
from tests.connectors.script import Script


@pytest.fixture
def server():
    with serve(Script(Answer(200, {"hello": "world"}))) as server:
        yield server


@pytest.fixture
def session():
    session = Session(traffic=Traffic())
    yield session
    session.close()


@pytest.mark.parametrize("fault", [failing(500), failing(503), DROPPED_CONNECTION, rate_limited()])
def test_trouble_that_passes_is_healed(server, session, fault):
    server.faults.queue(fault, times=3)

    assert session.get(server.url).json() == {"hello": "world"}
    assert session.traffic.requests == 4


@pytest.mark.parametrize("fault", [failing(500), DROPPED_CONNECTION])
def test_trouble_that_stays_is_given_up_after_the_last_pause(server, session, fault):
    server.faults.queue(fault, times=100)

    with pytest.raises(PlatformUnavailable):
        session.get(server.url)

    assert session.traffic.requests == 6
    assert 31 <= session.traffic.waited_seconds <= 31 * 1.25  # 1, 2, 4, 8, 16 with jitter


def test_answer_that_takes_too_long_is_no_answer(server):
    server.faults.queue(slow(1))
    session = Session(traffic=Traffic(), timeout_seconds=0.2, retries=Retries(backoff_seconds=()))

    with pytest.raises(PlatformUnavailable, match="ReadTimeout"):
        session.get(server.url)


def test_nobody_at_home_is_no_answer(session):
    with pytest.raises(PlatformUnavailable):
        session.get("http://127.0.0.1:1")


def test_only_calls_that_may_be_repeated_are(server, session):
    server.faults.queue(failing(500))

    with pytest.raises(PlatformUnavailable):
        session.send("POST", server.url)

    assert session.traffic.requests == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "12"}, 12),
        ({"Retry-After": "12", "X-RateLimit-Reset": "1800000099"}, 12),
        ({"Retry-After": "Fri, 15 Jan 2027 08:00:20 GMT"}, 20),
        ({"X-RateLimit-Reset": "1800000007"}, 7),
        # A clock that is not ours.
        ({"X-RateLimit-Reset": "1799990000"}, 30),
        ({"Retry-After": "soon"}, 30),
        ({}, 30),
    ],
)
def test_rate_limit_is_waited_for_as_long_as_told(session, headers, seconds):
    script = Script(Answer(429, {}, headers), Answer(200, {}))

    with serve(script) as server, time_machine.travel("2027-01-15T08:00:00Z", tick=False):
        session.get(server.url)

    jitter = 0 if headers and seconds != 30 else seconds / 4
    assert seconds <= session.traffic.waited_seconds <= seconds + jitter


def test_rate_limit_of_more_than_ten_minutes_is_not_waited_for(session):
    with serve(Script(Answer(429, {}, {"Retry-After": "601"}))) as server, pytest.raises(RateLimited) as caught:
        session.get(server.url)

    assert caught.value.retry_after_seconds == 601
    assert session.traffic.waited_seconds == 0


def test_rate_limit_without_end_is_given_up(session):
    with serve(Script(Answer(429, {}, {"Retry-After": "0"}))) as server, pytest.raises(RateLimited):
        session.get(server.url)

    assert session.traffic.requests == 31


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, BadCredentials),
        (403, MissingPermission),
        (404, NotFound),
        (410, NotFound),
        (422, UnexpectedAnswer),
        (302, UnexpectedAnswer),
    ],
)
def test_refusals_are_told_apart_in_the_platforms_words(session, status, error):
    refusal = Answer(status, {"message": "No way"}, {"Location": "https://example.com/"})

    with serve(Script(refusal)) as server, pytest.raises(error, match=f"GET /v3/users: answered {status}.*No way"):
        session.get(f"{server.url}/v3/users?key=1")

    assert session.traffic.requests == 1


def test_message_hides_secrets_that_the_platform_repeats():
    session = Session(traffic=Traffic(), secrets=("s3cret",), auth=FixedHeader("Authorization", "Basic dG9rZW4="))
    refusal = Answer(403, {"message": "s3cret may not, nor may dG9rZW4="})

    with serve(Script(refusal)) as server, pytest.raises(MissingPermission) as caught:
        session.raise_for_status(session.send("GET", server.url))

    assert "s3cret" not in str(caught.value)
    assert "dG9rZW4=" not in str(caught.value)


@pytest.mark.parametrize("secret", ['pa"ss\\word', "Zoë/1 2"])
def test_secrets_are_hidden_however_they_are_spelled(secret):
    session = Session(traffic=Traffic(), secrets=(secret,))
    spellings = [json.dumps(secret), json.dumps(secret, ensure_ascii=False), quote(secret, safe=""), quote_plus(secret)]

    hidden = session.hide(" ".join([secret, *spellings]))

    assert hidden.replace('"', "") == " ".join(["[hidden]"] * 5)


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"a": NaN}', b'{"a": 1', b"\xff", b"[" * 100_000])
def test_answer_that_is_not_json_is_unexpected(session, body):
    with serve(Script(Answer(200, body))) as server, pytest.raises(UnexpectedAnswer, match="not JSON"):
        session.get(server.url).json()


def test_half_a_character_is_read_as_it_stands(session):
    with serve(Script(Answer(200, rb'{"name": "Ana \ud83d"}'))) as server:
        assert session.get(server.url).json() == {"name": "Ana \ud83d"}


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_answer_beyond_the_limit_is_not_read(headers):
    session = Session(traffic=Traffic(), max_answer_bytes=1000)
    body = gzip.compress(b" " * 100_000) if headers else b" " * 100_000

    with serve(Script(Answer(200, body, headers))) as server, pytest.raises(UnexpectedAnswer, match="1000 bytes"):
        session.get(server.url)


@pytest.mark.parametrize("url", ["ftp://example.com/", "http://host:port/", "nothing"])
def test_address_that_is_none_is_said_so(session, url):
    with pytest.raises(UnexpectedAnswer):
        session.get(url)
