"""The benchmarks still run. At this size their figures mean nothing."""

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


@pytest.mark.parametrize("arguments", [["explain"], ["lists", "--rounds", "2"]], ids=lambda arguments: arguments[0])
def test_a_benchmark_runs(tmp_path, arguments):
    name, *options = arguments
    done = run(tmp_path, name, "--interviews", "400", *options)

    assert "400 interviews" in done.stdout, done.stderr
    if name == "lists":
        assert done.returncode == 0, done.stderr


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
