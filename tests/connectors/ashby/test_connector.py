import logging
from datetime import UTC, datetime

import orjson
import pytest

from connectors.errors import (
    BadCredentials,
    ChangesUnknown,
    MissingPermission,
    PlatformUnavailable,
    RateLimited,
    UnexpectedAnswer,
)
from connectors.platforms.ashby.connector import AshbyConnector
from connectors.records import Checkpoint, Gap, JobInterviewStageRecord, Record, Unreadable, Whole
from connectors.registry import connector_class
from sandbox.company import InterviewState
from sandbox.platforms.ashby import AshbySimulator, PayloadRows, ashby_id
from sandbox.server import DROPPED_CONNECTION, Answer, failing, rate_limited
from tests.connectors.ashby.expected import expected
from tests.connectors.ashby.samples import documented, load, resources
from tests.connectors.script import Script
from tests.connectors.words import unified

MODELS = {
    "users": "RemoteUser",
    "job_interview_stages": "JobInterviewStage",
    "applications": "Application",
    "interviews": "ScheduledInterview",
}
INCREMENTAL = ("users", "applications", "interviews")
LOST = [
    "sync_token_expired",
    "sync_token_invalid",
    "incremental_sync_too_large",
    "next_cursor_expired",
    "cursor_invalid",
    "invalid_next_cursor",
]
DRAFT_STAGE = "00000041-1c2d-4e3f-8a9b-00000007daaf"


def fetch_all(connector, window):
    return [entry for name in MODELS for entry in getattr(connector, f"fetch_{name}")(window)]


def records(fetched):
    """Return what our API would show, by model and remote id."""
    found = {model: {} for model in MODELS.values()}
    for entry in fetched:
        if isinstance(entry, Record):
            found[entry.model_name][entry.remote_id] = unified(entry)
    return found


def only(kind, fetched):
    return [entry for entry in fetched if isinstance(entry, kind)]


def token(fetched):
    return only(Checkpoint, fetched)[-1].state["sync_token"]


def asked(server):
    return [(request.path, orjson.loads(request.body)) for request in server.requests]


def listed(*results, **more):
    return Answer(200, {"success": True, "results": list(results), "moreDataAvailable": False, **more})


def page(*results, cursor):
    return listed(*results, moreDataAvailable=True, nextCursor=cursor)


def refused(code, status=200):
    return Answer(status, {"success": False, "errors": [code], "errorInfo": {"code": code, "message": "No way"}})


def schedule(*events, **more):
    return {"id": "s1", "status": "Scheduled", "applicationId": "a1", "interviewEvents": list(events), **more}


def serving(**changed):
    """Return the documented Ashby with other rows for some resources."""
    return AshbySimulator(PayloadRows(resources() | changed))


def test_it_is_found_by_its_slug():
    assert connector_class("ashby") is AshbyConnector


def test_documented_payloads_arrive_in_unified_words(connect, everything):
    connector, _ = connect(documented())

    found = records(fetch_all(connector, everything))

    for model, told in zip(MODELS.values(), load("unified").values(), strict=True):
        assert {key: _plain(one) for key, one in found[model].items()} == {
            one["remote_id"]: _plain(one) for one in told
        }


def _plain(record):
    """Read times, so that what counts is the instant."""
    return {
        name: datetime.fromisoformat(value) if value and name.endswith("_at") else value
        for name, value in record.items()
    }


def test_everything_of_a_company_arrives(connect, company, everything):
    connector, _ = connect(AshbySimulator(company))

    found = records(fetch_all(connector, everything))

    guests = {ashby_id("guest", seat.id) for seat in company.seats.values() if seat.user_id is None}
    for interview in found["ScheduledInterview"].values():
        interview["interviewers"] = [one for one in interview["interviewers"] if one not in guests]
    assert {model: {key: _plain(one) for key, one in found[model].items()} for model in found} == expected(
        company, now=datetime.now(UTC)
    )


