from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from connectors.platforms.fountain import mapping
from connectors.platforms.fountain.openings import Openings
from connectors.records import Choice, Original, Unreadable
from tests.connectors.fountain.samples import DRIVER, NADIA, PHONE_INTERVIEW, REJECTED, load
from tests.connectors.words import unified

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

stage = partial(mapping.stage, opening="o1", stage_order=1, is_shared=False)
application = partial(mapping.application, rejection_stages={"s9"})


def interview(slot=None, booking=None):
    return mapping.interview(slot or {"id": 27}, {"id": "b1"} | (booking or {}), stage=None, now=NOW)


def openings(*payloads):
    found = Openings()
    return found, [problem for payload in payloads for problem in found.add(payload)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Tiana Marlow", ("Tiana", "Marlow")),
        ("María José  de la\tCruz ", ("María José de la", "Cruz")),
        ("Recruiting", ("Recruiting", None)),
        ("", (None, None)),
        ("  ", (None, None)),
        (None, (None, None)),
    ],
)
def test_last_word_of_a_name_is_the_last_name(name, expected):
    record = mapping.user({"id": "u1", "name": name})

    assert (record.first_name, record.last_name) == expected


@pytest.mark.parametrize("read", [mapping.user, stage, application, lambda payload: interview(booking=payload)])
@pytest.mark.parametrize("identity", [None, True, "", " "])
def test_payload_without_an_identity_is_refused(read, identity):
    with pytest.raises((TypeError, ValueError)):
        read({"id": identity})


@pytest.mark.parametrize("read", [mapping.user, application, lambda payload: interview(booking=payload)])
def test_missing_keys_are_unknown(read):
    known = {name: value for name, value in unified(read({"id": 5})).items() if value not in (None, [], False)}

    assert known.keys() <= {"remote_id", "candidate"}


# Stages


@pytest.mark.parametrize(
    ("type_", "expected"),
    [("RejectedStage", True), ("rejected", True), ("REJECTEDSTAGE", True), ("HiredStage", False), (None, False)],
)
def test_rejection_stages_are_known_by_their_type(type_, expected):
    assert mapping.is_rejection({"id": "s1", "type": type_}) is expected


def test_stage_keeps_its_original_with_its_opening():
    record = stage({"id": "s1", "title": "Trial", "type": "InterviewStage"})

    assert record.remote_data == (
        Original("/funnels", {"id": "s1", "title": "Trial", "type": "InterviewStage", "funnel_id": "o1"}),
    )


def test_stage_of_several_openings_is_of_no_job_and_keeps_its_first_place():
    found, _ = openings(
        {"id": "o1", "stages": [{"id": "a"}, {"id": "b"}]},
        {"id": "o2", "stages": [{"id": "b"}]},
        {"id": "o1", "stages": [{"id": "a"}]},  # on two pages, as openings came in meanwhile
    )

    assert [(one.remote_id, one.job, one.stage_order) for one in found.records()] == [("a", "o1", 1), ("b", None, 2)]


@pytest.mark.parametrize("payload", [{}, {"id": None}, None, "o1", {"id": "o1", "stages": 5}])
def test_opening_that_cannot_be_read_leaves_stages_and_interviews_uncertain(payload):
    _, problems = openings(payload)

    assert [(one.model_name, one.remote_id) for one in problems] == [
        ("JobInterviewStage", None),
        ("ScheduledInterview", None),
    ]


def test_stage_that_cannot_be_read_does_not_stop_the_others():
    found, problems = openings({"id": "o1", "stages": [{"id": "a"}, {"title": "Trial"}, {"id": "c"}]})

    assert [one.stage_order for one in found.records()] == [1, 3]
    assert [type(one) for one in problems] == [Unreadable]


@pytest.mark.parametrize(
    ("stage_ids", "opening", "expected"),
    [
        (["a", "b"], "o2", "b"),
        (["b", "a"], "o1", "a"),
        (["a", "b"], None, "a"),  # an applicant whom nobody knows
        (["x", "b"], "o1", "b"),  # in neither opening; in another opening
        (["x"], "o1", None),
        ([None, 5, "a"], "o1", "a"),
        ([], "o1", None),
        (None, "o1", None),
    ],
)
def test_stage_of_a_booking_is_in_the_applicants_opening_where_there_is_one(stage_ids, opening, expected):
    found, _ = openings({"id": "o1", "stages": [{"id": "a"}]}, {"id": "o2", "stages": [{"id": "b"}]})

    assert found.stage_of_booking(stage_ids, opening) == expected


