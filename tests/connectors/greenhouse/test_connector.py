from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import Window
from connectors.errors import BadCredentials, MissingPermission, PlatformUnavailable, UnexpectedAnswer
from connectors.platforms.greenhouse.connector import GreenhouseConnector
from connectors.records import Gap, Record, Unreadable
from connectors.registry import connector_class
from sandbox.company import InterviewState
from sandbox.platforms.greenhouse import GreenhouseSimulator, PayloadRows
from sandbox.server import DROPPED_CONNECTION, Answer, failing, rate_limited, serve
from tests.connectors.greenhouse.samples import LISTINGS, asked, documented, load
from tests.connectors.script import Script
from tests.connectors.words import unified

MODELS = {
    "users": "users",
    "stages": "job_interview_stages",
    "applications": "applications",
    "interviews": "interviews",
}


def by_id(fetched):
    return {one.remote_id: one for one in fetched if isinstance(one, Record)}


def fetch_all(connector, window):
    return {model: list(getattr(connector, f"fetch_{name}")(window)) for model, name in MODELS.items()}


def test_it_is_found_by_its_slug():
    assert connector_class("greenhouse") is GreenhouseConnector


@pytest.mark.parametrize("version", ["v3", "v1"])
def test_documented_payloads_arrive_in_unified_words(version, everything):
    simulator = documented(version)
    credentials = simulator.credentials if version == "v3" else simulator.v1_credentials

    with serve(simulator) as server, GreenhouseConnector(credentials=credentials, base_url=server.url) as connector:
        found = fetch_all(connector, everything)

    for model, expected in load(f"unified_from_{version}").items():
        records = [unified(record) for record in found[model]]
        assert sorted(records, key=lambda one: one["remote_id"]) == sorted(expected, key=lambda one: one["remote_id"])


def test_full_sync_asks_for_everything_without_a_filter(connect, server, everything):
    fetch_all(connect(user_id="4001"), everything)

    assert server.requests[0].body == b"grant_type=client_credentials&sub=4001"
    assert asked(server) == [
        "/token?",
        "/v3/users?per_page=500&show_service_accounts=true",
        "/v3/job_interview_stages?per_page=500",
        "/v3/sources?per_page=500",
        "/v3/referrers?per_page=500",
        "/v3/rejection_reasons?per_page=500&include_defaults=true",
        "/v3/applications?per_page=500",
        "/v3/job_interviews?per_page=500",
        "/v3/interviews?per_page=500",
        "/v3/interviewers?per_page=500",
    ]


def test_incremental_sync_asks_for_a_window_that_overlaps_the_last_one(connect, server):
    window = Window(
        since=datetime(2036, 1, 5, 12, 0, tzinfo=UTC), started_at=datetime(2036, 1, 5, 13, 0, 0, 5000, tzinfo=UTC)
    )

    fetch_all(connect(), window)

    changed = "updated_at=gte|2036-01-05T11:55:00.000Z|lte|2036-01-05T13:00:00.005Z"
    assert [line for line in asked(server) if "updated_at" in line] == [
        f"/v3/users?per_page=500&show_service_accounts=true&{changed}",
        f"/v3/job_interview_stages?per_page=500&{changed}",
        f"/v3/applications?per_page=500&{changed}",
        f"/v3/interviews?per_page=500&{changed}",
        f"/v3/interviewers?per_page=500&{changed}",
    ]


def test_full_sync_brings_all_there_is(connect, company, everything):
    found = fetch_all(connect(), everything)

    assert len(found["users"]) == len(company.users)
    assert len(found["stages"]) == len(company.stages)
    assert len(found["applications"]) == len(company.applications)
    assert len(found["interviews"]) == len(company.interviews)


def test_pages_beyond_the_first_are_read(connect, server, company, everything):
    for interview in list(company.interviews.values()):
        for _ in range(5):
            company.seat(interview, user_id=4001, created_at=interview.created_at)

    found = by_id(connect().fetch_interviews(everything))

    assert sum("cursor=" in line for line in asked(server)) == len(company.seats) // 500
    assert all("4001" in record.interviewers for record in found.values())


@pytest.mark.parametrize("version", ["v3", "v1"])
def test_both_versions_tell_the_same(connect, simulator, everything, version):
    found = fetch_all(connect(), everything)
    in_v1 = fetch_all(connect(**simulator.v1_credentials, client_id="", client_secret=""), everything)

    placeholders = {record.remote_id for record in found["interviews"] if record.status.origin == "to_be_scheduled"}
    for model in ("users", "stages", "interviews"):
        same = {key: unified(one) for key, one in by_id(found[model]).items() if key not in placeholders}
        assert {key: unified(one) for key, one in by_id(in_v1[model]).items() if key not in placeholders} == same


def test_declared_fields_are_exactly_those_that_the_payloads_fill():
    declared = dict(zip(MODELS, GreenhouseConnector.models.values(), strict=True))
    filled = {
        model: {
            field
            for version in LISTINGS
            for record in load(f"unified_from_{version}")[model]
            for field, value in record.items()
            if value not in (None, [])
        }
        for model in MODELS
    }

    for model, support in declared.items():
        assert filled[model] - {"remote_id", "remote_was_deleted"} == support.fields, model


