import logging
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import Window
from connectors.errors import (
    BadCredentials,
    ChangesUnknown,
    MissingPermission,
    NotFound,
    PlatformUnavailable,
    TimedOut,
    UnexpectedAnswer,
)
from connectors.platforms.workday import connector as module
from connectors.platforms.workday.connector import WorkdayConnector
from connectors.records import Checkpoint, JobInterviewStageRecord, Record, Unreadable
from connectors.registry import connector_class
from sandbox.platforms.workday import PayloadRows, WorkdaySimulator, wid
from sandbox.server import DROPPED_CONNECTION, Answer, failing, rate_limited, serve, slow
from tests.connectors.script import Script
from tests.connectors.words import unified
from tests.connectors.workday.expected import expected
from tests.connectors.workday.samples import SERVER_TIME, DocumentedWorkday, document, documented, load, shape

MODELS = {"RemoteUser": "users", "Application": "applications", "ScheduledInterview": "interviews"}


def by_id(fetched):
    return {one.remote_id: one for one in fetched if isinstance(one, Record)}


def sync(connector, window):
    """Return records by model name as a sync would keep them: without references that lead nowhere."""
    found = {}
    for name in MODELS.values():
        for record in window.stored.take(getattr(connector, f"fetch_{name}")(window)):
            found.setdefault(record.model_name, []).append(unified(record))
    for interview in found.get("ScheduledInterview", ()):
        known = window.stored.known("RemoteUser", interview["interviewers"])
        interview["interviewers"] = [one for one in interview["interviewers"] if one in known]
    return found


def asked(server, tag):
    """Return the text of this element in each request that has one."""
    return [
        request.body.decode().partition(f"<wd:{tag}>")[2].partition("<")[0]
        for request in server.requests
        if f"<wd:{tag}>" in request.body.decode()
    ]


def operations(server):
    names = ("Server_Timestamp_Get", "Get_Workers", "Get_Candidates", "Get_Interviews")
    return [
        (request.path.split("/")[4], name)
        for request in server.requests
        for name in names
        if f"<wd:{name}" in request.body.decode()
    ]


@pytest.fixture
def open_to():
    """Return a function that serves a simulator, and makes a connector to it."""
    with ExitStack() as stack:

        def open_to(simulator):
            server = stack.enter_context(serve(simulator))
            credentials = {"tenant": "acme_dpt1", "username": "ISU_Interviews", "password": "made-up"}
            connector = WorkdayConnector(credentials=credentials, base_url=f"{server.url}/ccx/service")
            return stack.enter_context(connector), server

        yield open_to


@pytest.fixture
def scripted(open_to):
    """Return a function that makes a connector to a service that gives these answers in turn."""
    return lambda *answers: open_to(Script(*answers))[0]


def test_it_is_found_by_its_slug():
    assert connector_class("workday") is WorkdayConnector


# What is asked for


@pytest.mark.parametrize("counts", [(999,), (3,)])
def test_documented_payloads_arrive_in_unified_words(open_to, everything, monkeypatch, counts):
    monkeypatch.setattr(module, "COUNTS", counts)
    connector, _ = open_to(documented())

    found = sync(connector, everything)

    names = {"users": "RemoteUser", "stages": "JobInterviewStage"} | {
        "applications": "Application",
        "interviews": "ScheduledInterview",
    }
    assert {name: found[model] for name, model in names.items()} == load("unified.json")


def test_full_sync_sends_the_documented_requests(open_to, everything):
    connector, server = open_to(documented())

    sync(connector, everything)

    assert [request.path for request in server.requests] == [
        f"/ccx/service/acme_dpt1/{service}/v45.2"
        for service in ("Human_Resources", "Human_Resources", "Recruiting", "Recruiting")
    ]
    assert [shape(request.body) for request in server.requests] == [
        shape(document(f"request_{name}.xml"))
        for name in ("server_timestamp", "get_workers", "get_candidates", "get_interviews")
    ]
    assert {request.headers["content-type"] for request in server.requests} == {"text/xml; charset=utf-8"}