def test_full_sync_asks_for_everything(connect, everything):
    connector, server = connect(documented())

    fetch_all(connector, everything)

    assert asked(server) == [
        ("/user.list", {"includeDeactivated": True, "limit": 100}),
        ("/interviewPlan.list", {"includeArchived": True, "limit": 100}),
        ("/interviewStage.list", {"interviewPlanId": "00000021-1c2d-4e3f-8a9b-00000003fccf"}),
        ("/interviewStage.list", {"interviewPlanId": "00000022-1c2d-4e3f-8a9b-000000041bbe"}),
        ("/application.list", {"limit": 100}),
        ("/interviewSchedule.list", {"limit": 100}),
        ("/interviewEvent.list", {"interviewScheduleId": "000000b4-1c2d-4e3f-8a9b-00000015c00c", "limit": 100}),
    ]


def test_every_request_names_its_version_and_who_asks(connect):
    connector, server = connect(documented())

    connector.check()

    (request,) = server.requests
    assert (request.method, request.path, request.body, request.query) == ("POST", "/user.list", b'{"limit":1}', ())
    assert request.headers["authorization"] == "Basic c2FuZGJveC1hcGkta2V5Og=="
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/json; version=1"
    assert request.headers["ashby-version"] == "2026-01-01"


def test_incremental_sync_sends_its_token_with_every_page(connect, lately):
    connector, server = connect(Script(page(cursor="c2"), page(cursor="c3"), listed(syncToken="t2")))

    found = list(connector.fetch_users(lately("t1")))

    common = {"includeDeactivated": True, "limit": 100, "syncToken": "t1"}
    assert [body for _, body in asked(server)] == [common, {**common, "cursor": "c2"}, {**common, "cursor": "c3"}]
    assert found == [Checkpoint(state={"sync_token": "t2"})]


def test_full_sync_ignores_an_old_token(connect, everything):
    connector, server = connect(Script(listed(syncToken="t2")))

    list(connector.fetch_applications(everything))

    assert asked(server) == [("/application.list", {"limit": 100})]


def test_stages_are_listed_in_full_every_time(connect, lately):
    connector, server = connect(documented())

    found = list(connector.fetch_job_interview_stages(lately("t1")))

    assert len(found) == 4
    assert all("syncToken" not in body for _, body in asked(server))


def test_listing_whose_last_page_had_no_token_is_done_in_full(connect, lately):
    connector, server = connect(documented())

    with pytest.raises(ChangesUnknown):
        list(connector.fetch_interviews(lately()))

    assert server.requests == []


def test_token_comes_after_everything_else(connect, company, everything):
    connector, _ = connect(AshbySimulator(company))

    for name in INCREMENTAL:
        found = list(getattr(connector, f"fetch_{name}")(everything))
        assert [type(one) is Checkpoint for one in found] == [False] * (len(found) - 1) + [True]


