from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors import saml
from connectors.base import Window
from connectors.errors import BadCredentials, MissingPermission, NotFound, PlatformUnavailable, UnexpectedAnswer
from connectors.platforms.successfactors.connector import SuccessFactorsConnector
from connectors.records import Gone, Record, Unreadable
from connectors.registry import connector_class
from sandbox.platforms.successfactors import SuccessFactorsSimulator
from sandbox.server import DROPPED_CONNECTION, Answer, failing, rate_limited, serve
from tests.connectors.script import Script
from tests.connectors.successfactors.expected import expected
from tests.connectors.successfactors.holding import Holding
from tests.connectors.successfactors.samples import documented, load, rows

STATUSES = "status in 't','f','T','F','e','d'"
LISTING = "$format=json&customPageSize=1000&paging=snapshot"
NAMES = {
    "RemoteUser": "users",
    "JobInterviewStage": "stages",
    "Application": "applications",
    "ScheduledInterview": "interviews",
}


def asked(server):
    return [
        f"{request.path}?{'&'.join(f'{name}={value}' for name, value in request.query)}" for request in server.requests
    ]


def by_id(fetched):
    return {one.remote_id: one for one in fetched if isinstance(one, Record)}


def worded(value):
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def connect_to(simulator, server):
    return SuccessFactorsConnector(credentials=simulator.credentials, base_url=server.url)


def test_it_is_found_by_its_slug():
    assert connector_class("successfactors") is SuccessFactorsConnector


def test_documented_payloads_arrive_in_unified_words():
    simulator = documented()

    with serve(simulator) as server, connect_to(simulator, server) as connector:
        holding = Holding().sync(connector, started_at=datetime(2026, 11, 23, tzinfo=UTC))

    assert {name: list(holding.unified(model).values()) for model, name in NAMES.items()} == load("unified")
    assert holding.others == []


def test_simulated_company_arrives_as_expected(connect, company):
    now = datetime.now(UTC)

    holding = Holding().sync(connect(), started_at=now)

    for model, records in expected(company, now=now).items():
        words = {key: {name: worded(value) for name, value in one.items()} for key, one in records.items()}
        assert holding.unified(model) == words


def test_full_sync_asks_for_everything_in_snapshots(connect, server, everything):
    Holding().sync(connect(), started_at=everything.started_at)

    assert asked(server) == [
        "/oauth/token?",
        f"/odata/v2/User?{LISTING}&$filter={STATUSES}",
        f"/odata/v2/JobApplicationStatus?{LISTING}",
        f"/odata/v2/JobApplication?{LISTING}&$expand=jobAppStatus",
        f"/odata/v2/JobApplicationInterview?{LISTING}&$expand=interviewer,interviewOverallAssessment",
    ]


def test_incremental_sync_asks_for_changed_users_and_applications(connect, server):
    since = datetime(2036, 1, 5, 12, 0, 30, 999_999, tzinfo=UTC)

    Holding().sync(connect(), since=since, started_at=since + timedelta(hours=1))

    changed = "lastModifiedDateTime ge datetimeoffset'2036-01-05T11:55:30Z'"
    assert asked(server)[1:] == [
        f"/odata/v2/User?{LISTING}&$filter={STATUSES} and {changed}",
        f"/odata/v2/JobApplicationStatus?{LISTING}",
        f"/odata/v2/JobApplication?{LISTING}&$expand=jobAppStatus&$filter={changed}",
        f"/odata/v2/JobApplicationInterview?{LISTING}&$expand=interviewer,interviewOverallAssessment",
    ]


def test_incremental_sync_moves_interviews_with_their_application(connect, company):
    holding = Holding().sync(connect(), started_at=datetime.now(UTC))
    for thing in (*company.applications.values(), *company.users.values()):
        thing.updated_at -= timedelta(days=1)
    interview = next(iter(company.interviews.values()))
    stage = next(one for one in company.stages.values() if one.job_id == interview.job_id and one.name == "Offer")
    company.advance(interview.application_id, stage.id)

    lately = Window(since=datetime.now(UTC), started_at=datetime.now(UTC), stored=holding)
    (application,) = connect().fetch_applications(lately)
    holding.records["Application"][application.remote_id] = application
    found = by_id(connect().fetch_interviews(lately))

    assert application.remote_id == str(interview.application_id)
    assert {found[str(seat.id)].job_interview_stage for seat in interview.seats} == {application.current_stage} == {"5"}


