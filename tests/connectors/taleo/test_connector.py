from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode

import pytest

from connectors.errors import (
    BadCredentials,
    ChangesUnknown,
    NotFound,
    PlatformUnavailable,
    RateLimited,
    UnexpectedAnswer,
)
from connectors.platforms.taleo.connector import TaleoConnector
from connectors.records import Original, Record, RejectReasonRecord, Unreadable
from connectors.registry import connector_class
from sandbox.company import ApplicationState, InterviewState
from sandbox.server import DROPPED_CONNECTION, Answer, failing, rate_limited, serve
from tests.connectors.script import Script
from tests.connectors.taleo.expected import expected
from tests.connectors.taleo.memory import NOW
from tests.connectors.taleo.samples import listings, load, rows, simulated
from tests.connectors.words import unified

SERVICE = "/CH07/ats/api/v1"
CREDENTIALS = {"company_code": "ACMECO", "username": "api.sync", "password": "s3cret"}
NAMES = {
    "RemoteUser": "users",
    "JobInterviewStage": "stages",
    "Application": "applications",
    "ScheduledInterview": "interviews",
}


def asked(server):
    return [
        f"{request.method} {request.path.removeprefix(SERVICE)}"
        + (f"?{urlencode(request.query)}" * bool(request.query))
        for request in server.requests
    ]


def shown(record):
    """Return a record as `expected` words it."""
    found = unified(record)
    times = {name: datetime.fromisoformat(value) for name, value in found.items() if value and name.endswith("_at")}
    return found | times


def linked(simulator, server):
    return TaleoConnector(credentials=simulator.credentials, base_url=server.url + simulator.base_path)


def wrapped(**response):
    return Answer(200, {"response": response, "status": {"success": True, "detail": {}}})


def refused(name, status):
    return Answer(status, load(name))


def test_it_is_found_by_its_slug():
    assert connector_class("taleo") is TaleoConnector


@pytest.mark.parametrize("has_interview_search", [True, False])
def test_documented_payloads_arrive_in_unified_words(memory, has_interview_search):
    simulator = simulated()
    simulator.has_interview_search = has_interview_search

    with serve(simulator) as server, linked(simulator, server) as connector:
        memory.sync(connector)

    for model, name in NAMES.items():
        found = [unified(record) for record in memory.records[model].values()]
        assert sorted(found, key=lambda one: one["remote_id"]) == sorted(
            load("unified")[name], key=lambda one: one["remote_id"]
        )


@pytest.mark.parametrize("has_interview_search", [True, False])
def test_full_sync_brings_all_there_is(connect, simulator, company, memory, has_interview_search):
    simulator.has_interview_search = has_interview_search

    memory.sync(connect())

    for model, records in expected(company, now=datetime.now(UTC)).items():
        assert {key: shown(record) for key, record in memory.records[model].items()} == records


def test_full_sync_asks_for_everything_with_one_login(connect, server, company, memory):
    connector = connect()
    memory.sync(connector)
    connector.close()

    requisitions = [f"GET /object/candidateapplication?requisitionId={job_id}" for job_id in company.jobs]
    lines = asked(server)
    assert sorted(lines[6:-3]) == sorted(requisitions)
    assert [*lines[:6], *lines[-3:]] == [
        "GET /MANAGER/dispatcher/api/v1/serviceUrl/ACMECO",
        "POST /login",
        "GET /object/user/search?limit=500",
        "GET /object/status/CAREQ",
        "GET /object/candidate/search?limit=500",
        "GET /object/requisition/search?limit=500",
        "GET /object/interview/search?limit=0",
        "GET /object/interview/search?limit=500",
        "POST /logout",
    ]


def test_login_is_a_form_and_its_token_the_only_proof(connect, server, simulator):
    connect().check()

    (_, login, info) = server.requests
    form = {name: value for name, (value,) in parse_qs(login.body.decode()).items()}
    assert form == {"orgCode": "ACMECO", "userName": "api.sync", "password": simulator.password}
    assert login.query == ()
    assert info.headers["cookie"].startswith("authToken=webapi2-")
    assert "authorization" not in info.headers


def test_pages_are_followed_as_they_are(connect, server, company, memory):
    for number in range(1100):
        company.add_interview(
            application_id=next(iter(company.applications)),
            slot_id=next(iter(company.slots)),
            user_ids=[],
            starts_at=NOW + timedelta(hours=number),
        )

    memory.sync(connect())

    pages = [request.query for request in server.requests if request.path.endswith("interview/search")][1:]
    assert [[name for name, _ in query] for query in pages] == [
        ["limit"],
        ["searchId", "start", "limit", "digicode"],
        ["searchId", "start", "limit", "digicode"],
    ]
    assert len(memory.records["ScheduledInterview"]) == len(company.interviews)


