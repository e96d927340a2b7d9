"""Interviews that are created, changed and cancelled at a simulated Greenhouse, with both versions of Harvest."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from merge import Merge
from merge.core.api_error import ApiError

from connectors.base import Window
from connectors.creation import InterviewDraft, StoredInterview
from connectors.errors import (
    AlreadyExists,
    BadCredentials,
    ConnectorError,
    InvalidField,
    MissingPermission,
    NotFound,
    PlatformUnavailable,
    RateLimited,
    UnexpectedAnswer,
)
from connectors.platforms.greenhouse.connector import GreenhouseConnector
from connectors.records import Gone, ScheduledInterviewRecord
from connectors.stored import StoredApplication
from sandbox.changes import interviews_to_come, people
from sandbox.company import ApplicationState, InterviewState
from sandbox.server import DROPPED_CONNECTION, Answer, after_storing, failing, rate_limited, serve, slow
from sync.engine import synchronise
from tests.conftest import Api
from tests.connectors.greenhouse.samples import load
from tests.connectors.script import Script
from tests.platforms import linked, shown

START = datetime(2036, 3, 3, 9, 30, 0, 250_000, tzinfo=UTC)
CREATING = {"v3": "/v3/interviews", "v1": "/v2/scheduled_interviews"}
LISTING = {"v3": "/v3/interviews", "v1": "/v1/scheduled_interviews"}
LOST = {
    "dropped": DROPPED_CONNECTION,
    "500": failing(500),
    "503": failing(503),
    "slow": slow(1.2),
}

each_version = pytest.mark.parametrize("version", ["v3", "v1"])
each_loss = pytest.mark.parametrize("lost", LOST.values(), ids=LOST)


@pytest.fixture
def account(simulator):
    """Return a function that tells the credentials of an account that uses a version."""
    return lambda version: simulator.credentials if version == "v3" else simulator.v1_credentials


@pytest.fixture
def hurried(server, account):
    """Return a function that connects as whoever waits for an answer does."""
    made = []

    def hurried(version, **credentials):
        made.append(GreenhouseConnector(credentials=account(version) | credentials, base_url=server.url))
        made[-1].session.hurry(1.0)
        return made[-1]

    yield hurried
    for connector in made:
        connector.close()


@pytest.fixture
def application(company):
    return next(
        one
        for one in company.applications.values()
        if one.state is ApplicationState.ACTIVE and any(slot.stage_id == one.stage_id for slot in slots(company))
    )


@pytest.fixture
def users(company):
    """Return ids of three people, the last of whom is no Site Admin."""
    staff = [one for one in people(company) if not one.is_admin]
    return [one.id for one in staff[:3]]


@pytest.fixture
def draft(company, application, users):
    """Return what it takes to create an interview, and no more."""
    return InterviewDraft(
        given=frozenset({"application", "interviewers", "start_at", "end_at"}),
        application=stored(application),
        interviewers=(str(users[0]), str(users[1])),
        start_at=START,
        end_at=START + timedelta(hours=1),
        acting_user=str(users[2]),
    )


@pytest.fixture
def booked(hurried, draft):
    """Return a function that creates an interview, as it is then stored here."""

    def booked(version, **changes):
        record = written(hurried(version).create_interview(replace(draft, **changes)))
        originals = {one.path: one.data for one in record.remote_data}
        return StoredInterview(
            remote_id=record.remote_id,
            remote_group=record.remote_group,
            application=draft.application,
            originals=originals,
        )

    return booked


def slots(company):
    return [one for one in company.slots.values() if one.is_active]


def stored(application):
    return StoredApplication(
        remote_id=str(application.id),
        candidate=str(application.candidate_id),
        job=str(application.job_id),
        current_stage=str(application.stage_id),
        originals={},
    )


def changes(**fields):
    return InterviewDraft(given=frozenset(fields) - {"integration_params", "acting_user"}, **fields)


def written(result):
    (record,) = result.entries
    assert isinstance(record, ScheduledInterviewRecord)
    return record


def sent(server, method="POST"):
    """Return what was sent to be stored."""
    return [json.loads(one.body or b"null") for one in server.requests if one.method == method and one.path != "/token"]


def listed(hurried, version, remote_id):
    """Return what a sync makes of an interview."""
    window = Window(since=None, started_at=datetime.now(UTC))
    entries = hurried(version).fetch_interviews(window)
    return next((one for one in entries if getattr(one, "remote_id", None) == remote_id), None)


# Creating


@each_version
def test_what_was_created_is_what_the_next_sync_reads(hurried, draft, version, company, application):
    result = hurried(version).create_interview(draft)

    record = written(result)
    assert result.remote_id == record.remote_id
    assert (record.start_at, record.interviewers) == (START, draft.interviewers)
    assert (record.application, record.organizer) == (str(application.id), draft.acting_user)
    assert record.job_interview_stage == str(application.stage_id)
    assert record.status.value == "SCHEDULED"
    assert listed(hurried, version, result.remote_id) == record


@pytest.mark.parametrize(
    ("version", "request_file", "answer_file"),
    [
        ("v3", "v3_interview_create_request", "v3_interview_create_response"),
        ("v1", "v2_scheduled_interview_create_request", "v2_scheduled_interview_create_response"),
    ],
)
def test_it_sends_and_reads_what_is_documented(version, request_file, answer_file, account):
    asked, answered = load(request_file), load(answer_file)
    token, slots = Answer(200, {"access_token": "t"}), Answer(200, load("v3_job_interviews"))
    answers = {
        "v3": [token, slots, token, Answer(201, answered), Answer(200, [])],
        "v1": [Answer(200, load("v1_job_stages")), Answer(201, answered)],
    }
    start = datetime(2026, 12, 10, 13, 15, tzinfo=UTC)
    draft = InterviewDraft(
        given=frozenset({"application", "interviewers", "start_at", "end_at", "location", "organizer"}),
        application=StoredApplication(
            remote_id="600001", candidate=None, job=None, current_stage="70007", originals={}
        ),
        interviewers=("4004", "4001"),
        organizer="4001",
        location="Embarcadero Center 2",
        start_at=start,
        end_at=start + timedelta(hours=1),
        integration_params={"job_interview_id": "310006", "external_event_id": asked["external_event_id"]},
    )

    with serve(Script(*answers[version])) as server:
        with GreenhouseConnector(credentials=account(version), base_url=server.url) as connector:
            record = written(connector.create_interview(draft))
        (body,) = sent(server)

    times = {
        name: asked[name].replace("Z", ".000Z") for name in ("start", "end", "starts_at", "ends_at") if name in asked
    }
    assert body == asked | times
    assert (record.remote_id, record.start_at, record.location) == ("9100041", start, "Embarcadero Center 2")


@each_version
def test_the_parameter_wins_over_the_stage(hurried, server, draft, version, company, application):
    slot = next(one for one in slots(company) if one.job_id == application.job_id)
    given = replace(draft, job_interview_stage="1", integration_params={"job_interview_id": str(slot.id)})

    record = written(hurried(version).create_interview(given))

    assert company.interviews[int(record.remote_id)].slot_id == slot.id
    assert record.job_interview_stage == str(slot.stage_id)


@each_version
def test_a_stage_stands_for_its_first_slot(hurried, draft, version, company, application):
    stage_id = next(
        one.stage_id for one in slots(company) if one.job_id == application.job_id and one.name == "Work sample review"
    )

    record = written(hurried(version).create_interview(replace(draft, job_interview_stage=str(stage_id))))

    slot = company.slots[company.interviews[int(record.remote_id)].slot_id]
    assert (slot.stage_id, slot.position) == (stage_id, 0)


def test_v3_looks_for_slots_that_can_be_scheduled(hurried, server, draft):
    hurried("v3").create_interview(draft)

    (query,) = [dict(one.query) for one in server.requests if one.path == "/v3/job_interviews"]
    assert query == {
        "job_interview_stage_ids": draft.application.current_stage,
        "active": "true",
        "scheduling_type": "needs_scheduling",
        "per_page": "500",
    }


@each_version
def test_a_stage_without_interviews_is_refused(hurried, server, draft, version, company, application):
    stage = next(
        one for one in company.stages.values() if one.job_id == application.job_id and one.name == "Application Review"
    )

    with pytest.raises(InvalidField) as refusal:
        hurried(version).create_interview(replace(draft, job_interview_stage=str(stage.id)))

    assert (refusal.value.pointer, refusal.value.problem_type) == ("model/job_interview_stage", "INVALID_FIELD_CHOICE")
    assert sent(server) == []


def test_optional_fields_are_sent_where_given_only(hurried, server, draft, users):
    hurried("v3").create_interview(draft)
    hurried("v3").create_interview(
        replace(
            draft,
            given=draft.given | {"location", "organizer"},
            location="Aquarium",
            organizer=str(users[0]),
            integration_params={"video_conferencing_url": "https://video.example", "response_status": "accepted"},
        )
    )

    plain, full = sent(server)
    assert plain.keys() == {
        "application_id",
        "job_interview_id",
        "interviewers",
        "starts_at",
        "ends_at",
        "external_event_id",
    }
    assert {one["response_status"] for one in plain["interviewers"]} == {"needs_action"}
    assert {one["response_status"] for one in full["interviewers"]} == {"accepted"}
    assert (full["location"], full["organizer_id"]) == ("Aquarium", users[0])
    assert full["video_conferencing_url"] == "https://video.example"


@each_version
def test_every_interview_gets_a_calendar_event_of_its_own(hurried, server, draft, version):
    for _ in range(2):
        hurried(version).create_interview(draft)

    events = [body["external_event_id"] for body in sent(server)]
    assert len(set(events)) == 2
    assert all(event.startswith("uats-") for event in events)


def test_v1_lets_the_acting_user_organize(hurried, server, draft, users):
    hurried("v1").create_interview(replace(draft, organizer=str(users[0])))

    (request,) = [one for one in server.requests if one.method == "POST"]
    assert request.headers["on-behalf-of"] == draft.acting_user
    assert "organizer_id" not in json.loads(request.body)


@pytest.mark.parametrize(
    ("named", "acts"), [({"acting_user": "1", "organizer": "2"}, "1"), ({"organizer": "2"}, "2"), ({}, "3")]
)
def test_who_acts_is_named_or_organizes_or_is_the_accounts(server, hurried, draft, company, named, acts):
    order = dict(zip("123", [one.id for one in people(company)], strict=False))
    named = {name: str(order[one]) for name, one in named.items()}

    hurried("v1", user_id=str(order["3"])).create_interview(replace(draft, **{"acting_user": None, **named}))

    (request,) = [one for one in server.requests if one.method == "POST"]
    assert request.headers["on-behalf-of"] == str(order[acts])


def test_v3_reads_as_the_account_and_writes_as_the_acting_user(hurried, server, draft):
    hurried("v3").create_interview(draft)

    tokens = [one.body for one in server.requests if one.path == "/token"]
    assert tokens == [
        b"grant_type=client_credentials",
        b"grant_type=client_credentials&sub=" + draft.acting_user.encode(),
    ]


def test_v3_uses_one_token_where_the_account_acts(hurried, server, draft, company):
    admin = next(one.id for one in company.users.values() if one.is_admin)

    hurried("v3", user_id=str(admin)).create_interview(replace(draft, acting_user=None))

    assert [one.body for one in server.requests if one.path == "/token"] == [
        b"grant_type=client_credentials&sub=" + str(admin).encode()
    ]


def test_v3_blames_a_user_as_whom_nobody_may_act(hurried, server, draft):
    with pytest.raises(InvalidField) as refusal:
        hurried("v3").create_interview(replace(draft, acting_user="1"))

    assert (refusal.value.pointer, refusal.value.problem_type) == ("remote_user_id", "INVALID_FIELD_CHOICE")
    assert sent(server) == []


def test_v3_does_not_blame_the_user_for_wrong_credentials(hurried, booked, users):
    with pytest.raises(BadCredentials):
        hurried("v3", client_secret="wrong").cancel_interview(booked("v3"), acting_user=str(users[1]))


@each_version
def test_all_calls_are_noted(hurried, server, draft, version):
    connector = hurried(version)
    connector.create_interview(draft)

    assert [(one.method, one.url) for one in connector.session.exchanges] == [
        (one.method, server.url + one.path) for one in server.requests
    ]


# What can be said without a call


def test_problems_that_no_call_is_needed_for(hurried, draft):
    wrong = replace(
        draft,
        acting_user=None,
        application=replace(draft.application, current_stage=None),
    )

    found = {(one.pointer, one.problem_type) for one in hurried("v3").problems_of(wrong)}

    assert found == {
        ("remote_user_id", "MISSING_REQUIRED_FIELD"),
        ("model/job_interview_stage", "MISSING_REQUIRED_FIELD"),
    }


@pytest.mark.parametrize(
    "draft",
    [
        changes(acting_user="1", start_at=None),
        changes(acting_user="1", end_at=None),
        changes(acting_user="1", organizer=None),
        changes(acting_user="1", interviewers=()),
    ],
)
def test_what_an_interview_needs_cannot_be_taken_away(hurried, draft):
    (name,) = draft.given

    assert [(one.pointer, one.problem_type) for one in hurried("v3").problems_of(draft)] == [
        (f"model/{name}", "INVALID_FIELD_CHOICE")
    ]


@pytest.mark.parametrize("slot", ["x", "-1", "\u0663", "9" * 5000])
def test_a_slot_has_to_be_a_number(hurried, draft, slot):
    (problem,) = hurried("v3").problems_of(replace(draft, integration_params={"job_interview_id": slot}))

    assert problem.pointer == "model/integration_params/job_interview_id"


@each_version
def test_what_is_complete_has_no_problems(hurried, draft, version):
    assert list(hurried(version).problems_of(draft)) == []
    assert list(hurried(version).warnings_of(draft)) == []


@pytest.mark.parametrize(("version", "pointers"), [("v3", []), ("v1", ["model/organizer"])])
def test_v1_warns_of_another_organizer(hurried, draft, users, version, pointers):
    found = hurried(version).warnings_of(replace(draft, organizer=str(users[0])))

    assert [one.pointer for one in found] == pointers


def test_answers_without_interviewers_are_warned_of(hurried):
    found = hurried("v3").warnings_of(changes(integration_params={"response_status": "accepted"}))

    assert [one.problem_type for one in found] == ["UNSUPPORTED_FIELD"]


# Refusals


@each_version
def test_several_errors_become_one_text(hurried, draft, version):
    wrong = replace(draft, end_at=START, integration_params={"job_interview_id": "1"})

    with pytest.raises(UnexpectedAnswer) as refusal:
        hurried(version).create_interview(wrong)

    words = {
        "v3": "job_interview_id is not an interview of this job. ends_at must be after the start.",
        "v1": "interview_id is not an interview of this job end must be after the start",
    }[version]
    assert (refusal.value.status, refusal.value.words, str(refusal.value)) == (422, words, words)


@each_version
def test_a_calendar_event_that_is_taken_already_exists(hurried, company, draft, version):
    taken = replace(draft, integration_params={"external_event_id": "mine"})
    hurried(version).create_interview(taken)
    count = len(company.interviews)

    with pytest.raises(AlreadyExists, match="already been taken"):
        hurried(version).create_interview(taken)

    assert len(company.interviews) == count


@each_version
def test_an_application_that_is_over_is_refused(hurried, company, application, draft, version):
    company.reject(application.id, next(iter(company.reject_reasons)))

    with pytest.raises(UnexpectedAnswer, match="active application"):
        hurried(version).create_interview(draft)


@each_version
def test_an_application_that_is_not_there_is_to_blame(hurried, company, application, draft, version):
    company.delete_application(application.id)

    with pytest.raises(InvalidField) as refusal:
        hurried(version).create_interview(draft)

    assert (refusal.value.pointer, refusal.value.problem_type) == ("model/application", "INVALID_FIELD_CHOICE")


def test_v3_needs_its_scope(hurried, simulator, draft):
    simulator.denied_scopes.add("harvest:interviews:create")

    with pytest.raises(MissingPermission, match="lacks the scope") as refusal:
        hurried("v3").create_interview(draft)

    assert refusal.value.status == 403


def test_v1_says_who_may_not_act(hurried, draft):
    with pytest.raises(MissingPermission) as refusal:
        hurried("v1").create_interview(replace(draft, acting_user="1"))

    assert refusal.value.words == load("v1_error_403_on_behalf_of")["message"]


def test_v3_gets_a_new_token_once(hurried, server, simulator, draft):
    refused = [Answer(401, load("v3_error_401"))]
    answer = simulator.answer
    simulator.answer = lambda one: (
        refused.pop() if one.method == "POST" and one.path != "/token" and refused else answer(one)
    )

    written(hurried("v3").create_interview(draft))

    assert len(sent(server)) == 2


def test_401_after_a_new_token_is_bad_credentials(hurried, server, simulator, draft):
    answer = simulator.answer
    simulator.answer = lambda one: (
        Answer(401, load("v3_error_401")) if one.method == "POST" and one.path != "/token" else answer(one)
    )

    with pytest.raises(BadCredentials):
        hurried("v3").create_interview(draft)

    assert len(sent(server)) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_v1_that_is_retired_is_said_to_be(hurried, simulator, draft, status):
    simulator.v1_status = status

    with pytest.raises(BadCredentials, match="relink with Harvest v3"):
        hurried("v1").create_interview(draft)


# Answers that are lost


@each_version
def test_a_rate_limit_is_told_at_once_and_nothing_happens(hurried, server, company, draft, version):
    count = len(company.interviews)
    server.faults.queue(rate_limited(retry_after_seconds=7), path=CREATING[version])

    with pytest.raises(RateLimited) as refusal:
        hurried(version).create_interview(draft)

    assert refusal.value.retry_after_seconds == 7
    assert (len(sent(server)), len(company.interviews)) == (1, count)


@each_version
@each_loss
def test_what_was_stored_is_found_though_the_answer_is_lost(hurried, server, company, draft, version, lost):
    count = len(company.interviews)
    server.faults.queue(after_storing(lost), path=CREATING[version])

    record = written(hurried(version).create_interview(draft))

    assert (len(sent(server)), len(company.interviews)) == (1, count + 1)
    assert listed(hurried, version, record.remote_id) == record


@each_version
@pytest.mark.parametrize("lost", [failing(500), failing(503), DROPPED_CONNECTION])
def test_what_was_not_stored_is_not_sent_again(hurried, server, company, draft, version, lost):
    count = len(company.interviews)
    server.faults.queue(lost, path=CREATING[version])

    with pytest.raises(PlatformUnavailable):
        hurried(version).create_interview(draft)

    assert (len(sent(server)), len(company.interviews)) == (1, count)
    assert [dict(one.query).keys() for one in server.requests if one.path == LISTING[version] and one.query] == [
        {"external_event_id"}
    ]


@each_version
@pytest.mark.parametrize("trouble", [rate_limited(), failing(500), DROPPED_CONNECTION, slow(1.2)])
def test_nobody_is_told_to_try_again_when_looking_fails(hurried, server, company, draft, version, trouble):
    count = len(company.interviews)
    server.faults.queue(after_storing(failing(500)), path=CREATING[version])
    server.faults.queue(trouble, path=LISTING[version], times=3)

    with pytest.raises(PlatformUnavailable) as unknown:
        hurried(version).create_interview(draft)

    assert not isinstance(unknown.value, RateLimited)
    assert (len(sent(server)), len(company.interviews)) == (1, count + 1)


@each_version
@pytest.mark.parametrize("body", [b"<html>", {}, []])
def test_an_answer_without_an_interview_is_made_up_for(hurried, server, simulator, draft, version, body):
    answer = simulator.answer
    simulator.answer = lambda one: (
        replace(answer(one), payload=body) if one.path == CREATING[version] and one.method == "POST" else answer(one)
    )

    record = written(hurried(version).create_interview(draft))

    assert record.start_at == START
    assert len(sent(server)) == 1


def test_another_interview_with_that_calendar_event_is_not_taken_for_it(hurried, server, company, draft):
    other = next(
        one
        for one in company.interviews.values()
        if one.external_event_id is None
        and one.application_id != int(draft.application.remote_id)
        and one.state is not InterviewState.PLACEHOLDER
    )
    server.faults.queue(failing(500), path="/v3/interviews")

    with pytest.raises(PlatformUnavailable):
        hurried("v3").create_interview(replace(draft, integration_params={"external_event_id": f"evt-{other.id}"}))


def test_a_gateway_that_drops_filters_shows_nobody_elses_interview(hurried, server, simulator, draft):
    hurried("v3").create_interview(draft)
    server.faults.queue(failing(500), path="/v3/interviews")
    answer = simulator.answer
    simulator.answer = lambda one: answer(replace(one, query=()) if one.path == "/v3/interviews" else one)

    with pytest.raises(PlatformUnavailable):
        hurried("v3").create_interview(draft)


@pytest.mark.parametrize("trouble", [rate_limited(), failing(500), DROPPED_CONNECTION])
def test_a_panel_that_cannot_be_read_does_not_undo_an_interview(hurried, server, company, draft, trouble):
    server.faults.queue(trouble, path="/v3/interviewers", times=2)

    record = written(hurried("v3").create_interview(draft))

    assert record.interviewers == draft.interviewers
    assert [one.path for one in record.remote_data] == ["/v3/interviews"]
    assert len(company.interviews[int(record.remote_id)].seats) == 2


@pytest.mark.parametrize("path", ["/token", "/v3/job_interviews"])
@pytest.mark.parametrize("trouble", [rate_limited(), failing(500), DROPPED_CONNECTION])
def test_trouble_before_sending_leaves_nothing(hurried, server, company, draft, path, trouble):
    count = len(company.interviews)
    server.faults.queue(trouble, path=path, times=2)

    with pytest.raises(ConnectorError) as error:
        hurried("v3").create_interview(draft)

    assert isinstance(error.value, RateLimited if trouble.status == 429 else PlatformUnavailable)
    assert (sent(server), len(company.interviews)) == ([], count)


def test_v1_is_asked_for_what_it_left_out(hurried, simulator, draft):
    answer = simulator.answer

    def truncated(request):
        full = answer(request)
        return replace(full, payload={"id": full.payload["id"]}) if request.method == "POST" else full

    simulator.answer = truncated

    assert written(hurried("v1").create_interview(draft)).start_at == START


# Changing


@each_version
def test_what_was_changed_is_what_the_next_sync_reads(hurried, booked, version, users):
    interview = booked(version)
    later = START + timedelta(days=1)
    draft = changes(
        start_at=later,
        end_at=later + timedelta(hours=2),
        interviewers=(str(users[2]), str(users[0])),
        location="Salle Curie",
        acting_user=str(users[1]),
    )

    record = written(hurried(version).update_interview(interview, draft))

    assert (record.start_at, record.end_at, record.location) == (draft.start_at, draft.end_at, "Salle Curie")
    assert set(record.interviewers) == set(draft.interviewers)
    assert listed(hurried, version, interview.remote_id) == record


@each_version
def test_only_what_is_given_is_sent(hurried, server, booked, version, users):
    interview = booked(version)

    hurried(version).update_interview(interview, changes(location=None, acting_user=str(users[1])))

    assert sent(server, "PATCH") == [{"location": None}]


def test_a_new_panel_keeps_guests_and_answers(hurried, server, booked, company, users):
    interview = booked("v3", integration_params={"response_status": "accepted"})
    guest = company.seat(
        company.interviews[int(interview.remote_id)],
        user_id=None,
        email="guest@example.net",
        created_at=START,
        has_scorecard=False,
    )
    panel = [*interview.originals["/v3/interviewers"], {"id": guest.id, "user_id": None, "email": guest.email}]
    interview = replace(interview, originals={**interview.originals, "/v3/interviewers": panel})
    draft = changes(interviewers=(str(users[0]), str(users[2])), acting_user=str(users[1]))

    hurried("v3").update_interview(interview, draft)

    (body,) = sent(server, "PATCH")
    assert body["interviewers"] == [
        {"user_id": users[0], "response_status": "accepted"},
        {"user_id": users[2], "response_status": "needs_action"},
        {"email": "guest@example.net", "response_status": "needs_action"},
    ]


def test_v3_changes_the_organizer(hurried, booked, users):
    draft = changes(organizer=str(users[0]), acting_user=str(users[1]))

    record = written(hurried("v3").update_interview(booked("v3"), draft))

    assert record.organizer == str(users[0])


@each_version
def test_changing_nothing_reads_what_is_there(hurried, server, booked, version, users):
    interview = booked(version)

    record = written(hurried(version).update_interview(interview, changes(acting_user=str(users[1]))))

    assert record.remote_id == interview.remote_id
    assert sent(server, "PATCH") == []


@each_version
def test_what_is_gone_cannot_be_changed(hurried, company, booked, version, users):
    interview = booked(version)
    company.delete(int(interview.remote_id))

    with pytest.raises(NotFound):
        hurried(version).update_interview(interview, changes(location="x", acting_user=str(users[1])))


def test_v1_changes_only_what_was_made_through_it(hurried, company, users):
    first = interviews_to_come(company)[0]
    interview = StoredInterview(remote_id=str(first.id), remote_group=None, application=None, originals={})
    connector = hurried("v1")

    with pytest.raises(UnexpectedAnswer, match="created through Harvest"):
        connector.update_interview(interview, changes(location="x", acting_user=str(users[1])))
    with pytest.raises(UnexpectedAnswer, match="created through Harvest"):
        connector.cancel_interview(interview, acting_user=str(users[1]))


@each_version
@each_loss
def test_a_change_is_found_though_the_answer_is_lost(hurried, server, booked, version, users, lost):
    interview = booked(version)
    server.faults.queue(after_storing(lost), path=f"{CREATING[version]}/{interview.remote_id}")
    draft = changes(
        start_at=START - timedelta(minutes=30),
        interviewers=(str(users[2]),),
        location="Aquarium",
        acting_user=str(users[1]),
    )

    record = written(hurried(version).update_interview(interview, draft))

    assert (record.start_at, record.interviewers, record.location) == (draft.start_at, draft.interviewers, "Aquarium")
    assert len(sent(server, "PATCH")) == 1


@each_version
@pytest.mark.parametrize(
    "change", [{"location": "x"}, {"start_at": START - timedelta(hours=1)}, {"interviewers": ("1",)}]
)
def test_a_change_that_was_not_made_is_not_taken_for_made(hurried, server, booked, version, users, change):
    interview = booked(version)
    server.faults.queue(failing(500), path=f"{CREATING[version]}/{interview.remote_id}")

    with pytest.raises(PlatformUnavailable):
        hurried(version).update_interview(interview, changes(acting_user=str(users[1]), **change))

    assert len(sent(server, "PATCH")) == 1


@each_version
def test_a_rate_limit_of_a_change_is_told(hurried, server, booked, version, users):
    interview = booked(version)
    server.faults.queue(rate_limited(retry_after_seconds=3), path=f"{CREATING[version]}/{interview.remote_id}")

    with pytest.raises(RateLimited):
        hurried(version).update_interview(interview, changes(location="x", acting_user=str(users[1])))


# Cancelling


@each_version
def test_what_is_cancelled_is_gone(hurried, company, booked, version, users):
    interview = booked(version)

    entries = hurried(version).cancel_interview(interview, acting_user=str(users[1]))

    assert entries == (Gone(model_name="ScheduledInterview", remote_id=interview.remote_id),)
    assert int(interview.remote_id) not in company.interviews
    assert listed(hurried, version, interview.remote_id) is None


@each_version
@each_loss
def test_a_cancellation_is_seen_though_the_answer_is_lost(hurried, server, company, booked, version, users, lost):
    interview = booked(version)
    server.faults.queue(after_storing(lost), path=f"{LISTING[version]}/{interview.remote_id}")

    (entry,) = hurried(version).cancel_interview(interview, acting_user=str(users[1]))

    assert isinstance(entry, Gone)


@each_version
def test_what_is_still_there_was_not_cancelled(hurried, server, company, booked, version, users):
    interview = booked(version)
    server.faults.queue(failing(500), path=f"{LISTING[version]}/{interview.remote_id}", times=2)

    with pytest.raises(PlatformUnavailable):
        hurried(version).cancel_interview(interview, acting_user=str(users[1]))

    assert int(interview.remote_id) in company.interviews


@each_version
def test_what_somebody_else_has_deleted_is_gone(hurried, company, booked, version, users):
    interview = booked(version)
    company.delete(int(interview.remote_id))

    (entry,) = hurried(version).cancel_interview(interview, acting_user=str(users[1]))

    assert isinstance(entry, Gone)


@each_version
def test_what_is_complete_cannot_be_cancelled(hurried, company, booked, version, users):
    interview = booked(version)
    company.edit(int(interview.remote_id), state=InterviewState.COMPLETE)

    with pytest.raises(UnexpectedAnswer, match="must be scheduled or awaiting_feedback") as refusal:
        hurried(version).cancel_interview(interview, acting_user=str(users[1]))

    assert refusal.value.status == 422


def test_cancelling_takes_somebody_who_acts(hurried, booked):
    with pytest.raises(InvalidField) as refusal:
        hurried("v3").cancel_interview(booked("v3"), acting_user=None)

    assert (refusal.value.pointer, refusal.value.problem_type) == ("remote_user_id", "MISSING_REQUIRED_FIELD")


# From the API's request to its answer


@pytest.fixture
def platform(transactional_db):
    with linked("greenhouse") as platform:
        synchronise(platform.account)
        yield platform


@pytest.fixture
def merge(platform, live_server):
    key = Api(platform.account).key
    return Merge(api_key=key.secret, account_token=platform.account.token, base_url=f"{live_server.url}/api")


@pytest.fixture
def user(platform, merge):
    """Return our id of somebody who may act."""
    return merge.ats.users.list(remote_id=str(people(platform.company)[0].id)).results[0].id


@pytest.fixture
def model(platform, merge, user):
    """Return what it takes to create an interview."""
    company = platform.company
    application = next(
        one
        for one in company.applications.values()
        if one.state is ApplicationState.ACTIVE and any(slot.stage_id == one.stage_id for slot in slots(company))
    )
    return {
        "application": merge.ats.applications.list(remote_id=str(application.id)).results[0].id,
        "interviewers": [user],
        "start_at": "2036-03-03T09:30:00Z",
        "end_at": "2036-03-03T10:30:00Z",
    }


def test_merges_sdk_creates_an_interview_that_the_next_sync_leaves_alone(platform, merge, model, user):
    parameters = {"integration_params": {"response_status": "accepted"}}

    answer = merge.ats.interviews.create(model=model | parameters, remote_user_id=user)

    assert (answer.errors, answer.warnings, answer.model.interviewers) == ([], [], [user])
    assert merge.ats.interviews.retrieve(answer.model.id) == answer.model
    assert merge.ats.interviews.list(remote_id=answer.model.remote_id).results == [answer.model]
    synchronise(platform.account)
    assert merge.ats.interviews.retrieve(answer.model.id) == answer.model
    expected = platform.expected(datetime.now(UTC))
    assert shown(platform.account)["ScheduledInterview"] == expected["ScheduledInterview"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"end_at": "2036-03-03T09:30:00Z"}, "PROVIDER_ERROR"),
        ({"integration_params": {"external_event_id": "taken"}}, "DUPLICATE_MODEL_EXISTS"),
        ({"integration_params": {"job_interview_id": "1"}}, "PROVIDER_ERROR"),
    ],
)
def test_what_greenhouse_refuses_is_told_to_merges_sdk(platform, merge, model, user, changes, problem):
    next(iter(platform.company.interviews.values())).external_event_id = "taken"
    before = len(platform.company.interviews)

    assert create(merge, model | changes, user) == (400, problem)
    assert len(platform.company.interviews) == before


def create(merge, model, user):
    """Return the status and what was created, by Greenhouse's id, or else the problem."""
    try:
        answer = merge.ats.interviews.create(model=model, remote_user_id=user)
    except ApiError as error:
        return error.status_code, error.body["errors"][0]["problem_type"]
    return 201, answer.model.remote_id


