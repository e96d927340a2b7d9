"""Simulated platforms that run, each with a company of its own and under control."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.company import Company
from sandbox.control import CompanyControl
from sandbox.platforms import simulators
from sandbox.server import CONTROL_PATH, serve


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """`base_url` is what clients call, with `credentials`; `control_url` what developers do."""

    slug: str
    base_url: str
    control_url: str
    credentials: Mapping[str, str]


@contextmanager
def running(slug: str, company: Company, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[Platform]:
    """Serve a company at a simulated platform while the context lasts; port 0 takes any that is free."""
    simulator = simulators()[slug](company)
    control = CompanyControl(company, simulator.credentials)
    with serve(simulator, host=host, port=port, keep_requests=False, control=control) as server:
        yield Platform(
            slug=slug,
            base_url=server.url + simulator.base_path,
            control_url=server.url + CONTROL_PATH,
            credentials=simulator.credentials,
        )
