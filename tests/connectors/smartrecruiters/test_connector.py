from dataclasses import fields
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import sleep
from urllib.parse import urlencode

import pytest

from connectors.base import Window
from connectors.errors import BadCredentials, MissingPermission, PlatformUnavailable, UnexpectedAnswer
from connectors.platforms.smartrecruiters.connector import SmartRecruitersConnector
from connectors.records import (
    ApplicationRecord,
    Choice,
    Gap,
    Record,
    RejectReasonRecord,
    ScheduledInterviewRecord,
    Unreadable,
    Whole,
)
from connectors.registry import connector_class
from connectors.stored import StoredApplication
from connectors.webhooks import Hint, Subject
from sandbox.company import build_company
from sandbox.platforms.smartrecruiters import SmartRecruitersSimulator
from sandbox.platforms.smartrecruiters.rows import uuid
from sandbox.server import DROPPED_CONNECTION, Answer, failing, rate_limited, serve
from tests.connectors.script import Script
from tests.connectors.smartrecruiters.expected import expected
from tests.connectors.smartrecruiters.samples import (
    ADA,
    BEN,
    CHLOE,
    DMITRI,
    ENGINEER,
    EUN_JI,
    IN_INTERVIEW,
    REJECTED,
    STORE_MANAGER,
    documented,
    documented_rows,
    load,
)
from tests.connectors.words import OURS

LISTINGS = ("users", "job_interview_stages", "applications", "interviews")
USERS, INTERVIEWS = "/user-api/v201804/users", "/interviews-api/v201904/interviews"
SINCE = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)


class Held:
    """What we hold of an account."""

    def __init__(self, *applications, stages=()):
        self.held = {one.remote_id: one for one in applications}
        self.stages = set(stages)

    def known(self, model_name, remote_ids):
        return self.stages & set(remote_ids)

    def applications(self, remote_ids):
        return {one: self.held[one] for one in remote_ids if one in self.held}

    def all_applications(self):
        return iter(self.held.values())


def held(remote_id, *, stage="INTERVIEW:On-site", candidate=DMITRI, job=ENGINEER, history=()):
    originals = {f"/candidates/{candidate}/jobs/{job}/status/history": list(history)} if history else {}
    return StoredApplication(
        remote_id=remote_id, candidate=candidate, job=job, current_stage=stage, originals=originals
    )


def lately(*applications, since=SINCE, stages=()):
    return Window(since=since, started_at=datetime.now(UTC), stored=Held(*applications, stages=stages))


def fetch_all(connector, window):
    return [one for name in LISTINGS for one in getattr(connector, f"fetch_{name}")(window)]


def by_id(fetched, kind=Record):
    return {one.remote_id: one for one in fetched if isinstance(one, kind)}


def shown(fetched):
    """Return fields by model name and remote id, as if stored: references that lead nowhere are dropped."""
    records = [one for one in fetched if isinstance(one, Record)]
    users = {one.remote_id for one in records if one.model_name == "RemoteUser"}
    found = {}
    for record in records:
        values = {field.name: _worded(getattr(record, field.name)) for field in fields(record)}
        if record.model_name == "ScheduledInterview":
            values["organizer"] = values["organizer"] if values["organizer"] in users else None
            values["interviewers"] = [one for one in values["interviewers"] if one in users]
        found.setdefault(record.model_name, {})[record.remote_id] = {
            name: value for name, value in values.items() if name not in OURS
        }
    return found


def _worded(value):
    match value:
        case Choice():
            return value.value
        case RejectReasonRecord():
            return value.name
        case tuple():
            return list(value)
    return value


def asked(server):
    """Return what was asked for, sorted: applications are read in parallel."""
    return sorted(f"{one.path}?{urlencode(one.query, safe=':')}".rstrip("?") for one in server.requests)


@pytest.fixture
def documents():
    with serve(documented()) as server:
        yield server


def test_it_is_found_by_its_slug():
    assert connector_class("smartrecruiters") is SmartRecruitersConnector


@pytest.mark.parametrize(
    ("given", "wrong"),
    [({}, {"api_key"}), ({"api_key": "a"}, set()), ({"api_key": "a", "webhook_secret": "b"}, set())],
)
def test_it_takes_an_api_key(given, wrong):
    assert SmartRecruitersConnector.validate_credentials(given).keys() == wrong


# Full syncs


