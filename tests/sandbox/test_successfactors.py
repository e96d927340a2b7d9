"""The simulated SuccessFactors, as strict as the real one."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
import time_machine

from connectors.saml import bearer_assertion, read_key
from sandbox.company import build_company
from sandbox.platforms.successfactors import SuccessFactorsSimulator
from sandbox.server import failing, rate_limited, serve
from tests.connectors.successfactors.samples import documented, load, rows

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:saml2-bearer"


@pytest.fixture
def company():
    return build_company(interviews=60)


@pytest.fixture
def simulator(company):
    return SuccessFactorsSimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def assertion(server, simulator):
    """Return a function that makes assertions, in base64, with other contents if need be."""

    def assertion(**changed):
        contents = {
            "issuer": simulator.client_id,
            "subject": simulator.user_id,
            "recipient": f"{server.url}/oauth/token",
            "audience": "www.successfactors.com",
            "attributes": {"api_key": simulator.client_id},
            "now": datetime.now(UTC),
        }
        return bearer_assertion(read_key(simulator.credentials["private_key"]), **contents | changed)

    return assertion


@pytest.fixture
def token(server, simulator, assertion):
    """Return a function that asks for a token; a field that is None is left out."""

    def token(**changed):
        form = {
            "company_id": simulator.company_id,
            "client_id": simulator.client_id,
            "grant_type": GRANT_TYPE,
            "assertion": assertion(),
        } | changed
        return httpx2.post(f"{server.url}/oauth/token", data={name: one for name, one in form.items() if one})

    return token


@pytest.fixture
def odata(server, token):
    headers = {"Authorization": f"Bearer {token().json()['access_token']}", "Accept": "application/json"}
    with httpx2.Client(base_url=f"{server.url}/odata/v2", headers=headers) as client:
        yield client


def results(answer):
    return answer.json()["d"]["results"]


def walk(client, path):
    """Return each page's rows."""
    pages = []
    while path:
        page = client.get(path).json()["d"]
        pages.append(page["results"])
        path = page.get("__next")
    return pages


# Tokens


def test_token_lasts_a_day(odata, token):
    assert token().json().keys() == {"access_token", "token_type", "expires_in"}
    assert token().json()["expires_in"] == 86399
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=86400), tick=False):
        answer = odata.get("/User")

    assert (answer.status_code, answer.json()) == (401, load("error_401"))


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"company_id": None}, 400),
        ({"assertion": None}, 400),
        ({"grant_type": "password"}, 400),
        ({"company_id": "x"}, 401),
        ({"client_id": "x"}, 401),
        ({"assertion": "PHNhbWw+"}, 401),
        ({"assertion": "?"}, 401),
    ],
)
def test_token_refuses_wrong_forms(token, form, status):
    answer = token(**form)

    assert answer.status_code == status
    assert answer.json().keys() == load("error_401_oauth").keys()
    assert answer.json()["errorHttpCode"] == str(status)


def test_token_takes_forms_that_are_posted(server):
    url = f"{server.url}/oauth/token"

    assert httpx2.get(url).status_code == 405
    assert httpx2.post(url, json={"grant_type": GRANT_TYPE}).status_code == 415


@pytest.mark.parametrize(
    ("contents", "problem"),
    [
        ({"issuer": ""}, "Issuer"),
        ({"subject": "somebody"}, "NameID"),
        ({"recipient": "https://example.com/oauth/token"}, "Recipient"),
        ({"audience": "www.example.com"}, "Audience"),
        ({"attributes": {}}, "api_key"),
        ({"attributes": {"api_key": "x"}}, "api_key"),
        ({"now": datetime.now(UTC) + timedelta(hours=1)}, "NotBefore"),
        ({"now": datetime.now(UTC) - timedelta(hours=1)}, "NotOnOrAfter"),
    ],
)
def test_assertion_is_read(token, assertion, contents, problem):
    answer = token(assertion=assertion(**contents))

    assert answer.status_code == 401
    assert f"Unable to verify the SAML assertion: {problem}" in answer.json()["errorMessage"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b"</saml2:NameID>", b"2</saml2:NameID>", "digest"),
        (b"<ds:DigestValue>", b"<ds:DigestValue> ", "signature"),
        (b"rsa-sha256", b"rsa-sha1", "algorithm"),
        (b'URI="#', b'URI="#x', "Reference"),
        (b"ds:Signature", b"ds:Seal", "Signature"),
        (b"saml2:Assertion", b"saml2:Response", "Assertion"),
    ],
)
def test_signature_is_verified(token, assertion, old, new, problem):
    tampered = b64decode(assertion()).replace(old, new)

    answer = token(assertion=b64encode(tampered).decode())

    assert answer.status_code == 401
    assert problem in answer.json()["errorMessage"]


