from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlencode

import pytest

from connectors.base import Window
from connectors.errors import (
    BadCredentials,
    MissingPermission,
    PlatformUnavailable,
    RateLimited,
    UnexpectedAnswer,
    UnsupportedOperation,
)
from connectors.platforms.lever.connector import LeverConnector
from connectors.records import Checkpoint, Gap, Gone, Record, Resumed, Unreadable, Whole
from connectors.registry import connector_class
from connectors.webhooks import Hint, Subject
from sandbox.company import ApplicationState, InterviewState
from sandbox.platforms.lever import LeverSimulator
from sandbox.platforms.lever.rows import lever_id
from sandbox.server import DROPPED_CONNECTION, Answer, failing, rate_limited, serve
from tests.connectors.lever.expected import expected
from tests.connectors.lever.samples import WITH_INTERVIEWS, documented, load, rows
from tests.connectors.script import Script
from tests.connectors.words import unified

LISTINGS = ("users", "job_interview_stages", "applications", "interviews")


INTERVIEWS = f"/v1/opportunities/{WITH_INTERVIEWS}/interviews"


class Instead:
    """A simulated platform, with other answers at some paths."""

    def __init__(self, simulator, answers):
        self.simulator, self.answers = simulator, answers

    def answer(self, request):
        return self.answers.get(request.path) or self.simulator.answer(request)


class Held:
    """What a test says that we hold: only the interviews about now are asked for."""

    def __init__(self, *opportunity_ids):
        self.opportunity_ids = opportunity_ids
        self.asked = []

    def applications_to_interview(self, *, after, limit):
        self.asked.append((after, limit))
        return self.opportunity_ids[:limit]


def of_model(fetched, model):
    return {one.remote_id: one for one in fetched if isinstance(one, Record) and one.model_name == model}


def of_type(fetched, kind):
    return [one for one in fetched if isinstance(one, kind)]


def fetch_all(connector, window):
    return [one for name in LISTINGS for one in getattr(connector, f"fetch_{name}")(window)]


def asked(server, start=""):
    lines = [f"{unquote(request.path)}?{urlencode(request.query)}" for request in server.requests]
    return [line.removeprefix("/v1") for line in lines if line.startswith(f"/v1{start}")]


def listing(*rows, then=None):
    return Answer(200, {"data": list(rows), "hasNext": then is not None} | ({"next": then} if then else {}))


@pytest.fixture
def read():
    """Return a function that reads a listing from a simulated platform or a script."""

    def read(simulator, name, window):
        with (
            serve(simulator) as server,
            LeverConnector(credentials={"api_key": LeverSimulator.api_key}, base_url=f"{server.url}/v1") as connector,
        ):
            found = list(getattr(connector, f"fetch_{name}")(window))
        return found, asked(server)

    return read


def small_pages(connector):
    """Let a connector ask for opportunities in pages of ten."""
    pages = connector._pages
    connector._pages = lambda path, params=None, **options: pages(
        path, {**(params or {}), **({"limit": 10} if path == "/opportunities" else {})}, **options
    )
    return connector


@pytest.fixture
def synced_at(company):
    """The start of the last sync; all that was invented happened long before."""
    long_ago = datetime.now(UTC) - timedelta(days=2)
    for thing in (*company.interviews.values(), *company.seats.values()):
        thing.updated_at = min(thing.updated_at, long_ago)
    for application in company.applications.values():
        application.updated_at = application.touched_at = min(application.updated_at, long_ago)
    return datetime.now(UTC)


@pytest.fixture
def interview(company):
    return next(one for one in company.interviews.values() if one.state is InterviewState.COMPLETE)


def test_it_is_found_by_its_slug():
    assert connector_class("lever") is LeverConnector


def test_documented_payloads_arrive_in_unified_words(everything):
    with (
        serve(documented()) as server,
        LeverConnector(credentials={"api_key": LeverSimulator.api_key}, base_url=f"{server.url}/v1") as connector,
    ):
        found = fetch_all(connector, everything)

    models = {"users": "RemoteUser", "stages": "JobInterviewStage"}
    models |= {"applications": "Application", "interviews": "ScheduledInterview"}
    for name, model in models.items():
        assert [unified(record) for record in of_model(found, model).values()] == load("unified")[name]


