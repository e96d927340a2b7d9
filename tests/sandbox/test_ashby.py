"""The simulated Ashby, as strict as the real one."""

from datetime import UTC, datetime

import httpx2
import pytest

from sandbox.company import build_company
from sandbox.platforms.ashby import AshbySimulator, ashby_id
from sandbox.server import rate_limited, serve
from tests.connectors.ashby.samples import documented, load


@pytest.fixture
def company():
    return build_company(interviews=60)


@pytest.fixture
def simulator(company):
    return AshbySimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def client(server, simulator):
    with httpx2.Client(base_url=server.url, auth=(simulator.api_key, "")) as client:
        yield client


@pytest.fixture
def call(client):
    """Return a function that makes a call and returns its envelope."""
    return lambda name, **body: client.post(f"/{name}", json=body).json()


@pytest.fixture
def walk(call):
    """Return a function that returns all results of a listing, and the last page."""

    def walk(name, **body):
        page = call(name, **body)
        results = list(page["results"])
        while page["moreDataAvailable"]:
            page = call(name, **body, cursor=page["nextCursor"])
            results += page["results"]
        return results, page

    return walk


def code(envelope):
    assert envelope["success"] is False
    return envelope["errorInfo"]["code"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/user.list"), ("POST", "/user"), ("POST", "/candidate.list")])
def test_what_does_not_exist_is_404_in_plain_text(client, method, path):
    answer = client.request(method, path)

    assert (answer.status_code, answer.text) == (404, "Not Found")


@pytest.mark.parametrize(("auth", "status"), [(None, 401), (("wrong", ""), 403), (("sandbox-api-key", "x"), 403)])
def test_only_the_key_with_an_empty_password_is_let_in(server, auth, status):
    answer = httpx2.post(f"{server.url}/user.list", json={}, auth=auth)

    assert answer.status_code == status
    assert not answer.text.startswith("{")


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("user.list", "organizationRead"),
        ("application.list", "candidatesRead"),
        ("interviewPlan.list", "interviewsRead"),
        ("interviewStage.list", "interviewsRead"),
        ("interviewStage.info", "interviewsRead"),
        ("interviewSchedule.list", "interviewsRead"),
        ("interviewEvent.list", "interviewsRead"),
    ],
)
def test_each_call_takes_its_permission(client, simulator, name, missing):
    simulator.permissions.remove(missing)

    answer = client.post(f"/{name}", json={})

    assert (answer.status_code, code(answer.json())) == (403, "missing_endpoint_permission")


@pytest.mark.parametrize("name", ["interviewSchedule.create", "interviewSchedule.cancel", "apiKey.info"])
def test_key_may_not_write(client, name):
    answer = client.post(f"/{name}", json={})

    assert (answer.status_code, code(answer.json())) == (403, "missing_endpoint_permission")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("user.list", {"limit": 0}),
        ("user.list", {"limit": 101}),
        ("user.list", {"limit": 1.5}),
        ("user.list", {"limit": "10"}),
        ("user.list", {"limit": True}),
        ("user.list", {"cursor": 5}),
        ("user.list", {"includeDeactivated": "true"}),
        ("user.list", {"createdAfter": 1}),
        ("user.list", {"page": 2}),
        ("application.list", {"createdAfter": "2026-01-01"}),
        ("interviewStage.list", {}),
        ("interviewStage.list", {"interviewPlanId": "x", "limit": 100}),
        ("interviewEvent.list", {}),
        ("interviewStage.info", {"id": "x"}),
        ("user.list", []),
    ],
)
def test_wrong_and_unknown_parameters_are_refused_with_status_200(client, name, body):
    answer = client.post(f"/{name}", json=body)

    assert (answer.status_code, code(answer.json())) == (200, "invalid_input")


@pytest.mark.parametrize(
    "request_",
    [
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
        {"json": {}, "params": {"limit": "5"}},
    ],
)
def test_body_is_json_and_there_is_no_query(client, request_):
    assert code(client.post("/user.list", **request_).json()) == "invalid_input"


