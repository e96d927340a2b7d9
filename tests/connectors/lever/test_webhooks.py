import hmac

import orjson
import pytest

from connectors.base import UNREADABLE
from connectors.platforms.lever.connector import LeverConnector
from connectors.webhooks import Delivery, Hint, Subject
from tests.connectors.lever.samples import WITH_INTERVIEWS, load

SECRET = "signature-token"
webhooks = LeverConnector.webhooks


def delivery(**changed):
    payload = load("webhook_interview_created") | changed
    return Delivery(headers={}, body=orjson.dumps(payload), payload=payload)


def signature(message, secret=SECRET):
    return hmac.new(secret.encode(), message.encode(), "sha256").hexdigest()


GOOD = signature("a1b2c3d4e5f61782973120999")


def test_signature_over_token_and_time_is_genuine():
    assert webhooks.is_genuine(delivery(signature=GOOD), SECRET)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"signature": None},
        {"signature": signature("a1b2c3d4e5f61782973120999", "another secret")},
        {"signature": GOOD, "token": "a1b2c3d4e5f7"},
        {"signature": GOOD, "triggeredAt": 1782973120998},
        {"signature": GOOD, "triggeredAt": None},
        {"signature": GOOD, "token": None},
    ],
)
def test_anything_else_is_not(changed):
    assert not webhooks.is_genuine(delivery(**changed), SECRET)


@pytest.mark.parametrize("payload", [None, [], "text", 5])
def test_what_is_no_event_is_not_genuine(payload):
    assert not webhooks.is_genuine(Delivery(headers={}, body=b"", payload=payload), SECRET)


@pytest.mark.parametrize(
    "event", ["interviewCreated", "interviewDeleted", "candidateArchiveChange", "candidateDeleted"]
)
def test_events_name_the_opportunity_to_read_again(event):
    assert webhooks.hints(delivery(event=event)) == (Hint(subject=Subject.APPLICATION, remote_id=WITH_INTERVIEWS),)


@pytest.mark.parametrize("event", ["contactUpdated", "unheardOf", None])
def test_other_events_say_nothing(event):
    assert webhooks.hints(delivery(event=event)) == ()


@pytest.mark.parametrize("data", [None, {}, {"opportunityId": None}])
def test_event_without_an_opportunity_is_about_any(data):
    assert webhooks.hints(delivery(data=data)) == (Hint(subject=Subject.CHANGES),)


@pytest.mark.parametrize("payload", [None, {}, [1], {"event": "interviewCreated", "data": "text"}])
def test_what_is_no_event_is_refused(payload):
    with pytest.raises(UNREADABLE):
        webhooks.hints(Delivery(headers={}, body=b"", payload=payload))
