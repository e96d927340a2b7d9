"""The read path beside its peers: requests a second of one worker, over HTTP, with all that production switches on.

    python -m benchmarks.read --interviews 1000000 --keep --rounds 5 --seconds 3 --pinned

Every peer first has to give the same answer; then they are measured turn by turn, so that what the machine does
besides meets all of them. Rates and p99 are taken at 4 connections, p50 at one; all are medians over the rounds. With
`--pinned` the servers are alone on one core, PostgreSQL and the load on another. What the peers are:
benchmarks/peers/README.md. Exit code 1 if answers differ, or if any is an error.
"""

import argparse
import gzip
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.db import connection

from benchmarks.dataset import Dataset, WrongSizeError, add_dataset_arguments, dataset
from benchmarks.load import BadAnswerError, Load, choose_generator, load
from benchmarks.scenarios import SCENARIOS, Place, Scenario
from benchmarks.servers import PEERS, ROOT, Cores, Server, ServerDiedError, running

CONNECTIONS = 4
WARM_UP_SECONDS = 1.0
NOTHING = "\N{EN DASH}"  # where a peer has no answer
COMPARED_PATHS = 5  # of each scenario, answers of so many are compared
PACKAGES = (
    *("django", "djangorestframework", "django-ninja", "fastapi", "pydantic", "asyncpg", "uvicorn", "gunicorn"),
    *("granian", "psycopg", "orjson"),
)


class AnswersDifferError(Exception):
    """Peers do not answer the same, so that nothing can be compared."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One server's side of a scenario."""

    server: Server
    paths: Sequence[str]
    headers: Mapping[str, str]

    def load(self, generator: str, connections: int, seconds: float) -> Load:
        headers = {**self.server.headers, **self.headers}
        try:
            return load(generator, self.server.port, self.paths, headers, connections=connections, seconds=seconds)
        except BadAnswerError as error:
            who = f"{self.server.peer.title}, {self.paths[0]}"
            raise BadAnswerError(f"{who}: {error}\n{self.server.log_end()}") from error


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians over the rounds: answers a second, milliseconds."""

    rate: float
    p50: float
    p99: float
    rounds: list[dict[str, float]]


Results = dict[str, dict[str, Measured]]  # by scenario and peer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_dataset_arguments(parser, interviews=100_000)
    add_load_arguments(parser)
    parser.add_argument("--peers", type=_names(PEERS), default=list(PEERS), help=f"of {','.join(PEERS)}")
    known = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--scenarios", type=_names(known), default=known, help=f"of {','.join(known)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures, versions and the machine there")
    arguments = parser.parse_args()
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in arguments.scenarios]
    try:
        generator = choose_generator(arguments.generator)
        with (
            dataset(arguments.interviews, arguments.keep) as data,
            running(data, arguments.peers, cores(pinned=arguments.pinned)) as servers,
        ):
            results = measure(data, servers, scenarios, generator, arguments.rounds, arguments.seconds)
            facts = surroundings() if arguments.json else {}
    except (AnswersDifferError, BadAnswerError, ServerDiedError, WrongSizeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{data.interviews:,} interviews, {arguments.rounds} rounds of {arguments.seconds:g} s, one worker each")
    print()
    print("\n".join(table(scenarios, arguments.peers, results)))
    if arguments.json:
        measured = {name: {peer: asdict(one) for peer, one in by_peer.items()} for name, by_peer in results.items()}
        options = {name: str(value) for name, value in vars(arguments).items() if name != "json"}
        report = {"options": options, "generator": generator, **facts, "results": measured}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0


def add_load_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of load in each round, whole ones with wrk")
    parser.add_argument("--pinned", action="store_true", help="servers on one core, PostgreSQL and load on another")
    parser.add_argument("--generator", choices=["wrk", "python"], help="of the load (default: wrk if there is one)")


def _names(known: Sequence[str] | Mapping[str, Any]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        given = text.split(",")
        if unknown := set(given) - set(known):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
        return given

    return names


def cores(*, pinned: bool) -> Cores:
    """Raises ValueError where nothing can be pinned."""
    if not pinned:
        return Cores()
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(usable) < 2:
        raise ValueError("--pinned needs Linux and two cores.")
    return Cores(server=usable[0], others=usable[1])


def measure(
    data: Dataset,
    servers: Mapping[str, Server],
    scenarios: Sequence[Scenario],
    generator: str,
    rounds: int,
    seconds: float,
) -> Results:
    """Raises AnswersDifferError and BadAnswerError."""
    results: Results = {}
    for scenario in scenarios:
        queries = scenario.queries(data)
        asked = {}
        for name, server in servers.items():
            if scenario.only is None or name in scenario.only:
                paths = [server.peer.path(query, place) for query, place in queries]
                if headers := _headers(scenario, server, paths[0]):
                    asked[name] = Asked(server, paths, headers)
        compare(scenario, queries, asked)
        loads: dict[str, list[tuple[Load, Load]]] = {name: [] for name in asked}
        for one in asked.values():
            one.load(generator, CONNECTIONS, min(WARM_UP_SECONDS, seconds))
        for _ in range(rounds):
            for name, one in asked.items():
                loads[name].append((one.load(generator, CONNECTIONS, seconds), one.load(generator, 1, seconds / 3)))
        results[scenario.name] = {name: _medians(found) for name, found in loads.items()}
    return results


def _headers(scenario: Scenario, server: Server, path: str) -> dict[str, str] | None:
    """Return what to ask with. None where the server does not do what the scenario is about."""
    if scenario.status != 304:
        return {"Accept": "*/*", **scenario.headers}
    _, headers, _ = server.get(path)
    return {"If-None-Match": headers["etag"]} if "etag" in headers else None


def _medians(loads: list[tuple[Load, Load]]) -> Measured:
    return Measured(
        rate=statistics.median(busy.rate for busy, _ in loads),
        p50=statistics.median(alone.p50 for _, alone in loads),
        p99=statistics.median(busy.p99 for busy, _ in loads),
        rounds=[{"rate": busy.rate, "p50": alone.p50, "p99": busy.p99} for busy, alone in loads],
    )


def compare(scenario: Scenario, queries: Sequence[tuple[str, Place | None]], asked: Mapping[str, Asked]) -> None:
    """Raises AnswersDifferError unless all answer the same JSON, cursors apart, which every peer has its own of."""
    for number in range(min(COMPARED_PATHS, len(queries))):
        answers = {name: _answer(scenario, one, number) for name, one in asked.items()}
        reference = next(iter(answers), "")
        for name in answers:
            where = difference(answers[reference], answers[name])
            if where:
                raise AnswersDifferError(
                    f"{scenario.title}: {name} does not answer {asked[name].paths[number]} as {reference} does: {where}"
                )


def _answer(scenario: Scenario, asked: Asked, number: int) -> Any:
    status, headers, body = asked.server.get(asked.paths[number], asked.headers)
    if status != scenario.status:
        raise AnswersDifferError(
            f"{scenario.title}: {asked.server.peer.name} answers {asked.paths[number]} with {status}: "
            f"{body[:300]!r}\n{asked.server.log_end()}"
        )
    if status == 304:
        return None
    if ("gzip" in asked.headers.get("Accept-Encoding", "")) != (headers.get("content-encoding") == "gzip"):
        raise AnswersDifferError(f"{scenario.title}: {asked.server.peer.name} does not compress as it is asked to")
    answer = json.loads(gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body)
    if "results" in answer:
        if not answer["results"]:
            raise AnswersDifferError(f"{scenario.title}: {asked.server.peer.name} has no results")
        answer |= {end: answer[end] is not None for end in ("next", "previous")}
    return answer


def difference(one: Any, other: Any, where: str = "") -> str | None:
    """Return the first place where two parsed bodies differ, with both values; None where they are equal."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        found = (difference(one[name], other[name], f"{where}.{name}") for name in one)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        found = (difference(*pair, f"{where}[{number}]") for number, pair in enumerate(zip(one, other, strict=True)))
    else:
        return None if one == other else f"{where or 'body'}: {str(one)[:200]} / {str(other)[:200]}"
    return next((place for place in found if place), None)


