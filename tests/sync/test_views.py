"""Issues and resyncs, over the API."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from linked_accounts.models import AccountType, AuditEvent, LinkedAccount
from sync.jobs import is_queued
from sync.models import Issue, Schedule, SyncRun
from tests.conftest import Api
from tests.factories import LinkedAccountFactory
from tests.sync.test_state import another_process_syncs

NOBODY = "b8faf072-98b9-4445-8a9a-6b4950efca19"


def at(day):
    return datetime(2026, 1, day, tzinfo=UTC)


@pytest.fixture
def account(db):
    return LinkedAccountFactory()


@pytest.fixture
def api(account):
    return Api(account)


def issue(account, kind="API error", *, first=1, last=2, **more):
    return Issue.objects.create(
        linked_account=account,
        error_description=kind,
        error_details=["It went wrong."],
        first_incident_time=at(first),
        last_incident_time=at(last),
        **more,
    )


def resync(api):
    return api.client.post("/api/ats/v1/sync-status/resync")


def test_an_issue_is_told_with_its_customer(api, account):
    one = issue(account)

    shown = api.get(f"issues/{one.id}").json()

    assert shown == {
        "id": str(one.id),
        "status": "ONGOING",
        "error_description": "API error",
        "end_user": {
            "linked_account_id": str(account.id),
            "origin_id": account.end_user_origin_id,
            "organization_name": "Acme",
            "email_address": "it@acme.example",
        },
        "first_incident_time": "2026-01-01T00:00:00Z",
        "last_incident_time": "2026-01-02T00:00:00Z",
        "is_muted": False,
        "error_details": ["It went wrong."],
    }
    assert api.results("issues") == [shown]


def test_issues_of_the_organizations_accounts_and_of_no_others(api, account):
    mine = [issue(account), issue(LinkedAccountFactory(organization=account.organization))]
    foreign = issue(LinkedAccountFactory())
    test = issue(LinkedAccountFactory(organization=account.organization, account_type=AccountType.TEST))

    assert {one["id"] for one in api.results("issues")} == {str(one.id) for one in mine}
    for one in (foreign.id, test.id, NOBODY, "nonsense"):
        assert api.get(f"issues/{one}").status_code == 404


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({"status": "RESOLVED"}, 1),
        ({"include_muted": "true"}, 3),
        ({"linked_account_id": NOBODY}, 0),
        ({"account_token": "nonsense"}, 0),
        ({"integration_name": "Greenhouse"}, 2),
        ({"integration_name": "Lever"}, 0),
        ({"end_user_organization_name": "Acme"}, 2),
        ({"start_date": "2026-01-04"}, 1),
        ({"end_date": "2026-01-04"}, 1),
        ({"first_incident_time_after": "2026-01-03"}, 1),
        ({"first_incident_time_before": "2026-01-03"}, 1),
        ({"last_incident_time_after": "2026-01-04"}, 1),
        ({"last_incident_time_before": "2026-01-04"}, 1),
    ],
)
def test_issues_are_narrowed(api, account, parameters, count):
    issue(account)
    issue(account, "Missing Permissions", first=3, last=5, status="RESOLVED")
    issue(account, "Third-party offline", is_muted=True)

    assert len(api.results("issues", **parameters)) == count


def test_the_token_of_an_account_narrows_to_it(api, account):
    issue(account)
    issue(LinkedAccountFactory(organization=account.organization))

    assert len(api.results("issues", account_token=account.token)) == 1


@pytest.mark.parametrize("parameters", [{"status": "OPEN"}, {"start_date": "soon"}, {"linked_account_id": "x"}])
def test_nonsense_is_refused(api, parameters):
    assert api.get("issues", **parameters).status_code == 400


def test_issues_are_paged(api, account):
    for day in range(1, 6):
        issue(account, f"kind {day}", first=day, last=9)

    pages = api.walk("issues", page_size=2)

    assert [one["error_description"] for page in pages for one in page] == [f"kind {day}" for day in range(1, 6)]


def test_a_resync_is_queued_once_and_shows(api, account):
    first, second = resync(api), resync(api)

    assert (first.status_code, second.status_code) == (200, 200)
    assert {one["status"] for one in first.json()} == {"SYNCING"}
    assert {one["status"] for one in api.results("sync-status")} == {"SYNCING"}
    assert is_queued(account)
    assert Schedule.objects.get().full_wanted_at
    assert AuditEvent.objects.first().event_type == "FORCED_LINKED_ACCOUNT_RESYNC"


@pytest.mark.django_db(transaction=True)
def test_a_full_sync_that_runs_is_left_to_end(api, account):
    with another_process_syncs(account):
        shown = resync(api)

    assert {one["status"] for one in shown.json()} == {"SYNCING"}
    assert not is_queued(account)


@pytest.mark.django_db(transaction=True)
def test_a_sync_whose_process_was_killed_is_not_waited_for(api, account):
    SyncRun.objects.create(linked_account=account, is_full=True, started_at=at(1))

    resync(api)

    assert is_queued(account)


def test_issues_of_deleted_accounts_are_not_told(api, account):
    issue(LinkedAccountFactory(organization=account.organization, deleted_at=at(1)))

    assert api.results("issues") == []


def test_accounts_that_do_not_synchronise_say_so(api, account):
    LinkedAccount.objects.update(status="RELINK_NEEDED", status_detail="The key was refused.")
    assert resync(api).json() == {"detail": "The key was refused."}

    LinkedAccount.objects.update(status="COMPLETE")
    Schedule.objects.create(linked_account=account, are_syncs_disabled=True)
    assert resync(api).status_code == 400


def test_the_admins_full_syncs_are_in_the_audit_trail(api, account, admin_client):
    schedule = Schedule.objects.create(linked_account=account)
    data = {"action": "synchronise_in_full", "_selected_action": [str(schedule.pk)]}

    admin_client.post(reverse("admin:sync_schedule_changelist"), data)

    (event,) = api.results("audit-trail")
    assert (event["event_type"], event["role"]) == ("FORCED_LINKED_ACCOUNT_RESYNC", "ADMIN")
