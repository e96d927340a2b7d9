from datetime import UTC, datetime

import pytest

from connectors.base import Window
from connectors.platforms.lever.connector import LeverConnector
from connectors.stored import NOTHING_STORED
from sandbox.company import build_company
from sandbox.platforms.lever import LeverSimulator
from sandbox.server import serve


@pytest.fixture
def company():
    return build_company(interviews=120)


@pytest.fixture
def simulator(company):
    return LeverSimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def connect(simulator, server):
    """Return a function that makes connectors, one for each sync, with other credentials if need be."""
    made = []

    def connect(**credentials):
        made.append(LeverConnector(credentials=simulator.credentials | credentials, base_url=f"{server.url}/v1"))
        return made[-1]

    yield connect
    for connector in made:
        connector.close()


@pytest.fixture
def everything():
    return Window(since=None, started_at=datetime.now(UTC))


@pytest.fixture
def lately():
    """Return a function that makes the window of an incremental sync."""

    def lately(since, *, stored=NOTHING_STORED):
        return Window(since=since, started_at=datetime.now(UTC), stored=stored)

    return lately
