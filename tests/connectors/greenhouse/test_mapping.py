from functools import partial

import pytest

from connectors.platforms.greenhouse import mapping
from connectors.records import Choice, Original
from tests.connectors.greenhouse.samples import load
from tests.connectors.words import unified

V3_SLOTS = {"310009": "70011", "310006": "70011", "310003": "70008"}

application_v3 = partial(
    mapping.application_v3,
    sources={"2": "Jobs page on your website", "3": "Referral"},
    referrers={"881": "4004", "884": None},
    reject_reasons={"10": "Took another offer"},
)


def interview_v3(**payload):
    panel = payload.pop("panel", [])
    return mapping.interview_v3({"id": 1, **payload}, panel=panel, slots=V3_SLOTS)


def interview_v3_with_panel(payload):
    panel = [row for row in load("v3_interviewers") if row["interview_id"] == payload["id"]]
    return mapping.interview_v3(payload, panel=panel, slots=V3_SLOTS)


def interview_v1(payload):
    slots = dict(slot for stage in load("v1_job_stages") for slot in mapping.slots_v1(stage))
    return mapping.interview_v1(payload, slots=slots)


@pytest.mark.parametrize(
    ("payloads", "read", "expected"),
    [
        ("v3_users", mapping.user_v3, ("v3", "users")),
        ("v3_job_interview_stages", mapping.stage_v3, ("v3", "stages")),
        ("v3_applications", application_v3, ("v3", "applications")),
        ("v3_interviews", interview_v3_with_panel, ("v3", "interviews")),
        ("v1_users", mapping.user_v1, ("v1", "users")),
        ("v1_job_stages", mapping.stage_v1, ("v1", "stages")),
        ("v1_applications", mapping.application_v1, ("v1", "applications")),
        ("v1_scheduled_interviews", interview_v1, ("v1", "interviews")),
    ],
)
def test_documented_payloads_read_as_expected(payloads, read, expected):
    version, model = expected

    assert [unified(read(payload)) for payload in load(payloads)] == load(f"unified_from_{version}")[model]


@pytest.mark.parametrize("read", [mapping.user_v3, mapping.stage_v3, application_v3, mapping.application_v1])
@pytest.mark.parametrize("payload", [{}, {"id": None}, {"id": True}, {"id": ""}])
def test_payload_without_an_identity_is_refused(read, payload):
    with pytest.raises((KeyError, TypeError, ValueError)):
        read(payload)


@pytest.mark.parametrize(
    "read",
    [
        mapping.user_v3,
        mapping.user_v1,
        mapping.stage_v3,
        mapping.stage_v1,
        application_v3,
        mapping.application_v1,
        partial(mapping.interview_v3, panel=[], slots={}),
        partial(mapping.interview_v1, slots={}),
    ],
)
def test_missing_keys_are_unknown(read):
    known = {name: value for name, value in unified(read({"id": 5})).items() if value not in (None, [], False)}

    assert known == {"remote_id": "5"}


def test_interview_keeps_its_original_and_its_panel():
    first, second = {"id": 7, "user_id": 1}, {"id": 9, "user_id": 2}
    payload = {"id": 1}

    record = mapping.interview_v3(payload, panel=[second, first], slots={})

    assert record.remote_data == (Original("/v3/interviews", payload), Original("/v3/interviewers", [first, second]))


@pytest.mark.parametrize(
    ("row", "is_listed"),
    [
        ({"user_id": 4, "scorecard_id": None}, True),
        ({"user_id": 4, "response_status": "declined"}, True),
        ({"user_id": 1, "scorecard_id": 70}, True),
        # The organizer's own calendar entry.
        ({"user_id": 1, "scorecard_id": None}, False),
        # A guest.
        ({"user_id": None, "scorecard_id": None}, False),
    ],
)
def test_panel_leaves_out_guests_and_the_organizers_calendar_entry(row, is_listed):
    record = interview_v3(organizer_id=1, panel=[{"id": 9, **row}])

    assert bool(record.interviewers) is is_listed


@pytest.mark.parametrize(
    ("location", "expected"), [("Room 1", "Room 1"), (" x ", " x "), ("  ", "https://v"), ("", "https://v")]
)
def test_location_gives_way_to_the_video_call_only_when_blank(location, expected):
    assert interview_v3(location=location, video_conferencing_url="https://v").location == expected


@pytest.mark.parametrize("status", ["to_be_scheduled", "skipped", "something new"])
def test_statuses_that_only_greenhouse_knows_pass_through(status):
    assert interview_v3(status=status).status == Choice(status, status)


@pytest.mark.parametrize(("candidates", "expected"), [([15], "15"), ([15, 16], None), ([], None), (None, None)])
def test_prospects_have_a_job_if_there_is_only_one(candidates, expected):
    assert application_v3({"id": 1, "prospective_job_ids": candidates}).job == expected


def test_names_that_no_dictionary_holds_stay_ids():
    record = application_v3({"id": 1, "source_id": 404, "rejection_reason_id": 77, "referrer_id": 5})

    assert record.source == "404"
    assert (record.reject_reason.remote_id, record.reject_reason.name) == ("77", "77")
    assert record.credited_to is None
