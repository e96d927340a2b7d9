"""The sandbox command in a process of its own, and what it prints, typed as it stands."""

import json
import re
import signal
import subprocess
import sys

import httpx2
import pytest

from sandbox.platforms import simulators
from tests.config.test_commands import ROOT, environment, manage


class Sandbox:
    """A running sandbox and what it has printed until it said how to stop it."""

    def __init__(self, data_dir, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "sandbox", "--port", "0", "--interviews", "60", *arguments],
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

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.read()
        assert self.process.wait(30) == 0

    @property
    def controls(self):
        return re.findall(r"control: (\S+)", self.printed)

    @property
    def link_lines(self):
        return [line for line in self.printed.splitlines() if "manage.py linkaccount" in line]


def run(line, data_dir):
    return subprocess.run(line, shell=True, cwd=ROOT, env=environment(data_dir), capture_output=True, text=True)


# SuccessFactors wants a key of many lines, Taleo a password that shells would take apart.
@pytest.mark.parametrize("slug", ["successfactors", "taleo"])
def test_the_printed_line_links_an_account_whose_changes_come_in(tmp_path, slug):
    assert manage(tmp_path, "migrate").returncode == 0
    with Sandbox(tmp_path, slug) as sandbox:
        linked = run(sandbox.link_lines[0], tmp_path)
        first = manage(tmp_path, "sync", "--all", "--json")
        moved = httpx2.post(f"{sandbox.controls[0]}/changes", json={"action": "reschedule"})
        second = manage(tmp_path, "sync", "--all", "--json")

    assert linked.returncode == 0, linked.stderr
    assert first.returncode == 0, first.stderr
    assert moved.status_code == 200
    models = {one["model_name"]: one for one in json.loads(second.stdout)["accounts"][0]["models"]}
    assert models["ScheduledInterview"]["counts"]["changed"] > 0


def test_without_a_name_all_platforms_run_with_companies_of_their_own(tmp_path):
    with Sandbox(tmp_path) as sandbox:
        httpx2.post(f"{sandbox.controls[0]}/changes", json={"action": "delete"})
        counts = [httpx2.get(url).json()["counts"]["interviews"] for url in sandbox.controls]

    assert len(sandbox.link_lines) == len(simulators())
    assert counts == [59] + [60] * (len(simulators()) - 1)


def test_a_platform_that_is_named_twice_runs_once(tmp_path):
    with Sandbox(tmp_path, "lever", "lever") as sandbox:
        assert len(sandbox.controls) == 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["workdays"], "greenhouse"),  # one that there is
        (["--interviews", "0"], "--interviews"),
        (["--port", "65530"], "--port"),  # the last would be beyond what ports there are
        (["--host", "198.51.100.1"], "Cannot listen"),  # an address that no machine has, see RFC 5737
    ],
)
def test_what_cannot_be_served_is_named(tmp_path, arguments, word):
    done = manage(tmp_path, "sandbox", *arguments)

    assert done.returncode == 1
    assert word in done.stderr
