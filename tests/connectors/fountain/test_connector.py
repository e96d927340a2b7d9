import logging
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
import time_machine

from connectors.base import Deletions, Window
from connectors.errors import BadCredentials, MissingPermission, NotFound, PlatformUnavailable, UnexpectedAnswer
from connectors.platforms.fountain.connector import FountainConnector
from connectors.records import Gone, Record, Unreadable
from connectors.registry import connector_class
from connectors.webhooks import Hint, Subject
from sandbox.platforms.fountain import FountainSimulator
from sandbox.platforms.fountain.rows import fountain_id
from sandbox.server import DROPPED_CONNECTION, Answer, failing, rate_limited, serve
from tests.connectors.fountain.conftest import NOW
from tests.connectors.fountain.expected import expected
from tests.connectors.fountain.samples import (
    BARISTA,
    DRIVER,
    MARIA,
    NADIA,
    ON_SITE_TRIAL,
    ORLA,
    PHONE_INTERVIEW,
    PHONE_INTERVIEW_OF_BARISTAS,
    TIANA,
    WREN,
    documented,
    documented_rows,
    load,
)
from tests.connectors.script import Script
from tests.connectors.words import unified

FETCHES = ("users", "job_interview_stages", "applications", "interviews")
FIRST_PAGE, SECOND_PAGE = {"current_cursor": "a", "next_cursor": "b"}, {"current_cursor": "b", "next_cursor": "b"}


def fetch_all(connector, window):
    """Return everything that a sync hands back, in its order; what came first is held when the next is fetched."""
    return [one for name in FETCHES for one in window.stored.hold(getattr(connector, f"fetch_{name}")(window))]


def by_id(fetched, model_name="ScheduledInterview"):
    return {one.remote_id: one for one in fetched if isinstance(one, Record) and one.model_name == model_name}


def problems(fetched):
    return [(one.model_name, one.remote_id) for one in fetched if isinstance(one, Unreadable)]


def asked(server):
    return [f"{request.path}?{urlencode(request.query)}".rstrip("?") for request in server.requests]


def fetch_from(simulator, window):
    with (
        serve(simulator) as server,
        FountainConnector(credentials=documented().credentials, base_url=f"{server.url}/v2") as connector,
    ):
        return fetch_all(connector, window), server


def shown(fetched):
    """Return records as the API words them: without references to what was never listed."""
    known = {model: by_id(fetched, model).keys() for model in ("RemoteUser", "JobInterviewStage", "Application")}
    records = {model: {} for model in (*known, "ScheduledInterview")}
    for record in fetched:
        worded = unified(record)
        for name, model in (("application", "Application"), ("current_stage", "JobInterviewStage")):
            if name in worded and worded[name] not in known[model]:
                worded[name] = None
        if "interviewers" in worded:
            worded["interviewers"] = [one for one in worded["interviewers"] if one in known["RemoteUser"]]
        records[record.model_name][record.remote_id] = worded
    return records


def printed(records):
    """Return expected records with their times as the API prints them."""
    return {
        model: {remote_id: {name: _printed(value) for name, value in one.items()} for remote_id, one in found.items()}
        for model, found in records.items()
    }


def _printed(value):
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def test_it_is_found_by_its_slug():
    assert connector_class("fountain") is FountainConnector


def test_documented_bookings_arrive_as_interviews(window):
    fetched, _ = fetch_from(documented(), window())

    found = {key[:8]: one for key, one in by_id(fetched).items()}
    assert {
        key: (one.application, one.job_interview_stage, one.interviewers, one.location, one.status.value)
        for key, one in found.items()
    } == {
        "2dd301c8": (ORLA, PHONE_INTERVIEW, (TIANA,), "Depot B, Gate 3", "COMPLETE"),
        "153d3a3f": (NADIA, PHONE_INTERVIEW, (TIANA,), "Depot B, Gate 3", "NO_SHOW"),
        "8a9b0c1d": (WREN, PHONE_INTERVIEW_OF_BARISTAS, (), None, "SCHEDULED"),
        "9b0c1d2e": (ORLA, ON_SITE_TRIAL, (MARIA,), None, "AWAITING_FEEDBACK"),
    }
    assert {key: (unified(one)["start_at"], unified(one)["end_at"]) for key, one in found.items()} == {
        "2dd301c8": ("2026-09-14T17:30:00Z", "2026-09-14T18:15:00Z"),
        "153d3a3f": ("2026-09-14T17:30:00Z", "2026-09-14T18:15:00Z"),
        "8a9b0c1d": ("2031-02-03T09:00:00Z", "2031-02-03T09:30:00Z"),
        "9b0c1d2e": ("2026-09-20T23:00:00Z", None),
    }


