"""What organizations are told of, and in which shape."""

import json
from datetime import UTC, datetime

import pytest
from django.db import transaction

from connectors.records import RemoteUserRecord
from linked_accounts.models import AccountType
from linked_accounts.services import link_account
from linked_accounts.signals import account_deleted
from sync.engine import synchronise
from sync.ingest import Ingest
from sync.models import Issue, ModelSync, SyncRun
from sync.resources import BY_NAME
from sync.signals import records_changed
from sync.state import recover
from tests.conftest import Api
from tests.factories import LinkedAccountFactory, OrganizationFactory
from tests.platforms import linked
from unified.identity import unified_key
from webhooks.events import EVENTS
from webhooks.models import Delivery, Hook

USER = RemoteUserRecord(remote_id="1", first_name="Ana", email="ana@x.example")


@pytest.fixture
def account(transactional_db):
    return LinkedAccountFactory()


@pytest.fixture
def hook(account):
    return listen(account.organization)


def listen(organization, *events, **about):
    return Hook.objects.create(
        organization=organization, target="https://app.example.com/hooks", events=events or list(EVENTS), **about
    )


def told(*events):
    """Return the bodies of what is to be delivered, oldest first."""
    deliveries = Delivery.objects.filter(event__in=events) if events else Delivery.objects.all()
    return [json.loads(one.body) for one in deliveries.order_by("created_at")]


def test_a_new_record_is_told_as_the_api_shows_it(account, hook):
    Ingest(account.id).store([USER])

    (body,) = told()
    assert body["hook"] == {"id": str(hook.id), "event": "RemoteUser.added", "target": hook.target}
    assert body["data"] == Api(account).results("users")[0]
    assert list(body["linked_account"]) == [
        "id",
        "integration",
        "integration_slug",
        "category",
        "end_user_origin_id",
        "end_user_organization_name",
        "end_user_email_address",
        "status",
        "webhook_listener_url",
        "is_duplicate",
        "account_type",
        "completed_at",
    ]


def test_changes_and_deletions_are_told_and_what_stays_is_not(account, hook):
    ingest = Ingest(account.id)
    ingest.store([USER])
    ingest.store([USER])
    ingest.store([RemoteUserRecord(remote_id="1", first_name="Bo")])
    ingest.mark_deleted(BY_NAME["RemoteUser"], [unified_key(account.id, "RemoteUser", "1")])

    assert [body["hook"]["event"] for body in told()] == [
        "RemoteUser.added",
        "RemoteUser.changed",
        "RemoteUser.removed",
    ]
    assert [body["data"]["first_name"] for body in told()] == ["Ana", "Bo", "Bo"]
    assert told()[-1]["data"]["remote_was_deleted"] is True
    modified = [body["data"]["modified_at"] for body in told()]
    assert modified == sorted(set(modified))


def test_what_was_not_committed_is_not_told(account, hook):
    ingest = Ingest(account.id)

    def fail(**about):
        raise RuntimeError

    records_changed.connect(fail)
    try:
        with pytest.raises(RuntimeError):
            ingest.store([USER])
    finally:
        records_changed.disconnect(fail)

    assert told() == []


@pytest.mark.parametrize(
    "about",
    [{"events": ["RemoteUser.removed"]}, {"is_active": False}, {"account_type": AccountType.TEST}],
)
def test_only_those_who_listen_are_told(account, hook, about):
    Hook.objects.update(**about)

    Ingest(account.id).store([USER])

    assert told() == []


def test_other_organizations_are_not_told(account):
    listen(OrganizationFactory())

    Ingest(account.id).store([USER])

    assert told() == []


def test_scopes_are_kept(account, hook):
    account.scopes = {"RemoteUser": {"disabled_fields": ["email"]}, "Application": {"read": False}}
    account.save()

    Ingest(account.id).store([USER])

    assert told()[0]["data"]["email"] is None
    assert told()[0]["data"]["first_name"] == "Ana"


