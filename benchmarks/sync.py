"""Syncs of whole accounts, end to end: a simulated platform, the sync, and PostgreSQL, each in processes of its own.

    python -m benchmarks.sync --interviews 50000 --platform greenhouse --platform lever

Prints what each kind of sync reads, writes and takes. `stored/s` leaves the platform out: records by the time spent in
storing them. `peak MB` is the memory of the syncing process, `added MB` the part that came during the sync: at a tenth
of the size, and at full size. `growth` is the peak by that of a tenth: 1 where memory does not follow the account.
The limit is plain COPY of the rows that the first sync made, originals included, into tables with nothing but the same
primary keys; `x COPY` is how many times as long a record takes, `stored x COPY` without the platform. The platform is
simulated in Python on the same machine, so that its time is much of a sync's; with `--delay` each of its answers takes
that many seconds more, as from far away. Reading goes on while records are stored, so that both together take less than
their sum; as they share one interpreter, storing takes longer than it would alone.
"""

import argparse
import statistics
import sys
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from tempfile import TemporaryFile
from time import perf_counter
from typing import NamedTuple
from unittest import mock

from django.db import connection
from psycopg.sql import SQL, Composed, Identifier

from benchmarks.dataset import scratch_database
from benchmarks.memory import MEGABYTE, peak_bytes
from benchmarks.simulated import Platform, simulated
from connectors.records import Record
from linked_accounts.models import LinkedAccount
from linked_accounts.services import find_organization, link_account
from sandbox.platforms import simulators
from sync.engine import synchronise
from sync.garbage import search_seldom
from sync.ingest import Ingest, Problem
from sync.models import Result
from sync.resources import RESOURCES

KINDS = (
    "first full sync",
    "full again, unchanged",
    "incremental, unchanged",
    "incremental, 1 % changed",
)
LISTS_ALL = KINDS[:2]  # the others read too little to be compared with a COPY of all
COLUMNS = (
    "records",
    "written",
    "requests",
    "seconds",
    "records/s",
    "stored/s",
    "peak MB",
    "added MB",
    "growth",
    "x COPY",
    "stored x COPY",
)
COPY_ROUNDS = 3


class Measured(NamedTuple):
    """What one sync came to. `written` are records that were new, changed or deleted."""

    result: str
    error: str | None
    records: int
    written: int
    requests: int
    seconds: float
    waited_seconds: float  # as the platform asked to, all threads together
    storing_seconds: float
    peak_bytes: int
    added_bytes: int


