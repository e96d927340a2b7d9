import hmac
from datetime import UTC, datetime

import orjson
import pytest

from connectors.base import UNREADABLE
from connectors.errors import BadCredentials, UnsupportedOperation
from connectors.platforms.greenhouse.connector import GreenhouseConnector
from connectors.records import Gap, Gone, Record, Whole
from connectors.webhooks import Delivery, Hint, Subject
from sandbox.company import ApplicationState, InterviewState
from sync.engine import refetch, synchronise
from tests.connectors.greenhouse.samples import asked
from tests.platforms import linked, shown

SECRET = "any text that was entered"
# As sent: characters that HTML knows are escaped, and the signature covers them so.
BODY = rb'{"action": "application_updated", "payload": {"application": {"id": 22202940, "name": "\u003cb\u003e"}}}'

webhooks = GreenhouseConnector.webhooks


def delivery(payload, body=b"", **headers):
    return Delivery(headers=headers, body=body, payload=payload)


def event(action, **payload):
    return delivery({"action": action, "payload": payload})


def signature(body=BODY, secret=SECRET):
    return f"sha256 {hmac.new(secret.encode(), body, 'sha256').hexdigest()}"


def application(remote_id):
    return Hint(subject=Subject.APPLICATION, remote_id=str(remote_id))


def interview(remote_id):
    return Hint(subject=Subject.INTERVIEW, remote_id=str(remote_id))


def test_signature_of_the_body_as_it_was_sent_is_genuine():
    assert webhooks.is_genuine(delivery(orjson.loads(BODY), BODY, signature=signature()), SECRET)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"signature": ""},
        {"signature": signature(secret="another")},
        {"signature": signature(orjson.dumps(orjson.loads(BODY)))},
        {"signature": signature().replace("sha256", "sha1")},
        {"signature": signature().removeprefix("sha256 ")},
        {"signature": "sha256 é"},
    ],
)
def test_anything_else_is_not(headers):
    assert not webhooks.is_genuine(delivery(orjson.loads(BODY), BODY, **headers), SECRET)


def test_secret_is_a_credential_that_may_be_left_out():
    (credential,) = [one for one in GreenhouseConnector.credentials if one.name == webhooks.secret_name]

    assert credential.secret
    assert not credential.is_required({})


# https://developers.greenhouse.io/webhooks.html


@pytest.mark.parametrize(
    "action",
    [
        "new_candidate_application",
        "new_prospect_application",
        "application_updated",
        "delete_application",
        "candidate_stage_change",
        "hire_candidate",
        "unhire_candidate",
        "reject_candidate",
        "unreject_candidate",
    ],
)
def test_events_of_an_application_name_it(action):
    assert webhooks.hints(event(action, application={"id": 265277})) == (application(265277),)


def test_deleted_interview_is_named():
    assert webhooks.hints(event("interview_deleted", interview={"id": 31087450})) == (interview(31087450),)


def test_deleted_candidate_names_all_applications():
    deleted = event("delete_candidate", person={"id": 37031511, "deleted_application_ids": [46196263, 46196258]})

    assert webhooks.hints(deleted) == (application(46196263), application(46196258))


@pytest.mark.parametrize("person", [{"id": 1}, {"id": 1, "deleted_application_ids": []}])
def test_candidate_that_was_merged_away_names_none(person):
    assert webhooks.hints(event("delete_candidate", person=person)) == (Hint(subject=Subject.CHANGES),)


@pytest.mark.parametrize(
    ("action", "subject"),
    [
        ("merge_candidate", Subject.CHANGES),
        ("scorecard_deleted", Subject.CHANGES),
        ("job_deleted", Subject.EVERYTHING),
        ("job_interview_stage_deleted", Subject.EVERYTHING),
    ],
)
def test_events_about_what_we_cannot_read_singly_have_us_sync(action, subject):
    assert webhooks.hints(event(action)) == (Hint(subject=subject),)


@pytest.mark.parametrize("action", ["update_candidate", "offer_created", "unheard of"])
def test_other_events_say_nothing(action):
    assert webhooks.hints(event(action, id=1)) == ()


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        [1],
        {"action": "reject_candidate"},
        {"action": "reject_candidate", "payload": {"application": {"id": None}}},
        {"action": "interview_deleted", "payload": {"interview": [5]}},
        {"action": "delete_candidate", "payload": {"person": {"deleted_application_ids": 5}}},
    ],
)
def test_what_is_no_event_is_refused(payload):
    with pytest.raises(UNREADABLE):
        webhooks.hints(delivery(payload))


