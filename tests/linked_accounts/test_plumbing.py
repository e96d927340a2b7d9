"""Keys, tokens, the audit trail, receivers of webhooks, and what no platform here has."""

from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection
from django.utils import timezone

from linked_accounts import audit
from linked_accounts.models import AccountType, ApiKey, AuditEvent, LinkedAccount
from linked_accounts.secrets import secret_hash
from sync.jobs import is_queued
from tests.conftest import Api
from tests.factories import ApplicationFactory, CandidateFactory, JobFactory, LinkedAccountFactory

NOBODY = "b8faf072-98b9-4445-8a9a-6b4950efca19"
ABSENT = [
    *("activities", "attachments", "departments", "eeocs", "job-postings"),
    *("offers", "offices", "scorecards", "tags"),
]


def together(*works, times=1):
    threads = [Thread(target=work) for work in works * times]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def post(api, path, body=None):
    more = {} if body is None else {"data": body, "content_type": "application/json"}
    return api.client.post(f"/api/ats/v1/{path}", **more)


def test_a_new_account_token_takes_the_place_of_the_old(api, account):
    answer = post(api, "account-token/regenerate")

    assert answer.json()["linked_account_id"] == str(account.id)
    assert api.get("account-details").status_code == 401
    account.token = answer.json()["account_token"]
    assert Api(account).get("account-details").status_code == 200


def test_a_key_is_made_of_the_callers_kind(api, account):
    answer = post(api, "generate-key", {"name": "Second"})

    assert answer.status_code == 200
    key = ApiKey.objects.get(secret_hash=secret_hash(answer.json()["key"]))
    assert (key.organization, key.name, key.account_type) == (account.organization, "Second", AccountType.PRODUCTION)
    again = post(api, "generate-key", {"name": "Second"})
    assert (again.status_code, list(again.json())) == (400, ["name"])
    assert AuditEvent.objects.get().event_type == "CREATED_REMOTE_PRODUCTION_API_KEY"


def test_a_replaced_key_works_no_more(api):
    old = post(api, "generate-key", {"name": "Second"}).json()["key"]
    new = post(api, "regenerate-key", {"name": "Second"}).json()["key"]

    statuses = [
        api.client.get("/api/ats/v1/linked-accounts", headers={"Authorization": f"Bearer {key}"}).status_code
        for key in (old, new)
    ]
    assert statuses == [401, 200]


@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_replaced_by_several_at_once_is_found_by_all(api):
    post(api, "generate-key", {"name": "Second"})
    statuses = []

    def replace():
        statuses.append(post(api, "regenerate-key", {"name": "Second"}).status_code)
        connection.close()

    together(replace, times=3)

    assert statuses == [200, 200, 200]
    assert ApiKey.objects.filter(name="Second", revoked_at=None).count() == 1


def test_other_organizations_keys_cannot_be_replaced(api):
    stranger = Api(LinkedAccountFactory())

    assert post(api, "regenerate-key", {"name": stranger.key.name}).status_code == 404


@pytest.mark.parametrize("path", ["generate-key", "regenerate-key"])
@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x" * 256}, {"name": None}, []])
def test_keys_need_a_name(api, path, body):
    assert post(api, path, body).status_code == 400


def test_the_audit_trail_is_told_newest_first_page_by_page(api, account):
    for number in range(5):
        audit.record(account.organization_id, f"EVENT_{number % 2}", str(number))
    audit.record(LinkedAccountFactory().organization_id, "EVENT_1", "somebody else's")

    pages = api.walk("audit-trail", page_size=2)
    assert [[event["event_description"] for event in page] for page in pages] == [["4", "3"], ["2", "1"], ["0"]]
    last = api.get("audit-trail", page_size=2, cursor=api.get("audit-trail", page_size=2).json()["next"]).json()
    first = api.get("audit-trail", page_size=2, cursor=last["previous"]).json()
    assert first["results"] == pages[0]
    assert {event["event_description"] for event in api.results("audit-trail", event_type="EVENT_1")} == {"1", "3"}
    assert list(pages[0][0]) == [
        "id",
        "user_name",
        "user_email",
        "role",
        "ip_address",
        "event_type",
        "event_description",
        "created_at",
    ]


def test_the_audit_trail_is_narrowed_by_time_and_person(api, account, admin_user):
    audit.record(account.organization_id, "OLD", "old")
    AuditEvent.objects.update(created_at=timezone.now() - timedelta(days=2))
    audit.record(account.organization_id, "NEW", "new", user=admin_user)
    yesterday = (timezone.now() - timedelta(days=1)).isoformat()

    assert [one["event_type"] for one in api.results("audit-trail", start_date=yesterday)] == ["NEW"]
    assert [one["event_type"] for one in api.results("audit-trail", end_date=yesterday)] == ["OLD"]
    assert [one["role"] for one in api.results("audit-trail", user_email=admin_user.email)] == ["ADMIN"]
    assert api.get("audit-trail", start_date="soon").status_code == 400