def test_pages_beyond_the_first_are_read(connect, company, everything, monkeypatch):
    monkeypatch.setattr("connectors.platforms.ashby.connector.MAX_PER_PAGE", 7)
    connector, server = connect(AshbySimulator(company))

    found = records(fetch_all(connector, everything))

    assert len(found["Application"]) == len(company.applications)
    assert sum("cursor" in body for path, body in asked(server) if path == "/application.list") == (
        -(-len(company.applications) // 7) - 1
    )


# Tokens and cursors that Ashby no longer takes


@pytest.mark.parametrize("code", LOST)
def test_lost_token_makes_changes_unknown(connect, lately, code):
    connector, server = connect(Script(refused(code)))

    with pytest.raises(ChangesUnknown, match=code):
        list(connector.fetch_interviews(lately("t1")))

    assert len(server.requests) == 1


@pytest.mark.parametrize("code", LOST)
def test_full_listing_that_loses_its_cursor_begins_anew(connect, everything, code):
    user = load("user.list")["results"][0]
    connector, server = connect(Script(page(user, cursor="c2"), refused(code), listed(user, syncToken="t1")))

    found = list(connector.fetch_users(everything))

    assert ["cursor" in body for _, body in asked(server)] == [False, True, False]
    assert len(only(Record, found)) == 2
    assert token(found) == "t1"


def test_full_listing_begins_anew_only_once(connect, everything):
    connector, server = connect(Script(refused("next_cursor_expired")))

    with pytest.raises(UnexpectedAnswer, match="next_cursor_expired"):
        list(connector.fetch_users(everything))

    assert len(server.requests) == 2


def test_full_listing_in_place_of_changes_fails_the_second_time(connect, everything, lately):
    connector, server = connect(Script(refused("sync_token_expired"), refused("cursor_invalid")))
    with pytest.raises(ChangesUnknown):
        list(connector.fetch_users(lately("t1")))

    with pytest.raises(UnexpectedAnswer, match="cursor_invalid"):
        list(connector.fetch_users(everything))

    assert len(server.requests) == 2


def test_expired_token_of_the_simulator_is_told(connect, company, everything, lately):
    simulator = AshbySimulator(company)
    connector, _ = connect(simulator)
    old = token(connector.fetch_applications(everything))
    simulator.expire_tokens()

    with pytest.raises(ChangesUnknown, match="sync_token_expired"):
        list(connector.fetch_applications(lately(old)))


# Incremental syncs


@pytest.fixture
def interview(company):
    return next(
        one
        for one in company.interviews.values()
        if one.state is InterviewState.COMPLETE and one.application_id % 10 != 3
    )


@pytest.fixture
def changed(connect, company, everything, lately, holding):
    """Return a function that returns what changed since the first call, or the last one, by model and remote id."""
    connector, _ = connect(AshbySimulator(company))
    tokens = {name: token(getattr(connector, f"fetch_{name}")(everything)) for name in INCREMENTAL}
    stored = holding(*(ashby_id("stage", stage_id) for stage_id in company.stages))

    def changed():
        found = []
        for name in tokens:
            fetched = list(getattr(connector, f"fetch_{name}")(lately(tokens[name], stored=stored)))
            tokens[name] = token(fetched)
            found += only(Record, fetched) + only(Whole, fetched)
        return [one for one in found if not isinstance(one, JobInterviewStageRecord)]

    return changed


def test_nothing_changed_brings_nothing(changed):
    assert changed() == []


def test_rescheduled_interview_comes_with_its_schedule(changed, company, interview):
    company.reschedule(interview.id, datetime(2027, 3, 1, 9, 0, tzinfo=UTC))

    found = changed()

    (record,) = [one for one in found if getattr(one, "remote_id", "") == ashby_id("event", interview.id)]
    assert record.start_at == datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
    assert isinstance(found[-1], Whole)
    assert changed() == []


def test_cancelled_event_is_no_longer_in_its_schedule(changed, company, interview):
    other = company.add_interview(
        application_id=interview.application_id,
        slot_id=interview.slot_id,
        user_ids=[4001],
        starts_at=datetime(2027, 3, 1, 9, 0, tzinfo=UTC),
    )
    (before,) = only(Whole, changed())
    company.cancel(other.id)

    (after,) = only(Whole, changed())

    assert before.remote_ids - after.remote_ids == {ashby_id("event", other.id)}
    assert before.group == after.group


def test_schedule_that_lost_all_its_events_says_so(changed, company, interview):
    for one in list(company.interviews.values()):
        if one.application_id == interview.application_id:
            company.delete(one.id)

    found = changed()

    assert {one.remote_ids for one in found} == {frozenset()}


def test_cancelled_schedule_keeps_its_events(changed, company, interview):
    for one in list(company.interviews.values()):
        if one.application_id == interview.application_id:
            company.cancel(one.id)

    assert {one.status.value for one in only(Record, changed())} == {"Cancelled"}


def test_renamed_user_and_rejected_application_arrive(changed, company, interview):
    company.rename_user(4001, first_name="New", last_name="Name")
    company.reject(interview.application_id, 10)

    user, application = changed()

    assert (user.first_name, user.last_name) == ("New", "Name")
    assert application.reject_reason.name == company.reject_reasons[10].name


# Schedules and stages that do not come whole


def test_only_missing_event_lists_are_asked_for(connect, everything):
    rows = [
        schedule(id="empty"),
        schedule(id="null", interviewEvents=None),
        {"id": "absent", "status": "Scheduled"},
        schedule({"id": "e1"}, id="full"),
    ]
    connector, server = connect(serving(interviewSchedule=rows))

    found = list(connector.fetch_interviews(everything))

    assert [body["interviewScheduleId"] for path, body in asked(server) if path == "/interviewEvent.list"] == [
        "absent",
        "null",
    ]
    assert {one.group: one.remote_ids for one in only(Whole, found)} == {
        "empty": frozenset(),
        "null": frozenset(),
        "absent": frozenset(),
        "full": frozenset({"e1"}),
    }


def test_events_that_were_asked_for_say_where_they_come_from(connect, everything):
    connector, _ = connect(documented())

    found = {one.remote_id: one.remote_data for one in only(Record, connector.fetch_interviews(everything))}

    paths = {remote_id[:8]: originals[0].path for remote_id, originals in found.items()}
    assert paths["000000a1"] == "/interviewSchedule.list"
    assert paths["000000a4"] == "/interviewEvent.list"
    assert found["000000a4-1c2d-4e3f-8a9b-00000013d11c"][0].data["interviewSchedule"]["id"].startswith("000000b4")


def test_schedule_that_vanished_meanwhile_leaves_a_gap(connect, everything):
    connector, _ = connect(
        Script(listed(schedule(interviewEvents=None), schedule(id="s2")), refused("interview_schedule_not_found"))
    )

    gap, whole = connector.fetch_interviews(everything)

    assert "interview_schedule_not_found" in gap.reason
    assert whole.group == "s2"


def test_plan_that_vanished_meanwhile_leaves_a_gap(connect, everything):
    stages = load("interviewStage.list")["results"]
    connector, _ = connect(
        Script(listed({"id": "p1"}, {"id": "p2"}), refused("interview_plan_not_found"), listed(*stages))
    )

    found = list(connector.fetch_job_interview_stages(everything))

    assert (len(only(Gap, found)), len(only(Record, found))) == (1, 4)


def test_stage_of_a_draft_plan_comes_with_its_application(connect, everything):
    connector, server = connect(documented())

    found = [one for one in fetch_all(connector, everything) if isinstance(one, JobInterviewStageRecord)]

    paths = {one.remote_id: one.remote_data[0].path for one in found}
    assert len(found) == len(paths) == 5
    assert [key for key, path in paths.items() if path == "/application.list"] == [DRAFT_STAGE]
    assert "/interviewStage.info" not in [path for path, _ in asked(server)]


def test_stage_that_nothing_listed_is_asked_for_once(connect, everything):
    rows = [schedule(id=f"s{number}", interviewStageId=DRAFT_STAGE) for number in range(150)]
    connector, server = connect(serving(interviewSchedule=rows))

    found = list(connector.fetch_interviews(everything))

    assert [body for path, body in asked(server) if path == "/interviewStage.info"] == [
        {"interviewStageId": DRAFT_STAGE}
    ]
    (stage,) = only(Record, found)
    assert (stage.name, stage.remote_data[0].path) == ("Recruiter Screen", "/interviewStage.info")


def test_stage_that_is_nowhere_is_asked_for_once(connect, everything):
    rows = [schedule({"id": f"e{number}"}, id=f"s{number}", interviewStageId="gone") for number in range(150)]
    connector, server = connect(serving(interviewSchedule=rows))

    found = list(connector.fetch_interviews(everything))

    assert [path for path, _ in asked(server)].count("/interviewStage.info") == 1
    assert {(one.model_name, one.job_interview_stage) for one in only(Record, found)} == {("ScheduledInterview", None)}
    assert only(Unreadable, found) == []


def test_stage_that_we_hold_is_not_asked_for(connect, lately, holding):
    answer = listed(schedule({"id": "e1"}, interviewStageId=DRAFT_STAGE), syncToken="t2")
    connector, server = connect(Script(answer))

    (record,) = only(Record, connector.fetch_interviews(lately("t1", stored=holding(DRAFT_STAGE))))

    assert record.job_interview_stage == DRAFT_STAGE
    assert len(server.requests) == 1


# Bad data


@pytest.mark.parametrize(
    ("resource", "name", "bad"),
    [
        ("user", "users", {"id": "bad", "isEnabled": "yes"}),
        ("application", "applications", {"id": "bad", "createdAt": "last week"}),
        ("interviewSchedule", "interviews", schedule({"id": "bad", "startTime": "soon"})),
    ],
)
def test_payload_that_cannot_be_read_does_not_stop_the_others(connect, everything, resource, name, bad):
    rows = resources()[resource]
    connector, _ = connect(serving(**{resource: [bad, *rows]}))

    found = list(getattr(connector, f"fetch_{name}")(everything))

    (unreadable,) = only(Unreadable, found)
    assert unreadable.remote_id == "bad"
    assert len(only(Record, found)) >= len(rows)
    assert token(found)


def test_stage_that_cannot_be_read_does_not_stop_the_others(connect, everything):
    rows = resources()["interviewStage"]
    connector, _ = connect(serving(interviewStage=[rows[0] | {"orderInInterviewPlan": "first"}, *rows[1:]]))

    found = list(connector.fetch_job_interview_stages(everything))

    assert [one.remote_id for one in only(Unreadable, found)] == [rows[0]["id"]]
    assert len(only(Record, found)) == 3


def test_event_that_cannot_be_read_is_still_there(connect, everything):
    connector, _ = connect(serving(interviewSchedule=[schedule({"id": "bad", "startTime": "soon"}, {"id": "e2"})]))

    (whole,) = only(Whole, connector.fetch_interviews(everything))

    assert whole.remote_ids == {"bad", "e2"}


def test_event_without_an_id_leaves_open_what_was_deleted(connect, everything):
    connector, _ = connect(serving(interviewSchedule=[schedule({"id": None}, {"id": "e2"})]))

    found = list(connector.fetch_interviews(everything))

    assert only(Whole, found) == []
    assert [one.remote_id for one in only(Unreadable, found)] == [None]
    assert [one.remote_id for one in only(Record, found)] == ["e2"]


@pytest.mark.parametrize("bad", [{"id": None}, schedule(interviewEvents="none"), "s1", None])
def test_schedule_that_cannot_be_read_names_no_interview(connect, everything, bad):
    connector, _ = connect(Script(listed(bad, schedule({"id": "e1"}, id="s2"), syncToken="t1")))

    found = list(connector.fetch_interviews(everything))

    assert [one.remote_id for one in only(Unreadable, found)] == [None]
    assert [one.remote_id for one in only(Record, found)] == ["e1"]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(200, {"success": True, "results": {}}), "something other than a list"),
        (Answer(200, {"success": True, "results": [], "moreDataAvailable": True}), "without a cursor"),
        (page(cursor="c2"), "before"),
        (Answer(200, {"results": []}), "without success"),
        (Answer(200, []), "without success"),
        (Answer(200, b"<html>"), "without success"),
    ],
)
def test_answers_that_mislead_are_unexpected(connect, everything, answer, problem):
    connector, _ = connect(Script(answer))

    with pytest.raises(UnexpectedAnswer, match=problem):
        list(connector.fetch_users(everything))


