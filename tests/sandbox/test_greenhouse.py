"""The simulated Greenhouse, as strict as the real one."""

from base64 import b64encode
from datetime import UTC, datetime
from itertools import chain

import httpx2
import pytest
import time_machine

from sandbox.company import build_company
from sandbox.platforms.greenhouse import GreenhouseSimulator
from sandbox.server import serve
from tests.connectors.greenhouse.samples import load


@pytest.fixture
def company():
    return build_company(interviews=60)


@pytest.fixture
def simulator(company):
    return GreenhouseSimulator(company, requests_per_window=500)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def token(server, simulator):
    def token(**form):
        return httpx2.post(
            f"{server.url}/token",
            auth=(simulator.client_id, simulator.client_secret),
            data={"grant_type": "client_credentials"} | form,
        )

    return token


@pytest.fixture
def v3(server, token):
    with httpx2.Client(
        base_url=f"{server.url}/v3", headers={"Authorization": f"Bearer {token().json()['access_token']}"}
    ) as client:
        yield client


@pytest.fixture
def v1(server, simulator):
    with httpx2.Client(base_url=f"{server.url}/v1", auth=(simulator.api_key, "")) as client:
        yield client


def flat(pages):
    return list(chain.from_iterable(pages))


def walk(client, path):
    """Return the ids of each page."""
    ids = []
    while path:
        answer = client.get(path)
        ids.append([row["id"] for row in answer.json()])
        path = answer.links.get("next", {}).get("url")
    return ids


def test_token_is_for_basic_credentials_only(server):
    answer = httpx2.post(f"{server.url}/token", auth=("a", "b"), data={"grant_type": "client_credentials"})

    assert (answer.status_code, answer.json()) == (401, load("v3_token_error_401"))


@pytest.mark.parametrize(
    ("form", "error"), [({"grant_type": "password"}, "unsupported_grant_type"), ({"sub": "1"}, "invalid_request")]
)
def test_token_refuses_wrong_forms(token, form, error):
    answer = token(**form)

    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_token_lasts_an_hour(v3):
    assert v3.get("/users").status_code == 200
    with time_machine.travel(datetime.now(UTC).timestamp() + 3601, tick=False):
        answer = v3.get("/users")

    assert (answer.status_code, answer.json()) == (401, load("v3_error_401"))


def test_router_comes_before_authentication(server):
    unknown, known = httpx2.get(f"{server.url}/v3/interview"), httpx2.get(f"{server.url}/v3/interviews")

    assert (unknown.status_code, unknown.json()) == (404, load("v3_error_404"))
    assert (known.status_code, known.json()) == (401, load("v3_error_401"))


def test_only_site_admins_read(server, token, company):
    user_id = next(user.id for user in company.users.values() if not user.is_admin)
    bearer = {"Authorization": f"Bearer {token(sub=str(user_id)).json()['access_token']}"}

    answer = httpx2.get(f"{server.url}/v3/users", headers=bearer)

    assert (answer.status_code, answer.json()) == (403, load("v3_error_403"))


def test_v3_pages_go_down_and_hold_each_row_once(v3, company):
    pages = walk(v3, "/interviews?per_page=25")

    assert [len(page) for page in pages] == [25, 25, 10]
    assert flat(pages) == sorted(company.interviews, reverse=True)


def test_v3_cursor_remembers_the_filters(v3, company):
    jobs = ",".join(str(job_id) for job_id in list(company.jobs)[:1])

    pages = walk(v3, f"/interviews?per_page=5&job_ids={jobs}")

    assert {company.interviews[interview_id].job_id for interview_id in flat(pages)} == {int(jobs)}


def test_v3_cursor_stands_alone(v3):
    cursor = v3.get("/interviews?per_page=5").links["next"]["url"]

    answer = v3.get(f"{cursor}&per_page=5")

    assert (answer.status_code, answer.json()) == (422, load("v3_error_422_cursor"))


@pytest.mark.parametrize(
    "query",
    [
        "per_page=0",
        "per_page=501",
        "per_page=x",
        "page=2",
        "updated_after=2026-01-01",
        "ids=1&ids=2",
        "ids=1,x",
        f"ids={','.join(['1'] * 51)}",
        "updated_at=2026-01-01T00:00:00Z",
        "updated_at=gte|yesterday",
        "updated_at=above|2026-01-01T00:00:00Z",
        "updated_at=gte|2026-01-01T00:00:00Z&created_at=gte|2026-01-01T00:00:00Z",
        "status=unheard_of",
        "show_service_accounts=true",
        "cursor=x",
    ],
)
def test_v3_refuses_parameters_that_are_wrong(v3, query):
    answer = v3.get(f"/interviews?{query}")

    assert answer.status_code == 422
    assert answer.json()["errors"]


