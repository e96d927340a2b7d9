"""A simulated platform in a process of its own, so that its memory and its work are not taken for the service's."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection

from sandbox.company import ApplicationState, Company, build_company
from sandbox.platforms import simulators
from sandbox.server import serve, slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    base_url: str
    credentials: Mapping[str, str]
    wires: Connection

    def reschedule(self, number: int) -> None:
        """Move so many interviews by a day, spread over all that have a time and an open application."""
        self.wires.send(number)
        self.wires.recv()


@contextmanager
def simulated(slug: str, interviews: int, *, delay_seconds: float = 0.0) -> Iterator[Platform]:
    """Serve an invented company of so many interviews while the context lasts. Each answer takes so long, and more."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_simulate, args=(theirs, slug, interviews, delay_seconds), daemon=True)
    process.start()
    theirs.close()
    try:
        base_url, credentials = ours.recv()
        yield Platform(base_url=base_url, credentials=credentials, wires=ours)
    finally:
        ours.close()  # which ends the process
        process.join()


def _simulate(wires: Connection, slug: str, interviews: int, delay_seconds: float) -> None:
    company = build_company(interviews=interviews)
    simulator = simulators()[slug](company)
    with serve(simulator, keep_requests=False) as server:
        if delay_seconds:
            server.faults.spoil_share(1, slow(delay_seconds))
        wires.send((server.url + simulator.base_path, dict(simulator.credentials)))
        while True:
            try:
                number = wires.recv()
            except EOFError:
                return
            wires.send(_reschedule(company, number))


def _reschedule(company: Company, number: int) -> int:
    open_ones = [
        (interview.id, interview.starts_at + timedelta(days=1))
        for interview in company.interviews.values()
        if interview.starts_at and company.applications[interview.application_id].state is ApplicationState.ACTIVE
    ]
    chosen = open_ones[:: max(1, len(open_ones) // number)][:number]
    for interview_id, starts_at in chosen:
        company.reschedule(interview_id, starts_at)
    return len(chosen)
