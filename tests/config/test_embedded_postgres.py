"""The embedded server's life, with processes that come, go and are killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
import psycopg
from config.embedded_postgres import server
host = server.use(Path(sys.argv[1]), "interloop")
with psycopg.connect(host=host, user="postgres", dbname="interloop") as connection:
    connection.execute("SELECT pg_advisory_xact_lock(1)")  # CREATE TABLE IF NOT EXISTS may collide with itself
    connection.execute("CREATE TABLE IF NOT EXISTS marks ()")
    connection.execute("INSERT INTO marks DEFAULT VALUES")
    connection.commit()
    print(connection.execute("SELECT count(*) FROM marks").fetchone()[0], flush=True)
sys.stdin.read()
"""


class User:
    """A process that uses the server until it is told to leave."""

    def __init__(self, data_dir):
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(data_dir)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def marks(self):
        return int(self.process.stdout.readline())

    def leave(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0

    def be_killed(self):
        self.process.kill()
        self.process.wait(30)


@pytest.fixture
def data_dir(tmp_path):
    yield tmp_path
    if pid := server_pid(tmp_path):
        os.kill(pid, signal.SIGQUIT)


def server_pid(data_dir):
    file = data_dir / "postgres" / "postmaster.pid"
    if not file.exists():
        return None
    pid = int(file.read_text().split()[0])
    return pid if psutil.pid_exists(pid) else None


def test_the_last_process_stops_the_server(data_dir):
    first, second = User(data_dir), User(data_dir)
    assert {first.marks, second.marks} == {1, 2}

    first.leave()
    assert server_pid(data_dir)
    second.leave()
    assert server_pid(data_dir) is None


def test_a_killed_process_neither_holds_the_server_nor_takes_it_away(data_dir):
    killed, other = User(data_dir), User(data_dir)
    assert {killed.marks, other.marks} == {1, 2}

    killed.be_killed()
    assert server_pid(data_dir)
    other.leave()
    assert server_pid(data_dir) is None


def test_a_killed_server_comes_back_with_its_data(data_dir):
    first = User(data_dir)
    assert first.marks == 1
    first.be_killed()
    os.kill(server_pid(data_dir), signal.SIGKILL)
    deadline = time.monotonic() + 10
    while server_pid(data_dir) and time.monotonic() < deadline:
        time.sleep(0.05)

    second = User(data_dir)

    assert second.marks == 2
    second.leave()


def test_threads_that_connect_at_once_share_the_server(tmp_path):
    script = (
        "from pathlib import Path; from threading import Thread; from config.embedded_postgres.server import use\n"
        f"found = []; ask = lambda: found.append(use(Path({str(tmp_path)!r}), 'x'))\n"
        "threads = [Thread(target=ask) for _ in range(4)]\n"
        "[one.start() for one in threads]; [one.join() for one in threads]\n"
        "print(len(found), len(set(found)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.split() == ["4", "1"]
