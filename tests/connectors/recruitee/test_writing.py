"""Interviews that are created, changed and cancelled at a simulated Recruitee."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from merge import Merge

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
from connectors.records import Gone, ScheduledInterviewRecord
from connectors.stored import StoredApplication
from interviews.models import ScheduledInterview
from sandbox.changes import people
from sandbox.company import ApplicationState
from sandbox.server import DROPPED_CONNECTION, Answer, after_storing, failing, rate_limited, slow
from sync.engine import synchronise
from tests.conftest import Api
from tests.platforms import linked, shown

START = datetime(2036, 3, 3, 9, 30, 0, 250_001, tzinfo=UTC)
LOST = {"dropped": DROPPED_CONNECTION, "500": failing(500), "503": failing(503), "slow": slow(1.2)}
TROUBLE = {"429": rate_limited(), "500": failing(500), "dropped": DROPPED_CONNECTION}
EVENTS = "/c/40001/interview/events"
CREATING = "/c/40001/interview/candidates/"

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
    return [str(one.id) for one in people(company)[:4]]


@pytest.fixture
def draft(application, users):
    """Return what it takes to create an interview, and its panel."""
    return InterviewDraft(
        given=frozenset({"application", "interviewers", "start_at", "end_at"}),
        application=stored(application),
        interviewers=(users[1], users[0]),
        start_at=START,
        end_at=START + timedelta(hours=1),
        integration_params={"kind": "phone", "timezone": "Europe/Amsterdam"},
    )


@pytest.fixture
def booked(hurried, draft):
    """Return an interview that was created, as it is then stored here."""
    record = written(hurried().create_interview(draft))
    return StoredInterview(
        remote_id=record.remote_id,
        remote_group=None,
        application=draft.application,
        originals={one.path: one.data for one in record.remote_data},
    )


@pytest.fixture
def struck(server):
    """Return a function that has the next calls of a method meet a fault, while something else happens."""

    def struck(fault, method, *, end="", times=1, meanwhile=lambda: None):
        pick, waiting = server.faults.pick, [fault] * times

        def picked(path):
            if waiting and server.requests[-1].method == method and path.endswith(end):
                meanwhile()
                return waiting.pop()
            return pick(path)

        server.faults.pick = picked

    return struck


def to_be_interviewed(company):
    return next(
        one
        for one in company.applications.values()
        if one.state is ApplicationState.ACTIVE
        and any(slot.stage_id == one.stage_id for slot in company.slots.values())
    )


def stored(application):
    return StoredApplication(
        remote_id=str(application.id),
        candidate=str(application.candidate_id),
        job=str(application.job_id),
        current_stage=str(application.stage_id),
        originals={},
    )


def changes(**fields):
    return InterviewDraft(given=frozenset(fields) - {"integration_params"}, **fields)


def written(result):
    (record,) = result.entries
    assert isinstance(record, ScheduledInterviewRecord)
    return record


def sent(server, method="POST", end=""):
    """Return what was sent to be stored."""
    return [
        json.loads(one.body)["interview_event"]
        for one in server.requests
        if one.method == method and one.path.endswith(end)
    ]


def listed(fetch_all, hurried, record):
    """Return what a sync makes of an interview."""
    return next((one for one in fetch_all(hurried()) if getattr(one, "remote_id", None) == record.remote_id), None)


# Creating


def test_what_was_created_is_what_the_next_sync_reads(hurried, fetch_all, draft, application):
    result = hurried().create_interview(draft)

    record = written(result)
    assert result.remote_id == record.remote_id
    assert (record.start_at, record.end_at) == (draft.start_at, draft.end_at)
    assert (record.interviewers, record.application) == (draft.interviewers, str(application.id))
    assert record.job_interview_stage == str(application.stage_id)
    assert listed(fetch_all, hurried, record) == record


def test_it_makes_a_draft_and_schedules_it(hurried, server, draft, application, users):
    record = written(hurried().create_interview(draft))

    posts = [(one.path, json.loads(one.body)) for one in server.requests if one.method == "POST"]
    event = {
        "offer_id": application.job_id,
        "admin_ids": [int(users[1]), int(users[0])],
        "starts_at": "2036-03-03T09:30:00.250001Z",
        "duration": 60,
        "kind": "phone",
        "timezone": "Europe/Amsterdam",
    }
    assert posts == [
        (f"{CREATING}{application.candidate_id}/events", {"interview_event": event}),
        (f"{EVENTS}/{record.remote_id}/schedule", {"interview_event": {}}),
    ]
    assert record.remote_data[0].data["scheduled"] is True


def test_optional_fields_are_sent_as_well(hurried, server, company, draft, application):
    stage = next(one for one in company.stages.values() if one.job_id == application.job_id)
    full = replace(
        draft,
        given=draft.given | {"location", "job_interview_stage"},
        location="Aquarium",
        job_interview_stage=str(stage.id),
        integration_params=draft.integration_params | {"note": "Be kind", "public_note": "Come early"},
    )

    record = written(hurried().create_interview(full))

    asked = {"location": "Aquarium", "stage_id": stage.id, "note": "Be kind", "public_note": "Come early"}
    assert sent(server)[0].items() >= asked.items()
    assert record.remote_data[0].data.items() >= asked.items()
    assert record.job_interview_stage == str(stage.id)


def test_all_calls_are_noted(hurried, server, draft):
    connector = hurried()
    connector.create_interview(draft)

    assert [(one.method, one.url) for one in connector.session.exchanges] == [
        (one.method, server.url + one.path) for one in server.requests
    ]


# What can be said without a call


def test_what_is_complete_has_no_problems(hurried, draft):
    assert list(hurried().problems_of(draft)) == []
    assert list(hurried().problems_of(replace(draft, interviewers=()))) == []


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"end_at": START}, "model/end_at"),
        ({"end_at": START + timedelta(seconds=90)}, "model/end_at"),
        ({"integration_params": {"timezone": "Moon/Sea"}}, "model/integration_params/timezone"),
        ({"interviewers": ("x",)}, "model/interviewers"),
        ({"job_interview_stage": "x"}, "model/job_interview_stage"),
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
        ({"interviewers": ("1",)}, "model/interviewers"),
        ({"given": frozenset({"job_interview_stage"}), "job_interview_stage": "1"}, "model/job_interview_stage"),
        ({"integration_params": {"kind": "séance", "timezone": "UTC"}}, "model/integration_params/kind"),
    ],
)
def test_a_field_that_the_refusal_names_is_to_blame(hurried, company, draft, wrong, pointer):
    count = len(company.interviews)

    with pytest.raises(InvalidField) as refusal:
        hurried().create_interview(replace(draft, **wrong))

    assert (refusal.value.pointer, refusal.value.status) == (pointer, 422)
    assert refusal.value.words == str(refusal.value)
    assert len(company.interviews) == count


def test_a_candidate_that_is_not_there_is_to_blame(hurried, server, company, application, draft):
    company.delete_application(application.id)

    with pytest.raises(InvalidField) as refusal:
        hurried().create_interview(draft)

    assert refusal.value.pointer == "model/application"
    assert sent(server) == []


def test_a_placement_that_the_event_would_not_belong_to_is_refused(hurried, server, company, application, draft):
    company.applications[application.id + 1_000_000] = replace(application, id=application.id + 1_000_000)
    company.version += 1

    with pytest.raises(InvalidField, match=f"placement {application.id + 1_000_000}") as refusal:
        hurried().create_interview(draft)

    assert refusal.value.pointer == "model/application"
    assert sent(server) == []


def test_a_token_whose_owner_may_not_write_lacks_permission(hurried, simulator, draft):
    simulator.denied = {"POST"}

    with pytest.raises(MissingPermission) as refusal:
        hurried().create_interview(draft)

    assert (refusal.value.status, refusal.value.words) == (403, "You have no access to this company")


def test_a_wrong_token_is_bad_credentials(hurried, draft):
    with pytest.raises(BadCredentials):
        hurried(api_token="wrong").create_interview(draft)


# Answers that are lost


def test_a_rate_limit_is_told_at_once_and_nothing_happens(hurried, server, company, draft):
    count = len(company.interviews)
    server.faults.queue(rate_limited(retry_after_seconds=7), path=CREATING)

    with pytest.raises(RateLimited) as refusal:
        hurried().create_interview(draft)

    assert refusal.value.retry_after_seconds == 7
    assert (len(sent(server)), len(company.interviews)) == (1, count)


@pytest.mark.parametrize("end", ["/events", "/schedule"])
@each_loss
def test_what_was_stored_is_found_though_the_answer_is_lost(
    hurried, fetch_all, server, struck, company, draft, end, lost
):
    count = len(company.interviews)
    struck(after_storing(lost), "POST", end=end)

    record = written(hurried().create_interview(draft))

    assert (len(sent(server)), len(company.interviews)) == (2, count + 1)
    assert listed(fetch_all, hurried, record) == record


@pytest.mark.parametrize("lost", [failing(500), failing(503), DROPPED_CONNECTION])
def test_a_draft_that_was_not_made_is_not_sent_again(hurried, server, struck, company, draft, lost):
    count = len(company.interviews)
    struck(lost, "POST")

    with pytest.raises(PlatformUnavailable):
        hurried().create_interview(draft)

    assert (len(sent(server)), len(company.interviews)) == (1, count)


def test_an_event_that_was_there_before_is_not_taken_for_it(hurried, struck, draft, booked):
    struck(failing(500), "POST")

    with pytest.raises(PlatformUnavailable):
        hurried().create_interview(draft)


def test_what_somebody_else_plans_meanwhile_is_not_taken_for_it(hurried, company, application, draft, struck):
    slot = next(one for one in company.slots.values() if one.job_id == application.job_id)
    user_ids = [one.id for one in people(company)[:2]]

    def plan():
        company.add_interview(
            application_id=application.id, slot_id=slot.id, user_ids=user_ids, starts_at=START + timedelta(days=1)
        )

    struck(failing(500), "POST", meanwhile=plan)

    with pytest.raises(PlatformUnavailable):
        hurried().create_interview(draft)


@each_trouble
def test_nobody_is_told_to_try_again_when_looking_fails(hurried, server, struck, simulator, draft, trouble):
    answer = simulator.answer

    def storing(request):
        if request.method == "POST":
            server.faults.queue(trouble, path=EVENTS, times=3)
        return answer(request)

    simulator.answer = storing
    struck(after_storing(failing(500)), "POST")

    with pytest.raises(PlatformUnavailable) as unknown:
        hurried().create_interview(draft)

    assert not isinstance(unknown.value, RateLimited)
    assert len(sent(server)) == 1


@pytest.mark.parametrize("body", [b"<html>", {}, [], {"interview_event": {}}])
def test_answers_without_an_event_are_made_up_for(hurried, server, simulator, draft, body):
    answer = simulator.answer
    simulator.answer = lambda one: replace(answer(one), payload=body) if one.method == "POST" else answer(one)

    record = written(hurried().create_interview(draft))

    assert record.start_at == START
    assert len(sent(server)) == 2


@each_trouble
def test_trouble_before_sending_leaves_nothing(hurried, server, company, draft, trouble):
    count = len(company.interviews)
    server.faults.queue(trouble, path=EVENTS, times=2)

    with pytest.raises(RateLimited if trouble.status == 429 else PlatformUnavailable):
        hurried().create_interview(draft)

    assert (sent(server), len(company.interviews)) == ([], count)


# Drafts that cannot be scheduled


@pytest.mark.parametrize(
    ("trouble", "error"),
    [(rate_limited(retry_after_seconds=7), RateLimited), (failing(500), PlatformUnavailable)],
)
def test_a_draft_that_is_not_scheduled_is_removed(hurried, server, struck, company, draft, trouble, error):
    count = len(company.interviews)
    struck(trouble, "POST", end="/schedule")

    with pytest.raises(error):
        hurried().create_interview(draft)

    assert (len(sent(server)), len(company.interviews)) == (2, count)


def test_a_draft_that_is_refused_is_removed(hurried, simulator, company, draft):
    count, answer = len(company.interviews), simulator.answer
    refusal = Answer(422, {"error": ["Calendar is disconnected"]})
    simulator.answer = lambda one: refusal if one.path.endswith("/schedule") else answer(one)

    with pytest.raises(UnexpectedAnswer, match=r"^Calendar is disconnected$") as refused:
        hurried().create_interview(draft)

    assert (refused.value.status, len(company.interviews)) == (422, count)


@each_loss
def test_a_removal_is_seen_though_its_answer_is_lost(hurried, struck, company, draft, lost):
    count = len(company.interviews)
    struck(rate_limited(), "POST", end="/schedule")
    struck(after_storing(lost), "DELETE")

    with pytest.raises(RateLimited):
        hurried().create_interview(draft)

    assert len(company.interviews) == count


@each_trouble
@pytest.mark.parametrize("refused", [rate_limited(), failing(500)], ids=["429", "500"])
def test_a_draft_that_stays_is_told_of_by_its_id(hurried, struck, company, draft, refused, trouble):
    struck(refused, "POST", end="/schedule")
    struck(trouble, "DELETE", times=2)

    with pytest.raises(PlatformUnavailable) as left:
        hurried().create_interview(draft)

    assert f"event {max(company.interviews)} was left as a draft" in str(left.value)


def test_a_draft_that_may_not_be_removed_is_told_of(hurried, struck, simulator, company, draft):
    simulator.denied = {"DELETE"}
    struck(rate_limited(), "POST", end="/schedule")

    with pytest.raises(PlatformUnavailable, match=r"was left as a draft.*no access"):
        hurried().create_interview(draft)


@each_trouble
def test_a_draft_that_may_be_scheduled_is_told_of_and_not_removed(hurried, server, struck, company, draft, trouble):
    count = len(company.interviews)
    struck(after_storing(failing(500)), "POST", end="/schedule")
    struck(trouble, "GET", end=str(max(company.interviews) + 1), times=2)

    with pytest.raises(PlatformUnavailable, match=f"event {max(company.interviews) + 1} may have been left as a draft"):
        hurried().create_interview(draft)

    assert len(company.interviews) == count + 1


# Changing


def test_what_was_changed_is_what_the_next_sync_reads(hurried, fetch_all, booked, users):
    later = START + timedelta(days=1)
    draft = changes(start_at=later, end_at=later + timedelta(hours=2), interviewers=(users[3], users[0]))

    record = written(hurried().update_interview(booked, draft))

    assert (record.start_at, record.end_at, record.interviewers) == (later, draft.end_at, draft.interviewers)
    assert listed(fetch_all, hurried, record) == record


def test_only_what_is_given_is_sent(hurried, server, booked):
    draft = changes(location=None, interviewers=(), integration_params={"kind": "video"})

    hurried().update_interview(booked, draft)

    assert sent(server, "PATCH") == [{"location": None, "admin_ids": [], "kind": "video"}]


@pytest.mark.parametrize("name", ["start_at", "end_at"])
def test_the_other_end_stays_where_it_is(hurried, booked, name):
    moved = START + timedelta(minutes=30)

    record = written(hurried().update_interview(booked, changes(**{name: moved})))

    stays = {"start_at": START, "end_at": START + timedelta(hours=1)} | {name: moved}
    assert (record.start_at, record.end_at) == (stays["start_at"], stays["end_at"])


def test_a_start_after_the_end_that_stays_is_refused(hurried, server, booked):
    with pytest.raises(InvalidField) as refusal:
        hurried().update_interview(booked, changes(start_at=START + timedelta(hours=2)))

    assert refusal.value.pointer == "model/end_at"
    assert sent(server, "PATCH") == []


def test_changing_nothing_reads_what_is_there(hurried, server, booked):
    record = written(hurried().update_interview(booked, changes()))

    assert record.remote_id == booked.remote_id
    assert sent(server, "PATCH") == []


def test_what_is_gone_cannot_be_changed(hurried, company, booked):
    company.delete(int(booked.remote_id))

    with pytest.raises(NotFound):
        hurried().update_interview(booked, changes(location="x"))


@each_loss
def test_a_change_is_found_though_the_answer_is_lost(hurried, server, struck, booked, users, lost):
    struck(after_storing(lost), "PATCH")
    draft = changes(start_at=START - timedelta(minutes=30), interviewers=(users[3],))

    record = written(hurried().update_interview(booked, draft))

    assert (record.start_at, record.interviewers) == (draft.start_at, draft.interviewers)
    assert len(sent(server, "PATCH")) == 1


@pytest.mark.parametrize(
    "change", [{"location": "x"}, {"start_at": START - timedelta(hours=1)}, {"interviewers": ("1",)}]
)
def test_a_change_that_was_not_made_is_not_taken_for_made(hurried, server, struck, booked, change):
    struck(failing(500), "PATCH")

    with pytest.raises(PlatformUnavailable):
        hurried().update_interview(booked, changes(**change))

    assert len(sent(server, "PATCH")) == 1


def test_a_rate_limit_of_a_change_is_told(hurried, struck, booked):
    struck(rate_limited(), "PATCH")

    with pytest.raises(RateLimited):
        hurried().update_interview(booked, changes(location="x"))


# Cancelling


def test_what_is_cancelled_is_gone(hurried, fetch_all, company, booked):
    entries = hurried().cancel_interview(booked, acting_user=None)

    assert entries == (Gone(model_name="ScheduledInterview", remote_id=booked.remote_id),)
    assert int(booked.remote_id) not in company.interviews
    assert listed(fetch_all, hurried, booked) is None


@each_loss
def test_a_cancellation_is_seen_though_the_answer_is_lost(hurried, struck, booked, lost):
    struck(after_storing(lost), "DELETE")

    (entry,) = hurried().cancel_interview(booked, acting_user=None)

    assert isinstance(entry, Gone)


def test_what_is_still_there_was_not_cancelled(hurried, struck, company, booked):
    struck(failing(500), "DELETE", times=2)

    with pytest.raises(PlatformUnavailable):
        hurried().cancel_interview(booked, acting_user=None)

    assert int(booked.remote_id) in company.interviews


@each_trouble
def test_a_cancellation_that_cannot_be_seen_is_unknown(hurried, struck, booked, trouble):
    struck(after_storing(slow(1.2)), "DELETE")
    struck(trouble, "GET", times=2)

    with pytest.raises(PlatformUnavailable):
        hurried().cancel_interview(booked, acting_user=None)


def test_what_somebody_else_has_deleted_is_gone(hurried, company, booked):
    company.delete(int(booked.remote_id))

    (entry,) = hurried().cancel_interview(booked, acting_user=None)

    assert isinstance(entry, Gone)


def test_who_may_not_delete_lacks_permission(hurried, simulator, booked):
    simulator.denied = {"DELETE"}

    with pytest.raises(MissingPermission):
        hurried().cancel_interview(booked, acting_user=None)


# From the API's request to its answer


@pytest.fixture
def platform(transactional_db):
    with linked("recruitee") as platform:
        synchronise(platform.account)
        yield platform


def test_merges_sdk_creates_an_interview_that_the_next_sync_leaves_alone(platform, live_server):
    key = Api(platform.account).key
    merge = Merge(api_key=key.secret, account_token=platform.account.token, base_url=f"{live_server.url}/api")
    placement = str(to_be_interviewed(platform.company).id)
    user = merge.ats.users.list(remote_id=str(people(platform.company)[0].id)).results[0]

    answer = merge.ats.interviews.create(
        model={
            "application": merge.ats.applications.list(remote_id=placement).results[0].id,
            "interviewers": [user.id],
            "start_at": "2036-03-03T09:30:00Z",
            "end_at": "2036-03-03T10:30:00Z",
            "integration_params": {"kind": "video", "timezone": "Europe/Amsterdam"},
        },
        remote_user_id=user.id,
    )

    before = ScheduledInterview.objects.get(id=answer.model.id).modified_at
    assert (answer.errors, answer.warnings, answer.model.interviewers) == ([], [], [user.id])
    synchronise(platform.account)
    assert ScheduledInterview.objects.get(id=answer.model.id).modified_at == before
    expected = platform.expected(datetime.now(UTC))["ScheduledInterview"]
    assert shown(platform.account)["ScheduledInterview"] == expected


class Caller(Api):
    def post(self, path, body):
        return self.client.post(f"/api/ats/v1/{path}", body, content_type="application/json").json()


def test_an_interview_is_created_changed_and_cancelled_through_the_api(platform):
    api = Caller(platform.account)
    placement = str(to_be_interviewed(platform.company).id)
    model = {
        "application": api.results("applications", remote_id=placement)[0]["id"],
        "start_at": "2036-03-03T09:30:00Z",
        "end_at": "2036-03-03T10:30:00Z",
        "integration_params": {"kind": "video", "timezone": "Europe/Amsterdam"},
    }

    created = api.post("interviews", {"model": model})
    path = f"interviews/{created['model']['id']}"
    changed = api.client.patch(
        f"/api/ats/v1/{path}", {"model": {"end_at": "2036-03-03T10:00:00Z"}}, content_type="application/json"
    ).json()
    cancelled = api.post(f"{path}/cancel", {})

    assert (changed["errors"], changed["model"]["end_at"]) == ([], "2036-03-03T10:00:00Z")
    assert (cancelled["errors"], cancelled["model"]["remote_was_deleted"]) == ([], True)
    assert int(created["model"]["remote_id"]) not in platform.company.interviews


def test_what_is_required_is_asked_for(platform):
    answer = Caller(platform.account).post("interviews", {"model": {}})

    assert {one["source"]["pointer"] for one in answer["errors"]} == {
        "model/application",
        "model/start_at",
        "model/end_at",
        "model/integration_params/kind",
        "model/integration_params/timezone",
    }
