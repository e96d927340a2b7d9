"""Who polls with `modified_after` = the start of the poll before ends up with exactly what the API lists."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from django.db import connection

from connectors.records import ApplicationRecord, Gone, RemoteUserRecord, ScheduledInterviewRecord
from sync.engine import store_written, synchronise
from sync.models import SyncRun
from sync.stamps import Stamp, database_now
from tests.conftest import Api
from tests.waiting import wait_until

AHEAD = timedelta(milliseconds=50)  # rather short, so that it does not always suffice
ROUNDS = 5
RECORDS = 30  # of each model, that are new in a round
PATHS = {"users": "RemoteUser", "applications": "Application", "interviews": "ScheduledInterview"}


class Company:
    """What the platform has. In each round a third of the round before changes, and a third is deleted, for good."""

    def __init__(self):
        self.records = {path: {} for path in PATHS}
        self.news = {path: [] for path in PATHS}

    def go_on(self, number):
        for path, records in self.records.items():
            before = [remote_id for remote_id in records if remote_id.startswith(f"{number - 1}-")]
            for remote_id in before[::3]:
                records[remote_id] = changed(records[remote_id])
            gone = before[1::3]
            for remote_id in gone:
                del records[remote_id]
            new = [new_record(path, number, each) for each in range(RECORDS)]
            records.update({record.remote_id: record for record in new})
            self.news[path] = [
                *new,
                *(records[remote_id] for remote_id in before[::3]),
                *(Gone(model_name=PATHS[path], remote_id=remote_id) for remote_id in gone),
            ]

    def listing(self, path):
        return lambda window: list(self.records[path].values()) if window.is_full else self.news[path]


def new_record(path, number, each):
    remote_id, later = f"{number}-{each}", f"{number + 1}-{each}"
    if path == "users":
        return RemoteUserRecord(remote_id=remote_id)
    if path == "applications":  # somebody whom only the next round lists has referred the candidate
        return ApplicationRecord(remote_id=remote_id, candidate=remote_id, credited_to=later)
    return ScheduledInterviewRecord(remote_id=remote_id, application=remote_id, interviewers=(remote_id, later))


def changed(record):
    name = {"RemoteUser": "first_name", "Application": "source", "ScheduledInterview": "location"}[record.model_name]
    return replace(record, **{name: "changed"})


class Mirror:
    """What a client holds of an account, by path and id."""

    def __init__(self, account):
        self.api = Api(account)
        self.held = {path: {} for path in PATHS}
        self.since = {path: datetime(2000, 1, 1, tzinfo=UTC) for path in PATHS}
        self.polls = 0

    def poll(self):
        for path in PATHS:
            began = datetime.now(UTC)
            self.held[path].update(self.listed(path, modified_after=self.since[path].isoformat()))
            self.since[path] = began
        self.polls += 1

    def listed(self, path, **parameters):
        everything = {"include_deleted_data": "true", "include_shell_data": "true"}
        pages = self.api.walk(path, page_size=50, **everything, **parameters)
        return {record["id"]: record for page in pages for record in page}

    def wait_for_a_poll(self):
        """Wait until a poll has ended that began after this was called."""
        before = self.polls
        wait_until(lambda: self.polls > before + 1, seconds=60)


@pytest.fixture
def mirror(account):
    return Mirror(account)


@pytest.fixture
def late_commits(monkeypatch, mirror):
    """Let every tenth commit come later than its rows are stamped, with a poll in between; return those stamps."""
    stamps, late = count(1), []
    ensure_ahead = Stamp.ensure_ahead

    def dawdle(stamp):
        ensure_ahead(stamp)
        if stamp.taken is not None and next(stamps) % 10 == 0:
            late.append(stamp.taken)
            wait_until(lambda: database_now() > stamp.taken)
            mirror.wait_for_a_poll()

    monkeypatch.setattr("sync.stamps.AHEAD", AHEAD)
    monkeypatch.setattr("sync.stamps.Stamp.ensure_ahead", dawdle)
    return late


def test_polls_while_syncs_and_calls_write_miss_nothing(account, platform, monkeypatch, mirror, late_commits):
    monkeypatch.setattr("sync.reading.BATCH_SIZE", 10)
    company = Company()
    for path in PATHS:
        setattr(platform, path, company.listing(path))

    def synchronise_in_rounds():
        for number in range(ROUNDS):
            company.go_on(number)
            synchronise(account, full=number % 2 == 1)
            mirror.wait_for_a_poll()

    def call_in_rounds():
        for number in range(ROUNDS):
            written = [ScheduledInterviewRecord(remote_id=f"call {each}", location=f"{number}") for each in range(5)]
            store_written(account, written, {})
            mirror.wait_for_a_poll()

    def work(rounds):
        try:
            rounds()
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(work, rounds) for rounds in (synchronise_in_rounds, call_in_rounds)]
        while not all(writer.done() for writer in writers):
            mirror.poll()
        for writer in writers:
            writer.result()
        mirror.poll()

    assert set(SyncRun.objects.values_list("result", flat=True)) == {"DONE"}
    assert late_commits
    for path in PATHS:
        assert mirror.held[path] == mirror.listed(path)
        assert len(mirror.held[path]) >= ROUNDS * RECORDS
    deleted = sum(record["remote_was_deleted"] for record in mirror.held["users"].values())
    assert deleted == (ROUNDS - 1) * RECORDS // 3
