import threading
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection

from applications.models import Application, Job, JobInterviewStage
from connectors.base import Deletions, ModelSupport
from connectors.errors import (
    BadCredentials,
    MissingPermission,
    PlatformUnavailable,
    RateLimited,
    UnexpectedAnswer,
)
from connectors.records import (
    ApplicationRecord,
    Gap,
    JobInterviewStageRecord,
    RemoteUserRecord,
    ScheduledInterviewRecord,
    Unreadable,
)
from interviews.models import ScheduledInterview
from linked_accounts.models import LinkedAccount
from remote_users.models import RemoteUser
from sync.engine import Progress, synchronise
from sync.models import MAX_PROBLEMS, ModelSync, Result, SyncRun
from sync.state import NotLinkedError, SyncCancelledError, SyncInProgressError
from tests.factories import RemoteUserFactory
from tests.waiting import wait_until

USERS = [RemoteUserRecord(remote_id=str(number)) for number in range(3)]
ALL_MODELS = ["Application", "JobInterviewStage", "RemoteUser", "ScheduledInterview"]


def model_sync(model_name: str) -> ModelSync:
    return ModelSync.objects.get(model_name=model_name)


def present() -> set[str]:
    """Return the remote ids of the users that the platform has, as far as we know."""
    return set(RemoteUser.objects.filter(remote_was_deleted=False).values_list("remote_id", flat=True))


