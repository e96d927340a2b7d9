from datetime import UTC, datetime

import pytest

from connectors.platforms.smartrecruiters import mapping
from connectors.platforms.smartrecruiters.mapping import Assignment
from connectors.records import Choice, Original
from tests.connectors.smartrecruiters.samples import ADA, BEN, CHLOE, DMITRI, ENGINEER, IN_INTERVIEW, REJECTED, load

ASSIGNMENT = Assignment(DMITRI, ENGINEER)
HISTORY = load("status_history")["content"]


def application(history=(), **payload):
    return mapping.application({"applicationId": IN_INTERVIEW, **payload}, ASSIGNMENT, list(history))


def interview(timeslot=None, *, history=(), current_stage="OFFERED", **payload):
    return mapping.interview(
        {"id": "i", "createdOn": "2026-03-01T00:00:00.000Z", **payload},
        timeslot,
        application_id=IN_INTERVIEW,
        current_stage=current_stage,
        history=history,
    )


def entry(changed_on, status, sub_status=None):
    return {"changedOn": changed_on, "status": status, "subStatus": sub_status, "actions": {}}


# Users


def test_documented_users():
    ada, ben, chloe = map(mapping.user, load("users")["content"])

    assert (ada.remote_id, ada.first_name, ada.last_name, ada.email) == (ADA, "Ada", "Nowak", "ada.nowak@example.com")
    assert (ada.disabled, ada.access_role) == (False, Choice("SUPER_ADMIN", "ADMINISTRATOR"))
    assert (ben.remote_id, ben.disabled, ben.access_role.value) == (BEN, True, "TEAM_MEMBER")
    assert (chloe.remote_id, chloe.first_name, chloe.last_name) == (CHLOE, "Chloé", None)
    assert chloe.access_role.value == load("users")["content"][2]["systemRole"]["name"]
    assert ada.remote_data == (Original("/user-api/v201804/users", load("users")["content"][0]),)


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ({"id": "ADMINISTRATOR", "name": "Chief"}, "SUPER_ADMIN"),
        ({"id": "EXTENDED"}, "ADMIN"),
        ({"id": "STANDARD"}, "TEAM_MEMBER"),
        ({"id": "RESTRICTED"}, "LIMITED_TEAM_MEMBER"),
        ({"id": "EMPLOYEE"}, "INTERVIEWER"),
        ({"id": "62b1c7d0a4e4b71f1c0d9a11", "name": "Hiring team"}, "Hiring team"),
        ({}, None),
        (None, None),
    ],
)
def test_access_role_of_a_user(role, expected):
    found = mapping.user({"id": ADA, "systemRole": role}).access_role

    assert (found and found.value) == expected


def test_names_are_trimmed_and_blank_ones_are_none():
    record = mapping.user({"id": ADA, "firstName": " Ada ", "lastName": " "})

    assert (record.first_name, record.last_name, record.disabled) == ("Ada", None, None)


# Stages


def test_statuses_are_stages_in_their_order():
    found = [(one.remote_id, one.name, one.stage_order, one.remote_data) for one in mapping.statuses()]

    assert found == [
        ("LEAD", "Lead", 1000, ()),
        ("NEW", "New", 2000, ()),
        ("IN_REVIEW", "In review", 3000, ()),
        ("INTERVIEW", "Interview", 4000, ()),
        ("OFFERED", "Offered", 5000, ()),
        ("HIRED", "Hired", 6000, ()),
        ("REJECTED", "Rejected", 7000, ()),
        ("WITHDRAWN", "Withdrawn", 8000, ()),
        ("TRANSFERRED", "Transferred", 9000, ()),
    ]


def test_sub_statuses_of_a_process_are_stages():
    default, retail = load("hiring_processes")["content"]

    found = [(one.remote_id, one.name, one.stage_order) for one in (*mapping.stages(default), *mapping.stages(retail))]

    assert found == [
        ("IN_REVIEW:CV screening", "CV screening", 3001),
        ("IN_REVIEW:Recruiter call", "Recruiter call", 3002),
        ("INTERVIEW:Phone screen", "Phone screen", 4001),
        ("INTERVIEW:On-site", "On-site", 4002),
        ("OFFERED:Offer sent", "Offer sent", 5001),
        ("INTERVIEW:Trial shift", "Trial shift", 4001),
    ]
    assert [one.remote_data for one in mapping.stages(retail)] == [
        (Original("/configuration/hiring-processes", retail),)
    ]


