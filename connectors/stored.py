"""What we hold of an account already: some platforms can only be understood, or asked, with that."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredApplication:
    """References are remote ids. `originals` are the `data` of its remote data, by `path`; only where asked for."""

    remote_id: str
    candidate: str | None
    job: str | None
    current_stage: str | None
    originals: Mapping[str, Any]


class Stored(Protocol):
    """Answers from the database, in few statements however much is asked: ask for a page's worth at a time.

    Deleted records are left out, and in a full sync also those that the listing of their model, if it has ended, did
    not hold any more. Not for threads: call it where the records are handed back. All batches handed back before are
    stored by then.
    """

    def known(self, model_name: str, remote_ids: Collection[str]) -> set[str]:
        """Return which of these records have been listed, now or earlier."""

    def applications(self, remote_ids: Collection[str]) -> Mapping[str, StoredApplication]:
        """Return applications by remote id, without those that we do not hold. `originals` are empty."""

    def applications_of(
        self, pairs: Collection[tuple[str, str]]
    ) -> Mapping[tuple[str, str], tuple[StoredApplication, ...]]:
        """Return the applications of each candidate for each job, by those two remote ids. `originals` are empty."""

    def all_applications(self) -> Iterator[StoredApplication]:
        """Yield every application with its originals, in an order that stays, some hundreds in memory at a time."""

    def applications_to_interview(self, *, after: datetime, limit: int) -> tuple[str, ...]:
        """Return remote ids of applications with an interview that starts later than this, soonest first."""


class _NothingStored:
    def known(self, model_name: str, remote_ids: Collection[str]) -> set[str]:
        return set()

    def applications(self, remote_ids: Collection[str]) -> Mapping[str, StoredApplication]:
        return {}

    def applications_of(
        self, pairs: Collection[tuple[str, str]]
    ) -> Mapping[tuple[str, str], tuple[StoredApplication, ...]]:
        return {}

    def all_applications(self) -> Iterator[StoredApplication]:
        return iter(())

    def applications_to_interview(self, *, after: datetime, limit: int) -> tuple[str, ...]:
        return ()


NOTHING_STORED: Stored = _NothingStored()
