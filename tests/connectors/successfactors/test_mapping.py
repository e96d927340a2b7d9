from datetime import UTC, datetime

import pytest

from connectors.platforms.successfactors import mapping
from connectors.records import Choice, Original
from tests.connectors.successfactors.samples import load, rows
from tests.connectors.words import unified

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BEFORE, AFTER = "/Date(1795424399000)/", "/Date(1795424401000)/"  # a second each


def application(**payload):
    return mapping.application({"applicationId": "1", **payload})


def interview(*, stages=None, **payload):
    return mapping.interview({"applicationInterviewId": "1", **payload}, stages=stages or {}, now=NOW)


def rated(*ratings):
    return {"results": [rating and {"overallRating": rating} for rating in ratings]}


@pytest.mark.parametrize("read", [mapping.user, mapping.application, lambda payload: interview(**payload)])
@pytest.mark.parametrize("identity", [None, True, ""])
def test_payload_without_an_identity_is_refused(read, identity):
    keys = ("userId", "applicationId", "applicationInterviewId")

    with pytest.raises((TypeError, ValueError)):
        read(dict.fromkeys(keys, identity))


@pytest.mark.parametrize(
    ("record", "known"),
    [
        (mapping.user({"userId": "5"}), {"remote_id": "5"}),
        (mapping.stage({"appStatusId": "5"}), {"remote_id": "5"}),
        (mapping.application({"applicationId": "5"}), {"remote_id": "5"}),
        (interview(), {"remote_id": "1", "status": "SCHEDULED"}),
    ],
)
def test_missing_keys_are_unknown(record, known):
    assert {name: value for name, value in unified(record).items() if value not in (None, [], False)} == known


@pytest.mark.parametrize("user_id", ["00731", "tvang", "a.b@c d"])
def test_user_ids_are_texts(user_id):
    assert mapping.user({"userId": user_id}).remote_id == user_id


@pytest.mark.parametrize(
    ("status", "disabled"),
    [
        ("t", False),
        ("T", False),
        ("e", False),
        ("f", True),
        ("F", True),
        ("d", True),
        ("inactive_external", True),
        ("Inactive", True),
        (None, None),
    ],
)
def test_users_are_disabled_by_their_status(status, disabled):
    assert mapping.user({"userId": "1", "status": status}).disabled is disabled


def test_status_without_an_id_is_no_stage():
    assert mapping.stage({"appStatusSetId": "116", "appStatusId": None, "appStatusName": "Orphan"}) is None


@pytest.mark.parametrize(
    ("label", "source", "expected"),
    [
        ("Corporate: Default Site", "1", "Corporate: Default Site"),
        ("Our own words", "5", "Our own words"),
        (None, "5", "Referral"),
        ("", "9", "Forwarded as Applicant"),
        # 7 means nothing.
        ("", "7", "7"),
        (None, "Campus fair", "Campus fair"),
        (None, 8, "Recruiting Marketing"),
        ("", "", None),
        (None, None, None),
    ],
)
def test_source_is_the_label_or_that_of_the_code_or_itself(label, source, expected):
    assert application(sourceLabel=label, source=source).source == expected


@pytest.mark.parametrize("status", ["Open", "Closed", "Withdraw", "Non Applied", None])
def test_only_those_disqualified_are_rejected(status):
    record = application(
        status=status, lastModifiedDateTime=BEFORE, jobAppStatus={"appStatusId": "7", "appStatusName": "Phone"}
    )

    assert (record.rejected_at, record.reject_reason) == (None, None)


def test_disqualified_by_the_name_of_the_status_at_the_last_change():
    record = application(
        status="Disqualified",
        lastModifiedDateTime="/Date(1771083000999+0530)/",
        jobAppStatus={"appStatusId": "21", "appStatusName": "Skills"},
    )

    assert record.rejected_at == datetime(2026, 2, 14, 15, 30, tzinfo=UTC)
    assert record.reject_reason.name == "Skills"
    assert record.current_stage == "21"


def test_disqualified_without_a_status_has_no_reason():
    assert application(status="Disqualified", jobAppStatus=None).reject_reason is None


@pytest.mark.parametrize(
    ("status", "is_unfinished"), [("Saved", True), ("Draft Application", True), ("Non Applied", False), (None, False)]
)
def test_what_candidates_did_not_send_is_unfinished(status, is_unfinished):
    assert mapping.is_unfinished({"status": status}) is is_unfinished


@pytest.mark.parametrize("status", ["COMPLETE", "completed", " Done "])
def test_what_is_called_complete_is(status):
    assert interview(status=status, startDate=AFTER).status.value == "COMPLETE"


@pytest.mark.parametrize(
    "status",
    ["CANCELLED", "NOT BOOKED", "not-booked", "Rescheduled – à confirmer", " Moved "],  # noqa: RUF001
)
def test_statuses_that_nobody_documents_pass_through(status):
    record = interview(status=status, startDate=BEFORE, interviewOverallAssessment=rated("POSITIVE"))

    assert record.status == Choice(status, status)


@pytest.mark.parametrize("status", [None, "", "  ", "Booked", "Not-Started", "in  progress", "In - Progress", "OPEN"])
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"interviewOverallAssessment": rated("POSITIVE"), "endDate": AFTER}, "COMPLETE"),
        ({"interviewOverallAssessment": rated(None, "NOT RATED", "NEGATIVE"), "endDate": BEFORE}, "COMPLETE"),
        ({"interviewOverallAssessment": rated(None, "NOT RATED"), "endDate": BEFORE}, "AWAITING_FEEDBACK"),
        ({"interviewOverallAssessment": None, "startDate": BEFORE}, "AWAITING_FEEDBACK"),
        ({"startDate": BEFORE, "endDate": AFTER}, "SCHEDULED"),
        ({"startDate": AFTER}, "SCHEDULED"),
        ({}, "SCHEDULED"),
    ],
)
def test_booked_interviews_follow_ratings_and_then_the_clock(status, more, expected):
    assert interview(status=status, **more).status.value == expected


def test_original_status_is_kept_beside_the_computed_one():
    assert interview(status="Booked", startDate=BEFORE).status == Choice("AWAITING_FEEDBACK", "Booked")
    assert interview(status="").status == Choice("SCHEDULED", None)


def test_stage_is_the_applications():
    stages = {"5000": "7", "5009": None}

    found = [interview(applicationId=one, stages=stages).job_interview_stage for one in ("5000", "5009", "404", None)]

    assert found == ["7", None, None, None]


def test_navigations_that_are_not_expanded_say_nothing():
    record = mapping.interview(load("JobApplicationInterview.not_expanded")["d"], stages={}, now=NOW)

    assert record.interviewers == ()
    assert record.status.value == "AWAITING_FEEDBACK"


@pytest.mark.parametrize(
    ("entity", "read"),
    [
        ("User", mapping.user),
        ("JobApplicationStatus", mapping.stage),
        ("JobApplication", mapping.application),
        ("JobApplicationInterview", lambda payload: interview(**payload)),
    ],
)
def test_originals_are_the_rows_unchanged(entity, read):
    (row, *_) = rows(entity)

    assert read(row).remote_data == (Original(f"/odata/v2/{entity}", row),)
