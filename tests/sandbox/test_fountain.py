"""The simulated Fountain, as strict as the real one."""

from datetime import UTC, datetime
from itertools import chain

import httpx2
import pytest
import time_machine

from sandbox.company import InterviewState, build_company
from sandbox.platforms.fountain import FountainSimulator
from sandbox.platforms.fountain.rows import fountain_id
from sandbox.server import rate_limited, serve
from tests.connectors.fountain.samples import DRIVER, REJECTED, documented, load

KEY = {"X-ACCESS-TOKEN": FountainSimulator.api_key}


@pytest.fixture
def company():
    return build_company(interviews=200)


@pytest.fixture
def simulator(company):
    return FountainSimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def api(server):
    with httpx2.Client(base_url=f"{server.url}/v2", headers=KEY) as client:
        yield client


@pytest.fixture
def documented_api():
    with serve(documented()) as server, httpx2.Client(base_url=f"{server.url}/v2", headers=KEY) as client:
        yield client


@pytest.fixture
def opening(company):
    """The id of the opening with the most interviews."""
    jobs = [interview.job_id for interview in company.interviews.values()]
    return fountain_id("funnel", max(company.jobs, key=jobs.count))


def walk(client, listing, **params):
    """Return the ids of each page, until a page names itself as the next."""
    pages = []
    while True:
        body = client.get(f"/{listing}", params=params).json()
        pages.append([row["id"] for row in body[listing]])
        if body["pagination"]["next_cursor"] == body["pagination"]["current_cursor"]:
            return pages
        params["cursor"] = body["pagination"]["next_cursor"]


def flat(pages):
    return list(chain.from_iterable(pages))


@pytest.mark.parametrize(
    "headers", [{}, {"X-ACCESS-TOKEN": "wrong"}, {"Authorization": f"Bearer {FountainSimulator.api_key}"}]
)
def test_key_belongs_in_its_own_header(server, headers):
    answer = httpx2.get(f"{server.url}/v2/users", headers=headers)

    assert (answer.status_code, answer.json()) == (401, load("error_401"))


def test_key_does_not_belong_in_the_query(server):
    assert httpx2.get(f"{server.url}/v2/users?api_token={FountainSimulator.api_key}").status_code == 401


@pytest.mark.parametrize("path", ["/v2/user", "/v1/users", "/users", "/v2/applicants/1", "/v2/sessions?funnel_id=1"])
def test_unknown_paths_and_records_are_not_found(server, path):
    answer = httpx2.get(server.url + path, headers=KEY)

    assert (answer.status_code, answer.json()) == (404, load("error_404"))


def test_nothing_is_written(api):
    assert api.post("/available_slots", json={}).status_code == 404


def test_slots_are_listed_by_opening_only(api):
    answer = api.get("/sessions?per_page=100")

    assert (answer.status_code, answer.json()) == (422, load("error_422"))


@pytest.mark.parametrize(
    "query",
    ["updated_at[gt]=yesterday", "updated_at%5Blt%5D=", "cursor=x", "cursor=NQ=="],
)
def test_parameters_that_are_wrong_are_refused(api, query):
    assert api.get(f"/applicants?{query}").status_code == 422


def test_pages_of_slots_are_capped_and_cursors_are_not(api, opening):
    assert api.get(f"/sessions?funnel_id={opening}&page=100").status_code == 200
    assert api.get(f"/sessions?funnel_id={opening}&page=101").status_code == 422


@pytest.mark.parametrize("changed", [{"updated_at[gt]": "2026-01-01T00:00:00"}, {"stage_id": "s1"}])
def test_cursor_is_of_one_list_and_filter(api, opening, changed):
    cursor = api.get("/applicants?per_page=5").json()["pagination"]["next_cursor"]

    assert api.get("/applicants", params={"cursor": cursor} | changed).status_code == 422
    assert api.get("/sessions", params={"cursor": cursor, "funnel_id": opening}).status_code == 422


def test_cursors_lead_to_each_applicant_once(api, company):
    pages = walk(api, "applicants", per_page=10)

    assert {len(page) for page in pages[:-1]} == {10}
    assert sorted(flat(pages)) == sorted(fountain_id("applicant", one) for one in company.applications)


def test_applicant_who_is_deleted_meanwhile_moves_nobody_to_another_page(api, company):
    first = api.get("/applicants?per_page=10").json()
    company.delete_application(min(company.applications))

    second = api.get("/applicants", params={"per_page": 10, "cursor": first["pagination"]["next_cursor"]}).json()

    assert second["applicants"][0]["id"] == fountain_id("applicant", sorted(company.applications)[9])


def test_slots_can_be_read_by_page_and_by_cursor(api, opening):
    pages = walk(api, "sessions", funnel_id=opening)

    by_page = [
        [row["id"] for row in api.get(f"/sessions?funnel_id={opening}&page={number}").json()["sessions"]]
        for number in range(1, len(pages) + 1)
    ]
    assert len(pages) > 1
    assert by_page == pages


@pytest.mark.parametrize(("per_page", "expected"), [("", 25), ("x", 25), ("0", 25), ("7", 7), ("1000", 100)])
def test_page_size_is_cut_to_what_is_allowed(per_page, expected):
    simulator = FountainSimulator(build_company(interviews=400))
    with serve(simulator) as server:
        answer = httpx2.get(f"{server.url}/v2/applicants", params={"per_page": per_page}, headers=KEY)

    assert len(answer.json()["applicants"]) == expected