def test_documented_applicants_arrive_as_applications(window):
    fetched, _ = fetch_from(documented(), window())

    found = {key: unified(one) for key, one in by_id(fetched, "Application").items()}
    assert {key: (one["rejected_at"], one["reject_reason"]) for key, one in found.items()} == {
        ORLA: (None, None),
        NADIA: ("2026-09-16T16:59:58Z", "Did not show up"),
        WREN: (None, None),
    }


def test_whole_company_arrives_as_its_documentation_says(connect, company, window):
    company.stages[company.slots[company.interviews[9_100_006].slot_id].stage_id].is_active = False
    recruiter = next(iter(company.seats.values())).user_id
    company.disable_user(recruiter)

    fetched = fetch_all(connect(), window())

    assert problems(fetched) == []
    found = shown(fetched)
    assert found == printed(expected(company, now=NOW))
    interviews = found["ScheduledInterview"].values()
    assert {"COMPLETE", "NO_SHOW", "AWAITING_FEEDBACK", "SCHEDULED"} == {one["status"] for one in interviews}
    assert any(one["job_interview_stage"] is None for one in interviews)
    assert any(one["interviewers"] == [] for one in interviews)


def test_filled_fields_are_the_declared_ones(connect, window):
    fetched = fetch_all(connect(), window())

    filled = {model: set() for model in FountainConnector.models}
    for one in fetched:
        filled[one.model_name] |= {field.name for field in fields(one) if getattr(one, field.name) not in (None, ())}
    for model, support in FountainConnector.models.items():
        assert filled[model] - {"remote_id", "remote_data", "remote_was_deleted"} == support.fields


def test_full_sync_asks_for_everything(window):
    _, server = fetch_from(documented(), window())

    assert asked(server) == [
        "/v2/users",
        "/v2/funnels?page=1&per_page=100",
        "/v2/applicants?per_page=100",
        f"/v2/sessions?funnel_id={DRIVER}&per_page=100",
        f"/v2/sessions?funnel_id={BARISTA}&per_page=100",
    ]
    assert {request.headers["x-access-token"] for request in server.requests} == {"sandbox-api-key"}
    assert not any("authorization" in request.headers for request in server.requests)


def test_incremental_sync_asks_for_changed_applicants_and_all_bookings(window):
    since = datetime(2026, 9, 16, 19, 4, 59, 987654, tzinfo=UTC)

    fetched, server = fetch_from(documented(), window(since))

    assert "/v2/applicants?per_page=100&updated_at%5Bgt%5D=2026-09-16T18%3A59%3A59" in asked(server)
    assert len(by_id(fetched, "Application")) == 0
    assert len(by_id(fetched)) == 4


def test_stages_are_known_though_nobody_fetched_them_before(window):
    with (
        serve(documented()) as server,
        FountainConnector(credentials=documented().credentials, base_url=f"{server.url}/v2") as connector,
    ):
        found = by_id(connector.fetch_interviews(window()))

    assert {one.job_interview_stage for one in found.values()} == {PHONE_INTERVIEW, ON_SITE_TRIAL}


def test_application_of_an_earlier_sync_tells_the_opening_of_its_booking(window):
    fetch_from(documented(), window())

    fetched, _ = fetch_from(documented(applicants=[]), window(NOW))

    (record,) = (one for one in by_id(fetched).values() if one.application == WREN)
    assert record.job_interview_stage == PHONE_INTERVIEW_OF_BARISTAS


def test_bookings_of_nobody_known_keep_their_reference(window):
    fetched, _ = fetch_from(documented(applicants=[], users=[]), window())

    assert {one.application for one in by_id(fetched).values()} == {ORLA, NADIA, WREN}
    assert {one.interviewers for one in by_id(fetched).values()} == {(TIANA,), (MARIA,), ()}


# Paging


def test_pages_beyond_the_first_are_read(window):
    rows = documented_rows()
    applicants = [rows["applicants"][0] | {"id": f"a{number}"} for number in range(250)]
    openings = [rows["funnels"][0] | {"id": f"o{number}", "stages": []} for number in range(101)]
    slots = [{"id": number, "booked_slots": [{"id": f"b{number}"}]} for number in range(201)]

    fetched, server = fetch_from(
        documented(applicants=applicants, funnels=openings, sessions={"o100": slots}), window()
    )

    assert len(by_id(fetched, "Application")) == 250
    assert len(by_id(fetched)) == 201
    assert [line.count("cursor=") for line in asked(server) if "/applicants" in line] == [0, 1, 1]
    assert sum("funnel_id=o100&" in line for line in asked(server)) == 3
    assert "/v2/funnels?page=2&per_page=100" in asked(server)