def test_a_company_arrives_as_expected(connect, company, everything):
    company.cancel(next(iter(company.interviews)))

    found = {}
    for record in of_type(fetch_all(connect(), everything), Record):
        if not record.remote_was_deleted:
            found.setdefault(record.model_name, {})[record.remote_id] = unified(record)
    in_words = {
        model: {remote_id: {key: worded(value) for key, value in row.items()} for remote_id, row in of_one.items()}
        for model, of_one in expected(company, now=datetime.now(UTC)).items()
    }
    assert found == in_words


def worded(value):
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


# Full syncs


def test_full_sync_asks_for_everything(everything):
    with (
        serve(documented()) as server,
        LeverConnector(credentials={"api_key": LeverSimulator.api_key}, base_url=f"{server.url}/v1") as connector,
    ):
        fetch_all(connector, everything)

    assert asked(server)[:4] == [
        "/users?limit=100&includeDeactivated=true",
        "/stages?limit=100",
        "/archive_reasons?limit=100",
        "/opportunities?limit=100&expand=applications",
    ]
    assert sorted(asked(server)[4:]) == sorted(
        f"/opportunities/{row['id']}/interviews?limit=100" for row in rows("opportunities")
    )


def test_pages_beyond_the_first_are_read(company, connect, server, everything):
    (slot_id, *_) = company.slots
    application_id = next(iter(company.applications))
    for _ in range(230):
        company.add_interview(
            application_id=application_id, slot_id=slot_id, user_ids=[4001], starts_at=datetime.now(UTC)
        )

    found = of_model(connect().fetch_applications(everything), "ScheduledInterview")

    assert len(found) == len(company.interviews)
    assert len(asked(server, f"/opportunities/{lever_id('opportunity', application_id)}/interviews")) == 3


def test_stages_are_counted_across_pages(everything, read):
    stages = [{"id": f"stage-{number}", "text": "A"} for number in range(120)]

    found, _ = read(documented(stages=stages), "job_interview_stages", everything)

    assert [(one.remote_id, one.stage_order) for one in found] == [(f"stage-{n}", n) for n in range(120)]


def test_interviews_come_whole_by_opportunity(connect, company, everything):
    found = list(connect().fetch_applications(everything))

    groups = {
        lever_id("opportunity", application_id): frozenset(
            lever_id("interview", one.id) for one in company.interviews.values() if one.application_id == application_id
        )
        for application_id in company.applications
    }
    assert {whole.group: whole.remote_ids for whole in of_type(found, Whole)} == groups
    for record in of_model(found, "ScheduledInterview").values():
        assert record.remote_id in groups[record.remote_group]


def test_nothing_is_left_to_read_with_interviews(connect, server, everything):
    connector = connect()
    list(connector.fetch_applications(everything))
    requests = len(server.requests)

    assert list(connector.fetch_interviews(everything)) == []
    assert len(server.requests) == requests


def test_opportunity_that_vanished_meanwhile_is_no_error(everything, read):
    gone = Answer(404, load("error_404"))

    found, _ = read(Instead(documented(), {INTERVIEWS: gone}), "applications", everything)

    assert len(of_model(found, "Application")) == 3
    assert WITH_INTERVIEWS not in {whole.group for whole in of_type(found, Whole)}


def test_confidential_opportunities_are_not_asked_for(connect, simulator, company, server, everything):
    hidden = lever_id("opportunity", next(iter(company.applications)))
    simulator.confidential = {hidden}

    found = list(connect().fetch_applications(everything))

    assert len(of_model(found, "Application")) == len(company.applications) - 1
    assert asked(server, f"/opportunities/{hidden}") == []
    assert not any("confidentiality" in line for line in asked(server))


# Interrupted full syncs


