"""Interviews that are created, changed and cancelled at a simulated Lever."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from merge import Merge

from connectors.base import Window
from connectors.creation import InterviewDraft, StoredInterview
from connectors.errors import (
    BadCredentials,
    InvalidField,
    MissingPermission,
    NotFound,
    PlatformUnavailable,
    RateLimited,
    UnexpectedAnswer,
)
from connectors.platforms.lever.connector import LeverConnector
from connectors.records import Gone, ScheduledInterviewRecord
from connectors.stored import StoredApplication
from interviews.models import ScheduledInterview
from sandbox.changes import interviews_to_come, people
from sandbox.company import ApplicationState, InterviewState
from sandbox.platforms.lever.rows import lever_id
from sandbox.server import DROPPED_CONNECTION, Answer, after_storing, failing, rate_limited, serve, slow
from sync.engine import synchronise
from tests.conftest import Api
from tests.connectors.lever.samples import WITH_INTERVIEWS, load
from tests.connectors.script import Script
from tests.platforms import linked, shown

START = datetime(2036, 3, 3, 9, 30, 0, 250_000, tzinfo=UTC)
LOST = {"dropped": DROPPED_CONNECTION, "500": failing(500), "503": failing(503), "slow": slow(1.2)}
TROUBLE = {"429": rate_limited(), "500": failing(500), "dropped": DROPPED_CONNECTION}

each_loss = pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
each_trouble = pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)


@pytest.fixture
def hurried(connect):
    """Return a function that connects as whoever waits for an answer does."""

    def hurried(**credentials):
        connector = connect(**credentials)
        connector.session.hurry(1.0)
        return connector

    return hurried


@pytest.fixture
def application(company):
    return to_be_interviewed(company)


@pytest.fixture
def users(company):
    return [lever_id("user", one.id) for one in people(company)[:4]]


@pytest.fixture
def draft(application, users):
    """Return what it takes to create an interview, and no more."""
    return InterviewDraft(
        given=frozenset({"application", "interviewers", "start_at", "end_at"}),
        application=stored(application),
        interviewers=(users[1], users[0]),
        start_at=START,
        end_at=START + timedelta(hours=1),
        integration_params={"timezone": "Europe/Berlin"},
        acting_user=users[2],
    )


@pytest.fixture
def booked(hurried, draft):
    """Return an interview that was created, as it is then stored here."""
    return stored_interview(written(hurried().create_interview(draft)), draft)


@pytest.fixture
def creating(draft):
    return f"/v1/opportunities/{draft.application.remote_id}/panels"


@pytest.fixture
def listing(draft):
    return f"/v1/opportunities/{draft.application.remote_id}/interviews"


def to_be_interviewed(company):
    return next(
        one
        for one in company.applications.values()
        if one.state is ApplicationState.ACTIVE
        and any(slot.stage_id == one.stage_id for slot in company.slots.values())
    )


def stored(application):
    return StoredApplication(
        remote_id=lever_id("opportunity", application.id),
        candidate=lever_id("contact", application.candidate_id),
        job=lever_id("posting", application.job_id),
        current_stage=None,
        originals={},
    )


def stored_interview(record, draft):
    return StoredInterview(
        remote_id=record.remote_id,
        remote_group=record.remote_group,
        application=draft.application,
        originals={one.path: one.data for one in record.remote_data},
    )


def changes(acting_user, **fields):
    given = frozenset(fields) - {"integration_params"}
    return InterviewDraft(given=given, acting_user=acting_user, **fields)


def written(result):
    (record,) = result.entries
    assert isinstance(record, ScheduledInterviewRecord)
    return record


def sent(server, method="POST"):
    """Return what was sent to be stored."""
    return [json.loads(one.body) for one in server.requests if one.method == method]


def listed(hurried, record):
    """Return what a sync makes of an interview."""
    window = Window(since=None, started_at=datetime.now(UTC))
    entries = hurried().fetch_interviews(window)
    return next((one for one in entries if getattr(one, "remote_id", None) == record.remote_id), None)


def found(company, record):
    return next(one for one in company.interviews.values() if lever_id("interview", one.id) == record.remote_id)


def spoil(server, method, fault, *, times=1, meanwhile=lambda: None):
    """Have the first calls of a method meet a fault, while something else happens."""
    pick, waiting = server.faults.pick, [fault] * times

    def picked(path):
        if waiting and server.requests[-1].method == method:
            meanwhile()
            return waiting.pop()
        return pick(path)

    server.faults.pick = picked


# Creating


def test_what_was_created_is_what_the_next_sync_reads(hurried, draft):
    result = hurried().create_interview(draft)

    record = written(result)
    assert result.remote_id == record.remote_id
    assert (record.start_at, record.end_at) == (draft.start_at, draft.end_at)
    assert (record.interviewers, record.organizer) == (draft.interviewers, draft.acting_user)
    assert record.application == record.remote_group == draft.application.remote_id
    assert listed(hurried, record) == record


def test_it_sends_what_was_recorded_and_reads_the_interview():
    asked, answered = load("panel_create_request"), load("panel_create_response")
    interview = answered["data"]["interviews"][0]
    listed = interview | {"stage": "lead-new", "user": "u", "createdAt": 1782975257727}
    nothing = Answer(200, {"data": [], "hasNext": False})
    start = datetime(2026, 7, 5, 14, 0, tzinfo=UTC)
    draft = InterviewDraft(
        given=frozenset({"application", "interviewers", "start_at", "end_at"}),
        application=StoredApplication(
            remote_id=WITH_INTERVIEWS, candidate=None, job=None, current_stage=None, originals={}
        ),
        interviewers=("c4bc6266-375b-4d45-ab3b-ad527ba5f3ef",),
        start_at=start,
        end_at=start + timedelta(hours=1),
        integration_params={
            "timezone": "America/Los_Angeles",
            "subject": "Technical Interview",
            "note": "Bring the laptop",
        },
        acting_user="be129d9b-50da-4485-a377-0d83e981f30b",
    )

    with (
        serve(Script(nothing, Answer(201, answered), Answer(200, {"data": listed}))) as server,
        LeverConnector(credentials={"api_key": "key"}, base_url=f"{server.url}/v1") as connector,
    ):
        record = written(connector.create_interview(draft))

    assert sent(server) == [asked]
    assert dict(server.requests[1].query) == {"perform_as": draft.acting_user}
    assert (record.remote_id, record.start_at, record.job_interview_stage) == (interview["id"], start, "lead-new")


def test_optional_fields_are_sent_where_given_only(hurried, server, draft):
    hurried().create_interview(draft)
    about = {"subject": "Chat", "note": "Be kind", "feedback_reminder": "once"}
    hurried().create_interview(
        replace(
            draft,
            given=draft.given | {"location"},
            location="Aquarium",
            integration_params=draft.integration_params | about,
        )
    )

    plain, full = [one["interviews"][0] for one in sent(server)]
    assert plain.keys() == {"interviewers", "date", "duration"}
    assert full.items() >= {"location": "Aquarium", "subject": "Chat", "feedbackReminder": "once"}.items()


@each_trouble
def test_a_panel_stands_in_for_an_interview_that_cannot_be_read(hurried, server, draft, listing, trouble):
    server.faults.queue(trouble, path=f"{listing}/", times=2)

    record = written(hurried().create_interview(draft))

    assert (record.start_at, record.interviewers) == (START, draft.interviewers)
    assert record == replace(listed(hurried, record), remote_data=record.remote_data)


def test_all_calls_are_noted(hurried, server, draft):
    connector = hurried()
    connector.create_interview(draft)

    assert [(one.method, one.url) for one in connector.session.exchanges] == [
        (one.method, server.url + one.path) for one in server.requests
    ]


# What can be said without a call


def test_what_is_complete_has_no_problems(hurried, draft):
    assert list(hurried().problems_of(draft)) == []
    assert list(hurried().warnings_of(draft)) == []


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"end_at": START}, "model/end_at"),
        ({"end_at": START + timedelta(seconds=90)}, "model/end_at"),
        ({"integration_params": {"timezone": "Moon/Sea"}}, "model/integration_params/timezone"),
        ({"integration_params": {"timezone": "../etc/passwd"}}, "model/integration_params/timezone"),
        ({"interviewers": ()}, "model/interviewers"),
        ({"start_at": None}, "model/start_at"),
    ],
)
def test_problems_that_no_call_is_needed_for(hurried, draft, wrong, pointer):
    assert [(one.pointer, one.problem_type) for one in hurried().problems_of(replace(draft, **wrong))] == [
        (pointer, "INVALID_FIELD_CHOICE")
    ]


# Refusals


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"acting_user": "nobody"}, "remote_user_id"),
        ({"interviewers": ("nobody",)}, "model/interviewers"),
        ({"integration_params": {"timezone": "Moon/Sea"}}, "model/integration_params/timezone"),
    ],
)
def test_a_field_that_the_refusal_names_is_to_blame(hurried, company, draft, wrong, pointer):
    count = len(company.interviews)

    with pytest.raises(InvalidField) as refusal:
        hurried().create_interview(replace(draft, **wrong))

    assert (refusal.value.pointer, refusal.value.status) == (pointer, 400)
    assert refusal.value.words == str(refusal.value)
    assert len(company.interviews) == count


def test_a_refusal_that_names_nothing_keeps_its_words(hurried, simulator, draft):
    answer = simulator.answer
    simulator.answer = lambda one: (
        Answer(400, {"code": "BadRequest", "message": "Out of luck"}) if one.method == "POST" else answer(one)
    )

    with pytest.raises(UnexpectedAnswer, match=r"^Out of luck$") as refusal:
        hurried().create_interview(draft)

    assert (refusal.value.status, refusal.value.words) == (400, "Out of luck")


def test_an_opportunity_that_is_not_there_is_to_blame(hurried, server, company, application, draft):
    company.delete_application(application.id)

    with pytest.raises(InvalidField) as refusal:
        hurried().create_interview(draft)

    assert refusal.value.pointer == "model/application"
    assert sent(server) == []


def test_a_key_without_the_right_lacks_permission(hurried, simulator, draft):
    simulator.denied = {"POST panels"}

    with pytest.raises(MissingPermission) as refusal:
        hurried().create_interview(draft)

    assert (refusal.value.status, refusal.value.words) == (403, "This API key may not POST panels")


def test_a_wrong_key_is_bad_credentials(hurried, draft):
    with pytest.raises(BadCredentials):
        hurried(api_key="wrong").create_interview(draft)


def test_somebody_has_to_act(hurried, server, draft):
    with pytest.raises(InvalidField) as refusal:
        hurried().create_interview(replace(draft, acting_user=None))

    assert (refusal.value.pointer, refusal.value.problem_type) == ("remote_user_id", "MISSING_REQUIRED_FIELD")
    assert server.requests == []


# Answers that are lost


def test_a_rate_limit_is_told_at_once_and_nothing_happens(hurried, server, company, draft, creating):
    count = len(company.interviews)
    server.faults.queue(rate_limited(retry_after_seconds=7), path=creating)

    with pytest.raises(RateLimited) as refusal:
        hurried().create_interview(draft)

    assert refusal.value.retry_after_seconds == 7
    assert (len(sent(server)), len(company.interviews)) == (1, count)


@each_loss
def test_what_was_stored_is_found_though_the_answer_is_lost(hurried, server, company, draft, creating, lost):
    count = len(company.interviews)
    server.faults.queue(after_storing(lost), path=creating)

    record = written(hurried().create_interview(draft))

    assert (len(sent(server)), len(company.interviews)) == (1, count + 1)
    assert listed(hurried, record) == record


@pytest.mark.parametrize("lost", [failing(500), failing(503), DROPPED_CONNECTION])
def test_what_was_not_stored_is_not_sent_again(hurried, server, company, draft, creating, lost):
    count = len(company.interviews)
    server.faults.queue(lost, path=creating)

    with pytest.raises(PlatformUnavailable):
        hurried().create_interview(draft)

    assert (len(sent(server)), len(company.interviews)) == (1, count)


def test_an_interview_that_was_there_before_is_not_taken_for_it(hurried, server, draft, booked, creating):
    server.faults.queue(failing(500), path=creating)

    with pytest.raises(PlatformUnavailable):
        hurried().create_interview(draft)


def test_what_somebody_else_plans_meanwhile_is_not_taken_for_it(hurried, server, company, application, draft):
    slot = next(one for one in company.slots.values() if one.job_id == application.job_id)
    user_ids = [one.id for one in people(company)[:2]]

    def plan():
        company.add_interview(
            application_id=application.id, slot_id=slot.id, user_ids=user_ids, starts_at=START + timedelta(days=1)
        )

    spoil(server, "POST", failing(500), meanwhile=plan)

    with pytest.raises(PlatformUnavailable):
        hurried().create_interview(draft)


@each_trouble
def test_nobody_is_told_to_try_again_when_looking_fails(hurried, server, simulator, draft, creating, listing, trouble):
    answer = simulator.answer

    def struck(request):
        if request.method == "POST":
            server.faults.queue(trouble, path=listing, times=3)
        return answer(request)

    simulator.answer = struck
    server.faults.queue(after_storing(failing(500)), path=creating)

    with pytest.raises(PlatformUnavailable) as unknown:
        hurried().create_interview(draft)

    assert not isinstance(unknown.value, RateLimited)
    assert len(sent(server)) == 1


@pytest.mark.parametrize("body", [b"<html>", {}, [], {"data": {"id": "x", "interviews": [{}]}}])
def test_an_answer_without_an_interview_is_made_up_for(hurried, server, simulator, draft, body):
    answer = simulator.answer
    simulator.answer = lambda one: replace(answer(one), payload=body) if one.method == "POST" else answer(one)

    record = written(hurried().create_interview(draft))

    assert record.start_at == START
    assert len(sent(server)) == 1


@each_trouble
def test_trouble_before_sending_leaves_nothing(hurried, server, company, draft, listing, trouble):
    count = len(company.interviews)
    server.faults.queue(trouble, path=listing, times=2)

    with pytest.raises(RateLimited if trouble.status == 429 else PlatformUnavailable):
        hurried().create_interview(draft)

    assert (sent(server), len(company.interviews)) == ([], count)


# Changing


def test_what_was_changed_is_what_the_next_sync_reads(hurried, booked, users):
    later = START + timedelta(days=1)
    draft = changes(
        users[0],
        start_at=later,
        end_at=later + timedelta(hours=2),
        interviewers=(users[3], users[0]),
        location="Salle Curie",
    )

    record = written(hurried().update_interview(booked, draft))

    assert (record.start_at, record.end_at, record.location) == (draft.start_at, draft.end_at, "Salle Curie")
    assert record.interviewers == draft.interviewers
    assert listed(hurried, record) == record


def test_what_is_not_given_is_sent_as_it_is(hurried, server, draft, users):
    about = {"subject": "Chat", "note": "Be kind", "feedback_reminder": "once"}
    whole = replace(
        draft,
        given=draft.given | {"location"},
        location="Aquarium",
        integration_params=draft.integration_params | about,
    )
    booked = stored_interview(before := written(hurried().create_interview(whole)), draft)

    after = written(hurried().update_interview(booked, changes(users[0], end_at=START + timedelta(minutes=30))))

    (body,) = sent(server, "PUT")
    assert body.items() >= {"subject": "Chat", "note": "Be kind", "feedbackReminder": "once"}.items()
    assert [one["id"] for one in body["interviewers"]] == list(draft.interviewers)
    assert (body["duration"], body["location"]) == (30, "Aquarium")
    assert after == replace(before, end_at=after.end_at, remote_data=after.remote_data)


def test_what_others_have_changed_since_stays(hurried, company, booked, users):
    company.edit(found(company, booked).id, location="Reception")

    record = written(hurried().update_interview(booked, changes(users[0], interviewers=(users[3],))))

    assert (record.location, record.interviewers) == ("Reception", (users[3],))


def test_guests_and_feedback_forms_stay(hurried, server, company, booked, users):
    interview = found(company, booked)
    interview.seats[0].has_scorecard = False
    company.seat(interview, user_id=None, email="guest@example.net", created_at=START, has_scorecard=False)

    hurried().update_interview(booked, changes(users[0], interviewers=(users[1], users[3])))

    (body,) = sent(server, "PUT")
    assert body["interviewers"] == [
        {"id": users[1], "feedbackTemplate": "no-feedback"},
        {"id": users[3]},
        {"email": "guest@example.net"},
    ]


def test_changing_nothing_reads_what_is_there(hurried, server, booked, users):
    record = written(hurried().update_interview(booked, changes(users[0])))

    assert record.remote_id == booked.remote_id
    assert sent(server, "PUT") == []


def test_a_location_can_be_taken_away(hurried, booked, users):
    hurried().update_interview(booked, changes(users[0], location="Aquarium"))

    record = written(hurried().update_interview(booked, changes(users[0], location=None)))

    assert record.location is None


def test_a_start_after_the_end_that_stays_is_refused(hurried, server, booked, users):
    with pytest.raises(InvalidField) as refusal:
        hurried().update_interview(booked, changes(users[0], start_at=START + timedelta(hours=2)))

    assert refusal.value.pointer == "model/end_at"
    assert sent(server, "PUT") == []


def test_only_what_was_made_through_the_api_can_be_changed(hurried, company, users):
    first = interviews_to_come(company)[0]
    interview = StoredInterview(
        remote_id=lever_id("interview", first.id),
        remote_group=lever_id("opportunity", first.application_id),
        application=None,
        originals={},
    )

    with pytest.raises(UnexpectedAnswer, match="externallyManaged"):
        hurried().update_interview(interview, changes(users[0], location="x"))
    with pytest.raises(UnexpectedAnswer, match="externallyManaged"):
        hurried().cancel_interview(interview, acting_user=users[0])


def test_what_is_gone_cannot_be_changed(hurried, company, booked, users):
    company.delete(found(company, booked).id)

    with pytest.raises(NotFound):
        hurried().update_interview(booked, changes(users[0], location="x"))


@each_loss
def test_a_change_is_found_though_the_answer_is_lost(hurried, server, booked, users, lost):
    spoil(server, "PUT", after_storing(lost))
    draft = changes(users[0], interviewers=(users[3],), location="Aquarium")

    record = written(hurried().update_interview(booked, draft))

    assert (record.interviewers, record.location) == (draft.interviewers, "Aquarium")
    assert listed(hurried, record) == record


@pytest.mark.parametrize(
    "change",
    [
        {"location": "x"},
        {"start_at": START - timedelta(hours=1)},
        {"end_at": START + timedelta(minutes=30)},
        {"interviewers": ("1",)},
        {"integration_params": {"subject": "Chat"}},
    ],
)
def test_a_change_that_was_not_made_is_not_taken_for_made(hurried, server, booked, users, change):
    spoil(server, "PUT", failing(500), times=2)

    with pytest.raises(PlatformUnavailable):
        hurried().update_interview(booked, changes(users[0], **change))


# Cancelling


def test_what_is_cancelled_is_deleted_as_in_the_next_sync(hurried, company, booked, users):
    (entry,) = hurried().cancel_interview(booked, acting_user=users[0])

    assert entry.remote_was_deleted
    assert found(company, booked).state is InterviewState.CANCELLED
    assert listed(hurried, booked) == entry


@each_loss
def test_a_cancellation_is_seen_though_the_answer_is_lost(hurried, server, booked, listing, users, lost):
    server.faults.queue(after_storing(lost), path=f"{listing}/{booked.remote_id}")

    (entry,) = hurried().cancel_interview(booked, acting_user=users[0])

    assert entry.remote_was_deleted


@each_trouble
def test_what_was_cancelled_is_gone_though_it_cannot_be_read(
    hurried, server, simulator, booked, listing, users, trouble
):
    path = f"{listing}/{booked.remote_id}"
    answer = simulator.answer

    def struck(request):
        if request.method == "DELETE":
            server.faults.queue(trouble, path=path, times=2)
        return answer(request)

    simulator.answer = struck

    assert hurried().cancel_interview(booked, acting_user=users[0]) == (
        Gone(model_name="ScheduledInterview", remote_id=booked.remote_id),
    )


def test_what_is_still_there_was_not_cancelled(hurried, server, company, booked, listing, users):
    server.faults.queue(failing(500), path=f"{listing}/{booked.remote_id}", times=2)

    with pytest.raises(PlatformUnavailable):
        hurried().cancel_interview(booked, acting_user=users[0])

    assert found(company, booked).state is InterviewState.SCHEDULED


def test_what_somebody_else_has_deleted_is_gone(hurried, company, booked, users):
    company.delete(found(company, booked).id)

    (entry,) = hurried().cancel_interview(booked, acting_user=users[0])

    assert isinstance(entry, Gone)


def test_cancelling_takes_somebody_who_acts(hurried, booked):
    with pytest.raises(InvalidField) as refusal:
        hurried().cancel_interview(booked, acting_user=None)

    assert refusal.value.pointer == "remote_user_id"


# From the API's request to its answer


@pytest.fixture
def platform(transactional_db):
    with linked("lever") as platform:
        synchronise(platform.account)
        yield platform


def test_merges_sdk_creates_an_interview_that_the_next_sync_leaves_alone(platform, live_server):
    key = Api(platform.account).key
    merge = Merge(api_key=key.secret, account_token=platform.account.token, base_url=f"{live_server.url}/api")
    company = platform.company
    opportunity = lever_id("opportunity", to_be_interviewed(company).id)
    user = merge.ats.users.list(remote_id=lever_id("user", people(company)[0].id)).results[0]

    answer = merge.ats.interviews.create(
        model={
            "application": merge.ats.applications.list(remote_id=opportunity).results[0].id,
            "interviewers": [user.id],
            "start_at": "2036-03-03T09:30:00Z",
            "end_at": "2036-03-03T10:30:00Z",
            "integration_params": {"timezone": "Europe/Berlin"},
        },
        remote_user_id=user.id,
    )

    before = ScheduledInterview.objects.get(id=answer.model.id).modified_at
    assert (answer.errors, answer.warnings, answer.model.interviewers) == ([], [], [user.id])
    synchronise(platform.account)
    assert ScheduledInterview.objects.get(id=answer.model.id).modified_at == before
    expected = platform.expected(datetime.now(UTC))["ScheduledInterview"]
    assert shown(platform.account)["ScheduledInterview"].items() >= expected.items()


class Caller(Api):
    def post(self, path, body):
        return self.client.post(f"/api/ats/v1/{path}", body, content_type="application/json").json()


def test_an_interview_is_created_changed_and_cancelled_through_the_api(platform):
    api, company = Caller(platform.account), platform.company
    user = lever_id("user", people(company)[0].id)
    opportunity = lever_id("opportunity", to_be_interviewed(company).id)
    model = {
        "application": api.results("applications", remote_id=opportunity)[0]["id"],
        "interviewers": [api.results("users", remote_id=user)[0]["id"]],
        "start_at": "2036-03-03T09:30:00Z",
        "end_at": "2036-03-03T10:30:00Z",
        "integration_params": {"timezone": "Europe/Berlin"},
    }

    created = api.post("interviews", {"model": model, "remote_user_id": user})
    path = f"interviews/{created['model']['id']}"
    changed = api.client.patch(
        f"/api/ats/v1/{path}",
        {"model": {"location": "Aquarium"}, "remote_user_id": user},
        content_type="application/json",
    ).json()
    cancelled = api.post(f"{path}/cancel", {"remote_user_id": user})

    assert (changed["errors"], changed["model"]["location"]) == ([], "Aquarium")
    assert (cancelled["errors"], cancelled["model"]["remote_was_deleted"]) == ([], True)


@pytest.mark.parametrize(
    ("left_out", "pointer"),
    [("timezone", "model/integration_params/timezone"), ("remote_user_id", "remote_user_id")],
)
def test_what_is_required_is_asked_for(platform, left_out, pointer):
    api = Caller(platform.account)
    body = {"model": {"integration_params": {"timezone": "Europe/Berlin"}}, "remote_user_id": "x"}
    body.pop(left_out, None)
    body["model"]["integration_params"].pop(left_out, None)

    answer = api.post("interviews", body)

    missing = {one["source"]["pointer"] for one in answer["errors"] if "Missing" in one["title"]}
    required = {f"model/{name}" for name in ("application", "interviewers", "start_at", "end_at")}
    assert missing == required | {pointer}