# Entities


@pytest.mark.parametrize("authorization", ["", "Basic dXNlckBjb21wYW55OnBhc3N3b3Jk", "Bearer x"])
def test_only_bearers_of_a_token_are_let_in(server, authorization):
    answer = httpx2.get(f"{server.url}/odata/v2/User", headers={"Authorization": authorization})

    assert (answer.status_code, answer.json()) == (401, load("error_401"))
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_what_does_not_ask_for_json_gets_atom(odata):
    atom = odata.get("/User", headers={"Accept": "*/*"})
    json = odata.get("/User?$format=json", headers={"Accept": "*/*"})

    assert atom.headers["Content-Type"].startswith("application/atom+xml")
    assert results(json)


@pytest.mark.parametrize("path", ["/Candidate", "/user", "/User/103224"])
def test_unknown_entities_are_not_found(odata, path):
    answer = odata.get(path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NotFoundException")


def test_rows_are_had_by_key(odata, company):
    application, user = next(iter(company.applications)), next(iter(company.users))

    assert odata.get(f"/JobApplication({application}L)").json()["d"]["applicationId"] == str(application)
    assert odata.get(f"/User('{user:06}')").json()["d"]["userId"] == f"{user:06}"


def test_key_that_nobody_has_is_not_found(odata):
    answer = odata.get("/JobApplication(1L)")

    assert (answer.status_code, answer.json()) == (404, load("error_404"))


def test_missing_right_is_refused(odata, simulator):
    simulator.denied_entities = {"JobApplication"}

    answer = odata.get("/JobApplication")

    assert (answer.status_code, answer.json()) == (403, load("error_403"))


def test_nothing_is_written(odata):
    answer = odata.post("/JobApplicationInterview", json={})

    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "MethodNotAllowed")


def test_interviews_have_no_time_of_their_last_change(odata):
    moment = "lastModifiedDateTime ge datetimeoffset'2026-01-01T00:00:00Z'"

    answer = odata.get("/JobApplicationInterview", params={"$filter": moment})

    assert (answer.status_code, answer.json()) == (400, load("error_400"))


@pytest.mark.parametrize(
    "query",
    [
        "$unknown=1",
        "$format=xml",
        "$top=x",
        "$top=1&$top=2",
        "customPageSize=0",
        "paging=pages",
        "paging=snapshot&$top=5",
        "paging=snapshot&$skip=5",
        "paging=cursor&$skip=5",
        "paging=cursor&$orderby=applicationId",
        "$skiptoken=x",
        "$skiptoken=eyJzdGFydFJvdyI6Mywic25hcHNob3QiOiJzNyJ9",
        "$expand=candidate",
        "$select=salary",
        "$select=jobAppStatus/appStatusName",
        "$orderby=salary",
        "$filter=source eq '1'",
        "$filter=status eq 'Open'",
        "$filter=status is 1",
        "$filter=status eq 1 and",
        "$filter=(status eq 1",
        "$filter=status eq 1)",
        "$filter=applicationId eq abc",
        "$filter=lastModifiedDateTime ge '2026-01-01'",
        "$filter=lastModifiedDateTime ge datetimeoffset'yesterday'",
        "$filter=lastModifiedDateTime ge datetimeoffset'2026-01-01T00:00:00'",
        "$filter=status eq 1 # 2",
    ],
)
def test_options_that_are_wrong_are_refused(odata, query):
    answer = odata.get(f"/JobApplication?{query.replace('#', '%23')}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "COE_GENERAL_BAD_REQUEST")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("applicationId eq 5003L", ["5003"]),
        ("applicationId in 5000,5009", ["5000", "5009"]),
        ("status eq 1", ["5003"]),
        ("status eq '6' or status eq 0", ["5000", "5006"]),
        ("status ne 6 and (candidateId lt 325003 or jobReqId gt 1020)", ["5000", "5009"]),
        ("applicationDate eq null", ["5006", "5009"]),
        ("applicationDate le datetimeoffset'2026-01-20T14:05:00Z'", ["5000"]),
        ("lastModifiedDateTime ge datetimeoffset'2026-02-02T12:30:00+01:00'", ["5003", "5009"]),
    ],
)
def test_filters_find_what_they_say(condition, expected):
    simulator = documented()
    simulator._is_known = lambda _: True  # no token

    with serve(simulator) as server:
        parameters = {"$format": "json", "$filter": condition}
        found = walk_ids(httpx2.get(f"{server.url}/odata/v2/JobApplication", params=parameters))

    assert found == expected


def walk_ids(answer):
    return [row["applicationId"] for row in results(answer)]


