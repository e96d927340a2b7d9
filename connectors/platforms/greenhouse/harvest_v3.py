"""Reads with Harvest v3: lists only, newest first.

https://harvestdocs.greenhouse.io/docs/list-endpoints, https://harvestdocs.greenhouse.io/docs/pagination
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

from connectors.base import UNREADABLE, Window, read_each, unreadable
from connectors.errors import BadCredentials, InvalidField
from connectors.http import Auth, Parameters, Session
from connectors.joining import DiskJoin
from connectors.platforms.greenhouse import mapping
from connectors.platforms.greenhouse.harvest import (
    MAX_PER_PAGE,
    Harvest,
    changed_since,
    ids_in,
    iso,
    whole,
    without_gaps,
)
from connectors.platforms.greenhouse.mapping import Dictionary, Payload
from connectors.records import Fetched, Gap, Gone
from connectors.values import optional_remote_id, remote_id, text

MAX_IDS = 50  # in one list filter


class Words(NamedTuple):
    """A listing that says what the ids stand for that other payloads hold under `reference`."""

    path: str
    reference: str
    value: Callable[[Any], str | None]
    params: Parameters = {}

    def entries(self, row: Any) -> list[tuple[str, str | None]]:
        return [(remote_id(row["id"]), self.value(row))]


SLOTS = Words("/v3/job_interviews", "job_interview_id", lambda row: optional_remote_id(row["job_interview_stage_id"]))
SOURCES = Words("/v3/sources", "source_id", lambda row: text(row["name"]))
REFERRERS = Words("/v3/referrers", "referrer_id", lambda row: optional_remote_id(row["user_id"]))
REJECT_REASONS = Words(
    "/v3/rejection_reasons",
    "rejection_reason_id",
    lambda row: text(row["name"]),
    {"include_defaults": "true"},  # else the reasons that come with Greenhouse are missing
)


class HarvestV3(Harvest):
    """`auth_of` returns what proves that one user calls."""

    def __init__(self, session: Session, base_url: str, *, auth_of: Callable[[str], Auth]) -> None:
        super().__init__(session, base_url)
        self.auth_of = auth_of

    def check(self) -> None:
        self.session.get(f"{self.base_url}/v3/users", {"per_page": 1})

    def fetch_users(self, window: Window) -> Iterator[Fetched]:
        # Integrations are hidden unless asked for, yet they do organize interviews.
        params: Parameters = {"per_page": MAX_PER_PAGE, "show_service_accounts": "true", **_changed_in(window)}
        return read_each(self.rows("/v3/users", params), mapping.user_v3, "RemoteUser")

    def fetch_job_interview_stages(self, window: Window) -> Iterator[Fetched]:
        params: Parameters = {"per_page": MAX_PER_PAGE, **_changed_in(window)}
        return read_each(self.rows("/v3/job_interview_stages", params), mapping.stage_v3, "JobInterviewStage")

    def fetch_applications(self, window: Window) -> Iterator[Fetched]:
        return self._applications(self.rows("/v3/applications", {"per_page": MAX_PER_PAGE, **_changed_in(window)}))

    def fetch_interviews(self, window: Window) -> Iterator[Fetched]:
        slots = yield from self._words(SLOTS)
        if window.is_full:
            yield from self._all_interviews(slots)
        else:
            yield from self._changed_interviews(window, slots)

    def refetch_application(self, application_id: str) -> Iterator[Fetched]:
        applications = list(self.rows("/v3/applications", {"per_page": MAX_PER_PAGE, "ids": application_id}))
        yield from self._applications(applications, of=applications)
        if not applications:
            yield Gone(model_name="Application", remote_id=application_id)
        # Also then: an application can be hidden from us while its interviews are not.
        interviews = list(self.rows("/v3/interviews", {"per_page": MAX_PER_PAGE, "application_ids": application_id}))
        yield from self._refetched(interviews)
        yield from whole(application_id, interviews)

    def refetch_interview(self, interview_id: str) -> Iterator[Fetched]:
        interviews = list(self.rows("/v3/interviews", {"per_page": MAX_PER_PAGE, "ids": interview_id}))
        yield from self._refetched(interviews)
        if not interviews:
            yield Gone(model_name="ScheduledInterview", remote_id=interview_id)

    @contextmanager
    def acting_as(self, user_id: str) -> Iterator[Mapping[str, str]]:
        own, acting = self.session.auth, self.auth_of(user_id)
        try:
            acting.headers(self.session)
        except BadCredentials as error:
            if own is not None:
                own.headers(self.session)  # fails as well unless it is only this user who is refused
            raise InvalidField(f"Nobody may act as user {user_id}: {error}", pointer="remote_user_id") from error
        self.session.auth = acting
        try:
            yield {}
        finally:
            self.session.auth = own

    def find_slot(self, stage_id: str) -> str | None:
        params: Parameters = {
            "job_interview_stage_ids": stage_id,
            "active": "true",
            "scheduling_type": "needs_scheduling",
            "per_page": MAX_PER_PAGE,
        }
        slots = [(row.get("sort_order") or 0, int(row["id"])) for row in self.rows(SLOTS.path, params)]
        return str(min(slots)[1]) if slots else None

    def stages_of(self, slot_id: str | None) -> Dictionary:
        return without_gaps(self._words(SLOTS, of=[{SLOTS.reference: slot_id}])) if slot_id else {}

    def fetch_row(self, interview_id: str) -> Payload | None:
        return next(self.rows("/v3/interviews", {"per_page": MAX_PER_PAGE, "ids": interview_id}), None)

    def read_row(self, row: Payload, stages: Dictionary) -> Iterator[Fetched]:
        return self._read_with_panels([row], stages)

    def _applications(self, payloads: Iterable[Any], *, of: Sequence[Any] | None = None) -> Iterator[Fetched]:
        """Read applications. Looks up what these refer to, or all there is to know where they are None."""
        sources = yield from self._words(SOURCES, of=of)
        referrers = yield from self._words(REFERRERS, of=of)
        reject_reasons = yield from self._words(REJECT_REASONS, of=of)
        yield from read_each(
            payloads,
            lambda payload: mapping.application_v3(
                payload, sources=sources, referrers=referrers, reject_reasons=reject_reasons
            ),
            "Application",
        )

    def _refetched(self, interviews: Sequence[Any]) -> Iterator[Fetched]:
        for batch in _batches(interviews):
            slots = yield from self._words(SLOTS, of=batch)
            yield from self._read_with_panels(batch, slots)

    def _all_interviews(self, slots: Dictionary) -> Iterator[Fetched]:
        everything: Parameters = {"per_page": MAX_PER_PAGE}
        with DiskJoin() as join:
            for payload in self.rows("/v3/interviews", everything):
                join.add_left(next(iter(ids_in([payload])), ""), payload)
            yield from self._group_panels(everything, join.add_right)
            for interviews, panels in join.partitions():
                yield from _read(interviews, panels.__getitem__, slots)

    def _changed_interviews(self, window: Window, slots: Dictionary) -> Iterator[Fetched]:
        """Yield interviews that changed and those whose panel did, each with its whole panel.

        Whoever joins a panel need not move the interview's `updated_at`; whoever leaves one takes his row along.
        """
        changed: Parameters = {"per_page": MAX_PER_PAGE, **_changed_in(window)}
        seen: set[str] = set()
        for interviews in _batches(self.rows("/v3/interviews", changed)):
            seen.update(ids_in(interviews))
            yield from self._read_with_panels(interviews, slots)

        touched: set[str] = set()
        yield from self._group_panels(changed, lambda interview_id, _: touched.add(interview_id))
        for ids in _batches(sorted(touched - seen)):
            params: Parameters = {"per_page": MAX_PER_PAGE, "ids": ",".join(ids)}
            yield from self._read_with_panels(list(self.rows("/v3/interviews", params)), slots)

    def _read_with_panels(self, interviews: Sequence[Any], slots: Dictionary) -> Iterator[Fetched]:
        panels: dict[str, list[Any]] = {interview_id: [] for interview_id in ids_in(interviews)}
        if panels:
            params: Parameters = {"per_page": MAX_PER_PAGE, "interview_ids": ",".join(panels)}
            yield from self._group_panels(params, lambda interview_id, row: panels[interview_id].append(row))
        yield from _read(interviews, panels.__getitem__, slots)

    def _words(self, words: Words, *, of: Sequence[Any] | None = None) -> Generator[Gap, None, Dictionary]:
        """Return what ids stand for: those that these payloads refer to, or all there are where they are None."""
        params: Parameters = {"per_page": MAX_PER_PAGE, **words.params}
        if of is None:
            return (yield from self._dictionary(words.path, params, words.entries))
        found: dict[str, str | None] = {}
        for ids in _batches(sorted(set(ids_in(of, words.reference)))):
            found |= yield from self._dictionary(words.path, {**params, "ids": ",".join(ids)}, words.entries)
        return found

    def _group_panels(self, params: Parameters, add: Callable[[str, Any], object]) -> Iterator[Fetched]:
        """Hand each panel row to `add` with its interview's id. Yields only what cannot be read."""
        for row in self.rows("/v3/interviewers", params):
            try:
                add(remote_id(row["interview_id"]), row)
            except UNREADABLE as error:
                yield unreadable(row, "ScheduledInterview", error, id_key="interview_id")


def _read(interviews: Iterable[Any], panel_of: Callable[[str], Sequence[Any]], slots: Dictionary) -> Iterator[Fetched]:
    return read_each(
        interviews,
        lambda payload: mapping.interview_v3(payload, panel=panel_of(remote_id(payload["id"])), slots=slots),
        "ScheduledInterview",
    )


def _changed_in(window: Window) -> Parameters:
    since = changed_since(window)
    return {"updated_at": f"gte|{iso(since)}|lte|{iso(window.started_at)}"} if since else {}


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(islice(iterator, MAX_IDS)):
        yield batch