@pytest.mark.parametrize(
    "end",
    [
        {"applicants": [], "pagination": {"current_cursor": "b", "next_cursor": "c"}},
        load("applicants_last_page"),
        {"applicants": [{"id": "a2"}], "pagination": SECOND_PAGE},
        {"applicants": [{"id": "a2"}], "pagination": {"current_cursor": "b", "next_cursor": None}},
        {"applicants": [{"id": "a2"}], "pagination": {"current_cursor": "b"}},
        {"applicants": [{"id": "a2"}], "pagination": {"next_cursor": "b"}},  # the one that was asked for
    ],
)
def test_walk_ends_with_the_page_that_names_no_other(window, end):
    script = Script(
        Answer(200, {"funnels": [], "pagination": {"current": 1, "last": 1}}),
        Answer(200, {"applicants": [{"id": "a1"}], "pagination": FIRST_PAGE}),
        Answer(200, end),
        Answer(500),
    )

    with serve(script) as server, FountainConnector(credentials={"api_key": "k"}, base_url=server.url) as connector:
        found = by_id(connector.fetch_applications(window()), "Application")

    assert found.keys() == {"a1"} | {one["id"] for one in end["applicants"]}
    assert [dict(request.query).get("cursor") for request in server.requests[1:]] == [None, "b"]


def test_walk_in_circles_is_refused(window):
    script = Script(
        Answer(200, {"funnels": [], "pagination": {"current": 1, "last": 1}}),
        Answer(200, {"applicants": [{"id": "a1"}], "pagination": FIRST_PAGE}),
    )

    with serve(script) as server, FountainConnector(credentials={"api_key": "k"}, base_url=server.url) as connector:  # noqa: SIM117
        with pytest.raises(UnexpectedAnswer, match="before"):
            list(connector.fetch_applications(window()))


@pytest.mark.parametrize(
    "body", [[], {}, {"funnels": {}}, {"funnels": [], "pagination": 5}, {"funnels": [{"id": "o1"}]}]
)
def test_answer_that_is_no_list_is_unexpected(window, body):
    with (
        serve(Script(Answer(200, body))) as server,
        FountainConnector(credentials={"api_key": "k"}, base_url=server.url) as connector,
        pytest.raises(UnexpectedAnswer),
    ):
        list(connector.fetch_job_interview_stages(window()))


# Changes


def test_rescheduled_interview_comes_though_its_applicant_did_not_change(connect, company, window):
    fetch_all(connect(), window())
    interview = next(one for one in company.interviews.values() if one.starts_at and one.id % 13)
    company.reschedule(interview.id, datetime(2027, 3, 1, 9, 0, tzinfo=UTC))

    found = by_id(fetch_all(connect(), window(NOW)))

    record = found[fountain_id("booking", interview.id)]
    assert (record.start_at, record.status.value) == (datetime(2027, 3, 1, 9, 0, tzinfo=UTC), "SCHEDULED")


def test_applicant_who_was_rejected_since_is_asked_for(connect, company, window):
    since = datetime.now(UTC)
    application = next(one for one in company.applications.values() if one.rejected_at is None)
    company.reject(application.id, 10)

    found = by_id(fetch_all(connect(), window(since)), "Application")

    assert found.keys() == {fountain_id("applicant", application.id)}
    (record,) = found.values()
    assert record.reject_reason.name == company.reject_reasons[10].name


@pytest.mark.parametrize("end", ["cancel", "delete"])
def test_cancelled_booking_is_no_longer_listed(connect, company, window, end):
    interview = next(iter(company.interviews.values()))
    getattr(company, end)(interview.id)

    found = by_id(fetch_all(connect(), window()))

    assert fountain_id("booking", interview.id) not in found
    assert FountainConnector.models["ScheduledInterview"].deletions is Deletions.EVERY_SYNC


# One applicant


def test_one_applicant_is_read_anew(window):
    with (
        serve(documented()) as server,
        FountainConnector(credentials=documented().credentials, base_url=f"{server.url}/v2") as connector,
    ):
        (record,) = connector.refetch(Hint(subject=Subject.APPLICATION, remote_id=NADIA), window())

    assert (record.remote_id, record.reject_reason.name) == (NADIA, "Did not show up")
    assert asked(server) == [f"/v2/applicants/{NADIA}", f"/v2/funnels/{DRIVER}/stages"]


def test_applicant_who_is_no_longer_there_is_gone(connect, window):
    hint = Hint(subject=Subject.APPLICATION, remote_id="../users")

    assert list(connect().refetch(hint, window())) == [Gone(model_name="Application", remote_id="../users")]


# Trouble


@pytest.mark.parametrize("fault", [rate_limited(), rate_limited(retry_after_seconds=None), failing(503)])
def test_trouble_on_the_way_loses_nothing(connect, server, company, window, fault):
    server.faults.spoil_share(0.3, fault)

    assert shown(fetch_all(connect(), window())) == printed(expected(company, now=NOW))