def test_refusal_is_worded_as_documented(call):
    assert call("user.list", limit=101) == load("error_200_invalid_input")


@pytest.mark.parametrize(
    ("name", "body", "problem"),
    [
        ("interviewStage.list", {"interviewPlanId": "x"}, "interview_plan_not_found"),
        ("interviewStage.info", {"interviewStageId": "x"}, "interview_stage_not_found"),
        ("interviewEvent.list", {"interviewScheduleId": "x"}, "interview_schedule_not_found"),
        ("application.info", {"applicationId": "x"}, "application_not_found"),
        ("user.info", {"userId": "x"}, "user_not_found"),
    ],
)
def test_what_is_not_found_is_named(call, name, body, problem):
    assert code(call(name, **body)) == problem


def test_every_answer_names_its_version(client):
    for path in ("/user.list", "/nothing"):
        headers = client.post(path, json={}).headers
        assert (headers["ashby-version"], headers["ashby-version-status"]) == ("2026-01-01", "active")


def test_other_versions_are_refused(client):
    answer = client.post("/user.list", json={}, headers={"Ashby-Version": "2027-01-01"})

    assert (answer.status_code, code(answer.json())) == (200, "invalid_api_version")


def test_rate_limit_says_how_long(client, server):
    server.faults.queue(rate_limited(retry_after_seconds=3))

    answer = client.post("/user.list", json={})

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert code(answer.json()) == "rate_limit_exceeded"


# Pages


def test_pages_hold_every_row_once_and_end_with_a_sync_token(walk, company):
    applications, last = walk("application.list", limit=7)

    assert sorted(one["id"] for one in applications) == sorted(
        ashby_id("application", number) for number in company.applications
    )
    assert last["syncToken"]
    assert "nextCursor" not in last


def test_page_before_the_last_has_no_sync_token(call):
    page = call("application.list", limit=7)

    assert "syncToken" not in page
    assert len(page["results"]) == 7


def test_cursor_goes_with_the_parameters_it_was_given_for(call):
    cursor = call("user.list", limit=2, includeDeactivated=True)["nextCursor"]

    assert code(call("user.list", limit=2, cursor=cursor)) == "invalid_next_cursor"
    assert call("user.list", limit=5, includeDeactivated=True, cursor=cursor)["success"]


@pytest.mark.parametrize("cursor", ["x", "é", "NQ==", "e30="])
def test_cursor_that_is_none_is_refused(call, cursor):
    assert code(call("user.list", cursor=cursor)) == "cursor_invalid"


def test_cursor_of_another_listing_is_refused(call):
    cursor = call("user.list", limit=2)["nextCursor"]

    assert code(call("application.list", cursor=cursor)) == "cursor_invalid"


def test_cursors_expire(call, simulator):
    cursor = call("user.list", limit=2)["nextCursor"]
    simulator.expire_cursors()

    assert code(call("user.list", cursor=cursor)) == "next_cursor_expired"


# Changes


def test_token_brings_what_changed_since(walk, company):
    _, last = walk("user.list", includeDeactivated=True)
    company.rename_user(4001, first_name="New", last_name="Name")

    users, later = walk("user.list", includeDeactivated=True, syncToken=last["syncToken"])

    assert [one["firstName"] for one in users] == ["New"]
    assert walk("user.list", syncToken=later["syncToken"])[0] == []


def test_change_during_a_run_comes_in_the_next_one(call, walk, company):
    first = call("user.list", limit=1)
    company.rename_user(4001, first_name="New", last_name="Name")
    page = first
    while page["moreDataAvailable"]:
        page = call("user.list", limit=1, cursor=page["nextCursor"])

    users, _ = walk("user.list", syncToken=page["syncToken"])

    assert [one["id"] for one in users] == [ashby_id("user", 4001)]


def test_whoever_joins_moves_the_schedule(walk, company):
    _, last = walk("interviewSchedule.list")
    interview = next(iter(company.interviews.values()))
    company.join(interview.id, 4001)

    schedules, _ = walk("interviewSchedule.list", syncToken=last["syncToken"])

    assert [one["applicationId"] for one in schedules] == [ashby_id("application", interview.application_id)]


