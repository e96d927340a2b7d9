"""What the environment does to a process that starts in it."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

ROOT = Path(__file__).parents[2]
ELSEWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
PRINT = "from django.conf import settings; import json; print(json.dumps({}))"


def start(tmp_path, expression="settings.DEBUG", **environment):
    """Load the settings in a new process; return what it printed (as JSON) or its error."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "DJANGO_", "DATA_"))
    }
    variables = clean | {"DJANGO_SETTINGS_MODULE": "config.settings", "DATA_DIR": str(tmp_path)} | environment
    done = subprocess.run(
        [sys.executable, "-c", PRINT.format(expression)], cwd=ROOT, env=variables, capture_output=True, text=True
    )
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("missing", ["SECRET_KEY", "CREDENTIAL_KEYS"])
def test_with_a_database_of_ones_own_missing_secrets_are_named(tmp_path, missing):
    secrets = {"SECRET_KEY": "x" * 50, "CREDENTIAL_KEYS": Fernet.generate_key().decode()}

    error = start(tmp_path, DATABASE_URL=ELSEWHERE, **(secrets | {missing: ""}))

    assert f"{missing} is not set" in error
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_made_once_for_the_embedded_database(tmp_path):
    first = start(tmp_path, "[settings.SECRET_KEY, settings.CREDENTIAL_KEYS]")

    assert first == start(tmp_path, "[settings.SECRET_KEY, settings.CREDENTIAL_KEYS]")
    files = list((tmp_path / "secrets").iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_every_variable_can_come_from_a_file(tmp_path):
    values = {"API_RATE_LIMIT": "7", "LOG_LEVEL": "error", "DEBUG": "true", "ALLOWED_HOSTS": "a.example,b.example"}
    environment = {}
    for name, value in values.items():
        file = tmp_path / name
        file.write_text(f"{value}\n")
        environment[f"{name}_FILE"] = str(file)

    found = start(
        tmp_path,
        "[settings.API_RATE_LIMIT, settings.LOG_LEVEL, settings.DEBUG, settings.ALLOWED_HOSTS]",
        **environment,
    )

    assert found == [7, "ERROR", True, ["a.example", "b.example"]]


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("CREDENTIAL_KEYS", "short", "CREDENTIAL_KEYS: key 1 is no Fernet key"),
        ("DATABASE_URL", "sqlite:///x.db", "DATABASE_URL must name a PostgreSQL database"),
        ("API_RATE_LIMIT", "many", "API_RATE_LIMIT"),
        ("API_RATE_LIMIT", "-1", "API_RATE_LIMIT: 0 or more"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL"),
        ("SYNC_INTERVAL_MINUTES", "0", "SYNC_INTERVAL_MINUTES: 1 or more"),
        ("WORKER_NICENESS", "-1", "WORKER_NICENESS: 0 or more"),
        ("WORKER_HEARTBEAT_SECONDS", "0", "WORKER_HEARTBEAT_SECONDS: more than 0"),
        ("WORKER_HEARTBEAT_SECONDS", "-1", "WORKER_HEARTBEAT_SECONDS: more than 0"),
        ("WORKER_HEARTBEAT_SECONDS", "often", "WORKER_HEARTBEAT_SECONDS"),
    ],
)
def test_values_that_make_no_sense_are_named(tmp_path, variable, value, complaint):
    environment = {"SECRET_KEY": "x", "CREDENTIAL_KEYS": Fernet.generate_key().decode(), variable: value}

    assert complaint in start(tmp_path, **environment)


def test_options_of_the_database_url_are_kept(tmp_path):
    url = f"{ELSEWHERE}?options=-c%20statement_timeout%3D5000"
    secrets = {"SECRET_KEY": "x" * 50, "CREDENTIAL_KEYS": Fernet.generate_key().decode()}

    options = start(tmp_path, "settings.DATABASES['default']['OPTIONS']['options']", DATABASE_URL=url, **secrets)

    assert options == "-c statement_timeout=5000 -c plan_cache_mode=force_generic_plan"
