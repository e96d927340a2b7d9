"""Reads with Harvest v1, which Greenhouse gave up in August 2026: https://developers.greenhouse.io/harvest.html"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import quote

from connectors.base import Window, read_each
from connectors.errors import BadCredentials, ConnectorError, MissingPermission, NotFound
from connectors.http import Parameters
from connectors.platforms.greenhouse import mapping
from connectors.platforms.greenhouse.harvest import MAX_PER_PAGE, Harvest, changed_since, iso, whole, without_gaps
from connectors.platforms.greenhouse.mapping import Dictionary, Payload
from connectors.records import Fetched, Gap, Gone, Whole
from connectors.values import remote_id

PATHS = ("/v1/users", "/v1/job_stages", "/v1/applications", "/v1/scheduled_interviews")
REFUSALS = (BadCredentials, MissingPermission, NotFound)
RETIRED = "API version retired, relink with Harvest v3 credentials"


class HarvestV1(Harvest):
    _has_answered = False

    def check(self) -> None:
        next(self.rows("/v1/users", {"per_page": 1, "skip_count": "true"}), None)

    def fetch_users(self, window: Window) -> Iterator[Fetched]:
        params = _listing(window, "updated_after")
        return read_each(self.rows("/v1/users", params), mapping.user_v1, "RemoteUser")

    def fetch_job_interview_stages(self, window: Window) -> Iterator[Fetched]:
        return read_each(self.rows("/v1/job_stages", _listing()), mapping.stage_v1, "JobInterviewStage")

    def fetch_applications(self, window: Window) -> Iterator[Fetched]:
        # Applications have no `updated_after`, and `applied_at` misses what happens to one later.
        params = _listing(window, "last_activity_after")
        return read_each(self.rows("/v1/applications", params), mapping.application_v1, "Application")

    def fetch_interviews(self, window: Window) -> Iterator[Fetched]:
        return self._interviews(self.rows("/v1/scheduled_interviews", _listing(window, "updated_after")))

    def refetch_application(self, application_id: str) -> Iterator[Fetched]:
        path = f"/v1/applications/{quote(application_id, safe='')}"
        application = self._row(path)
        if application is None:
            yield Gone(model_name="Application", remote_id=application_id)
            yield Whole(group=application_id, remote_ids=frozenset())
            return
        yield from read_each([application], mapping.application_v1, "Application")
        interviews = list(self.rows(f"{path}/scheduled_interviews", _listing()))
        if interviews:
            yield from self._interviews(interviews)
        yield from whole(application_id, interviews)

    def refetch_interview(self, interview_id: str) -> Iterator[Fetched]:
        interview = self.fetch_row(interview_id)
        if interview is None:
            yield Gone(model_name="ScheduledInterview", remote_id=interview_id)
        else:
            yield from self._interviews([interview])

    def acting_as(self, user_id: str) -> AbstractContextManager[Mapping[str, str]]:
        return nullcontext({"On-Behalf-Of": user_id})

    def find_slot(self, stage_id: str) -> str | None:
        steps = (self._row(f"/v1/job_stages/{quote(stage_id, safe='')}") or {}).get("interviews") or ()
        return next((remote_id(step["id"]) for step in steps if step.get("schedulable")), None)

    def stages_of(self, slot_id: str | None) -> Dictionary:
        return without_gaps(self._slots()) if slot_id else {}

    def fetch_row(self, interview_id: str) -> Payload | None:
        row: Payload | None = self._row(f"/v1/scheduled_interviews/{quote(interview_id, safe='')}")
        return row

    def read_row(self, row: Payload, stages: Dictionary) -> Iterator[Fetched]:
        return _read([row], stages)

    def _interviews(self, payloads: Iterable[Any]) -> Iterator[Fetched]:
        slots = yield from self._slots()
        yield from _read(payloads, slots)

    def _slots(self) -> Generator[Gap, None, Dictionary]:
        return self._dictionary("/v1/job_stages", _listing(), mapping.slots_v1)

    def _row(self, path: str) -> Any:
        """Return one payload, None if there is no such thing (any more)."""
        try:
            row = self.session.get(self.base_url + path).json()
        except REFUSALS as error:
            self.ensure_not_retired(error)
            if isinstance(error, NotFound):
                return None
            raise
        self._has_answered = True
        return row

    def rows(self, path: str, params: Parameters) -> Iterator[Any]:
        try:
            for row in super().rows(path, params):
                self._has_answered = True
                yield row
            self._has_answered = True
        except REFUSALS as error:
            self.ensure_not_retired(error)
            raise

    def ensure_not_retired(self, refusal: ConnectorError) -> None:
        if isinstance(refusal, REFUSALS) and not self._has_answered and not self._answers_anything():
            raise BadCredentials(f"{RETIRED} ({refusal})") from refusal

    def _answers_anything(self) -> bool:
        return any(map(self._answers, PATHS))

    def _answers(self, path: str) -> bool:
        try:
            self.session.get(self.base_url + path, {"per_page": 1, "skip_count": "true"})
        except REFUSALS:
            return False
        return True


def _read(interviews: Iterable[Any], slots: Dictionary) -> Iterator[Fetched]:
    return read_each(interviews, lambda payload: mapping.interview_v1(payload, slots=slots), "ScheduledInterview")


def _listing(window: Window | None = None, changed_parameter: str = "") -> Parameters:
    params: dict[str, str | int] = {"per_page": MAX_PER_PAGE, "skip_count": "true"}
    if window and (since := changed_since(window)):
        params[changed_parameter] = iso(since)
    return params
