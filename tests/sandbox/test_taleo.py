"""The simulated Taleo Business Edition, as strict as the real one."""

from datetime import UTC, datetime, timedelta
from itertools import chain

import httpx2
import pytest
import time_machine

from sandbox.company import build_company
from sandbox.platforms.taleo import TaleoSimulator
from sandbox.server import serve
from tests.connectors.taleo.samples import documented, load, rows

SERVICE = "/CH07/ats/api/v1"


@pytest.fixture
def company():
    return build_company(interviews=60)


@pytest.fixture
def simulator(company):
    return TaleoSimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def taleo(server, simulator):
    with httpx2.Client(base_url=server.url + SERVICE, headers={"Cookie": f"authToken={simulator.log_in()}"}) as client:
        yield client


def login_form(simulator, **changes):
    form = {"orgCode": simulator.company_code, "userName": simulator.username, "password": simulator.password}
    return form | changes


def walk(client, path):
    """Return the ids of interviews on each page."""
    pages = []
    while path:
        found = client.get(path).json()["response"]
        pages.append([row["interview"]["interviewId"] for row in found["searchResults"]])
        path = found["pagination"].get("next")
    return pages


def flat(pages):
    return list(chain.from_iterable(pages))


def message(answer):
    return answer.status_code, answer.json()["status"]["detail"].get("errormessage")


def test_dispatcher_knows_where_a_company_is(server, simulator):
    url = f"{server.url}{simulator.base_path}/serviceUrl"

    assert httpx2.get(f"{url}/ACMECO").json()["response"] == {"URL": server.url + SERVICE}
    assert httpx2.get(f"{url}/OTHER").status_code == 404


@pytest.mark.parametrize("place", ["data", "params"])
def test_login_takes_a_form_or_parameters(server, simulator, place):
    answer = httpx2.post(f"{server.url}{SERVICE}/login", **{place: login_form(simulator)})

    assert answer.json()["response"]["authToken"].startswith("webapi2-")
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"


@pytest.mark.parametrize("wrong", ["orgCode", "userName", "password"])
def test_login_refuses_wrong_credentials(server, simulator, wrong):
    answer = httpx2.post(f"{server.url}{SERVICE}/login", data=login_form(simulator, **{wrong: "wrong"}))

    assert (answer.status_code, answer.json()) == (401, load("error_401_login"))


def test_company_has_twenty_tokens(server, simulator):
    login = f"{server.url}{SERVICE}/login"
    for _ in range(20):
        token = httpx2.post(login, data=login_form(simulator)).json()["response"]["authToken"]

    answer = httpx2.post(login, data=login_form(simulator))
    assert (answer.status_code, answer.json()) == (500, load("error_500_too_many_tokens"))

    httpx2.post(f"{server.url}{SERVICE}/logout", headers={"Cookie": f"authToken={token}"})
    assert httpx2.post(login, data=login_form(simulator)).status_code == 200


def test_token_lives_four_hours(taleo, simulator):
    assert taleo.get("/object/info").status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=4), tick=False):
        status, text = message(taleo.get("/object/info"))

    assert status == 500
    assert text.endswith("is expired or invalid.")
    assert simulator.live_tokens == 1


def test_cookie_alone_proves_who_calls(server, simulator):
    answer = httpx2.get(f"{server.url}{SERVICE}/object/info", headers={"Authorization": simulator.log_in()})

    assert message(answer) == (500, "Login session for token null is expired or invalid.")


def test_token_is_dead_after_logout(taleo):
    taleo.post("/logout")

    assert taleo.post("/logout").status_code == 500


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/object/interview", 405),
        ("PUT", "/object/interview/1", 405),
        ("GET", "/logout", 405),
        ("GET", "/object/nothing/search", 404),
        ("GET", "/object/candidateapplication/search", 404),
        ("GET", "/object/user/0", 404),
        ("GET", "/object/candidate/0/interview", 404),
    ],
)
def test_what_there_is_not_is_refused(taleo, method, path, status):
    assert taleo.request(method, path).status_code == status


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("page=2", "page"),
        ("limit=5&limit=6", "limit"),
        ("start=0", "start"),
        ("start=", "start"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
        ("lastUpdated_from=01.11.2026", "lastUpdated_from"),
        ("lastUpdated_to=2026-02-30", "lastUpdated_to"),
        ("lastUpdated_from=2026-11-01T00:00:00Z", "lastUpdated_from"),
        ("addedWithin=week", "addedWithin"),
        ("searchId=1&start=1&limit=5&digicode=x", "searchId"),
    ],
)
def test_search_refuses_wrong_parameters(taleo, query, name):
    assert message(taleo.get(f"/object/interview/search?{query}")) == (400, f"Invalid search parameter : {name}")


def test_pages_hold_each_row_once(taleo, company):
    pages = walk(taleo, "/object/interview/search?limit=25")

    assert [len(page) for page in pages] == [25, 25, 10]
    assert sorted(flat(pages)) == sorted(company.interviews)