def test_documented_payloads_arrive_in_unified_words(connect, documents, everything):
    found = shown(fetch_all(connect(at=documents), everything))

    interviews = [
        (
            one["remote_id"].partition("-")[0] + one["remote_id"][-4:],
            one["application"],
            one["job_interview_stage"],
            one["organizer"],
            one["interviewers"],
            one["location"],
            one["start_at"],
            one["end_at"],
            one["remote_created_at"],
        )
        for one in found["ScheduledInterview"].values()
    ]
    link = "https://meet.example.com/r/abc-defg-hij"
    march, february = lambda *time: datetime(2026, 3, *time, tzinfo=UTC), datetime(2026, 2, 25, 16, 20, tzinfo=UTC)
    first = ("6f0b8f0e1b01", IN_INTERVIEW, "INTERVIEW:Phone screen", ADA, [BEN, CHLOE], link)
    second = ("6f0b8f0e1b02", IN_INTERVIEW, "INTERVIEW:Phone screen", ADA, [ADA], link)
    assert interviews == [
        (*first, march(2, 9), march(2, 10), february),
        (*second, march(2, 10, 15), march(2, 11), february),
        ("77aa55cc9a0b", IN_INTERVIEW, "INTERVIEW:On-site", None, [], "Sala Kraków", march(12, 14), None, march(6, 8)),
        ("f3e2d1c00fed", IN_INTERVIEW, "INTERVIEW:On-site", ADA, [], None, None, None, march(7, 10)),
    ]
    assert {(one["status"], one["remote_updated_at"]) for one in found["ScheduledInterview"].values()} == {(None, None)}
    assert found["Application"].keys() == {IN_INTERVIEW, REJECTED}
    assert found["Application"][REJECTED]["reject_reason"] == "Not enough experience"
    assert len(found["JobInterviewStage"]) == 9 + 6


def test_full_sync_asks_for_everything_without_a_filter(connect, documents, everything):
    fetch_all(connect(at=documents), everything)

    assert asked(documents) == sorted(
        [
            f"{USERS}?limit=100",
            "/configuration/hiring-processes",
            "/candidates?limit=100",
            f"/candidates/{DMITRI}/jobs/{ENGINEER}",
            f"/candidates/{DMITRI}/jobs/{ENGINEER}/status/history",
            f"{INTERVIEWS}?applicationId={IN_INTERVIEW}",
            f"/candidates/{DMITRI}/jobs/{STORE_MANAGER}",  # where he is not assigned any more
            f"/candidates/{EUN_JI}/jobs/{STORE_MANAGER}",
            f"/candidates/{EUN_JI}/jobs/{STORE_MANAGER}/status/history",
            f"{INTERVIEWS}?applicationId={REJECTED}",
        ]
    )
    assert {one.headers["x-smarttoken"] for one in documents.requests} == {SmartRecruitersSimulator.api_key}
    assert {one.headers["accept"] for one in documents.requests} == {"application/json"}


def test_full_sync_brings_exactly_what_there_is(connect, company, everything):
    found = fetch_all(connect(), everything)

    assert shown(found) == expected(company, now=datetime.now(UTC))
    assert len([one for one in found if isinstance(one, Record)]) == sum(map(len, shown(found).values()))


def test_pages_beyond_the_first_are_read(everything):
    company = build_company(interviews=600)
    simulator = SmartRecruitersSimulator(company)

    with (
        serve(simulator) as server,
        SmartRecruitersConnector(credentials=simulator.credentials, base_url=server.url) as connector,
    ):
        found = by_id(connector.fetch_applications(everything), ApplicationRecord)

    pages = [dict(one.query) for one in server.requests if one.path == "/candidates"]
    assert len(found) == len(company.applications) > 200
    assert [page.keys() for page in pages] == [{"limit"}, *[{"limit", "pageId"}] * (len(pages) - 1)]
    assert {page["limit"] for page in pages} == {"100"}
    assert all(set("+/") <= set(page["pageId"]) for page in pages[1:])


@pytest.mark.parametrize("end", [{}, {"nextPageId": None}, {"nextPageId": ""}])
def test_last_page_is_where_no_next_one_is_named(connect, everything, end):
    script = Script(
        Answer(200, {"limit": 100, "nextPageId": "a", "content": [{"id": "1"}]}),
        Answer(200, {"limit": 100, "content": [{"id": "2"}], **end}),
    )

    with serve(script) as server:
        found = by_id(connect(at=server).fetch_users(everything))

    assert (found.keys(), len(server.requests)) == ({"1", "2"}, 2)