@pytest.mark.parametrize("fault", [failing(500), failing(502), failing(504), DROPPED_CONNECTION])
def test_trouble_is_tried_again_five_times(connect, server, window, fault):
    server.faults.queue(fault, times=5)
    assert list(connect().fetch_users(window()))

    server.faults.queue(fault, times=6)
    with pytest.raises(PlatformUnavailable):
        list(connect().fetch_users(window()))


@pytest.mark.parametrize(
    ("reset", "least", "most"),
    [
        (20, 20, 20),
        (0, 1, 1.25),  # by the clock of the platform, it is over
        (900, 60, 60),
        (None, 1, 1.25),
    ],
)
def test_rate_limit_says_how_long_to_wait(connect, server, window, reset, least, most):
    connector = connect()
    with time_machine.travel(NOW, tick=False):
        server.faults.queue(rate_limited(retry_after_seconds=reset))
        list(connector.fetch_users(window()))

    assert least <= connector.traffic.waited_seconds <= most


def test_rate_limit_does_not_end_a_sync(connect, server, window):
    server.faults.queue(rate_limited(retry_after_seconds=1), times=50)

    assert list(connect().fetch_users(window()))


def test_wrong_key_is_said_to_be(connect):
    with pytest.raises(BadCredentials) as caught:
        connect(api_key="wrong-key").check()

    assert "wrong-key" not in str(caught.value)


def test_check_asks_for_one_opening(connect, server):
    connect().check()

    assert asked(server) == ["/v2/funnels?per_page=1"]


def test_list_that_may_not_be_read_fails(connect, simulator, window):
    simulator.denied_lists = {"sessions"}

    with pytest.raises(MissingPermission):
        list(connect().fetch_interviews(window()))


def test_opening_that_was_deleted_meanwhile_has_no_bookings(window):
    class Forgetful(FountainSimulator):
        def answer(self, request):
            answer = super().answer(request)
            is_first = ("funnel_id", DRIVER) in request.query
            return Answer(404, load("error_404")) if is_first else answer

    fetched, _ = fetch_from(Forgetful(documented().rows), window())

    assert {one.application for one in by_id(fetched).values()} == {WREN}


def test_address_of_something_else_is_not_found(window):
    with (
        serve(documented()) as server,
        FountainConnector(credentials=documented().credentials, base_url=f"{server.url}/v1") as connector,
        pytest.raises(NotFound),
    ):
        list(connector.fetch_users(window()))


def test_payloads_that_cannot_be_read_do_not_stop_the_others(window):
    rows = documented_rows()
    rows["sessions"][DRIVER] = [
        {"id": 40, "start_time": "half past nine", "booked_slots": [{"id": "b1"}]},
        {"id": 41, "booked_slots": [None, {"applicant_id": ORLA}, {"id": "b2", "applicant_id": {}}, {"id": "b3"}]},
        {"id": 42, "booked_slots": 5},
    ]
    rows["users"].append({"name": "Nobody"})
    rows["applicants"].append({"id": "a9", "stage": "Trial", "funnel": {"id": DRIVER}})

    fetched, _ = fetch_from(documented(**rows), window())

    assert problems(fetched) == [
        ("RemoteUser", None),
        ("Application", "a9"),
        ("ScheduledInterview", None),  # slot 42, which could hold anything
        ("ScheduledInterview", "b1"),
        ("ScheduledInterview", None),
        ("ScheduledInterview", None),
        ("ScheduledInterview", "b2"),
    ]
    assert "b3" in by_id(fetched)


def test_announced_end_is_logged_once(connect, simulator, window, caplog):
    simulator.extra_headers = {"Sunset": "Sat, 31 Dec 2033 23:59:59 GMT", "Link": '<https://f.example>; rel="sunset"'}

    with caplog.at_level(logging.WARNING):
        fetch_all(connect(), window())

    (line,) = (record.getMessage() for record in caplog.records if "end" in record.getMessage())
    assert "31 Dec 2033" in line
    assert "https://f.example" in line


def test_windows_need_no_stored_records():
    with (
        serve(documented()) as server,
        FountainConnector(credentials=documented().credentials, base_url=f"{server.url}/v2") as connector,
    ):
        window = Window(since=NOW - timedelta(days=1), started_at=NOW)

        assert len(by_id(connector.fetch_interviews(window))) == 4


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (None, True),
        ("https://us-2.fountain.com/api/v2", True),
        ("http://proxy:8100/v2", False),
        ("https://fountain.com.example/v2", False),
    ],
)
def test_pace_is_kept_towards_fountain_only(base_url, expected):
    with FountainConnector(credentials={"api_key": "k"}, base_url=base_url) as connector:
        assert connector.is_at_vendor is expected
