from datetime import UTC, datetime

import pytest

from connectors.platforms.ashby import mapping
from connectors.records import Choice, Original
from tests.connectors.ashby.samples import load
from tests.connectors.words import unified

SCHEDULE = {"id": "s1", "createdAt": "2026-09-28T08:12:44.000Z"}


def stage(payload):
    return mapping.stage(payload, path="/interviewStage.list")


def interview(event=None, **schedule):
    return mapping.interview(
        {"id": "e1", **(event or {})}, schedule=SCHEDULE | schedule, path="/interviewSchedule.list"
    )


@pytest.mark.parametrize(
    ("payloads", "read", "model"),
    [
        ("user.list", mapping.user, "users"),
        ("interviewStage.list", stage, "stages"),
        ("application.list", mapping.application, "applications"),
    ],
)
def test_documented_payloads_read_as_expected(payloads, read, model):
    rows = load(payloads)["results"]

    assert [unified(read(row)) for row in rows] == load("unified")[model][: len(rows)]


@pytest.mark.parametrize("read", [mapping.user, stage, mapping.application, interview])
@pytest.mark.parametrize("payload", [{"id": None}, {"id": True}, {"id": ""}])
def test_payload_without_an_identity_is_refused(read, payload):
    with pytest.raises((KeyError, TypeError, ValueError)):
        read(payload)


@pytest.mark.parametrize("read", [mapping.user, stage, mapping.application])
def test_missing_keys_are_unknown(read):
    known = {name: value for name, value in unified(read({"id": "5"})).items() if value not in (None, False)}

    assert known == {"remote_id": "5"}


def test_empty_text_is_unknown():
    record = mapping.user({"id": "5", "firstName": "", "lastName": "", "email": "", "globalRole": ""})

    assert (record.first_name, record.last_name, record.email, record.access_role) == (None, None, None, None)


def test_long_names_stay_whole():
    assert mapping.user({"id": "5", "firstName": "Å" * 300}).first_name == "Å" * 300


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("Organization Admin", "ADMIN"),
        ("Elevated Access", "TEAM_MEMBER"),
        ("Limited Access", "LIMITED_TEAM_MEMBER"),
        ("External Recruiter", "External Recruiter"),
        ("Something New", "Something New"),
    ],
)
def test_roles_are_translated(role, expected):
    assert mapping.user({"id": "5", "globalRole": role}).access_role == Choice(expected, role)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Scheduled", "SCHEDULED"),
        ("WaitingOnFeedback", "AWAITING_FEEDBACK"),
        ("Complete", "COMPLETE"),
        ("NeedsScheduling", "NeedsScheduling"),
        ("Cancelled", "Cancelled"),
        ("OnHold", "OnHold"),
        ("Invented Tomorrow", "Invented Tomorrow"),
    ],
)
def test_events_have_their_schedules_status(status, expected):
    assert interview(status=status).status == Choice(expected, status)


@pytest.mark.parametrize(
    ("status", "archived_at", "reason", "expected"),
    [
        ("Archived", "2026-09-20T10:59:59.120Z", {"id": "r1", "text": "Other"}, ("r1", "Other")),
        # Taken up again.
        ("Active", "2026-09-20T10:59:59.120Z", {"id": "r1", "text": "Other"}, None),
        ("Archived", None, None, None),
        ("Archived", "", {"id": "r1", "text": ""}, None),
    ],
)
def test_only_archived_applications_are_rejected(status, archived_at, reason, expected):
    record = mapping.application({"id": "1", "status": status, "archivedAt": archived_at, "archiveReason": reason})

    found = record.reject_reason and (record.reject_reason.remote_id, record.reject_reason.name)
    assert found == expected
    assert (record.rejected_at is not None) is (expected is not None)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"interviewers": [{"id": "u2"}, {"id": "u3"}, {"id": "u2"}], "interviewerUserIds": ["u9"]}, ("u2", "u3")),
        ({"interviewers": [], "interviewerUserIds": ["u2", "u3", "u2"]}, ("u2", "u3")),
        ({"interviewers": None, "interviewerUserIds": ["u2"]}, ("u2",)),
        ({"interviewerUserIds": ["u2"]}, ("u2",)),
        ({"interviewers": [], "interviewerUserIds": []}, ()),
        ({}, ()),
    ],
)
def test_interviewers_are_named_once_in_order(event, expected):
    assert interview(event).interviewers == expected


@pytest.mark.parametrize("written", ["2026-10-05T20:45:00+05:30", "2026-10-05T15:15:00Z", "2026-10-05T15:15:00.000Z"])
def test_times_are_instants_however_they_are_written(written):
    assert interview({"startTime": written}).start_at == datetime(2026, 10, 5, 15, 15, tzinfo=UTC)


@pytest.mark.parametrize("created_at", [{}, {"createdAt": None}, {"createdAt": ""}])
def test_event_without_its_own_creation_has_its_schedules(created_at):
    assert interview(created_at).remote_created_at == datetime(2026, 9, 28, 8, 12, 44, tzinfo=UTC)


def test_organizer_location_and_update_are_never_told():
    record = interview(
        {"location": "Room 1", "updatedAt": "2026-10-05T15:10:00.000Z"}, scheduledBy={"id": "u1"}, status="Scheduled"
    )

    assert (record.organizer, record.location, record.remote_updated_at) == (None, None, None)


def test_interview_keeps_its_event_with_the_schedule():
    record = interview({"location": "Room 1"})

    data = {"id": "e1", "location": "Room 1", "interviewSchedule": SCHEDULE}
    assert record.remote_data == (Original("/interviewSchedule.list", data),)
    assert record.remote_group == "s1"
