from datetime import UTC, datetime

import pytest

from connectors.platforms.workday import mapping
from connectors.records import Original
from connectors.soap import as_json
from tests.connectors.workday.samples import elements, fragment, load


def wd(name, *content, **attributes):
    """Return markup of Workday's: `wd("ID", "1", type="WID")`."""
    opening = "".join(f' wd:{key}="{value}"' for key, value in attributes.items())
    return f"<wd:{name}{opening}>{''.join(content)}</wd:{name}>"


def reference(name, wid="", descriptor="", **ids):
    typed = {"WID": wid} | ids
    attributes = {"Descriptor": descriptor} if descriptor else {}
    return wd(name, *(wd("ID", value, type=id_type) for id_type, value in typed.items() if value), **attributes)


def worker(*personal, employment=""):
    data = wd("Worker_Data", wd("Personal_Data", *personal), employment)
    return fragment(wd("Worker", reference("Worker_Reference", "w1"), data))


def named(block, first="", last=""):
    return wd(block, wd("Name_Detail_Data", first and wd("First_Name", first), last and wd("Last_Name", last)))


def email(address, *usages):
    types = (
        wd("Type_Data", reference("Type_Reference", Communication_Usage_Type_ID=usage), Primary=is_primary)
        for usage, is_primary in usages
    )
    return wd("Email_Address_Data", wd("Email_Address", address), wd("Usage_Data", *types))


def application(*applied, known_users=()):
    data = wd("Job_Application_Data", reference("Job_Application_Reference", "a1"), wd("Job_Applied_To_Data", *applied))
    candidate = fragment(wd("Candidate", reference("Candidate_Reference", "c1")))
    return mapping.application(fragment(data), candidate=candidate, known_users=known_users)


def interview(*details, zone="", subject="", applications=None):
    timezone = reference("Timezone_Reference", "z1", Time_Zone_ID=zone) if zone else ""
    block = wd("Interview_Session_Data", reference("Interview_Session_Reference", "s1"), *details)
    event = fragment(wd("Interview_Data", subject, block, timezone))
    (block,) = mapping.wd.all(event, "Interview_Session_Data")
    return mapping.interview(block, event=event, original=as_json(event), applications=applications or {})


def details(start="", end="", *people):
    return wd(
        "Interview_Session_Details_Data",
        *(reference("Interviewers_Reference", one) for one in people),
        start and wd("Interview_Start_Time", start),
        end and wd("Interview_End_Time", end),
    )


# Users


def test_preferred_name_wins_and_names_come_from_one_block():
    names = wd("Name_Data", named("Legal_Name_Data", "Rosalía", "Castellanos"), named("Preferred_Name_Data", "Rosa"))

    record = mapping.user(worker(names))

    assert (record.first_name, record.last_name) == ("Rosa", None)


@pytest.mark.parametrize(
    ("emails", "expected"),
    [
        ([], None),
        ([email("a", ("HOME", "1"))], None),
        ([email("a", ("WORK", "0")), email("b", ("WORK", "0"))], "a"),
        ([email("a", ("WORK", "0")), email("b", ("WORK", "1")), email("c", ("WORK", "true"))], "b"),
        ([email("a", ("WORK", "false")), email("b", ("WORK", "true"))], "b"),
        # For both: its use at home does not make it primary at work.
        ([email("a", ("WORK", "0")), email("b", ("HOME", "1"), ("WORK", "0"))], "a"),
        ([email("", ("WORK", "1")), email("b", ("WORK", "0"))], "b"),
    ],
)
def test_email_is_the_primary_one_at_work_else_the_first(emails, expected):
    assert mapping.user(worker(wd("Contact_Data", *emails))).email == expected


@pytest.mark.parametrize(
    ("active", "disabled"), [("1", False), ("true", False), ("0", True), ("false", True), ("", None)]
)
def test_disabled_is_the_opposite_of_active(active, disabled):
    employment = wd("Employment_Data", wd("Worker_Status_Data", wd("Active", active)))

    assert mapping.user(worker(employment=employment)).disabled is disabled


def test_worker_of_whom_little_is_known():
    record = mapping.user(worker())

    assert (record.first_name, record.last_name, record.email, record.disabled) == (None, None, None, None)