def test_users_are_active_ones_unless_the_filter_says_otherwise(odata, company):
    shown = results(odata.get("/User"))
    everybody = results(odata.get("/User", params={"$filter": "status in 't','f','T','F','e','d'"}))

    assert {row["status"] for row in shown} == {"t"}
    assert len(everybody) == len(company.users) > len(shown)


def test_navigations_come_when_asked_for(odata):
    row = results(odata.get("/JobApplicationInterview?$expand=interviewer"))[0]

    assert row["interviewer"]["userId"]
    assert row["interviewOverallAssessment"]["__deferred"]["uri"].endswith("L)/interviewOverallAssessment")


def test_selection_narrows_fields(odata):
    query = "$select=applicationId,jobAppStatus/appStatusName&$expand=jobAppStatus&$filter=status eq 0"
    row = results(odata.get(f"/JobApplication?{query}"))[0]

    assert row.keys() == {"__metadata", "applicationId", "jobAppStatus"}
    assert row["jobAppStatus"].keys() == {"appStatusName"}


def test_entries_are_counted_when_asked_for(odata, company):
    page = odata.get("/JobApplication?$inlinecount=allpages&customPageSize=2").json()["d"]

    assert page["__count"] == str(len(company.applications))


@pytest.mark.parametrize("paging", ["&paging=snapshot", "&paging=cursor", ""])
def test_pages_hold_each_row_once(odata, company, paging):
    pages = walk(odata, f"/JobApplication?$format=json&customPageSize=10{paging}")

    assert {len(page) for page in pages[:-1]} == {10}
    assert [row["applicationId"] for page in pages for row in page] == [str(one) for one in company.applications]


def test_next_page_is_absolute_and_holds_all_options(odata, server):
    page = odata.get("/User?$format=json&customPageSize=3&paging=snapshot&$filter=status in 't','f'").json()["d"]

    assert page["__next"].startswith(
        f"{server.url}/odata/v2/User?$format=json&customPageSize=3&paging=snapshot"
        "&$filter=status%20in%20%27t%27,%27f%27&$skiptoken="
    )


def test_pages_hold_a_thousand_rows_at_most():
    simulator = SuccessFactorsSimulator(build_company(interviews=700))
    simulator._is_known = lambda _: True  # no token

    with serve(simulator) as server:
        answer = httpx2.get(f"{server.url}/odata/v2/JobApplicationInterview?$format=json&customPageSize=5000")

    assert len(results(answer)) == 1000


def test_snapshot_shows_what_there_was(odata, company):
    first = odata.get("/JobApplication?customPageSize=10&paging=snapshot").json()["d"]
    company.delete_application(int(first["results"][0]["applicationId"]))

    second = odata.get(first["__next"]).json()["d"]

    assert second["results"][0]["applicationId"] == str(list(company.applications)[9])


def test_without_a_snapshot_a_row_is_skipped(odata, company):
    first = odata.get("/JobApplication?customPageSize=10").json()["d"]
    company.delete_application(int(first["results"][0]["applicationId"]))

    second = odata.get(first["__next"]).json()["d"]

    assert second["results"][0]["applicationId"] == str(list(company.applications)[10])


def test_snapshot_ends(odata, simulator):
    first = odata.get("/JobApplication?customPageSize=10&paging=snapshot").json()["d"]
    simulator.end_snapshots()

    answer = odata.get(first["__next"])

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "COE_GENERAL_BAD_REQUEST")


@pytest.mark.parametrize("entity", ["User", "JobApplicationStatus", "JobApplication", "JobApplicationInterview"])
def test_rows_have_the_documented_keys(odata, entity):
    expand = {"JobApplication": "jobAppStatus", "JobApplicationInterview": "interviewer,interviewOverallAssessment"}
    query = {"$expand": expand[entity]} if entity in expand else {}

    (row, *_) = results(odata.get(f"/{entity}", params=query))

    assert row.keys() == rows(entity)[0].keys()


def test_each_seat_of_a_panel_has_a_row(odata, company):
    found = {row["applicationInterviewId"] for row in results(odata.get("/JobApplicationInterview"))}

    without_a_panel = {str(one.id) for one in company.interviews.values() if not one.seats}
    assert found == {str(seat_id) for seat_id in company.seats} | without_a_panel


def test_faults_are_told_in_its_words(odata, server):
    server.faults.queue(rate_limited(retry_after_seconds=300))
    server.faults.queue(failing(503))

    limited, failed = odata.get("/User"), odata.get("/User")

    assert (limited.status_code, limited.headers["Retry-After"], limited.json()) == (429, "300", load("error_429"))
    assert failed.status_code == 503
    assert failed.json()["error"].keys() == {"code", "message"}
