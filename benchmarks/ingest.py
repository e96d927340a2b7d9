"""Storing alone: listings of records that cost nothing to read, stored as by a sync, beside plain COPY.

    python -m benchmarks.ingest --records 20000 --rounds 5
    python -m benchmarks.ingest --memory 1000000

The yardstick is COPY of the same rows, without texts and originals, into a table with the same indexes, in durable
transactions of 500 rows; beside it stands COPY of the rows with their texts. Each round stores the records of a new
account: all new, once more unchanged, and with a change in each, first without originals and then with them.
Percentages are of the yardstick's median over the rounds. `WAL` is what an unchanged record writes to the log,
bookkeeping of its transaction included. Exit code 1 if an unchanged record was touched.

The second command stores so many interviews with originals, made as they are read, and prints the most memory that this
took: when ten batches were stored, and at the end.
"""

import argparse
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

from django.db import connection, transaction
from psycopg.sql import SQL, Identifier

from benchmarks.dataset import make_account, scratch_database
from benchmarks.memory import MEGABYTE, peak_bytes
from connectors.records import (
    ApplicationRecord,
    Choice,
    Fetched,
    JobInterviewStageRecord,
    Original,
    Record,
    RemoteUserRecord,
    ScheduledInterviewRecord,
)
from linked_accounts.models import LinkedAccount, Organization
from sync.engine import store_entries
from sync.garbage import search_seldom
from sync.ingest import Ingest
from sync.reading import BATCH_SIZE, ReadAhead
from sync.resources import BY_NAME, Resource
from sync.tables import PRINTED

PAGE = 500  # of the yardstick
TEN_BATCHES = 10
PANEL_SIZES = (2, 3, 3, 4, 4, 4, 5, 5, 6, 7)
USERS, STAGES, JOBS = 500, 40, 200
ORIGINAL = {"id": "", "people": [{"name": f"User {seat}", "email": f"user.{seat}@example.com"} for seat in range(30)]}
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def user(number: int) -> RemoteUserRecord:
    return RemoteUserRecord(
        remote_id=str(number),
        first_name="User",
        last_name=f"Number {number}",
        email=f"user.number.{number}@example.com",
        disabled=False,
        remote_created_at=NOON,
        access_role=Choice("INTERVIEWER", "interviewer"),
    )


def stage(number: int) -> JobInterviewStageRecord:
    return JobInterviewStageRecord(
        remote_id=str(number), name=f"Stage {number}", job=str(number % JOBS), stage_order=number % 9
    )


def application(number: int) -> ApplicationRecord:
    return ApplicationRecord(
        remote_id=str(number),
        candidate=str(number),
        job=str(number % JOBS),
        applied_at=NOON,
        source=f"Source {number % 30}",
        credited_to=str(number % USERS),
        current_stage=str(number % STAGES),
    )