def test_all_interviews_of_an_application_are_said_to_be_all(connect, documents, everything):
    found = list(connect(at=documents).fetch_applications(everything))

    ids = frozenset(by_id(found, ScheduledInterviewRecord))
    assert len(ids) == 4
    assert [one for one in found if isinstance(one, Whole)] == [
        Whole(group=IN_INTERVIEW, remote_ids=ids),
        Whole(group=REJECTED, remote_ids=frozenset()),
    ]


def test_stages_come_before_the_application_that_is_in_them(connect, everything):
    rows = documented_rows()
    rows.applications[DMITRI, ENGINEER]["subStatus"] = "Gone for good"

    with serve(SmartRecruitersSimulator(rows)) as server:
        connector = connect(at=server)
        listed = list(connector.fetch_job_interview_stages(everything))
        found = list(connector.fetch_applications(everything))

    assert "INTERVIEW:Gone for good" not in by_id(listed)
    assert [one.remote_id for one in found[:2]] == ["INTERVIEW:Gone for good", IN_INTERVIEW]
    assert found[0].stage_order is None


def test_no_more_than_eight_calls_at_a_time_and_one_for_candidates(company, connect, everything):
    simulator = SmartRecruitersSimulator(company)
    watch = Watch(simulator)

    with serve(watch) as server:
        fetch_all(connect(at=server), everything)

    assert 1 < watch.most <= 8
    assert watch.most_at_candidates == 1


class Watch:
    """Counts how many are answered at a time, slowly."""

    def __init__(self, simulator):
        self.simulator, self.lock = simulator, Lock()
        self.now = self.most = self.most_at_candidates = 0

    def answer(self, request):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            if request.path == "/candidates":
                self.most_at_candidates = max(self.most_at_candidates, self.now)
        sleep(0.005)
        with self.lock:
            self.now -= 1
        return self.simulator.answer(request)


# Incremental syncs


def test_incremental_sync_asks_for_what_changed_since_shortly_before_the_last_one(connect, documents):
    fetch_all(connect(at=documents), lately())

    since = "updatedAfter=2026-11-01T09:55:00.000Z"
    assert asked(documents) == [
        f"/candidates?limit=100&{since}",
        "/configuration/hiring-processes",
        f"{USERS}?limit=100&{since}",
    ]


def test_pages_keep_their_filter(connect, company, server):
    for user in list(company.users.values()):
        user.updated_at = SINCE + timedelta(days=1)
    company.users |= {10_000 + number: _copy(company, 10_000 + number) for number in range(120)}
    company.version += 1

    found = by_id(connect().fetch_users(lately()))

    first, second = (dict(one.query) for one in server.requests)
    assert len(found) > 120
    assert second == {**first, "pageId": second["pageId"]}


def _copy(company, number):
    one = next(iter(company.users.values()))
    return type(one)(
        id=number, first_name="A", last_name="B", email=None, created_at=SINCE, updated_at=datetime.now(UTC)
    )


def test_open_applications_whose_candidate_did_not_change_have_their_interviews_listed(connect, documents):
    window = lately(held(IN_INTERVIEW, history=load("status_history")["content"]), held(REJECTED, stage="REJECTED"))

    found = fetch_all(connect(at=documents), window)

    interviews = by_id(found, ScheduledInterviewRecord)
    assert [one.query for one in documents.requests if one.path == INTERVIEWS] == [(("applicationId", IN_INTERVIEW),)]
    assert Whole(group=IN_INTERVIEW, remote_ids=frozenset(interviews)) in found
    assert [one.job_interview_stage for one in interviews.values()] == [
        "INTERVIEW:Phone screen",
        "INTERVIEW:Phone screen",
        "INTERVIEW:On-site",
        "INTERVIEW:On-site",
    ]


def test_stage_is_the_current_one_where_we_hold_no_history(connect, documents):
    found = by_id(connect(at=documents).fetch_interviews(lately(held(IN_INTERVIEW, stage="OFFERED"))))

    assert {one.job_interview_stage for one in found.values()} == {"OFFERED"}


def test_applications_that_were_read_anew_are_not_asked_for_twice(connect, documents):
    since = datetime(2026, 3, 1, tzinfo=UTC)  # Dmitri changed after that

    found = fetch_all(connect(at=documents), lately(held(IN_INTERVIEW), since=since))

    assert list(by_id(found, ApplicationRecord)) == [IN_INTERVIEW]
    assert sum(one.path == INTERVIEWS for one in documents.requests) == 1


