"""The benchmarks still run. At this size their figures mean nothing."""

import json
import os
import re
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


def test_the_plans_of_all_filter_combinations_are_looked_at(tmp_path):
    done = run(tmp_path, "explain", "--interviews", "400")

    assert "400 interviews, 1,080 combinations" in done.stdout, done.stderr


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_read_path_and_its_peers_answer_the_same_and_are_measured(tmp_path):
    options = ["--interviews", "400", "--rounds", "1", "--seconds", "0.1", "--json", str(tmp_path / "figures.json")]
    done = run(tmp_path, "read", *options, "--generator", "python")

    assert done.returncode == 0, done.stderr
    title, _, header, _, *lines = done.stdout.splitlines()
    assert title.startswith("400 interviews")
    assert cells(header)[1:6] == ["Interloop", "stock DRF", "django-ninja", "FastAPI + asyncpg", "limit"]
    rates = {name: dict(zip(cells(header)[1:], rest, strict=True)) for name, *rest in map(cells, lines)}
    assert len(rates) == 13
    for scenario, by_peer in rates.items():
        if scenario != "list of 100, If-None-Match":  # which takes an ETag
            assert all(re.fullmatch(r"[\d,]+", by_peer[peer]) for peer in ("Interloop", "stock DRF")), scenario
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["results"]["first"]["limit"]["rate"] > 0
    assert figures["commit"]
    assert figures["versions"]["fastapi"]


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
