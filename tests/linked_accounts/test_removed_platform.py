"""Accounts of a platform that nothing here connects to any more: what there is of them can be read, and left."""

import pytest

from linked_accounts.models import LinkedAccount
from sync.engine import synchronise
from sync.state import NotLinkedError
from tests.conftest import Api
from tests.factories import LinkedAccountFactory, ScheduledInterviewFactory
from tests.routes import ROUTES

READS = (
    *(route.path for route in ROUTES),
    *("account-details", "available-actions", "linked-accounts", "linked-account-scopes", "sync-status", "issues"),
    *("interviews/meta/post", "field-mappings", "remote-fields", "target-fields", "webhook-receivers", "audit-trail"),
)
ADMIN_PAGES = ("linkedaccount/", "linkedaccount/{id}/change/")


@pytest.fixture
def account(transactional_db) -> LinkedAccount:
    return LinkedAccountFactory(platform="gone", credentials={"api_key": "secret"})


@pytest.mark.parametrize("path", READS)
def test_it_can_be_read(account, path):
    ScheduledInterviewFactory(linked_account=account)

    assert Api(account).get(path).status_code == 200


def test_it_says_what_it_is(account):
    assert Api(account).get("account-details").json()["integration"] == "gone"


def test_it_is_not_synchronised(account):
    with pytest.raises(NotLinkedError):
        synchronise(account)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("interviews", {"model": {}}),
        ("passthrough", {"method": "GET", "path": "/"}),
        ("sync-status/resync", {}),
        ("delete-account", {}),
    ],
)
def test_what_cannot_be_done_is_no_fault_of_the_server(account, path, body):
    answer = Api(account).client.post(f"/api/ats/v1/{path}", body, content_type="application/json")

    assert answer.status_code < 500, answer.content


def test_its_webhooks_lead_nowhere(account, client):
    assert client.post(account.webhook_path(), b"{}", content_type="application/json").status_code == 404


@pytest.mark.parametrize("page", ADMIN_PAGES)
def test_operators_see_it(account, admin_client, page):
    answer = admin_client.get(f"/admin/linked_accounts/{page.format(id=account.id)}")

    assert answer.status_code == 200
    assert "gone" in answer.content.decode()