# Incremental syncs


@pytest.fixture
def interview(company):
    return next(one for one in company.interviews.values() if one.state is InterviewState.COMPLETE)


@pytest.fixture
def synced_at(company):
    """The start of the last sync; all that was invented happened long before."""
    for thing in (*company.interviews.values(), *company.seats.values()):
        thing.updated_at = thing.created_at = thing.created_at - timedelta(days=1)
    return datetime.now(UTC)


def test_nothing_changed_brings_nothing(connect, synced_at, lately):
    assert list(connect().fetch_interviews(lately(synced_at))) == []


def test_rescheduled_interview_comes_with_its_whole_panel(connect, company, interview, synced_at, lately, everything):
    before = by_id(connect().fetch_interviews(everything))[str(interview.id)]
    company.reschedule(interview.id, datetime(2027, 3, 1, 9, 0, tzinfo=UTC))

    (record,) = connect().fetch_interviews(lately(synced_at))

    assert record.start_at == datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
    assert record.interviewers == before.interviewers


def test_whoever_joins_is_seen_though_the_interview_does_not_move(connect, company, interview, synced_at, lately):
    newcomer = next(user_id for user_id in company.users if user_id not in {seat.user_id for seat in interview.seats})
    company.join(interview.id, newcomer)

    (record,) = connect().fetch_interviews(lately(synced_at))

    assert record.remote_id == str(interview.id)
    assert len(record.interviewers) > 1
    assert record.interviewers[-1] == str(newcomer)


def test_whoever_leaves_is_gone(connect, company, interview, synced_at, lately):
    company.reassign(interview.id, [4001, 4002])
    company.leave(interview.id, 4001)

    (record,) = connect().fetch_interviews(lately(synced_at))

    assert record.interviewers == ("4002",)


def test_new_interview_arrives(connect, company, interview, synced_at, lately):
    new = company.add_interview(
        application_id=interview.application_id,
        slot_id=interview.slot_id,
        user_ids=[4003, 4001],
        starts_at=datetime(2027, 3, 1, 9, 0, tzinfo=UTC),
    )

    (record,) = connect().fetch_interviews(lately(synced_at))

    assert record.remote_id == str(new.id)
    assert record.interviewers == ("4003", "4001")
    assert record.job_interview_stage == str(company.slots[interview.slot_id].stage_id)


def test_cancelled_and_deleted_interviews_are_no_longer_listed(connect, company, interview, everything):
    other = next(one for one in company.interviews if one != interview.id)
    company.cancel(interview.id)
    company.delete(other)

    found = by_id(connect().fetch_interviews(everything))

    assert not {str(interview.id), str(other)} & found.keys()


def test_many_changes_are_asked_for_fifty_at_a_time(connect, server, company, synced_at, lately):
    for interview_id in list(company.interviews)[:110]:
        company.join(interview_id, 4001)

    found = by_id(connect().fetch_interviews(lately(synced_at)))

    assert len(found) == 110
    assert [line.count(",") + 1 for line in asked(server) if "?per_page=500&ids=" in line] == [50, 50, 10]


# Trouble


@pytest.mark.parametrize("fault", [rate_limited(), failing(500), failing(503), DROPPED_CONNECTION])
def test_trouble_on_the_way_loses_nothing(connect, server, company, everything, fault):
    server.faults.spoil_share(0.3, fault)

    found = fetch_all(connect(), everything)

    assert len(by_id(found["interviews"])) == len(company.interviews)
    assert len(by_id(found["applications"])) == len(company.applications)


def test_trouble_that_stays_ends_the_listing(connect, server, everything):
    server.faults.queue(failing(500), times=6, path="/v3/users")

    with pytest.raises(PlatformUnavailable):
        list(connect().fetch_users(everything))


def test_token_that_the_platform_forgot_is_renewed(connect, simulator, everything):
    connector = connect()
    connector.check()
    simulator.forget_tokens()

    assert list(connector.fetch_users(everything))


@pytest.mark.parametrize(
    "wrong",
    [{"client_secret": "wrong"}, {"client_id": "wrong"}, {"user_id": "1"}, {"api_version": "v1", "api_key": "x"}],
)
def test_wrong_credentials_are_said_to_be(connect, wrong):
    with pytest.raises(BadCredentials) as caught:
        connect(**wrong).check()

    assert "wrong" not in str(caught.value)


def test_user_who_is_no_site_admin_may_not_read(connect, company):
    nobody = next(user.id for user in company.users.values() if not user.is_admin)

    with pytest.raises(MissingPermission, match="Site Admin"):
        connect(user_id=str(nobody)).check()


def test_dictionary_that_may_not_be_read_leaves_a_gap(connect, simulator, company, everything):
    simulator.denied_listings = {"v3/sources", "v3/job_interviews"}
    connector = connect()

    applications, interviews = (
        list(connector.fetch_applications(everything)),
        list(connector.fetch_interviews(everything)),
    )

    assert [type(one) for one in applications].count(Gap) == 1
    assert len(by_id(applications)) == len(company.applications)
    assert {one.source for one in by_id(applications).values()} == {str(source) for source in company.sources}
    assert [one.job_interview_stage for one in by_id(interviews).values()] == [None] * len(company.interviews)


