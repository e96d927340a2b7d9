from dataclasses import asdict
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from connectors.base import Window
from connectors.errors import BadCredentials, NotFound, PlatformUnavailable, UnexpectedAnswer
from connectors.platforms.recruitee.connector import RecruiteeConnector
from connectors.records import Record, RejectReasonRecord, Unreadable
from connectors.registry import connector_class
from sandbox.company import build_company
from sandbox.platforms.recruitee import RecruiteeSimulator
from sandbox.server import DROPPED_CONNECTION, Answer, failing, rate_limited, serve
from tests.connectors.recruitee.expected import expected
from tests.connectors.recruitee.samples import documented, documented_rows, events, load
from tests.connectors.script import Script
from tests.connectors.words import OURS, unified

CREDENTIALS = {"company_id": "40001", "api_token": "sandbox-token"}


def latest(found):
    """Return what stays of all that was handed back: of the same record the last one."""
    return {(one.model_name, one.remote_id): one for one in found if isinstance(one, Record)}


def worded(record):
    """Return a record with its times as they are, its reason by name, nobody twice on its panel."""
    fields = {name: value for name, value in asdict(record).items() if name not in OURS}
    if isinstance(reason := getattr(record, "reject_reason", None), RejectReasonRecord):
        fields["reject_reason"] = reason.name
    if "interviewers" in fields:
        fields["interviewers"] = list(dict.fromkeys(fields["interviewers"]))
    return fields


def asked(server):
    return [
        f"{request.path}?{query}" if (query := urlencode(request.query)) else request.path
        for request in server.requests
    ]


@pytest.fixture
def list_all(fetch_all):
    """Return a function that lists everything of a simulated platform."""

    def list_all(simulator):
        with serve(simulator) as server, RecruiteeConnector(credentials=CREDENTIALS, base_url=server.url) as connector:
            return fetch_all(connector)

    return list_all


@pytest.fixture
def script(window):
    """Return a function that lists users, or something else, of a platform that answers what it is told."""

    def script(*answers, fetch="users"):
        with (
            serve(Script(*answers)) as server,
            RecruiteeConnector(credentials=CREDENTIALS, base_url=server.url) as connector,
        ):
            return list(getattr(connector, f"fetch_{fetch}")(window))

    return script


def test_it_is_found_by_its_slug():
    assert connector_class("recruitee") is RecruiteeConnector


def test_documented_payloads_arrive_in_unified_words(list_all):
    found = latest(list_all(documented()))

    for model, records in load("unified").items():
        words = [unified(one) for (name, _), one in found.items() if name == model]
        for one in words:
            if "interviewers" in one:
                one["interviewers"] = list(dict.fromkeys(one["interviewers"]))
        assert words == records


def test_simulated_company_arrives_as_expected(connect, company, fetch_all):
    company.disable_user(next(one for one in company.interviews.values() if one.seats).seats[0].user_id)

    found = latest(fetch_all(connect()))

    by_model = {}
    for (model, remote_id), record in found.items():
        by_model.setdefault(model, {})[remote_id] = worded(record)
    assert by_model == expected(company, now=datetime.now(UTC))


def test_sync_asks_for_everything_in_order(connect, server, company, fetch_all):
    fetch_all(connect())

    templates = [f"/c/40001/pipeline_templates/{job_id}" for job_id in company.jobs]
    lines = asked(server)
    assert lines[:2] == ["/c/40001/admins", "/c/40001/pipeline_templates"]
    assert sorted(lines[2 : 2 + len(templates)]) == templates
    assert lines[2 + len(templates) :] == [
        "/c/40001/candidates?limit=1000&offset=0",
        "/c/40001/interview/events?status=upcoming&scope=all&limit=1000&page=1",
        "/c/40001/interview/events?status=past_due&scope=all&limit=1000&page=1",
    ]
    assert {request.headers["accept"] for request in server.requests} == {"application/json"}
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer sandbox-token"}


def test_later_sync_asks_for_everything_as_well(connect, server, held):
    since = datetime(2026, 11, 1, tzinfo=UTC)

    list(connect().fetch_applications(Window(since=since, started_at=datetime.now(UTC), stored=held)))

    assert asked(server) == ["/c/40001/candidates?limit=1000&offset=0"]


def test_company_is_taken_as_it_is_into_the_path(connect, server):
    connect(company_id="sandbox").check()

    assert asked(server) == ["/c/sandbox/admins"]


def test_pages_end_with_the_first_that_is_not_full(list_all, script):
    def candidates(number):
        return [{"id": one, "placements": [{"id": one}]} for one in range(number)]

    assert len(list_all(documented(candidate_rows=candidates(2500), event_rows={}))) > 2500
    with serve(documented(candidate_rows=candidates(2000))) as server:  # the third page is empty
        connector = RecruiteeConnector(credentials=CREDENTIALS, base_url=server.url)
        list(connector.fetch_applications(Window(since=None, started_at=datetime.now(UTC))))
        connector.close()

    assert [dict(request.query)["offset"] for request in server.requests] == ["0", "1000", "2000"]