# Refusals


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(401, b"No API key was given."), BadCredentials),
        (Answer(403, b"This API key was deactivated."), BadCredentials),
        (Answer(403, {"message": "This API key was deactivated."}), BadCredentials),
        (Answer(403, load("error_403_missing_endpoint_permission")), MissingPermission),
        (Answer(200, load("error_200_invalid_input")), UnexpectedAnswer),
        (Answer(200, load("error_200_sync_token_expired")), ChangesUnknown),
        (refused("invalid_api_version"), UnexpectedAnswer),
        # As old answers have it.
        (Answer(200, {"success": False, "errors": ["sync_token_expired"]}), ChangesUnknown),
        (Answer(200, {"success": False, "errors": [{"code": "sync_token_expired"}]}), ChangesUnknown),
        (Answer(404, b"Not Found"), UnexpectedAnswer),
    ],
)
def test_refusals_are_told_apart_and_not_repeated(connect, answer, error):
    connector, server = connect(Script(answer))

    with pytest.raises(error, match=r"POST /user\.list") as caught:
        connector.check()

    assert type(caught.value) is error
    assert len(server.requests) == 1


def test_wrong_key_is_said_to_be_without_being_shown(connect):
    _, server = connect(documented())

    with AshbyConnector(credentials={"api_key": "wrong-key"}, base_url=server.url) as connector:  # noqa: SIM117
        with pytest.raises(BadCredentials) as caught:
            connector.check()

    assert "wrong-key" not in str(caught.value)


