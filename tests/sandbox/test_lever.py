"""The simulated Lever, as strict as the real one."""

from itertools import chain

import httpx2
import pytest

from sandbox.changes import people
from sandbox.company import ApplicationState, InterviewState, build_company
from sandbox.platforms.lever import LeverSimulator
from sandbox.platforms.lever.rows import is_lead, lever_id, milliseconds
from sandbox.server import failing, rate_limited, serve
from tests.connectors.lever.samples import WITH_INTERVIEWS, documented, load, rows


@pytest.fixture
def company():
    return build_company(interviews=60)


@pytest.fixture
def simulator(company):
    return LeverSimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def lever(server, simulator):
    with httpx2.Client(base_url=f"{server.url}/v1", auth=(simulator.api_key, "")) as client:
        yield client


def walk(client, path, **params):
    """Return the rows of each page."""
    pages = []
    while True:
        body = client.get(path, params=params).json()
        pages.append(body["data"])
        if not body["hasNext"]:
            assert "next" not in body
            return pages
        params["offset"] = body["next"]


def flat(pages):
    return list(chain.from_iterable(pages))


def ids(rows):
    return [row["id"] for row in rows]


@pytest.mark.parametrize("auth", [None, ("wrong", ""), ("sandbox-api-key", "password"), ("", "sandbox-api-key")])
def test_key_is_the_user_name_without_a_password(server, auth):
    answer = httpx2.get(f"{server.url}/v1/users", auth=auth)

    assert (answer.status_code, answer.json()) == (401, load("error_401"))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_key_may_write_nothing_but_interviews(lever, method):
    answer = lever.request(method, "/opportunities")

    assert (answer.status_code, answer.json()["code"]) == (403, "Forbidden")


def test_denied_lists_are_forbidden(lever, simulator):
    simulator.denied = {"stages"}

    assert [lever.get(path).status_code for path in ("/stages", "/stages/offer", "/users")] == [403, 403, 200]


@pytest.mark.parametrize(
    "path",
    ["/interviews", "/candidates", "/users/nobody", "/opportunities/nobody", "/opportunities/deleted/interviews"],
)
def test_what_there_is_not_is_not_found(lever, path):
    answer = lever.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "ResourceNotFound")


