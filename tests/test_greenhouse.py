"""From a platform's payloads to the API's answers: link, sync, read; then things change at the platform."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import stamina

from connectors.registry import connector_class
from interviews.models import ScheduledInterview
from linked_accounts.services import link_account
from sandbox.company import build_company
from sandbox.platforms.greenhouse import GreenhouseSimulator
from sandbox.server import DROPPED_CONNECTION, failing, rate_limited, serve
from sync.engine import synchronise
from tests.conftest import Api
from tests.connectors.greenhouse.samples import LISTINGS, documented, load
from tests.factories import OrganizationFactory

PATHS = {
    "users": "users",
    "stages": "job-interview-stages",
    "applications": "applications",
    "interviews": "interviews",
}


@pytest.fixture(autouse=True)
def _no_waiting():
    with stamina.set_testing(True, attempts=100):
        yield


def link(server, credentials):
    account, account.token = link_account(
        organization=OrganizationFactory(),
        platform="greenhouse",
        end_user_origin_id="42",
        end_user_organization_name="Acme",
        end_user_email_address="it@acme.example",
        credentials=credentials,
        base_url=server.url,
    )
    return account


def listed(api, path):
    """Return everything that the list holds, by remote id."""
    parameters = {"page_size": 100, "include_deleted_data": "true"}
    return {record["remote_id"]: record for page in api.walk(path, **parameters) for record in page}


@pytest.mark.parametrize("version", ["v3", "v1"])
def test_documented_payloads_are_answered_in_unified_words(transactional_db, version):
    simulator = documented(version)
    with serve(simulator) as server:
        account = link(server, simulator.credentials if version == "v3" else simulator.v1_credentials)
        run = synchronise(account)
    api = Api(account)

    assert (run.result, run.error) == ("DONE", None)
    remote_ids = {
        record["id"]: record["remote_id"]
        for path in ["users", "job-interview-stages", "applications", "candidates", "jobs", "reject-reasons"]
        for page in api.walk(path, page_size=100, include_deleted_data="1", include_shell_data="1")
        for record in page
    }
    for name, path in PATHS.items():
        expected = {record["remote_id"]: record for record in load(f"unified_from_{version}")[name]}
        found = listed(api, path)
        assert found.keys() == expected.keys()
        for remote_id, fields in expected.items():
            for field, value in fields.items():
                answer = found[remote_id][field]
                if field == "reject_reason" and answer is not None:
                    answer = api.get(f"reject-reasons/{answer}").json()["name"]
                elif isinstance(answer, list):
                    answer = [remote_ids[id] for id in answer]
                else:
                    answer = remote_ids.get(answer, answer)
                assert answer == value, (remote_id, field)


@contextmanager
def synced_company(interviews=60):
    company = build_company(interviews=interviews)
    simulator = GreenhouseSimulator(company)
    with serve(simulator) as server:
        account = link(server, simulator.credentials)
        assert synchronise(account).result == "DONE"
        yield company, server, account


def scheduled(company):
    return [interview.id for interview in company.interviews.values() if interview.state == "scheduled"]


def assert_changed(before, after, expected):
    """Each record is as before to the last field, but those expected, whose `modified_at` has moved."""
    changed = {remote_id for remote_id in after if after[remote_id] != before.get(remote_id)}
    assert changed == {str(id) for id in expected}
    for remote_id in changed & before.keys():
        assert after[remote_id]["modified_at"] > before[remote_id]["modified_at"]
        assert after[remote_id]["created_at"] == before[remote_id]["created_at"]
        assert after[remote_id]["id"] == before[remote_id]["id"]


@pytest.mark.parametrize("full", [True, False])
def test_the_next_sync_shows_exactly_what_changed(transactional_db, full):
    with synced_company() as (company, _, account):
        api = Api(account)
        before = {path: listed(api, path) for path in PATHS.values()}
        moved, panel, joined, cancelled, deleted, example = scheduled(company)[:6]
        new_start = datetime(2027, 1, 4, 10, tzinfo=UTC)
        newcomers = [user for user in company.users if user not in {s.user_id for s in company.interviews[panel].seats}]

        company.reschedule(moved, new_start)
        company.reassign(panel, newcomers[:2])
        company.join(joined, newcomers[2])
        company.cancel(cancelled)
        company.delete(deleted)
        template = company.interviews[example]
        new = company.add_interview(
            application_id=template.application_id,
            slot_id=template.slot_id,
            user_ids=newcomers[:1],
            starts_at=new_start,
        )
        synchronise(account, full=full)

        after = {path: listed(api, path) for path in PATHS.values()}
        # Harvest v3 tells nobody of what vanished: only a full sync can find it missing.
        vanished = [cancelled, deleted] if full else []
        assert_changed(before["interviews"], after["interviews"], [moved, panel, joined, new.id, *vanished])
        for path in ("users", "job-interview-stages", "applications"):
            assert after[path] == before[path]

        users = {record["id"]: record["remote_id"] for record in after["users"].values()}
        interviews = after["interviews"]
        assert interviews[str(moved)]["start_at"] == "2027-01-04T10:00:00Z"
        assert [users[id] for id in interviews[str(panel)]["interviewers"]] == [str(id) for id in newcomers[:2]]
        assert str(newcomers[2]) in [users[id] for id in interviews[str(joined)]["interviewers"]]
        assert interviews[str(new.id)]["status"] == "SCHEDULED"
        for gone in vanished:
            assert interviews[str(gone)] | {"remote_was_deleted": False, "modified_at": ""} == before["interviews"][
                str(gone)
            ] | {"modified_at": ""}
            assert interviews[str(gone)]["remote_was_deleted"] is True


def test_a_poll_by_modified_after_finds_what_a_sync_changed(transactional_db):
    with synced_company() as (company, _, account):
        api = Api(account)
        polled_at = datetime.now(UTC).isoformat()
        moved = scheduled(company)[0]
        company.reschedule(moved, datetime(2027, 1, 4, 10, tzinfo=UTC))
        synchronise(account)

        assert [record["remote_id"] for record in api.results("interviews", modified_after=polled_at)] == [str(moved)]


def test_a_sync_in_which_nothing_changed_writes_no_row(transactional_db):
    with synced_company() as (_, _, account):
        before = list(ScheduledInterview.objects.order_by("id").extra(select={"x": "xmin::text"}).values("id", "x"))

        synchronise(account, full=True)

        after = list(ScheduledInterview.objects.order_by("id").extra(select={"x": "xmin::text"}).values("id", "x"))
        assert after == before


def test_faults_of_the_platform_heal(transactional_db):
    with synced_company(interviews=200) as (_, server, account):
        clean = {path: listed(Api(account), path) for path in PATHS.values()}
        for fault in (rate_limited(retry_after_seconds=1), failing(500), failing(503), DROPPED_CONNECTION):
            server.faults.queue(fault)

        assert synchronise(account, full=True).result == "DONE"
        assert {path: listed(Api(account), path) for path in PATHS.values()} == clean


def test_refused_credentials_ask_for_relinking_and_leave_the_data(transactional_db):
    with synced_company() as (_, _, account):
        api = Api(account)
        before = listed(api, "interviews")
        account.credentials = account.credentials | {"client_secret": "changed meanwhile"}
        account.save()

        run = synchronise(account)

        account.refresh_from_db()
        assert run.result == "FAILED"
        assert account.status == "RELINK_NEEDED"
        assert "changed meanwhile" not in f"{run.error} {account.status_detail}"
        assert listed(api, "interviews") == before
        statuses = {status["model_name"]: status for status in api.results("sync-status")}
        assert {status["status"] for status in statuses.values()} == {"FAILED"}
        assert statuses["ScheduledInterview"]["data_fresh_as_of"] < statuses["ScheduledInterview"]["last_sync_start"]


def test_sync_status_tells_how_each_model_went(transactional_db):
    started_at = datetime.now(UTC) - timedelta(seconds=1)
    with synced_company() as (_, _, account):
        body = Api(account).get("sync-status").json()

    assert list(body) == ["next", "previous", "results"]
    assert [status["model_id"] for status in body["results"]] == [
        "ats.Application",
        "ats.JobInterviewStage",
        "ats.RemoteUser",
        "ats.ScheduledInterview",
    ]
    for status in body["results"]:
        assert status["status"] == status["last_sync_result"] == "DONE"
        assert status["is_initial_sync"] is False
        assert status["historical_data_since"] == "1900-01-01T00:00:00Z"
        assert datetime.fromisoformat(status["data_fresh_as_of"]) > started_at
        assert status["last_sync_finished"] >= status["last_sync_start"]


def test_no_reference_points_nowhere(transactional_db):
    with synced_company() as (_, _, account):
        everything = {
            record["id"]
            for path in ["users", "job-interview-stages", "applications", "candidates", "jobs", "reject-reasons"]
            for page in Api(account).walk(path, page_size=100, include_deleted_data="1", include_shell_data="1")
            for record in page
        }
        references = [
            (record["id"], name, id)
            for path, names in {
                "interviews": ["application", "job_interview_stage", "organizer", "interviewers"],
                "applications": ["candidate", "job", "credited_to", "current_stage", "reject_reason"],
                "job-interview-stages": ["job"],
            }.items()
            for record in listed(Api(account), path).values()
            for name in names
            for id in (record[name] if isinstance(record[name], list) else [record[name]])
            if id is not None
        ]

    assert len(references) > 100
    assert [reference for reference in references if reference[2] not in everything] == []


def test_the_connector_declares_exactly_the_fields_that_its_payloads_fill(transactional_db):
    filled = {path: set() for path in PATHS.values()}
    for version in LISTINGS:
        for name, path in PATHS.items():
            for record in load(f"unified_from_{version}")[name]:
                filled[path] |= {field for field, value in record.items() if value not in (None, [])}
    declared = connector_class("greenhouse").models

    for path, model_name in zip(PATHS.values(), declared, strict=True):
        assert filled[path] - {"remote_id", "remote_was_deleted"} == declared[model_name].fields, model_name