def test_interrupted_full_sync_goes_on_where_it_was(connect, company, server, everything):
    assert len(company.applications) < 100
    begun = Window(since=None, started_at=everything.started_at - timedelta(hours=23))
    whole = list(small_pages(connect()).fetch_applications(begun))
    (first, *_) = of_type(whole, Checkpoint)
    before_interruption = of_model(whole[: whole.index(first)], "Application")
    server.requests.clear()

    connector = small_pages(connect())
    window = Window(since=None, started_at=everything.started_at, state=first.state)
    resumed = list(connector.fetch_applications(window))

    assert resumed[0] == Resumed(started_at=begun.started_at)
    assert before_interruption.keys() | of_model(resumed, "Application").keys() == of_model(whole, "Application").keys()
    assert not before_interruption.keys() & of_model(resumed, "Application").keys()
    assert {one.state.get("started_at") for one in of_type(resumed, Checkpoint)[:-1]} == {begun.started_at.isoformat()}
    assert list(connector.fetch_interviews(everything)) == [Resumed(started_at=begun.started_at)]


def test_full_sync_that_ended_is_not_gone_on_with(connect, everything):
    (*_, last) = connect().fetch_applications(everything)

    assert last == Checkpoint(state={})


@pytest.mark.parametrize(
    "state",
    [
        {"offset": "0.1782960000000.a", "started_at": "2026-07-01T00:00:00+00:00"},  # more than a day ago
        {"offset": "0.1782960000000.a"},
        {"offset": None, "started_at": None},
        {"other": "state"},
    ],
)
def test_state_that_does_not_help_is_ignored(everything, read, state):
    window = Window(since=None, started_at=everything.started_at, state=state)

    found, lines = read(documented(), "applications", window)

    assert of_type(found, Resumed) == []
    assert not any("offset" in line for line in lines)


def test_walk_that_cannot_be_gone_on_with_begins_anew(everything, read):
    state = {"offset": "nope", "started_at": everything.started_at.isoformat()}

    found, lines = read(documented(), "applications", Window(since=None, started_at=everything.started_at, state=state))

    assert of_type(found, Resumed) == []
    assert len(of_model(found, "Application")) == 3
    assert lines[1:3] == [
        "/opportunities?limit=100&expand=applications&offset=nope",
        "/opportunities?limit=100&expand=applications",
    ]


def test_token_that_becomes_unreadable_restarts_a_listing_once(everything, read):
    refused = Answer(400, load("error_400_offset"))
    stages = [{"id": "a", "text": "A"}, {"id": "b", "text": "B"}]

    found, lines = read(
        Script(listing(stages[0], then="t 1"), refused, listing(stages[0], then="t2"), listing(stages[1])),
        "job_interview_stages",
        everything,
    )

    assert [(one.remote_id, one.stage_order) for one in found] == [("a", 0), ("a", 0), ("b", 1)]
    assert lines == [
        "/stages?limit=100",
        "/stages?limit=100&offset=t+1",
        "/stages?limit=100",
        "/stages?limit=100&offset=t2",
    ]
    with pytest.raises(UnexpectedAnswer, match="Invalid offset token"):
        read(Script(listing(stages[0], then="t"), refused, listing(then="t"), refused), "users", everything)


def test_restarted_interviews_come_once(everything, read):
    refused = Answer(400, load("error_400_offset"))
    one, two, new = ({"id": name} for name in ("i1", "i2", "i3"))
    script = Script(
        listing(),
        listing({"id": "o1"}),
        listing(one, two, then="t"),
        refused,
        listing(one, then="t2"),
        listing(new),
    )

    found, _ = read(script, "applications", everything)

    (whole,) = of_type(found, Whole)
    assert whole == Whole(group="o1", remote_ids=frozenset({"i1", "i3"}))
    assert list(of_model(found, "ScheduledInterview")) == ["i1", "i3"]


# Incremental syncs