def test_listing_that_may_not_be_read_fails(connect, everything):
    simulator = documented()
    simulator.permissions = {"organizationRead", "candidatesRead"}
    connector, _ = connect(simulator)

    with pytest.raises(MissingPermission, match=r"interviewSchedule\.list"):
        list(connector.fetch_interviews(everything))


def test_missing_call_is_no_missing_stage(connect, everything):
    connector, _ = connect(Script(listed(schedule(interviewStageId="x")), Answer(404, b"Not Found")))

    with pytest.raises(UnexpectedAnswer, match=r"interviewStage\.info"):
        list(connector.fetch_interviews(everything))


# Trouble


@pytest.mark.parametrize("fault", [rate_limited(), failing(500), failing(503), DROPPED_CONNECTION])
def test_trouble_on_the_way_loses_nothing(connect, company, everything, fault):
    connector, server = connect(AshbySimulator(company))
    server.faults.spoil_share(0.2, fault)

    found = records(fetch_all(connector, everything))

    assert len(found["Application"]) == len(company.applications)


def test_trouble_that_stays_ends_the_listing(connect, everything):
    connector, server = connect(documented())
    server.faults.queue(failing(502), times=6)

    with pytest.raises(PlatformUnavailable):
        list(connector.fetch_users(everything))


@pytest.mark.parametrize(("retry_after_seconds", "least", "most"), [(7, 28, 28), (None, 20, 25)])
def test_rate_limit_is_tried_five_times(connect, retry_after_seconds, least, most):
    connector, server = connect(documented())
    server.faults.queue(rate_limited(retry_after_seconds=retry_after_seconds), times=5)

    with pytest.raises(RateLimited):
        connector.check()

    assert len(server.requests) == 5
    assert least <= connector.traffic.waited_seconds <= most


@pytest.mark.parametrize(("status", "warnings"), [("active", 0), ("deprecated", 1), ("unsupported", 1)])
def test_version_that_comes_to_its_end_is_warned_of_once(connect, everything, caplog, status, warnings):
    simulator = documented()
    simulator.version_status = status
    connector, _ = connect(simulator)

    with caplog.at_level(logging.WARNING):
        fetch_all(connector, everything)

    assert [status in record.getMessage() for record in caplog.records] == [True] * warnings


def test_version_that_is_refused_is_warned_of(connect, caplog):
    refusal = refused("invalid_api_version")
    connector, _ = connect(Script(Answer(200, refusal.payload, {"Ashby-Version-Status": "unsupported"})))

    with caplog.at_level(logging.WARNING), pytest.raises(UnexpectedAnswer):
        connector.check()

    assert "unsupported" in caplog.text