def test_ids_are_found_by_their_type():
    given = fragment(wd("Worker", reference("Worker_Reference", "", Employee_ID="21001") + "<x/>"))
    swapped = fragment(
        wd("Worker", wd("Worker_Reference", wd("ID", "21001", type="Employee_ID"), wd("ID", " w1 ", type="WID")))
    )

    assert mapping.user_id(given) is None
    assert mapping.user_id(swapped) == "w1"


# Stages


@pytest.mark.parametrize(("descriptor", "expected"), [("Interview &amp; more", "Interview & more"), ("", "INTERVIEW")])
def test_stage_is_named_by_its_descriptor_else_by_its_id(descriptor, expected):
    stage = reference("Stage_Reference", "st1", descriptor, Recruiting_Stage_ID="INTERVIEW")
    data = fragment(wd("Job_Application_Data", wd("Job_Applied_To_Data", stage)))

    record = mapping.stage(data)

    assert (record.remote_id, record.name) == ("st1", expected)


def test_stage_keeps_its_reference():
    (data, *_) = elements("get_candidates.xml", "//wd:Job_Application_Data")

    assert mapping.stage(data).remote_data == (
        Original(
            "Recruiting/v45.2/Get_Candidates",
            {
                "@Descriptor": "Interview",
                "ID": [
                    {"@type": "WID", "#text": "6d775a81419019ea95689eeca1e455d6"},
                    {"@type": "Recruiting_Stage_ID", "#text": "INTERVIEW"},
                ],
            },
        ),
    )


# Applications


def test_application_without_a_reference_goes_by_its_number():
    data = wd("Job_Application_Data", wd("Job_Applied_To_Data", wd("Job_Application_ID", "JA-1")))

    record = mapping.application(fragment(data), candidate=fragment(wd("Candidate")), known_users=())

    assert (record.remote_id, record.candidate) == ("JA-1", None)


def test_application_of_which_little_is_known():
    record = application()

    assert (record.remote_id, record.candidate) == ("a1", "c1")
    assert record == mapping.ApplicationRecord(
        remote_id="a1", candidate="c1", remote_data=record.remote_data
    )  # nothing else


def test_status_timestamp_means_rejection_only_with_a_disposition():
    moved = wd("Status_Timestamp", "2026-02-14T15:30:00.000+01:00")
    disposition = reference("Disposition_Reference", "d1", Recruiting_Disposition_ID="FILLED")

    assert application(moved).rejected_at is None
    assert application(moved, disposition).rejected_at == datetime(2026, 2, 14, 14, 30, tzinfo=UTC)
    assert application(moved, wd("Disposition_Reference")).rejected_at is None
    assert application(disposition).reject_reason == mapping.RejectReasonRecord(remote_id="d1", name="FILLED")


def test_times_of_applications_without_a_zone_are_utc():
    record = application(wd("Job_Application_Date", "2026-02-14T15:30:00.000"))

    assert record.applied_at == datetime(2026, 2, 14, 15, 30, tzinfo=UTC)


def test_second_requisition_of_an_application_is_left_alone():
    """Nor does it lend what the first one lacks."""
    first = wd("Job_Applied_To_Data", reference("Job_Requisition_Reference", "j1"))
    second = wd(
        "Job_Applied_To_Data",
        wd("Job_Application_ID", "JA-2"),
        reference("Job_Requisition_Reference", "j2"),
        reference("Stage_Reference", "st2"),
    )
    data = fragment(wd("Job_Application_Data", reference("Job_Application_Reference", "a1"), first, second))

    record = mapping.application(data, candidate=data, known_users=())

    assert (record.job, record.current_stage) == ("j1", None)
    assert mapping.application_id(fragment(wd("Job_Application_Data", first, second))) is None


REFERRER = reference("Referred_By_Worker_Reference", "w1", Employee_ID="1")
ADDER = reference("Added_By_Worker_Reference", "w2", Contingent_Worker_ID="C2")
SELF = reference("Added_By_Worker_Reference", "w2", Candidate_ID="C100001")