def test_incremental_sync_asks_from_five_minutes_before_the_last_one(connect, server):
    window = Window(
        since=datetime(2036, 1, 5, 12, 0, 0, 999, tzinfo=UTC), started_at=datetime(2036, 1, 5, 13, tzinfo=UTC)
    )

    fetch_all(connect(), window)

    since = int(datetime(2036, 1, 5, 11, 55, tzinfo=UTC).timestamp() * 1000)
    assert asked(server) == [
        "/users?limit=100&includeDeactivated=true",
        "/stages?limit=100",
        "/archive_reasons?limit=100",
        f"/opportunities?limit=100&expand=applications&updated_at_start={since}",
        f"/opportunities/deleted?limit=100&deleted_at_start={since}",
    ]


def test_nothing_changed_brings_nothing(connect, synced_at, lately):
    assert list(connect().fetch_applications(lately(synced_at))) == [Checkpoint(state={})]


def test_rescheduled_interview_comes_with_its_opportunity(connect, company, interview, synced_at, lately):
    company.reschedule(interview.id, datetime(2027, 3, 1, 9, 0, tzinfo=UTC))

    found = list(connect().fetch_applications(lately(synced_at)))

    assert list(of_model(found, "Application")) == [lever_id("opportunity", interview.application_id)]
    record = of_model(found, "ScheduledInterview")[lever_id("interview", interview.id)]
    assert record.start_at == datetime(2027, 3, 1, 9, 0, tzinfo=UTC)


def test_cancelled_interview_counts_as_deleted_until_it_is_planned_again(
    connect, company, interview, synced_at, lately
):
    interview_id = lever_id("interview", interview.id)
    company.cancel(interview.id)
    cancelled = of_model(connect().fetch_applications(lately(synced_at)), "ScheduledInterview")[interview_id]
    company.reschedule(interview.id, datetime(2027, 3, 1, 9, 0, tzinfo=UTC))
    planned = of_model(connect().fetch_applications(lately(synced_at)), "ScheduledInterview")[interview_id]

    assert (cancelled.remote_was_deleted, planned.remote_was_deleted) == (True, False)


def test_deleted_interview_is_missing_from_what_is_whole(connect, company, interview, synced_at, lately):
    company.delete(interview.id)

    found = list(connect().fetch_applications(lately(synced_at)))

    (whole,) = of_type(found, Whole)
    assert whole.group == lever_id("opportunity", interview.application_id)
    assert lever_id("interview", interview.id) not in whole.remote_ids


def test_deleted_opportunity_goes_with_its_interviews(connect, company, interview, synced_at, lately):
    company.delete_application(interview.application_id)

    found = list(connect().fetch_applications(lately(synced_at)))

    opportunity_id = lever_id("opportunity", interview.application_id)
    assert found == [
        Gone(model_name="Application", remote_id=opportunity_id),
        Whole(group=opportunity_id, remote_ids=frozenset()),
        Checkpoint(state={}),
    ]


def test_rejection_arrives(connect, company, synced_at, lately):
    application = next(one for one in company.applications.values() if one.state is ApplicationState.ACTIVE)
    company.reject(application.id, 5001)

    (record,) = of_model(connect().fetch_applications(lately(synced_at)), "Application").values()

    assert record.reject_reason.name == "Failed the exercise"
    assert record.rejected_at is not None


def test_interviews_about_now_are_read_again_though_nothing_moved(connect, company, interview, synced_at, lately):
    held, gone = lever_id("opportunity", interview.application_id), "vanished"
    stored = Held(held, gone)
    connector, window = connect(), lately(synced_at, stored=stored)
    list(connector.fetch_applications(window))

    found = list(connector.fetch_interviews(window))

    assert stored.asked == [(window.started_at - timedelta(days=14), 500)]
    assert {one.application for one in of_type(found, Record)} == {held}
    assert [whole.group for whole in of_type(found, Whole)] == [held]