def written_log_entries() -> int:
    """Return how many entries of the write-ahead log this connection has caused."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT wal_records FROM pg_stat_get_backend_wal(pg_backend_pid())")
        return int(cursor.fetchone()[0])


# What is asked for


def test_the_first_sync_asks_for_everything(account, platform):
    run = synchronise(account)

    assert run.is_full
    assert [window.since for window in platform.windows.values()] == [None] * 4


def test_later_syncs_ask_for_what_changed_since_the_start_of_the_last_good_one(account, platform):
    first = synchronise(account)

    second = synchronise(account)

    assert not second.is_full
    assert {window.since for window in platform.windows.values()} == {first.started_at}
    assert {window.started_at for window in platform.windows.values()} == {second.started_at}


def test_full_asks_for_everything_again(account, platform):
    synchronise(account)

    assert synchronise(account, full=True).is_full
    assert {window.since for window in platform.windows.values()} == {None}


def test_a_model_that_never_came_to_its_end_is_asked_for_everything(account, platform):
    platform.users = [UnexpectedAnswer("HTML")]
    first = synchronise(account)

    synchronise(account)

    assert platform.windows["users"].since is None
    assert platform.windows["interviews"].since == first.started_at


def test_a_model_that_failed_is_asked_since_its_last_good_sync(account, platform):
    first = synchronise(account)
    platform.users = [UnexpectedAnswer("HTML")]
    second = synchronise(account)

    synchronise(account)

    assert platform.windows["users"].since == first.started_at
    assert platform.windows["interviews"].since == second.started_at


def test_what_the_platform_lacks_is_not_asked_for(account, platform):
    del platform.connector.models["RemoteUser"]

    assert synchronise(account).result == Result.DONE
    assert "users" not in platform.windows
    assert model_sync("RemoteUser").status == ModelSync.Status.DISABLED


# How it goes


def test_a_good_sync(account, platform):
    platform.users = USERS

    run = synchronise(account)

    assert run.result == Result.DONE
    assert run.error is None
    assert run.requests == 4
    assert run.counts["RemoteUser"] == {"records": 3, "new": 3, "changed": 0, "deleted": 0, "problems": 0}
    assert SyncRun.objects.get() == run


def test_the_planner_learns_of_what_the_first_sync_brought(account, platform):
    platform.users = [RemoteUserRecord(remote_id=str(number)) for number in range(300)]

    synchronise(account)

    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = %s", [RemoteUser._meta.db_table])
        assert cursor.fetchone() == (300,)


def test_status_after_a_good_first_sync(account, platform):
    run = synchronise(account)

    for found in ModelSync.objects.all():
        assert (found.status, found.last_sync_result) == ("DONE", "DONE")
        assert found.sync_status_reason is None
        assert found.last_sync_start == found.data_fresh_as_of == run.started_at
        assert run.started_at < found.last_sync_finished <= run.finished_at
        assert found.historical_data_since == datetime(1900, 1, 1, tzinfo=UTC)
        assert not found.is_initial_sync


def test_status_while_the_first_sync_runs(account, platform):
    seen = {}

    def users(window):
        seen.update({found.model_name: found for found in ModelSync.objects.all()})
        return USERS

    platform.users = users

    synchronise(account)

    assert {found.status for found in seen.values()} == {"SYNCING"}
    assert {found.last_sync_result for found in seen.values()} == {None}
    assert {found.is_initial_sync for found in seen.values()} == {True}
    assert seen["RemoteUser"].sync_status_reason is None
    assert seen["Application"].sync_status_reason == "WAITING_ON_OTHER_MODELS"


def test_the_previous_result_stays_while_the_next_sync_runs(account, platform):
    first = synchronise(account)
    seen = []

    def users(window):
        seen.append(model_sync("RemoteUser"))
        return USERS

    platform.users = users

    synchronise(account)

    assert (seen[0].status, seen[0].last_sync_result) == ("SYNCING", "DONE")
    assert seen[0].last_sync_finished < seen[0].last_sync_start
    assert seen[0].data_fresh_as_of == first.started_at


def test_records_can_be_read_while_the_platform_still_lists_others(account, platform, monkeypatch):
    monkeypatch.setattr("sync.reading.BATCH_SIZE", 2)

    def users(window):
        yield from USERS[:2]
        wait_until(lambda: present() == {"0", "1"})
        yield USERS[2]

    platform.users = users

    assert synchronise(account).result == Result.DONE
    assert present() == {"0", "1", "2"}


def test_the_platform_lists_others_while_records_are_stored(account, platform, monkeypatch):
    monkeypatch.setattr("sync.reading.BATCH_SIZE", 1)
    is_ahead = threading.Event()

    def users(window):
        yield from USERS[:2]
        is_ahead.set()
        yield USERS[2]

    def watch(progress):
        if progress.counts.records == 1:
            assert is_ahead.wait(10)

    platform.users = users

    assert synchronise(account, on_progress=watch).result == Result.DONE
    assert present() == {"0", "1", "2"}


def test_a_listing_begins_when_the_one_before_is_stored(account, platform):
    seen = []

    def stages(window):
        seen.append(present())
        return ()

    platform.users, platform.stages = USERS, stages

    synchronise(account)

    assert seen == [{"0", "1", "2"}]


@pytest.mark.parametrize("full", [False, True])
def test_a_sync_without_changes_logs_nothing_for_any_record(account, platform, full):
    if connection.pg_version < 180000:  # which DATABASE_URL may name; the embedded one is newer
        pytest.skip("PostgreSQL counts log by connection since version 18")

    def log_entries(users):
        platform.users = [RemoteUserRecord(remote_id=str(number)) for number in range(users)]
        synchronise(account, full=True)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")  # else reading writes hints of what is visible
        before = written_log_entries()
        synchronise(account, full=full)
        return written_log_entries() - before

    few = log_entries(users=3)

    assert log_entries(users=1003) < few + 100


def test_progress_is_told(account, platform, monkeypatch):
    monkeypatch.setattr("sync.reading.BATCH_SIZE", 2)
    platform.users = USERS
    told: list[Progress] = []

    synchronise(account, on_progress=told.append)

    users = [progress for progress in told if progress.model_name == "RemoteUser"]
    assert [progress.counts.records for progress in users] == [0, 2, 3, 3]
    assert [progress.result for progress in users] == [None, None, None, Result.DONE]
    assert users[-1].requests == 1
    assert {progress.model_name for progress in told} == set(ALL_MODELS)


def test_requests_of_later_listings_are_not_counted_for_earlier_ones(account, platform):
    platform.users = USERS
    synchronise(account)
    told: list[Progress] = []

    synchronise(account, full=True, on_progress=told.append)

    assert {progress.requests for progress in told if progress.result} == {1}


def test_waits_are_counted(account, platform, monkeypatch):
    def users(self, window):
        self.traffic.waited_seconds += 1.5
        return USERS

    monkeypatch.setattr(platform.connector, "fetch_users", users)
    told: list[Progress] = []

    assert synchronise(account, on_progress=told.append).waited_seconds == 1.5
    assert {one.waited_seconds for one in told if one.model_name == "Application"} == {0}


# One at a time


def test_a_second_sync_of_the_account_is_refused(account, platform):
    errors = []

    def second():
        try:
            synchronise(account)
        except SyncInProgressError as error:
            errors.append(str(error))
        finally:
            connection.close()

    def users(window):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        return USERS

    platform.users = users

    assert synchronise(account).result == Result.DONE
    assert errors == ["Acme (Fake ATS) is being synchronised already."]


@pytest.mark.parametrize("status", [LinkedAccount.Status.INCOMPLETE, LinkedAccount.Status.RELINK_NEEDED])
def test_an_account_without_working_credentials_is_refused(account, platform, status):
    account.status = status

    with pytest.raises(NotLinkedError):
        synchronise(account)

    assert not SyncRun.objects.exists()


# Deletions


def test_what_a_full_listing_no_longer_holds_was_deleted(account, platform):
    platform.users = USERS
    synchronise(account)
    before = RemoteUser.objects.get(remote_id="0")
    platform.users = USERS[1:]

    run = synchronise(account, full=True)

    gone = RemoteUser.objects.get(remote_id="0")
    assert present() == {"1", "2"}
    assert gone.modified_at > before.modified_at
    assert gone.created_at == before.created_at
    assert run.counts["RemoteUser"]["deleted"] == 1


def test_what_was_deleted_is_marked_only_once(account, platform):
    platform.users = USERS
    synchronise(account)
    platform.users = []
    synchronise(account, full=True)
    before = RemoteUser.objects.order_by("id").values_list("modified_at")[0]

    run = synchronise(account, full=True)

    assert RemoteUser.objects.order_by("id").values_list("modified_at")[0] == before
    assert "RemoteUser" not in run.counts or run.counts["RemoteUser"]["deleted"] == 0


def test_what_comes_back_is_the_same_record(account, platform):
    platform.users = USERS
    synchronise(account)
    before = RemoteUser.objects.get(remote_id="0")
    platform.users = USERS[1:]
    synchronise(account, full=True)
    platform.users = USERS

    synchronise(account)

    back = RemoteUser.objects.get(remote_id="0")
    assert present() == {"0", "1", "2"}
    assert back.id == before.id
    assert back.modified_at > before.modified_at


def test_many_are_deleted_in_several_transactions(account, platform, monkeypatch):
    monkeypatch.setattr("sync.unseen.CHUNK", 2)
    platform.users = [RemoteUserRecord(remote_id=str(number)) for number in range(7)]
    synchronise(account)
    platform.users = []

    assert synchronise(account, full=True).counts["RemoteUser"]["deleted"] == 7
    assert present() == set()
    assert RemoteUser.objects.values("modified_at").distinct().count() == 4


def test_an_incremental_sync_deletes_nothing(account, platform):
    platform.users = USERS
    synchronise(account)
    platform.users = []

    synchronise(account)

    assert present() == {"0", "1", "2"}


def test_a_listing_that_breaks_off_deletes_nothing(account, platform):
    platform.users = USERS
    synchronise(account)
    platform.users = [USERS[0], UnexpectedAnswer("HTML")]

    synchronise(account, full=True)

    assert present() == {"0", "1", "2"}


def test_a_listing_that_never_holds_everything_deletes_nothing(account, platform):
    platform.users = USERS
    synchronise(account)
    platform.connector.models["RemoteUser"] = ModelSupport(fields=frozenset(), deletions=Deletions.NEVER)
    platform.users = []

    synchronise(account, full=True)

    assert present() == {"0", "1", "2"}


def test_an_unreadable_record_is_there_all_the_same(account, platform):
    platform.users = USERS
    synchronise(account)
    platform.users = [Unreadable(model_name="RemoteUser", remote_id="0", reason="no name")]

    synchronise(account, full=True)

    assert present() == {"0"}


def test_a_record_that_postgresql_refuses_is_there_all_the_same(account, platform):
    platform.users = USERS
    synchronise(account)
    platform.users = [replace(USERS[0], first_name="\0")]

    synchronise(account, full=True)

    assert present() == {"0"}


def test_an_unreadable_record_without_id_could_be_any(account, platform):
    platform.users, platform.stages = USERS, [JobInterviewStageRecord(remote_id="s1")]
    synchronise(account)
    platform.users, platform.stages = [Unreadable(model_name="RemoteUser", remote_id=None, reason="no id")], []

    synchronise(account, full=True)

    assert present() == {"0", "1", "2"}
    assert JobInterviewStage.objects.get().remote_was_deleted  # another model is not concerned


def test_shells_are_not_deleted(account, platform):
    platform.interviews = [ScheduledInterviewRecord(remote_id="i1", organizer="u9")]
    synchronise(account)

    synchronise(account, full=True)

    shell = RemoteUser.objects.get()
    assert (shell.is_shell, shell.remote_was_deleted) == (True, False)


def test_what_came_along_with_another_listing_is_there(account, platform):
    """Not every platform lists everybody who turns up in its interviews."""
    platform.interviews = [ScheduledInterviewRecord(remote_id="i1", organizer="0"), USERS[0]]
    synchronise(account)
    before = RemoteUser.objects.get()

    synchronise(account, full=True)

    assert RemoteUser.objects.get().modified_at == before.modified_at
    assert present() == {"0"}


def test_what_others_make_while_the_sync_runs_is_left_alone(account, platform):
    platform.users = USERS
    synchronise(account)

    def users(window):
        RemoteUserFactory(linked_account=account, remote_id="new")
        return USERS

    platform.users = users

    synchronise(account, full=True)

    assert present() == {"0", "1", "2", "new"}


def test_other_accounts_are_left_alone(account, platform):
    RemoteUserFactory(remote_id="theirs")
    platform.users = USERS
    synchronise(account)
    platform.users = []

    synchronise(account, full=True)

    assert present() == {"theirs"}


# Partial


def test_an_unreadable_record_makes_the_sync_partial(account, platform):
    platform.users = [USERS[0], Unreadable(model_name="RemoteUser", remote_id="x", reason="no \0 name"), USERS[1]]

    run = synchronise(account)

    assert run.result == Result.PARTIALLY_SYNCED
    assert present() == {"0", "1"}
    found = model_sync("RemoteUser")
    assert (found.status, found.last_sync_result) == ("PARTIALLY_SYNCED", "PARTIALLY_SYNCED")
    assert found.problems == [{"remote_id": "x", "reason": "no \ufffd name"}]
    assert found.data_fresh_as_of == run.started_at
    assert not found.is_initial_sync
    assert model_sync("Application").status == "DONE"


def test_a_gap_makes_the_sync_partial(account, platform):
    platform.stages = [Gap(reason="The names of jobs may not be read."), JobInterviewStageRecord(remote_id="s1")]

    assert synchronise(account).result == Result.PARTIALLY_SYNCED
    assert model_sync("JobInterviewStage").problems == [
        {"remote_id": None, "reason": "The names of jobs may not be read."}
    ]


def test_a_record_that_postgresql_refuses_makes_the_sync_partial(account, platform):
    platform.users = [USERS[0], RemoteUserRecord(remote_id="b\0d"), USERS[1]]

    run = synchronise(account)

    assert run.result == Result.PARTIALLY_SYNCED
    assert present() == {"0", "1"}
    assert [problem["remote_id"] for problem in model_sync("RemoteUser").problems] == ["b\ufffdd"]
    assert run.counts["RemoteUser"]["problems"] == 1


def test_a_problem_with_another_model_says_so(account, platform):
    platform.applications = [Unreadable(model_name="Job", remote_id="j1", reason="no name")]

    synchronise(account)

    assert model_sync("Application").problems == [{"remote_id": "j1", "reason": "Job: no name"}]


def test_only_so_many_problems_are_kept(account, platform):
    many = MAX_PROBLEMS + 50
    platform.users = (Unreadable(model_name="RemoteUser", remote_id=str(n), reason="bad") for n in range(many))

    run = synchronise(account)

    assert len(model_sync("RemoteUser").problems) == MAX_PROBLEMS
    assert run.counts["RemoteUser"]["problems"] == many


def test_the_next_good_sync_forgets_problems(account, platform):
    platform.users = [Gap(reason="No roles.")]
    synchronise(account)
    platform.users = USERS

    assert synchronise(account).result == Result.DONE
    assert model_sync("RemoteUser").problems == []


# Failures


@pytest.mark.parametrize("error", [MissingPermission("no"), UnexpectedAnswer("HTML")])
def test_where_one_listing_fails_the_others_go_on(account, platform, error):
    platform.users = [USERS[0], error]
    platform.applications = [ApplicationRecord(remote_id="a1")]

    run = synchronise(account)

    assert run.result == Result.FAILED
    assert run.error == f"RemoteUser: {type(error).__name__}: {error}"
    assert present() == {"0"}  # what was handed back until then stays
    assert Application.objects.exists()
    assert model_sync("Application").status == "DONE"


def test_status_after_a_failure(account, platform):
    platform.users = [MissingPermission("no")]

    run = synchronise(account)

    found = model_sync("RemoteUser")
    assert (found.status, found.last_sync_result) == ("FAILED", "FAILED")
    assert found.problems == [{"remote_id": None, "reason": "MissingPermission: no"}]
    assert found.data_fresh_as_of is None
    assert found.historical_data_since is None
    assert found.is_initial_sync
    assert found.last_sync_finished > run.started_at


@pytest.mark.parametrize("error", [RateLimited("slow down"), PlatformUnavailable("503"), BadCredentials("401")])
def test_where_nothing_more_can_be_had_the_sync_ends(account, platform, error):
    platform.users = USERS
    platform.stages = [JobInterviewStageRecord(remote_id="s1"), error]

    told: list[Progress] = []

    run = synchronise(account, on_progress=told.append)

    assert run.result == Result.FAILED
    assert "applications" not in platform.windows
    assert {progress.requests for progress in told if progress.model_name == "Application"} == {0}
    assert JobInterviewStage.objects.exists()
    statuses = dict(ModelSync.objects.values_list("model_name", "status"))
    assert statuses == dict.fromkeys(ALL_MODELS, "FAILED") | {"RemoteUser": "DONE"}


def test_a_rate_limit_is_named(account, platform):
    platform.users = [RateLimited("slow down")]

    synchronise(account)

    assert set(ModelSync.objects.values_list("sync_status_reason", flat=True)) == {"RATE_LIMITED"}


def test_bad_credentials_ask_for_linking_anew(account, platform):
    platform.users = [BadCredentials("The key was revoked.")]

    synchronise(account)

    account.refresh_from_db()
    assert (account.status, account.status_detail) == ("RELINK_NEEDED", "The key was revoked.")


def test_other_failures_leave_the_account_linked(account, platform):
    platform.users = [PlatformUnavailable("503")]

    synchronise(account)

    account.refresh_from_db()
    assert account.status == "COMPLETE"


def test_a_failure_while_connecting_is_a_failure_of_all(account, platform, monkeypatch):
    def refuse(self):
        raise BadCredentials("No token for this client.")

    monkeypatch.setattr(platform.connector, "__enter__", refuse)

    run = synchronise(account)

    assert run.result == Result.FAILED
    assert set(ModelSync.objects.values_list("status", flat=True)) == {"FAILED"}
    account.refresh_from_db()
    assert account.status == "RELINK_NEEDED"


@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), KeyboardInterrupt()])
def test_what_nobody_foresaw_ends_the_run_and_is_raised(account, platform, error):
    platform.stages = [error]

    with pytest.raises(type(error)):
        synchronise(account)

    run = SyncRun.objects.get()
    assert run.result == Result.FAILED
    assert "secret" not in run.error
    statuses = dict(ModelSync.objects.values_list("model_name", "status"))
    assert statuses == dict.fromkeys(ALL_MODELS, "FAILED") | {"RemoteUser": "DONE"}
    platform.stages = []
    assert synchronise(account).result == Result.DONE  # nothing is locked


def test_what_goes_wrong_in_storing_ends_the_run_and_the_listing(account, platform, monkeypatch):
    monkeypatch.setattr("sync.reading.BATCH_SIZE", 1)
    monkeypatch.setattr("sync.ingest.Ingest.store", lambda self, records: 1 / 0)
    closed_in = []

    def users(window):
        try:
            for number in range(1000):
                yield RemoteUserRecord(remote_id=str(number))
        finally:
            closed_in.append(threading.current_thread())

    platform.users = users

    with pytest.raises(ZeroDivisionError):
        synchronise(account)

    assert SyncRun.objects.get().result == Result.FAILED
    assert len(closed_in) == 1
    assert not closed_in[0].is_alive()


def test_a_sync_that_is_cancelled_keeps_what_was_stored_and_ends_the_listing(account, platform, monkeypatch):
    monkeypatch.setattr("sync.reading.BATCH_SIZE", 1)
    threads = []

    def users(window):
        threads.append(threading.current_thread())
        for number in range(1000):
            yield RemoteUserRecord(remote_id=str(number))

    def cancel(progress):
        if progress.counts.records == 3:
            raise SyncCancelledError("Enough.")

    platform.users = users

    with pytest.raises(SyncCancelledError):
        synchronise(account, on_progress=cancel)

    assert SyncRun.objects.get().result == Result.FAILED
    assert present() == {"0", "1", "2"}
    assert not threads[0].is_alive()


def test_a_sync_leaves_no_connection_of_its_reading(account, platform):
    def users(window):
        assert RemoteUser.objects.count() == 0  # as no connector does
        return USERS

    def connections():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            return cursor.fetchone()[0]

    before = connections()
    platform.users = users
    synchronise(account)

    wait_until(lambda: connections() <= before)


def test_a_lost_connection_ends_the_run(account, platform):
    info = connection.connection.info

    def users(window):
        with psycopg.connect(info.dsn) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [info.backend_pid])
        return USERS

    platform.users = users

    with pytest.raises(Exception, match=r"closed|terminat"):
        synchronise(account)

    assert SyncRun.objects.get().result == Result.FAILED
    assert "SYNCING" not in ModelSync.objects.values_list("status", flat=True)


def test_an_account_that_is_deleted_meanwhile_leaves_nothing(account, platform):
    def users(window):
        LinkedAccount.objects.get(id=account.id).delete()
        return USERS

    platform.users = users

    with pytest.raises(SyncCancelledError):
        synchronise(account)

    assert not SyncRun.objects.exists()
    assert not Job.objects.exists()
    assert not ScheduledInterview.objects.exists()
