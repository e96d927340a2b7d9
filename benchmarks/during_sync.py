"""How reads fare while another account's first load is written.

    python -m benchmarks.during_sync --interviews 1000000 --keep --rounds 5 --seconds 3

Asks for the list's first page over 4 connections, turn by turn with nothing else going on and while a process of its
own stores one batch of new interviews after the other, as fast as it can. What it stored is removed in the end.
"""

import argparse
import os
import statistics
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from time import perf_counter, sleep
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from psycopg.sql import SQL, Identifier

from benchmarks.dataset import Dataset, WrongSizeError, add_dataset_arguments, dataset, settle
from benchmarks.load import BadAnswerError, Load, choose_generator
from benchmarks.read import CONNECTIONS, Asked, add_load_arguments, cores
from benchmarks.scenarios import SCENARIOS
from benchmarks.servers import ServerDiedError, running
from connectors.records import Choice, Original, ScheduledInterviewRecord
from linked_accounts.models import LinkedAccount
from sync.ingest import Ingest
from sync.resources import RESOURCES

BATCH = 500
START_AT = datetime(2026, 6, 1, tzinfo=UTC)


class Found(NamedTuple):
    idle: list[Load]
    busy: list[Load]
    stored_a_second: float  # records, while reads went on


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_dataset_arguments(parser, interviews=100_000)
    add_load_arguments(parser)
    arguments = parser.parse_args()
    try:
        generator = choose_generator(arguments.generator)
        with (
            dataset(arguments.interviews, arguments.keep) as data,
            running(data, ["ours"], cores(pinned=arguments.pinned)) as servers,
        ):
            server = servers["ours"]
            first = SCENARIOS[0].queries(data)[0]
            asked = Asked(server, [server.peer.path(*first)], {"Accept": "*/*"})
            found = _measure(data, lambda: asked.load(generator, CONNECTIONS, arguments.seconds), arguments.rounds)
    except (BadAnswerError, ServerDiedError, WrongSizeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{data.interviews:,} interviews, {SCENARIOS[0].title}, {CONNECTIONS} connections")
    print(f"stored beside it: {found.stored_a_second:,.0f} interviews a second")
    print()
    print("\n".join(_table(found)))
    return 0


def _measure(data: Dataset, ask: Callable[[], Load], rounds: int) -> Found:
    ask()
    idle, busy, stored, seconds = [], [], 0, 0.0
    with _ingesting(data) as ingest:
        for _ in range(rounds):
            idle.append(ask())
            with ingest.going_on():
                before, started_at = ingest.stored(), perf_counter()
                busy.append(ask())
                stored, seconds = stored + ingest.stored() - before, seconds + perf_counter() - started_at
    return Found(idle, busy, stored / seconds)


class _Ingesting:
    """A process that stores interviews of an account while it is told to."""

    def __init__(self, account_id: uuid.UUID, database: str) -> None:
        context = get_context("spawn")
        self._going, self._counted = context.Event(), context.Value("q", 0)
        arguments = (account_id, database, self._going, self._counted)
        self.process = context.Process(target=_ingest, args=arguments, daemon=True)
        self.process.start()

    def stored(self) -> int:
        return int(self._counted.value)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Let it store until the context ends, which begins with the first batch."""
        before = self.stored()
        self._going.set()
        while self.stored() == before:
            if not self.process.is_alive():
                raise BadAnswerError("the process that stores interviews has died")
            sleep(0.01)
        try:
            yield
        finally:
            self._going.clear()


@contextmanager
def _ingesting(data: Dataset) -> Iterator[_Ingesting]:
    account = LinkedAccount(
        organization=data.account.organization,
        platform="greenhouse",
        end_user_origin_id=f"stored {uuid.uuid4()}",
        end_user_organization_name="stored meanwhile",
        end_user_email_address="benchmark@example.com",
    )
    account.issue_token()
    account.save()
    ingest = _Ingesting(account.id, data.database)
    try:
        yield ingest
    finally:
        ingest.process.terminate()
        ingest.process.join()
        _remove(account)


def _ingest(account_id: uuid.UUID, database: str, going: Any, counted: Any) -> None:
    connection.settings_dict["NAME"] = database
    os.nice(settings.WORKER_NICENESS)  # as workers do
    ingest = Ingest(account_id)
    first = 1
    while True:
        going.wait()
        ingest.store([_record(number) for number in range(first, first + BATCH)])
        first += BATCH
        with counted.get_lock():
            counted.value += BATCH


def _record(number: int) -> ScheduledInterviewRecord:
    start_at = START_AT + timedelta(minutes=number)
    panel = tuple(str(number * 37 % 500 + seat) for seat in range(number % 5 + 2))
    payload = {"id": number, "panel": [{"id": person, "name": f"User Number {person}"} for person in panel]}
    return ScheduledInterviewRecord(
        remote_id=str(number),
        application=str(number // 4),
        job_interview_stage=str(number % 40),
        organizer=panel[0],
        interviewers=panel,
        location=f"https://video.example.com/j/{1200000000 + number}",
        start_at=start_at,
        end_at=start_at + timedelta(minutes=45),
        status=Choice("SCHEDULED", "scheduled"),
        remote_data=(Original("/scheduled_interviews", {**payload, "notes": "Ask about the latest project. " * 40}),),
    )


def _remove(account: LinkedAccount) -> None:
    with connection.cursor() as cursor:
        for resource in RESOURCES:
            table = Identifier(resource.model._meta.db_table)
            originals = Identifier(resource.remote_data_model._meta.db_table)
            cursor.execute(
                SQL("DELETE FROM {} USING {} record WHERE record.id = record_id AND linked_account_id = %s").format(
                    originals, table
                ),
                [account.id],
            )
            cursor.execute(SQL("DELETE FROM {} WHERE linked_account_id = %s").format(table), [account.id])
    account.delete()
    settle()


def _table(found: Found) -> Iterator[str]:
    yield "| | idle | during a sync | ratio |"
    yield "|---|---:|---:|---:|"
    figures: dict[str, Callable[[Load], float]] = {
        "requests a second": lambda one: one.rate,
        "p50 ms": lambda one: one.p50,
        "p99 ms": lambda one: one.p99,
    }
    for title, figure in figures.items():
        idle, busy = (statistics.median(map(figure, loads)) for loads in (found.idle, found.busy))
        yield f"| {title} | {idle:,.2f} | {busy:,.2f} | {busy / idle:.2f} |"


if __name__ == "__main__":
    sys.exit(main())