def test_interviews_that_just_came_are_not_read_again(connect, company, server, interview, synced_at, lately):
    company.cancel(interview.id)
    opportunity_id = lever_id("opportunity", interview.application_id)
    connector, window = connect(), lately(synced_at, stored=Held(opportunity_id))

    found = fetch_all(connector, window)

    assert lever_id("interview", interview.id) in of_model(found, "ScheduledInterview")
    assert len(asked(server, f"/opportunities/{opportunity_id}/interviews")) == 1


@pytest.mark.parametrize(
    ("applications_since", "interviews_since", "is_walked"),
    [(0, 0, False), (0, 1, False), (1, 0, True), (0, None, True), (None, 0, False), (None, None, False)],
)
def test_interviews_that_were_missed_are_made_up_for(
    connect, server, synced_at, lately, applications_since, interviews_since, is_walked
):
    """A sync can get one of the models only; hours after another time stand for it, None for everything."""
    connector = connect()
    windows = [
        lately(None if hours is None else synced_at + timedelta(hours=hours), stored=Held())
        for hours in (applications_since, interviews_since)
    ]
    list(connector.fetch_applications(windows[0]))
    walks = len(asked(server, "/opportunities?"))

    list(connector.fetch_interviews(windows[1]))

    assert len(asked(server, "/opportunities?")) - walks == is_walked


# Webhooks


def test_refetch_reads_one_opportunity_with_its_interviews(connect, server, company, everything):
    application = next(one for one in company.applications.values() if one.state is ApplicationState.REJECTED)
    opportunity_id = lever_id("opportunity", application.id)

    found = list(connect().refetch(Hint(subject=Subject.APPLICATION, remote_id=opportunity_id), everything))

    assert [type(one) for one in found][-1] is Whole
    assert unified(found[0])["reject_reason"] == company.reject_reasons[application.reject_reason_id].name
    assert asked(server) == [
        f"/opportunities/{opportunity_id}?expand=applications",
        "/archive_reasons?limit=100",
        f"/opportunities/{opportunity_id}/interviews?limit=100",
    ]


def test_refetch_of_what_is_gone_says_so(connect, everything):
    found = list(connect().refetch(Hint(subject=Subject.APPLICATION, remote_id="a/../b?c"), everything))

    assert found == [
        Gone(model_name="Application", remote_id="a/../b?c"),
        Whole(group="a/../b?c", remote_ids=frozenset()),
    ]


def test_nothing_else_is_read_singly(connect, everything):
    with pytest.raises(UnsupportedOperation):
        list(connect().refetch(Hint(subject=Subject.INTERVIEW, remote_id="a"), everything))


# Trouble


@pytest.mark.parametrize("fault", [rate_limited(), failing(500), failing(503), DROPPED_CONNECTION])
def test_trouble_on_the_way_loses_nothing(connect, server, company, everything, fault):
    server.faults.spoil_share(0.2, fault)

    found = fetch_all(connect(), everything)

    assert len(of_model(found, "ScheduledInterview")) == len(company.interviews)
    assert len(of_model(found, "Application")) == len(company.applications)


@pytest.mark.parametrize(("fault", "error"), [(failing(500), PlatformUnavailable), (rate_limited(), RateLimited)])
def test_trouble_that_stays_ends_the_listing(connect, server, everything, fault, error):
    server.faults.queue(fault, times=1000, path="/v1/opportunities/")
    connector = connect()

    for fetch in (connector.fetch_applications, connector.fetch_interviews):
        with pytest.raises(error):
            list(fetch(everything))


def test_rate_limit_is_waited_for_longer_each_time(connect, server):
    server.faults.queue(rate_limited(retry_after_seconds=None), times=5)
    connector = connect()

    connector.check()

    assert 31 <= connector.traffic.waited_seconds <= 31 * 1.25  # 1, 2, 4, 8, 16 with jitter


def test_limiter_is_for_lever_only():
    own = LeverConnector(credentials={"api_key": "a"}, base_url="https://api.eu.lever.co/v1")
    other = LeverConnector(credentials={"api_key": "a"}, base_url="https://lever.co.example.com/v1")

    assert (own.is_at_vendor, other.is_at_vendor) == (True, False)