@pytest.mark.parametrize("name", ["interviews", "panels", "applications"])
def test_lists_of_an_unknown_opportunity_are_not_found(lever, name):
    answer = lever.get(f"/opportunities/00000000-0000-4000-a000-000000000000/{name}")

    assert (answer.status_code, answer.json()) == (404, load("error_404"))


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/opportunities", "limit=0"),
        ("/opportunities", "limit=101"),
        ("/opportunities", "limit=ten"),
        ("/opportunities", "limit=10&limit=10"),
        ("/opportunities", "page=2"),
        ("/opportunities", "updated_after=1782900000000"),
        ("/opportunities", "updated_at_start=2026-07-01T00:00:00Z"),
        ("/opportunities", "updated_at_start=1.5"),
        ("/opportunities", "expand=interviews"),
        ("/opportunities", "archived=maybe"),
        ("/opportunities", "confidentiality=some"),
        ("/opportunities", "deleted_at_start=1782900000000"),
        ("/opportunities/deleted", "updated_at_start=1782900000000"),
        ("/users", "includeDeactivated=yes"),
        ("/users", "updated_at_start=1782900000000"),
        ("/stages", "archived=true"),
    ],
)
def test_parameters_that_are_wrong_are_refused(lever, path, query):
    answer = lever.get(f"{path}?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "BadRequest")


@pytest.mark.parametrize("path", ["/opportunities", "/users", "/stages"])
def test_offset_that_cannot_be_read_is_refused(lever, path):
    answer = lever.get(f"{path}?offset=nope")

    assert (answer.status_code, answer.json()) == (400, load("error_400_offset"))


def test_opportunities_come_newest_first_each_once(lever, company):
    pages = walk(lever, "/opportunities", limit=10)

    created = [row["createdAt"] for row in flat(pages)]
    assert {len(page) for page in pages[:-1]} == {10}
    assert created == sorted(created, reverse=True)
    assert sorted(ids(flat(pages))) == sorted(lever_id("opportunity", number) for number in company.applications)


@pytest.mark.parametrize("path", ["/users", "/stages", "/archive_reasons"])
def test_other_lists_have_pages_as_well(lever, path):
    assert flat(walk(lever, path, limit=3)) == flat(walk(lever, path))


def test_offset_outlives_the_opportunity_that_it_names(lever, company):
    pages = walk(lever, "/opportunities", limit=5)
    token = lever.get("/opportunities?limit=5").json()["next"]
    number = next(one for one in company.applications if lever_id("opportunity", one) == pages[0][-1]["id"])

    company.delete_application(number)

    assert ids(lever.get("/opportunities", params={"limit": 5, "offset": token}).json()["data"]) == ids(pages[1])


def test_documented_page_is_reproduced():
    with serve(documented()) as server:
        found = httpx2.get(
            f"{server.url}/v1/opportunities?limit=3&expand=applications&updated_at_start=1782900000000",
            auth=(LeverSimulator.api_key, ""),
        ).json()
        first = httpx2.get(f"{server.url}/v1/opportunities?limit=2", auth=(LeverSimulator.api_key, "")).json()

    assert found["data"] == rows("opportunities")
    assert first["next"] == f"0.{found['data'][1]['createdAt']}.{found['data'][1]['id']}"


def test_updates_are_found_from_their_time_on(lever):
    moments = sorted(row["updatedAt"] for row in flat(walk(lever, "/opportunities")))
    start, end = moments[5], moments[10]

    found = [row["updatedAt"] for row in flat(walk(lever, "/opportunities", updated_at_start=start, limit=5))]
    between = flat(walk(lever, "/opportunities", updated_at_start=start, updated_at_end=end))

    assert sorted(found) == moments[5:]
    assert sorted(row["updatedAt"] for row in between) == moments[5:11]


@pytest.mark.parametrize("change", ["cancel", "delete", "join"])
def test_every_change_of_an_interview_moves_its_opportunity(lever, company, change):
    interview = next(one for one in company.interviews.values() if one.seats)
    path = f"/opportunities/{lever_id('opportunity', interview.application_id)}"
    before = milliseconds(company.clock())

    getattr(company, change)(interview.id, *([4001] if change == "join" else []))

    assert lever.get(path).json()["data"]["updatedAt"] >= before


def test_applications_are_ids_unless_expanded(lever):
    (plain, *_) = lever.get("/opportunities?posting_id=" + posting(lever)).json()["data"]
    (expanded, *_) = lever.get("/opportunities?expand=applications&expand=stage&posting_id=" + posting(lever)).json()[
        "data"
    ]

    assert plain["applications"] == ids(expanded["applications"])
    assert expanded["stage"]["id"] == plain["stage"]
    assert lever.get(f"/opportunities/{plain['id']}/applications").json()["data"] == expanded["applications"]


def posting(client):
    opportunities = client.get("/opportunities?expand=applications&archived=false").json()["data"]
    return next(row["applications"][0]["posting"] for row in opportunities if row["applications"])


def test_leads_have_no_application(lever, company):
    leads = {lever_id("opportunity", one.id) for one in company.applications.values() if is_lead(one)}

    found = flat(walk(lever, "/opportunities", expand="applications"))

    assert leads
    assert {row["id"] for row in found if not row["applications"]} == leads
    assert lever.get(f"/opportunities/{min(leads)}/applications").json()["data"] == []


def test_hired_and_rejected_are_archived(lever, company):
    archived = {row["id"] for row in flat(walk(lever, "/opportunities", archived="true"))}
    (hired,) = lever.get("/archive_reasons?type=hired").json()["data"]

    ended = [one for one in company.applications.values() if one.state is not ApplicationState.ACTIVE]
    assert archived == {lever_id("opportunity", one.id) for one in ended}
    assert {row["id"] for row in flat(walk(lever, "/opportunities", archive_reason_id=hired["id"]))} == {
        lever_id("opportunity", one.id) for one in ended if one.state is ApplicationState.HIRED
    }


def test_deactivated_users_are_hidden_unless_asked_for(lever, company):
    (active, all_of_them) = (
        lever.get("/users").json()["data"],
        lever.get("/users?includeDeactivated=true").json()["data"],
    )

    assert len(all_of_them) == len(company.users)
    assert ids(active) == [row["id"] for row in all_of_them if row["deactivatedAt"] is None]


def test_cancelled_interviews_are_listed_and_deleted_ones_are_not(lever, company):
    first, second = list(company.interviews.values())[:2]
    company.cancel(first.id)
    company.delete(second.id)

    listed = {
        row["id"]: row
        for number in company.applications
        for row in lever.get(f"/opportunities/{lever_id('opportunity', number)}/interviews").json()["data"]
    }

    assert listed.keys() == {lever_id("interview", number) for number in company.interviews}
    assert {key for key, row in listed.items() if row.get("canceledAt")} == {
        lever_id("interview", one.id) for one in company.interviews.values() if one.state is InterviewState.CANCELLED
    }


def test_many_interviews_of_an_opportunity_come_in_pages(lever, company):
    application_id, slot_id = next(iter(company.applications)), next(iter(company.slots))
    for _ in range(120):
        company.add_interview(application_id=application_id, slot_id=slot_id, user_ids=[], starts_at=company.clock())
    path = f"/opportunities/{lever_id('opportunity', application_id)}/interviews"

    pages = walk(lever, path)

    assert len(pages) == 2
    assert len(set(ids(flat(pages)))) == sum(
        1 for one in company.interviews.values() if one.application_id == application_id
    )
    assert lever.get(f"{path}/{pages[1][0]['id']}").json()["data"] == pages[1][0]


def test_panels_hold_the_interviews(lever, company):
    path = f"/opportunities/{lever_id('opportunity', next(iter(company.interviews.values())).application_id)}"

    panels = lever.get(f"{path}/panels").json()["data"]

    interviews = lever.get(f"{path}/interviews").json()["data"]
    assert sorted(ids(flat(one["interviews"] for one in panels))) == sorted(ids(interviews))


def test_deleted_opportunities_are_told_from_their_time_on(lever, company):
    first, second, *_ = company.applications
    company.delete_application(first)
    start = milliseconds(company.clock()) + 1
    company.deleted_applications[second] = company.deleted_applications[first].replace(year=2040)
    company.version += 1

    assert len(lever.get("/opportunities/deleted").json()["data"]) == 2
    assert lever.get(f"/opportunities/deleted?deleted_at_start={start}").json()["data"] == [
        {"id": lever_id("opportunity", second), "deletedAt": milliseconds(company.deleted_applications[second])}
    ]
    assert lever.get(f"/opportunities/{lever_id('opportunity', first)}/interviews").status_code == 404


def test_confidential_opportunities_are_neither_listed_nor_found(lever, simulator, company):
    hidden = lever_id("opportunity", next(iter(company.applications)))
    simulator.confidential = {hidden}

    assert hidden not in ids(flat(walk(lever, "/opportunities", confidentiality="all")))
    assert [lever.get(f"/opportunities/{hidden}{rest}").status_code for rest in ("", "/interviews", "/panels")] == [
        404,
        404,
        404,
    ]


@pytest.fixture
def opportunity(company):
    number = next(one.id for one in company.applications.values() if one.state is ApplicationState.ACTIVE)
    return f"/opportunities/{lever_id('opportunity', number)}"


@pytest.fixture
def users(company):
    return [lever_id("user", one.id) for one in people(company)[:2]]


@pytest.fixture
def panel(users):
    interview = {"interviewers": [{"id": users[0]}], "date": 2_088_149_400_000, "duration": 45, "subject": "Chat"}
    return {"timezone": "Europe/Berlin", "interviews": [interview]}


@pytest.fixture
def made(lever, opportunity, users, panel):
    """The address of an interview that was made through the API."""
    answer = lever.post(f"{opportunity}/panels", params={"perform_as": users[1]}, json=panel)
    return f"{opportunity}/interviews/{answer.json()['data']['interviews'][0]['id']}"


def test_a_new_panel_has_its_interviews(lever, opportunity, users, panel):
    answer = lever.post(f"{opportunity}/panels", params={"perform_as": users[1]}, json=panel)

    created = answer.json()["data"]
    (interview,) = created["interviews"]
    shown = lever.get(f"{opportunity}/interviews/{interview['id']}").json()["data"]
    assert answer.status_code == 201
    assert (created["externallyManaged"], created["user"], created["timezone"]) == (True, users[1], "Europe/Berlin")
    assert shown.items() >= {"panel": created["id"], "date": 2_088_149_400_000, "subject": "Chat"}.items()
    assert interview.keys() < shown.keys()


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"interviewers": []}, "interviewers"),
        ({"interviewers": [{"id": "nobody"}]}, "interviewers"),
        ({"date": None}, "date"),
        ({"date": "2036-03-03"}, "date"),
        ({"duration": 0}, "duration"),
        ({"location": 5}, "location"),
        ({"feedbackReminder": "hourly"}, "feedbackReminder"),
        ({"organizer": "x"}, "organizer"),
    ],
)
def test_an_interview_that_is_wrong_is_refused(lever, company, opportunity, users, panel, wrong, name):
    count = len(company.interviews)
    panel["interviews"][0] |= wrong

    answer = lever.post(f"{opportunity}/panels", params={"perform_as": users[1]}, json=panel)

    assert (answer.status_code, len(company.interviews)) == (400, count)
    assert name in answer.json()["message"]


