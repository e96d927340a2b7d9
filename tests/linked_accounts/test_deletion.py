"""What is left of an account that was deleted: nothing, in no table."""

from contextlib import contextmanager, nullcontext
from threading import Thread
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.urls import reverse
from django.utils import timezone
from merge import Merge
from procrastinate.contrib.django.models import ProcrastinateJob

from connectors.pace import Pace
from connectors.records import Original, RemoteUserRecord
from field_mappings.models import FieldMapping, TargetField
from interviews.models import AsyncPost
from linked_accounts import deletion, throttling
from linked_accounts.authentication import AccountAccess
from linked_accounts.deletion import delete_account
from linked_accounts.jobs import erase_account
from linked_accounts.models import (
    AuditEvent,
    IdempotentRequest,
    LinkedAccount,
    RequestCount,
    RequestPace,
    WebhookReceiver,
)
from linked_accounts.pace import DatabaseLimiter
from linked_accounts.services import link_account
from linked_accounts.signals import housekeeping
from linking.models import PublicToken
from passthrough.models import AsyncPassthrough
from sync import tables
from sync.engine import store_entries, synchronise
from sync.ingest import Ingest, promise
from sync.jobs import queue_sync
from sync.models import Issue, PendingRecord
from sync.state import SyncCancelledError
from tests.conftest import Api
from tests.factories import ApiKeyFactory, LinkedAccountFactory, RemoteUserFactory
from tests.platforms import linked
from tests.sync.test_jobs import wait_until, working
from unified.identity import unified_id
from webhooks.models import Delivery, Hook

pytestmark = pytest.mark.django_db(transaction=True)
MARK = "Zanzibar"
TOLD = {"linked_accounts_auditevent", "webhooks_delivery"}


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
        RequestPace.objects.get_or_create(linked_account=account, defaults={"next_at": timezone.now()})
        PublicToken.objects.create(linked_account=account, token_hash=b"t", expires_at=timezone.now())
        PendingRecord.objects.create(
            linked_account=account, record_id=uuid4(), model_name="RemoteUser", record={"remote_id": MARK}, missing=[]
        )
        target = TargetField.objects.create(
            organization=account.organization, linked_account=account, common_model="RemoteUser", name=MARK
        )
        FieldMapping.objects.create(
            target_field=target, linked_account=account, platform="greenhouse", url_path="/", traversal_path=["x"]
        )
        yield account


@contextmanager
def only_marked(monkeypatch):
    """Have deletions end where a killed process would leave them: the account is marked, and its rows are there."""
    with monkeypatch.context() as patch:
        patch.setattr(deletion, "_erase_soon", lambda *_, **__: None)
        yield


def in_thread(work, *args):
    try:
        work(*args)
    finally:
        connection.close()


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


def test_every_table_that_names_accounts_is_looked_at(full_account):
    owned = [
        relation.related_model
        for relation in LinkedAccount._meta.get_fields(include_hidden=True)
        if relation.auto_created and relation.related_model._meta.managed
    ]

    empty = [model._meta.label for model in owned if not model._default_manager.exists()]

    assert len(owned) > 15
    assert empty == []


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
    assert set(rows_with(id)) - TOLD <= {"procrastinate_jobs", "procrastinate_events"}


def test_an_interrupted_deletion_is_ended_by_housekeeping(full_account, monkeypatch):
    with only_marked(monkeypatch):
        delete_account(full_account)
    housekeeping.send(None)
    housekeeping.send(None)  # an hour later no worker was there

    with working():
        wait_until(lambda: not LinkedAccount.objects.exists())
        wait_until(lambda: set(rows_with(str(full_account.id))) == TOLD)


@pytest.mark.parametrize("is_erased", [True, False])
def test_a_sync_that_is_at_work_can_add_nothing(full_account, monkeypatch, is_erased):
    ingest = Ingest(full_account.id)
    with nullcontext() if is_erased else only_marked(monkeypatch):
        delete_account(full_account)
    found = rows_with(MARK)

    with pytest.raises(SyncCancelledError):
        store_entries(ingest, [RemoteUserRecord(remote_id="late", first_name=MARK)])

    assert rows_with(MARK) == found
    assert list(Delivery.objects.values_list("event", flat=True)) == ["LinkedAccount.deleted"]


def test_a_batch_that_was_compared_before_is_not_written(monkeypatch):
    account = LinkedAccountFactory()
    store_entries(Ingest(account.id), [RemoteUserRecord(remote_id="1")])
    deleting = Thread(target=in_thread, args=[delete_account, account])
    compare = tables.compare

    def compare_and_delete(*args):
        found = compare(*args)
        deleting.start()
        deleting.join(10)
        return found

    monkeypatch.setattr(tables, "compare", compare_and_delete)
    original = Original("/users", {"first_name": MARK})
    with pytest.raises(SyncCancelledError):
        store_entries(Ingest(account.id), [RemoteUserRecord(remote_id="1", remote_data=(original,))])

    assert not LinkedAccount.objects.exists()
    assert rows_with(MARK) == {}