@pytest.mark.parametrize("separator", ["|", "%7C"])
def test_v3_filters_by_time(v3, company, separator):
    moments = sorted(one.updated_at for one in company.interviews.values())
    low, high = (
        moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") for moment in (moments[20], moments[40])
    )
    window = separator.join(("gte", low, "lt", high))

    found = {row["updated_at"] for row in v3.get(f"/interviews?updated_at={window}").json()}

    assert found
    assert all(low <= updated_at < high for updated_at in found)


def test_v3_finds_panels_by_interview(v3, company):
    interview = max(company.interviews.values(), key=lambda one: len(one.seats))

    rows = v3.get(f"/interviewers?interview_ids={interview.id}").json()

    assert [row["id"] for row in rows] == [seat.id for seat in reversed(interview.seats)]


def test_v3_hides_service_accounts_and_built_in_reasons_unless_asked(v3, company):
    assert len(v3.get("/users").json()) == len(company.users) - 1
    assert len(v3.get("/users?show_service_accounts=true").json()) == len(company.users)
    assert len(v3.get("/rejection_reasons").json()) == 3
    assert len(v3.get("/rejection_reasons?include_defaults=true").json()) == 6


def test_v3_spells_active_applications_in_another_way_than_it_filters(v3):
    assert {row["status"] for row in v3.get("/applications?status=active").json()} == {"in_process"}


@pytest.mark.parametrize(
    "listing",
    [
        "users?show_service_accounts=true",
        "job_interview_stages",
        "job_interviews",
        "sources",
        "referrers",
        "rejection_reasons?include_defaults=true",
        "applications",
        "interviews",
        "interviewers",
    ],
)
def test_v3_rows_have_the_documented_keys(v3, listing):
    (row, *_) = v3.get(f"/{listing}").json()

    assert row.keys() <= load(f"v3_{listing.partition('?')[0]}")[0].keys() | {"type"}
    assert row.keys() >= load(f"v3_{listing.partition('?')[0]}")[0].keys() - {"type"}


@pytest.mark.parametrize("listing", ["users", "job_stages", "applications", "scheduled_interviews"])
def test_v1_rows_have_the_documented_keys(v1, listing):
    (row, *_) = v1.get(f"/{listing}").json()

    assert row.keys() == load(f"v1_{listing}")[0].keys()


def test_rate_limit_is_told_and_kept(company):
    simulator = GreenhouseSimulator(company, requests_per_window=2)
    with serve(simulator) as server, time_machine.travel("2026-11-23T09:00:10Z", tick=False):
        key = b64encode(f"{simulator.api_key}:".encode()).decode()
        answers = [httpx2.get(f"{server.url}/v1/users", headers={"Authorization": f"Basic {key}"}) for _ in range(3)]

    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert (answers[2].status_code, answers[2].json()) == (429, load("v3_error_429"))
    assert answers[2].headers["Retry-After"] == "10"


def test_v1_needs_its_key(server):
    answer = httpx2.get(f"{server.url}/v1/users", auth=("wrong", ""))

    assert (answer.status_code, answer.json()) == (401, load("v1_error_401"))


def test_v1_pages_rise_and_keep_their_parameters(v1, company):
    first = v1.get("/scheduled_interviews?per_page=25&skip_count=true")

    assert first.links.keys() == {"next"}
    assert "skip_count=true" in first.links["next"]["url"]
    assert flat(walk(v1, "/scheduled_interviews?per_page=25&skip_count=true")) == sorted(company.interviews)


def test_v1_counts_pages_unless_told_not_to(v1):
    answer = v1.get("/scheduled_interviews?per_page=25&page=2")

    assert answer.links.keys() == {"next", "prev", "last"}
    assert answer.links["last"]["url"].endswith("page=3")


def test_v1_after_is_inclusive_and_before_is_not(v1):
    moment = v1.get("/scheduled_interviews").json()[7]["updated_at"]

    after = {row["updated_at"] for row in v1.get(f"/scheduled_interviews?updated_after={moment}").json()}
    before = {row["updated_at"] for row in v1.get(f"/scheduled_interviews?updated_before={moment}").json()}

    assert moment == min(after)
    assert moment not in before


def test_v1_refuses_what_it_does_not_know(v1):
    answer = v1.get("/applications?updated_after=2026-01-01T00:00:00Z")

    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"message": "is not a parameter of this endpoint", "field": "updated_after"}]


def test_v1_gives_single_rows_and_the_interviews_of_an_application(v1):
    interview = v1.get("/scheduled_interviews").json()[0]

    assert v1.get(f"/scheduled_interviews/{interview['id']}").json() == interview
    assert interview in v1.get(f"/applications/{interview['application_id']}/scheduled_interviews").json()
    assert v1.get("/users/1").json() == load("v1_error_404")
