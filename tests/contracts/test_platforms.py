"""What every platform must pass, over HTTP against its simulator: link, sync, read; then things change there."""

from datetime import UTC, datetime

import pytest
import stamina

from connectors.base import Deletions
from linked_accounts.models import LinkedAccount
from sandbox.server import DROPPED_CONNECTION, failing, rate_limited
from sync.engine import synchronise
from sync.models import Issue, ModelSync
from tests.platforms import SLUGS, linked, shown, spoiled

every_platform = pytest.mark.parametrize("slug", SLUGS)


@pytest.fixture(autouse=True)
def _no_waiting():
    with stamina.set_testing(True, attempts=100):
        yield


def assert_same(found, expected):
    """Each model has exactly these records, to the last field."""
    for model_name, records in expected.items():
        assert found[model_name].keys() == records.keys(), model_name
        for remote_id, fields in records.items():
            assert found[model_name][remote_id] == fields, (model_name, remote_id)


def present(found):
    return {
        model_name: {remote_id: one for remote_id, one in records.items() if not one["remote_was_deleted"]}
        for model_name, records in found.items()
    }


def scheduled(company):
    """Return interviews to come, of applications that are still open: some platforms do not look at others again."""
    return [
        one.id
        for one in company.interviews.values()
        if one.state == "scheduled" and one.starts_at and company.applications[one.application_id].state == "active"
    ]


def change_everything(company):
    """Let happen at the platform what can happen, each to records of its own."""
    moved, panel, cancelled, deleted, example = scheduled(company)[:5]
    busy = {company.interviews[one].application_id for one in (moved, panel, cancelled, deleted, example)}
    idle = [one for one in company.applications.values() if one.state == "active" and one.id not in busy]
    stages = [one for one in company.stages.values() if one.job_id == idle[0].job_id]
    people = [one.id for one in company.users.values() if not one.is_disabled and not one.is_service_account]
    company.reschedule(moved, datetime(2027, 1, 4, 10, tzinfo=UTC))
    company.reassign(panel, people[:2])
    company.cancel(cancelled)
    company.delete(deleted)
    template = company.interviews[example]
    company.add_interview(
        application_id=template.application_id,
        slot_id=template.slot_id,
        user_ids=people[2:4],
        organizer_id=people[0],
        starts_at=datetime(2027, 1, 5, 10, tzinfo=UTC),
    )
    company.advance(idle[0].id, next(one.id for one in stages if one.id != idle[0].stage_id))
    company.reject(idle[1].id, next(iter(company.reject_reasons)))
    company.rename_user(people[0], first_name="Zuzana", last_name="Nowak")
    company.disable_user(people[1])


@every_platform
def test_a_full_sync_shows_exactly_what_the_platform_has(transactional_db, slug):
    with linked(slug) as platform:
        run = synchronise(platform.account)

    assert (run.result, run.error) == ("DONE", None)
    found = shown(platform.account)
    assert_same(present(found), platform.expected(run.started_at))
    assert all(found[model_name] for model_name in platform.account.connector_class.models)


@every_platform
def test_the_next_sync_shows_exactly_what_changed(transactional_db, slug):
    with linked(slug) as platform:
        synchronise(platform.account)
        before = shown(platform.account)
        change_everything(platform.company)

        run = synchronise(platform.account)

        after, expected = shown(platform.account), platform.expected(run.started_at)
        assert (run.result, run.error, run.is_full) == ("DONE", None, False)
        for model_name, support in platform.account.connector_class.models.items():
            gone = present(after)[model_name].keys() - expected[model_name].keys()
            if support.deletions is Deletions.EVERY_SYNC or support.lists_groups:
                assert not gone
            assert gone <= before[model_name].keys()
            assert_same(
                {model_name: {key: one for key, one in present(after)[model_name].items() if key not in gone}},
                {model_name: expected[model_name]},
            )

        full = synchronise(platform.account, full=True)
        found = shown(platform.account)
        assert_same(present(found), platform.expected(full.started_at))
        assert before["ScheduledInterview"].keys() <= found["ScheduledInterview"].keys()


@every_platform
@pytest.mark.parametrize("full", [False, True])
def test_a_sync_without_changes_moves_nothing(transactional_db, slug, full):
    with linked(slug) as platform:
        synchronise(platform.account)

        run = synchronise(platform.account, full=full)

    assert run.result == "DONE"
    changed = {name: (counts["new"], counts["changed"], counts["deleted"]) for name, counts in run.counts.items()}
    assert set(changed.values()) <= {(0, 0, 0)}, changed


@every_platform
def test_a_platform_in_trouble_gives_the_same_records(transactional_db, slug):
    trouble = (rate_limited(retry_after_seconds=0), failing(500), failing(503), DROPPED_CONNECTION)
    with linked(slug, interviews=120) as platform:
        platform.server.faults.spoil_share(0.1, *trouble)

        run = synchronise(platform.account)

        assert (run.result, run.error) == ("DONE", None)
        assert_same(present(shown(platform.account)), platform.expected(run.started_at))


@every_platform
def test_a_platform_that_is_down_fails_the_sync_and_leaves_what_there_is(transactional_db, slug):
    with linked(slug) as platform:
        first = synchronise(platform.account)
        before = shown(platform.account)
        platform.server.faults.spoil_share(1, failing(503))

        run = synchronise(platform.account)

    assert run.result == "FAILED"
    assert shown(platform.account) == before
    assert [(one.status, one.error_description) for one in Issue.objects.all()] == [("ONGOING", "Third-party offline")]
    fresh = set(ModelSync.objects.filter(linked_account=platform.account).values_list("data_fresh_as_of", flat=True))
    assert fresh == {first.started_at}


@every_platform
def test_wrong_credentials_ask_for_linking_anew(transactional_db, slug):
    with linked(slug) as platform:
        secrets = [one.name for one in platform.account.connector_class.credentials if one.secret]
        given = dict(platform.account.credentials)
        known = [name for name in secrets if name in given]
        platform.account.credentials = given | {name: spoiled(given[name]) for name in known}
        platform.account.save()

        run = synchronise(platform.account)

    assert run.result == "FAILED"
    account = LinkedAccount.objects.get(id=platform.account.id)
    assert account.status == "RELINK_NEEDED"
    assert not any(given[name] in (account.status_detail or "") for name in known)
