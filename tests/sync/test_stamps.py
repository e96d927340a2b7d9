"""Rows are committed before the time that they are stamped with: who polls by that time misses none."""

import threading
from datetime import timedelta
from time import sleep

from django.db import connection, connections

from connectors.records import RemoteUserRecord
from remote_users.models import RemoteUser
from sync.engine import synchronise
from sync.ingest import Ingest
from sync.models import ModelSync
from sync.stamps import AHEAD, Stamps, database_now
from tests.factories import RemoteUserFactory
from tests.waiting import wait_until


def test_rows_are_visible_before_the_time_of_their_stamp(account):
    Ingest(account.id).store([RemoteUserRecord(remote_id="1")])

    visible_at = database_now()
    assert RemoteUser.objects.get().modified_at > visible_at


def test_work_that_takes_too_long_is_done_again_with_more_time(account):
    user = RemoteUserFactory(linked_account=account)
    tries = []

    def work(stamp):
        RemoteUser.objects.filter(id=user.id).update(modified_at=stamp.at)
        tries.append(stamp.at)
        if len(tries) == 1:
            sleep(AHEAD.total_seconds())

    Stamps(account.id).write(work)

    user.refresh_from_db()
    assert len(tries) == 2
    assert user.modified_at == tries[1] > database_now()


def test_rows_whose_commit_took_too_long_are_stamped_again(account, monkeypatch):
    user, other = RemoteUserFactory(linked_account=account), RemoteUserFactory()
    monkeypatch.setattr("sync.stamps.Stamp.ensure_ahead", lambda self: None)

    def work(stamp):
        RemoteUser.objects.filter(id__in=[user.id, other.id]).update(modified_at=stamp.at)
        sleep(AHEAD.total_seconds())
        return stamp.at

    stamps = Stamps(account.id)
    first = stamps.write(work)

    user.refresh_from_db()
    other.refresh_from_db()
    assert user.modified_at == stamps.latest > first
    assert user.modified_at > database_now()
    assert other.modified_at == first


def test_late_rows_that_were_created_further_ahead_are_stamped_again(account, monkeypatch):
    monkeypatch.setattr("sync.stamps.AHEAD", timedelta(seconds=1))
    Ingest(account.id).store([RemoteUserRecord(remote_id="1")])
    created_at = RemoteUser.objects.get().created_at
    monkeypatch.setattr("sync.stamps.AHEAD", timedelta(milliseconds=50))
    monkeypatch.setattr("sync.stamps.Stamp.ensure_ahead", lambda self: wait_until(lambda: database_now() > created_at))

    ingest = Ingest(account.id)
    ingest.store([RemoteUserRecord(remote_id="1", first_name="changed")])

    visible_at = database_now()
    assert RemoteUser.objects.get().modified_at == ingest.stamps.latest > visible_at > created_at


def test_work_without_a_stamp_may_take_as_long_as_it_likes(account):
    stamps = Stamps(account.id)

    assert stamps.write(lambda stamp: sleep(0.3)) is None
    assert stamps.latest is None


def test_a_sync_ends_no_earlier_than_its_last_stamp(account, platform):
    platform.users = [RemoteUserRecord(remote_id="1")]

    synchronise(account)

    assert ModelSync.objects.get(model_name="RemoteUser").last_sync_finished >= RemoteUser.objects.get().modified_at


def test_polls_while_rows_are_written_miss_none(account):
    """Each poll asks for what was modified since the last one began."""
    stop, written = threading.Event(), set()

    def write(writer):
        ingest, number = Ingest(account.id), 0
        while not stop.is_set():
            names = [f"{writer}-{number + each}" for each in range(20)]
            ingest.store([RemoteUserRecord(remote_id=name) for name in names])
            written.update(names)
            number += len(names)
        connections.close_all()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    seen, since = set(), database_now() - timedelta(days=1)
    while True:
        is_last = not any(writer.is_alive() for writer in writers)
        began = database_now()
        seen.update(RemoteUser.objects.filter(modified_at__gt=since).values_list("remote_id", flat=True))
        since = began
        if is_last:
            break
        if len(written) >= 200:  # not after so many polls: how much is written meanwhile depends on the machine
            stop.set()

    assert len(written) >= 200
    assert written <= seen
    assert not connection.in_atomic_block