def test_applications_keep_their_candidates_original(memory):
    simulator = simulated(candidate=rows("candidate_search", "candidate")[:1])

    with serve(simulator) as server, linked(simulator, server) as connector:
        memory.sync(connector)

    paths = {key: [path for path, _ in one.remote_data] for key, one in memory.records["Application"].items()}
    assert paths["201600"] == ["object/candidateapplication/201600", "object/candidate/184000"]
    # The candidate was not listed.
    assert paths["201607"] == ["object/candidateapplication/201607"]


def test_interviews_keep_their_original_unchanged(connect, simulator, memory):
    memory.sync(connect())

    record = next(iter(memory.records["ScheduledInterview"].values()))
    payload = simulator.rows.row("interview", int(record.remote_id))
    assert record.remote_data == (Original(f"object/interview/{record.remote_id}", payload),)


def test_bad_payloads_do_not_stop_the_others(memory):
    payloads = listings()
    payloads["interview"][0]["startDate"] = "half past nine"
    payloads["candidateapplication"][0]["status"] = [1]
    del payloads["user"][0]["userId"]
    payloads["requisition"][1]["reqId"] = None
    simulator = simulated(**payloads)

    with serve(simulator) as server, linked(simulator, server) as connector:
        found = memory.sync(connector)

    unreadable = {
        model: [one.remote_id for one in entries if isinstance(one, Unreadable)] for model, entries in found.items()
    }
    assert unreadable == {
        "RemoteUser": [None],
        "JobInterviewStage": [],
        "Application": [None, "201600"],
        "ScheduledInterview": ["3001"],
    }
    assert len(memory.records["ScheduledInterview"]) == len(payloads["interview"]) - 1


def test_user_who_cannot_be_read_is_still_known_by_login_name(memory):
    """We may have stored him before."""
    payloads = listings()
    (user,) = (one for one in payloads["user"] if one["loginName"] == "rcastell")
    user["creationDate"] = "long ago"
    simulator = simulated(**payloads)

    with serve(simulator) as server, linked(simulator, server) as connector:
        memory.read(connector, "RemoteUser")
        organizers = {
            one.remote_id: one.organizer
            for one in memory.read(connector, "ScheduledInterview")
            if isinstance(one, Record)
        }

    assert organizers["3001"] == "7"


def after_page(simulator, kind, act):
    """Have something happen once the first page of a search has been told."""
    page = simulator._page

    def page_and_act(url, search_id, search, start, limit):
        answer = page(url, search_id, search, start, limit)
        if search.kind == kind and limit:
            simulator._page = page
            act()
        return answer

    simulator._page = page_and_act


def test_candidate_deleted_on_the_way_has_no_interviews(connect, server, simulator, company, memory):
    simulator.has_interview_search = False
    application = next(iter(company.applications.values()))
    connector = connect()
    memory.read(connector, "Application")

    after_page(simulator, "candidate", lambda: company.delete_application(application.id))
    memory.read(connector, "ScheduledInterview")

    assert len(memory.records["ScheduledInterview"]) == len(company.interviews)
    assert f"GET /object/candidate/{application.candidate_id}/interview" in asked(server)


def test_list_below_something_that_is_still_there_is_not_taken_for_empty(connect, server, simulator, memory):
    simulator.has_interview_search = False
    server.faults.queue(failing(404), path=f"{SERVICE}/object/candidate/3")

    with pytest.raises(NotFound):
        memory.sync(connect())


# Incremental syncs


@pytest.fixture
def synced_at(company, connect, memory):
    """The start of the last good sync; all that was invented happened days before."""
    for thing in (*company.users.values(), *company.applications.values(), *company.interviews.values()):
        thing.updated_at -= timedelta(days=3)
        thing.created_at -= timedelta(days=3)
    for thing in company.candidates.values():
        thing.created_at -= timedelta(days=3)
    for seat in company.seats.values():
        seat.updated_at -= timedelta(days=3)
    company.version += 1
    now = datetime.now(UTC)
    memory.sync(connect(), started_at=now)
    return now


def a_busy_application(company):
    """Return an application that is somewhere and has interviews."""
    return next(
        company.applications[one.application_id]
        for one in company.interviews.values()
        if company.applications[one.application_id].state is ApplicationState.ACTIVE
    )


