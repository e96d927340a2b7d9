import httpx2
import pytest

from sandbox.platforms import simulators
from sandbox.server import DROPPED_CONNECTION, Answer, after_storing, failing, rate_limited, serve, slow


class Echo:
    def answer(self, request):
        return Answer(200, {"path": request.path, "query": request.query, "body": request.body.decode()})

    def fault(self, status, retry_after_seconds):
        return Answer(status, {"message": "trouble"}, {"Retry-After": str(retry_after_seconds)})


@pytest.fixture
def server():
    with serve(Echo()) as server:
        yield server


def test_requests_are_handed_on_as_they_came(server):
    answer = httpx2.post(f"{server.url}/a/b?x=1&x=%7C&y=", content="hello")

    assert answer.json() == {"path": "/a/b", "query": [["x", "1"], ["x", "|"], ["y", ""]], "body": "hello"}


def test_connections_are_kept(server):
    with httpx2.Client() as client:
        streams = {client.get(server.url).extensions["network_stream"] for _ in range(3)}

    assert len(streams) == 1


def test_queued_faults_come_first_and_end(server):
    server.faults.queue(rate_limited(retry_after_seconds=3))
    server.faults.queue(failing(503), times=2)

    answers = [httpx2.get(server.url) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [429, 503, 503, 200]
    assert answers[0].headers["Retry-After"] == "3"


def test_faults_can_wait_for_a_path(server):
    server.faults.queue(failing(500), path="/b")

    assert [httpx2.get(server.url + path).status_code for path in ("/a", "/b", "/b")] == [200, 500, 200]


def test_connection_can_be_dropped(server):
    server.faults.queue(DROPPED_CONNECTION)

    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(server.url)


def test_answers_can_be_slow(server):
    server.faults.queue(slow(0.5))

    with pytest.raises(httpx2.ReadTimeout):
        httpx2.get(server.url, timeout=0.1)


class Counter:
    """Counts what was done."""

    def __init__(self):
        self.done = 0

    def answer(self, request):
        self.done += 1
        return Answer(201, {"done": self.done})

    def fault(self, status, retry_after_seconds):
        return Answer(status)


@pytest.mark.parametrize(("fault", "done"), [(failing(500), 0), (after_storing(failing(500)), 1)])
def test_errors_come_in_place_of_the_deed_or_of_its_answer_only(fault, done):
    counter = Counter()
    with serve(counter) as server:
        server.faults.queue(fault)

        assert httpx2.post(server.url).status_code == 500
        assert counter.done == done


def test_a_dropped_or_slow_answer_can_be_to_what_was_done_once():
    counter = Counter()
    with serve(counter) as server:
        server.faults.queue(after_storing(DROPPED_CONNECTION))
        server.faults.queue(after_storing(slow(0.5)))

        with pytest.raises(httpx2.RemoteProtocolError):
            httpx2.post(server.url)
        assert httpx2.post(server.url).json() == {"done": 2}


def test_share_of_answers_goes_wrong(server):
    server.faults.spoil_share(0.5, failing(500))

    statuses = [httpx2.get(server.url).status_code for _ in range(40)]

    assert 5 < statuses.count(500) < 35


def test_nobody_answers_after_the_end():
    with serve(Echo()) as server:
        pass

    with pytest.raises(httpx2.ConnectError):
        httpx2.get(server.url)


def test_simulators_are_found_by_folder():
    assert "greenhouse" in simulators()
