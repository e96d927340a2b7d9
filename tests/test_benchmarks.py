"""The benchmarks still run. At this size their figures mean nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(data_dir, name, *options):
    return subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *options],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(data_dir), "LOG_LEVEL": "WARNING"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Return where a small dataset is kept."""
    path = tmp_path_factory.mktemp("kept")
    done = run(path, "dataset", *SMALL)
    assert "benchmark_400: 400 interviews" in done.stdout, done.stderr
    return path


SMALL = ["--interviews", "400", "--keep"]
ONCE = [*SMALL, "--rounds", "1"]
QUICKLY = [*ONCE, "--generator", "python", "--seconds", "0.02"]
NOTHING = "\N{EN DASH}"  # where a peer has no answer


def table(text):
    """Return the cells of a markdown table by title of the line and column."""
    header, _, *lines = ([cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines())
    return {title: dict(zip(header[1:], cells, strict=True)) for title, *cells in lines}


def test_the_plans_of_all_filter_combinations_are_looked_at(data_dir):
    done = run(data_dir, "explain", *SMALL)

    assert "400 interviews, 1,800 combinations" in done.stdout, done.stderr


def test_the_read_path_and_its_peers_answer_the_same_and_are_measured(data_dir, tmp_path):
    done = run(data_dir, "read", *QUICKLY, "--json", str(tmp_path / "figures.json"))

    assert done.returncode == 0, done.stderr
    title, _, figures = done.stdout.partition("\n\n")
    assert title.startswith("400 interviews")
    rates = table(figures)
    assert len(rates) == 13
    peers = ["Interloop", "stock DRF", "django-ninja", "FastAPI + asyncpg", "limit"]
    for scenario in list(rates)[:10]:
        assert all(re.fullmatch(r"[\d,]+", rates[scenario][peer]) for peer in peers), scenario
        assert all(float(rates[scenario][f"÷ {peer}"]) > 0 for peer in peers[1:4]), scenario
        assert rates[scenario]["% of limit"].endswith("%")
    for scenario in ("list of 100 with enum origins", "list of 100, gzip"):
        assert [peer for peer in peers if rates[scenario][peer] != NOTHING] == peers[:2]
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["results"]["first"]["limit"]["rate"] > 0
    assert figures["commit"]
    assert figures["versions"]["fastapi"]


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")  # `.ci/run` does
def test_the_read_path_is_measured_with_wrk(data_dir):
    some = ["--peers", "ours,limit", "--scenarios", "retrieve", "--generator", "wrk", "--seconds", "1"]
    done = run(data_dir, "read", *ONCE, *some)

    assert done.returncode == 0, done.stderr
    assert list(table(done.stdout.partition("\n\n")[2])) == ["retrieve, random ids"]


def replace_printed(data_dir, before, after):
    script = (
        "from benchmarks.dataset import connection, dataset\n"
        "with dataset(400, ''), connection.cursor() as cursor:\n"
        f"    cursor.execute(\"UPDATE benchmark_printed SET printed = replace(printed, '{before}', '{after}')\")"
    )
    environment = os.environ | {"DATA_DIR": str(data_dir)}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True)


def test_nothing_is_measured_where_a_peer_answers_something_else(data_dir):
    replace_printed(data_dir, "COMPLETE", "OVER")
    done = run(data_dir, "read", *QUICKLY, "--peers", "ours,limit", "--scenarios", "first")
    replace_printed(data_dir, "OVER", "COMPLETE")

    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(r"limit does not answer .* as ours does: .results\[\d+\].status: COMPLETE / OVER", done.stderr)


def test_growth_is_measured_of_each_scenario(data_dir):
    done = run(data_dir, "growth", "--sizes", "400", *QUICKLY[2:])

    assert done.returncode == 0, done.stderr
    times = table(done.stdout)
    assert len(times) == 4
    for by_size in times.values():
        assert float(by_size["statement, 400"]) > 0
        assert float(by_size["HTTP, 400"]) > 0


def test_reads_are_measured_during_a_sync(data_dir):
    done = run(data_dir, "during_sync", *QUICKLY)

    assert done.returncode == 0, done.stderr
    assert list(table(done.stdout.rpartition("\n\n")[2])) == ["requests a second", "p50 ms", "p99 ms"]
    assert re.search(r"stored beside it: [\d,]+ interviews a second", done.stdout)