def test_incremental_sync_asks_for_the_day_of_the_last_one(connect, server, simulator, company, synced_at, memory):
    application = a_busy_application(company)
    company.reject(application.id, next(iter(company.reject_reasons)))
    server.requests.clear()
    since = datetime(2026, 11, 1, 23, 30, tzinfo=UTC)
    memory.states["Application"] = {"began_at": since.isoformat()}

    memory.sync(connect(), since=since)

    lines = asked(server)
    assert [line for line in lines if "candidateId" not in line and "/interview?" not in line][2:] == [
        "GET /object/user/search?limit=500",
        "GET /object/status/CAREQ",
        "GET /object/candidate/search?limit=500&lastUpdated_from=2026-11-01",
        "GET /object/interview/search?limit=0",
        "GET /object/interview/search?limit=500&lastUpdated_from=2026-11-01",
        f"GET /object/candidate/{application.candidate_id}/interview",
    ]
    assert f"GET /object/candidateapplication?candidateId={application.candidate_id}" in lines


def test_interviews_move_on_with_their_application(connect, company, synced_at, memory):
    application = a_busy_application(company)
    company.reject(application.id, next(iter(company.reject_reasons)))
    theirs = [str(one.id) for one in company.interviews.values() if one.application_id == application.id]

    found = memory.sync(connect(), since=synced_at)

    assert sorted(one.remote_id for one in found["ScheduledInterview"]) == sorted(theirs)
    assert {memory.records["ScheduledInterview"][key].job_interview_stage for key in theirs} == {"14"}


def test_interviews_of_others_are_not_read_again(connect, server, company, synced_at, memory):
    """The candidate has changed, the stage of the application has not."""
    a_busy_application(company).updated_at = synced_at + timedelta(minutes=1)
    company.version += 1
    server.requests.clear()

    found = memory.sync(connect(), since=synced_at)

    assert len([one for one in found["Application"] if isinstance(one, Record)]) == 1
    assert found["ScheduledInterview"] == []


def test_changes_arrive(connect, company, synced_at, memory):
    first, second, third, *_ = (one for one in company.interviews.values() if one.state is InterviewState.COMPLETE)
    company.reschedule(first.id, datetime(2027, 3, 1, 9, 0, tzinfo=UTC))
    company.cancel(second.id)
    company.join(third.id, next(user_id for user_id in company.users if all(user_id != s.user_id for s in third.seats)))
    company.add_interview(
        application_id=first.application_id,
        slot_id=first.slot_id,
        user_ids=[4003, 4001],
        starts_at=datetime(2027, 3, 1, 9, 0, tzinfo=UTC),
    )
    company.rename_user(4001, first_name="Zoë", last_name="Ueda")

    memory.sync(connect(), since=synced_at)

    for model, records in expected(company, now=datetime.now(UTC)).items():
        assert {key: shown(record) for key, record in memory.records[model].items()} == records


def test_without_interview_search_all_candidates_are_gone_through(
    connect, server, simulator, company, synced_at, memory
):
    simulator.has_interview_search = False
    server.requests.clear()

    memory.sync(connect(), since=synced_at)

    lines = asked(server)
    assert "GET /object/candidate/search?limit=500" in lines
    assert sum(line.endswith("/interview") for line in lines) == len(company.candidates)


def test_applications_that_were_not_read_to_their_end_take_all_interviews(connect, synced_at, memory):
    """Nobody knows any more which of them had changed their stage."""
    memory.states["Application"] = {"began_at": (synced_at + timedelta(hours=1)).isoformat()}
    connector = connect()
    memory.read(connector, "Application", since=synced_at)

    with pytest.raises(ChangesUnknown):
        memory.read(connector, "ScheduledInterview", since=synced_at)


@pytest.mark.parametrize("applications_since", [timedelta(hours=1), None])
def test_interviews_that_lag_behind_the_applications_are_all_read(connect, synced_at, memory, applications_since):
    connector = connect()
    since = applications_since and synced_at + applications_since
    memory.read(connector, "Application", since=since)

    with pytest.raises(ChangesUnknown):
        memory.read(connector, "ScheduledInterview", since=synced_at)


# Logging in and out


def test_every_connector_gives_its_token_back(connect, simulator, memory):
    for _ in range(25):
        with connect() as connector:
            connector.check()

    assert simulator.live_tokens == 0


def test_token_is_given_back_after_trouble(connect, server, simulator, memory):
    server.faults.queue(failing(500), times=6, path=f"{SERVICE}/object/user")

    with connect() as connector, pytest.raises(PlatformUnavailable):
        memory.sync(connector)

    assert simulator.live_tokens == 0


