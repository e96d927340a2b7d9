import pytest

from connectors.platforms.taleo.connector import TaleoConnector
from sandbox.company import build_company
from sandbox.platforms.taleo import TaleoSimulator
from sandbox.server import serve
from tests.connectors.taleo.memory import Memory


@pytest.fixture
def company():
    return build_company(interviews=120)


@pytest.fixture
def simulator(company):
    return TaleoSimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def connect(simulator, server):
    """Return a function that makes connectors, one for each sync, with other credentials if need be."""
    made = []

    def connect(**credentials):
        made.append(
            TaleoConnector(credentials=simulator.credentials | credentials, base_url=server.url + simulator.base_path)
        )
        return made[-1]

    yield connect
    for connector in made:
        connector.close()


@pytest.fixture
def memory():
    return Memory()
