from datetime import UTC, datetime

import pytest

from connectors.base import Window
from connectors.platforms.successfactors.connector import SuccessFactorsConnector
from sandbox.company import build_company
from sandbox.platforms.successfactors import SuccessFactorsSimulator
from sandbox.server import serve


@pytest.fixture
def company():
    return build_company(interviews=120)


@pytest.fixture
def simulator(company):
    return SuccessFactorsSimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def connect(simulator, server):
    """Return a function that makes connectors, one for each sync, with other credentials if need be."""
    made = []

    def connect(**credentials):
        made.append(SuccessFactorsConnector(credentials=simulator.credentials | credentials, base_url=server.url))
        return made[-1]

    yield connect
    for connector in made:
        connector.close()


@pytest.fixture
def everything():
    return Window(since=None, started_at=datetime.now(UTC))