def test_incremental_sync_sends_the_documented_requests(open_to, lately):
    connector, server = open_to(documented())

    sync(connector, lately(server_time="2026-02-28T06:00:00Z"))

    assert [shape(request.body) for request in server.requests[1:]] == [
        shape(document(f"request_{name}.xml"))
        for name in ("get_workers.incremental", "get_candidates.incremental", "get_interviews")
    ]


def test_old_checkpoints_do_not_narrow_a_full_sync(open_to, memory):
    connector, server = open_to(documented())
    window = Window(since=None, started_at=SERVER_TIME, state={"server_time": "2026-02-28T06:00:00Z"}, stored=memory)

    sync(connector, window)

    assert asked(server, "Updated_From") == []


def test_checkpoints_hold_the_time_of_the_server(open_to, everything):
    connector, _ = open_to(documented())

    assert list(connector.fetch_users(everything))[-1] == Checkpoint(state={"server_time": "2026-03-01T06:00:00Z"})
    assert list(connector.fetch_applications(everything))[-1] == Checkpoint(
        state={"server_time": "2026-03-01T06:00:00Z"}
    )


def test_check_asks_for_the_time_only(connect, server):
    connect().check()

    assert operations(server) == [("Human_Resources", "Server_Timestamp_Get")]


def test_pages_show_one_moment_and_hold_each_record_once(connect, server, company, everything, monkeypatch):
    monkeypatch.setattr(module, "COUNTS", (20,))

    found = sync(connect(), everything)

    assert len(found["ScheduledInterview"]) == len(company.interviews)
    assert asked(server, "Page").count("2") == 2
    assert len(set(asked(server, "As_Of_Entry_DateTime"))) == 1


def test_nothing_there_brings_nothing(open_to, everything):
    connector, _ = open_to(DocumentedWorkday(PayloadRows({})))

    assert sync(connector, everything) == {}


def test_full_sync_brings_all_there_is(connect, company, everything):
    found = sync(connect(), everything)

    wanted = expected(company, now=datetime.now(UTC))
    assert {model: {one["remote_id"] for one in records} for model, records in found.items()} == {
        model: set(records) for model, records in wanted.items()
    }


def test_stages_come_once_and_before_who_is_in_them(connect, everything):
    seen = set()
    for record in connect().fetch_applications(everything):
        if isinstance(record, JobInterviewStageRecord):
            assert record.remote_id not in seen
            seen.add(record.remote_id)
        elif isinstance(record, Record) and record.current_stage:
            assert record.current_stage in seen


# Incremental syncs


@pytest.fixture
def synced(connect, company, everything, lately):
    """Sync, and return the window of the next sync. All that was invented happened long before."""
    for thing in (*company.users.values(), *company.applications.values()):
        thing.updated_at -= timedelta(days=1)
    sync(connect(), everything)
    return lately(server_time=(datetime.now(UTC)).isoformat())


def test_only_what_changed_comes_again(connect, company, synced):
    user, application = list(company.users.values())[3], next(iter(company.applications.values()))
    company.rename_user(user.id, first_name="Zuzana", last_name="Nowak")
    company.reject(application.id, next(iter(company.reject_reasons)))
    connector = connect()

    users = by_id(connector.fetch_users(synced))
    applications = by_id(connector.fetch_applications(synced))

    assert [one.first_name for one in users.values()] == ["Zuzana"]
    assert wid("application", application.id) in applications
    assert len(applications) <= 2  # with the stage it is in


def test_all_interviews_come_each_time(connect, company, synced):
    cancelled, deleted, *_ = company.interviews
    company.cancel(cancelled)
    company.delete(deleted)

    found = by_id(connect().fetch_interviews(synced))

    assert found.keys() == {wid("session", one) for one in company.interviews if one != cancelled}


def test_pairs_find_the_applications_of_earlier_syncs(connect, company, synced):
    found = by_id(connect().fetch_interviews(synced))

    assert {one.remote_id: one.application for one in found.values()} == {
        wid("session", one.id): wid("application", one.application_id) for one in company.interviews.values()
    }


