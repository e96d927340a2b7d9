from datetime import UTC, datetime

import httpx2
import pytest

from sandbox.changes import ACTIONS, interviews_to_come, open_applications, people
from sandbox.company import build_company
from sandbox.control import CompanyControl
from sandbox.platforms.greenhouse import GreenhouseSimulator
from sandbox.running import running
from sandbox.server import DROPPED_CONNECTION, failing, serve


@pytest.fixture
def company():
    return build_company(interviews=120)


@pytest.fixture
def server(company):
    simulator = GreenhouseSimulator(company)
    with serve(simulator, control=CompanyControl(company, simulator.credentials)) as server:
        yield server


@pytest.fixture
def change(server):
    def change(action, **arguments):
        answer = httpx2.post(f"{server.url}/_sandbox/changes", json={"action": action, **arguments})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return change


def spoil(server, **fault):
    return httpx2.post(f"{server.url}/_sandbox/faults", json=fault)


def status_of(server, path="/v3/users"):
    return httpx2.get(server.url + path).status_code


def test_overview_shows_what_there_is(company, server):
    shown = httpx2.get(f"{server.url}/_sandbox").json()

    assert shown["counts"]["interviews"] == 120
    assert shown["actions"]["cancel"] == ["interview_id"]
    assert [one["id"] for one in shown["interviews_to_come"]] == [one.id for one in interviews_to_come(company)][:20]
    assert {one["id"] for one in shown["users"]} <= company.users.keys()
    assert {one["id"] for one in shown["open_applications"]} <= company.applications.keys()
    assert [one["id"] for one in shown["stages"]] == list(company.stages)[:20]
    assert {one["id"] for one in shown["reject_reasons"]} == company.reject_reasons.keys()


def test_overview_shows_the_latest_requests_and_their_answers(server):
    server.faults.queue(DROPPED_CONNECTION)
    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(f"{server.url}/v3/jobs?page=2")
    httpx2.get(f"{server.url}/v3/users")

    requests = httpx2.get(f"{server.url}/_sandbox").json()["requests"]

    assert [(one["path"], one["query"], one["status"]) for one in requests] == [
        ("/v3/jobs", [["page", "2"]], None),
        ("/v3/users", [], 401),
    ]


