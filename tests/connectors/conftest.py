"""Connectors against simulated platforms over real HTTP. Waits between tries are counted, and not waited."""

import pytest
import stamina


@pytest.fixture(autouse=True)
def _no_waiting():
    with stamina.set_testing(True, attempts=100):
        yield
