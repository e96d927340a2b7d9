"""Jobs and workers, against real PostgreSQL."""

import threading
from contextlib import contextmanager
from datetime import timedelta
from time import sleep

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

from connectors.errors import PlatformUnavailable
from connectors.records import RemoteUserRecord, ScheduledInterviewRecord
from connectors.webhooks import Hint, Subject
from interviews.models import ScheduledInterview
from linked_accounts.models import LinkedAccount
from linked_accounts.services import link_account
from passthrough.jobs import queue_passthrough
from remote_users.models import RemoteUser
from sync import jobs
from sync.engine import synchronise
from sync.jobs import Worker, cancel, forget_old_jobs, is_queued, queue_due, queue_hint, queue_sync, take_up_abandoned
from sync.models import ModelSync, Schedule, SyncRun
from sync.stamps import database_now
from sync.state import sync_lock
from tests.factories import LinkedAccountFactory, OrganizationFactory
from tests.sync.conftest import accounts_at_work
from tests.waiting import wait_until


@contextmanager
def working(*, workers=1, concurrency=2):
    """Let workers work in threads of this process."""
    staff = [Worker(concurrency=concurrency) for _ in range(workers)]
    threads = [threading.Thread(target=worker.run) for worker in staff]
    for thread in threads:
        thread.start()
    try:
        yield staff
    finally:
        for worker in staff:
            worker.stop()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)


def ended(account):
    return SyncRun.objects.filter(linked_account=account, result__isnull=False)


def queued():
    return list(ProcrastinateJob.objects.filter(status="todo").order_by("id"))


def test_a_worker_does_a_queued_sync(account, platform):
    platform.users = [RemoteUserRecord(remote_id="1")]
    queue_sync(account)

    with working():
        wait_until(lambda: ended(account).exists())

    assert RemoteUser.objects.get().remote_id == "1"


def test_a_waiting_worker_is_woken_up(account, platform):
    with working():
        sleep(0.5)
        queue_sync(account)
        wait_until(lambda: ended(account).exists(), seconds=2)


def test_the_first_sync_starts_by_itself_once_an_account_is_linked(account, platform):
    linked, _ = link_account(
        organization=OrganizationFactory(),
        platform="fake",
        end_user_origin_id="7",
        end_user_organization_name="Acme",
        end_user_email_address="it@acme.example",
        credentials={"api_key": "secret"},
    )

    assert is_queued(linked)
    assert queued()[0].priority == jobs.FIRST


def test_a_queued_sync_is_not_queued_again(account):
    queue_sync(account)
    queue_sync(account, full=True)

    assert len(queued()) == 1
    assert Schedule.objects.get().full_wanted_at


def test_a_wanted_full_sync_is_full_and_then_no_more_wanted(account, platform):
    synchronise(account)
    queue_sync(account, full=True)

    with working():
        wait_until(lambda: ended(account).count() == 2)

    assert SyncRun.objects.order_by("started_at").last().is_full
    assert not Schedule.objects.get().full_wanted_at


def test_first_syncs_come_before_others(account, platform):
    synchronise(account)
    queue_sync(account)
    newcomer = LinkedAccountFactory(platform="fake", credentials={"api_key": "secret"})
    queue_sync(newcomer)

    with working(concurrency=1):
        wait_until(lambda: SyncRun.objects.filter(result__isnull=False).count() == 3)

    assert SyncRun.objects.order_by("started_at")[1].linked_account == newcomer


def test_accounts_are_synchronised_when_they_are_due(account, platform):
    synchronise(account)
    assert queue_due() == 0
    Schedule.objects.update(next_sync_at=database_now())

    assert queue_due() == 1
    assert is_queued(account)
    assert queue_due() == 0


@pytest.mark.parametrize("status", ["INCOMPLETE", "RELINK_NEEDED", "IDLE"])
def test_accounts_without_a_connection_are_never_due(account, status):
    Schedule.objects.create(linked_account=account, next_sync_at=database_now())
    LinkedAccount.objects.update(status=status)

    assert queue_due() == 0


def test_where_syncs_are_switched_off_none_is_queued(account):
    Schedule.objects.create(linked_account=account, next_sync_at=database_now(), are_syncs_disabled=True)

    assert queue_due() == 0
    queue_sync(account)
    assert not is_queued(account)


def test_the_next_sync_is_due_an_interval_after_this_one_began(account, platform, settings):
    run = synchronise(account)

    assert Schedule.objects.get().next_sync_at == run.started_at + settings.SYNC_INTERVAL


