"""Issues open, move and close by themselves."""

from datetime import timedelta

import pytest
from django.db.models import F

from connectors.errors import BadCredentials, MissingPermission, PlatformUnavailable, RateLimited, UnexpectedAnswer
from connectors.records import RemoteUserRecord, Unreadable
from sync.engine import synchronise
from sync.models import Issue
from tests.factories import LinkedAccountFactory


@pytest.mark.parametrize(
    ("error", "description"),
    [
        (BadCredentials("no"), "Invalid Login Credentials"),
        (MissingPermission("no"), "Missing Permissions"),
        (PlatformUnavailable("down"), "Third-party offline"),
        (RateLimited("slowly"), "API error"),
        (UnexpectedAnswer("what?"), "API error"),
    ],
)
def test_trouble_opens_an_issue_of_its_kind(account, platform, error, description):
    platform.users = [error]

    run = synchronise(account)

    issue = Issue.objects.get()
    assert (issue.status, issue.error_description) == ("ONGOING", description)
    assert any(str(error) in detail for detail in issue.error_details)
    assert run.started_at <= issue.first_incident_time == issue.last_incident_time


def test_the_same_again_moves_the_issue(account, platform):
    platform.users = [PlatformUnavailable("down")]
    synchronise(account)
    before = Issue.objects.get()

    synchronise(account)

    after = Issue.objects.get()
    assert after.id == before.id
    assert after.first_incident_time == before.first_incident_time
    assert after.last_incident_time > before.last_incident_time


def test_a_good_sync_resolves_what_there_was_of_its_account_only(account, platform):
    other = LinkedAccountFactory(platform="fake", credentials={"api_key": "secret"})
    platform.users = [PlatformUnavailable("down")]
    synchronise(account)
    synchronise(other)
    platform.users = []

    synchronise(account)

    assert {issue.linked_account_id: issue.status for issue in Issue.objects.all()} == {
        account.id: "RESOLVED",
        other.id: "ONGOING",
    }


@pytest.mark.parametrize(("days_ago", "statuses"), [(1, ["ONGOING"]), (8, ["ONGOING", "RESOLVED"])])
def test_trouble_that_returns_after_a_while_is_another_issue(account, platform, days_ago, statuses):
    platform.users = [PlatformUnavailable("down")]
    synchronise(account)
    platform.users = []
    synchronise(account)
    Issue.objects.update(
        last_incident_time=F("last_incident_time") - timedelta(days=30),
        resolved_at=F("resolved_at") - timedelta(days=days_ago),
    )
    platform.users = [PlatformUnavailable("down")]

    synchronise(account)

    assert sorted(Issue.objects.values_list("status", flat=True)) == statuses


def test_bad_records_are_named(account, platform):
    platform.users = [
        RemoteUserRecord(remote_id="1"),
        Unreadable(model_name="RemoteUser", remote_id="7", reason="no time"),
    ]

    assert synchronise(account).result == "PARTIALLY_SYNCED"

    issue = Issue.objects.get()
    assert issue.error_description == "Unreadable records"
    assert issue.error_details == ["RemoteUser 7: no time"]
