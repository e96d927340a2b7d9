from datetime import timedelta

import pytest

from connectors.platforms.recruitee import mapping
from connectors.records import Original
from connectors.stored import StoredApplication
from connectors.values import utc_time
from tests.connectors.recruitee.samples import events, load
from tests.connectors.words import unified

START = "2026-07-16T08:00:00.000000Z"


def event(**changes):
    return mapping.interview({"id": 1, **changes}, placements={})


def placement(**changes):
    return mapping.application({"id": 1, **changes}, candidate={"id": 2})


def stored(remote_id):
    return StoredApplication(remote_id=remote_id, candidate="7", job="8", current_stage=None, originals={})


@pytest.mark.parametrize("read", [mapping.user, mapping.former_user, mapping.stage, event, placement])
def test_missing_keys_are_unknown(read):
    record = read(id=5) if read in (event, placement) else read({"id": 5})

    known = {name for name, value in unified(record).items() if value not in (None, [], False)}
    assert known <= {"remote_id", "disabled"}


@pytest.mark.parametrize("read", [mapping.user, mapping.stage, lambda payload: event(**payload)])
@pytest.mark.parametrize("remote_id", [None, True, "", 1.5])
def test_payload_without_an_identity_is_refused(read, remote_id):
    with pytest.raises((TypeError, ValueError)):
        read({"id": remote_id})


def test_empty_texts_are_unknown():
    user = mapping.user({"id": 1, "first_name": "", "last_name": "", "email": ""})

    assert (user.first_name, user.last_name, user.email) == (None, None, None)
    assert event(starts_at="", duration="", admin_ids="").end_at is None
    assert placement(disqualified_at="", created_at="").applied_at is None


@pytest.mark.parametrize(
    ("duration", "minutes"),
    [(60, 60), (0, 0), (1440, 1440), (None, None)],
)
def test_interview_ends_after_its_minutes(duration, minutes):
    interview = event(starts_at=START, duration=duration)

    assert interview.end_at == (None if minutes is None else utc_time(START) + timedelta(minutes=minutes))


def test_interview_without_a_start_has_no_end():
    assert event(starts_at=None, duration=30).end_at is None


def test_fraction_of_a_second_is_kept():
    assert event(created_at="2026-07-10T08:45:30.767145Z").remote_created_at.microsecond == 767145


def test_timezone_is_for_display_only():
    assert event(starts_at=START, timezone="Europe/Skopje").start_at == utc_time(START)


def test_place_of_an_interview_is_not_told():
    assert event(location="Vergaderzaal").location is None


@pytest.mark.parametrize(
    ("changes", "application"),
    [
        ({"candidate_id": 7, "offer_id": 8}, "1000"),
        ({"candidate_id": 7, "offer_id": 9}, None),
        ({"candidate_id": 7, "offer_id": None}, None),
        ({"candidate_id": None, "offer_id": 8}, None),
    ],
)
def test_interview_belongs_to_the_newest_placement_on_its_offer(changes, application):
    placements = {("7", "8"): (stored("999"), stored("1000"), stored("98"))}

    assert mapping.interview({"id": 1, **changes}, placements=placements).application == application


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"disqualified_at": START, "disqualify_reason": "Underqualified"}, "Underqualified"),
        ({"disqualified_at": START, "disqualify_reason": None}, None),
        ({"disqualified_at": START, "disqualify_reason": ""}, None),
        ({"disqualified_at": None, "disqualify_reason": "Underqualified"}, None),
        ({"disqualify_reason": "Underqualified"}, None),
    ],
)
def test_reason_counts_only_for_those_who_were_rejected(changes, reason):
    assert unified(placement(**changes))["reject_reason"] == reason


def test_reason_too_long_for_an_id_is_kept():
    reasons = [placement(disqualified_at=START, disqualify_reason="x" * 600 + end).reject_reason for end in "ab"]

    assert [reason.name for reason in reasons] == ["x" * 600 + "a", "x" * 600 + "b"]
    assert reasons[0].remote_id != reasons[1].remote_id


@pytest.mark.parametrize(
    ("changes", "order"), [({"position": 4}, 4), ({"position": 0}, 0), ({"position": None}, 2), ({}, 2)]
)
def test_stage_without_a_position_stands_where_it_is_listed(changes, order):
    assert mapping.stage({"id": 1, **changes}, order=2, path="/pipeline_templates/3").stage_order == order


def test_stage_of_no_template_has_no_order():
    assert mapping.stage({"id": 1, "position": 4}).stage_order is None


def test_originals_are_as_received():
    (candidate, *_), event_row = load("candidates")["candidates"], events("past_due")["interview_events"][0]
    person = {key: value for key, value in candidate.items() if key != "placements"}
    (row,) = candidate["placements"]

    assert mapping.application(row, candidate=person).remote_data == (
        Original("/candidates", row | {"candidate": person}),
    )
    assert mapping.interview(event_row, placements={}).remote_data == (Original("/interview/events", event_row),)
    assert mapping.user({"id": 1}).remote_data == (Original("/admins", {"id": 1}),)
    assert mapping.former_user({"id": 1}).remote_data == (Original("references", {"id": 1}),)
    assert mapping.stage({"id": 1}).remote_data == (Original("references", {"id": 1}),)