# Reading anew


@pytest.fixture(params=["v3", "v1"])
def connect_with(request, connect, simulator):
    """Return a function that makes connectors of each version."""
    return lambda: connect(**(simulator.v1_credentials if request.param == "v1" else {}))


@pytest.fixture
def rejected(company):
    """An application with a source, a referrer, a reject reason and interviews, one of them in the future."""
    found = next(
        one
        for one in company.applications.values()
        if one.state is ApplicationState.ACTIVE and one.referrer_id and len(interviews_of(company, one)) > 1
    )
    company.reject(found.id, 9)
    company.reschedule(interviews_of(company, found)[0], datetime(2027, 1, 4, 10, tzinfo=UTC))
    return found


def interviews_of(company, application):
    return [
        one.id
        for one in company.interviews.values()
        if one.application_id == application.id and one.state is not InterviewState.CANCELLED
    ]


def records_of(application_id, fetched):
    return [
        one
        for one in fetched
        if isinstance(one, Record) and str(application_id) in (one.remote_id, getattr(one, "application", None))
    ]


def by_id(records):
    return {(record.model_name, record.remote_id): record for record in records}


def test_application_is_read_anew_with_its_interviews(connect_with, company, rejected, everything):
    listings = connect_with()
    listed = [*listings.fetch_applications(everything), *listings.fetch_interviews(everything)]

    *records, whole = connect_with().refetch(application(rejected.id), everything)

    assert by_id(records) == by_id(records_of(rejected.id, listed))
    assert len(records) == 1 + len(interviews_of(company, rejected))
    assert whole == Whole(group=str(rejected.id), remote_ids=frozenset(map(str, interviews_of(company, rejected))))


def test_interviews_that_vanished_are_not_among_the_whole(connect_with, company, rejected, everything):
    cancelled, deleted, *left = interviews_of(company, rejected)
    company.cancel(cancelled)
    company.delete(deleted)

    *_, whole = connect_with().refetch(application(rejected.id), everything)

    assert whole == Whole(group=str(rejected.id), remote_ids=frozenset(map(str, left)))


def test_deleted_application_is_gone_with_its_interviews(connect_with, company, rejected, everything):
    company.delete_application(rejected.id)

    assert list(connect_with().refetch(application(rejected.id), everything)) == [
        Gone(model_name="Application", remote_id=str(rejected.id)),
        Whole(group=str(rejected.id), remote_ids=frozenset()),
    ]


def test_interview_is_read_anew_with_its_panel(connect_with, company, rejected, everything):
    interview_id = interviews_of(company, rejected)[0]
    company.reassign(interview_id, [4002, 4001])
    listed = by_id(connect_with().fetch_interviews(everything))

    (record,) = connect_with().refetch(interview(interview_id), everything)

    assert record == listed["ScheduledInterview", str(interview_id)]
    assert set(record.interviewers) == {"4001", "4002"}


@pytest.mark.parametrize("change", ["cancel", "delete"])
def test_interview_that_vanished_is_gone(connect_with, company, rejected, everything, change):
    interview_id = interviews_of(company, rejected)[0]
    getattr(company, change)(interview_id)

    assert list(connect_with().refetch(interview(interview_id), everything)) == [
        Gone(model_name="ScheduledInterview", remote_id=str(interview_id))
    ]


def test_v3_asks_only_for_what_there_is_to_know(connect, server, company, rejected, everything):
    list(connect().refetch(application(rejected.id), everything))

    interviews = interviews_of(company, rejected)
    slots = ",".join(sorted({str(company.interviews[one].slot_id) for one in interviews}))
    assert asked(server) == [
        "/token?",
        f"/v3/applications?per_page=500&ids={rejected.id}",
        f"/v3/sources?per_page=500&ids={rejected.source_id}",
        f"/v3/referrers?per_page=500&ids={rejected.referrer_id}",
        "/v3/rejection_reasons?per_page=500&include_defaults=true&ids=9",
        f"/v3/interviews?per_page=500&application_ids={rejected.id}",
        f"/v3/job_interviews?per_page=500&ids={slots}",
        f"/v3/interviewers?per_page=500&interview_ids={','.join(map(str, reversed(interviews)))}",
    ]