def test_blanks_and_case_of_sub_statuses_are_kept():
    (record,) = mapping.stages({"subStatuses": {"INTERVIEW": [" on-SITE "], "OFFERED": None}})

    assert (record.remote_id, record.name) == ("INTERVIEW: on-SITE ", " on-SITE ")


def test_stages_that_only_an_application_knows_have_no_order():
    met = mapping.stages_met(
        {"status": "INTERVIEW", "subStatus": "Pair: remote"}, [entry("", "ON_HOLD"), entry("", "NEW")]
    )

    assert [(one.remote_id, one.name, one.stage_order) for one in met] == [
        ("INTERVIEW:Pair: remote", "Pair: remote", None),
        ("ON_HOLD", "ON_HOLD", None),
        ("NEW", "New", 2000),
    ]


@pytest.mark.parametrize("payload", [{}, {"subStatus": None}, {"subStatus": ""}])
def test_no_sub_status_means_the_plain_status(payload):
    assert mapping.stage_id({"status": "INTERVIEW", **payload}) == "INTERVIEW"


# Applications


def test_each_job_of_a_candidate_is_one_assignment():
    payload = {
        "id": DMITRI,
        "primaryAssignment": {"job": {"id": "a"}},
        "secondaryAssignments": [{"job": {"id": "b"}}, {"job": {"id": "a"}}, {"job": None}, {"job": {"id": "b"}}],
    }

    assert mapping.assignments(payload) == [Assignment(DMITRI, "a"), Assignment(DMITRI, "b")]


@pytest.mark.parametrize("secondary", [{}, {"secondaryAssignments": None}, {"secondaryAssignments": []}])
def test_candidates_without_other_assignments(secondary):
    payload = {"id": DMITRI, "primaryAssignment": {"job": {"id": "a"}}, **secondary}

    assert mapping.assignments(payload) == [Assignment(DMITRI, "a")]


def test_documented_application():
    payload = load("candidate_application")

    record = mapping.application(payload, ASSIGNMENT, HISTORY)

    assert (record.remote_id, record.candidate, record.job) == (IN_INTERVIEW, DMITRI, ENGINEER)
    assert (record.applied_at, record.rejected_at) == (datetime(2026, 2, 10, 8, 2, tzinfo=UTC), None)
    assert (record.source, record.current_stage) == ("Career Site", "INTERVIEW:On-site")
    assert (record.reject_reason, record.credited_to) == (None, None)
    assert record.remote_data == (
        Original(f"/candidates/{DMITRI}/jobs/{ENGINEER}", payload),
        Original(f"/candidates/{DMITRI}/jobs/{ENGINEER}/status/history", HISTORY),
    )


def test_documented_rejection():
    record = mapping.application(load("candidate_application_rejected"), ASSIGNMENT, [])

    assert (record.remote_id, record.current_stage) == (REJECTED, "REJECTED")
    assert (record.reject_reason.name, record.applied_at, record.rejected_at) == ("Not enough experience", None, None)


def test_application_begins_with_its_first_entry_that_is_no_lead():
    history = [
        entry("2026-02-03T00:00:00Z", "IN_REVIEW"),
        entry("2026-02-01T00:00:00Z", "LEAD"),
        entry("2026-02-02T01:00:00+02:00", "NEW"),
    ]

    assert application(history).applied_at == datetime(2026, 2, 1, 23, 0, tzinfo=UTC)
    assert application(history[1:2]).applied_at is None


def test_last_rejection_counts_while_it_lasts():
    history = [
        entry("2026-02-03T00:00:00Z", "REJECTED"),
        entry("2026-02-05T00:00:00Z", "REJECTED"),
        entry("2026-02-04T00:00:00Z", "IN_REVIEW"),
    ]

    assert application(history, status="REJECTED").rejected_at == datetime(2026, 2, 5, tzinfo=UTC)
    assert application(history, status="IN_REVIEW").rejected_at is None


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"status": "REJECTED", "reasonOfRejection": {"id": "7", "label": "No visa"}}, "No visa"),
        ({"status": "REJECTED", "reasonOfRejection": {"id": "7"}}, "7"),
        ({"status": "REJECTED", "reasonOfRejection": None}, None),
        ({"status": "REJECTED"}, None),
        ({"status": "NEW", "reasonOfRejection": {"id": "7", "label": "No visa"}}, None),
        ({"status": "WITHDRAWN", "reasonOfWithdrawal": {"id": "8", "label": "Salary"}}, None),
    ],
)
def test_reason_of_a_rejection(payload, expected):
    reason = application(**payload).reject_reason

    assert (reason and reason.name) == expected


