from datetime import UTC, datetime

import pytest

from connectors.base import Window
from connectors.platforms.recruitee.connector import RecruiteeConnector
from connectors.records import ApplicationRecord
from sandbox.company import build_company
from sandbox.platforms.recruitee import RecruiteeSimulator
from sandbox.server import serve
from tests.connectors.recruitee.samples import Held

FETCHES = ("users", "job_interview_stages", "applications", "interviews")


@pytest.fixture
def company():
    return build_company(interviews=120)


@pytest.fixture
def simulator(company):
    return RecruiteeSimulator(company)


@pytest.fixture
def server(simulator):
    with serve(simulator) as server:
        yield server


@pytest.fixture
def connect(server):
    """Return a function that makes connectors to the simulated platform, with other credentials if need be."""
    made = []

    def connect(**credentials):
        given = RecruiteeSimulator.company_id, RecruiteeSimulator.api_token
        given = dict(zip(("company_id", "api_token"), given, strict=True)) | credentials
        made.append(RecruiteeConnector(credentials=given, base_url=server.url))
        return made[-1]

    yield connect
    for connector in made:
        connector.close()


@pytest.fixture
def held():
    return Held()


@pytest.fixture
def window(held):
    return Window(since=None, started_at=datetime.now(UTC), stored=held)


@pytest.fixture
def fetch_all(window, held):
    """Return a function that lists everything in the order of a sync, holding applications as they come."""

    def fetch_all(connector):
        found = []
        for name in FETCHES:
            for one in getattr(connector, f"fetch_{name}")(window):
                found.append(one)
                if isinstance(one, ApplicationRecord):
                    held.add(one)
        return found

    return fetch_all
