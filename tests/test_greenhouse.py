"""Greenhouse from its payloads to the API's answers, where tests/contracts/test_platforms.py does not look."""

import pytest

from sandbox.company import InterviewState
from sandbox.server import serve
from sync.engine import synchronise
from tests.connectors.greenhouse.samples import documented, load
from tests.platforms import link, linked, shown

MODELS = {
    "users": "RemoteUser",
    "stages": "JobInterviewStage",
    "applications": "Application",
    "interviews": "ScheduledInterview",
}


def is_shell(record):
    """Whether this only stands for what others refer to, and no listing shows."""
    return not any(value for name, value in record.items() if name != "remote_id")


def with_plain_times(record):
    return {
        name: value.isoformat().replace("+00:00", "Z") if value and name.endswith("_at") else value
        for name, value in record.items()
    }


@pytest.mark.parametrize("version", ["v3", "v1"])
def test_documented_payloads_are_answered_in_unified_words(transactional_db, version):
    simulator = documented(version)
    with serve(simulator) as server:
        account = link("greenhouse", server.url, simulator.credentials if version == "v3" else simulator.v1_credentials)
        run = synchronise(account)

    assert (run.result, run.error) == ("DONE", None)
    found = shown(account)
    for name, model_name in MODELS.items():
        listed = {key: with_plain_times(record) for key, record in found[model_name].items() if not is_shell(record)}
        assert listed == {record["remote_id"]: record for record in load(f"unified_from_{version}")[name]}


@pytest.mark.parametrize("full", [True, False])
def test_whoever_joins_or_leaves_a_panel_changes_that_interview_only(transactional_db, full):
    with linked("greenhouse") as platform:
        synchronise(platform.account)
        before = shown(platform.account)
        company = platform.company
        joined, left = [
            one for one in company.interviews.values() if one.state is InterviewState.COMPLETE and len(one.seats) > 1
        ][:2]
        newcomer = next(one for one in company.users if one not in {seat.user_id for seat in joined.seats})
        leaver = next(seat.user_id for seat in left.seats if seat.has_scorecard)

        company.join(joined.id, newcomer)
        company.leave(left.id, leaver)
        synchronise(platform.account, full=full)

        after = shown(platform.account)
        changed = {key for key, one in after["ScheduledInterview"].items() if one != before["ScheduledInterview"][key]}
        assert changed == {str(joined.id), str(left.id)}
        assert after["ScheduledInterview"][str(joined.id)]["interviewers"][-1] == str(newcomer)
        assert str(leaver) not in after["ScheduledInterview"][str(left.id)]["interviewers"]