def test_first_working_day_is_no_date_of_the_application():
    record = application(status="HIRED", startsOn="2026-05-01T00:00:00.000Z", source="")

    assert (record.applied_at, record.rejected_at, record.source) == (None, None, None)


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("LEAD", True),
        ("INTERVIEW:On-site", True),
        ("OFFERED", True),
        ("HIRED", False),
        ("REJECTED:Late", False),
        ("WITHDRAWN", False),
        ("TRANSFERRED", False),
    ],
)
def test_some_stages_close_an_application(stage, expected):
    assert mapping.is_open(stage) is expected


# Interviews


def test_interview_without_timeslots_stands_for_itself():
    record = interview(organizerId=ADA, location="Room 4")

    assert (record.remote_id, record.interviewers, record.organizer) == ("i", (), ADA)
    assert (record.start_at, record.end_at, record.location) == (None, None, "Room 4")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"timeslots": [{"id": "a"}, {"id": "b"}]}, [{"id": "a"}, {"id": "b"}]),
        ({"timeslots": []}, [None]),
        ({"timeslots": None}, [None]),
        ({}, [None]),
    ],
)
def test_timeslots_of_an_interview(payload, expected):
    assert list(mapping.timeslots(payload)) == expected


def test_interviewers_come_in_order_and_once_whatever_they_answer():
    people = [{"id": CHLOE, "status": "declined"}, {"id": ADA}, {"id": CHLOE}, {"id": None}, {"status": "pending"}]

    assert interview({"id": "t", "interviewers": people}).interviewers == (CHLOE, ADA)
    assert interview({"id": "t", "interviewers": None}).interviewers == ()


@pytest.mark.parametrize(
    ("location", "place", "expected"),
    [
        ("https://meet.example.com/r/1", "Room 4", "https://meet.example.com/r/1"),
        ("", "Sala Kraków", "Sala Kraków"),
        (None, "Room 4", "Room 4"),
        ("", "", None),
        (None, None, None),
        ("ż" * 5000, None, "ż" * 5000),
    ],
)
def test_location_is_the_interviews_or_the_timeslots(location, place, expected):
    assert interview({"id": "t", "place": place}, location=location).location == expected


@pytest.mark.parametrize(
    "text",
    ["2026-03-12T14:00:00.000Z", "2026-03-12T14:00:00Z", "2026-03-12T16:00:00+02:00", "2026-03-12T14:00:00+0000"],
)
def test_times_come_in_several_spellings(text):
    record = interview({"id": "t", "startsOn": text, "endsOn": None}, createdOn=text)

    assert record.start_at == record.remote_created_at == datetime(2026, 3, 12, 14, 0, tzinfo=UTC)
    assert record.end_at is None


@pytest.mark.parametrize(
    ("created_on", "expected"),
    [
        ("2026-02-25T16:20:00.000Z", "INTERVIEW:Phone screen"),
        ("2026-02-24T14:05:00.000Z", "INTERVIEW:Phone screen"),  # at the very moment of the move
        ("2026-02-24T15:04:59.999+01:00", "IN_REVIEW:CV screening"),
        ("2026-03-07T10:00:00.000Z", "INTERVIEW:On-site"),
        ("2025-12-31T00:00:00.000Z", "NEW"),  # sent by an external scheduler before the first entry
        (None, None),
    ],
)
def test_stage_is_that_of_the_application_when_the_interview_was_made(created_on, expected):
    assert interview(history=HISTORY, createdOn=created_on).job_interview_stage == expected
    assert interview(history=HISTORY[::-1], createdOn=created_on).job_interview_stage == expected


@pytest.mark.parametrize("created_on", ["2026-02-25T16:20:00.000Z", None])
def test_without_a_history_the_stage_is_the_current_one(created_on):
    assert interview(createdOn=created_on, current_stage="OFFERED:Sent").job_interview_stage == "OFFERED:Sent"


def test_interview_keeps_its_whole_payload_and_has_no_status():
    payload = load("interviews")["content"][0]

    record = mapping.interview(
        payload, payload["timeslots"][1], application_id=IN_INTERVIEW, current_stage=None, history=HISTORY
    )

    assert record.remote_data == (Original("/interviews-api/v201904/interviews", payload),)
    assert (record.status, record.remote_updated_at, record.remote_group) == (None, None, IN_INTERVIEW)


@pytest.mark.parametrize("payload", [{}, {"id": None}, {"id": True}, {"id": ""}])
@pytest.mark.parametrize("read", [mapping.user, mapping.assignments, lambda payload: interview(payload)])
def test_payload_without_an_identity_is_refused(read, payload):
    with pytest.raises((KeyError, TypeError, ValueError)):
        read(payload)