def test_pages_of_events_are_numbered(window):
    rows = [{"id": number} for number in range(1000)]

    with (
        serve(documented(event_rows={"past_due": rows})) as server,
        RecruiteeConnector(credentials=CREDENTIALS, base_url=server.url) as connector,
    ):
        found = list(connector.fetch_interviews(window))

    assert len(found) == 1000
    assert [line.rpartition("=")[2] for line in asked(server) if "past_due" in line] == ["1", "2"]


# People and stages that only references describe


def test_references_never_speak_over_the_listing(list_all):
    rows = documented_rows()
    outdated = {**rows["references"][1], "first_name": "Somebody else"}

    found = latest(list_all(documented(references=[outdated, *rows["references"][2:]])))

    assert outdated["id"] == 91435
    assert found["RemoteUser", "91435"].first_name == "Zbigniew"
    assert found["RemoteUser", "91435"].disabled is False


def test_those_whom_references_describe_come_before_who_refers_to_them(list_all):
    found = [(one.model_name, one.remote_id) for one in list_all(documented())]

    assert found.index(("RemoteUser", "91399")) < found.index(("Application", "30500050"))
    assert found.index(("JobInterviewStage", "5179999")) < found.index(("Application", "30500077"))


def test_those_whom_references_describe_come_once(list_all):
    found = [(one.model_name, one.remote_id) for one in list_all(documented())]

    assert found.count(("RemoteUser", "91399")) == 1
    assert found.count(("JobInterviewStage", "5179999")) == 1


def test_stage_of_a_template_that_cannot_be_read_is_still_in_it(list_all):
    (template, other) = documented_rows()["template_rows"]
    template["stages"][2]["position"] = "third"

    found = list_all(documented(template_rows=[template, other]))

    assert [type(one) for one in found if one.remote_id == "5174354"] == [Unreadable]


def test_originals_say_where_they_were_found(list_all):
    found = latest(list_all(documented()))

    paths = {key: one.remote_data[0].path for key, one in found.items()}
    assert paths["JobInterviewStage", "5174401"] == "/pipeline_templates/9101"
    assert paths["JobInterviewStage", "5179999"] == paths["RemoteUser", "91399"] == "references"
    assert paths["RemoteUser", "91432"] == "/admins"


def test_nobody_left_where_the_list_of_people_is_missing(connect, server, window):
    server.faults.queue(failing(500), times=5)
    connector = connect()
    with pytest.raises(PlatformUnavailable):
        list(connector.fetch_users(window))

    assert "RemoteUser" not in {one.model_name for one in connector.fetch_applications(window)}


# Oddities


def test_interview_that_begins_meanwhile_is_taken_as_it_came_last(list_all):
    row = events("upcoming")["interview_events"][0]
    rows = {"upcoming": [row], "past_due": [{**row, "duration": 15}]}

    found = latest(list_all(documented(event_rows=rows)))

    assert found["ScheduledInterview", "611310"].end_at == datetime(2026, 12, 1, 9, 30, tzinfo=UTC)


def test_references_are_handed_on_though_nothing_describes_them(list_all):
    row = {"id": 1, "admin_id": 5, "admin_ids": [6, 6], "stage_id": 7, "candidate_id": 8, "offer_id": 9}

    interview = latest(list_all(documented(event_rows={"upcoming": [row]})))["ScheduledInterview", "1"]

    assert (interview.organizer, interview.interviewers, interview.job_interview_stage) == ("5", ("6", "6"), "7")
    assert interview.application is None


def test_of_two_placements_on_an_offer_the_newer_is_meant(list_all):
    (candidate, *_) = documented_rows()["candidate_rows"]
    (placement,) = candidate["placements"]
    candidate["placements"] = [{**placement, "id": 30500124}, placement]

    found = latest(list_all(documented(candidate_rows=[candidate])))

    assert found["ScheduledInterview", "610099"].application == "30500124"


def test_candidate_without_placements_is_no_application(list_all):
    rows = [{"id": 1}, {"id": 2, "placements": None}, {"id": 3, "placements": []}]

    found = list_all(documented(candidate_rows=rows))

    assert "Application" not in {one.model_name for one in found}


def test_answer_without_references_is_as_good(script):
    found = script(Answer(200, {"candidates": [{"id": 1, "placements": [{"id": 2}]}]}), fetch="applications")

    assert [one.remote_id for one in found] == ["2"]


