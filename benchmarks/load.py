"""Asks a server for the same paths again and again: by wrk where it is installed, else by a loop in Python.

The loop costs more than our server does, so that its rates mean nothing: it is there to try everything out.
"""

import http.client
import json
import shutil
import statistics
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import perf_counter

SCRIPT = Path(__file__).with_name("wrk.lua")
MOST_REQUESTS = 200  # of one connection of the loop in Python
PATIENCE = (1, 4, 16)  # times the seconds, where a busy machine does not come to a single answer


@dataclass(frozen=True, slots=True)
class Load:
    """What came of asking for some seconds. Latencies are in milliseconds."""

    rate: float  # answers a second
    p50: float
    p99: float
    answers: int


class BadAnswerError(Exception):
    """Some answers were errors."""


def has_wrk() -> bool:
    return shutil.which("wrk") is not None


def choose_generator(wanted: str | None) -> str:
    """Return what to load with, and say so where the figures will not mean much. Raises ValueError."""
    if wanted == "wrk" and not has_wrk():
        raise ValueError("wrk is not on PATH: install it (Debian and Homebrew call it wrk), or use --generator python.")
    generator = wanted or ("wrk" if has_wrk() else "python")
    if generator == "python":
        print("No wrk: the load comes from a loop in Python, whose figures mean nothing.", file=sys.stderr)
    return generator


def load(
    generator: str,
    port: int,
    paths: Sequence[str],
    headers: Mapping[str, str],
    *,
    connections: int,
    seconds: float,
) -> Load:
    """Ask for the paths in turn over so many connections. Raises BadAnswerError if anything failed."""
    ask = _by_wrk if generator == "wrk" else _by_python
    return ask(port, paths, headers, connections, seconds)


def _by_wrk(port: int, paths: Sequence[str], headers: Mapping[str, str], connections: int, seconds: float) -> Load:
    with NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join(paths))
        listed.flush()
        for times in PATIENCE:
            said = _run_wrk(port, listed.name, headers, connections, max(1, round(seconds)) * times)
            if said["bad"] or said["broken"]:
                raise BadAnswerError(
                    f"of {said['requests']} answers {said['bad']} were errors; {said['broken']} connections failed"
                )
            if said["requests"]:
                break
        else:
            raise BadAnswerError("no answer in time")
    rate = said["requests"] / said["microseconds"] * 1e6
    return Load(rate=rate, p50=said["p50"] / 1000, p99=said["p99"] / 1000, answers=int(said["requests"]))


def _run_wrk(port: int, listed: str, headers: Mapping[str, str], connections: int, seconds: int) -> dict[str, float]:
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "30s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    command += ["-s", str(SCRIPT), f"http://127.0.0.1:{port}", "--", listed]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  it is our own command
    last = ran.stdout.strip().rpartition("\n")[2]
    if ran.returncode or not last.startswith("{"):
        raise BadAnswerError(f"wrk failed:\n{ran.stdout}{ran.stderr}")
    said: dict[str, float] = json.loads(last)
    return said


def _by_python(port: int, paths: Sequence[str], headers: Mapping[str, str], connections: int, seconds: float) -> Load:
    times: list[float] = []
    errors: list[str] = []
    started_at = perf_counter()

    def ask(first: int) -> None:
        turns = cycle([*paths[first:], *paths[:first]])
        asking = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            for _ in range(MOST_REQUESTS):
                asked_at = perf_counter()
                asking.request("GET", next(turns), headers=dict(headers))
                answer = asking.getresponse()
                answer.read()
                times.append(perf_counter() - asked_at)
                if not (200 <= answer.status < 300 or answer.status == 304):
                    errors.append(str(answer.status))
                    return
                if perf_counter() - started_at > seconds:
                    return
        except (OSError, http.client.HTTPException) as error:
            errors.append(repr(error))
        finally:
            asking.close()

    threads = [threading.Thread(target=ask, args=(number % len(paths),)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors or not times:
        raise BadAnswerError(f"of {len(times)} answers {len(errors)} were errors: {', '.join(errors[:3])}")
    taken = perf_counter() - started_at
    return Load(
        rate=len(times) / taken,
        p50=statistics.median(times) * 1000,
        p99=sorted(times)[int(len(times) * 0.99)] * 1000,
        answers=len(times),
    )
