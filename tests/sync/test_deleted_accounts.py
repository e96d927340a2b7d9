"""Accounts that are deleted while they are being synchronised."""

from threading import Event

from procrastinate.contrib.django.models import ProcrastinateJob

from connectors.records import RemoteUserRecord
from linked_accounts.deletion import delete_account
from sync.jobs import queue_sync
from tests.linked_accounts.test_deletion import MARK, rows_with
from tests.sync.test_jobs import wait_until, working


def test_a_running_sync_ends_and_leaves_nothing_behind(account, platform):
    is_reading, may_go_on = Event(), Event()

    def users(window):
        is_reading.set()
        may_go_on.wait(10)
        yield RemoteUserRecord(remote_id="1", first_name=MARK)

    platform.users = users
    queue_sync(account)
    with working():
        assert is_reading.wait(10)
        delete_account(account)
        may_go_on.set()
        wait_until(lambda: not ProcrastinateJob.objects.exists())

    assert rows_with(MARK) == {}
    assert set(rows_with(str(account.id))) == {"linked_accounts_auditevent"}