@pytest.mark.parametrize(
    ("faults", "problem", "sent", "is_there"),
    [
        pytest.param([("/token", failing(500))] * 4, "PROVIDER_ERROR", 0, False, id="no token"),
        pytest.param([("/v3/job_interviews", failing(500))] * 4, "PROVIDER_ERROR", 0, False, id="no slot"),
        pytest.param([("/v3/job_interviews", rate_limited())], None, 1, True, id="429 before"),
        pytest.param([("/v3/interviews", rate_limited())], None, 2, True, id="429"),
        pytest.param([("/v3/interviews", failing(500))], "PROVIDER_ERROR", 1, False, id="500, not stored"),
        pytest.param([("/v3/interviews", DROPPED_CONNECTION)], "PROVIDER_ERROR", 1, False, id="dropped, not stored"),
        pytest.param([("/v3/interviews", after_storing(failing(500)))], None, 1, True, id="500, stored"),
        pytest.param([("/v3/interviews", after_storing(DROPPED_CONNECTION))], None, 1, True, id="dropped, stored"),
        pytest.param([("/v3/interviews", after_storing(slow(3)))], None, 1, True, id="time-out, stored"),
        pytest.param(
            [("/v3/interviews", after_storing(failing(500))), *[("/v3/interviews", failing(503))] * 2],
            "PROVIDER_ERROR",
            1,
            True,
            id="500, stored, which cannot be seen",
        ),
        pytest.param(
            [("/v3/interviews", after_storing(failing(500))), ("/v3/interviews", rate_limited())],
            "PROVIDER_ERROR",  # 429 would have the SDK create another one
            1,
            True,
            id="500, stored, which 429 hides",
        ),
        pytest.param([("/v3/interviewers", rate_limited())], None, 1, True, id="no panel"),
    ],
)
def test_no_fault_makes_merges_sdk_create_two(
    platform, merge, model, user, monkeypatch, faults, problem, sent, is_there
):
    monkeypatch.setattr("interviews.services.TIMEOUT_SECONDS", 1.0)
    company, server = platform.company, platform.server
    before = set(company.interviews)
    for path, fault in faults:
        server.faults.queue(fault, path=path)

    answer = create(merge, model, user)

    server.faults.clear()
    there = [str(remote_id) for remote_id in set(company.interviews) - before]
    posts = [one for one in server.requests if (one.method, one.path) == ("POST", "/v3/interviews")]
    assert (len(posts), len(there)) == (sent, int(is_there))
    assert answer == ((400, problem) if problem else (201, *there))
    synchronise(platform.account)
    assert shown(platform.account)["ScheduledInterview"] == platform.expected(datetime.now(UTC))["ScheduledInterview"]


