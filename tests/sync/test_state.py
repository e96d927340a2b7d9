import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from django.db import connection
from django.db.utils import IntegrityError

from sync.engine import synchronise
from sync.models import ModelSync, Result, SyncRun
from sync.stamps import database_now
from sync.state import SyncInProgressError, model_syncs, sync_lock

# Runs in a process of its own, which says when it has the lock and keeps it until it is killed.
HOLD_LOCK = """
import sys, time, psycopg
connection = psycopg.connect(sys.argv[1], autocommit=True)
connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"sync/{sys.argv[2]}"])
print("locked", flush=True)
time.sleep(600)
"""


@contextmanager
def another_process_syncs(account):
    """Stands for a sync in another process, which has just begun; killed in the end."""
    connection.ensure_connection()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, connection.connection.info.dsn, str(account.id)], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"locked\n"
    started_at = database_now()
    SyncRun.objects.create(linked_account=account, is_full=True, started_at=started_at)
    ModelSync.objects.create(linked_account=account, model_name="RemoteUser").start(started_at)
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def until_unlocked(account):
    """PostgreSQL needs a moment to see that a client is gone."""
    for _ in range(100):
        try:
            with sync_lock(account):
                return
        except SyncInProgressError:
            time.sleep(0.05)
    pytest.fail("still locked")


def test_a_sync_in_another_process_is_left_alone(account):
    with another_process_syncs(account):
        with pytest.raises(SyncInProgressError):
            synchronise(account)

        assert [found.status for found in model_syncs(account)].count("SYNCING") == 4
        assert SyncRun.objects.get().result is None


def test_after_a_killed_process_the_next_sync_runs(account):
    with another_process_syncs(account):
        pass
    until_unlocked(account)

    assert synchronise(account).result == Result.DONE
    assert list(SyncRun.objects.order_by("started_at").values_list("result", flat=True)) == ["FAILED", "DONE"]


def test_after_a_killed_process_the_status_is_failed(account):
    with another_process_syncs(account):
        pass
    until_unlocked(account)

    found = {found.model_name: found for found in model_syncs(account)}["RemoteUser"]

    assert (found.status, found.last_sync_result) == ("FAILED", "FAILED")
    assert "killed" in found.problems[0]["reason"]
    assert SyncRun.objects.get().result == Result.FAILED


def test_models_that_no_sync_has_met_yet(account, platform):
    del platform.connector.models["Application"]

    found = {found.model_name: found.status for found in model_syncs(account)}

    assert list(found) == ["Application", "JobInterviewStage", "RemoteUser", "ScheduledInterview"]
    assert found["Application"] == "DISABLED"
    assert found["RemoteUser"] == "SYNCING"
    assert not ModelSync.objects.exists()


def test_model_syncs_tells_what_is_stored(account):
    synchronise(account)

    assert {found.status for found in model_syncs(account)} == {"DONE"}


@pytest.mark.parametrize(
    "state",
    [
        {"result": "DONE", "finished_at": None},
        {"result": None, "finished_at": "2026-01-02T00:00Z"},
        {"result": "DONE", "finished_at": "2025-12-31T00:00Z"},
        {"result": "SYNCING", "finished_at": "2026-01-02T00:00Z"},
    ],
)
def test_impossible_runs_are_refused(account, state):
    with pytest.raises(IntegrityError):
        SyncRun.objects.create(linked_account=account, is_full=True, started_at="2026-01-01T00:00Z", **state)


def test_an_account_has_one_run_at_a_time(account):
    SyncRun.objects.create(linked_account=account, is_full=True, started_at=database_now())

    with pytest.raises(IntegrityError):
        SyncRun.objects.create(linked_account=account, is_full=True, started_at=database_now())
