"""From a platform's message to the API's answer: what changed there shows here within seconds."""

import hmac
from datetime import UTC, datetime
from hashlib import sha256

import orjson
import pytest
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from sandbox.platforms.lever.rows import lever_id
from sync.engine import synchronise
from tests.contracts.test_platforms import scheduled
from tests.platforms import linked, shown
from tests.sync.test_jobs import wait_until, working

SECRET = "hook-secret"
MOMENT = datetime(2027, 3, 1, 10, tzinfo=UTC)


def sign(message):
    return hmac.new(SECRET.encode(), message, sha256).hexdigest()


def ashby(platform, interview):
    body = orjson.dumps({"action": "interviewScheduleUpdate", "data": {"interviewSchedule": {}}})
    return body, {"Ashby-Signature": f"sha256={sign(body)}"}


def lever(platform, interview):
    data = {"opportunityId": lever_id("opportunity", interview.application_id)}
    event = {"event": "interviewUpdated", "token": "t", "triggeredAt": 1_770_000_000_000, "data": data}
    return orjson.dumps(event | {"signature": sign(b"t1770000000000")}), {}


def greenhouse(platform, interview):
    body = orjson.dumps({"action": "application_updated", "payload": {"application": {"id": interview.application_id}}})
    return body, {"Signature": f"sha256 {sign(body)}"}


@pytest.mark.parametrize("message", [ashby, lever, greenhouse], ids=lambda message: message.__name__)
def test_a_message_brings_in_what_changed(transactional_db, message):
    with linked(message.__name__) as platform:
        account = platform.account
        account.credentials |= {"webhook_secret": SECRET}
        account.save()
        synchronise(account)
        ProcrastinateJob.objects.all().delete()  # what linking the account queued
        before = shown(account)["ScheduledInterview"]
        interview = platform.company.reschedule(scheduled(platform.company)[0], MOMENT)
        body, headers = message(platform, interview)
        asked_before = len(platform.server.requests)

        with working():
            response = Client().post(account.webhook_path(), body, content_type="application/json", headers=headers)
            wait_until(lambda: shown(account)["ScheduledInterview"] != before, seconds=10)

        assert response.status_code == 200
        after = shown(account)["ScheduledInterview"]
        moved = [one for remote_id, one in after.items() if one != before[remote_id]]
        assert [one["start_at"] for one in moved] == [MOMENT]
        assert len(platform.server.requests) - asked_before < 40
