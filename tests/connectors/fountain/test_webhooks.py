import hmac

import pytest

from connectors.base import UNREADABLE
from connectors.platforms.fountain.connector import FountainConnector
from connectors.webhooks import Delivery, Hint, Subject
from tests.connectors.fountain.samples import ORLA, load

SECRET = "sandbox-api-key"

webhooks = FountainConnector.webhooks


def delivery(payload=None, *, body=b"{}", **headers):
    return Delivery(headers=headers, body=body, payload=payload)


def test_secret_is_the_api_key():
    assert webhooks.secret_name in {one.name for one in FountainConnector.credentials}


def test_signature_is_of_the_body_as_it_came():
    body = b'{ "applicant": {} }'
    signature = hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    signed = {"x-obiq-signature-v2": signature}

    assert webhooks.is_genuine(delivery(body=body, **signed), SECRET)
    assert not webhooks.is_genuine(delivery(body=body + b" ", **signed), SECRET)
    assert not webhooks.is_genuine(delivery(body=body, **signed), "another")
    assert not webhooks.is_genuine(delivery(body=body), SECRET)


def test_event_about_an_applicant_has_it_read_anew():
    applicant = load("applicants")["applicants"][0]

    assert webhooks.hints(delivery({"applicant": applicant})) == (Hint(subject=Subject.APPLICATION, remote_id=ORLA),)


@pytest.mark.parametrize("payload", [{}, {"worker": {"id": "w1"}}, {"funnel": {"id": "o1"}}, {"applicant": {}}])
def test_other_events_say_nothing(payload):
    assert webhooks.hints(delivery(payload)) == ()


@pytest.mark.parametrize("payload", [None, [], "x", {"applicant": {"name": "Orla"}}, {"applicant": {"id": None}}])
def test_what_is_no_event_is_refused(payload):
    with pytest.raises(UNREADABLE):
        webhooks.hints(delivery(payload))
