"""The simulated Greenhouse, as strict as the real one."""

from base64 import b64encode
from datetime import UTC, datetime
from functools import partial
from itertools import chain

import httpx2
import pytest
import time_machine

from sandbox.changes import interviews_to_come, open_applications, people
from sandbox.company import InterviewState, build_company
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


# Writing


@pytest.fixture
def v2(server, simulator, company):
    """Return a function that makes a call with a method and a path, in somebody's name."""
    return partial(
        httpx2.request,
        auth=(simulator.api_key, ""),
        headers={"On-Behalf-Of": str(people(company)[0].id)},
    )


@pytest.fixture
def body(company):
    """Return what creating an interview with v3 takes."""
    application = open_applications(company)[0]
    slot = next(one for one in company.slots.values() if one.job_id == application.job_id and one.is_active)
    return {
        "application_id": application.id,
        "job_interview_id": slot.id,
        "interviewers": [{"user_id": people(company)[1].id, "response_status": "needs_action"}],
        "starts_at": "2036-03-03T09:30:00Z",
        "ends_at": "2036-03-03T10:30:00Z",
        "external_event_id": "mine",
    }


def as_v2(body):
    names = {"job_interview_id": "interview_id", "starts_at": "start", "ends_at": "end"}
    return {names.get(name, name): value for name, value in body.items()}


def test_v3_lists_what_was_created(v3, body):
    answer = v3.post("/interviews", json=body)

    row = answer.json()
    assert answer.status_code == 201
    assert row.keys() == load("v3_interview_create_response").keys()
    assert v3.get(f"/interviews?external_event_id={body['external_event_id']}").json() == [row]
    (seat,) = v3.get(f"/interviewers?interview_ids={row['id']}").json()
    assert seat["user_id"] == body["interviewers"][0]["user_id"]


def test_v2_answers_with_the_record_that_v1_lists(v1, v2, server, company, body):
    answer = v2("POST", f"{server.url}/v2/scheduled_interviews", json=as_v2(body))

    row = answer.json()
    assert answer.status_code == 201
    assert row.keys() == load("v2_scheduled_interview_create_response").keys()
    assert row["organizer"]["id"] == people(company)[0].id
    assert v1.get(f"/scheduled_interviews/{row['id']}").json() == row


def test_v3_says_all_that_is_wrong(v3, body):
    v3.post("/interviews", json=body)

    answer = v3.post("/interviews", json={**body, "ends_at": body["starts_at"]})

    assert (answer.status_code, answer.json()) == (422, load("v3_interview_create_error_422"))


def test_v2_says_all_that_is_wrong(v2, server, body):
    wrong = {**as_v2(body), "end": body["starts_at"], "external_event_id": None}

    answer = v2("POST", f"{server.url}/v2/scheduled_interviews", json=wrong)

    errors = load("v1_error_422")["errors"]
    assert (answer.status_code, answer.json()["message"]) == (422, "Validation error")
    assert sorted(answer.json()["errors"], key=str) == sorted(errors, key=str)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"application_id": "x"}, "application_id"),
        ({"job_interview_id": 1}, "job_interview_id"),
        ({"interviewers": []}, "interviewers"),
        ({"interviewers": [{"user_id": 1, "response_status": "accepted"}]}, "interviewers"),
        ({"interviewers": [{"user_id": [], "response_status": "accepted"}]}, "interviewers"),
        ({"interviewers": [{"email": "a@example.net", "response_status": "perhaps"}]}, "interviewers"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"ends_at": None}, "ends_at"),
        ({"location": 7}, "location"),
        ({"organizer_id": 1}, "organizer_id"),
        ({"status": "scheduled"}, "status"),
    ],
)
def test_v3_refuses_what_no_interview_can_be(v3, company, body, change, field):
    answer = v3.post("/interviews", json=body | change)

    assert answer.status_code == 422
    assert answer.json()["errors"][0].startswith(f"{field} ")
    assert len(company.interviews) == 60


@pytest.mark.parametrize("content", [b"", b"x", b"[]"])
def test_v3_refuses_what_is_no_object(v3, content):
    assert v3.post("/interviews", content=content).status_code == 422


def test_v3_refuses_an_application_that_is_over(v3, company, body):
    company.reject(body["application_id"], next(iter(company.reject_reasons)))

    assert v3.post("/interviews", json=body).json() == {"errors": ["application_id must be of an active application."]}