def test_credentials_are_those_of_the_simulator(server):
    credentials = httpx2.get(f"{server.url}/_sandbox/credentials").json()

    assert credentials == {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"}


def test_control_is_neither_recorded_nor_spoiled(server):
    server.faults.spoil_share(1, failing(500))

    answers = [httpx2.get(f"{server.url}/_sandbox{path}") for path in ("", "/", "/faults")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert (server.requests, list(server.recent)) == ([], [])


def test_without_control_its_paths_are_the_platforms(company):
    with serve(GreenhouseSimulator(company)) as server:
        assert status_of(server, "/_sandbox") == 404
        assert len(server.requests) == 1


@pytest.mark.parametrize("action", ACTIONS)
def test_every_change_can_be_left_to_chance(company, change, action):
    version = company.version

    report = change(action)

    assert report["action"] == action
    assert report["before"] != report["after"]
    assert company.version > version


@pytest.mark.parametrize("action", ["delete", "delete_application"])
def test_what_is_deleted_is_nothing_afterwards(change, action):
    report = change(action)

    assert report["before"]
    assert report["after"] is None


def test_reschedule_by_chance_moves_an_interview_to_come(company, change):
    upcoming = {one.id for one in interviews_to_come(company)}

    report = change("reschedule")

    interview = company.interviews[report["interview_id"]]
    assert interview.id in upcoming
    assert report["after"]["starts_at"] == f"{interview.starts_at:%Y-%m-%dT%H:%M:%SZ}"
    assert interview.starts_at > datetime.now(UTC)
    assert interview.starts_at.weekday() < 5


def test_reschedule_takes_an_interview_and_a_time(company, change):
    first = interviews_to_come(company)[0]

    change("reschedule", interview_id=first.id, starts_at="2030-01-04T10:00:00+02:00")

    assert company.interviews[first.id].starts_at == datetime(2030, 1, 4, 8, tzinfo=UTC)


def test_reassign_takes_a_panel(company, change):
    first, (one, other) = interviews_to_come(company)[0], people(company)[:2]

    change("reassign", interview_id=first.id, user_ids=[other.id, one.id, other.id])

    assert {seat.user_id for seat in company.interviews[first.id].seats} == {one.id, other.id}


def test_add_takes_what_there_is_to_say(company, change):
    application, person = open_applications(company)[0], people(company)[0]
    slot = next(one for one in company.slots.values() if one.job_id == application.job_id)

    report = change(
        "add",
        application_id=application.id,
        slot_id=slot.id,
        user_ids=[person.id],
        organizer_id=person.id,
        starts_at="2030-01-04T10:00:00Z",
        location="Aquarium",
    )

    interview = company.interviews[report["interview_id"]]
    assert (interview.application_id, interview.slot_id) == (application.id, slot.id)
    assert (interview.organizer_id, [seat.user_id for seat in interview.seats]) == (person.id, [person.id])
    assert (interview.starts_at, interview.location) == (datetime(2030, 1, 4, 10, tzinfo=UTC), "Aquarium")


def test_advance_goes_to_a_later_stage_of_the_job(company, change):
    report = change("advance")

    before, after = (company.stages[report[when]["stage_id"]] for when in ("before", "after"))
    assert before.job_id == after.job_id
    assert before.position < after.position


def test_reject_takes_a_reason(company, change):
    report = change("reject", reject_reason_id=5002)

    application = company.applications[report["application_id"]]
    assert (application.state, application.reject_reason_id) == ("rejected", 5002)


def test_rename_leaves_the_name_that_is_not_given(company, change):
    user = people(company)[0]
    first_name = user.first_name

    change("rename_user", user_id=user.id, last_name="Novotná")

    assert user.name == f"{first_name} Novotná"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("", "JSON"),
        ("[1]", "object"),
        ("[" * 5000, "JSON"),
        ("{}", "reschedule"),
        ('{"action": 5}', "action"),
        ('{"action": "explode"}', "reschedule"),
        ('{"action": "cancel", "starts_at": "2030-01-04T10:00:00Z"}', "starts_at"),  # which this action does not take
        ('{"action": "cancel", "interview_id": 1}', "interview 1"),
        ('{"action": "cancel", "interview_id": true}', "whole number"),
        ('{"action": "cancel", "interview_id": 1e300}', "whole number"),
        ('{"action": "reschedule", "starts_at": "soon"}', "starts_at"),
        ('{"action": "reschedule", "starts_at": 5}', "starts_at"),
        ('{"action": "reschedule", "starts_at": "0001-01-01T00:00:00+14:00"}', "starts_at"),  # has no time in UTC
        ('{"action": "reschedule", "starts_at": "9999-12-31T23:59:00Z"}', "20 years"),  # could not end
        ('{"action": "reassign", "user_ids": 4001}', "list"),
        ('{"action": "reassign", "user_ids": [true]}', "list"),
        ('{"action": "reassign", "user_ids": [1]}', "user 1"),
        ('{"action": "add", "slot_id": 1}', "slot"),
        ('{"action": "add", "organizer_id": 1}', "user 1"),
        ('{"action": "advance", "stage_id": 1}', "stage 1"),
        ('{"action": "reject", "reject_reason_id": 1}', "reject reason 1"),
        ('{"action": "rename_user", "first_name": ""}', "first_name"),
        ('{"action": "rename_user", "first_name": "\\u0000"}', "first_name"),  # which XML could not say
    ],
)
def test_nonsense_changes_nothing_and_is_told(company, server, body, word):
    answer = httpx2.post(f"{server.url}/_sandbox/changes", content=body)

    assert answer.status_code == 400
    assert word in answer.json()["error"]
    assert company.version == 0


def test_stages_of_other_jobs_are_refused(company, server):
    application = open_applications(company)[0]
    foreign = next(one for one in company.stages.values() if one.job_id != application.job_id)
    wanted = {"action": "advance", "application_id": application.id, "stage_id": foreign.id}

    answer = httpx2.post(f"{server.url}/_sandbox/changes", json=wanted)

    assert answer.status_code == 400
    assert "another job" in answer.json()["error"]