@pytest.mark.parametrize("state", [{}, {"server_time": "2099-01-01T00:00:00Z"}])
def test_changes_are_unknown_without_a_time_to_compare_with(connect, lately, state):
    connector = connect()

    for fetch in (connector.fetch_users, connector.fetch_applications):
        with pytest.raises(ChangesUnknown):
            list(fetch(lately(**state)))


# Bad data


def test_interviewers_who_left_are_handed_over_as_they_are(open_to, everything):
    connector, _ = open_to(documented())

    found = by_id(connector.fetch_interviews(everything))

    assert "50c1f58be7f5e47e0f53d64c094783c2" in found["fac989447cad2edbc89fbcba70003b36"].interviewers


def test_block_without_a_reference_is_skipped_and_logged(open_to, everything, caplog):
    connector, _ = open_to(documented())

    with caplog.at_level(logging.DEBUG, logger=module.__name__):
        found = list(connector.fetch_interviews(everything))

    assert len(found) == 6
    assert [one.message for one in caplog.records] == [
        "Skipped an Interview_Session_Data of Workday that has no Interview_Session_Reference"
    ]


@pytest.mark.parametrize(
    ("name", "model", "right", "wrong", "remote_id"),
    [
        ("get_workers.xml", "users", "<wd:Active>1<", "<wd:Active>perhaps<", "a95dcb8aebb202efeedb10d5538edeb9"),
        (
            "get_candidates.xml",
            "applications",
            "2026-01-20T09:05:00.000-05:00",
            "yesterday",
            "8a8bb7cd343aa2ad99b7d762030857a2",
        ),
        (
            "get_interviews.xml",
            "interviews",
            "2026-02-03T10:00:00.000-05:00",
            "ten",
            "8ddf878039b70767c4a5bcf4f0c4f65e",
        ),
        # Identities longer than ours may be.
        ("get_candidates.xml", "applications", "6d775a81419019ea95689eeca1e455d6", "w" * 501, "w" * 501),
    ],
)
def test_payload_that_cannot_be_read_does_not_stop_the_others(
    open_to, everything, name, model, right, wrong, remote_id
):
    rows = PayloadRows.from_answers(document(name).decode().replace(right, wrong, 1).encode())
    connector, _ = open_to(DocumentedWorkday(rows))

    found = list(getattr(connector, f"fetch_{model}")(everything))

    assert [one.remote_id for one in found if isinstance(one, Unreadable)] == [remote_id]
    assert len(by_id(found)) >= 2


# Trouble


@pytest.mark.parametrize("fault", [rate_limited(), failing(500), failing(503), failing(502), DROPPED_CONNECTION])
def test_trouble_on_the_way_loses_nothing(connect, server, company, everything, monkeypatch, fault):
    monkeypatch.setattr(module, "COUNTS", (20,))
    server.faults.spoil_share(0.3, fault)

    found = sync(connect(), everything)

    assert len(found["ScheduledInterview"]) == len(company.interviews)
    assert len(found["Application"]) == len(company.applications)


def test_trouble_that_stays_ends_the_listing_after_five_more_tries(connect, server, everything):
    server.faults.spoil_share(1, failing(500))
    connector = connect()

    with pytest.raises(PlatformUnavailable):
        list(connector.fetch_users(everything))

    assert len(server.requests) == 6
    assert connector.traffic.waited_seconds >= 2 + 4 + 8 + 16 + 32


class Hasty(WorkdayConnector):
    timeout_seconds = 0.3


def test_time_outs_start_a_listing_again_with_smaller_pages(connect, server, company, everything):
    connector = connect(Hasty)
    connector.check()
    server.faults.queue(slow(0.6), times=2, path=f"/ccx/service/{WorkdaySimulator.tenant}/Recruiting")

    found = by_id(connector.fetch_interviews(everything))

    assert len(found) == len(company.interviews)
    assert asked(server, "Count") == ["999", "500", "250"]
    assert asked(server, "Page") == ["1", "1", "1"]