def test_pages_follow_each_other_as_they_are():
    simulator = documented()

    with serve(simulator) as server, connect_to(simulator, server) as connector:
        Holding().sync(connector, started_at=datetime.now(UTC))
        lines = asked(server)

    assert sum("$skiptoken=" in line for line in lines) == 4
    assert [line for line in lines if line.startswith("/odata/v2/User")][1].startswith(
        f"/odata/v2/User?{LISTING}&$filter={STATUSES}&$skiptoken="
    )


def test_panel_is_one_interview_for_each_interviewer(connect, company, everything):
    panel = next(one for one in company.interviews.values() if len({seat.user_id for seat in one.seats}) > 2)

    found = by_id(connect().fetch_interviews(everything))

    assert [found[str(seat.id)].interviewers for seat in panel.seats] == [
        (f"{seat.user_id:06}",) for seat in panel.seats
    ]


def test_cancelled_interviews_stay_and_deleted_ones_are_missing(connect, company, everything):
    cancelled, deleted = [one for one in company.interviews.values() if one.seats][:2]
    deleted_ids = {str(seat.id) for seat in deleted.seats}
    company.cancel(cancelled.id)
    company.delete(deleted.id)

    found = by_id(connect().fetch_interviews(everything))

    assert {found[str(seat.id)].status.value for seat in cancelled.seats} == {"CANCELLED"}
    assert not deleted_ids & found.keys()


def test_application_that_is_unfinished_again_is_gone():
    simulator = documented()
    lately = Window(since=datetime(2026, 1, 1, tzinfo=UTC), started_at=datetime.now(UTC))

    with serve(simulator) as server, connect_to(simulator, server) as connector:
        found = list(connector.fetch_applications(lately))

    assert Gone(model_name="Application", remote_id="5006") in found
    assert "5006" not in by_id(found)


def test_stages_come_once_and_as_the_first_row_has_them(connect, company, everything):
    found = list(connect().fetch_job_interview_stages(everything))

    assert max(Counter(one.remote_id for one in found).values()) == 1
    assert len(found) == 5 + len(company.reject_reasons)
    assert not any("(" in one.name for one in found)


# Trouble


@pytest.mark.parametrize("fault", [rate_limited(), failing(500), failing(503), DROPPED_CONNECTION])
def test_trouble_on_the_way_loses_nothing(connect, server, company, fault):
    server.faults.spoil_share(0.3, fault)

    holding = Holding().sync(connect(), started_at=datetime.now(UTC))

    assert len(holding.records["Application"]) == len(company.applications)
    assert holding.records["ScheduledInterview"].keys() >= {str(seat_id) for seat_id in company.seats}


def test_trouble_that_stays_ends_the_listing_after_five_more_tries(connect, server, everything):
    server.faults.queue(failing(502), times=6, path="/odata/v2/User")

    with pytest.raises(PlatformUnavailable):
        list(connect().fetch_users(everything))


@pytest.mark.parametrize("told", [300, None])
def test_rate_limit_is_waited_for_five_minutes(connect, server, everything, told):
    server.faults.queue(rate_limited(retry_after_seconds=told), path="/odata/v2/User")
    connector = connect()

    assert by_id(connector.fetch_users(everything))
    assert 300 <= connector.traffic.waited_seconds <= 300 * 1.25


def test_snapshot_that_ends_is_begun_again(everything):
    simulator = documented()

    with serve(simulator) as server, connect_to(simulator, server) as connector:
        listing = connector.fetch_job_interview_stages(everything)
        next(listing)
        simulator.end_snapshots()
        found = list(listing)

    assert [one.remote_id for one in found] == ["7", "13", "21"]


def test_snapshot_that_ends_twice_fails(everything):
    first = Answer(200, {"d": {"results": rows("User")[:1], "__next": "/odata/v2/User?$skiptoken=a"}})
    script = Script(Answer(200, {"access_token": "t"}), first, Answer(400, {}), first, Answer(400, {}))
    credentials = SuccessFactorsSimulator(None).credentials

    with serve(script) as server, SuccessFactorsConnector(credentials=credentials, base_url=server.url) as connector:  # noqa: SIM117
        with pytest.raises(UnexpectedAnswer, match="answered 400"):
            list(connector.fetch_users(everything))


