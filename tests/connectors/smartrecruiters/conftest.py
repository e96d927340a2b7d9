from datetime import UTC, datetime

import pytest

from connectors.base import Window
from connectors.platforms.smartrecruiters.connector import SmartRecruitersConnector
from sandbox.company import build_company
from sandbox.platforms.smartrecruiters import SmartRecruitersSimulator
from sandbox.server import serve


@pytest.fixture
def company():
    return build_company(interviews=60)


@pytest.fixture
def simulator(company):
    return SmartRecruitersSimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def connect(server):
    """Return a function that makes connectors, one for each sync."""
    made = []

    def connect(api_key=SmartRecruitersSimulator.api_key, at=server):
        made.append(SmartRecruitersConnector(credentials={"api_key": api_key}, base_url=at.url))
        return made[-1]

    yield connect
    for connector in made:
        connector.close()


@pytest.fixture
def everything():
    return Window(since=None, started_at=datetime.now(UTC))
