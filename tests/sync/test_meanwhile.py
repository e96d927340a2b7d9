"""What happens beside a sync: calls, wishes, customers who link anew, clocks that are set."""

from datetime import timedelta
from threading import Thread
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.db import connection
from django.urls import reverse

from connectors.base import Deletions, ModelSupport
from connectors.errors import BadCredentials, MissingPermission
from connectors.records import Gone, ScheduledInterviewRecord
from connectors.webhooks import Hint, Subject
from interviews.models import ScheduledInterview
from interviews.signals import interview_written
from linked_accounts.models import LinkedAccount
from linked_accounts.services import link_account
from sync import engine, jobs, state
from sync.engine import refetch, store_written, synchronise
from sync.jobs import is_queued, queue_hint, queue_sync
from sync.models import ModelSync, Schedule, SyncRun
from sync.stamps import database_now

INTERVIEW = ScheduledInterviewRecord(remote_id="i")
GONE = Gone(model_name="ScheduledInterview", remote_id="i")


def beside(work):
    """Do something in another process, as it were."""

    def run():
        try:
            work()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    thread.join()


def link_anew(account, **about):
    return link_account(
        organization=account.organization,
        platform="fake",
        end_user_origin_id=account.end_user_origin_id,
        end_user_organization_name="Acme",
        end_user_email_address="it@acme.example",
        credentials={"api_key": "new"},
        is_test=account.account_type == "TEST",
        **about,
    )


# --- interviews whose ids were promised ------------------------------------------------------------------------------


@pytest.fixture
def promised(account):
    store_written(account, [INTERVIEW], {"i": uuid4()})
    return account


def test_a_promised_interview_can_be_cancelled(promised):
    store_written(promised, [GONE], {})

    assert ScheduledInterview.objects.get().remote_was_deleted


def test_a_hint_that_a_promised_interview_is_gone_is_followed(promised, platform):
    platform.connector.refetch = lambda self, hint, window: [GONE]

    refetch(promised, Hint(subject=Subject.INTERVIEW, remote_id="i"))

    assert ScheduledInterview.objects.get().remote_was_deleted


def test_a_full_sync_that_lists_a_promised_interview_writes_nothing(promised, platform):
    platform.interviews = [INTERVIEW]
    before = ScheduledInterview.objects.values().get()

    for _ in range(2):
        synchronise(promised, full=True)
        assert ScheduledInterview.objects.values().get() == before


def test_of_two_promises_the_first_one_holds(promised, platform):
    id = ScheduledInterview.objects.get().id
    store_written(promised, [INTERVIEW], {"i": uuid4()})
    platform.interviews = [ScheduledInterviewRecord(remote_id="i", location="new")]

    assert synchronise(promised, full=True).result == "DONE"
    interview = ScheduledInterview.objects.get()
    assert (interview.id, interview.location, interview.remote_was_deleted) == (id, "new", False)


def test_an_interview_that_a_sync_has_read_and_somebody_cancels_is_looked_for_again(account, platform):
    def interviews(window):
        yield INTERVIEW
        about = {"account": account, "entries": [GONE], "promised": {}}
        beside(lambda: interview_written.send(ScheduledInterview, **about))

    platform.interviews = interviews
    synchronise(account)

    assert is_queued(account)
    assert Schedule.objects.get().is_full_due(database_now())


# --- wishes and schedules --------------------------------------------------------------------------------------------


def test_a_full_sync_that_is_wanted_while_one_runs_is_not_forgotten(account, platform):
    def interviews(window):
        yield INTERVIEW
        beside(lambda: queue_hint(account, Hint(subject=Subject.EVERYTHING)))

    platform.interviews = interviews
    synchronise(account, full=True)
    assert Schedule.objects.get().is_full_due(database_now())

    platform.interviews = ()
    synchronise(account, full=True)
    assert not Schedule.objects.get().is_full_due(database_now())