def test_a_receiver_is_made_changed_and_listed(api, account):
    made = post(api, "webhook-receivers", {"event": "interview_deleted", "is_active": True, "key": "shared-secret"})
    changed = post(api, "webhook-receivers", {"event": "interview_deleted", "is_active": False})

    assert (made.status_code, made.json()) == (
        201,
        {"event": "interview_deleted", "is_active": True, "key": "shared-secret"},
    )
    assert changed.json() == {"event": "interview_deleted", "is_active": False, "key": None}
    assert api.get("webhook-receivers").json() == [changed.json()]
    assert api.get("account-details").json()["webhook_listener_url"].endswith(account.webhook_path())


def test_the_key_of_a_receiver_is_stored_encrypted(api):
    post(api, "webhook-receivers", {"event": "x", "is_active": True, "key": "shared-secret"})

    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM linked_accounts_webhookreceiver")
        assert b"shared-secret" not in bytes(cursor.fetchone()[0])


@pytest.mark.parametrize("body", [{}, {"event": "x"}, {"event": "", "is_active": True}, {"event": 3, "is_active": "?"}])
def test_nonsense_receivers_are_refused(api, body):
    assert post(api, "webhook-receivers", body).status_code == 400


def test_a_platforms_webhook_has_to_be_signed_with_a_receivers_key(api, account):
    post(api, "webhook-receivers", {"event": "interview_deleted", "is_active": True, "key": "shared-secret"})

    response = api.client.post(account.webhook_path(), {"action": "ping"}, content_type="application/json")

    assert response.status_code == 401


def test_webhooks_are_ignored_while_all_receivers_are_off(api, account):
    interview_deleted = {"action": "interview_deleted", "payload": {}}
    post(api, "webhook-receivers", {"event": "interview_deleted", "is_active": False, "key": "shared-secret"})

    response = api.client.post(account.webhook_path(), interview_deleted, content_type="application/json")

    assert (response.status_code, response.json()) == (200, {"detail": "Ignored."})
    assert not is_queued(account)


def test_platforms_without_webhooks_are_given_no_address(api, account):
    LinkedAccount.objects.update(platform="taleo")

    assert post(api, "webhook-receivers", {"event": "x", "is_active": True}).status_code == 201
    assert api.get("account-details").json()["webhook_listener_url"] is None


def test_there_are_no_conditions_of_selective_sync(api):
    assert api.get("selective-sync/conditions").json() == {"results": []}


@pytest.mark.parametrize("name", ABSENT)
def test_what_no_platform_has_is_empty_not_found_or_refused(api, name):
    assert api.get(name).json() == {"next": None, "previous": None, "results": []}
    assert api.get(f"{name}/{NOBODY}").status_code == 404
    refused = post(api, name, {"model": {}})
    assert (refused.status_code, refused.json()["errors"][0]["problem_type"]) == (400, "ERROR")
    meta = api.get(f"{name}/meta/post").json()
    assert meta["request_schema"]["properties"]["model"]["properties"] == {}
    assert meta["status"]["can_make_request"] is False


@pytest.mark.parametrize("path", [*ABSENT, "sync-status", f"jobs/{NOBODY}/screening-questions"])
def test_lists_of_one_page_have_the_parameters_of_all_lists(api, path):
    assert api.get(path, page_size="many").json() == {"page_size": ["A valid integer is required."]}
    assert (api.get(path, cursor="x").status_code, api.get(path, page_size=5, cursor="").status_code) == (404, 200)


def test_candidates_and_applications_are_not_written(api, account):
    candidate = CandidateFactory(linked_account=account)
    application = ApplicationFactory(linked_account=account)
    job = JobFactory(linked_account=account)
    refusals = [
        post(api, "candidates", {"model": {}}),
        post(api, f"candidates/ignore/{candidate.id}", {"reason": "GENERAL_CUSTOMER_REQUEST"}),
        api.client.patch(f"/api/ats/v1/candidates/{candidate.id}", {}, content_type="application/json"),
        post(api, "applications", {"model": {}}),
        post(api, f"applications/{application.id}/change-stage"),
    ]

    assert [one.json()["errors"][0]["problem_type"] for one in refusals] == ["ERROR"] * 5
    assert {one.status_code for one in refusals} == {400}
    assert post(api, f"applications/{NOBODY}/change-stage").status_code == 404
    assert api.get(f"candidates/meta/patch/{candidate.id}").status_code == 200
    assert api.get(f"jobs/{job.id}/screening-questions").json()["results"] == []


@pytest.mark.parametrize("path", [*ABSENT, "selective-sync/conditions", "webhook-receivers"])
def test_all_of_it_takes_an_account_that_is_there(api, account, path):
    LinkedAccount.objects.update(token_hash=b"0" * 32)

    assert api.get(path).status_code == 401
