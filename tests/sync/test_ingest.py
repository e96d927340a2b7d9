from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction

from applications.models import Application, Candidate, Job, JobInterviewStage, RejectReason
from connectors.records import (
    ApplicationRecord,
    CandidateRecord,
    Choice,
    JobInterviewStageRecord,
    JobRecord,
    Original,
    RejectReasonRecord,
    RemoteUserRecord,
    ScheduledInterviewRecord,
)
from interviews.models import ScheduledInterview
from remote_users.models import RemoteUser, RemoteUserRemoteData
from sync import tables
from sync.ingest import Counts, Ingest, promise
from tests.factories import LinkedAccountFactory
from tests.waiting import wait_until
from unified.identity import unified_id

INTERVIEW = ScheduledInterviewRecord(
    remote_id="i1",
    application="a1",
    interviewers=("u2", "u1"),
    location="Room 1",
    start_at=datetime(2026, 5, 1, 9, 30, tzinfo=UTC),
    status=Choice("SCHEDULED", "booked"),
    remote_data=(Original("/interviews", {"id": "i1", "note": "é\0"}),),
)
USER = RemoteUserRecord(remote_id="u1", first_name="Ada", access_role=Choice("ADMIN", "Site Admin"))


@pytest.fixture
def ingest(account) -> Ingest:
    return Ingest(account.id)


def versions(*models):
    """Return what tells each row's version: where it lies and which transaction wrote it."""
    found = []
    for model in models:
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT ctid, xmin, * FROM "{model._meta.db_table}" ORDER BY ctid')
            found += cursor.fetchall()
    return found