def test_row_that_cannot_be_read_does_not_stop_the_others():
    changed = {
        "User": [*rows("User"), {**rows("User")[0], "userId": None}],
        "JobApplication": [{**row, "applicationDate": "in May"} for row in rows("JobApplication")[:2]],
        "JobApplicationInterview": [
            {**row, "applicationId": {"id": 5}} if row["applicationInterviewId"] == "70003" else row
            for row in rows("JobApplicationInterview")
        ],
    }
    simulator = documented(**changed)

    with serve(simulator) as server, connect_to(simulator, server) as connector:
        holding = Holding().sync(connector, started_at=datetime.now(UTC))

    assert [(one.model_name, one.remote_id) for one in holding.others if isinstance(one, Unreadable)] == [
        ("RemoteUser", None),
        ("Application", "5000"),
        ("Application", "5003"),
        ("ScheduledInterview", "70003"),
    ]
    assert len(holding.records["ScheduledInterview"]) == 4


@pytest.mark.parametrize("entity", ["User", "JobApplication", "JobApplicationInterview"])
def test_missing_right_is_told_with_the_entitys_name(connect, simulator, entity):
    simulator.denied_entities = {entity}

    with pytest.raises(MissingPermission, match=f"/odata/v2/{entity}: .*no permission"):
        Holding().sync(connect(), started_at=datetime.now(UTC))


def test_module_that_is_not_enabled_fails(connect, simulator, everything):
    simulator.missing_entities = {"JobApplication"}

    with pytest.raises(NotFound, match="JobApplication"):
        list(connect().fetch_applications(everything))


@pytest.mark.parametrize("payload", [[], {"d": []}, {"d": {"results": None}}, {"results": []}])
def test_answer_that_is_no_list_is_unexpected(everything, payload):
    script = Script(Answer(200, {"access_token": "t"}), Answer(200, payload))
    credentials = SuccessFactorsSimulator(None).credentials

    with serve(script) as server, SuccessFactorsConnector(credentials=credentials, base_url=server.url) as connector:  # noqa: SIM117
        with pytest.raises(UnexpectedAnswer, match="other than a list"):
            list(connector.fetch_users(everything))


# Credentials


def test_token_that_was_revoked_is_renewed(connect, server, simulator, everything):
    connector = connect()
    connector.check()
    simulator.forget_tokens()

    assert by_id(connector.fetch_users(everything))
    assert [request.path for request in server.requests].count("/oauth/token") == 2


def test_token_is_kept_until_a_minute_before_its_end(connect, server):
    connector = connect()
    now = datetime.now(UTC)
    for seconds in (0, 86399 - 61, 86399 - 59):
        with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
            connector.check()

    assert [request.path for request in server.requests].count("/oauth/token") == 2


@pytest.mark.parametrize("name", ["company_id", "client_id", "user_id"])
def test_wrong_credentials_are_said_to_be(connect, name):
    with pytest.raises(BadCredentials, match="POST /oauth/token: answered 401"):
        connect(**{name: "somebody else"}).check()


def test_key_that_cannot_be_read_is_said_to_be(connect, server):
    with pytest.raises(BadCredentials, match="private key cannot be used") as caught:
        connect(private_key="-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----").check()

    assert "MIIE" not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize(("made_ago", "is_good"), [(timedelta(0), True), (timedelta(hours=1), False)])
def test_assertion_of_the_customers_is_sent_as_it_is(connect, server, simulator, made_ago, is_good):
    assertion = saml.bearer_assertion(
        saml.read_key(simulator.credentials["private_key"]),
        issuer="somebody",
        subject=simulator.user_id,
        recipient=f"{server.url}/oauth/token",
        audience="www.successfactors.com",
        attributes={"api_key": simulator.client_id},
        now=datetime.now(UTC) - made_ago,
    )
    connector = connect(private_key="", saml_assertion=assertion)

    if is_good:
        connector.check()
    else:
        with pytest.raises(BadCredentials, match="NotOnOrAfter"):
            connector.check()


GOOD = {"company_id": "a", "client_id": "b", "user_id": "c"}
EC_KEY = generate_ec_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, {"company_id", "client_id", "user_id", "private_key"}),
        ({**GOOD, "saml_assertion": "PHNhbWw+"}, set()),
        (GOOD, {"private_key"}),
        ({**GOOD, "private_key": "secret"}, {"private_key"}),
        ({**GOOD, "private_key": EC_KEY}, {"private_key"}),
        ({**SuccessFactorsSimulator(None).credentials}, set()),
        ({**SuccessFactorsSimulator(None).credentials, "saml_assertion": "PHNhbWw+"}, {"saml_assertion"}),
    ],
)
def test_one_of_key_and_assertion_is_needed(given, wrong):
    assert SuccessFactorsConnector.validate_credentials(given).keys() == wrong
