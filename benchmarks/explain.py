"""How PostgreSQL finds the pages of the interviews list, for every kind of filter, window, visibility and place.

    python -m benchmarks.explain --interviews 1000000

Prints how much of the database the statements touch and which of them walk no index. Exit code 1 if any does not.
"""

import argparse
import itertools
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
from django.db import connection

from api.pagination import Cursor
from api.parameters import Shape
from api.statements import Wanted, page_statement
from api.tenants import Tenant
from benchmarks.dataset import CREATED_IN_A_BATCH, Dataset, add_dataset_arguments, dataset
from interviews.filters import ScheduledInterviewFilterSet
from interviews.serializers import ScheduledInterviewSerializer

START = datetime(2026, 1, 1, tzinfo=UTC)
BUFFER_LIMIT = 1000


class Plan(NamedTuple):
    parameters: str
    buffers: int
    milliseconds: float
    sequential: bool  # whether a big table is read from end to end


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_dataset_arguments(parser, interviews=100_000)
    parser.add_argument("--worst", type=int, default=10, help="how many of the dearest to print")
    arguments = parser.parse_args()
    with dataset(arguments.interviews, arguments.keep) as data:
        plans = [explain(data, parameters) for parameters in combinations(data)]
    plans.sort(key=lambda plan: plan.buffers, reverse=True)
    within = sum(plan.buffers < BUFFER_LIMIT for plan in plans)
    sequential = [plan for plan in plans if plan.sequential]
    print(f"{data.interviews:,} interviews, {len(plans):,} combinations")
    print(f"under {BUFFER_LIMIT:,} buffers: {within / len(plans):.1%}; without an index: {len(sequential)}")
    print("dearest:   buffers        ms")
    for plan in [*plans[: arguments.worst], *sequential[: arguments.worst]]:
        print(f"        {plan.buffers:10,} {plan.milliseconds:9.2f}  {plan.parameters}")
    return 1 if sequential else 0


def combinations(data: Dataset) -> Iterator[dict[str, Any]]:
    minutes = data.interviews // CREATED_IN_A_BATCH
    middle, end = START + timedelta(minutes=minutes // 2), START + timedelta(minutes=minutes)
    filters: list[dict[str, Any]] = [
        {},
        {"organizer_id": data.id_of("user", 7)},
        {"job_interview_stage_id": data.id_of("stage", 7)},
        {"application_id": data.id_of("application", 7)},
        {"job_id": data.id_of("job", 7)},
        {"remote_id": "7"},
    ]
    created = [
        {},
        {"created_after": middle},
        {"created_before": middle},
        {"created_after": middle, "created_before": middle + timedelta(minutes=minutes // 10)},
    ]
    modified = [
        {},
        {"modified_after": end},
        {"modified_after": middle},
        {"modified_before": middle},
        {"modified_after": end, "modified_before": end + timedelta(days=30)},
    ]
    shown = [{}, {"include_deleted_data": True}, {"include_deleted_data": True, "include_shell_data": True}]
    places: list[dict[str, Any]] = [{}]
    for percent in (50, 55):
        created_at = START + timedelta(minutes=minutes * percent // 100)
        anchor = data.id_of("interview", data.interviews * percent // 100)
        places += [{"place": Cursor(created_at, anchor, backwards)} for backwards in (False, True)]
    for parts in itertools.product(filters, created, modified, shown, places):
        yield {name: value for part in parts for name, value in part.items()}


def explain(data: Dataset, parameters: Mapping[str, Any]) -> Plan:
    """Run the statement of a page of 100 as the service would, planned for any parameters, and look at it."""
    given = {name: value for name, value in parameters.items() if name != "place"}
    sql, values = page_statement(
        Wanted(
            ScheduledInterviewSerializer,
            ScheduledInterviewFilterSet,
            Tenant("true", {"account": str(data.account.id)}),
            Shape(),
            given,
            parameters.get("place"),
            100,
        )
    )
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
    prepared = re.sub(r"%\((\w+)\)s", lambda match: f"${names.index(match[1]) + 1}", sql)
    with psycopg.ClientCursor(connection.connection) as cursor:
        cursor.execute(f"PREPARE page AS {prepared}")
        slots = ", ".join(["%s"] * len(names))
        arguments = f"({slots})" if names else ""
        cursor.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE page{arguments}", [values[name] for name in names]
        )
        ((found,),) = cursor.fetchall()[0]
        cursor.execute("DEALLOCATE page")
    plan = found["Plan"]
    return Plan(
        ", ".join(f"{name}={_short(value)}" for name, value in parameters.items()) or "no parameters",
        plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
        found["Execution Time"],
        any(node["Node Type"] == "Seq Scan" for node in _nodes(plan)),
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _short(value: Any) -> str:
    if isinstance(value, Cursor):
        return f"{'backwards from' if value.backwards else 'from'} {value.created_at:%m-%d %H:%M}"
    return f"{value:%m-%d %H:%M}" if isinstance(value, datetime) else str(value)[:8]


if __name__ == "__main__":
    sys.exit(main())