def test_an_account_has_an_interval_of_its_own(account, platform):
    Schedule.objects.create(linked_account=account, interval=timedelta(hours=3))

    run = synchronise(account)

    assert Schedule.objects.get().next_sync_at == run.started_at + timedelta(hours=3)


def test_failed_syncs_are_tried_again_later_and_later(account, platform):
    platform.users = [PlatformUnavailable("down")]
    pauses = []
    for _ in range(7):
        run = synchronise(account)
        pauses.append(round((Schedule.objects.get().next_sync_at - run.finished_at).total_seconds() / 60))

    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    platform.users = []
    synchronise(account)
    assert Schedule.objects.get().failures == 0


def test_a_full_sync_is_due_once_in_a_while(account, platform, settings):
    synchronise(account)
    schedule, now = Schedule.objects.get(), database_now()

    assert not schedule.is_full_due(now)
    assert schedule.is_full_due(now + settings.FULL_SYNC_INTERVAL)


def test_a_model_that_nobody_listed_in_full_wants_a_full_sync(account, platform):
    synchronise(account)
    assert not Schedule.objects.get().is_full_due(database_now())

    ModelSync.objects.filter(model_name="RemoteUser").update(listed_everything_at=None)

    assert Schedule.objects.get().is_full_due(database_now())


def test_a_sync_of_another_process_is_waited_for(account, platform):
    queue_sync(account)
    with sync_lock(account), working():
        wait_until(lambda: any(job.scheduled_at for job in queued()))

    assert not ended(account).exists()


def test_a_cancelled_sync_ends_after_its_batch_and_keeps_what_was_stored(account, platform, monkeypatch):
    monkeypatch.setattr("sync.reading.BATCH_SIZE", 1)
    arrived = threading.Event()

    def slowly(window):
        for number in range(1000):
            yield RemoteUserRecord(remote_id=str(number))
            arrived.set()
            sleep(0.01)

    platform.users = slowly
    queue_sync(account)
    with working():
        assert arrived.wait(10)
        cancel(account)
        wait_until(lambda: ended(account).exists())

    run = SyncRun.objects.get()
    assert run.result == "FAILED"
    assert "cancelled" in run.error
    assert 0 < RemoteUser.objects.count() < 1000
    assert not is_queued(account)


def test_a_worker_that_is_told_to_stop_leaves_the_sync_to_the_next(account, platform, monkeypatch):
    monkeypatch.setattr("sync.reading.BATCH_SIZE", 1)
    monkeypatch.setattr("sync.jobs.GRACE_SECONDS", 0.2)
    arrived = threading.Event()

    def slowly(window):
        for number in range(1000):
            yield RemoteUserRecord(remote_id=str(number))
            arrived.set()
            sleep(0.01)

    platform.users = slowly
    queue_sync(account)
    with working():
        assert arrived.wait(10)
    assert ended(account).get().result == "FAILED"
    platform.users = [RemoteUserRecord(remote_id="1")]

    with working():
        wait_until(lambda: ended(account).filter(result="DONE").exists())


def test_the_jobs_of_a_dead_worker_are_taken_up(account, platform):
    queue_sync(account)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES ('2020-01-01') RETURNING id")
        dead = cursor.fetchone()[0]
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", [dead])
    SyncRun.objects.create(linked_account=account, is_full=True, started_at=database_now())

    assert take_up_abandoned() == 1
    assert is_queued(account)
    assert SyncRun.objects.get().result == "FAILED"
    with working():
        wait_until(lambda: ended(account).filter(result="DONE").exists())


def test_a_call_of_a_dead_worker_is_taken_up_beside_the_others(account, platform):
    queue_sync(account)
    queue_passthrough(account, {"method": "GET", "path": "/users"})  # names no account
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")

    assert take_up_abandoned() == 2
    assert len(queued()) == 2


def test_the_jobs_of_a_dead_worker_give_way_to_those_that_are_queued_already(account, platform):
    queue_sync(account)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")
    queue_sync(account)

    assert take_up_abandoned() == 1
    assert len(queued()) == 1
    with working():
        wait_until(lambda: ended(account).filter(result="DONE").exists() and not ProcrastinateJob.objects.exists())


def test_housekeeping_goes_on_whatever_goes_wrong(account, platform, settings, monkeypatch):
    settings.WORKER_HEARTBEAT_SECONDS = 0.05
    troubles = [ConnectorException(), ZeroDivisionError()]

    def queue_with_trouble():
        if troubles:
            raise troubles.pop()
        return queue_due()

    monkeypatch.setattr("sync.jobs.queue_due", queue_with_trouble)
    Schedule.objects.create(linked_account=account, next_sync_at=database_now())

    with working():
        wait_until(lambda: ended(account).exists())