def test_trouble_with_giving_a_token_back_is_no_failure(connect, server):
    server.faults.queue(failing(500), times=6, path=f"{SERVICE}/logout")

    with connect() as connector:
        connector.check()

    assert asked(server)[-1] == "POST /logout"


def test_whoever_never_logged_in_does_not_log_out(connect, server):
    connect().close()

    assert server.requests == []


def test_token_that_ended_on_the_way_is_replaced(connect, server, simulator, company, memory):
    connector = connect()
    memory.read(connector, "RemoteUser")
    simulator.forget_tokens()

    memory.sync(connector)
    connector.close()

    assert len(memory.records["ScheduledInterview"]) == len(company.interviews)
    assert asked(server).count("POST /login") == 2
    assert simulator.live_tokens == 0


def test_token_that_ended_among_parallel_calls_is_replaced_once(connect, server, simulator, company, memory):
    connector = connect()
    memory.read(connector, "RemoteUser")
    below = simulator.rows.below

    def forget_once(*about):
        simulator.rows.below = below
        simulator.forget_tokens()
        return below(*about)

    simulator.rows.below = forget_once
    memory.read(connector, "Application")

    assert len(memory.records["Application"]) == len(company.applications)
    assert asked(server).count("POST /login") == 2


def test_new_token_that_is_refused_as_well_is_an_error_but_not_of_the_credentials():
    script = Script(wrapped(URL="http://127.0.0.1/x"), wrapped(authToken="t1"), refused("error_500_token", 500))
    with serve(script) as server:
        script.answers[0] = wrapped(URL=f"{server.url}{SERVICE}/")
        script.answers[3:] = [wrapped(authToken="t2"), refused("error_500_token", 500)]
        connector = TaleoConnector(credentials=CREDENTIALS, base_url=f"{server.url}/MANAGER/dispatcher/api/v1")

        with pytest.raises(PlatformUnavailable, match="expired or invalid") as caught:
            connector.check()

    assert "webapi2" not in str(caught.value)
    assert len(server.requests) == 5


@pytest.mark.parametrize("wrong", ["company_code", "username", "password"])
def test_wrong_credentials_are_said_to_be(connect, wrong):
    with pytest.raises(BadCredentials) as caught:
        connect(**{wrong: "hunter2"}).check()

    assert "hunter2" not in str(caught.value) or wrong == "company_code"


def test_too_many_tokens_are_waited_for_and_no_matter_of_credentials(connect, server, simulator):
    for _ in range(20):
        simulator.log_in()

    with pytest.raises(RateLimited, match="Maximum number of login tokens reached"):
        connect().check()

    assert asked(server).count("POST /login") == 1


# Where to call


@pytest.mark.parametrize(
    ("base_url", "url", "is_trusted"),
    [
        (None, "https://ch.tbe.taleo.net/CH07/ats/api/v1", True),
        (None, "http://ch.tbe.taleo.net/CH07/ats/api/v1", False),
        (None, "https://taleo.net.example.com/CH07", False),
        (None, "https://eviltaleo.net/CH07", False),
        (None, "https://tbe.taleo.net@example.com/CH07", False),
        ("http://proxy:81/MANAGER/dispatcher/api/v1", "http://proxy:82/CH07", True),
        ("http://proxy:81/MANAGER/dispatcher/api/v1", "https://ch.tbe.taleo.net/CH07", False),
        ("http://proxy:81/MANAGER/dispatcher/api/v1", "file:///etc/passwd", False),
        ("http://proxy:81/MANAGER/dispatcher/api/v1", "http://[", False),
    ],
)
def test_password_goes_only_to_hosts_that_are_the_vendors_or_the_customers(base_url, url, is_trusted):
    connector = TaleoConnector(credentials=CREDENTIALS, base_url=base_url)

    assert connector.login._is_trusted(url) is is_trusted


def test_service_url_elsewhere_is_refused():
    with (
        serve(Script(wrapped(URL="https://example.com/api/v1"))) as server,
        TaleoConnector(credentials=CREDENTIALS, base_url=f"{server.url}/MANAGER/dispatcher/api/v1") as connector,
        pytest.raises(UnexpectedAnswer, match="elsewhere"),
    ):
        connector.check()

    assert len(server.requests) == 1