@pytest.mark.parametrize("query", [{}, {"perform_as": "nobody"}, {"perform_as": "", "notify": "true"}])
def test_writing_takes_an_active_user_to_perform_as(lever, opportunity, panel, query):
    assert lever.post(f"{opportunity}/panels", params=query, json=panel).status_code == 400


@pytest.mark.parametrize("content", [b"", b"x", b"[]", b"{}", b'{"timezone": "Moon/Sea", "interviews": [{}]}'])
def test_a_panel_that_is_none_is_refused(lever, opportunity, users, content):
    answer = lever.post(f"{opportunity}/panels", params={"perform_as": users[1]}, content=content)

    assert answer.status_code == 400


def test_replacing_takes_away_what_is_not_sent(lever, made, users):
    whole = {"interviewers": [{"id": users[1]}, {"id": users[0]}], "date": 2_088_149_400_000, "duration": 30}

    answer = lever.put(made, params={"perform_as": users[0]}, json=whole)

    shown = lever.get(made).json()["data"]
    assert (answer.status_code, answer.json()["data"]) == (200, shown)
    assert (shown["duration"], shown["subject"]) == (30, None)
    assert [one["id"] for one in shown["interviewers"]] == [users[1], users[0]]


def test_what_is_deleted_stays_listed_as_cancelled(lever, made, users):
    answer = lever.delete(made, params={"perform_as": users[0]})

    assert (answer.status_code, answer.content) == (204, b"")
    assert lever.get(made).json()["data"]["canceledAt"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_interviews_that_were_made_in_lever_stay_as_they_are(lever, company, users, panel, method):
    interview = next(iter(company.interviews.values()))
    path = f"/opportunities/{lever_id('opportunity', interview.application_id)}/interviews"

    answer = lever.request(
        method,
        f"{path}/{lever_id('interview', interview.id)}",
        params={"perform_as": users[0]},
        json=panel["interviews"][0],
    )

    assert answer.status_code == 400
    assert "externallyManaged" in answer.json()["message"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_writing_takes_the_right_to(lever, simulator, made, users, method):
    simulator.denied = {f"{method} interviews"}

    assert lever.request(method, made, params={"perform_as": users[0]}).status_code == 403


def test_more_than_a_burst_is_refused(company):
    simulator = LeverSimulator(company, requests_per_second=0.001, burst=2)

    with serve(simulator) as server:
        answers = [httpx2.get(f"{server.url}/v1/stages", auth=(simulator.api_key, "")) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json() == load("error_429")


def test_faults_speak_as_lever_does(lever, server):
    for fault in (rate_limited(retry_after_seconds=7), failing(500), failing(503)):
        server.faults.queue(fault)
    answers = [lever.get("/stages") for _ in range(3)]

    assert [answer.json()["code"] for answer in answers] == ["TooManyRequests", "ServerError", "ServiceUnavailable"]
    assert answers[0].headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("users", "users"),
        ("stages", "stages"),
        ("archive_reasons", "archive_reasons"),
        ("opportunities", "opportunities"),
    ],
)
def test_rows_have_the_documented_keys(lever, path, name):
    (row, *_) = lever.get(f"/{path}").json()["data"]

    assert row.keys() == rows(name)[0].keys()
    assert lever.get(f"/{path}/{row['id']}").json()["data"] == row


def test_inner_rows_have_the_documented_keys(lever):
    opportunities = lever.get("/opportunities?expand=applications").json()["data"]
    interviews = flat(lever.get(f"/opportunities/{one['id']}/interviews").json()["data"] for one in opportunities)
    applications = flat(one["applications"] for one in opportunities)

    assert {key for one in applications for key in one} == rows("opportunities")[0]["applications"][0].keys()
    assert {key for one in interviews for key in one} == rows("opportunity_interviews")[0].keys()


def test_given_interviews_are_served_as_they_are():
    with serve(documented()) as server:
        found = httpx2.get(
            f"{server.url}/v1/opportunities/{WITH_INTERVIEWS}/interviews", auth=(LeverSimulator.api_key, "")
        ).json()

    assert found == load("opportunity_interviews")