def test_a_database_that_went_away_is_waited_for_however_often(account, settings):
    job = Job(id=1, queue="sync", lock=None, queueing_lock=None, task_name="sync.account", attempts=50)
    error = OperationalError("server closed the connection unexpectedly")

    decision = jobs.UNFORESEEN.get_retry_decision(exception=error, job=job)

    assert decision.retry_at <= timezone.now() + timedelta(seconds=settings.WORKER_HEARTBEAT_SECONDS)
    assert jobs.UNFORESEEN.get_retry_decision(exception=ZeroDivisionError(), job=job) is None


def _forget():
    """Forget as housekeeping does: in a thread without an event loop, which the thread of the tests may have."""

    def work():
        forget_old_jobs()
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_jobs_that_failed_long_ago_are_forgotten(account):
    queue_sync(account)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed'")
        _forget()
        assert ProcrastinateJob.objects.count() == 1
        cursor.execute("UPDATE procrastinate_events SET at = '2020-01-01'")

    _forget()

    assert not ProcrastinateJob.objects.exists()


def test_the_jobs_of_living_workers_are_left_alone(account):
    queue_sync(account)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()) RETURNING id")
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", [cursor.fetchone()[0]])

    assert take_up_abandoned() == 0


def test_several_workers_share_many_accounts_and_none_twice_at_once(platform, transactional_db):
    accounts = [LinkedAccountFactory(platform="fake", credentials={"api_key": "secret"}) for _ in range(8)]
    busy, are_shared, at_work = set(), threading.Event(), []

    def list_users(window):
        at_work.append(accounts_at_work(accounts))
        busy.add(threading.get_ident())
        if len(busy) > 2:  # more than one worker's share
            are_shared.set()
        are_shared.wait(10)
        sleep(0.05)
        busy.discard(threading.get_ident())
        yield RemoteUserRecord(remote_id="1")

    platform.users = list_users
    with working(workers=2, concurrency=2):
        for account in accounts:
            for _ in range(3):
                queue_sync(account)
                sleep(0.02)
        wait_until(lambda: all(ended(account).exists() for account in accounts) and not queued())

    assert are_shared.is_set()
    assert all(len(each) == len(set(each)) for each in at_work)


def test_what_nobody_foresaw_is_tried_again(account, platform, monkeypatch):
    monkeypatch.setattr(jobs.sync_account.retry_strategy, "exponential_wait", 0, raising=False)
    platform.users = [ZeroDivisionError("a bug")]
    queue_sync(account)

    with working():
        wait_until(lambda: ended(account).exists())
        wait_until(lambda: ProcrastinateJob.objects.filter(status="todo", attempts=1).exists())


def test_what_nobody_foresaw_is_tried_again_where_the_same_was_queued_meanwhile(account, platform, monkeypatch):
    monkeypatch.setattr(jobs.sync_account.retry_strategy, "exponential_wait", 0, raising=False)

    def list_users(window):
        queue_sync(account)
        raise ZeroDivisionError("a bug")

    platform.users = list_users
    queue_sync(account)

    with working():
        wait_until(lambda: ended(account).exists())
        platform.users = [RemoteUserRecord(remote_id="1")]
        wait_until(lambda: not ProcrastinateJob.objects.exclude(status="succeeded").exists())

    assert SyncRun.objects.latest("started_at").result == "DONE"


# Hints


def test_a_hint_reads_one_record_anew(account, platform):
    def refetch(self, hint, window):
        return [ScheduledInterviewRecord(remote_id=hint.remote_id, location="Room 2")]

    platform.connector.refetch = refetch
    before = ModelSync.objects.count()
    queue_hint(account, Hint(subject=Subject.INTERVIEW, remote_id="i1"))

    with working():
        wait_until(lambda: ScheduledInterview.objects.exists())

    assert ScheduledInterview.objects.get().location == "Room 2"
    assert ModelSync.objects.count() == before


def test_the_same_hint_again_waits_with_the_first(account):
    for _ in range(3):
        queue_hint(account, Hint(subject=Subject.INTERVIEW, remote_id="i1"))
    queue_hint(account, Hint(subject=Subject.INTERVIEW, remote_id="i2"))

    assert len(queued()) == 2


@pytest.mark.parametrize(("subject", "full"), [(Subject.CHANGES, False), (Subject.EVERYTHING, True)])
def test_hints_without_a_record_queue_a_sync(account, subject, full):
    queue_hint(account, Hint(subject=subject))

    assert is_queued(account)
    assert bool(Schedule.objects.get().full_wanted_at) is full
