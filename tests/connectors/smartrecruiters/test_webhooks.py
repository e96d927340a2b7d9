import hmac

import orjson
import pytest

from connectors.platforms.smartrecruiters.connector import SmartRecruitersConnector
from connectors.webhooks import Delivery, Hint, Subject
from tests.connectors.smartrecruiters.samples import DMITRI, IN_INTERVIEW

SECRET = "a-secret-key"
PAYLOAD = {"interview_id": "i", "application_id": IN_INTERVIEW, "candidate_id": DMITRI, "company_id": "c"}
HEADERS = {
    "smartrecruiters-timestamp": "1772445600",
    "event-id": "e-1",
    "event-name": "interview.updated",
    "event-version": "v201904",
    "link": '<https://api.smartrecruiters.com/x>; rel="self"',
}

webhooks = SmartRecruitersConnector.webhooks


def delivery(payload=PAYLOAD, **headers):
    kept = {name: value for name, value in {**HEADERS, **headers}.items() if value is not None}
    return Delivery(headers=kept, body=orjson.dumps(payload), payload=payload)


def signature(one, secret=SECRET):
    """Sign what was documented: timestamp, body, event-id, event-name, event-version, link."""
    text = one.body.decode()
    parts = [one.headers.get(name, "") for name in ("event-id", "event-name", "event-version", "link")]
    message = ".".join([one.headers.get("smartrecruiters-timestamp", ""), text, *parts])
    return f"v1={hmac.new(secret.encode(), message.encode(), 'sha256').hexdigest()}"


def signed(one, value):
    return Delivery(headers={**one.headers, "smartrecruiters-signature": value}, body=one.body, payload=one.payload)


@pytest.mark.parametrize("headers", [{}, {"link": None}, {"event-version": None, "event-id": None}])
def test_signature_of_who_knows_the_secret_is_genuine(headers):
    one = delivery(**headers)

    assert webhooks.is_genuine(signed(one, signature(one)), SECRET)


def test_one_of_several_signatures_is_enough():
    one = delivery()

    assert webhooks.is_genuine(signed(one, f"{signature(one, 'an older key')};{signature(one)}"), SECRET)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "v1=",
        "nonsense",
        signature(delivery(), "another key"),
        signature(delivery()).replace("v1=", "v2="),
        signature(delivery()).removeprefix("v1="),
        signature(delivery({**PAYLOAD, "application_id": "other"})),
        signature(delivery(**{"smartrecruiters-timestamp": "1"})),
    ],
)
def test_other_signatures_are_not(value):
    assert not webhooks.is_genuine(signed(delivery(), value), SECRET)


def test_nothing_unsigned_is_genuine():
    assert not webhooks.is_genuine(delivery(), SECRET)


def test_activation_is_answered_with_its_secret():
    greeting = webhooks.greet(Delivery(headers={"x-hook-secret": "s3"}, body=b"", payload=None))

    assert (greeting.status, greeting.headers) == (200, {"X-Hook-Secret": "s3"})


def test_events_are_no_activation():
    assert webhooks.greet(delivery()) is None


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("interview.created", (Hint(subject=Subject.APPLICATION, remote_id=IN_INTERVIEW),)),
        ("interview.updated", (Hint(subject=Subject.APPLICATION, remote_id=IN_INTERVIEW),)),
        ("interview.canceled", (Hint(subject=Subject.APPLICATION, remote_id=IN_INTERVIEW),)),
        ("application.created", (Hint(subject=Subject.APPLICATION, remote_id=IN_INTERVIEW),)),
        ("application.status.updated", (Hint(subject=Subject.APPLICATION, remote_id=IN_INTERVIEW),)),
        ("candidate.deleted", (Hint(subject=Subject.EVERYTHING),)),
        ("job.created", ()),
    ],
)
def test_events_say_what_to_read_anew(event, expected):
    assert webhooks.hints(delivery(**{"event-name": event})) == expected


@pytest.mark.parametrize("one", [delivery({}), delivery([]), delivery(**{"event-name": None})])
def test_what_is_no_event_is_refused(one):
    with pytest.raises((KeyError, ValueError, TypeError)):
        webhooks.hints(one)