@pytest.mark.parametrize(
    ("fetch", "payload", "remote_ids"),
    [
        ("users", {"admins": [{"id": 1}, {"id": None}, 7, {"id": 2}]}, [None, None]),
        ("applications", {"candidates": [{"id": 1, "placements": [{"id": 5, "created_at": "soon"}]}]}, ["5"]),
        ("applications", {"candidates": [None, {"id": 1, "placements": "none"}]}, [None, None]),
        ("applications", {"candidates": [{"id": 1, "placements": [None, {"id": 3}]}]}, [None]),
        ("interviews", {"interview_events": [{"id": 8, "duration": "long"}, {"id": 9}]}, ["8", "8"]),
        ("interviews", {"interview_events": [{"id": 8, "candidate_id": {}}, "?"]}, ["8", None, "8", None]),
    ],
)
def test_payload_that_cannot_be_read_does_not_stop_the_others(script, fetch, payload, remote_ids):
    found = script(Answer(200, payload), fetch=fetch)

    assert [one.remote_id for one in found if isinstance(one, Unreadable)] == remote_ids


@pytest.mark.parametrize("payload", [[], {}, {"admins": None}, {"admins": {}}, "admins"])
def test_answer_without_the_listing_is_unexpected(script, payload):
    with pytest.raises(UnexpectedAnswer):
        script(Answer(200, payload))


def test_template_that_vanished_fails_the_listing(connect, company, server, window):
    server.faults.queue(failing(404), path=f"/c/40001/pipeline_templates/{min(company.jobs)}")

    with pytest.raises(NotFound):
        list(connect().fetch_job_interview_stages(window))


# Trouble


@pytest.mark.parametrize("fault", [rate_limited(), failing(500), failing(503), DROPPED_CONNECTION])
def test_trouble_on_the_way_loses_nothing(connect, server, company, fetch_all, fault):
    server.faults.queue(fault, times=3)

    found = latest(fetch_all(connect()))

    assert sum(model == "ScheduledInterview" for model, _ in found) == len(company.interviews)


def test_trouble_that_stays_is_given_up_after_five_tries(connect, server, window):
    server.faults.queue(failing(503), times=9)

    with pytest.raises(PlatformUnavailable, match=r"answered 503$"):
        list(connect().fetch_users(window))

    assert len(server.requests) == 5


@pytest.mark.parametrize(("told", "least", "most"), [(7, 7, 7), (None, 5, 6.25)])
def test_rate_limit_is_waited_for_as_told_or_five_seconds(connect, server, window, told, least, most):
    server.faults.queue(rate_limited(retry_after_seconds=told))
    connector = connect()

    list(connector.fetch_users(window))

    assert least <= connector.traffic.waited_seconds <= most
    assert asked(server) == ["/c/40001/admins"] * 2


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [({"api_token": "wrong"}, "Token is invalid"), ({"company_id": "40002"}, "no access to this company")],
)
def test_wrong_credentials_take_new_ones(connect, server, wrong, problem):
    with pytest.raises(BadCredentials, match=problem) as caught:
        connect(**wrong).check()

    assert "wrong" not in str(caught.value)
    assert len(server.requests) == 1


def test_right_that_is_missing_takes_new_credentials(connect, simulator, window):
    simulator.denied = {"interview/events"}

    with pytest.raises(BadCredentials):
        list(connect().fetch_interviews(window))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (load("error_422"), "status is invalid"),
        ({"error": "flat"}, "flat"),
        ({"error": [], "errors": [{"code": "invalid"}]}, "invalid"),
        ({"errors": [{"code": "invalid", "message": "Company id is invalid"}]}, "Company id is invalid"),
        ({"errors": "odd"}, "odd"),
        ({"error": [7, None], "errors": [{"message": {}}, 4]}, "answered 422"),
        ({}, "answered 422"),
        ([], "answered 422"),
        (b"<html>", "answered 422"),
    ],
)
def test_problem_is_told_in_recruitees_words_whatever_their_shape(script, body, problem):
    with pytest.raises(UnexpectedAnswer, match=problem):
        script(Answer(422, body))


# Credentials


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, {"company_id", "api_token"}),
        (CREDENTIALS, set()),
        ({**CREDENTIALS, "webhook_secret": "s"}, set()),
        ({**CREDENTIALS, "subdomain": "s"}, {"subdomain"}),
    ],
)
def test_credentials_are_a_company_and_a_token(given, wrong):
    assert RecruiteeConnector.validate_credentials(given).keys() == wrong


def test_thousands_of_interviews_take_few_requests(fetch_all):
    company = build_company(interviews=5000)

    with (
        serve(RecruiteeSimulator(company)) as server,
        RecruiteeConnector(credentials=CREDENTIALS, base_url=server.url) as connector,
    ):
        found = latest(fetch_all(connector))

    assert sum(model == "ScheduledInterview" for model, _ in found) == 5000
    assert sum("pipeline" not in line for line in asked(server)) <= 12
