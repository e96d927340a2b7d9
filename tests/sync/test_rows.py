import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from connectors.records import (
    ApplicationRecord,
    Choice,
    JobInterviewStageRecord,
    JobRecord,
    Original,
    RemoteUserRecord,
    ScheduledInterviewRecord,
)
from sync.rows import EMPTY_HASH, RowMaker, with_embedded
from unified.identity import unified_id, unified_key

USER = RemoteUserRecord(remote_id="1", email="ada@acme.example", access_role=Choice("ADMIN", "Site Admin"))


@pytest.fixture
def maker() -> RowMaker:
    return RowMaker(uuid.UUID(int=1))


@pytest.mark.parametrize(
    "changed",
    [
        replace(USER, access_role=Choice("ADMIN", "Owner")),
        replace(USER, remote_data=(Original("/users", {"id": 1}),)),
        replace(USER, first_name=None),
    ],
    ids=["the platform's word", "originals", "None"],
)
def test_hash_is_blind_to(maker, changed):
    assert maker.row(changed).content_hash == maker.row(USER).content_hash


@pytest.mark.parametrize(
    "changed",
    [
        replace(USER, access_role=Choice("INTERVIEWER", "Site Admin")),
        replace(USER, email=None),
        replace(USER, email=""),  # none there is, which is more than not knowing
        replace(USER, first_name="ada@acme.example", email=None),
        replace(USER, disabled=False),
    ],
)
def test_hash_sees_unified_values(maker, changed):
    assert maker.row(changed).content_hash != maker.row(USER).content_hash


def test_hash_takes_a_moment_for_the_same_in_any_time_zone(maker):
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    utc = ScheduledInterviewRecord(remote_id="1", start_at=noon)
    tokyo = replace(utc, start_at=noon.astimezone(timezone(timedelta(hours=9))))

    assert maker.row(utc) == maker.row(tokyo)


def test_hash_of_nothing_known():
    assert RowMaker(uuid.UUID(int=1)).row(JobRecord(remote_id="1")).content_hash == EMPTY_HASH


def test_interviewers_keep_their_order_and_lose_repetitions(maker):
    row = maker.row(ScheduledInterviewRecord(remote_id="1", interviewers=("b", "a", "b")))

    assert [reference.remote_id for reference in row.references] == ["b", "a"]


def test_an_embedded_record_refers_like_its_id(maker):
    by_id = JobInterviewStageRecord(remote_id="1", job="7")
    embedded = replace(by_id, job=JobRecord(remote_id="7", name="Engineer"))

    assert maker.row(by_id) == maker.row(embedded)
    assert list(with_embedded([embedded])) == [embedded.job, embedded]


def test_originals_become_the_text_that_the_api_hands_on(maker):
    row = maker.row(replace(USER, remote_data=(Original("/users", {"id": 1}), Original("/roles", [None]))))

    assert row.entries == b'[{"path":"/users","data":{"id":1}},{"path":"/roles","data":[null]}]'


@pytest.mark.parametrize("odd", [2**70, "half a character \ud83d"])
def test_originals_may_hold_what_few_can_write(maker, odd):
    row = maker.row(replace(USER, remote_data=(Original("/users", {"odd": odd}),)))

    assert b"odd" in row.entries


@pytest.mark.parametrize(
    "record",
    [
        ApplicationRecord(remote_id="1", job=""),
        ApplicationRecord(remote_id="1", job="x" * 501),
        ApplicationRecord(remote_id="1", applied_at=datetime(2026, 1, 1)),  # noqa: DTZ001 - what a mapping may forget
        ApplicationRecord(remote_id="1", source="\ud83d"),
        ApplicationRecord(remote_id="\ud83d"),
        JobInterviewStageRecord(remote_id="1", stage_order=2**70),
    ],
    ids=["empty id", "long id", "no time zone", "half a character", "half a character as id", "huge number"],
)
def test_what_no_column_can_hold_is_refused(maker, record):
    maker.prepare([record])

    with pytest.raises((TypeError, ValueError)):
        maker.row(record)


def test_a_prepared_row_is_the_one_that_would_have_been_made(maker, monkeypatch):
    expected = maker.row(USER)
    maker.prepare([USER])
    monkeypatch.setattr(maker, "_new_row", None)

    assert maker.row(USER) == expected


@pytest.mark.parametrize("remote_id", ["1", "é 中 😀", "x" * 500, *map(str, range(100, 120))])
def test_keys_are_ids_in_hexadecimal(remote_id):
    account_id = uuid.uuid4()

    assert unified_key(account_id, "RemoteUser", remote_id) == unified_id(account_id, "RemoteUser", remote_id).hex
