"""Merge's own clients, unmodified, through every operation that the contract names, against the running server.

`UPDATE_COMPATIBILITY=1 pytest tests/compatibility` writes down what works (docs/compatibility.md).
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from linking.services import issue_public_token
from sandbox.company import ApplicationState
from sync.engine import synchronise
from sync.jobs import Worker, cancel
from sync.models import Issue
from tests.compatibility.clients import AbsentError, NodeClient, PythonClient
from tests.compatibility.operations import LATER, MUST, OPERATIONS, SHOULD, Run
from tests.conftest import Api
from tests.factories import ApiKeyFactory
from tests.platforms import Linked, linked

DOCUMENT = Path(__file__).parents[2] / "docs" / "compatibility.md"
CLIENTS = (PythonClient, NodeClient)
PATHS = ("interviews", "applications", "job-interview-stages", "users", "candidates", "jobs", "reject-reasons")
ABSENT = "not in this client"
INTRODUCTION = """\
# Compatibility

What Merge's official clients can do here when nothing but their base URL is changed: `MergePythonClient` 4.2.1 and
`@mergeapi/merge-node-client` 4.0.4, unmodified. These tables are written by the test that makes the calls against a
running server and a simulated Greenhouse, and checks what comes of each (`tests/compatibility`).

"Empty" models are those that no platform here fills: their lists are empty, their records not found, and writes are
refused with a problem that says so.
"""


def test_every_operation_of_the_contract_is_tried():
    names = [operation.name for operation in OPERATIONS]

    assert len(names) == len(set(names))
    assert {"interviews.create", "delete_account.delete", "scopes.linked_account_scopes_create"} <= set(names)


@pytest.mark.django_db(transaction=True)
def test_merges_clients_work_unmodified(live_server):
    problems: dict[str, dict[str, str]] = {}
    for client in CLIENTS:
        with linked("greenhouse", interviews=40) as platform:
            found = problems[client.name] = try_all(client, platform, f"{live_server.url}/api")
        wrong = [f"{client.name}: {name}: {what}" for name, what in found.items() if what != ABSENT]
        assert wrong == [], "\n".join(wrong)

    text = document(problems)
    if os.environ.get("UPDATE_COMPATIBILITY"):
        DOCUMENT.write_text(text)
    assert DOCUMENT.read_text() == text


@contextmanager
def working() -> Iterator[None]:
    worker = Worker(concurrency=1)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()


def try_all(client_class: Any, platform: Linked, url: str) -> dict[str, str]:
    """Return what went wrong, by operation."""
    account = platform.account
    synchronise(account)
    cancel(account)  # the first sync, which linking has queued: it would resolve the issue
    now = datetime.now(UTC)
    Issue.objects.create(
        linked_account=account, error_description="API error", first_incident_time=now, last_incident_time=now
    )
    key = ApiKeyFactory(organization=account.organization).secret
    run = Run(
        client=client_class(url, key, account.token),
        connect=lambda token: client_class(url, key, token),
        ids=known_ids(platform) | {"public token": issue_public_token(account)},
    )
    found = {}
    try:
        with working():
            for operation in OPERATIONS:
                try:
                    operation.check(run)
                except AbsentError:
                    found[operation.name] = ABSENT
                except Exception as error:
                    found[operation.name] = f"{type(error).__name__}: {error}"
    finally:
        run.client.close()
    return found


def known_ids(platform: Linked) -> dict[str, str]:
    api = Api(platform.account)
    ids = {path: api.results(path)[0]["id"] for path in PATHS}
    (interview,) = [one for one in api.results("interviews", page_size=100) if one["application"]][:1]
    application = api.get(f"applications/{interview['application']}").json()
    bookable = {slot.stage_id for slot in platform.company.slots.values() if slot.is_active}
    is_open = {
        str(one.id)
        for one in platform.company.applications.values()
        if one.state is ApplicationState.ACTIVE and one.stage_id in bookable
    }
    listed = api.results("applications", page_size=100)
    open_application = next(one for one in listed if one["remote_id"] in is_open)
    return ids | {
        "applications": application["id"],
        "jobs": application["job"],
        "open application": open_application["id"],
    }


def document(problems: dict[str, dict[str, str]]) -> str:
    heads = ["Operation", "Request", "Python", "Node"]
    lines = [INTRODUCTION]
    titles = {MUST: "Needed by every product", SHOULD: "Needed by most", LATER: "Empty models, and what is to come"}
    for priority, title in titles.items():
        rows = [
            [
                f"`{operation.name}`",
                f"`{operation.route}`",
                *(problems[client.name].get(operation.name, "works") for client in CLIENTS),
            ]
            for operation in OPERATIONS
            if operation.priority == priority
        ]
        table = [heads, ["---"] * len(heads), *rows]
        lines += [f"## {title}", "\n".join(f"| {' | '.join(row)} |" for row in table) + "\n"]
    return "\n".join(lines)