@pytest.mark.parametrize("base_url", ["https://acme.taleo.net", "https://tbe.taleo.net/MANAGER/dispatcher/api/v2"])
def test_other_addresses_are_not_called(base_url):
    connector = TaleoConnector(credentials=CREDENTIALS, base_url=base_url)

    with pytest.raises(BadCredentials, match="Taleo Enterprise"):
        connector.check()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"company_code": ""}, "Taleo Enterprise"),
        ({"time_zone": "Boston"}, "time zone"),
        ({"time_zone": "../../etc/passwd"}, "time zone"),
    ],
)
def test_problems_with_credentials_are_explained(changes, problem):
    ((name, text),) = TaleoConnector.validate_credentials(CREDENTIALS | changes).items()

    assert name in changes
    assert problem in text


@pytest.mark.parametrize("time_zone", ["", "UTC", "America/New_York"])
def test_time_zone_may_be_given(time_zone):
    assert TaleoConnector.validate_credentials(CREDENTIALS | {"time_zone": time_zone}) == {}


# Trouble


@pytest.mark.parametrize(
    "fault", [rate_limited(), rate_limited(retry_after_seconds=None), failing(503), DROPPED_CONNECTION]
)
def test_trouble_on_the_way_loses_nothing(connect, server, company, memory, fault):
    server.faults.spoil_share(0.2, fault)

    memory.sync(connect())

    assert len(memory.records["ScheduledInterview"]) == len(company.interviews)
    assert len(memory.records["Application"]) == len(company.applications)


def test_trouble_that_stays_ends_the_listing_after_five_more_tries(connect, server, memory):
    server.faults.queue(failing(503), times=6, path=f"{SERVICE}/object/user")

    with pytest.raises(PlatformUnavailable):
        memory.sync(connect())

    assert len(server.requests) == 2 + 6


def test_search_that_was_forgotten_is_begun_again_once(connect, server, simulator, company, memory):
    for _ in range(500):
        company.add_interview(
            application_id=next(iter(company.applications)),
            slot_id=next(iter(company.slots)),
            user_ids=[],
            starts_at=NOW,
        )

    after_page(simulator, "interview", simulator.forget_searches)
    memory.sync(connect())

    assert len(memory.records["ScheduledInterview"]) == len(company.interviews)
    assert asked(server).count("GET /object/interview/search?limit=500") == 2


def test_search_that_is_refused_at_once_is_not_begun_again(connect, server, memory):
    server.faults.queue(failing(400), path=f"{SERVICE}/object/user")

    with pytest.raises(UnexpectedAnswer, match="400"):
        memory.sync(connect())

    assert asked(server).count("GET /object/user/search?limit=500") == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, load("error_400_parameter")),
        Answer(200, []),
        Answer(200, {}),
        wrapped(),
        wrapped(one=[], other=[]),
    ],
)
def test_answer_that_is_no_list_is_unexpected(answer, memory):
    script = Script(wrapped(), wrapped(authToken="t"), answer)
    with serve(script) as server:
        script.answers[0] = wrapped(URL=f"{server.url}{SERVICE}")
        connector = TaleoConnector(credentials=CREDENTIALS, base_url=f"{server.url}/MANAGER/dispatcher/api/v1")

        with pytest.raises(UnexpectedAnswer):
            memory.read(connector, "RemoteUser")


@pytest.mark.parametrize(
    ("following", "problem"),
    [("https://example.com/next?start=2", "another host"), (f"{SERVICE}/object/user/search?start=2", "before")],
)
def test_misleading_next_pages_are_refused(following, problem, memory):
    script = Script(wrapped(), wrapped(authToken="t"), wrapped(searchResults=[], pagination={"next": following}))
    with serve(script) as server:
        script.answers[0] = wrapped(URL=f"{server.url}{SERVICE}")
        connector = TaleoConnector(credentials=CREDENTIALS, base_url=f"{server.url}/MANAGER/dispatcher/api/v1")

        with pytest.raises(UnexpectedAnswer, match=problem):
            memory.read(connector, "RemoteUser")


def test_users_are_read_again_where_they_could_not_be_listed(connect, company, memory):
    """Else people would vanish from everything that is named by login."""
    connector = connect()
    memory.read(connector, "JobInterviewStage")
    memory.read(connector, "Application")

    credited = {one.credited_to for one in memory.records["Application"].values()}
    assert credited - {None} == {
        str(user_id)
        for one in company.applications.values()
        if one.referrer_id and (user_id := company.referrers[one.referrer_id].user_id)
    }


def test_reject_reasons_are_known_by_their_name(connect, memory):
    memory.sync(connect())

    reasons = {one.reject_reason for one in memory.records["Application"].values()}
    assert RejectReasonRecord(remote_id="Lacking skills", name="Lacking skills") in reasons
