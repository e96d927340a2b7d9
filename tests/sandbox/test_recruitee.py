"""The simulated Recruitee, as strict as the real one."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from sandbox.changes import people
from sandbox.company import ApplicationState, build_company
from sandbox.platforms.recruitee import RecruiteeSimulator
from sandbox.server import failing, rate_limited, serve
from tests.connectors.recruitee.samples import documented, events, load

BEARER = {"Authorization": f"Bearer {RecruiteeSimulator.api_token}"}


@pytest.fixture
def company():
    return build_company(interviews=60)


@pytest.fixture
def simulator(company):
    return RecruiteeSimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def client(server):
    with httpx2.Client(base_url=f"{server.url}/c/40001", headers=BEARER) as client:
        yield client


@pytest.fixture
def paper():
    """A client of the documented payloads."""
    with serve(documented()) as server, httpx2.Client(base_url=f"{server.url}/c/40001", headers=BEARER) as client:
        yield client


def ids(answer, key="interview_events"):
    return [row["id"] for row in answer.json()[key]]


def all_ids(client, **params):
    return {
        row_id
        for status in ("upcoming", "past_due")
        for row_id in ids(client.get("/interview/events", params={"status": status, **params}))
    }


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "sandbox-token"}])
def test_token_is_needed(server, headers):
    answer = httpx2.get(f"{server.url}/c/40001/admins", headers=headers)

    assert (answer.status_code, answer.json()) == (401, load("error_401"))


def test_company_of_somebody_else_is_refused(server):
    answer = httpx2.get(f"{server.url}/c/40002/admins", headers=BEARER)

    assert (answer.status_code, answer.json()) == (403, load("error_403"))


def test_company_may_be_its_subdomain(server):
    assert httpx2.get(f"{server.url}/c/sandbox/admins", headers=BEARER).status_code == 200


def test_right_that_is_missing_is_refused(client, simulator):
    simulator.denied = {"candidates"}

    assert client.get("/candidates").status_code == 403
    assert client.get("/admins").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["", "/admin", "/pipeline_templates/1", "/candidates/1", "/candidates/x", "/interview/events/1", "/interview"],
)
def test_what_is_not_there_is_not_found(client, path):
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/candidates"),
        ("PATCH", "/candidates/1"),
        ("POST", "/interview/events"),
        ("PATCH", "/interview/events/1"),
        ("DELETE", "/interview/events/1"),
        ("POST", "/interview/events/1/schedule"),
        ("POST", "/interview/candidates/1/events"),
    ],
)
def test_nothing_can_be_written_but_events_that_are_there(client, method, path):
    assert client.request(method, path).status_code == 404


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("interview/events?status=scheduled", "status"),
        ("interview/events?scope=mine", "scope"),
        ("interview/events?limit=0", "limit"),
        ("interview/events?limit=1001", "limit"),
        ("interview/events?limit=1&page=0", "page"),
        ("interview/events?candidate_id=x", "candidate_id"),
        ("interview/events?admin_ids[]=x", "admin_ids[]"),
        ("interview/events?start_date=soon", "start_date"),
        ("interview/events?timezone=Nowhere", "timezone"),
        ("candidates?limit=0", "limit"),
        ("candidates?limit=1001", "limit"),
        ("candidates?offset=-1", "offset"),
        ("candidates?created_after=soon", "created_after"),
        ("candidates?qualified=maybe", "qualified"),
    ],
)
def test_wrong_values_are_refused(client, query, name):
    answer = client.get(f"/{query}")

    assert (answer.status_code, answer.json()["error"]) == (422, [f"{name} is invalid"])


def test_refusal_reads_as_documented(client):
    assert client.get("/interview/events?status=x").json() == load("error_422")


def test_unknown_parameters_go_unnoticed(client):
    assert client.get("/candidates?updated_since=2036-01-01").json() == client.get("/candidates").json()


def test_rate_limit_says_how_long(client, server):
    server.faults.queue(rate_limited(retry_after_seconds=3))

    answer = client.get("/admins")

    assert (answer.status_code, answer.json()) == (429, load("error_429"))
    assert answer.headers["Retry-After"] == "3"


def test_trouble_is_html(client, server):
    server.faults.queue(failing(503))

    answer = client.get("/admins")

    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html")


# Listings


def test_documented_payloads_come_as_documented(paper):
    assert paper.get("/admins").json() == load("admins")
    assert paper.get("/pipeline_templates").json() == load("pipeline_templates")
    assert paper.get("/pipeline_templates/9101").json() == load("pipeline_template_9101")
    assert paper.get("/candidates").json() == load("candidates")
    for status in ("upcoming", "past_due"):
        assert paper.get(f"/interview/events?status={status}").json() == events(status)


def test_single_rows_come_with_their_references(paper):
    event, candidate = paper.get("/interview/events/610099").json(), paper.get("/candidates/20410078").json()

    assert event["interview_event"] == events("past_due")["interview_events"][0]
    assert {row["id"] for row in event["references"]} == {91432, 91435, 20410078, 520110, 5174354}
    assert candidate["candidate"] == load("candidates")["candidates"][0]
    assert {row["id"] for row in candidate["references"]} == {520110, 5174354}


@pytest.mark.parametrize(
    ("path", "key"), [("candidates", "candidates"), ("interview/events?status=past_due", "interview_events")]
)
def test_invented_rows_have_no_keys_but_the_documented(client, paper, path, key):
    documented_keys = {name for row in paper.get(f"/{path}").json()[key] for name in row}

    assert {name for row in client.get(f"/{path}").json()[key] for name in row} <= documented_keys


def test_interviews_to_come_are_the_default(client):
    answer = client.get("/interview/events").json()

    assert answer == client.get("/interview/events?status=upcoming").json()
    assert answer["meta"]["counters"]["upcoming"] == len(answer["interview_events"])


def test_the_clock_parts_upcoming_from_past_due(client, company):
    now = datetime.now(UTC)
    upcoming, past_due = (
        client.get(f"/interview/events?status={status}").json()["interview_events"]
        for status in ("upcoming", "past_due")
    )

    assert {row["id"] for row in upcoming + past_due} == company.interviews.keys()
    assert all(row["starts_at"] is None or datetime.fromisoformat(row["starts_at"]) > now for row in upcoming)
    assert all(datetime.fromisoformat(row["starts_at"]) <= now for row in past_due)


def test_page_counts_only_together_with_a_limit(client):
    everything = ids(client.get("/interview/events?status=past_due"))

    assert ids(client.get("/interview/events?status=past_due&page=2")) == everything
    assert ids(client.get("/interview/events?status=past_due&page=2&limit=7")) == everything[7:14]
    assert ids(client.get("/interview/events?status=past_due&page=99&limit=7")) == []


def test_events_that_begin_while_pages_are_read_are_not_lost(client, company):
    interviews = iter(company.interviews.values())
    for number in range(10):
        company.reschedule(next(interviews).id, datetime.now(UTC) + timedelta(days=40 + number))
    now = datetime.now(UTC)
    found = set(ids(client.get("/interview/events?status=upcoming&limit=5&page=1")))

    company.clock = lambda: now + timedelta(days=42)
    for status in ("upcoming", "past_due"):
        for page in range(1, 20):
            if (status, page) != ("upcoming", 1):
                found |= set(ids(client.get(f"/interview/events?status={status}&limit=5&page={page}")))

    assert found == company.interviews.keys()


def test_candidates_come_newest_first_a_hundred_at_a_time():
    company = build_company(interviews=300)
    with serve(RecruiteeSimulator(company)) as server:
        client = httpx2.Client(base_url=f"{server.url}/c/40001", headers=BEARER)
        first, second = client.get("/candidates").json(), client.get("/candidates?offset=100&limit=1000").json()
        client.close()

    rows = first["candidates"] + second["candidates"]
    assert len(first["candidates"]) == 100
    assert len({row["id"] for row in rows}) == len(company.candidates)
    assert [row["created_at"] for row in rows] == sorted((row["created_at"] for row in rows), reverse=True)


def test_references_describe_what_the_page_refers_to(client):
    page = client.get("/interview/events?status=past_due&limit=3").json()

    described = {(row["type"], row["id"]) for row in page["references"]}
    assert described == {
        (kind, row_id)
        for row in page["interview_events"]
        for kind, found in (
            ("Admin", [row["admin_id"], *row["admin_ids"]]),
            ("Candidate", [row["candidate_id"]]),
            ("Offer", [row["offer_id"]]),
            ("Stage", [row["stage_id"]]),
        )
        for row_id in found
        if row_id is not None
    }


@pytest.mark.parametrize("scope", ["all", "my"])
def test_scope_is_everybodys_or_the_token_owners(client, company, scope):
    owner = ids(client.get("/admins"), "admins")[0]
    owned = {
        one.id
        for one in company.interviews.values()
        if owner == one.organizer_id or owner in {seat.user_id for seat in one.seats}
    }

    assert owned
    assert all_ids(client, scope=scope) == (owned if scope == "my" else company.interviews.keys())


def test_events_are_found_by_candidate_people_and_day(client, company):
    interview = next(one for one in company.interviews.values() if one.starts_at and one.seats)
    candidate_id = company.applications[interview.application_id].candidate_id
    user_id, day = interview.seats[0].user_id, interview.starts_at.date()

    of_candidate = all_ids(client, candidate_id=candidate_id)
    of_user = all_ids(client, **{"admin_ids[]": user_id})
    of_day = all_ids(client, start_date=str(day), end_date=str(day))

    assert interview.id in of_candidate & of_user & of_day
    assert {company.applications[company.interviews[one].application_id].candidate_id for one in of_candidate} == {
        candidate_id
    }
    assert all(user_id in {seat.user_id for seat in company.interviews[one].seats} for one in of_user)
    assert len(of_day) < len(company.interviews)


def test_candidates_are_found_by_offer_id_and_outcome(client, company):
    job_id, candidate_id = min(company.jobs), min(company.candidates)

    def found(**params):
        return set(ids(client.get("/candidates", params=params), "candidates"))

    rejected = {one.candidate_id for one in company.applications.values() if one.rejected_at}
    assert found(offer_id=job_id) == {one.candidate_id for one in company.applications.values() if one.job_id == job_id}
    assert found(**{"ids[]": candidate_id}) == {candidate_id}
    assert found(disqualified="true") == rejected
    assert found(qualified="true") == company.candidates.keys() - rejected
    assert found(created_after="2036-01-01T00:00:00Z") == set()


# What is no more


def test_whoever_left_is_described_by_references_only(client, company):
    interview = next(one for one in company.interviews.values() if one.seats)
    company.disable_user(interview.seats[0].user_id)

    references = client.get(f"/interview/events/{interview.id}").json()["references"]

    assert interview.seats[0].user_id not in ids(client.get("/admins"), "admins")
    assert interview.seats[0].user_id in {row["id"] for row in references if row["type"] == "Admin"}


def test_stage_out_of_use_is_in_no_template(client, company):
    interview = next(iter(company.interviews.values()))
    stage = company.stages[company.slots[interview.slot_id].stage_id]
    stage.is_active = False

    template = client.get(f"/pipeline_templates/{stage.job_id}").json()["pipeline_template"]
    references = client.get(f"/interview/events/{interview.id}").json()["references"]

    assert stage.id not in {row["id"] for row in template["stages"]}
    assert stage.id in {row["id"] for row in references if row["type"] == "Stage"}


def test_deleted_and_cancelled_interviews_leave_no_trace(client, company):
    cancelled, deleted = list(company.interviews)[:2]
    company.cancel(cancelled)
    company.delete(deleted)

    assert all_ids(client) == company.interviews.keys() - {cancelled}
    assert client.get(f"/interview/events/{cancelled}").status_code == 404


def test_deleted_application_takes_its_candidate_along(client, company):
    application = next(iter(company.applications.values()))
    company.delete_application(application.id)

    assert application.candidate_id not in ids(client.get("/candidates"), "candidates")


@pytest.fixture
def application(company):
    return next(one for one in company.applications.values() if one.state is ApplicationState.ACTIVE)


@pytest.fixture
def event(company, application):
    return {
        "offer_id": application.job_id,
        "admin_ids": [one.id for one in people(company)[:2]],
        "kind": "phone",
        "timezone": "Europe/Amsterdam",
        "starts_at": "2036-03-03T09:30:00.000000Z",
        "duration": 45,
    }


@pytest.fixture
def drafted(client, application, event):
    answer = client.post(f"/interview/candidates/{application.candidate_id}/events", json={"interview_event": event})
    assert answer.status_code == 201
    return answer.json()["interview_event"]


def test_a_new_event_is_a_draft_of_the_tokens_owner(client, drafted, event, application):
    assert drafted.items() >= event.items()
    assert (drafted["scheduled"], drafted["candidate_id"]) == (False, application.candidate_id)
    assert drafted["admin_id"] == client.get("/admins").json()["admins"][0]["id"]
    assert client.get(f"/interview/events/{drafted['id']}").json()["interview_event"] == drafted
    assert drafted["id"] in all_ids(client, candidate_id=application.candidate_id)


def test_a_draft_is_scheduled_once(client, drafted):
    path = f"/interview/events/{drafted['id']}/schedule"

    first, second = [client.post(path, json={"interview_event": {}}) for _ in range(2)]

    assert (first.status_code, first.json()["interview_event"]["scheduled"]) == (200, True)
    assert (second.status_code, second.json()["errors"][0]["message"]) == (422, "Event is already scheduled")


def test_a_draft_without_a_time_cannot_be_scheduled(client, application, event):
    del event["starts_at"]
    path = f"/interview/candidates/{application.candidate_id}/events"
    drafted = client.post(path, json={"interview_event": event}).json()["interview_event"]

    answer = client.post(f"/interview/events/{drafted['id']}/schedule", json={"interview_event": {}})

    assert (drafted["starts_at"], answer.status_code) == (None, 422)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offer_id", 1),
        ("admin_ids", [1]),
        ("admin_ids", None),
        ("kind", "séance"),
        ("timezone", "Moon/Sea"),
        ("timezone", 5),
        ("starts_at", "soon"),
        ("duration", 0),
        ("stage_id", 1),
        ("location", 5),
    ],
)
def test_an_event_that_is_wrong_is_refused(client, company, application, event, name, value):
    count = len(company.interviews)

    answer = client.post(
        f"/interview/candidates/{application.candidate_id}/events", json={"interview_event": event | {name: value}}
    )

    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (422, f"{name} is invalid")
    assert len(company.interviews) == count


@pytest.mark.parametrize("content", [b"", b"x", b"[]", b"{}", b'{"interview_event": 5}'])
def test_what_is_no_event_is_refused(client, application, content):
    answer = client.post(f"/interview/candidates/{application.candidate_id}/events", content=content)

    assert answer.status_code == 422


def test_only_what_is_given_changes(client, drafted):
    moved = {"starts_at": "2036-03-04T09:30:00.000000Z", "location": "Aquarium"}

    changed = client.patch(f"/interview/events/{drafted['id']}", json={"interview_event": moved}).json()

    assert changed["interview_event"] == drafted | moved | {"updated_at": changed["interview_event"]["updated_at"]}


def test_an_event_can_be_deleted_once(client, company, drafted):
    path = f"/interview/events/{drafted['id']}"

    assert [client.delete(path).status_code for _ in range(2)] == [200, 404]
    assert drafted["id"] not in company.interviews


def test_writing_takes_the_right_to(client, simulator, drafted):
    simulator.denied = {"DELETE"}

    assert client.delete(f"/interview/events/{drafted['id']}").status_code == 403