def table(scenarios: Sequence[Scenario], peers: Sequence[str], results: Results) -> list[str]:
    """Return the lines of one markdown table: rates, how many times each peer's ours is, and what the limit leaves."""
    others = [name for name in peers if name not in ("ours", "limit")] if "ours" in peers else []
    beside_limit = {"ours", "limit"} <= set(peers)
    columns = ["requests a second", *(PEERS[name].title for name in peers)]
    columns += [f"÷ {PEERS[name].title}" for name in others]
    columns += ["p50 ms", "p99 ms"] if "ours" in peers else []
    columns += ["% of limit", "p50 ÷ limit", "p99 ÷ limit"] if beside_limit else []
    lines = [f"| {' | '.join(columns)} |", f"|---|{'---:|' * (len(columns) - 1)}"]
    for scenario in scenarios:
        found = results[scenario.name]
        ours, limit = found.get("ours"), found.get("limit")
        cells = [scenario.title, *(_cell(found.get(name), lambda one: f"{one.rate:,.0f}") for name in peers)]
        cells += [_ratio(ours, found.get(name), lambda one: one.rate, "{:.1f}") for name in others]
        if "ours" in peers:
            cells += [_cell(ours, lambda one: f"{one.p50:.2f}"), _cell(ours, lambda one: f"{one.p99:.2f}")]
        if beside_limit:
            cells.append(_ratio(ours, limit, lambda one: one.rate, "{:.0%}"))
            cells += [
                _ratio(ours, limit, lambda one: one.p50, "{:.2f}"),
                _ratio(ours, limit, lambda one: one.p99, "{:.2f}"),
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _cell(one: Measured | None, text: Callable[[Measured], str]) -> str:
    return text(one) if one else NOTHING


def _ratio(one: Measured | None, other: Measured | None, figure: Callable[[Measured], float], form: str) -> str:
    return form.format(figure(one) / figure(other)) if one and other else NOTHING


def surroundings() -> dict[str, Any]:
    """Return the commit, the versions and the machine that figures belong to."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting FROM pg_settings WHERE name IN ('server_version', 'shared_buffers', 'jit')"
        )
        postgres = dict(cursor.fetchall())
    cpu = Path("/proc/cpuinfo")
    models = {line.partition(":")[2].strip() for line in _lines(cpu) if line.startswith("model name")}
    memory = next((line.split()[1] for line in _lines(Path("/proc/meminfo")) if line.startswith("MemTotal")), "0")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "changed_files": _git("status", "--porcelain", "--untracked-files=no").splitlines(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "postgres": postgres,
        "machine": {
            "system": platform.platform(),
            "processor": ", ".join(sorted(models)) or platform.processor(),
            "cores": os.cpu_count(),
            "memory_mb": int(memory) // 1024,
        },
    }


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _git(*arguments: str) -> str:
    ran = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
    return ran.stdout.rstrip()


if __name__ == "__main__":
    sys.exit(main())
