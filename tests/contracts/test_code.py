"""What tools say of the code. They run with the tests, so that there is one command to know."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [["ruff", "check"], ["ruff", "format", "--check"], ["mypy", "."], ["lint-imports"]],
    ids=lambda command: " ".join(command),
)
def test_the_code_passes(command):
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_models_and_migrations_agree(db):
    call_command("makemigrations", check=True, dry_run=True)