def test_openings_are_counted_in_pages(api, company):
    pages = [api.get(f"/funnels?per_page=2&page={number}").json() for number in (1, 2, 3)]

    assert [page["pagination"] for page in pages] == [{"current": number, "last": 3} for number in (1, 2, 3)]
    assert [row["title"] for page in pages for row in page["funnels"]] == [job.title for job in company.jobs.values()]


def test_only_what_changed_after_a_time_is_listed(api, company):
    application = next(iter(company.applications.values()))
    company.advance(application.id, application.moves[0].stage_id)
    moment = application.updated_at.replace(microsecond=application.updated_at.microsecond // 1000 * 1000)

    def changed(**params):
        return [row["id"] for row in api.get("/applicants", params=params).json()["applicants"]]

    assert changed(**{"updated_at[gt]": moment.strftime("%Y-%m-%dT%H:%M:%S")}) == [
        fountain_id("applicant", application.id)
    ]
    assert changed(**{"updated_at[gt]": moment.isoformat()}) == []


def test_bookings_do_not_touch_the_applicant(api, company):
    interview = next(iter(company.interviews.values()))
    before = api.get(f"/applicants/{fountain_id('applicant', interview.application_id)}").json()
    company.reschedule(interview.id, datetime(2027, 3, 1, tzinfo=UTC))

    after = api.get(f"/applicants/{fountain_id('applicant', interview.application_id)}").json()

    assert after == before


def test_cancelled_booking_leaves_a_slot_that_is_shown_only_if_asked_for(api, company):
    interview = next(one for one in company.interviews.values() if one.state is not InterviewState.PLACEHOLDER)
    opening = fountain_id("funnel", interview.job_id)
    company.cancel(interview.id)

    booked = flat(walk(api, "sessions", funnel_id=opening))
    everything = flat(walk(api, "sessions", funnel_id=opening, with_unbooked="true"))

    assert set(everything) - set(booked) == {interview.id}


def test_slot_of_two_openings_is_listed_in_both(api, company):
    lists = [flat(walk(api, "sessions", funnel_id=fountain_id("funnel", job_id))) for job_id in company.jobs]

    shared = {one for one in flat(lists) if flat(lists).count(one) == 2}
    assert shared
    assert all(slot_id % 7 == 0 for slot_id in shared)


def test_slots_can_be_listed_by_stage(documented_api):
    sessions = documented_api.get(f"/sessions?funnel_id={DRIVER}&stage_id={REJECTED}").json()["sessions"]

    assert sessions == []


def test_disabled_users_leave_the_list(api, company):
    user = next(one for one in company.users.values() if not one.is_disabled)
    company.disable_user(user.id)

    assert fountain_id("user", user.id) not in {row["id"] for row in api.get("/users").json()["users"]}


def test_rejected_applicants_stand_in_a_stage_for_that(api, company):
    application = next(one for one in company.applications.values() if one.rejected_at)

    applicant = api.get(f"/applicants/{fountain_id('applicant', application.id)}").json()

    stage = api.get(f"/stages/{applicant['stage']['id']}").json()
    assert stage["type"] == "RejectedStage"
    assert stage in api.get(f"/funnels/{applicant['funnel']['id']}/stages").json()["stages"]
    assert applicant["rejection_reason"] == company.reject_reasons[application.reject_reason_id].name


@pytest.mark.parametrize(
    ("listing", "params"),
    [("users", {}), ("funnels", {}), ("applicants", {}), ("sessions", {"funnel_id": DRIVER, "with_unbooked": "true"})],
)
def test_rows_have_the_documented_keys(api, opening, listing, params):
    if params:
        params = params | {"funnel_id": opening}

    body = api.get(f"/{listing}", params=params).json()

    assert body.keys() == load(listing).keys()
    assert body.get("pagination", {}).keys() == load(listing).get("pagination", {}).keys()
    assert max(body[listing], key=len).keys() == load(listing)[listing][0].keys()


def test_stages_of_one_opening_are_as_documented(documented_api):
    assert documented_api.get(f"/funnels/{DRIVER}/stages").json() == load("funnel_stages")


def test_lists_can_be_denied(api, simulator):
    simulator.denied_lists = {"users"}

    assert api.get("/users").status_code == 403


def test_rate_limit_is_told_and_kept(company):
    simulator = FountainSimulator(company, requests_per_minute=2)
    with serve(simulator) as server, time_machine.travel("2026-11-23T09:00:10Z", tick=False):
        answers = [httpx2.get(f"{server.url}/v2/users", headers=KEY) for _ in range(3)]

    assert [answer.headers["X-Api-Ratelimit-Limit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert (answers[2].status_code, answers[2].json()) == (429, load("error_429"))
    end = datetime.fromtimestamp(int(answers[2].headers["X-Api-Ratelimit-Reset"]), UTC)
    assert end == datetime(2026, 11, 23, 9, 1, tzinfo=UTC)


def test_rate_limit_on_demand_ends_when_told(server):
    server.faults.queue(rate_limited(retry_after_seconds=30))
    with time_machine.travel("2026-11-23T09:00:10Z", tick=False):
        answer = httpx2.get(f"{server.url}/v2/users", headers=KEY)

    assert answer.json() == load("error_429")
    end = datetime.fromtimestamp(int(answer.headers["X-Api-Ratelimit-Reset"]), UTC)
    assert end == datetime(2026, 11, 23, 9, 0, 40, tzinfo=UTC)
