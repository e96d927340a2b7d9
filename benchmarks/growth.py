"""How the read path fares as an account grows: what a page takes in the database, and over HTTP.

    python -m benchmarks.growth --sizes 10000,100000,1000000 --keep

Statement times are those of the statements of one request, in this process; HTTP times are medians of one connection.
The last column of each is the biggest account's time by the smallest's: 1 where time does not follow the account.
"""

import argparse
import logging
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from time import perf_counter
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.test import Client

from benchmarks.dataset import Dataset, WrongSizeError, dataset
from benchmarks.load import BadAnswerError, choose_generator
from benchmarks.read import NOTHING, Asked, add_load_arguments, cores
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.servers import Server, ServerDiedError, running

GROWING = ("first", "deep", "retrieve", "modified_100")
STATEMENT_ROUNDS = 100


class Times(NamedTuple):
    """In milliseconds."""

    statement: float
    http: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=_numbers, default=[10_000, 100_000, 1_000_000], help="of the big account")
    parser.add_argument("--keep", action="store_true", help="use databases named by their sizes again, and leave them")
    add_load_arguments(parser)
    arguments = parser.parse_args()
    logging.disable(logging.INFO)  # of every request in this process
    found: dict[int, dict[str, Times]] = {}
    try:
        generator = choose_generator(arguments.generator)
        for size in arguments.sizes:
            with (
                dataset(size, "" if arguments.keep else None, is_bare=True) as data,
                running(data, ["ours"], cores(pinned=arguments.pinned)) as servers,
            ):
                found[size] = _measure(data, servers["ours"], generator, arguments.rounds, arguments.seconds)
    except (BadAnswerError, ServerDiedError, WrongSizeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(_table(found)))
    return 0


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _measure(data: Dataset, server: Server, generator: str, rounds: int, seconds: float) -> dict[str, Times]:
    found = {}
    for scenario in _scenarios():
        paths = [server.peer.path(query, place) for query, place in scenario.queries(data)]
        asked = Asked(server, paths, {"Accept": "*/*"})
        asked.load(generator, 1, min(1.0, seconds))
        http = statistics.median(asked.load(generator, 1, seconds).p50 for _ in range(rounds))
        found[scenario.name] = Times(_statement_time(paths, server.headers), http)
    return found


def _scenarios() -> list[Scenario]:
    return [scenario for scenario in SCENARIOS if scenario.name in GROWING]


def _statement_time(paths: Sequence[str], headers: Mapping[str, str]) -> float:
    """Return how many milliseconds the statements of a request take, as a median."""
    settings.API_RATE_LIMIT = 0  # counting requests is no part of the page
    client = Client(headers=dict(headers), SERVER_NAME="127.0.0.1")
    times = []
    for path in islice(cycle(paths), STATEMENT_ROUNDS):
        with _timed_statements() as taken:
            status = client.get(path).status_code
        if status != 200:
            raise BadAnswerError(f"{path}: {status}")
        times.append(sum(taken) * 1000)
    return statistics.median(times)


@contextmanager
def _timed_statements() -> Iterator[list[float]]:
    taken: list[float] = []

    def timed(execute: Callable[..., Any], *arguments: Any) -> Any:
        started_at = perf_counter()
        try:
            return execute(*arguments)
        finally:
            taken.append(perf_counter() - started_at)

    with connection.execute_wrapper(timed):
        yield taken


def _table(found: Mapping[int, Mapping[str, Times]]) -> Iterator[str]:
    sizes = [f"{size:,}" for size in found]
    columns = [
        "ms",
        *(f"statement, {size}" for size in sizes),
        "growth",
        *(f"HTTP, {size}" for size in sizes),
        "growth",
    ]
    yield f"| {' | '.join(columns)} |"
    yield f"|---|{'---:|' * (len(columns) - 1)}"
    for scenario in _scenarios():
        times = [by_scenario[scenario.name] for by_scenario in found.values()]
        cells = [scenario.title]
        for row in ([one.statement for one in times], [one.http for one in times]):
            cells += [*(f"{time:.2f}" for time in row), f"{row[-1] / row[0]:.2f}" if row[0] else NOTHING]
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