def test_cancelled_interviews_are_outside_of_the_whole(connect, company):
    interview = next(
        one for one in company.interviews.values() if company.applications[one.application_id].state == "active"
    )
    application_id = uuid("application", interview.application_id)
    company.cancel(interview.id)

    found = list(connect().fetch_interviews(lately(held(application_id))))

    (whole,) = [one for one in found if isinstance(one, Whole)]
    assert whole.group == application_id
    assert uuid("timeslot", interview.id) not in whole.remote_ids


def test_interviews_of_an_application_that_is_gone_are_none(connect):
    assert list(connect().fetch_interviews(lately(held("gone")))) == [Whole(group="gone", remote_ids=frozenset())]


def test_closed_applications_are_listed_where_everything_was_asked_for(connect, documents):
    """Else a full listing of applications that broke off would leave their interviews unread."""
    window = Window(since=None, started_at=SINCE, stored=Held(held(IN_INTERVIEW, stage="HIRED")))

    found = list(connect(at=documents).fetch_interviews(window))

    assert len(by_id(found)) == 4


# Trouble


@pytest.mark.parametrize("fault", [rate_limited(), rate_limited(retry_after_seconds=None), failing(500), failing(503)])
def test_trouble_on_the_way_loses_nothing(connect, server, company, everything, fault):
    server.faults.spoil_share(0.2, fault, DROPPED_CONNECTION)

    assert shown(fetch_all(connect(), everything)) == expected(company, now=datetime.now(UTC))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_trouble_that_stays_ends_the_listing(connect, server, everything, status):
    server.faults.queue(failing(status), times=6, path=USERS)

    with pytest.raises(PlatformUnavailable):
        list(connect().fetch_users(everything))


def test_rate_limit_is_waited_for_longer_each_time(connect, server, everything):
    server.faults.queue(rate_limited(retry_after_seconds=None), times=10)
    connector = connect()

    list(connector.fetch_users(everything))

    assert sum((1, 2, 4, 8, 16, 32, 48, 48, 48, 48)) <= connector.traffic.waited_seconds <= 63 + 5 * 60


def test_rate_limit_that_says_how_long_is_obeyed(connect, server, everything):
    server.faults.queue(rate_limited(retry_after_seconds=7))
    connector = connect()

    list(connector.fetch_users(everything))

    assert connector.traffic.waited_seconds == 7


def test_wrong_key_is_said_to_be(connect):
    with pytest.raises(BadCredentials) as caught:
        connect(api_key="wrong-key").check()

    assert "wrong-key" not in str(caught.value)


@pytest.mark.parametrize(("listing", "path"), [("users", USERS), ("candidates", "/candidates")])
def test_listings_that_may_not_be_read_fail(connect, simulator, everything, listing, path):
    simulator.denied = {listing}

    with pytest.raises(MissingPermission, match=path):
        fetch_all(connect(), everything)


def test_hiring_processes_that_may_not_be_read_are_a_gap(connect, simulator, everything):
    simulator.denied = {"processes"}
    connector = connect()

    gap, *stages = connector.fetch_job_interview_stages(everything)
    met = by_id(connector.fetch_applications(everything))

    assert isinstance(gap, Gap)
    assert len(stages) == 9
    assert met["INTERVIEW:Team Interview"].stage_order is None


def test_histories_that_may_not_be_read_are_one_gap(connect, simulator, company, everything):
    simulator.denied = {"history"}

    found = list(connect().fetch_applications(everything))

    applications = by_id(found, ApplicationRecord)
    assert [type(one) for one in found].count(Gap) == 1
    assert len(applications) == len(company.applications)
    assert {one.applied_at for one in applications.values()} == {None}
    assert all(
        one.job_interview_stage == applications[one.application].current_stage
        for one in by_id(found, ScheduledInterviewRecord).values()
    )