class Caller(Api):
    def post(self, path, body, **query):
        return self.client.post(f"/api/ats/v1/{path}", body, content_type="application/json", query_params=query).json()


def test_an_interview_is_created_changed_and_cancelled_through_the_api(platform):
    api, company = Caller(platform.account), platform.company
    user = str(people(company)[0].id)
    application = next(one for one in company.applications.values() if one.state is ApplicationState.ACTIVE)
    slot = next(one for one in slots(company) if one.job_id == application.job_id)
    model = {
        "application": api.results("applications", remote_id=str(application.id))[0]["id"],
        "interviewers": [api.results("users", remote_id=user)[0]["id"]],
        "start_at": "2036-03-03T09:30:00Z",
        "end_at": "2036-03-03T10:30:00Z",
        "integration_params": {"interview_id": str(slot.id)},
    }

    created = api.post("interviews", {"model": model, "remote_user_id": user}, is_debug_mode="true")
    path = f"interviews/{created['model']['id']}"
    changed = api.client.patch(
        f"/api/ats/v1/{path}",
        {"model": {"location": "Aquarium"}, "remote_user_id": user},
        content_type="application/json",
    ).json()
    cancelled = api.post(f"{path}/cancel", {"remote_user_id": user})

    calls = [(one["log_summary"]["method"], one["log_summary"]["status_code"]) for one in created["logs"]]
    assert ("POST", 201) in calls
    assert (changed["errors"], changed["model"]["location"]) == ([], "Aquarium")
    assert (cancelled["errors"], cancelled["model"]["remote_was_deleted"]) == ([], True)
    assert int(created["model"]["remote_id"]) not in company.interviews