@pytest.mark.django_db(transaction=True)
def test_linking_hands_over_the_token_before_the_first_sync():
    organization = OrganizationFactory()
    listen(organization)

    account, token = link_account(
        organization=organization,
        platform="greenhouse",
        end_user_origin_id="42",
        end_user_organization_name="Acme",
        end_user_email_address="it@acme.example",
        credentials={"client_id": "x", "client_secret": "y"},
    )

    (body,) = told()
    assert body["hook"]["event"] == "LinkedAccount.linked"
    assert body["data"]["account_token"] == token
    assert (body["data"]["id"], body["data"]["integration"]["slug"]) == (str(account.id), "greenhouse")


@pytest.mark.django_db(transaction=True)
def test_a_sync_is_told_model_by_model_and_as_a_whole():
    with linked("greenhouse", interviews=5) as platform:
        listen(platform.account.organization, "ScheduledInterview.synced", "LinkedAccount.sync_completed")
        synchronise(platform.account)
        synchronise(platform.account)

    model, whole, again, _ = told()
    assert model["data"]["integration_name"] == "Greenhouse"
    assert "start_at" in model["data"]["synced_fields"]
    assert model["data"]["sync_status"]["model_id"] == "ats.ScheduledInterview"
    assert (model["data"]["sync_status"]["status"], model["data"]["sync_status"]["is_initial_sync"]) == ("DONE", True)
    assert whole["data"]["is_initial_sync"] is True
    assert set(whole["data"]["sync_status"]["ats.RemoteUser"]) == {
        "last_sync_finished",
        "last_sync_result",
        "data_fresh_as_of",
        "sync_status_reason",
    }
    assert again["data"]["sync_status"]["is_initial_sync"] is False


def test_the_end_of_a_killed_sync_is_told_once(account, hook):
    now = datetime.now(UTC)
    SyncRun.objects.create(linked_account=account, started_at=now, is_full=True)
    ModelSync.objects.create(linked_account=account, model_name="RemoteUser", status="SYNCING", last_sync_start=now)

    recover(account)
    recover(account)

    bodies = {body["hook"]["event"]: body["data"] for body in told()}
    assert list(bodies) == ["RemoteUser.synced", "LinkedAccount.sync_completed", "LinkedAccount.synced"]
    assert len(told()) == 3
    assert bodies["RemoteUser.synced"]["sync_status"]["status"] == "FAILED"
    assert bodies["LinkedAccount.sync_completed"]["sync_status"]["ats.RemoteUser"]["last_sync_result"] == "FAILED"


@pytest.mark.django_db(transaction=True)
def test_records_of_a_first_sync_are_told_unless_that_is_switched_off():
    with linked("greenhouse", interviews=5) as platform:
        listen(platform.account.organization, "ScheduledInterview.added")
        listen(platform.account.organization, "ScheduledInterview.added", tells_of_first_sync=False)
        synchronise(platform.account)
        one = next(iter(platform.company.interviews.values()))
        platform.company.add_interview(
            application_id=one.application_id,
            slot_id=one.slot_id,
            user_ids=list(platform.company.users)[:2],
            organizer_id=None,
            starts_at=datetime(2027, 1, 5, 10, tzinfo=UTC),
        )
        synchronise(platform.account)

    counts = [hook.deliveries.count() for hook in Hook.objects.order_by("created_at")]
    assert counts == [len(platform.company.interviews), 1]


def test_issues_are_told_from_beginning_to_end(account, hook):
    now = datetime.now(UTC)
    with transaction.atomic():
        for incidents in ({"Bad API Key": ["401"]}, {"Bad API Key": ["401"]}, {}, {"Bad API Key": ["401"]}):
            Issue.objects.report(account, now, incidents)

    bodies = told()
    assert [body["hook"]["event"] for body in bodies] == ["Issue.new", "Issue.resolved", "Issue.reopened"]
    assert len({body["data"]["id"] for body in bodies}) == 1
    assert bodies[0]["data"]["end_user"]["linked_account_id"] == str(account.id)


def test_of_a_deleted_account_nothing_else_is_told(account, hook):
    Ingest(account.id).store([USER])

    account_deleted.send(None, account=account)

    (body,) = told()
    assert body["hook"]["event"] == "LinkedAccount.deleted"
    assert body["data"]["end_user_origin_id"] == account.end_user_origin_id
