from datetime import UTC, datetime

import pytest

from connectors.base import Window
from connectors.platforms.ashby.connector import AshbyConnector
from sandbox.company import build_company
from sandbox.platforms.ashby import AshbySimulator
from sandbox.server import serve


class Holding:
    """We hold these stages."""

    def __init__(self, *stage_ids):
        self.stage_ids = set(stage_ids)

    def known(self, model_name, remote_ids):
        return self.stage_ids.intersection(remote_ids) if model_name == "JobInterviewStage" else set()


@pytest.fixture
def holding():
    return Holding


@pytest.fixture
def company():
    return build_company(interviews=120)


@pytest.fixture
def connect():
    """Return a function that serves a simulator and returns a connector to it, and the server."""
    opened = []

    def connect(simulator):
        context = serve(simulator)
        server = context.__enter__()
        connector = AshbyConnector(credentials={"api_key": AshbySimulator.api_key}, base_url=server.url)
        opened.append((connector, context))
        return connector, server

    yield connect
    for connector, context in opened:
        connector.close()
        context.__exit__(None, None, None)


@pytest.fixture
def everything():
    return Window(since=None, started_at=datetime.now(UTC))


@pytest.fixture
def lately():
    """Return a function that makes the window of an incremental sync with this sync token."""

    def lately(sync_token=None, **more):
        now = datetime.now(UTC)
        return Window(since=now, started_at=now, state={"sync_token": sync_token} if sync_token else {}, **more)

    return lately
