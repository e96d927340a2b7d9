import hmac

import orjson
import pytest

from connectors.base import UNREADABLE
from connectors.platforms.recruitee.connector import RecruiteeConnector
from connectors.webhooks import Delivery, Hint, Subject

WEBHOOKS = RecruiteeConnector.webhooks
MOVED = {"event_type": "candidate_moved", "event_subtype": "stage_changed", "payload": {}}


def delivery(payload, *, secret=None):
    body = orjson.dumps(payload)
    headers = {"x-recruitee-signature": hmac.new(secret.encode(), body, "sha256").hexdigest()} if secret else {}
    return Delivery(headers=headers, body=body, payload=payload)


@pytest.mark.parametrize(("secret", "is_genuine"), [("right", True), ("wrong", False), (None, False)])
def test_signature_is_made_with_the_secret(secret, is_genuine):
    assert WEBHOOKS.is_genuine(delivery(MOVED, secret=secret), "right") is is_genuine


def test_signature_is_of_the_very_bytes():
    signed = delivery(MOVED, secret="right")

    assert not WEBHOOKS.is_genuine(Delivery(headers=signed.headers, body=signed.body + b" ", payload=MOVED), "right")


def test_test_call_is_answered_without_a_signature():
    assert WEBHOOKS.greet(delivery({"test": True})).status == 200


@pytest.mark.parametrize("payload", [MOVED, {"test": False}, [], None])
def test_everything_else_is_no_test_call(payload):
    assert WEBHOOKS.greet(delivery(payload)) is None


@pytest.mark.parametrize("event", ["candidate_moved", "candidate_assigned", "candidate_deleted", "new_candidate"])
def test_what_happens_to_a_candidate_is_a_change(event):
    assert WEBHOOKS.hints(delivery({"event_type": event})) == (Hint(subject=Subject.CHANGES),)


@pytest.mark.parametrize("event", ["job_published", "job_updated", "unheard_of"])
def test_other_events_change_nothing_here(event):
    assert WEBHOOKS.hints(delivery({"event_type": event})) == ()


@pytest.mark.parametrize("payload", [{}, [], None, {"event_type": None}])
def test_what_is_no_event_is_refused(payload):
    with pytest.raises(UNREADABLE):
        WEBHOOKS.hints(delivery(payload))