def test_v1_asks_for_single_records(connect, simulator, server, company, rejected, everything):
    list(connect(**simulator.v1_credentials).refetch(application(rejected.id), everything))

    assert asked(server) == [
        f"/v1/applications/{rejected.id}?",
        f"/v1/applications/{rejected.id}/scheduled_interviews?per_page=500&skip_count=true",
        "/v1/job_stages?per_page=500&skip_count=true",
    ]


def test_more_interviews_than_one_request_takes_are_read(connect, company, rejected, everything):
    template = company.interviews[interviews_of(company, rejected)[0]]
    for _ in range(60):
        company.add_interview(
            application_id=rejected.id, slot_id=template.slot_id, user_ids=[4001], starts_at=template.starts_at
        )

    *records, whole = connect().refetch(application(rejected.id), everything)

    assert len(whole.remote_ids) == len(records) - 1 > 60


def test_interviews_of_an_application_that_is_hidden_stay(connect, company, rejected, everything):
    with company.lock:
        del company.applications[rejected.id]
        company.version += 1

    gone, *records, whole = connect().refetch(application(rejected.id), everything)

    assert gone == Gone(model_name="Application", remote_id=str(rejected.id))
    assert {one.remote_id for one in records} == whole.remote_ids == set(map(str, interviews_of(company, rejected)))


def test_words_that_may_not_be_read_leave_a_gap(connect, simulator, rejected, everything):
    simulator.denied_listings = {"v3/sources"}

    found = list(connect().refetch(application(rejected.id), everything))

    assert [type(one) for one in found].count(Gap) == 1
    assert records_of(rejected.id, found)[0].source == str(rejected.source_id)


@pytest.mark.parametrize("status", [404, 410])
def test_v1_that_is_retired_has_deleted_nothing(connect, simulator, rejected, everything, status):
    simulator.v1_status = status

    with pytest.raises(BadCredentials, match="API version retired"):
        list(connect(**simulator.v1_credentials).refetch(application(rejected.id), everything))


@pytest.mark.parametrize("remote_id", ["a/../b?c", "../users"])
def test_ids_lead_to_no_other_address(connect, simulator, remote_id, everything):
    connector = connect(**simulator.v1_credentials)

    assert list(connector.refetch(interview(remote_id), everything)) == [
        Gone(model_name="ScheduledInterview", remote_id=remote_id)
    ]


@pytest.mark.parametrize("subject", [Subject.CHANGES, Subject.EVERYTHING, Subject.APPLICATION])
def test_hints_without_an_id_are_for_syncs(connect, everything, subject):
    with pytest.raises(UnsupportedOperation):
        list(connect().refetch(Hint(subject=subject), everything))


# From the event to the API


def take(platform, action, **payload):
    for hint in webhooks.hints(event(action, **payload)):
        refetch(platform.account, hint)


def present(account):
    return {
        model_name: {remote_id: one for remote_id, one in records.items() if not one["remote_was_deleted"]}
        for model_name, records in shown(account).items()
    }


def busiest(company):
    return max(company.applications.values(), key=lambda one: len(interviews_of(company, one)))


def test_event_of_an_application_brings_what_changed_of_it(transactional_db):
    with linked("greenhouse") as platform:
        synchronise(platform.account)
        company = platform.company
        changed = busiest(company)
        moved, cancelled, *_ = interviews_of(company, changed)
        company.reject(changed.id, 9)
        company.reschedule(moved, datetime(2027, 1, 4, 10, tzinfo=UTC))
        company.cancel(cancelled)

        take(platform, "reject_candidate", application={"id": changed.id})

        assert present(platform.account) == platform.expected(datetime.now(UTC))


def test_event_of_a_deleted_application_takes_its_interviews_along(transactional_db):
    with linked("greenhouse") as platform:
        synchronise(platform.account)
        deleted = busiest(platform.company)
        platform.company.delete_application(deleted.id)

        take(platform, "delete_application", application={"id": deleted.id, "candidate_id": deleted.candidate_id})

        assert present(platform.account) == platform.expected(datetime.now(UTC))


def test_event_of_a_deleted_interview_deletes_it(transactional_db):
    with linked("greenhouse") as platform:
        synchronise(platform.account)
        interview_id = next(iter(platform.company.interviews))
        platform.company.delete(interview_id)

        take(platform, "interview_deleted", interview={"id": interview_id})

        assert present(platform.account) == platform.expected(datetime.now(UTC))
        assert shown(platform.account)["ScheduledInterview"][str(interview_id)]["remote_was_deleted"]
