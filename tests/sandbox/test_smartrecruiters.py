"""The simulated SmartRecruiters, as strict as the real one."""

from threading import Event, Thread

import httpx2
import pytest
import time_machine

from sandbox.company import build_company
from sandbox.platforms.smartrecruiters import SmartRecruitersSimulator
from sandbox.platforms.smartrecruiters.rows import uuid
from sandbox.server import serve
from tests.connectors.smartrecruiters.samples import (
    DMITRI,
    ENGINEER,
    IN_INTERVIEW,
    STORE_MANAGER,
    documented,
    load,
)

USERS, INTERVIEWS = "/user-api/v201804/users", "/interviews-api/v201904/interviews"
JOB_APPLICATIONS = "/job-applications-api/v202112/job-applications"


@pytest.fixture
def company():
    return build_company(interviews=60)


@pytest.fixture
def simulator(company):
    return SmartRecruitersSimulator(company)


@pytest.fixture
def get(simulator):
    with serve(simulator) as server, _client(server) as client:
        yield client.get


@pytest.fixture
def get_documented():
    with serve(documented()) as server, _client(server) as client:
        yield client.get


def _client(server):
    return httpx2.Client(base_url=server.url, headers={"X-SmartToken": SmartRecruitersSimulator.api_key})


def walk(get, path, **params):
    """Return the ids of each page."""
    pages, page_id = [], None
    while page_id is not None or not pages:
        page = get(path, params=params | ({"pageId": page_id} if page_id else {})).json()
        pages.append([row["id"] for row in page["content"]])
        page_id = page.get("nextPageId")
    return pages


@pytest.mark.parametrize("headers", [{}, {"X-SmartToken": "wrong"}, {"Authorization": "Bearer sandbox-smart-token"}])
def test_the_key_is_needed(simulator, headers):
    with serve(simulator) as server:
        answer = httpx2.get(f"{server.url}/candidates", headers=headers)

    assert (answer.status_code, answer.json()) == (401, load("error_401"))


@pytest.mark.parametrize(
    "path", ["/jobs", "/interviews-api/v201904/interviews/x/y", "/user-api/v201805/users", USERS + "/1"]
)
def test_unknown_paths_and_records_are_not_found(get, path):
    answer = get(path)

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_nothing_can_be_written(simulator, method):
    with serve(simulator) as server, _client(server) as client:
        answer = client.request(method, INTERVIEWS)

    assert (answer.status_code, answer.json()) == (403, load("error_403"))


# Pages


@pytest.mark.parametrize("path", ["/candidates", USERS])
def test_pages_hold_each_row_once(get, company, path):
    pages = walk(get, path, limit=5)

    ids = [one for page in pages for one in page]
    listed = company.applications if path == "/candidates" else [one for one in company.users.values() if one.email]
    assert {len(page) for page in pages[:-1]} == {5}
    assert len(ids) == len(set(ids)) == len(listed)


def test_page_sizes_differ_where_none_is_asked_for(get):
    assert get("/candidates").json()["limit"] == 10
    assert get(USERS).json()["limit"] == 100


def test_last_page_names_no_next_one(get, company):
    answer = get("/candidates", params={"limit": 100})

    assert answer.json()["totalFound"] == len(answer.json()["content"]) == len(company.applications)
    assert "nextPageId" not in answer.json()
    assert "Link" not in answer.headers


def test_next_page_of_candidates_is_linked_without_a_host(get):
    answer = get("/candidates", params={"limit": 5})

    link = answer.headers["Link"]
    assert link.startswith("</candidates?limit=5&pageId=")
    assert link.endswith('>; rel="next"')
    assert answer.json()["nextPageId"] not in link  # it has to be escaped


def test_limit_out_of_bounds_is_refused_in_the_documented_words(get):
    answer = get("/candidates", params={"limit": 101})

    assert (answer.status_code, answer.json()) == (400, load("error_400"))


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=ten",
        "offset=10",
        "limit=5&limit=5",
        "status=NEW",
        "pageId=x",
        "updatedAfter=yesterday",
        "updatedAfter=2026-11-01T10:00:00",
    ],
)
@pytest.mark.parametrize("path", ["/candidates", USERS])
def test_parameters_that_are_wrong_are_refused(get, path, query):
    answer = get(f"{path}?{query}")

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "INVALID_PARAMETER")


@pytest.mark.parametrize(
    "changed", [{"limit": 6}, {"updatedAfter": "2020-01-02T00:00:00Z"}, {"limit": 5, "updatedAfter": None}]
)
def test_page_id_goes_with_the_limit_and_the_filter_it_was_given_for(get, changed):
    params = {"limit": 5, "updatedAfter": "2020-01-01T00:00:00Z"}
    page_id = get("/candidates", params=params).json()["nextPageId"]
    params = {name: value for name, value in {**params, **changed}.items() if value is not None}

    assert get("/candidates", params={**params, "pageId": page_id}).status_code == 400