# Applications


def test_rejected_applicant_has_a_time_and_a_reason():
    payload = next(one for one in load("applicants")["applicants"] if one["id"] == NADIA)

    record = mapping.application(payload, rejection_stages={REJECTED})

    assert unified(record) == {
        "remote_id": NADIA,
        "remote_was_deleted": False,
        "candidate": NADIA,
        "job": DRIVER,
        "applied_at": "2026-07-31T05:10:00Z",
        "rejected_at": "2026-09-16T16:59:58Z",
        "source": None,
        "credited_to": None,
        "current_stage": REJECTED,
        "reject_reason": "Did not show up",
    }
    assert record.remote_data == (Original("/applicants", payload),)


def test_applicant_in_any_other_stage_is_not_rejected():
    record = application(
        {
            "id": "a1",
            "stage": {"id": PHONE_INTERVIEW},
            "rejection_reason": "Availability",
            "on_hold_reason": "Later",
            "last_transitioned_at": "2026-09-16T09:59:58.000-07:00",
        }
    )

    assert (record.rejected_at, record.reject_reason) == (None, None)


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_rejection_may_have_neither_reason_nor_time(reason):
    record = application({"id": "a1", "stage": {"id": "s9"}, "rejection_reason": reason, "last_transitioned_at": None})

    assert (record.rejected_at, record.reject_reason) == (None, None)


def test_reasons_that_differ_in_blanks_stay_apart():
    first, second = (
        application({"id": "a1", "stage": {"id": "s9"}, "rejection_reason": reason}).reject_reason
        for reason in ("No show", " No show")
    )

    assert (first.remote_id, first.name) == ("No show", "No show")
    assert (second.remote_id, second.name) == (" No show", " No show")


def test_long_reasons_stay_whole_and_apart():
    long = "Did not show up. " * 60
    first, second = (
        application({"id": "a1", "stage": {"id": "s9"}, "rejection_reason": reason}).reject_reason
        for reason in (long + "Twice.", long + "Thrice.")
    )

    assert first.name == long + "Twice."
    assert first.remote_id != second.remote_id


# Interviews


@pytest.mark.parametrize(
    ("showed_up", "expected"),
    [
        (True, Choice("COMPLETE", "true")),
        ("true", Choice("COMPLETE", "true")),
        (False, Choice("NO_SHOW", "false")),
        ("false", Choice("NO_SHOW", "false")),
        (None, Choice("SCHEDULED", None)),
    ],
)
def test_attendance_makes_the_status(showed_up, expected):
    slot = {"id": 27, "start_time": "2031-01-01T00:00:00Z"}

    assert interview(slot, {"showed_up": showed_up}).status == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (-90, -30, "AWAITING_FEEDBACK"),
        (-30, 0, "AWAITING_FEEDBACK"),
        (-30, 1, "SCHEDULED"),
        (0, None, "AWAITING_FEEDBACK"),
        (1, None, "SCHEDULED"),
    ],
)
def test_status_without_attendance_hangs_on_the_time_of_the_sync(start, end, expected):
    start_time, end_time = (
        None if minutes is None else (NOW + timedelta(minutes=minutes)).isoformat() for minutes in (start, end)
    )

    assert interview({"id": 27, "start_time": start_time, "end_time": end_time}).status == Choice(expected, None)


@pytest.mark.parametrize(
    ("location", "expected"), [(None, None), ("", None), ("Depot B", "Depot B"), ("x" * 5000, "x" * 5000)]
)
def test_location_is_whole_or_null(location, expected):
    assert interview({"id": 27, "location": location}).location == expected


@pytest.mark.parametrize(("user_id", "expected"), [(None, ()), (12, ("12",)), ("u1", ("u1",))])
def test_recruiter_of_the_slot_is_the_interviewer(user_id, expected):
    assert interview({"id": 27, "user_id": user_id}).interviewers == expected


def test_original_of_a_booking_holds_no_other_bookings():
    slot = load("sessions")["sessions"][0]
    booking = slot["booked_slots"][1]

    record = mapping.interview(slot, booking, stage=None, now=NOW)

    assert record.remote_data == (Original("/sessions", slot | {"booked_slots": [booking]}),)
    assert len(slot["booked_slots"]) == 2
