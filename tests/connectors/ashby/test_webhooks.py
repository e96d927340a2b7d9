import hmac

import orjson
import pytest

from connectors.base import UNREADABLE
from connectors.platforms.ashby.connector import AshbyConnector
from connectors.webhooks import Delivery, Hint, Subject

SECRET = "8b943c474f5d1e1712f13e1a870b485c9b6b2b57"

webhooks = AshbyConnector.webhooks


def delivery(payload, *, signature=None, secret=SECRET):
    body = orjson.dumps(payload)
    signature = signature or "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()
    return Delivery(headers={"ashby-signature": signature}, body=body, payload=payload)


@pytest.mark.parametrize(
    ("action", "hints"),
    [
        ("interviewScheduleCreate", (Hint(subject=Subject.CHANGES),)),
        ("interviewScheduleUpdate", (Hint(subject=Subject.CHANGES),)),
        ("applicationUpdate", (Hint(subject=Subject.CHANGES),)),
        ("candidateStageChange", (Hint(subject=Subject.CHANGES),)),
        ("candidateHire", (Hint(subject=Subject.CHANGES),)),
        ("candidateDelete", (Hint(subject=Subject.EVERYTHING),)),
        ("candidateMerge", (Hint(subject=Subject.EVERYTHING),)),
        ("ping", ()),
        ("offerCreate", ()),
    ],
)
def test_events_say_what_to_read_anew(action, hints):
    assert webhooks.hints(delivery({"action": action, "data": {}})) == hints


@pytest.mark.parametrize("payload", [{}, [], None, {"action": ["ping"]}])
def test_what_is_no_event_is_unreadable(payload):
    with pytest.raises(UNREADABLE):
        webhooks.hints(delivery(payload))


def test_signature_of_the_body_is_genuine():
    assert webhooks.is_genuine(delivery({"action": "ping"}), SECRET)


@pytest.mark.parametrize("signature", ["sha256=", "sha256=" + "0" * 64, "sha1=abc", "nonsense", "sha256=é"])
def test_other_signatures_are_not(signature):
    assert not webhooks.is_genuine(delivery({"action": "ping"}, signature=signature), SECRET)


def test_signature_with_another_secret_is_not():
    assert not webhooks.is_genuine(delivery({"action": "ping"}, secret="another"), SECRET)


def test_unsigned_call_is_not():
    assert not webhooks.is_genuine(Delivery(headers={}, body=b"{}", payload={}), SECRET)


def test_secret_is_a_credential_that_may_be_left_out():
    (credential,) = [one for one in AshbyConnector.credentials if one.name == webhooks.secret_name]

    assert not credential.is_required({})
    assert credential.secret