def test_wrong_key_is_said_to_be(connect):
    with pytest.raises(BadCredentials) as caught:
        connect(api_key="wrong-key").check()

    assert "wrong-key" not in str(caught.value)


@pytest.mark.parametrize(
    ("denied", "name"),
    [
        ("users", "users"),
        ("stages", "job_interview_stages"),
        ("opportunities", "applications"),
        # Without them nobody knows who was hired.
        ("archive_reasons", "applications"),
    ],
)
def test_listing_that_may_not_be_read_fails(connect, simulator, everything, denied, name):
    simulator.denied = {denied}

    with pytest.raises(MissingPermission, match=denied):
        list(getattr(connect(), f"fetch_{name}")(everything))


def test_interviews_that_may_not_be_read_cost_no_applications(connect, simulator, server, company, everything):
    simulator.denied = {"interviews"}
    connector = small_pages(connect())

    found = list(connector.fetch_applications(everything))

    assert len(of_model(found, "Application")) == len(company.applications)
    # What was not read must not be gone on after.
    assert of_type(found, Checkpoint) == [Checkpoint(state={})]
    assert len([line for line in asked(server) if "/interviews" in line]) <= 16
    with pytest.raises(MissingPermission, match="interviews"):
        list(connector.fetch_interviews(everything))


def test_deletions_that_may_not_be_read_fail_after_the_rest(connect, simulator, company, interview, synced_at, lately):
    simulator.denied = {"deleted"}
    company.cancel(interview.id)
    found = []

    with pytest.raises(MissingPermission):
        found.extend(connect().fetch_applications(lately(synced_at)))
    assert lever_id("interview", interview.id) in of_model(found, "ScheduledInterview")


def test_payload_that_cannot_be_read_does_not_stop_the_others(everything, read):
    opportunities, interviews = rows("opportunities"), rows("opportunity_interviews")
    opportunities[1]["applications"] = "none"
    interviews[0]["date"] = "half past nine"
    lists = {"opportunities": opportunities, f"opportunities/{WITH_INTERVIEWS}/interviews": interviews}

    found, _ = read(documented(**lists), "applications", everything)

    problems = [(one.model_name, one.remote_id) for one in of_type(found, Unreadable)]
    assert problems == [("Application", opportunities[1]["id"]), ("ScheduledInterview", interviews[0]["id"])]
    assert len(of_model(found, "Application")) == 2
    # Unreadable, and there: nothing was deleted.
    assert Whole(group=WITH_INTERVIEWS, remote_ids=frozenset(one["id"] for one in interviews)) in found


def test_interviews_with_one_of_no_identity_are_not_whole(everything, read):
    script = Script(listing(), listing({"id": "o1"}, {"name": "nobody"}), listing({"id": "i1"}, {"id": None}))

    found, lines = read(script, "applications", everything)

    assert of_type(found, Whole) == []
    assert [one.model_name for one in of_type(found, Unreadable)] == ["Application", "ScheduledInterview"]
    assert len(lines) == 3


def test_archive_reason_that_cannot_be_read_leaves_a_gap(everything, read):
    simulator = Script(
        listing({"text": "Nobody"}, *rows("archive_reasons")), listing(rows("opportunities")[1]), listing()
    )

    found, _ = read(simulator, "applications", everything)

    assert isinstance(found[0], Gap)
    assert found[1].reject_reason.name == "Position filled"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, []),
        Answer(200, {"data": {}}),
        Answer(200, {"data": [], "hasNext": True}),
        Answer(200, b"<html>"),
        Answer(400, {"code": "BadRequest", "message": "Unknown parameter"}),
        listing(then="same"),
    ],
)
def test_answer_beyond_the_documentation_is_unexpected(everything, read, answer):
    with pytest.raises(UnexpectedAnswer):
        read(Script(answer), "users", everything)


def test_token_of_a_last_page_is_not_followed(everything, read):
    _, lines = read(Script(Answer(200, {"data": [], "hasNext": False, "next": "t"})), "users", everything)

    assert len(lines) == 1
