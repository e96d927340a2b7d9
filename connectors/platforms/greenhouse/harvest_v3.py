"""Reads with Harvest v3: lists only, newest first.

https://harvestdocs.greenhouse.io/docs/list-endpoints, https://harvestdocs.greenhouse.io/docs/pagination
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from connectors.base import UNREADABLE, Window, read_each, unreadable
from connectors.http import Parameters
from connectors.joining import DiskJoin
from connectors.platforms.greenhouse import mapping
from connectors.platforms.greenhouse.harvest import MAX_PER_PAGE, Harvest, changed_since, iso
from connectors.platforms.greenhouse.mapping import Dictionary
from connectors.records import Fetched
from connectors.values import optional_remote_id, remote_id, text

MAX_IDS = 50  # in one list filter


class HarvestV3(Harvest):
    def check(self) -> None:
        self.session.get(f"{self.base_url}/v3/users", {"per_page": 1})

    def fetch_users(self, window: Window) -> Iterator[Fetched]:
        # Integrations are hidden unless asked for, yet they do organize interviews.
        params: Parameters = {"per_page": MAX_PER_PAGE, "show_service_accounts": "true", **_changed_in(window)}
        return read_each(self._rows("/v3/users", params), mapping.user_v3, "RemoteUser")

    def fetch_job_interview_stages(self, window: Window) -> Iterator[Fetched]:
        params: Parameters = {"per_page": MAX_PER_PAGE, **_changed_in(window)}
        return read_each(self._rows("/v3/job_interview_stages", params), mapping.stage_v3, "JobInterviewStage")

    def fetch_applications(self, window: Window) -> Iterator[Fetched]:
        all_of_them: Parameters = {"per_page": MAX_PER_PAGE}
        sources = yield from self._dictionary(
            "/v3/sources", all_of_them, lambda row: [(remote_id(row["id"]), text(row["name"]))]
        )
        referrers = yield from self._dictionary(
            "/v3/referrers", all_of_them, lambda row: [(remote_id(row["id"]), optional_remote_id(row["user_id"]))]
        )
        # The reasons that come with Greenhouse are missing unless asked for.
        reject_reasons = yield from self._dictionary(
            "/v3/rejection_reasons",
            {**all_of_them, "include_defaults": "true"},
            lambda row: [(remote_id(row["id"]), text(row["name"]))],
        )
        yield from read_each(
            self._rows("/v3/applications", {"per_page": MAX_PER_PAGE, **_changed_in(window)}),
            lambda payload: mapping.application_v3(
                payload, sources=sources, referrers=referrers, reject_reasons=reject_reasons
            ),
            "Application",
        )

    def fetch_interviews(self, window: Window) -> Iterator[Fetched]:
        slots = yield from self._dictionary(
            "/v3/job_interviews",
            {"per_page": MAX_PER_PAGE},
            lambda row: [(remote_id(row["id"]), optional_remote_id(row["job_interview_stage_id"]))],
        )
        if window.is_full:
            yield from self._all_interviews(slots)
        else:
            yield from self._changed_interviews(window, slots)

    def _all_interviews(self, slots: Dictionary) -> Iterator[Fetched]:
        everything: Parameters = {"per_page": MAX_PER_PAGE}
        with DiskJoin() as join:
            for payload in self._rows("/v3/interviews", everything):
                join.add_left(next(iter(_ids([payload])), ""), payload)
            yield from self._group_panels(everything, join.add_right)
            for interviews, panels in join.partitions():
                yield from _read(interviews, panels.__getitem__, slots)

    def _changed_interviews(self, window: Window, slots: Dictionary) -> Iterator[Fetched]:
        """Yield interviews that changed and those whose panel did, each with its whole panel.

        Whoever joins a panel need not move the interview's `updated_at`; whoever leaves one takes his row along.
        """
        changed: Parameters = {"per_page": MAX_PER_PAGE, **_changed_in(window)}
        seen: set[str] = set()
        for interviews in _batches(self._rows("/v3/interviews", changed)):
            seen.update(_ids(interviews))
            yield from self._read_with_panels(interviews, slots)

        touched: set[str] = set()
        yield from self._group_panels(changed, lambda interview_id, _: touched.add(interview_id))
        for ids in _batches(sorted(touched - seen)):
            params: Parameters = {"per_page": MAX_PER_PAGE, "ids": ",".join(ids)}
            yield from self._read_with_panels(list(self._rows("/v3/interviews", params)), slots)

    def _read_with_panels(self, interviews: Sequence[Any], slots: Dictionary) -> Iterator[Fetched]:
        panels: dict[str, list[Any]] = {interview_id: [] for interview_id in _ids(interviews)}
        if panels:
            params: Parameters = {"per_page": MAX_PER_PAGE, "interview_ids": ",".join(panels)}
            yield from self._group_panels(params, lambda interview_id, row: panels[interview_id].append(row))
        yield from _read(interviews, panels.__getitem__, slots)

    def _group_panels(self, params: Parameters, add: Callable[[str, Any], object]) -> Iterator[Fetched]:
        """Hand each panel row to `add` with its interview's id. Yields only what cannot be read."""
        for row in self._rows("/v3/interviewers", params):
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


def _ids(payloads: Iterable[Any]) -> list[str]:
    """Return the ids of those payloads that have one; the others are reported where they are read."""
    ids = []
    for payload in payloads:
        with suppress(*UNREADABLE):
            ids.append(remote_id(payload["id"]))
    return ids
