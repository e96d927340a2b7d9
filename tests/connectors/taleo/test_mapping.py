from functools import partial
from zoneinfo import ZoneInfo

import pytest

from connectors.platforms.taleo import mapping
from connectors.records import Choice, Original
from connectors.stored import StoredApplication
from tests.connectors.taleo.samples import listings, load, rows
from tests.connectors.words import unified

ZONE = ZoneInfo("America/New_York")


def known_users():
    users = mapping.Users()
    for payload in listings()["user"]:
        users.add(payload)
    return users


user = partial(mapping.user, time_zone=ZONE)
application = partial(mapping.application, candidate=None, users=known_users(), time_zone=ZONE)
interview = partial(mapping.interview, application=None, users=known_users(), time_zone=ZONE)


def test_documented_users_read_as_expected():
    assert [unified(user(payload)) for payload in listings()["user"]] == load("unified")["users"]


def test_stage_without_a_text_has_no_name():
    assert mapping.stage({"id": 1, "text": ""}).name is None


def test_documented_stages_read_as_expected():
    payloads = load("status_CAREQ")["response"]["statuses"]

    assert [unified(mapping.stage(payload)) for payload in payloads] == load("unified")["stages"]


@pytest.mark.parametrize("read", [user, mapping.stage, application, interview])
@pytest.mark.parametrize("identity", [None, True, ""])
def test_payload_without_an_identity_is_refused(read, identity):
    with pytest.raises((KeyError, TypeError, ValueError)):
        read(dict.fromkeys(("id", "userId", "interviewId"), identity))


@pytest.mark.parametrize("read", [user, mapping.stage, application, interview])
@pytest.mark.parametrize("blank", [{}, {"status": None, "role": None, "reasonRejected": ""}, {"creator": ""}])
def test_missing_keys_nulls_and_empty_text_are_unknown(read, blank):
    record = read({"id": 5, "userId": 5, "interviewId": 5, **blank})

    known = {name: value for name, value in unified(record).items() if value not in (None, [], False)}
    assert known == {"remote_id": "5"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-02-03T10:00:00-0500", "2026-02-03T15:00:00"),
        ("2026-02-03T15:30:00Z", "2026-02-03T15:30:00"),
        # No zone: the customer's, with daylight saving.
        ("2026-07-09T14:30:00", "2026-07-09T18:30:00"),
        ("2026-02-09T14:30:00", "2026-02-09T19:30:00"),
        # A day begins in UTC wherever the customer is.
        ("2026-03-02", "2026-03-02T00:00:00"),
    ],
)
def test_times_are_read_in_all_four_shapes(value, expected):
    assert mapping.moment(value, ZONE).isoformat() == f"{expected}+00:00"


@pytest.mark.parametrize("value", ["soon", "2026-02-30", "2026-02-03T25:00:00Z"])
def test_time_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match=r"."):
        mapping.moment(value, ZONE)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (1, False),
        ("1", False),
        ("ACTIVE", False),
        (2, True),
        ("inactive", True),
        (None, None),
        ("", None),
        (3, None),
        (True, None),
    ],
)
def test_users_are_disabled_by_number_or_by_word(status, expected):
    assert user({"userId": 1, "status": status}).disabled is expected


@pytest.mark.parametrize(
    ("role", "expected"), [("Power User", "ADMIN"), ("Approver", "LIMITED_TEAM_MEMBER"), ("Buddy", "Buddy")]
)
def test_roles_that_only_the_customer_knows_pass_through(role, expected):
    assert user({"userId": 1, "role": role}).access_role == Choice(expected, role)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (7, "7"),
        ("7", "7"),
        ("RCASTELL", "7"),
        # A login name of digits.
        ("4711", "16"),
        # Nobody has that number so far.
        (99, "99"),
        ("former.admin", None),
        ("", None),
        (None, None),
    ],
)
def test_users_are_found_by_number_before_login_name(reference, expected):
    users = known_users()
    users.add({"userId": 16, "loginName": "4711"})

    assert users.find(reference) == expected


def test_rejection_is_dated_by_the_last_change_of_an_application():
    payload = {"id": 1, "lastUpdated": "2026-02-14T15:30:00Z"}

    assert application(payload).rejected_at is None
    assert application({**payload, "reasonRejected": "Withdrew"}).rejected_at is not None
    assert application({"id": 1, "reasonRejected": "Withdrew"}).rejected_at is None


def test_long_reject_reason_keeps_its_name():
    reason = application({"id": 1, "reasonRejected": "No. " * 300}).reject_reason

    assert len(reason.remote_id) == 500
    assert reason.name == "No. " * 300


def test_interview_takes_the_stage_that_its_application_is_in():
    stored = StoredApplication(remote_id="8", candidate="1", job="2", current_stage="5001", originals={})

    record = interview({"interviewId": 1}, application=stored)

    assert (record.application, record.job_interview_stage) == ("8", "5001")


def test_interview_starts_with_the_first_and_ends_with_the_last_of_all_participants():
    times = [("2026-03-05T09:00:00Z", None), (None, "2026-03-05T10:00:00Z"), ("2026-03-05T08:00:00Z", None)]
    people = [{"personType": "CAND", "startDate": start, "endDate": end} for start, end in times]

    record = interview({"interviewId": 1, "participants": people})

    assert (record.start_at.hour, record.end_at.hour) == (8, 10)


def test_only_workers_interview():
    people = [{"personType": kind, "personId": number} for number, kind in enumerate(("WORK", "CAND", "CONT", "WORK"))]

    assert interview({"interviewId": 1, "participants": [*people, *people]}).interviewers == ("0", "3")


def test_originals_come_with_their_paths():
    payload = rows("interview_search", "interview")[0]
    candidate = rows("candidate_search", "candidate")[0]

    assert interview(payload).remote_data == (Original("object/interview/3001", payload),)
    assert application({"id": 9}, candidate=candidate).remote_data == (
        Original("object/candidateapplication/9", {"id": 9}),
        Original("object/candidate/184000", candidate),
    )
