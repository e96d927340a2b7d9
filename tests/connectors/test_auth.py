from base64 import b64encode

import pytest
import time_machine

from connectors.auth import BasicAuth, client_credentials
from connectors.errors import BadCredentials, UnexpectedAnswer
from connectors.http import Session, Traffic
from sandbox.server import Answer, failing, serve
from tests.connectors.script import Script

NOW = "2026-11-23T09:00:00Z"


def token(text="t1", **more):
    return Answer(200, {"access_token": text, **more})


@pytest.fixture
def ask():
    """Return a function that calls a platform with client credentials, at these times, and returns what it was sent."""

    def ask(*answers, times=(NOW,), parameters=None, fault=None):
        with serve(Script(*answers)) as server:
            auth = client_credentials(
                f"{server.url}/token", client_id="id", client_secret="secret", parameters=parameters
            )
            session = Session(traffic=Traffic(), auth=auth)
            if fault:
                server.faults.queue(fault)
            for moment in times:
                with time_machine.travel(moment, tick=False):
                    session.get(f"{server.url}/things")
            return server.requests

    return ask


def test_token_is_fetched_with_the_clients_credentials(ask):
    fetched, called = ask(token("t1"), Answer(200), parameters={"sub": "4001"})

    assert fetched.headers["authorization"] == "Basic " + b64encode(b"id:secret").decode()
    assert fetched.headers["content-type"] == "application/x-www-form-urlencoded"
    assert fetched.body == b"grant_type=client_credentials&sub=4001"
    assert called.headers["authorization"] == "Bearer t1"


@pytest.mark.parametrize(
    ("lifetime", "lasts_until"),
    [
        ({"expires_at": "2026-11-23T09:10:00.000Z"}, "2026-11-23T09:08:59Z"),
        ({"expires_in": 600}, "2026-11-23T09:08:59Z"),
        ({"expires_in": "600"}, "2026-11-23T09:08:59Z"),
        ({}, "2026-11-23T09:58:59Z"),
        ({"expires_at": "tomorrow"}, "2026-11-23T09:58:59Z"),
    ],
)
def test_token_is_kept_until_a_minute_before_its_end(ask, lifetime, lasts_until):
    requests = ask(token(**lifetime), Answer(200), times=(NOW, lasts_until))

    assert [request.path for request in requests] == ["/token", "/things", "/things"]


def test_token_is_renewed_a_minute_before_its_end(ask):
    requests = ask(
        token("t1", expires_in=600), Answer(200), token("t2"), Answer(200), times=(NOW, "2026-11-23T09:09:00Z")
    )

    assert requests[-1].headers["authorization"] == "Bearer t2"


def test_token_that_is_refused_is_replaced_once(ask):
    requests = ask(token("t1"), Answer(401), token("t2"), Answer(200))

    assert requests[-1].headers["authorization"] == "Bearer t2"


def test_second_refusal_means_bad_credentials(ask):
    with pytest.raises(BadCredentials, match="GET /things"):
        ask(token("t1"), Answer(401), token("t2"), Answer(401))


@pytest.mark.parametrize("status", [400, 401])
def test_refusal_of_the_token_endpoint_means_bad_credentials(ask, status):
    with pytest.raises(BadCredentials, match="invalid_client"):
        ask(Answer(status, {"error": "invalid_client"}))


@pytest.mark.parametrize("payload", [{}, [], {"access_token": ""}, {"access_token": 7}, {"access_token": "a\nb"}])
def test_answer_without_a_token_is_unexpected(ask, payload):
    with pytest.raises(UnexpectedAnswer, match="without an access token"):
        ask(Answer(200, payload))


def test_trouble_of_the_token_endpoint_is_healed(ask):
    requests = ask(token("t1"), Answer(200), fault=failing(503))

    assert [request.path for request in requests] == ["/token", "/token", "/things"]


def test_basic_authorization_keeps_the_colon_of_an_empty_password():
    with serve(Script(Answer(401))) as server, pytest.raises(BadCredentials):
        Session(traffic=Traffic(), auth=BasicAuth("key")).get(server.url)

    assert [request.headers["authorization"] for request in server.requests] == ["Basic a2V5Og=="]