def test_service_accounts_are_left_alone(company, server):
    robot = next(one.id for one in company.users.values() if one.is_service_account)

    for wanted in ({"action": "disable_user", "user_id": robot}, {"action": "reassign", "user_ids": [robot]}):
        answer = httpx2.post(f"{server.url}/_sandbox/changes", json=wanted)

        assert answer.status_code == 400
        assert "service account" in answer.json()["error"]


def test_nothing_left_to_pick_is_told(company, server):
    for interview in interviews_to_come(company):
        company.cancel(interview.id)

    answer = httpx2.post(f"{server.url}/_sandbox/changes", json={"action": "cancel"})

    assert answer.status_code == 400
    assert answer.json()["error"] == "There is no interview to come."


def test_faults_come_as_often_as_asked_for_where_asked_for(server):
    spoil(server, status=429, retry_after=2, times=2, path="/v3/users")

    answers = [httpx2.get(server.url + path) for path in ("/v3/applications", "/v3/users", "/v3/users", "/v3/users")]

    assert [answer.status_code for answer in answers] == [401, 429, 429, 401]
    assert answers[1].headers["Retry-After"] == "2"


def test_faults_are_shown_as_they_were_asked_for(server):
    spoil(server, status=429, retry_after=0, times=5, path="/v3/users")
    spoil(server, share=0.25, delay_seconds=3)

    shown = httpx2.get(f"{server.url}/_sandbox/faults").json()

    assert shown == {
        "queued": [{"status": 429, "retry_after": 0, "times": 5, "path": "/v3/users"}],
        "share": 0.25,
        "shared": [{"delay_seconds": 3}],
    }


def test_answers_can_be_made_late(server):
    spoil(server, delay_seconds=0.5)

    with pytest.raises(httpx2.ReadTimeout):
        httpx2.get(f"{server.url}/v3/users", timeout=0.1)


def test_connections_can_be_made_to_end(server):
    spoil(server, drop=True)

    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(f"{server.url}/v3/users")


def test_answers_can_get_lost_after_the_deed(server):
    spoil(server, drop=True, after_storing=True)

    (fault,) = httpx2.get(f"{server.url}/_sandbox/faults").json()["queued"]
    assert fault == {"drop": True, "after_storing": True, "path": "", "times": 1}
    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(f"{server.url}/v3/users")


def test_a_share_of_all_answers_is_a_mixture_unless_a_fault_is_named(server):
    mixture = spoil(server, share=0.1).json()["shared"]
    spoil(server, share=1, status=503)

    assert len(mixture) == 4
    assert {status_of(server) for _ in range(5)} == {503}


def test_faults_can_be_cleared(server):
    spoil(server, status=500, times=100)
    spoil(server, share=1)

    cleared = httpx2.delete(f"{server.url}/_sandbox/faults")

    assert cleared.json() == {"queued": [], "share": 0.0, "shared": []}
    assert status_of(server) == 401


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"times": 5},
        {"drop": False},
        {"delay_seconds": 0},
        {"status": 200},
        {"status": 430},  # which is none of the statuses of trouble
        {"status": 500, "drop": True},
        {"status": 500, "times": 0},
        {"status": 500, "path": "v3"},
        {"status": 500, "retry_after": -1},
        {"status": "500"},
        {"retry_after": 5},
        {"delay_seconds": "3"},
        {"drop": "yes"},
        {"after_storing": True},
        {"after_storing": True, "status": 429},
        {"share": 1.5},
        {"share": True},
        {"share": 0.5, "times": 3},
        {"sahre": 0.5},
    ],
)
def test_faults_that_make_no_sense_are_told(server, fault):
    answer = spoil(server, **fault)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert server.faults.queued() == []


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/changes"), ("POST", ""), ("DELETE", "/changes"), ("GET", "/x"), ("PUT", "/faults")]
)
def test_other_paths_are_told_what_there_is(server, method, path):
    answer = httpx2.request(method, f"{server.url}/_sandbox{path}")

    assert answer.status_code == 404
    assert "POST /_sandbox/changes" in answer.json()["error"]


def test_a_running_platform_says_where_it_is(company):
    with running("lever", company) as platform:
        counts = httpx2.get(platform.control_url).json()["counts"]
        answer = httpx2.get(f"{platform.base_url}/users", auth=(platform.credentials["api_key"], ""))

    assert counts["interviews"] == 120
    assert answer.status_code == 200
