from datetime import UTC, datetime

import pytest

from connectors.base import Window
from connectors.platforms.workday.connector import WorkdayConnector
from sandbox.company import build_company
from sandbox.platforms.workday import WorkdaySimulator
from sandbox.server import serve
from tests.connectors.workday.samples import Memory


@pytest.fixture
def company():
    return build_company(interviews=120)


@pytest.fixture
def simulator(company):
    return WorkdaySimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def connect(simulator, server):
    """Return a function that makes connectors, one for each sync, with other credentials if need be."""
    made = []

    def connect(connector_class=WorkdayConnector, **credentials):
        made.append(
            connector_class(
                credentials=simulator.credentials | credentials, base_url=f"{server.url}{simulator.base_path}"
            )
        )
        return made[-1]

    yield connect
    for connector in made:
        connector.close()


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def everything(memory):
    return Window(since=None, started_at=datetime.now(UTC), stored=memory)


@pytest.fixture
def lately(memory):
    """Return a function that makes the window of an incremental sync, from what the last one left behind."""

    def lately(**state):
        return Window(since=datetime.now(UTC), started_at=datetime.now(UTC), state=state, stored=memory)

    return lately