def test_time_outs_that_stay_end_the_listing(connect, server, everything):
    server.faults.queue(slow(0.6), times=4, path=f"/ccx/service/{WorkdaySimulator.tenant}/Recruiting")

    with pytest.raises(TimedOut):
        list(connect(Hasty).fetch_interviews(everything))

    assert asked(server, "Count") == ["999", "500", "250", "100"]


@pytest.mark.parametrize("wrong", ["tenant", "username", "password"])
def test_wrong_credentials_are_sent_once(connect, server, wrong):
    with pytest.raises(BadCredentials, match="invalid username or password"):
        connect(**{wrong: "wrong<&>"}).check()

    assert len(server.requests) == 1


def test_messages_hide_the_password(scripted):
    fault = document("fault_authentication.xml").replace(b"invalid username", b"no user has made-up")

    with pytest.raises(BadCredentials) as caught:
        scripted(Answer(500, fault)).check()

    assert "no user has [hidden]" in str(caught.value)


def test_missing_right_names_its_operation(connect, simulator, server, everything):
    simulator.denied_operations = {"Get_Interviews"}
    connector = connect()

    with pytest.raises(MissingPermission, match=r"Get_Interviews: .*not authorized"):
        list(connector.fetch_interviews(everything))

    assert len(server.requests) == 2


def test_mistakes_of_ours_fail_with_workdays_message(scripted):
    with pytest.raises(UnexpectedAnswer, match="Updated Through must be less than or equal to Current Moment!"):
        scripted(Answer(500, document("fault_validation.xml"))).check()


@pytest.mark.parametrize(("status", "error"), [(404, NotFound), (405, UnexpectedAnswer), (415, UnexpectedAnswer)])
def test_other_refusals_are_final(scripted, status, error):
    connector = scripted(Answer(status))

    with pytest.raises(error):
        connector.check()

    assert connector.traffic.requests == 1


@pytest.mark.parametrize(
    "answer",
    [
        document("get_workers.xml").replace(b"<wd:Total_Pages>2</wd:Total_Pages>", b""),
        document("get_workers.xml").replace(b"<wd:Total_Pages>2<", b"<wd:Total_Pages>many<"),
        document("server_timestamp.xml"),
    ],
)
def test_page_that_does_not_say_how_many_there_are_is_unexpected(scripted, everything, answer):
    connector = scripted(Answer(200, document("server_timestamp.xml")), Answer(200, answer))

    with pytest.raises(UnexpectedAnswer, match="Get_Workers: answered without a number of pages"):
        list(connector.fetch_users(everything))


@pytest.mark.parametrize(
    "answer",
    [
        document("get_interviews.empty.xml"),
        document("server_timestamp.xml").replace(b"2026", b"MMXXVI"),
    ],
)
def test_answer_without_a_time_is_unexpected(scripted, answer):
    with pytest.raises(UnexpectedAnswer, match="without a time"):
        scripted(Answer(200, answer)).check()


def test_tenant_stays_in_its_place_of_the_address(scripted):
    connector = scripted(Answer(404))
    connector.settings = connector.settings | {"tenant": "../admin?x="}

    with pytest.raises(NotFound, match=r"/ccx/service/\S+/Human_Resources/v45.2: answered 404"):
        connector.check()


def test_other_addresses_are_not_called(server):
    credentials = {"tenant": "acme_dpt1", "username": "ISU_Interviews", "password": "made-up"}
    connector = WorkdayConnector(credentials=credentials, base_url=server.url)

    with connector, pytest.raises(BadCredentials, match="must end with /ccx/service"):
        connector.check()

    assert server.requests == []


@pytest.mark.parametrize(
    ("given", "wrong"),
    [({}, {"tenant", "username", "password"}), ({"tenant": "a", "username": "b", "password": "c"}, set())],
)
def test_all_credentials_are_required(given, wrong):
    assert WorkdayConnector.validate_credentials(given).keys() == wrong