def test_listing_that_may_not_be_read_fails(connect, simulator, everything):
    simulator.denied_listings = {"v3/interviews"}

    with pytest.raises(MissingPermission, match="harvest:interviews:list"):
        list(connect().fetch_interviews(everything))


def test_payload_that_cannot_be_read_does_not_stop_the_others(everything):
    rows = load("v3_interviews")
    rows[1]["starts_at"] = "half past nine"
    panel = [*load("v3_interviewers"), {"id": 1, "interview_id": None}]
    simulator = GreenhouseSimulator(PayloadRows({"v3/interviews": rows, "v3/interviewers": panel}))

    with (
        serve(simulator) as server,
        GreenhouseConnector(credentials=simulator.credentials, base_url=server.url) as connector,
    ):
        found = list(connector.fetch_interviews(everything))

    unreadable = [(one.remote_id, one.reason) for one in found if isinstance(one, Unreadable)]
    assert [remote_id for remote_id, _ in unreadable] == [None, str(rows[1]["id"])]
    assert "half past nine" in unreadable[1][1]
    assert len(by_id(found)) == len(rows) - 1


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ('<https://example.com/v3/users?cursor=a>; rel="next"', "another host"),
        ('</v3/users?cursor=a>; rel="next"', "before"),
    ],
)
def test_misleading_next_pages_are_refused(everything, link, problem):
    script = Script(Answer(200, {"access_token": "t"}), Answer(200, [], {"Link": link}))
    credentials = {"client_id": "a", "client_secret": "b"}

    with serve(script) as server, GreenhouseConnector(credentials=credentials, base_url=server.url) as connector:  # noqa: SIM117
        with pytest.raises(UnexpectedAnswer, match=problem):
            list(connector.fetch_users(everything))


def test_listing_that_is_no_list_is_unexpected(everything):
    script = Script(Answer(200, {"access_token": "t"}), Answer(200, {"users": []}))
    credentials = {"client_id": "a", "client_secret": "b"}

    with serve(script) as server, GreenhouseConnector(credentials=credentials, base_url=server.url) as connector:  # noqa: SIM117
        with pytest.raises(UnexpectedAnswer):
            list(connector.fetch_users(everything))


# Credentials and hosts


@pytest.mark.parametrize(
    ("base_url", "credentials", "expected"),
    [
        (None, {}, "https://auth.greenhouse.io/token"),
        ("https://harvest.greenhouse.io/", {}, "https://auth.greenhouse.io/token"),
        ("http://proxy:8100/", {}, "http://proxy:8100/token"),
        ("http://proxy:8100", {"auth_base_url": "http://auth/"}, "http://auth/token"),
    ],
)
def test_token_endpoint_moves_with_the_base_url(base_url, credentials, expected):
    connector = GreenhouseConnector(
        credentials={"client_id": "a", "client_secret": "b", **credentials}, base_url=base_url
    )

    assert connector.session.auth.token_url == expected


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, {"client_id", "client_secret"}),
        ({"api_version": "v1"}, {"api_key"}),
        ({"api_version": "v2", "client_id": "a", "client_secret": "b"}, {"api_version"}),
        ({"client_id": "a", "client_secret": "b", "password": "c"}, {"password"}),
        ({"client_id": "a", "client_secret": "b", "user_id": "4001"}, set()),
    ],
)
def test_each_version_has_its_credentials(given, wrong):
    assert GreenhouseConnector.validate_credentials(given).keys() == wrong


# Harvest v1


def test_v1_asks_as_its_documentation_says(connect, server, simulator, lately):
    fetch_all(connect(**simulator.v1_credentials), lately(datetime(2036, 1, 5, 12, 0, tzinfo=UTC)))

    since = "2036-01-05T11:55:00.000Z"
    assert asked(server) == [
        f"/v1/users?per_page=500&skip_count=true&updated_after={since}",
        "/v1/job_stages?per_page=500&skip_count=true",
        f"/v1/applications?per_page=500&skip_count=true&last_activity_after={since}",
        "/v1/job_stages?per_page=500&skip_count=true",
        f"/v1/scheduled_interviews?per_page=500&skip_count=true&updated_after={since}",
    ]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_v1_that_refuses_everything_is_retired(connect, simulator, everything, status):
    simulator.v1_status = status
    connector = connect(**simulator.v1_credentials)

    for call in (connector.check, lambda: list(connector.fetch_interviews(everything))):
        with pytest.raises(BadCredentials, match="API version retired, relink with Harvest v3 credentials"):
            call()


def test_v1_that_refuses_one_listing_is_not_retired(connect, simulator, everything):
    simulator.denied_listings = {"v1/users"}
    connector = connect(**simulator.v1_credentials)

    with pytest.raises(MissingPermission):
        list(connector.fetch_users(everything))

    assert by_id(connector.fetch_interviews(everything))