def test_whoever_is_writing_something_of_it_is_waited_for():
    account = LinkedAccountFactory()
    deleting = Thread(target=in_thread, args=[delete_account, account])

    with transaction.atomic():
        assert LinkedAccount.objects.hold(account.id)
        deleting.start()
        deleting.join(0.3)
        assert deleting.is_alive()
        assert LinkedAccount.objects.present().exists()

    deleting.join(10)
    assert not LinkedAccount.objects.hold(account.id)


def test_no_token_leads_to_it_any_more(full_account, monkeypatch):
    api = Api(full_account)
    verify = AccountAccess.verify

    def verify_just_before_it_is_deleted(access, **options):
        found = verify(access)
        delete_account(found)
        return verify(access, **options)

    with only_marked(monkeypatch):
        monkeypatch.setattr(AccountAccess, "verify", verify_just_before_it_is_deleted)
        answer = api.client.post("/api/ats/v1/account-token/regenerate")

    assert answer.status_code == 401
    assert LinkedAccount.objects.get().token_number == 1


def test_it_can_be_deleted_again_and_marked_by_who_does_not_know(full_account):
    delete_account(full_account)

    delete_account(full_account)
    full_account.mark_relink_needed("The key was refused.")

    assert AuditEvent.objects.filter(event_type="DELETED_LINKED_ACCOUNT").count() == 1


def test_requests_of_whoever_does_not_know_yet_are_not_counted(full_account, settings):
    settings.API_RATE_LIMIT = 100
    api = Api(full_account)
    api.get("users")
    delete_account(full_account)
    throttling._shares.clear()  # another process

    assert api.get("users").status_code == 401
    assert not RequestCount.objects.exists()


def test_the_pace_of_an_ended_sync_is_forgotten():
    account = LinkedAccountFactory()
    delete_account(account)
    limiter = DatabaseLimiter(account.id, Pace(requests=1, seconds=1, burst=1))
    limiter.reserve()
    limiter.close()
    kept = RequestPace.objects.create(linked_account=LinkedAccountFactory(), next_at=timezone.now())

    housekeeping.send(None)

    assert list(RequestPace.objects.all()) == [kept]


def test_a_platforms_webhooks_are_not_taken_for_it(full_account, monkeypatch):
    client, address = Api(full_account).client, full_account.webhook_path()
    with only_marked(monkeypatch):
        delete_account(full_account)

    assert client.post(address, {}, content_type="application/json").status_code == 404


def test_failed_jobs_are_forgotten(full_account):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed'")

    delete_account(full_account)

    assert not ProcrastinateJob.objects.filter(args__account_id=str(full_account.id)).exists()


def test_somebody_elses_lock_is_no_error_but_a_delay(full_account, monkeypatch):
    def collide(*args, **options):
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as patch:
        patch.setattr(deletion, "erase", collide)
        response = Api(full_account).client.post("/api/ats/v1/delete-account")

    assert response.status_code == 200
    with working():
        wait_until(lambda: not LinkedAccount.objects.exists())


def test_the_origin_can_be_linked_anew_meanwhile(full_account, monkeypatch):
    organization, origin = full_account.organization, full_account.end_user_origin_id
    with only_marked(monkeypatch):
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


def test_the_admins_own_log_forgets_the_customer(full_account, admin_client):
    page = reverse("admin:linked_accounts_linkedaccount_change", args=[full_account.id])
    form = {"end_user_organization_name": MARK, "end_user_email_address": "it@zanzibar.example"}
    assert admin_client.post(page, form).status_code == 302
    assert "django_admin_log" in rows_with(MARK)

    admin_client.post(reverse("admin:linked_accounts_linkedaccount_delete", args=[full_account.id]), {"post": "yes"})

    assert rows_with(MARK) == {}


def test_the_admin_leaves_a_selection_to_workers(full_account, admin_client):
    delete_account(LinkedAccountFactory(organization=full_account.organization))
    data = {"action": "delete_selected", "_selected_action": [str(full_account.id)], "post": "yes"}

    admin_client.post(reverse("admin:linked_accounts_linkedaccount_changelist"), data)

    assert LinkedAccount.objects.get().deleted_at is not None
    with working():
        wait_until(lambda: not LinkedAccount.objects.exists())


def test_merges_client_deletes_an_account(live_server):
    account = LinkedAccountFactory()
    key = ApiKeyFactory(organization=account.organization)

    Merge(
        api_key=key.secret, account_token=account.token, base_url=f"{live_server.url}/api"
    ).ats.delete_account.delete()

    assert not LinkedAccount.objects.exists()