def test_v3_does_not_know_an_application_that_is_not_there(v3, body):
    answer = v3.post("/interviews", json={**body, "application_id": 1})

    assert (answer.status_code, answer.json()) == (404, load("v3_error_404"))


def test_v3_writes_take_a_scope_and_no_site_admin(v3, simulator, token, company, body):
    user_id = next(user.id for user in company.users.values() if not user.is_admin)
    bearer = {"Authorization": f"Bearer {token(sub=str(user_id)).json()['access_token']}"}

    created = v3.post("/interviews", json=body, headers=bearer)
    simulator.denied_scopes.add("harvest:interviews:delete")

    assert created.json()["organizer_id"] == user_id
    assert v3.delete(f"/interviews/{created.json()['id']}").status_code == 403


@pytest.mark.parametrize("user", [None, "1", "x"])
def test_v2_wants_to_know_who_acts(server, simulator, body, user):
    headers = {"On-Behalf-Of": user} if user else {}

    answer = httpx2.post(
        f"{server.url}/v2/scheduled_interviews", json=as_v2(body), auth=(simulator.api_key, ""), headers=headers
    )

    assert (answer.status_code, answer.json()) == (403, load("v1_error_403_on_behalf_of"))


def test_v3_replaces_panels_as_a_whole(v3, company):
    interview = next(one for one in interviews_to_come(company) if one.seats)
    user = next(one for one in people(company) if one.id not in {seat.user_id for seat in interview.seats})
    panel = [
        {"user_id": user.id, "response_status": "accepted"},
        {"email": "guest@example.net", "response_status": "declined"},
    ]
    before = interview.updated_at

    answer = v3.patch(f"/interviews/{interview.id}", json={"interviewers": panel})

    assert answer.status_code == 200
    assert [(seat.user_id, seat.email, seat.response) for seat in interview.seats] == [
        (user.id, user.email, "accepted"),
        (None, "guest@example.net", "declined"),
    ]
    assert interview.updated_at > before


def test_v3_changes_what_is_given_and_nothing_else(v3, company):
    interview = interviews_to_come(company)[0]
    before = v3.get(f"/interviews?ids={interview.id}").json()[0]

    after = v3.patch(f"/interviews/{interview.id}", json={"location": "Moon"}).json()

    assert {name for name in after if after[name] != before[name]} == {"location", "updated_at"}


def test_v2_makes_whoever_changes_something_the_organizer(v2, server, company, body):
    row = v2("POST", f"{server.url}/v2/scheduled_interviews", json=as_v2(body)).json()
    other = people(company)[2].id

    answer = v2(
        "PATCH",
        f"{server.url}/v2/scheduled_interviews/{row['id']}",
        json={"location": "Moon"},
        headers={"On-Behalf-Of": str(other)},
    )

    assert (answer.json()["location"], answer.json()["organizer"]["id"]) == ("Moon", other)


@pytest.mark.parametrize(("method", "version"), [("PATCH", "v2"), ("DELETE", "v1")])
def test_v1_leaves_alone_what_was_not_made_through_it(v2, server, company, method, version):
    interview = interviews_to_come(company)[0]
    content = b"{}" if method == "PATCH" else None

    answer = v2(method, f"{server.url}/{version}/scheduled_interviews/{interview.id}", content=content)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"].endswith("created through Harvest")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (InterviewState.SCHEDULED, 204),
        (InterviewState.AWAITING_FEEDBACK, 204),
        (InterviewState.COMPLETE, 422),
        (InterviewState.CANCELLED, 404),
    ],
)
def test_v3_deletes_what_is_still_open(v3, company, state, status):
    interview = next(one for one in company.interviews.values() if one.state is InterviewState.COMPLETE)
    company.edit(interview.id, state=state)

    assert v3.delete(f"/interviews/{interview.id}").status_code == status
    assert (interview.id in company.interviews) is (status != 204)


def test_writes_take_credentials_and_their_version(server, v2, body):
    assert httpx2.post(f"{server.url}/v3/interviews", json=body).status_code == 401
    assert v2("POST", f"{server.url}/v2/scheduled_interviews", auth=("x", ""), json=as_v2(body)).status_code == 401
    assert v2("PATCH", f"{server.url}/v1/scheduled_interviews/1", json={}).status_code == 404
