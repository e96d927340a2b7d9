"""The benchmarks still run. At this size their figures mean nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("arguments", [["explain"], ["lists", "--rounds", "2"]], ids=lambda arguments: arguments[0])
def test_a_benchmark_runs(tmp_path, arguments):
    name, *options = arguments
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--interviews", "400", *options],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(tmp_path), "LOG_LEVEL": "WARNING"},
        capture_output=True,
        text=True,
    )

    assert "400 interviews" in done.stdout, done.stderr
    if name == "lists":
        assert done.returncode == 0, done.stderr
