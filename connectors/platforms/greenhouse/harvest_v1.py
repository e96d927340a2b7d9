"""Reads with Harvest v1, which Greenhouse gave up in August 2026: https://developers.greenhouse.io/harvest.html"""

from collections.abc import Iterator
from typing import Any

from connectors.base import Window, read_each
from connectors.errors import BadCredentials, MissingPermission, NotFound
from connectors.http import Parameters
from connectors.platforms.greenhouse import mapping
from connectors.platforms.greenhouse.harvest import MAX_PER_PAGE, Harvest, changed_since, iso
from connectors.records import Fetched

PATHS = ("/v1/users", "/v1/job_stages", "/v1/applications", "/v1/scheduled_interviews")
REFUSALS = (BadCredentials, MissingPermission, NotFound)
RETIRED = "API version retired, relink with Harvest v3 credentials"


class HarvestV1(Harvest):
    _has_answered = False

    def check(self) -> None:
        next(self._rows("/v1/users", {"per_page": 1, "skip_count": "true"}), None)

    def fetch_users(self, window: Window) -> Iterator[Fetched]:
        params = _listing(window, "updated_after")
        return read_each(self._rows("/v1/users", params), mapping.user_v1, "RemoteUser")

    def fetch_job_interview_stages(self, window: Window) -> Iterator[Fetched]:
        return read_each(self._rows("/v1/job_stages", _listing()), mapping.stage_v1, "JobInterviewStage")

    def fetch_applications(self, window: Window) -> Iterator[Fetched]:
        # Applications have no `updated_after`, and `applied_at` misses what happens to one later.
        params = _listing(window, "last_activity_after")
        return read_each(self._rows("/v1/applications", params), mapping.application_v1, "Application")

    def fetch_interviews(self, window: Window) -> Iterator[Fetched]:
        slots = yield from self._dictionary("/v1/job_stages", _listing(), mapping.slots_v1)
        yield from read_each(
            self._rows("/v1/scheduled_interviews", _listing(window, "updated_after")),
            lambda payload: mapping.interview_v1(payload, slots=slots),
            "ScheduledInterview",
        )

    def _rows(self, path: str, params: Parameters) -> Iterator[Any]:
        try:
            for row in super()._rows(path, params):
                self._has_answered = True
                yield row
            self._has_answered = True
        except REFUSALS as error:
            if self._has_answered or self._answers_anything():
                raise
            raise BadCredentials(f"{RETIRED} ({error})") from error

    def _answers_anything(self) -> bool:
        return any(map(self._answers, PATHS))

    def _answers(self, path: str) -> bool:
        try:
            self.session.get(self.base_url + path, {"per_page": 1, "skip_count": "true"})
        except REFUSALS:
            return False
        return True


def _listing(window: Window | None = None, changed_parameter: str = "") -> Parameters:
    params: dict[str, str | int] = {"per_page": MAX_PER_PAGE, "skip_count": "true"}
    if window and (since := changed_since(window)):
        params[changed_parameter] = iso(since)
    return params
