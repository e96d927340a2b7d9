from datetime import UTC, datetime

import pytest

from connectors.base import Window
from connectors.platforms.fountain.connector import FountainConnector
from sandbox.company import build_company
from sandbox.platforms.fountain import FountainSimulator
from sandbox.server import serve
from tests.connectors.fountain.samples import Held

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def company():
    return build_company(interviews=300, now=NOW)


@pytest.fixture
def simulator(company):
    return FountainSimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def connect(simulator, server):
    """Return a function that makes connectors, one for each sync."""
    made = []

    def connect(**credentials):
        base_url = server.url + FountainSimulator.base_path
        made.append(FountainConnector(credentials=simulator.credentials | credentials, base_url=base_url))
        return made[-1]

    yield connect
    for connector in made:
        connector.close()


@pytest.fixture
def window():
    """Return a function that makes windows; what is fetched in one is known in the next."""
    held = Held()

    def window(since=None):
        return Window(since=since, started_at=NOW, stored=held)

    return window