def test_a_model_that_can_never_be_read_does_not_make_all_syncs_full(account, platform):
    platform.users = [MissingPermission("403")]
    synchronise(account, full=True)

    assert not Schedule.objects.get().is_full_due(database_now())
    synchronise(account)
    assert platform.windows["users"].since is None
    assert platform.windows["interviews"].since is not None


def test_nor_does_what_only_such_a_model_tells_of(account, platform):
    support = ModelSupport(fields=frozenset(), deletions=Deletions.FULL_SYNC, told_by=("Application",))
    platform.connector.models = {**platform.connector.models, "ScheduledInterview": support}
    platform.applications = [MissingPermission("403")]
    synchronise(account, full=True)

    assert not Schedule.objects.get().is_full_due(database_now())


def test_a_model_whose_tellers_are_switched_off_does_not_make_all_syncs_full(account, platform):
    support = ModelSupport(fields=frozenset(), deletions=Deletions.FULL_SYNC, told_by=("Application",))
    platform.connector.models = {**platform.connector.models, "ScheduledInterview": support}
    account.scopes = {"Application": {"read": False}}
    account.save()
    synchronise(account, full=True)

    assert ModelSync.objects.get(model_name="Application").status == "DISABLED"
    assert ModelSync.objects.get(model_name="ScheduledInterview").listed_everything_at is None
    assert not Schedule.objects.get().is_full_due(database_now())


def test_an_account_that_was_paused_while_it_was_queued_is_left_alone(account, platform):
    queue_sync(account)
    Schedule.objects.update(are_syncs_disabled=True)

    jobs.sync_account.func(SimpleNamespace(job=SimpleNamespace(id=0)), str(account.id))

    assert not SyncRun.objects.exists()


def change(admin_client, account, **fields):
    path = reverse("admin:sync_schedule_change", args=[account.id])
    answer = admin_client.post(path, {"interval": "", "full_interval": ""} | fields)
    assert answer.status_code == 302, answer.context["errors"]


def test_an_account_that_was_linked_paused_begins_once_it_is_not(account, platform, admin_client):
    link_anew(account, are_syncs_disabled=True)
    assert not Schedule.objects.due(database_now() + timedelta(days=365)).exists()

    change(admin_client, account)

    assert Schedule.objects.due(database_now()).exists()


def test_a_shorter_interval_counts_at_once(account, platform, admin_client):
    Schedule.objects.create(linked_account=account, interval=timedelta(days=7))
    synchronise(account)

    change(admin_client, account, interval="00:10:00")

    assert Schedule.objects.due(database_now() + timedelta(minutes=11)).exists()


# --- customers who link anew -----------------------------------------------------------------------------------------


def test_old_credentials_that_fail_do_not_break_an_account_that_was_linked_anew(account, platform):
    def users(window):
        beside(lambda: link_anew(LinkedAccount.objects.get(id=account.id)))
        yield BadCredentials("401")

    platform.users = users
    synchronise(account)

    account.refresh_from_db()
    assert (account.status, account.credentials) == ("COMPLETE", {"api_key": "new"})


# --- clocks ----------------------------------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_does_not_keep_a_sync_from_ending(account, platform, monkeypatch):
    offset = timedelta(0)
    for module in (engine, state):
        monkeypatch.setattr(module, "database_now", lambda: database_now() + offset)

    def users(window):
        nonlocal offset
        offset = -timedelta(minutes=5)
        return ()

    platform.users = users
    run = synchronise(account)

    assert (run.result, run.finished_at) == ("DONE", run.started_at)


def test_a_run_that_was_left_open_before_the_clock_was_set_back_is_ended(account, platform):
    SyncRun.objects.create(linked_account=account, is_full=True, started_at=database_now() + timedelta(minutes=5))

    assert synchronise(account).result == "DONE"
    assert set(SyncRun.objects.values_list("result", flat=True)) == {"FAILED", "DONE"}


def test_what_is_fresh_as_of_a_time_to_come_is_read_anew(account, platform):
    synchronise(account)
    ModelSync.objects.update(data_fresh_as_of=database_now() + timedelta(days=1))

    synchronise(account)

    assert platform.windows["users"].since is None
