"""The README's commands, in processes of their own, from nothing."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parents[2]


def environment(data_dir):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "DJANGO_"))}
    return clean | {"DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"}


def manage(data_dir, *arguments):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment(data_dir), capture_output=True, text=True
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Demo:
    """A running demo and what it has printed until it said how to stop it."""

    def __init__(self, data_dir):
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--interviews", "300", "--port", self.url.rpartition(":")[2]],
            cwd=ROOT,
            env=environment(data_dir),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "Stop with" in line:
                break
        self.printed = "".join(lines)

    @property
    def curl(self):
        return next(line for line in self.printed.splitlines() if line.startswith("curl"))

    @property
    def snippet(self):
        return self.printed[self.printed.index("from merge") : self.printed.index("Account tokens")]

    @property
    def change_line(self):
        return next(line for line in self.printed.splitlines() if "/_sandbox/" in line)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.read()
        assert self.process.wait(30) == 0


def log_in(demo):
    """Return the first page that the admin shows to the printed user."""
    user, password = re.search(r"user (\w+), password (\w+)", demo.printed).groups()
    with httpx2.Client(base_url=demo.url, follow_redirects=True, timeout=10) as browser:
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', browser.get("/admin/").text)[1]
        form = {"username": user, "password": password, "csrfmiddlewaretoken": token}
        return browser.post("/admin/login/?next=/admin/", data=form).text


def test_the_demo_prints_what_works_and_goes_on_where_it_was(tmp_path):
    demo = Demo(tmp_path)
    try:
        answer = json.loads(subprocess.run(demo.curl, shell=True, check=True, capture_output=True).stdout)
        script = subprocess.run([sys.executable, "-c", demo.snippet], check=True, capture_output=True, text=True)
        change = subprocess.run(
            demo.change_line, shell=True, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True
        )
        docs = httpx2.get(f"{demo.url}/api/docs/")
        admin = log_in(demo)
    finally:
        demo.stop()

    assert answer["results"][0]["remote_id"]
    assert len(script.stdout.splitlines()) == 30
    assert "ScheduledInterview DONE: 1 records" in change.stdout
    assert len(set(re.findall(r"^\w+ +([0-9a-f]{64})$", demo.printed, re.MULTILINE))) == 5
    assert docs.status_code == 200
    assert "Scheduled interviews" in admin
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()

    again = Demo(tmp_path)
    again.stop()
    assert re.sub(r"http://[\d.:]+", "", again.curl) == re.sub(r"http://[\d.:]+", "", demo.curl)
    assert "ScheduledInterview DONE: 0 records" in again.printed
    unmoved = re.findall(r"DONE: \d+ records \(\d+/s\), 0 new, 0 changed, 0 deleted", again.printed)
    assert len(unmoved) == again.printed.count(" records (") == 20


def test_serve_refuses_a_database_without_migrations(tmp_path):
    done = manage(tmp_path, "serve", "--port", str(free_port()))

    assert done.returncode == 1
    assert "manage.py migrate" in done.stderr


def test_the_demo_stays_away_from_a_database_of_ones_own(tmp_path):
    variables = {"DATABASE_URL": "postgresql://x@127.0.0.1:1/x", "SECRET_KEY": "x", "CREDENTIAL_KEYS": "A" * 43 + "="}
    done = subprocess.run(
        [sys.executable, "manage.py", "demo"],
        cwd=ROOT,
        env=environment(tmp_path) | variables,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "Unset DATABASE_URL" in done.stderr


@pytest.mark.parametrize("arguments", [["demo", "--interviews", "0"], ["serve", "--workers", "0"]])
def test_numbers_that_make_no_sense_are_named(tmp_path, arguments):
    done = manage(tmp_path, *arguments)

    assert done.returncode == 1
    assert arguments[1] in done.stderr
