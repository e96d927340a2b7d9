"""The simulated Workday, as strict as the real one."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from lxml import etree

from sandbox.company import InterviewState, build_company
from sandbox.platforms.workday import WorkdaySimulator, wid
from sandbox.server import failing, rate_limited, serve
from tests.connectors.workday.samples import NAMESPACES, document, documented, shape

TOMORROW = "<wd:As_Of_Entry_DateTime>2199-01-01T00:00:00Z</wd:As_Of_Entry_DateTime>"
PASSWORD = "sand&amp;box&lt;password&gt;"
XML = {"Content-Type": "text/xml; charset=utf-8"}


@pytest.fixture
def company():
    return build_company(interviews=60)


@pytest.fixture
def simulator(company):
    return WorkdaySimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def post(server):
    """Return a function that posts a request and returns the answer."""

    def post(body, service="Recruiting", *, tenant=WorkdaySimulator.tenant, headers=XML, method="POST"):
        url = f"{server.url}/ccx/service/{tenant}/{service}/v45.2"
        return httpx2.request(method, url, content=body.encode(), headers=headers)

    return post


@pytest.fixture
def ask(post):
    """Return a function that sends an element as it should be sent, and returns the element that comes back."""

    def ask(content, service="Recruiting"):
        answer = post(enveloped(content), service)
        assert answer.headers["Content-Type"] == "text/xml;charset=UTF-8"
        (found,) = etree.fromstring(answer.content).find("env:Body", NAMESPACES)
        return found

    return ask


def enveloped(content, *, username="ISU_Sandbox@sandbox_dpt1", password=PASSWORD, header=None):
    if header is None:
        header = "<wd:Include_Reference_Descriptors_In_Response>true</wd:Include_Reference_Descriptors_In_Response>"
    kind = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"
    return f"""<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:wd="urn:com.workday/bsvc">
      <e:Header>
        <w:Security xmlns:w="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">
          <w:UsernameToken>
            <w:Username>{username}</w:Username><w:Password Type="{kind}">{password}</w:Password>
          </w:UsernameToken>
        </w:Security>
        <wd:Workday_Common_Header>{header}</wd:Workday_Common_Header>
      </e:Header>
      <e:Body>{content}</e:Body>
    </e:Envelope>"""


def request(operation, content="", *, version="v45.2"):
    return f'<wd:{operation}_Request wd:version="{version}">{content}</wd:{operation}_Request>'


def filtered(page=1, count=100):
    return f"<wd:Response_Filter><wd:Page>{page}</wd:Page><wd:Count>{count}</wd:Count></wd:Response_Filter>"


def changed(start, end):
    dates = f"<wd:Updated_From>{start}</wd:Updated_From><wd:Updated_Through>{end}</wd:Updated_Through>"
    dates = f"<wd:Transaction_Date_Range_Data>{dates}</wd:Transaction_Date_Range_Data>"
    return f"<wd:Transaction_Log_Criteria_Data>{dates}</wd:Transaction_Log_Criteria_Data>"


def criteria(content):
    return f"<wd:Request_Criteria>{content}</wd:Request_Criteria>"


def reference(name, identity):
    return f'<wd:{name}><wd:ID wd:type="WID">{identity}</wd:ID></wd:{name}>'


def results(response):
    return [int(one.text) for one in response.find("wd:Response_Results", NAMESPACES)]


def records(response):
    return response.findall("wd:Response_Data/*", NAMESPACES)


def refusal(response):
    return response.findtext("faultcode"), response.findtext("faultstring")


def iso(moment):
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


# What is said


@pytest.mark.parametrize(
    ("request_name", "answer_name", "count"),
    [
        ("request_server_timestamp.xml", "server_timestamp.xml", None),
        ("request_get_workers.xml", "get_workers.xml", (1, 3)),
        ("request_get_workers.xml", "get_workers.last_page.xml", (2, 3)),
        ("request_get_candidates.xml", "get_candidates.xml", None),
        ("request_get_interviews.xml", "get_interviews.xml", (1, 3)),
        ("request_get_interviews.xml", "get_interviews.last_page.xml", (2, 3)),
    ],
)
def test_documented_requests_have_the_documented_answers(request_name, answer_name, count):
    body = document(request_name)
    if count:
        body = body.replace(b"<wd:Page>1<", b"<wd:Page>%d<" % count[0]).replace(b">999<", b">%d<" % count[1])
    service = "Human_Resources" if b"Workers" in body or b"Timestamp" in body else "Recruiting"

    with serve(documented()) as server:
        answer = httpx2.post(f"{server.url}/ccx/service/acme_dpt1/{service}/v45.2", content=body, headers=XML)

    assert answer.status_code == 200
    assert shape(answer.content) == shape(document(answer_name))


def test_pages_hold_each_record_once(ask, company):
    pages = [ask(request("Get_Candidates", filtered(page, 10))) for page in (1, 2, 3, 4)]
    total = len(company.applications)

    assert [results(page)[:2] for page in pages] == [[total, -(-total // 10)]] * 4
    found = [one.findtext(".//wd:Candidate_ID", namespaces=NAMESPACES) for page in pages for one in records(page)]
    assert sorted(found) == sorted(f"C{one.candidate_id}" for one in company.applications.values())


def test_beyond_the_last_page_is_nothing(ask):
    response = ask(request("Get_Candidates", filtered(99, 10)))

    assert results(response)[2:] == [0, 99]
    assert response.find("wd:Response_Data", NAMESPACES) is None


def test_pages_have_a_hundred_records_unless_told(ask, company):
    response = ask(request("Get_Workers"), "Human_Resources")

    assert response.findtext("wd:Response_Filter/wd:Count", namespaces=NAMESPACES) == "100"
    assert len(records(response)) == sum(not one.is_service_account for one in company.users.values())


def test_names_come_only_if_asked_for(post):
    assert b"wd:Descriptor" in post(enveloped(request("Get_Candidates"))).content
    assert b"wd:Descriptor" not in post(enveloped(request("Get_Candidates"), header="")).content


def test_response_group_leaves_out_what_it_does_not_name(ask):
    group = "<wd:Response_Group><wd:Include_Reference>true</wd:Include_Reference></wd:Response_Group>"

    whole = records(ask(request("Get_Workers"), "Human_Resources"))[0]
    bare = records(ask(request("Get_Workers", group), "Human_Resources"))[0]

    assert [one.tag.partition("}")[2] for one in whole[1]] == ["Worker_ID", "Personal_Data", "Employment_Data"]
    assert [one.tag.partition("}")[2] for one in bare[1]] == ["Worker_ID"]
    assert shape(bare[0]) == shape(whole[0])


def test_changes_are_asked_for_by_time_and_both_ends_count(ask, company):
    user = next(iter(company.users.values()))
    moment = user.updated_at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=9)

    response = ask(request("Get_Workers", criteria(changed(iso(moment), iso(moment)))), "Human_Resources")

    assert [one.findtext(".//wd:Worker_ID", namespaces=NAMESPACES) for one in records(response)] == ["4001"]


def test_cancelled_and_deleted_interviews_leave_no_trace(ask, company):
    cancelled, deleted, *_ = [one.id for one in company.interviews.values() if one.state is InterviewState.COMPLETE]
    company.cancel(cancelled)
    company.delete(deleted)

    response = ask(request("Get_Interviews", filtered(1, 999)))

    found = response.xpath("//wd:Interview_Session_Reference/wd:ID[@wd:type='WID']/text()", namespaces=NAMESPACES)
    assert sorted(found) == sorted(wid("session", one) for one in company.interviews if one != cancelled)


def test_interviews_can_be_narrowed(ask, company):
    application = company.applications[next(iter(company.interviews.values())).application_id]
    pair = reference("Candidate_Reference", wid("candidate", application.candidate_id)) + reference(
        "Requisition_Reference", wid("job", application.job_id)
    )

    event = reference("Interview_Reference", wid("event", application.id))
    narrowings = [
        criteria(reference("Job_Application_Reference", wid("application", application.id))),
        criteria(f"<wd:Candidate_Interview_Criteria_Data>{pair}</wd:Candidate_Interview_Criteria_Data>"),
        f"<wd:Request_References>{event}</wd:Request_References>",
    ]
    responses = [ask(request("Get_Interviews", one)) for one in narrowings]

    assert [results(one)[0] for one in responses] == [1, 1, 1]
    assert len({etree.tostring(records(one)[0]) for one in responses}) == 1


# What is refused


@pytest.mark.parametrize(("service", "status"), [("Staffing", 404), ("Recruiting/v45.2", 404), ("Recruiting", 200)])
def test_unknown_services_are_not_found(post, service, status):
    assert post(enveloped(request("Get_Candidates")), service).status_code == status


def test_other_versions_of_the_path_are_not_found(server):
    assert httpx2.post(f"{server.url}/ccx/service/sandbox_dpt1/Recruiting/v31.2", headers=XML).status_code == 404
    assert httpx2.post(f"{server.url}/sandbox_dpt1/Recruiting/v45.2", headers=XML).status_code == 404


def test_only_posts_of_xml_are_taken(post):
    body = enveloped(request("Get_Candidates"))

    assert post(body, method="GET").status_code == 405
    assert post(body, headers={"Content-Type": "application/json"}).status_code == 415
    assert post(body, headers={}).status_code == 415


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<x/>",
        enveloped(request("Get_Candidates"))[:-9],
        "<!DOCTYPE x>" + enveloped(request("Get_Candidates")),
        enveloped(""),
        enveloped('<wd:Get_Jobs_Request wd:version="v45.2"/>'),
        enveloped('<wd:Get_Candidates wd:version="v45.2"/>'),
        # Of the other service.
        enveloped(request("Get_Workers")),
        enveloped('<Get_Candidates_Request version="v45.2"/>'),
    ],
)
def test_what_is_no_request_is_our_mistake(post, body):
    answer = post(body)

    assert answer.status_code == 500
    assert b"<faultcode>SOAP-ENV:Client</faultcode>" in answer.content


def test_wrong_credentials_have_the_documented_answer(post):
    body = request("Get_Candidates")
    attempts = [
        post(enveloped(body, password="wrong")),
        post(enveloped(body, username="ISU_Sandbox")),
        post(enveloped(body), tenant="acme_dpt1"),
        post(enveloped(body).replace("#PasswordText", "#PasswordDigest")),
        post(enveloped(body).replace("UsernameToken", "Token")),
    ]

    for answer in attempts:
        assert answer.status_code == 500
        assert shape(answer.content) == shape(document("fault_authentication.xml"))


@pytest.mark.parametrize("operation", ["Get_Interviews", "Put_Interview", "Put_Interview_Feedback"])
def test_missing_rights_have_the_documented_answer(post, simulator, operation):
    simulator.denied_operations = {"Get_Interviews"}

    answer = post(enveloped(request(operation)))

    assert answer.status_code == 500
    assert shape(answer.content) == shape(document("fault_not_authorized.xml"))


def test_changes_of_the_future_have_the_documented_answer(post):
    asked = criteria(changed("2026-01-01T00:00:00Z", "2199-01-01T00:00:00Z"))

    answer = post(enveloped(request("Get_Candidates", asked)))

    assert answer.status_code == 500
    assert shape(answer.content) == shape(document("fault_validation.xml"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (filtered(page=0), "Page number cannot be zero."),
        (filtered(count=1000), "Count must be between 1 and 999."),
        (filtered(count=0), "Count must be between 1 and 999."),
        (filtered(page="one"), "Page and Count must be numbers."),
        ("<wd:Other/>", "Invalid element Other"),
        ("<Response_Filter/>", "Invalid element Response_Filter"),
        (filtered() + criteria(""), "Element Request_Criteria is out of order"),
        ("<wd:Response_Filter><wd:Count>1</wd:Count><wd:Page>1</wd:Page></wd:Response_Filter>", "out of order"),
        ("<wd:Request_References/>" + criteria(""), "exclude each other"),
        (
            criteria(changed("2026-01-01T00:00:00Z", "").replace("<wd:Updated_Through></wd:Updated_Through>", "")),
            "both",
        ),
        (criteria(changed("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z")), "less than or equal to Updated Through!"),
        (criteria(changed("2026-01-02", "yesterday")), "Invalid date: yesterday"),
        (
            filtered().replace("<wd:Page>", "<wd:As_Of_Entry_DateTime>2199-01-01</wd:As_Of_Entry_DateTime><wd:Page>"),
            "As Of",
        ),
    ],
)
def test_requests_are_validated(ask, content, message):
    code, text = refusal(ask(request("Get_Candidates", content)))

    assert code == "SOAP-ENV:Client.validationError"
    assert text.startswith("Validation error occurred. ")
    assert message in text


def test_interviews_cannot_be_asked_for_changes(ask):
    asked = criteria(changed("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"))

    assert refusal(ask(request("Get_Interviews", asked)))[0] == "SOAP-ENV:Client.validationError"


def test_requests_of_another_version_are_invalid(ask):
    assert refusal(ask(request("Get_Candidates", version="v44.0")))[0] == "SOAP-ENV:Client.validationError"


@pytest.mark.parametrize(("fault", "status"), [(failing(500), 500), (failing(503), 503), (rate_limited(), 429)])
def test_trouble_looks_like_trouble(post, server, fault, status):
    server.faults.queue(fault)

    answer = post(enveloped(request("Get_Candidates")))

    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == ("1" if status == 429 else None)
    assert (b"SOAP-ENV:Server" in answer.content) is (status == 500)