@pytest.mark.parametrize("path", ["/candidates", USERS])
def test_updated_after_is_exclusive(get, path):
    rows = sorted(get(path, params={"limit": 100}).json()["content"], key=lambda row: row["updatedOn"])
    middle = rows[len(rows) // 2]["updatedOn"]

    found = get(path, params={"limit": 100, "updatedAfter": middle}).json()["content"]

    assert {row["id"] for row in found} == {row["id"] for row in rows if row["updatedOn"] > middle}


def test_planning_an_interview_does_not_move_the_candidate(get, company):
    before = get("/candidates", params={"limit": 100}).json()
    company.cancel(next(iter(company.interviews)))

    assert get("/candidates", params={"limit": 100}).json() == before


# One application


def test_interviews_take_an_application(get):
    assert get(INTERVIEWS).status_code == 400
    assert get(INTERVIEWS, params={"applicationId": ""}).status_code == 400
    assert get(INTERVIEWS, params={"applicationId": "unknown"}).status_code == 404
    assert get(INTERVIEWS, params={"applicationId": IN_INTERVIEW, "limit": 10}).status_code == 400


@pytest.mark.parametrize("suffix", ["", "/status/history"])
def test_candidates_are_assigned_to_some_jobs_only(get_documented, suffix):
    answer = get_documented(f"/candidates/{DMITRI}/jobs/{STORE_MANAGER}{suffix}")

    assert (answer.status_code, answer.json()) == (404, load("error_404"))


def test_documented_payloads_are_served_as_they_are(get_documented):
    path = f"/candidates/{DMITRI}/jobs/{ENGINEER}"

    assert get_documented(path).json() == load("candidate_application")
    assert get_documented(f"{path}/status/history").json() == load("status_history")
    assert get_documented(INTERVIEWS, params={"applicationId": IN_INTERVIEW}).json() == load("interviews")
    assert get_documented("/configuration/hiring-processes").json() == load("hiring_processes")
    assert get_documented(f"{JOB_APPLICATIONS}/{IN_INTERVIEW}").json() == load("job_application")


def test_rows_have_documented_keys(get, company):
    candidate = get("/candidates").json()["content"][0]
    application_id = uuid("application", next(iter(company.interviews.values())).application_id)
    interview = get(INTERVIEWS, params={"applicationId": application_id}).json()["content"][0]
    job_application = get(f"{JOB_APPLICATIONS}/{application_id}").json()

    assert candidate.keys() <= load("candidates")["content"][0].keys()
    assert get(USERS).json()["content"][0].keys() <= load("users")["content"][0].keys()
    assert interview.keys() <= load("interviews")["content"][0].keys()
    assert job_application.keys() <= load("job_application").keys()


def test_cancelled_interviews_vanish(get, company):
    interview = next(iter(company.interviews.values()))
    application_id = uuid("application", interview.application_id)
    company.cancel(interview.id)

    rows = get(INTERVIEWS, params={"applicationId": application_id}).json()["content"]

    assert uuid("interview", interview.id) not in {row["id"] for row in rows}


def test_deleted_candidates_vanish(get, company):
    application = next(iter(company.applications.values()))
    candidate_id, job_id = uuid("candidate", application.candidate_id), uuid("job", application.job_id)
    company.delete_application(application.id)

    assert candidate_id not in [one for page in walk(get, "/candidates", limit=100) for one in page]
    assert get(f"/candidates/{candidate_id}").status_code == 404
    assert get(f"/candidates/{candidate_id}/jobs/{job_id}").status_code == 404
    assert get(INTERVIEWS, params={"applicationId": uuid("application", application.id)}).status_code == 404


def test_single_rows_are_those_of_the_listings(get):
    for path in (USERS, "/candidates", "/configuration/hiring-processes"):
        row = get(path).json()["content"][0]

        assert get(f"{path}/{row['id']}").json() == row


def test_denied_paths_are_forbidden_and_the_others_are_not(get, simulator):
    simulator.denied = {"processes"}

    answer = get("/configuration/hiring-processes")

    assert (answer.status_code, answer.json()) == (403, load("error_403"))
    assert get(USERS).status_code == 200


# Limits


def test_rate_limit_is_told_and_kept(company):
    simulator = SmartRecruitersSimulator(company, requests_per_second=2)

    with serve(simulator) as server, _client(server) as client, time_machine.travel("2026-11-23T09:00:10Z", tick=False):
        answers = [client.get(USERS) for _ in range(3)]

    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[0].headers["X-RateLimit-Concurrent-Limit"] == "8"
    assert (answers[2].status_code, answers[2].json()) == (429, load("error_429"))
    assert "Retry-After" not in answers[2].headers


@pytest.mark.parametrize(("path", "allowed"), [("/candidates", 1), (USERS, 8)])
def test_only_so_many_requests_are_answered_at_a_time(simulator, path, allowed):
    with serve(simulator) as server:
        statuses = []
        answered = Event()

        def ask():
            with _client(server) as client:
                statuses.append(client.get(path).status_code)
            answered.set()

        threads = [Thread(target=ask) for _ in range(allowed + 1)]
        with simulator.lock:  # so that nobody gets an answer, save the one too many
            for thread in threads:
                thread.start()
            answered.wait(10)
        for thread in threads:
            thread.join()

    assert statuses == [429, *[200] * allowed]