def interview(number: int) -> ScheduledInterviewRecord:
    start = NOON + timedelta(minutes=number)
    return ScheduledInterviewRecord(
        remote_id=str(number),
        application=str(number // 4),
        job_interview_stage=str(number % STAGES),
        organizer=str(number % USERS),
        interviewers=tuple(str((number * 37 + seat) % USERS) for seat in range(PANEL_SIZES[number % 10])),
        location=f"https://video.example.com/j/{1200000000 + number}",
        start_at=start,
        end_at=start + timedelta(minutes=45),
        remote_created_at=NOON,
        remote_updated_at=NOON,
        status=Choice("SCHEDULED", "scheduled"),
    )


MODELS: dict[str, tuple[Callable[[int], Record], dict[str, Any]]] = {
    "RemoteUser": (user, {"last_name": "Changed"}),
    "JobInterviewStage": (stage, {"name": "Changed"}),
    "Application": (application, {"source": "Changed"}),
    "ScheduledInterview": (interview, {"location": "Changed"}),
}
WITH_TEXTS = "COPY with texts"
LABELS = ("all new", "unchanged", "all changed", "all new, originals", "unchanged, originals", "all changed, originals")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000, help="of each model and round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, metavar="INTERVIEWS", help="store so many once, and print the memory")
    arguments = parser.parse_args()
    if arguments.memory:
        with scratch_database():
            measure_memory(arguments.memory)
        return 0
    print(
        f"{arguments.records:,} records of each model, {BATCH_SIZE:,} a transaction (COPY: {PAGE}),"
        f" medians of {arguments.rounds} rounds"
    )
    print()
    print(f"| records a second | COPY | {WITH_TEXTS} | {' | '.join(LABELS)} | WAL |")
    print(f"|---|{'---:|' * (len(LABELS) + 3)}")
    touched = 0
    with scratch_database():
        for name in MODELS:
            touched += measure(BY_NAME[name], arguments.records, arguments.rounds)
    return 1 if touched else 0


def measure(resource: Resource, count: int, rounds: int) -> int:
    """Print the line of one model, and return how many unchanged records were written."""
    make, change = MODELS[resource.name]
    records = [make(number) for number in range(count)]
    listings = {"": records, ", originals": [_with_originals(record) for record in records]}
    rates: defaultdict[str, list[float]] = defaultdict(list)
    log: list[float] = []
    touched = 0
    search_seldom()  # as workers do, and never among the benchmark's own records
    organization, _ = Organization.objects.get_or_create(name="Benchmark")
    with (
        _yardstick(resource, "benchmark_copy") as table,
        _yardstick(resource, "benchmark_copy_texts") as table_with_texts,
    ):
        for number in range(rounds):
            for suffix, listing in listings.items():
                account = make_account(organization, f"{resource.name} {number}{suffix}")
                _store_what_is_referred_to(account, resource, count)
                ingest = Ingest(account.id)
                changed = [replace(record, **change) for record in listing]
                for label, listed in (("all new", listing), ("unchanged", listing), ("all changed", changed)):
                    logged, started_at = _logged_bytes(), perf_counter()
                    for _ in _store(ingest, listed):
                        pass
                    rates[label + suffix].append(count / (perf_counter() - started_at))
                    if label == "unchanged":
                        log.append((_logged_bytes() - logged) / count)
                counts = ingest.counts[resource.name]
                touched += counts.new + counts.changed - 2 * count
            rates["COPY"].append(count / _copy(resource, table, account, left_out=PRINTED))
            rates[WITH_TEXTS].append(count / _copy(resource, table_with_texts, account))
    limit = statistics.median(rates["COPY"])
    medians = [statistics.median(rates[label]) for label in (WITH_TEXTS, *LABELS)]
    cells = [f"{rate:,.0f} ({rate / limit:.0%})" for rate in medians]
    line = [resource.name, f"{limit:,.0f}", *cells, f"{statistics.median(log):.1f} B"]
    print(f"| {' | '.join(line)} |", flush=True)
    return touched


def measure_memory(count: int) -> None:
    resource = BY_NAME["ScheduledInterview"]
    search_seldom()
    account = make_account(Organization.objects.create(name="Benchmark"), "Memory")
    _store_what_is_referred_to(account, resource, count)
    early = 0
    for position in _store(Ingest(account.id), (_with_originals(interview(number)) for number in range(count))):
        if position < TEN_BATCHES:
            early = peak_bytes()
    early_mb, end_mb = early / MEGABYTE, peak_bytes() / MEGABYTE
    print(f"{count:,} interviews: {early_mb:.1f} MB after ten batches, {end_mb:.1f} MB at the end")


def _store_what_is_referred_to(account: LinkedAccount, resource: Resource, count: int) -> None:
    ingest = Ingest(account.id)
    if resource.name in ("Application", "ScheduledInterview"):
        ingest.store([user(number) for number in range(USERS)])
        ingest.store([stage(number) for number in range(STAGES)])
    if resource.name == "ScheduledInterview":
        for start in range(0, count // 4 + 1, PAGE):
            ingest.store([application(number) for number in range(start, start + PAGE)])


def _store(ingest: Ingest, listing: Iterable[Fetched]) -> Iterator[int]:
    """Store a listing as a sync does, and yield the number of each batch after it."""
    with ReadAhead(lambda stored: listing, ingest.stored, ingest.prepare) as batches:
        for position, batch in enumerate(batches):
            store_entries(ingest, batch)
            yield position


def _with_originals(record: Record) -> Record:
    """Return the record with an original of 1.5 kB."""
    return replace(record, remote_data=(Original("/records", {**ORIGINAL, "id": record.remote_id}),))


@contextmanager
def _yardstick(resource: Resource, table: str) -> Iterator[str]:
    """Make an empty table with the indexes of the model's, for the length of the context, and yield its name."""
    with connection.cursor() as cursor:
        cursor.execute(
            SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(
                Identifier(table), Identifier(resource.model._meta.db_table)
            )
        )
        yield table
        cursor.execute(SQL("DROP TABLE {}").format(Identifier(table)))


def _copy(resource: Resource, table: str, account: LinkedAccount, *, left_out: Collection[str] = ()) -> float:
    """Copy an account's rows by pages, each in a transaction of its own, and return the seconds that took."""
    names = [str(field.column) for field in resource.model._meta.fields if field.column not in left_out]
    columns = SQL(", ").join(map(Identifier, names))
    with connection.cursor() as cursor:
        rows = SQL("COPY (SELECT {} FROM {} WHERE linked_account_id = {} AND content_hash IS NOT NULL) TO STDOUT")
        with cursor.copy(rows.format(columns, Identifier(resource.model._meta.db_table), account.id)) as stream:
            lines = b"".join(stream).splitlines(keepends=True)
        statement = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), columns)
        started_at = perf_counter()
        for start in range(0, len(lines), PAGE):
            with transaction.atomic(durable=True), cursor.copy(statement) as stream:
                stream.write(b"".join(lines[start : start + PAGE]))
        return perf_counter() - started_at


def _logged_bytes() -> float:
    """Return how much this connection has written to the log; before PostgreSQL 18, everybody together."""
    statement = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
    with connection.cursor() as cursor:
        if connection.connection.info.server_version >= 180000:
            cursor.execute("SELECT pg_stat_force_next_flush()")
            statement = "SELECT wal_bytes FROM pg_stat_get_backend_wal(pg_backend_pid())"
        cursor.execute(statement)
        return float(cursor.fetchone()[0])


if __name__ == "__main__":
    sys.exit(main())
