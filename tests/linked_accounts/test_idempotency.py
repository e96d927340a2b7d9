from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from linked_accounts.idempotency import ANOTHER_REQUEST, STILL_RUNNING, forget_old_requests
from linked_accounts.models import IdempotentRequest, LinkedAccount
from tests.conftest import Api
from tests.factories import ApiKeyFactory, LinkedAccountFactory

BODY = {"model": {"location": "Room 1"}}


@pytest.fixture
def post(api):
    def post(body=BODY, key="k1", path="interviews", by=api):
        return by.client.post(f"/api/ats/v1/{path}", body, "application/json", headers={"Idempotency-Key": key})

    return post


def test_the_same_request_is_answered_the_same_and_not_executed(post, account):
    first = post()
    LinkedAccount.objects.update(status=LinkedAccount.Status.RELINK_NEEDED)

    again = post(path="interviews/")

    assert first.status_code == 400
    assert (again.status_code, again.json()) == (400, first.json())
    assert again.headers["Content-Type"] == "application/json"
    assert post(key="k2").json() != first.json()


def test_another_request_by_the_same_key_is_refused(post):
    post()

    response = post({"model": {}})

    assert (response.status_code, response.json()) == (400, {"detail": ANOTHER_REQUEST})


def test_keys_of_other_accounts_do_not_matter(post, account):
    post()
    neighbour = Api(LinkedAccountFactory(organization=account.organization))
    stranger = Api(LinkedAccountFactory())

    post({"model": {}}, by=neighbour)
    post({"model": {}}, by=stranger)

    assert IdempotentRequest.objects.filter(status=400).count() == 3


def test_a_request_that_still_runs_is_not_run_beside(post):
    post()
    IdempotentRequest.objects.update(status=None, answer=None)

    assert post().json() == {"detail": STILL_RUNNING}


def test_refused_callers_leave_no_trace(post, account):
    account.token_number += 1
    account.token = account.issue_token()
    account.save()

    assert post().status_code == 401
    assert not IdempotentRequest.objects.exists()


def test_keys_are_forgotten_after_a_day(post):
    post()
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))

    assert post({"model": {}}).json() != {"detail": ANOTHER_REQUEST}

    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    forget_old_requests()
    assert not IdempotentRequest.objects.exists()


def test_answers_are_not_stored_in_plain_text(post):
    answer = post().content.decode()

    with connection.cursor() as cursor:
        cursor.execute("SELECT answer FROM linked_accounts_idempotentrequest")
        assert answer.encode() not in bytes(cursor.fetchone()[0])
    assert IdempotentRequest.objects.get().answer == answer


def test_overlong_keys_are_refused(post):
    assert post(key="k" * 256).status_code == 400


def test_a_test_key_is_not_told_what_a_production_key_was(api, account):
    tester = Client(
        headers={"Authorization": f"Bearer {ApiKeyFactory(organization=account.organization, is_test=True).secret}"}
    )

    made = [
        client.post("/api/ats/v1/generate-key", {"name": name}, "application/json", headers={"Idempotency-Key": "k1"})
        for client, name in ((api.client, "Second"), (api.client, "Second"), (tester, "Second"), (tester, "Third"))
    ]

    assert made[0].json() == made[1].json()
    assert made[2].json() == {"name": ["There is a key of this name already."]}
    assert made[3].json() == {"detail": ANOTHER_REQUEST}


def test_paths_that_no_column_takes_are_not_found(api):
    response = api.client.post("/api/ats/v1/interviews%00", {}, "application/json", headers={"Idempotency-Key": "k1"})

    assert response.status_code == 404