@pytest.mark.parametrize(("query", "number"), [("", 200), ("limit=501", 500), ("limit=0", 0), ("start=590", 11)])
def test_pages_have_a_limit(query, number):
    simulator = TaleoSimulator(build_company(interviews=600))
    with serve(simulator) as server:
        answer = httpx2.get(
            f"{server.url}{SERVICE}/object/interview/search?{query}",
            headers={"Cookie": f"authToken={simulator.log_in()}"},
        )

    found = answer.json()["response"]
    assert len(found["searchResults"]) == number
    assert found["pagination"]["total"] == 600


@pytest.mark.parametrize("changed", ["start", "limit", "digicode"])
def test_next_page_is_signed(taleo, changed):
    following = httpx2.URL(taleo.get("/object/interview/search?limit=25").json()["response"]["pagination"]["next"])

    answer = taleo.get(following.copy_set_param(changed, "7"))

    assert message(answer) == (400, "Invalid search parameter : digicode")


def test_search_stays_as_it_was_begun(taleo, company):
    following = taleo.get("/object/interview/search?limit=25").json()["response"]["pagination"]["next"]
    before = walk(taleo, following)
    company.delete(before[0][3])
    company.add_interview(
        application_id=next(iter(company.applications)),
        slot_id=next(iter(company.slots)),
        user_ids=[],
        starts_at=datetime.now(UTC),
    )

    assert flat(walk(taleo, following)) == [one for one in flat(before) if one != before[0][3]]


def test_search_filters_by_days_of_utc(taleo, company):
    interview = next(iter(company.interviews.values()))
    for number, one in enumerate(company.interviews.values()):
        one.updated_at = datetime(2026, 11, 1 if one is interview else 5 + number % 3, 23, 59, 59, tzinfo=UTC)
        for seat in one.seats:
            seat.updated_at = one.updated_at
    path = "/object/interview/search?limit=500"

    assert walk(taleo, f"{path}&lastUpdated_from=2026-11-01&lastUpdated_to=2026-11-01") == [[interview.id]]
    assert len(walk(taleo, f"{path}&lastUpdated_from=2026-11-02")[0]) == len(company.interviews) - 1
    assert walk(taleo, f"{path}&lastUpdated_to=2026-10-31") == [[]]


def test_search_filters_by_status_and_age(taleo, company):
    status = taleo.get("/object/candidate/search?status=3").json()["response"]["pagination"]["total"]
    age = taleo.get("/object/candidate/search?addedWithin=200").json()["response"]["pagination"]["total"]

    assert (status, age) == (0, len(company.candidates))


@pytest.mark.parametrize("query", ["", "?requisitionId=1&candidateId=1", "?id=1", "?requisitionId=x"])
def test_applications_are_of_one_candidate_or_requisition(taleo, query):
    assert taleo.get(f"/object/candidateapplication{query}").status_code == 400


def test_both_ways_to_applications_and_interviews_tell_the_same(taleo, company):
    def applications(key, ids):
        answers = [taleo.get("/object/candidateapplication", params={key: one}) for one in ids]
        rows = [row["candidateapplication"] for one in answers for row in one.json()["response"]["candToReqs"]]
        return {row["id"]: row for row in rows}

    def interviews(key, *paths):
        rows = chain.from_iterable(taleo.get(path).json()["response"][key] for path in paths)
        return {row["interview"]["interviewId"]: row["interview"] for row in rows}

    assert applications("requisitionId", company.jobs) == applications("candidateId", company.candidates)
    by_candidate = interviews("interviews", *(f"/object/candidate/{one}/interview" for one in company.candidates))
    assert by_candidate == interviews("searchResults", "/object/interview/search?limit=500")


def test_deleted_interview_is_not_available(taleo, company):
    interview_id = next(iter(company.interviews))
    company.delete(interview_id)

    assert message(taleo.get(f"/object/interview/{interview_id}")) == (
        404,
        f"Requested interview : {interview_id} is not available",
    )


def test_some_tenants_have_no_interview_search(taleo, simulator):
    simulator.has_interview_search = False
    answer = taleo.get("/object/interview/search?limit=0")

    assert (answer.status_code, answer.json()) == (404, load("error_404_no_interview_search"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("object/status/CAREQ", "status_CAREQ"),
        ("object/candidateapplication?requisitionId=902", "candidateapplication.requisition_902"),
        ("object/candidate/184005/interview", "candidate_interviews.184005"),
        ("object/interview/3001", "interview_3001"),
        ("object/interview/3099", "error_404_interview"),
        ("object/user/search?page=2", "error_400_parameter"),
    ],
)
def test_documented_rows_are_answered_as_documented(path, name):
    simulator = documented()
    with serve(simulator) as server:
        answer = httpx2.get(f"{server.url}{SERVICE}/{path}", headers={"Cookie": f"authToken={simulator.log_in()}"})

    assert answer.json() == load(name)


def test_documented_searches_are_answered_as_documented():
    simulator = documented()
    with serve(simulator) as server:
        answer = httpx2.get(
            f"{server.url}{SERVICE}/object/interview/search?limit=3",
            headers={"Cookie": f"authToken={simulator.log_in()}"},
        )

    found = answer.json()["response"]
    assert [row["interview"] for row in found["searchResults"]] == rows("interview_search", "interview")
    assert found["pagination"].keys() == load("interview_search")["response"]["pagination"].keys()
    assert found["pagination"]["total"] == 5