def test_deleted_application_is_missing_and_not_reported(walk, company):
    applications, last = walk("application.list")
    _, last_schedules = walk("interviewSchedule.list")
    company.delete_application(next(iter(company.applications)))

    assert walk("application.list", syncToken=last["syncToken"])[0] == []
    assert walk("interviewSchedule.list", syncToken=last_schedules["syncToken"])[0] == []
    assert len(walk("application.list")[0]) == len(applications) - 1


@pytest.mark.parametrize("sync_token", ["x", "e30="])
def test_token_that_is_none_is_refused(call, sync_token):
    assert code(call("user.list", syncToken=sync_token)) == "sync_token_invalid"


def test_token_of_another_listing_is_refused(call):
    token = call("user.list")["syncToken"]

    assert code(call("application.list", syncToken=token)) == "sync_token_invalid"


def test_tokens_expire_as_documented(call, simulator):
    token = call("user.list")["syncToken"]
    simulator.expire_tokens()

    assert code(call("user.list", syncToken=token)) == "sync_token_expired"


def test_too_many_changes_take_a_full_run(call, simulator, company):
    token = call("user.list")["syncToken"]
    simulator.max_incremental_pages = 1
    for user_id in (4001, 4002):
        company.rename_user(user_id, first_name="New", last_name="Name")

    assert code(call("user.list", limit=1, syncToken=token)) == "incremental_sync_too_large"
    assert call("user.list", limit=2, syncToken=token)["success"]


# Filters


def test_deactivated_users_come_only_if_asked_for(walk, company):
    company.disable_user(4002)

    enabled, _ = walk("user.list")
    everybody, _ = walk("user.list", includeDeactivated=True)

    assert ashby_id("user", 4002) not in {one["id"] for one in enabled}
    assert len(everybody) == len(company.users)


def test_archived_plans_come_only_if_asked_for(walk, company):
    unarchived, _ = walk("interviewPlan.list")
    plans, _ = walk("interviewPlan.list", includeArchived=True)

    assert {one["isArchived"] for one in unarchived} == {False}
    assert len(unarchived) < len(plans) == len(company.jobs)


def test_created_after_is_in_milliseconds(walk, company):
    moments = sorted(one.created_at for one in company.applications.values())
    middle = moments[len(moments) // 2].replace(microsecond=0)

    found, _ = walk("application.list", createdAfter=int(middle.timestamp() * 1000))

    assert 0 < len(found) < len(moments)
    assert min(datetime.fromisoformat(one["createdAt"]) for one in found) > middle.astimezone(UTC)


# Schedules


def test_events_of_a_schedule_can_be_asked_for(walk):
    schedules, _ = walk("interviewSchedule.list")
    full = next(one for one in schedules if one.get("interviewEvents"))
    bare = next(one for one in schedules if one.get("interviewEvents") is None)

    assert walk("interviewEvent.list", interviewScheduleId=full["id"])[0] == full["interviewEvents"]
    assert walk("interviewEvent.list", interviewScheduleId=bare["id"])[1]["success"]


def test_schedule_is_cancelled_with_its_last_event(walk, company):
    interview = next(
        one
        for one in company.interviews.values()
        if one.starts_at and one.application_id % 10 != 3 and one.state != "cancelled"
    )
    event_id = ashby_id("event", interview.id)
    for other in list(company.interviews.values()):
        if other.application_id == interview.application_id:
            company.cancel(other.id)

    schedules, _ = walk("interviewSchedule.list")

    (schedule,) = [one for one in schedules if event_id in {event["id"] for event in one.get("interviewEvents") or ()}]
    assert schedule["status"] == "Cancelled"


def test_documented_payloads_are_served_as_they_are():
    with (
        serve(documented()) as server,
        httpx2.Client(base_url=server.url, auth=("sandbox-api-key", "")) as client,
    ):
        shown = client.post("/application.list", json={}).json()["results"]

    assert shown == load("application.list")["results"]