def test_a_kept_dataset_of_another_size_is_left_alone(data_dir):
    done = run(data_dir, "dataset", "--interviews", "300", "--keep", "400")

    assert done.returncode == 1
    assert "benchmark_400 has 400 interviews, not 300" in done.stderr
    assert "benchmark_400: 400 interviews" in run(data_dir, "dataset", *SMALL).stdout


@pytest.fixture(scope="module")
def sync_benchmark(tmp_path_factory):
    platforms = ["--platform", "greenhouse", "--platform", "lever"]
    return run(tmp_path_factory.mktemp("sync"), "sync", "--interviews", "300", *platforms)


@pytest.fixture
def sync_tables(sync_benchmark):
    """Return the cells by platform, title of the line and column, as text."""
    assert sync_benchmark.returncode == 0, sync_benchmark.stderr
    tables = {}
    for block in sync_benchmark.stdout.split("\n\n")[1:]:
        (slug, *columns), *lines = (re.split(r"\s{2,}", line) for line in block.strip().splitlines())
        tables[slug] = {title: dict(zip(columns, cells, strict=True)) for title, *cells in lines}
    return tables


def test_the_benchmark_of_syncs_has_a_table_of_each_platform(sync_tables):
    assert list(sync_tables) == ["greenhouse", "lever"]
    for table in sync_tables.values():
        *kinds, limit = table
        assert kinds == [
            "first full sync",
            "full again, unchanged",
            "incremental, unchanged",
            "incremental, 1 % changed",
        ]
        assert re.fullmatch(r"COPY of [\d,]+ rows", limit)
        assert table["first full sync"].keys() == table[limit].keys() >= {"growth", "peak MB", "records/s", "x COPY"}


@pytest.mark.parametrize("slug", ["greenhouse", "lever"])
def test_the_benchmark_of_syncs_reads_all_and_writes_what_is_new_or_changed(sync_tables, slug):
    first, again, unchanged, changed = list(sync_tables[slug].values())[:4]

    assert int(first["records"]) == int(again["records"]) >= int(first["written"]) > 300
    assert (again["written"], unchanged["written"], changed["written"]) == ("0", "0", "3")
    assert int(unchanged["records"]) < int(changed["records"]) < int(first["records"])
    assert all(int(one["requests"]) > 0 for one in (first, again, unchanged, changed))


def test_the_benchmark_of_syncs_copies_what_the_first_one_stored(sync_tables):
    for table in sync_tables.values():
        first, limit = table["first full sync"], list(table)[-1]
        assert int(re.sub(r"\D", "", limit)) > int(first["written"])
        assert float(first["x COPY"]) > float(first["stored x COPY"]) > 0


@pytest.fixture(scope="module")
def admin_benchmark(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("admin")
    return run(data_dir, "admin", "--interviews", "400", "--rounds", "1", "--only", "JobInterviewStage: ")


def test_the_benchmark_of_the_admin_asks_for_each_kind_of_page(admin_benchmark):
    assert re.search(r"400 interviews, \d+ pages, \d+ over 100 ms", admin_benchmark.stdout), admin_benchmark.stderr
    assert re.search(r"^ +[\d.]+ ms  JobInterviewStage: ", admin_benchmark.stdout, re.MULTILINE)


def test_the_memory_of_storing_is_measured(tmp_path):
    done = run(tmp_path, "ingest", "--memory", "60")

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"60 interviews: [\d.]+ MB after ten batches, [\d.]+ MB at the end\n", done.stdout)


def test_the_benchmark_of_storing_has_a_line_of_each_model_and_writes_nothing_twice(tmp_path):
    done = run(tmp_path, "ingest", "--records", "60", "--rounds", "1")

    assert done.returncode == 0, done.stderr
    lines = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    titles, *models = lines
    assert [line[0] for line in models] == [
        "| RemoteUser",
        "| JobInterviewStage",
        "| Application",
        "| ScheduledInterview",
    ]
    assert all(len(line) == len(titles) for line in models)