class Copied(NamedTuple):
    rows: int
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interviews", type=int, default=50_000)
    parser.add_argument("--platform", action="append", dest="platforms", choices=simulators(), metavar="SLUG")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="of each answer of the platform")
    arguments = parser.parse_args()
    print(f"{arguments.interviews:,} interviews; memory grows from {max(1, arguments.interviews // 10):,}")
    results = set()
    with scratch_database() as database:
        for slug in arguments.platforms or ["greenhouse", "lever"]:
            small, _ = measure(database, slug, max(1, arguments.interviews // 10), delay_seconds=arguments.delay)
            big, copied = measure(database, slug, arguments.interviews, delay_seconds=arguments.delay)
            _print(slug, small, big, copied)
            results |= {one.result for one in (*small, *big)}
    return 0 if results == {Result.DONE} else 1


def measure(database: str, slug: str, interviews: int, *, delay_seconds: float = 0.0) -> tuple[list[Measured], Copied]:
    """Measure the syncs of a new account, in the order of KINDS, and the limit."""
    with simulated(slug, interviews, delay_seconds=delay_seconds) as platform:
        account = _link(slug, platform, origin_id=f"{slug} {interviews}")
        measured = [_apart(database, account.id, full=False)]
        copied = copy(account)
        measured.append(_apart(database, account.id, full=True))
        measured.append(_apart(database, account.id, full=False))
        platform.reschedule(max(1, interviews // 100))
        measured.append(_apart(database, account.id, full=False))
    return measured, copied


def copy(account: LinkedAccount) -> Copied:
    """Copy the account's rows out, and the same text into plain tables."""
    rows, seconds = 0, 0.0
    for resource in RESOURCES:
        table, side = resource.model._meta.db_table, resource.remote_data_model._meta.db_table
        ours = SQL("SELECT {}.* FROM {} WHERE linked_account_id = {}").format(
            Identifier(table), Identifier(table), account.id
        )
        originals = SQL("SELECT {}.* FROM {} JOIN {} record ON record.id = record_id WHERE linked_account_id = {}")
        for name, key, selection in (
            (table, "id", ours),
            (side, "record_id", originals.format(Identifier(side), Identifier(side), Identifier(table), account.id)),
        ):
            copied = _copy(name, key, selection)
            rows, seconds = rows + copied.rows, seconds + copied.seconds
    return Copied(rows, seconds)


def _copy(table: str, key: str, selection: Composed) -> Copied:
    plain = Identifier("benchmark_copy")
    times, rows = [], 0
    with TemporaryFile() as lines, connection.cursor() as cursor:
        with cursor.copy(SQL("COPY ({}) TO STDOUT").format(selection)) as stream:
            for block in stream:
                lines.write(block)
        for _ in range(COPY_ROUNDS):
            # Committed before, as PostgreSQL may save itself the log for a table that is new in the transaction.
            cursor.execute(SQL("CREATE TABLE {} (LIKE {})").format(plain, Identifier(table)))
            cursor.execute(SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(plain, Identifier(key)))
            lines.seek(0)
            started_at = perf_counter()
            with cursor.copy(SQL("COPY {} FROM STDIN").format(plain)) as stream:
                while block := lines.read(1 << 20):
                    stream.write(block)
            times.append(perf_counter() - started_at)
            rows = cursor.rowcount
            cursor.execute(SQL("DROP TABLE {}").format(plain))
    return Copied(rows, statistics.median(times))


def _link(slug: str, platform: Platform, *, origin_id: str) -> LinkedAccount:
    account, _ = link_account(
        organization=find_organization(name=None),
        platform=slug,
        end_user_origin_id=origin_id,
        end_user_organization_name=origin_id,
        end_user_email_address="benchmark@example.com",
        credentials=platform.credentials,
        base_url=platform.base_url,
    )
    return account


def _apart(database: str, account_id: uuid.UUID, *, full: bool) -> Measured:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_synchronise, database, account_id, full=full).result()


def _synchronise(database: str, account_id: uuid.UUID, *, full: bool) -> Measured:
    connection.settings_dict["NAME"] = database
    search_seldom()  # as workers do
    before = peak_bytes()
    account = LinkedAccount.objects.get(id=account_id)
    with _timed_storing() as times:
        started_at = perf_counter()
        run = synchronise(account, full=full)
        seconds = perf_counter() - started_at
    connection.close()
    return Measured(
        result=run.result or "",
        error=run.error,
        records=sum(counts["records"] for counts in run.counts.values()),
        written=sum(counts["new"] + counts["changed"] + counts["deleted"] for counts in run.counts.values()),
        requests=run.requests,
        seconds=seconds,
        waited_seconds=run.waited_seconds,
        storing_seconds=sum(times),
        peak_bytes=(peak := peak_bytes()),
        added_bytes=peak - before,
    )


@contextmanager
def _timed_storing() -> Iterator[list[float]]:
    store, times = Ingest.store, list[float]()

    def timed(ingest: Ingest, records: Iterable[Record]) -> list[Problem]:
        started_at = perf_counter()
        try:
            return store(ingest, records)
        finally:
            times.append(perf_counter() - started_at)

    with mock.patch.object(Ingest, "store", timed):
        yield times


def _print(slug: str, small: list[Measured], big: list[Measured], copied: Copied) -> None:
    print()
    _print_line(slug, *COLUMNS)
    limit = copied.seconds / big[0].records  # a record
    for kind, less, one in zip(KINDS, small, big, strict=True):
        comparable = one.records * limit if kind in LISTS_ALL else 0
        _print_line(
            kind,
            f"{one.records:,}",
            f"{one.written:,}",
            f"{one.requests:,}",
            f"{one.seconds:.2f}",
            f"{one.records / one.seconds:,.0f}",
            _ratio(one.records, one.storing_seconds, ",.0f"),
            f"{one.peak_bytes / MEGABYTE:.0f}",
            f"{less.added_bytes / MEGABYTE:.0f}, {one.added_bytes / MEGABYTE:.0f}",
            f"{one.peak_bytes / less.peak_bytes:.2f}",
            _ratio(one.seconds, comparable, ".1f"),
            _ratio(one.storing_seconds, comparable, ".1f"),
        )
    _print_line(
        f"COPY of {copied.rows:,} rows",
        f"{big[0].records:,}",
        *["-"] * 2,
        f"{copied.seconds:.2f}",
        f"{1 / limit:,.0f}",
        *["-"] * 6,
    )
    for kind, one in zip(KINDS, big, strict=True):
        if one.result != Result.DONE:
            print(f"{kind}: {one.result} {one.error or ''}")
        if one.waited_seconds:
            print(f"{kind}: waited for {one.waited_seconds:.1f} s of it, as the platform asked")


def _print_line(title: str, *values: str) -> None:
    widths = map(_width, COLUMNS)
    print(f"{title:26}" + "".join(f"{value:>{width}}" for value, width in zip(values, widths, strict=True)))


def _width(column: str) -> int:
    return max(8, len(column)) + 2


def _ratio(one: float, other: float, form: str) -> str:
    return f"{one / other:{form}}" if one and other else "-"


if __name__ == "__main__":
    sys.exit(main())
