"""What is left of an account that was deleted: nothing, in no table."""

import pytest
from django.db import IntegrityError, connection
from django.urls import reverse
from django.utils import timezone
from merge import Merge

from connectors.records import RemoteUserRecord
from interviews.models import AsyncPost
from linked_accounts import deletion
from linked_accounts.deletion import delete_account, erase_marked
from linked_accounts.jobs import erase_account
from linked_accounts.models import AuditEvent, IdempotentRequest, LinkedAccount, RequestCount, WebhookReceiver
from linked_accounts.services import link_account
from passthrough.models import AsyncPassthrough
from sync.engine import store_entries, synchronise
from sync.ingest import Ingest, promise
from sync.jobs import queue_sync
from sync.models import Issue
from tests.conftest import Api
from tests.factories import ApiKeyFactory, LinkedAccountFactory, RemoteUserFactory
from tests.platforms import linked
from unified.identity import unified_id
from webhooks.models import Delivery, Hook

pytestmark = pytest.mark.django_db(transaction=True)
MARK = "Zanzibar"


@pytest.fixture
def full_account():
    """Yield an account of which there is something in every table that can hold anything of one."""
    with linked("greenhouse", interviews=20) as platform:
        account = platform.account
        for user in platform.company.users:
            platform.company.rename_user(user, first_name=MARK, last_name="X")
        Hook.objects.create(
            organization=account.organization,
            target="https://app.example.com/hooks",
            events=["RemoteUser.added", "LinkedAccount.deleted"],
        )
        synchronise(account)
        Issue.objects.create(
            linked_account=account,
            error_description="API error",
            first_incident_time=timezone.now(),
            last_incident_time=timezone.now(),
        )
        AsyncPassthrough.objects.create(linked_account=account, method="GET", request={"path": "/"})
        AsyncPost.objects.create(linked_account=account, body={"model": {}})
        WebhookReceiver.objects.create(linked_account=account, event="x", is_active=True, key="k")
        IdempotentRequest.objects.create(
            organization=account.organization,
            linked_account=account,
            path="/x",
            key_hash=b"k",
            request_hash=b"r",
        )
        RequestCount.objects.get_or_create(linked_account=account, defaults={"window": 1, "taken": 1})
        promise(account.id, "ScheduledInterview", "later", unified_id(account.id, "x", "y"))
        queue_sync(account)
        yield account


def rows_with(*needles):
    """Return which tables hold any of these texts in any row, as PostgreSQL prints it, with how many."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            condition = " OR ".join(["strpos(t::text, %s) > 0"] * len(needles))
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE {condition}', needles)
            if count := cursor.fetchone()[0]:
                found[table] = count
    return found


def test_no_table_holds_anything_of_it(full_account):
    api = Api(full_account)
    needles = (str(full_account.id), full_account.end_user_email_address, MARK)
    assert len(rows_with(*needles)) > 15

    response = api.client.post("/api/ats/v1/delete-account")

    assert (response.status_code, response.content) == (200, b"")
    assert rows_with(*needles) == {
        "linked_accounts_auditevent": 1,  # that it was deleted, by its id
        "webhooks_delivery": 1,  # and that this is to be told
    }
    assert Delivery.objects.get().event == "LinkedAccount.deleted"
    assert AuditEvent.objects.get(event_type="DELETED_LINKED_ACCOUNT").role == "API"
    assert api.get("account-details").status_code == 401
    assert not LinkedAccount.objects.exists()


def test_neighbours_keep_everything(full_account):
    neighbour = LinkedAccountFactory(organization=full_account.organization)
    RemoteUserFactory(linked_account=neighbour)

    delete_account(full_account)

    assert len(Api(neighbour).results("users")) == 1


def test_what_takes_long_is_left_to_a_worker(full_account, monkeypatch):
    monkeypatch.setattr(deletion, "AT_ONCE_SECONDS", 0)
    monkeypatch.setattr(deletion, "CHUNK", 5)
    api = Api(full_account)
    id = str(full_account.id)

    delete_account(full_account)

    left = LinkedAccount.objects.get()
    assert (left.credentials, left.end_user_email_address, left.base_url) == (None, "", None)
    assert api.get("interviews").status_code == 401
    assert Api.results(Api(LinkedAccountFactory(organization=left.organization)), "linked-accounts", id=id) == []
    erase_account(account_id=id)
    assert not LinkedAccount.objects.filter(id=id).exists()
    told = {"linked_accounts_auditevent", "webhooks_delivery"}
    assert set(rows_with(id)) - told <= {"procrastinate_jobs", "procrastinate_events"}


def test_an_interrupted_deletion_is_ended_by_housekeeping(full_account, monkeypatch):
    monkeypatch.setattr(deletion, "erase", lambda *_, **__: True)
    delete_account(full_account)
    monkeypatch.undo()

    erase_marked()

    assert not LinkedAccount.objects.exists()


def test_a_sync_that_is_at_work_leaves_nothing_behind(full_account):
    ingest = Ingest(full_account.id)
    delete_account(full_account)

    with pytest.raises(IntegrityError):
        store_entries(ingest, [RemoteUserRecord(remote_id="late", first_name=MARK)])

    assert rows_with(MARK) == {}


def test_the_origin_can_be_linked_anew_meanwhile(full_account, monkeypatch):
    monkeypatch.setattr(deletion, "erase", lambda *_, **__: True)
    organization, origin = full_account.organization, full_account.end_user_origin_id
    delete_account(full_account)

    account, _ = link_account(
        organization=organization,
        platform="lever",
        end_user_origin_id=origin,
        end_user_organization_name="Acme",
        end_user_email_address="it@acme.example",
        credentials={"api_key": "x"},
    )

    assert account.id != full_account.id
    assert Api(with_token(account)).results("linked-accounts", end_user_origin_id=origin)[0]["id"] == str(account.id)


def with_token(account):
    account.token = account.account_token()
    return account


def test_the_admin_deletes_without_reading_it_all(full_account, admin_client, django_assert_max_num_queries):
    url = reverse("admin:linked_accounts_linkedaccount_delete", args=[full_account.id])
    with django_assert_max_num_queries(25):
        assert admin_client.get(url).status_code == 200

    admin_client.post(url, {"post": "yes"})

    assert not LinkedAccount.objects.exists()
    assert AuditEvent.objects.get(event_type="DELETED_LINKED_ACCOUNT").user_name == "admin"


def test_merges_client_deletes_an_account(live_server):
    account = LinkedAccountFactory()
    key = ApiKeyFactory(organization=account.organization)

    Merge(
        api_key=key.secret, account_token=account.token, base_url=f"{live_server.url}/api"
    ).ats.delete_account.delete()

    assert not LinkedAccount.objects.exists()