@pytest.mark.parametrize(
    ("spoil", "unreadable"),
    [
        (
            lambda rows: rows.listed_candidates.append({"id": None}),
            [("Application", None), ("ScheduledInterview", None)],
        ),
        (
            lambda rows: rows.listed_candidates.append({"id": EUN_JI, "primaryAssignment": "none"}),
            [("Application", None), ("ScheduledInterview", None)],
        ),
        (
            lambda rows: rows.applications[EUN_JI, STORE_MANAGER].pop("applicationId"),
            [("Application", None), ("ScheduledInterview", None)],
        ),
        (
            lambda rows: rows.histories.update({(EUN_JI, STORE_MANAGER): [{"changedOn": "soon", "status": "NEW"}]}),
            [("Application", REJECTED)],
        ),
        (
            lambda rows: rows.listed_interviews[REJECTED].append({"id": "i", "createdOn": "soon"}),
            [("ScheduledInterview", "i")],
        ),
        (
            lambda rows: rows.listed_interviews[REJECTED].append(
                {"id": "i", "timeslots": [{"id": "t", "endsOn": 1.5}]}
            ),
            [("ScheduledInterview", "t")],
        ),
        (lambda rows: rows.listed_interviews[REJECTED].append(None), [("ScheduledInterview", None)]),
    ],
)
def test_payload_that_cannot_be_read_does_not_stop_the_others(connect, everything, spoil, unreadable):
    rows = documented_rows()
    spoil(rows)

    with serve(SmartRecruitersSimulator(rows)) as server:
        found = list(connect(at=server).fetch_applications(everything))

    assert [(one.model_name, one.remote_id) for one in found if isinstance(one, Unreadable)] == unreadable
    assert len(by_id(found, ScheduledInterviewRecord)) == 4


def test_unreadable_interviews_are_not_taken_for_deleted(connect, everything):
    rows = documented_rows()
    rows.listed_interviews[IN_INTERVIEW][0]["timeslots"][0]["startsOn"] = "soon"
    rows.listed_interviews[REJECTED].append({"createdOn": "2026-03-01T00:00:00Z"})

    with serve(SmartRecruitersSimulator(rows)) as server:
        found = list(connect(at=server).fetch_applications(everything))

    (whole,) = [one for one in found if isinstance(one, Whole)]
    assert (whole.group, len(whole.remote_ids)) == (IN_INTERVIEW, 4)


def test_process_that_cannot_be_read_does_not_stop_the_others(connect, everything):
    rows = documented_rows()
    rows.listed_processes[0]["subStatuses"] = {"INTERVIEW": 5}

    with serve(SmartRecruitersSimulator(rows)) as server:
        found = list(connect(at=server).fetch_job_interview_stages(everything))

    assert [one.remote_id for one in found if isinstance(one, Unreadable)] == [rows.listed_processes[0]["id"]]
    assert "INTERVIEW:Trial shift" in by_id(found)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(200, []), "other than a list"),
        (Answer(200, {"limit": 100}), "other than a list"),
        (Answer(200, b"<html>"), "not JSON"),
        (Answer(200, {"content": [], "nextPageId": "a"}), "been there before"),
        (Answer(400, load("error_400")), "limit must be an integer"),
        (Answer(404), "404"),
    ],
)
def test_answers_that_make_no_sense_end_the_listing(connect, everything, answer, problem):
    with serve(Script(answer)) as server, pytest.raises(UnexpectedAnswer, match=problem):
        list(connect(at=server).fetch_users(everything))


# Hints


def test_application_that_we_hold_is_read_with_three_calls(connect, documents):
    hint = Hint(subject=Subject.APPLICATION, remote_id=IN_INTERVIEW)

    found = list(connect(at=documents).refetch(hint, lately(held(IN_INTERVIEW), stages={"NEW", "INTERVIEW:On-site"})))

    assert len(documents.requests) == 3
    assert [type(one) for one in found[-6:]] == [ApplicationRecord, *[ScheduledInterviewRecord] * 4, Whole]
    assert [one.remote_id for one in found[:-6]] == ["INTERVIEW:Phone screen", "IN_REVIEW:CV screening"]


def test_application_that_is_new_to_us_is_looked_up_first(connect, documents):
    hint = Hint(subject=Subject.APPLICATION, remote_id=IN_INTERVIEW)

    found = list(connect(at=documents).refetch(hint, lately()))

    assert documents.requests[0].path == f"/job-applications-api/v202112/job-applications/{IN_INTERVIEW}"
    assert by_id(found, ApplicationRecord)[IN_INTERVIEW].candidate == DMITRI


@pytest.mark.parametrize("window", [lately(), lately(held("gone", candidate="nobody"))])
def test_application_that_is_gone_brings_nothing(connect, documents, window):
    hint = Hint(subject=Subject.APPLICATION, remote_id="gone")

    assert list(connect(at=documents).refetch(hint, window)) == []