def written_wal() -> int:
    """Return how many bytes of write-ahead log this connection has caused."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT wal_bytes FROM pg_stat_get_backend_wal(pg_backend_pid())")
        return int(cursor.fetchone()[0])


def test_a_record_becomes_a_row(account, ingest):
    assert ingest.store([INTERVIEW]) == []

    stored = ScheduledInterview.objects.get()
    assert stored.id == unified_id(account.id, "ScheduledInterview", "i1")
    assert stored.linked_account == account
    assert stored.application_id == unified_id(account.id, "Application", "a1")
    assert stored.interviewers == [unified_id(account.id, "RemoteUser", name) for name in ("u2", "u1")]
    assert (stored.location, stored.start_at) == ("Room 1", INTERVIEW.start_at)
    assert (stored.status, stored.remote_status) == ("SCHEDULED", "booked")
    assert (stored.is_shell, stored.remote_was_deleted) == (False, False)
    assert stored.created_at == stored.modified_at
    assert stored.stored_remote_data.entries == [{"path": "/interviews", "data": {"id": "i1", "note": "é\0"}}]


def test_a_record_without_originals_has_no_side_row(ingest):
    ingest.store([USER])

    assert not RemoteUserRemoteData.objects.exists()


def test_the_same_record_again_touches_nothing(ingest):
    records = [INTERVIEW, USER]
    ingest.store(records)
    models = (ScheduledInterview, Application, RemoteUser, RemoteUserRemoteData)
    before = versions(*models)

    ingest.store(records)

    assert versions(*models) == before
    assert ingest.counts["ScheduledInterview"] == Counts(records=2, new=1)


def test_the_same_record_again_writes_no_log(account, ingest):
    if connection.pg_version < 180000:  # which DATABASE_URL may name; the embedded one is newer
        pytest.skip("PostgreSQL counts log by connection since version 18")
    records = [INTERVIEW, USER]
    ingest.store(records)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # else reading writes hints of what is visible
    another_sync = Ingest(account.id)
    before = written_wal()

    another_sync.store(records)

    assert written_wal() == before


def test_a_changed_value_moves_modified_at_and_not_created_at(ingest):
    ingest.store([INTERVIEW])
    before = ScheduledInterview.objects.get()

    ingest.store([replace(INTERVIEW, location="Room 2")])

    after = ScheduledInterview.objects.get()
    assert (after.id, after.location, after.created_at) == (before.id, "Room 2", before.created_at)
    assert after.modified_at > before.modified_at
    assert ingest.counts["ScheduledInterview"] == Counts(records=2, new=1, changed=1)


def test_a_value_that_goes_becomes_null(ingest):
    ingest.store([INTERVIEW])

    ingest.store([replace(INTERVIEW, location=None, status=None, interviewers=())])

    after = ScheduledInterview.objects.get()
    assert (after.location, after.status, after.remote_status, after.interviewers) == (None, None, None, [])


def test_only_the_platforms_word_changed(ingest):
    ingest.store([INTERVIEW])
    before = ScheduledInterview.objects.get()

    ingest.store([replace(INTERVIEW, status=Choice("SCHEDULED", "planned"))])

    after = ScheduledInterview.objects.get()
    assert (after.status, after.remote_status) == ("SCHEDULED", "planned")
    assert after.modified_at == before.modified_at


def test_only_originals_changed(ingest):
    ingest.store([INTERVIEW])
    before = versions(ScheduledInterview)

    ingest.store([replace(INTERVIEW, remote_data=(Original("/interviews", {"id": "new"}),))])

    assert ScheduledInterview.objects.get().stored_remote_data.entries[0]["data"] == {"id": "new"}
    assert versions(ScheduledInterview) == before


def test_originals_that_come_later_are_added(ingest):
    ingest.store([USER])
    before = versions(RemoteUser)

    ingest.store([replace(USER, remote_data=(Original("/users", 1),))])

    assert RemoteUser.objects.get().stored_remote_data.entries == [{"path": "/users", "data": 1}]
    assert versions(RemoteUser) == before


def test_a_record_without_originals_leaves_those_there_are(ingest):
    ingest.store([INTERVIEW])

    ingest.store([replace(INTERVIEW, remote_data=())])

    assert ScheduledInterview.objects.get().stored_remote_data.entries


def test_deletion_and_return_are_changes(ingest):
    ingest.store([USER])
    first = RemoteUser.objects.get()

    ingest.store([replace(USER, remote_was_deleted=True)])
    gone = RemoteUser.objects.get()
    ingest.store([USER])
    back = RemoteUser.objects.get()

    assert (gone.remote_was_deleted, back.remote_was_deleted) == (True, False)
    assert first.modified_at < gone.modified_at < back.modified_at
    assert first.id == gone.id == back.id


def test_of_the_same_record_twice_the_last_one_counts(ingest):
    ingest.store([USER, replace(USER, first_name="Augusta")])

    assert RemoteUser.objects.get().first_name == "Augusta"


def test_references_without_a_row_get_a_shell(account, ingest):
    ingest.store([INTERVIEW])

    shell = Application.objects.get()
    assert (shell.id, shell.remote_id) == (unified_id(account.id, "Application", "a1"), "a1")
    assert shell.is_shell
    assert set(RemoteUser.objects.values_list("remote_id", "is_shell")) == {("u1", True), ("u2", True)}


def test_references_to_models_that_nobody_lists_get_a_stub(ingest):
    ingest.store([ApplicationRecord(remote_id="a1", candidate="c1", job="j1", reject_reason="r1")])

    for model in (Candidate, Job, RejectReason):
        assert not model.objects.get().is_shell


def test_a_stub_of_which_no_more_is_known_stays_as_it_is(ingest):
    ingest.store([JobInterviewStageRecord(remote_id="s1", job="j1")])
    before = versions(Job)

    ingest.store([JobRecord(remote_id="j1")])

    assert versions(Job) == before


def test_a_record_fills_its_shell(ingest):
    ingest.store([INTERVIEW])
    shell = RemoteUser.objects.get(remote_id="u1")

    ingest.store([USER])

    filled = RemoteUser.objects.get(remote_id="u1")
    assert (filled.id, filled.is_shell, filled.first_name) == (shell.id, False, "Ada")
    assert filled.created_at == shell.created_at
    assert filled.modified_at > shell.modified_at


def test_even_an_empty_record_fills_its_shell(ingest):
    ingest.store([INTERVIEW])

    ingest.store([ApplicationRecord(remote_id="a1")])

    assert not Application.objects.get().is_shell


def test_parent_and_child_in_one_batch_need_no_shell(ingest):
    ingest.store([INTERVIEW, ApplicationRecord(remote_id="a1", source="Referral")])

    application = Application.objects.get()
    assert (application.source, application.is_shell) == ("Referral", False)
    assert application.created_at == application.modified_at


def test_embedded_records_are_stored(ingest):
    ingest.store(
        [
            ApplicationRecord(
                remote_id="a1",
                candidate=CandidateRecord(remote_id="c1", first_name="Grace"),
                reject_reason=RejectReasonRecord(remote_id="Too far", name="Too far"),
            )
        ]
    )

    assert Application.objects.get().candidate.first_name == "Grace"
    assert Application.objects.get().reject_reason.name == "Too far"


def test_an_id_alone_leaves_what_was_embedded_before(ingest):
    application = ApplicationRecord(remote_id="a1", candidate=CandidateRecord(remote_id="c1", first_name="Grace"))
    ingest.store([application])

    ingest.store([replace(application, candidate="c1")])

    assert Candidate.objects.get().first_name == "Grace"


def test_references_are_remembered_only_so_far(ingest, monkeypatch):
    monkeypatch.setattr("sync.ingest.MAX_KNOWN_KEYS", 5)

    for number in range(20):
        ingest.store([ApplicationRecord(remote_id=str(number), job=str(number))])

    assert len(ingest._known) <= 5
    assert Job.objects.count() == 20


@pytest.mark.parametrize(
    "bad",
    [
        JobInterviewStageRecord(remote_id="bad", name="NUL \0"),
        JobInterviewStageRecord(remote_id="bad\0"),
        JobInterviewStageRecord(remote_id="bad", stage_order=2**31),
        JobInterviewStageRecord(remote_id="bad", stage_order=2**70),  # refused before PostgreSQL is asked
        JobInterviewStageRecord(remote_id="bad", job="\0"),
        JobInterviewStageRecord(remote_id="bad", stage_order="first"),
    ],
)
def test_a_bad_record_does_not_take_others_with_it(ingest, bad):
    good = [JobInterviewStageRecord(remote_id=str(number), job=str(number)) for number in range(3)]

    problems = ingest.store([*good[:2], bad, good[2]])

    assert [(problem.model_name, problem.remote_id) for problem in problems] == [("JobInterviewStage", bad.remote_id)]
    assert problems[0].reason
    assert set(JobInterviewStage.objects.values_list("remote_id", flat=True)) == {"0", "1", "2"}
    assert Job.objects.count() == 3
    assert ingest.counts["JobInterviewStage"] == Counts(records=4, new=3)


def test_a_bad_change_leaves_what_is_stored(ingest):
    stage = JobInterviewStageRecord(remote_id="s1", name="Onsite")
    ingest.store([stage])

    problems = ingest.store([replace(stage, name="\0"), JobInterviewStageRecord(remote_id="s2")])

    assert len(problems) == 1
    assert set(JobInterviewStage.objects.values_list("remote_id", "name")) == {("s1", "Onsite"), ("s2", None)}


def test_a_bad_embedded_record_leaves_a_stub_for_the_one_around_it(ingest):
    problems = ingest.store([ApplicationRecord(remote_id="a1", job=JobRecord(remote_id="j1", name="\0"))])

    assert [problem.model_name for problem in problems] == ["Job"]
    assert Application.objects.get().job.name is None


def test_a_row_that_somebody_else_made_meanwhile_is_updated(account, ingest, monkeypatch):
    """As when an interview that the API has created is listed in the same moment."""
    compare = tables.compare

    def overtaken(cursor, resource, rows):
        changes = compare(cursor, resource, rows)
        monkeypatch.setattr(tables, "compare", compare)
        with psycopg.connect(connection.connection.info.dsn) as somebody:
            somebody.execute(
                "INSERT INTO remote_users_remoteuser (id, linked_account_id, remote_id, created_at, modified_at,"
                " remote_was_deleted, is_shell) VALUES (%s, %s, 'u1', now(), now(), false, false)",
                [unified_id(account.id, "RemoteUser", "u1"), account.id],
            )
        return changes

    monkeypatch.setattr(tables, "compare", overtaken)

    assert ingest.store([USER]) == []
    assert RemoteUser.objects.get().first_name == "Ada"
    assert ingest.counts["RemoteUser"].changed == 1


def test_accounts_do_not_mix(account, ingest):
    other = LinkedAccountFactory(platform="fake", organization=account.organization)
    ingest.store([USER])

    Ingest(other.id).store([USER])

    assert RemoteUser.objects.count() == 2


def test_an_id_that_is_promised_after_a_row_was_prepared_is_kept(ingest):
    record, id = ScheduledInterviewRecord(remote_id="later"), uuid4()
    ingest.prepare([record])
    promise(ingest.account_id, "ScheduledInterview", "later", id)

    assert ingest.store([record]) == []

    assert ScheduledInterview.objects.get().id == id


def test_an_id_that_is_promised_while_a_batch_waits_to_be_stored_is_kept(ingest):
    record, id = ScheduledInterviewRecord(remote_id="later"), uuid4()

    def store():
        try:
            return ingest.store([record])
        finally:
            connection.close()

    def somebody_waits():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            return cursor.fetchone()[0]

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            promise(ingest.account_id, "ScheduledInterview", "later", id)
            storing = pool.submit(store)
            wait_until(somebody_waits)
        assert storing.result() == []

    assert ScheduledInterview.objects.get().id == id