@pytest.mark.parametrize(
    ("people", "known", "expected"),
    [
        ([REFERRER, ADDER], {"w1", "w2"}, "w1"),
        ([REFERRER, ADDER], {"w2"}, "w2"),
        ([ADDER], {"w2"}, "w2"),
        # Who applies by himself stands where workers do.
        ([SELF], {"w2"}, None),
        ([REFERRER, SELF], {"w2"}, "w1"),
        # Nobody is known: null in the end, unless the referrer arrives.
        ([REFERRER, ADDER], set(), "w1"),
        ([], {"w1"}, None),
    ],
)
def test_credit_goes_to_the_referrer_else_to_the_worker_who_added(people, known, expected):
    assert application(*people, known_users=known).credited_to == expected


# Interviews


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-02-03T10:00:00.000-05:00", "Europe/Berlin", datetime(2026, 2, 3, 15, tzinfo=UTC)),
        ("2026-02-03T10:00:00Z", "Europe/Berlin", datetime(2026, 2, 3, 10, tzinfo=UTC)),
        ("2026-02-03T10:00:00.000", "America/New_York", datetime(2026, 2, 3, 15, tzinfo=UTC)),
        # Summer.
        ("2026-07-03T10:00:00.000", "America/New_York", datetime(2026, 7, 3, 14, tzinfo=UTC)),
        ("2026-02-03T10:00:00.000", "", datetime(2026, 2, 3, 10, tzinfo=UTC)),
        ("2026-02-03T10:00:00.000", "Mars/Olympus_Mons", datetime(2026, 2, 3, 10, tzinfo=UTC)),
        ("2026-02-03T10:00:00.000", "America", datetime(2026, 2, 3, 10, tzinfo=UTC)),
        ("2026-02-03T10:00:00.000", "../../etc/passwd", datetime(2026, 2, 3, 10, tzinfo=UTC)),
    ],
)
def test_times_of_interviews_are_in_three_shapes(text, zone, expected):
    record = interview(details(text, text), zone=zone)

    assert (record.start_at, record.end_at) == (expected, expected)


def test_interview_lasts_from_the_earliest_to_the_latest_of_its_details():
    record = interview(
        details("2026-02-03T11:30:00Z", "2026-02-03T12:15:00Z", "w2", "w1"),
        details("2026-02-03T12:00:00+01:00", "2026-02-03T11:30:00Z", "w1", "w3"),
        details(),
    )

    assert (record.start_at, record.end_at) == (
        datetime(2026, 2, 3, 11, tzinfo=UTC),
        datetime(2026, 2, 3, 12, 15, tzinfo=UTC),
    )
    assert record.interviewers == ("w2", "w1", "w3")


def test_interview_without_details_is_without_times_and_people():
    record = interview()

    assert (record.start_at, record.end_at, record.interviewers) == (None, None, ())


PAIR = wd(
    "Candidate_Interview_Criteria_Data",
    reference("Candidate_Reference", "c1"),
    reference("Requisition_Reference", "j1"),
)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (reference("Job_Application_Reference", "a9"), "a9"),
        (PAIR, "a1"),
        (PAIR.replace("c1", "c2"), None),
        # Two of them: nobody knows which.
        (PAIR.replace("c1", "c3"), None),
        (wd("Candidate_Interview_Criteria_Data", reference("Candidate_Reference", "c1")), None),
        (reference("Interview_Event_Reference", "e1"), None),
    ],
)
def test_application_is_named_in_one_of_three_ways(subject, expected):
    applications = {("c1", "j1"): ["a1"], ("c3", "j1"): ["a2", "a3"]}

    assert interview(subject=subject, applications=applications).application == expected


def test_interview_keeps_the_whole_event():
    (event, *_) = elements("get_interviews.xml", "//wd:Interview_Data")
    (block, *_) = mapping.wd.all(event, "Interview_Session_Data")

    record = mapping.interview(block, event=event, original=as_json(event), applications={})

    assert [one._asdict() for one in record.remote_data] == load("remote_data_interview.json")


def test_what_is_always_null_stays_null():
    record = interview(details("2026-02-03T10:00:00Z", "", "w1"))

    nulls = ("job_interview_stage", "organizer", "location", "remote_created_at", "remote_updated_at", "status")
    assert [getattr(record, name) for name in nulls] == [None] * len(nulls)
