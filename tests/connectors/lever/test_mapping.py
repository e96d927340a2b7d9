from functools import partial

import pytest

from connectors.platforms.lever import mapping
from connectors.records import Choice, Original
from tests.connectors.lever.samples import WITH_INTERVIEWS, load, rows
from tests.connectors.words import unified

REASONS = dict(map(mapping.archive_reason, rows("archive_reasons")))
FILLED, HIRED = REASONS

application = partial(mapping.application, archive_reasons=REASONS)
interview = partial(mapping.interview, opportunity_id=WITH_INTERVIEWS)
stage = partial(mapping.stage, order=0)


@pytest.mark.parametrize(
    ("payloads", "read", "model"),
    [
        ("users", mapping.user, "users"),
        ("opportunities", application, "applications"),
        ("opportunity_interviews", interview, "interviews"),
    ],
)
def test_documented_payloads_read_as_expected(payloads, read, model):
    assert [unified(read(payload)) for payload in rows(payloads)] == load("unified")[model]


def test_documented_stages_are_ordered_as_listed():
    found = [unified(mapping.stage(payload, order=order)) for order, payload in enumerate(rows("stages"))]

    assert found == load("unified")["stages"]


@pytest.mark.parametrize("read", [mapping.user, stage, application, interview, mapping.archive_reason])
@pytest.mark.parametrize("payload", [{}, {"id": None}, {"id": True}, {"id": ""}])
def test_payload_without_an_identity_is_refused(read, payload):
    with pytest.raises((KeyError, TypeError, ValueError)):
        read(payload)


@pytest.mark.parametrize(
    ("read", "payload"),
    [(mapping.user, "users"), (stage, "stages"), (application, "opportunities"), (interview, "opportunity_interviews")],
)
def test_missing_null_and_empty_are_all_unset(read, payload):
    keys = rows(payload)[0].keys() - {"id"}

    missing, null, empty = (
        unified(read({"id": "5"} | values)) for values in ({}, dict.fromkeys(keys), dict.fromkeys(keys, ""))
    )

    assert missing == null == empty
    filled = {name: value for name, value in missing.items() if value not in (None, [], False, 0)}
    assert filled.keys() <= {"remote_id", "application"}


def test_records_keep_their_originals():
    (payload, *_) = rows("opportunity_interviews")

    assert interview(payload).remote_data == (Original(f"/opportunities/{WITH_INTERVIEWS}/interviews", payload),)
    assert application({"id": "5"}).remote_data == (Original("/opportunities", {"id": "5"}),)
    assert mapping.user({"id": "5"}).remote_data == (Original("/users", {"id": "5"}),)
    assert stage({"id": "5"}).remote_data == (Original("/stages", {"id": "5"}),)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (" Jamal   van der Berg ", ("Jamal", "van der Berg")),
        ("Jamal\tvan  der Berg", ("Jamal", "van  der Berg")),
        ("Yūki", ("Yūki", None)),
        ("   ", (None, None)),
    ],
)
def test_names_part_at_the_first_blanks(name, expected):
    user = mapping.user({"id": "5", "name": name})

    assert (user.first_name, user.last_name) == expected


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("super admin", Choice("SUPER_ADMIN", "super admin")),
        ("admin", Choice("ADMIN", "admin")),
        ("team member", Choice("TEAM_MEMBER", "team member")),
        # Roles that a customer made.
        ("Sourcer (EMEA)", Choice("Sourcer (EMEA)", "Sourcer (EMEA)")),
        ("Admin", Choice("Admin", "Admin")),
    ],
)
def test_known_access_roles_are_translated_and_others_pass(role, expected):
    assert mapping.user({"id": "5", "accessRole": role}).access_role == expected


@pytest.mark.parametrize(
    ("created", "posting"),
    [([1000, 2000], "b"), ([2000, 1000], "a"), ([1000, 1000], "b"), ([None, 1000], "b"), ([1000, None], "a")],
)
def test_latest_of_two_applications_counts(created, posting):
    applications = [{"posting": name, "createdAt": at} for name, at in zip("ab", created, strict=True)]

    assert application({"id": "5", "applications": applications}).job == posting


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ({"type": "referral", "user": "referrer"}, "referrer"),
        ({"type": "referral", "user": None}, "sourcer"),
        ({"type": "user", "user": "recruiter"}, "sourcer"),
    ],
)
def test_only_referrals_are_credited_to_their_user(made, expected):
    assert application({"id": "5", "sourcedBy": "sourcer", "applications": [made]}).credited_to == expected


@pytest.mark.parametrize(
    ("reason", "is_rejected", "name"),
    [
        (FILLED, True, "Position filled"),
        (HIRED, False, None),
        # Reasons that no list shows, or none at all, do not mean hired.
        ("unheard-of", True, "unheard-of"),
        (None, True, None),
    ],
)
def test_archived_is_rejected_unless_hired(reason, is_rejected, name):
    found = application({"id": "5", "archived": {"reason": reason, "archivedAt": 1000}, "stage": "offer"})

    assert (found.rejected_at is not None) is is_rejected
    assert unified(found)["reject_reason"] == name
    assert found.current_stage == "offer"


def test_sources_are_joined():
    assert application({"id": "5", "sources": ["A", None, "B, C", ""]}).source == "A, B, C"


@pytest.mark.parametrize(
    ("location", "expected"),
    [(" Room 1 ", " Room 1 "), ("\t ", None), ("https://video.example.com/j/1", "https://video.example.com/j/1")],
)
def test_location_is_unchanged_unless_blank(location, expected):
    assert interview({"id": "5", "location": location}).location == expected


@pytest.mark.parametrize(("date", "duration"), [(None, 30), (1000, None), (None, None)])
def test_end_takes_a_start_and_a_duration(date, duration):
    found = interview({"id": "5", "date": date, "duration": duration})

    assert (found.start_at is None, found.end_at) == (date is None, None)


def test_guests_and_repetitions_are_left_out():
    panel = [{"id": "b"}, {"id": None, "email": "guest@example.com"}, {"id": "a"}, {"id": "b"}, {}]

    assert interview({"id": "5", "interviewers": panel}).interviewers == ("b", "a")


def test_interview_belongs_to_the_opportunity_that_it_is_listed_under():
    found = interview({"id": "5", "opportunityId": "another"})

    assert (found.application, found.remote_group) == (WITH_INTERVIEWS, WITH_INTERVIEWS)
