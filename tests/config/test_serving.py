"""`manage.py serve` as operators run it."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Semaphore, Thread

import httpx2
import pytest

from tests.config.test_commands import ROOT, environment, free_port, manage

HUNG = 8


class SilentPlatform(ThreadingHTTPServer):
    """Counts who calls, and answers nobody until it is told to."""

    def __init__(self):
        called, speaks = Semaphore(0), Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                called.release()
                speaks.wait()
                self.send_response(204)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.called, self.speaks = called, speaks


@pytest.fixture
def platform():
    with SilentPlatform() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.speaks.set()
        server.shutdown()


@pytest.fixture
def service(tmp_path, platform):
    """A served Interloop of one process, and a client of an account at the platform."""
    base_url = f"http://127.0.0.1:{platform.server_port}"
    credentials = tmp_path / "credentials.json"
    credentials.write_text(json.dumps({"api_key": "secret"}))
    assert manage(tmp_path, "migrate").returncode == 0
    key = json.loads(manage(tmp_path, "createapikey", "backend", "--json").stdout)
    about = ["--end-user-organization", "Acme", "--end-user-origin-id", "42", "--end-user-email", "it@acme.example"]
    where = ["--base-url", base_url, "--credentials-file", str(credentials), "--json"]
    linked = manage(tmp_path, "linkaccount", "ashby", *about, *where)
    account = json.loads(linked.stdout)
    port = free_port()
    command = [sys.executable, "manage.py", "serve", "--workers", "1", "--no-worker", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(tmp_path), stderr=subprocess.DEVNULL)
    headers = {"Authorization": f"Bearer {key['key']}", "X-Account-Token": account["account_token"]}
    client = httpx2.Client(
        base_url=f"http://127.0.0.1:{port}/api/ats/v1",
        headers=headers,
        timeout=60,
        transport=httpx2.HTTPTransport(retries=20),
    )
    with client:
        yield client
    process.send_signal(signal.SIGTERM)
    process.wait(30)


def test_a_platform_that_does_not_answer_keeps_nobody_else_waiting(service, platform):
    with ThreadPoolExecutor(HUNG) as callers:
        body = {"method": "GET", "path": "/x"}
        calls = [callers.submit(service.post, "/passthrough", json=body) for _ in range(HUNG)]
        for _ in calls:
            assert platform.called.acquire(timeout=60)

        listed, details = service.get("/interviews"), service.get("/account-details")

        assert (listed.status_code, details.status_code) == (200, 200)
        assert not any(call.done() for call in calls)
        platform.speaks.set()
        assert {call.result().json()["status"] for call in calls} == {204}
