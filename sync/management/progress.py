"""Shows how a sync goes: as a table that changes on a terminal, as lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from sync.engine import Progress
from sync.models import Result

SECONDS_BETWEEN_LINES = 10
STATUSES = {None: "syncing", Result.DONE: "done", Result.PARTIALLY_SYNCED: "partial", Result.FAILED: "failed"}


@dataclass
class Watched:
    """The latest of one model, when it began, and when it last had new records."""

    progress: Progress
    began: float = field(default_factory=monotonic)
    grew: float = field(default_factory=monotonic)

    def hear(self, progress: Progress) -> None:
        if progress.counts.records > self.progress.counts.records:
            self.grew = monotonic()
        self.progress = progress

    @property
    def rate(self) -> float:
        """Records a second, waits included."""
        return self.progress.counts.records / max(self.grew - self.began, 0.001)


@contextmanager
def watch(stream: TextIO, title: str) -> Iterator[Callable[[Progress], None]]:
    """Hand out what to tell about progress, to be shown on `stream`."""
    watched: dict[str, Watched] = {}

    def hear(progress: Progress) -> None:
        watched.setdefault(progress.model_name, Watched(progress)).hear(progress)

    if stream.isatty():
        with Live(console=Console(file=stream), get_renderable=lambda: _table(title, watched), refresh_per_second=4):
            yield hear
        return

    printed = monotonic()

    def tell(progress: Progress) -> None:
        nonlocal printed
        hear(progress)
        if progress.result is not None or monotonic() - printed > SECONDS_BETWEEN_LINES:
            printed = monotonic()
            stream.write(f"{title}: {_line(watched[progress.model_name])}\n")
            stream.flush()

    yield tell


def _line(one: Watched) -> str:
    progress, counts = one.progress, one.progress.counts
    return (
        f"{progress.model_name} {progress.result or 'syncing'}: {counts.records} records ({one.rate:.0f}/s), "
        f"{counts.new} new, {counts.changed} changed, {counts.deleted} deleted, {counts.problems} problems, "
        f"{progress.requests} requests, {progress.waited_seconds:.0f} s waited"
    )


def _table(title: str, watched: dict[str, Watched]) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))  # fits into 80 columns
    table.add_column("Model", no_wrap=True)
    table.add_column("Status", no_wrap=True)
    for heading in ("Records", "/s", "New", "Changed", "Deleted", "Requests", "Waited"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, one in list(watched.items()):
        progress, counts = one.progress, one.progress.counts
        numbers = (counts.records, one.rate, counts.new, counts.changed, counts.deleted, progress.requests)
        table.add_row(
            name,
            STATUSES[progress.result],
            *(f"{number:,.0f}" for number in numbers),
            f"{progress.waited_seconds:.0f} s",
        )
    return table
