"""SmartRecruiters: what it is, and the way from its candidates to their applications and interviews."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from connectors.auth import FixedHeader
from connectors.base import UNREADABLE, Connector, Credential, Deletions, ModelSupport, Window, read_each, unreadable
from connectors.errors import MissingPermission, NotFound, UnexpectedAnswer
from connectors.http import Auth, Parameters, Retries
from connectors.pace import Limiter, Pace
from connectors.pagination import follow_cursor
from connectors.parallel import in_parallel
from connectors.platforms.smartrecruiters import mapping
from connectors.platforms.smartrecruiters.mapping import (
    HISTORY_SUFFIX,
    INTERVIEWS_PATH,
    PROCESSES_PATH,
    USERS_PATH,
    Assignment,
)
from connectors.platforms.smartrecruiters.webhooks import SmartRecruitersWebhooks
from connectors.records import Fetched, Gap, JobInterviewStageRecord, Unreadable, Whole
from connectors.stored import StoredApplication
from connectors.values import remote_id, text
from connectors.webhooks import Hint, Subject

CANDIDATES_PATH = "/candidates"
APPLICATIONS_PATH = "/job-applications-api/v202112/job-applications"
MAX_PER_PAGE = 100
# A record that is written while a listing is read can be missing from it.
OVERLAP = timedelta(minutes=5)
# https://developers.smartrecruiters.com/reference/rate-limiting: 8 calls at a time, and one at a time to /candidates.
WORKERS = 8


class Page(NamedTuple):
    content: list[Any]
    next_page_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All about one application. `history_gap` says why there is no history; interviews may be refused."""

    assignment: Assignment
    application_id: str
    application: Any
    history: Sequence[Any]
    history_gap: str | None
    interviews: Sequence[Any] | MissingPermission


class SmartRecruitersConnector(Connector):
    """Candidate, Configuration, User and Interview API, with an API key.

    Nothing says that whoever changes an interview changes the candidate: so an incremental sync lists the interviews
    of all applications that are open, each of which tells all it has.
    """

    slug, name, color = "smartrecruiters", "SmartRecruiters", "#13a463"
    default_base_url = "https://api.smartrecruiters.com"
    documentation_url = "https://developers.smartrecruiters.com"
    interface = "The REST interfaces for users, candidates, interviews and configuration, with an API key."
    setup = (
        "Settings / Admin, Apps & Integrations, Credentials: create an API key of somebody who may see all users, "
        "candidates, interviews and hiring processes. For some accounts SmartRecruiters tells only of interviews that "
        "were made through its API: those planned on other screens are then missing."
    )
    credentials = (
        Credential(
            name="api_key", label="API key", help_text="Made under Settings / Admin, Apps & Integrations, Credentials."
        ),
        Credential(
            name="webhook_secret",
            label="Webhook secret",
            help_text="Secret key of the webhook subscription, if there is one.",
            required=False,
        ),
    )
    models = {
        "RemoteUser": ModelSupport(
            fields=frozenset({"first_name", "last_name", "email", "disabled", "access_role"}),
        ),
        "JobInterviewStage": ModelSupport(
            fields=frozenset({"name", "stage_order"}), is_incremental=False, deletions=Deletions.NEVER
        ),
        "Application": ModelSupport(
            fields=frozenset(
                {"candidate", "job", "applied_at", "rejected_at", "source", "current_stage", "reject_reason"}
            ),
        ),
        "ScheduledInterview": ModelSupport(
            fields=frozenset(
                {
                    "application",
                    "job_interview_stage",
                    "organizer",
                    "interviewers",
                    "location",
                    "start_at",
                    "end_at",
                    "remote_created_at",
                }
            ),
            told_by=frozenset({"Application"}),
            lists_groups=True,
        ),
    }
    webhooks = SmartRecruitersWebhooks()
    keeps_unknown_references = False

    # https://developers.smartrecruiters.com/reference/rate-limiting: 429s do not say how long; a minute is enough.
    retries = Retries(backoff_seconds=(1, 2, 4, 8, 16), rate_limit_seconds=(1, 2, 4, 8, 16, 32, 48))
    timeout_seconds = 130.0
    pace = Pace(requests=10)
    own_hosts = ("smartrecruiters.com",)

    def __init__(
        self, *, credentials: Mapping[str, str], base_url: str | None = None, limiter: Limiter | None = None
    ) -> None:
        super().__init__(credentials=credentials, base_url=base_url, limiter=limiter)
        self._has_processes = False
        self._told_stages: set[str] = set()
        self._has_read_all = False  # applications, in a full sync
        self._reread: set[str] = set()  # ids of those read in an incremental one
        self._has_history_gap = False
        self._refusal: MissingPermission | None = None  # of interviews

    def build_auth(self) -> Auth:
        return FixedHeader("X-SmartToken", self.settings["api_key"])

    def check(self) -> None:
        self._page(USERS_PATH, {"limit": 1})

    def fetch_users(self, window: Window) -> Iterator[Fetched]:
        for page in self._pages(USERS_PATH, window):
            yield from read_each(page, mapping.user, "RemoteUser")

    def fetch_job_interview_stages(self, window: Window) -> Iterator[Fetched]:
        processes: list[Any] = []
        try:
            processes = self._page(PROCESSES_PATH).content
        except MissingPermission as error:
            yield Gap(reason=str(error))
        self._has_processes = True
        self._told_stages.clear()
        yield from self._untold(mapping.statuses())
        for process in processes:
            try:
                stages = list(mapping.stages(process))
            except UNREADABLE as error:
                yield unreadable(process, "JobInterviewStage", error)
            else:
                yield from self._untold(stages)

    def fetch_applications(self, window: Window) -> Iterator[Fetched]:
        for page in self._pages(CANDIDATES_PATH, window):
            assignments: list[Assignment] = []
            for candidate in page:
                try:
                    assignments += mapping.assignments(candidate)
                except UNREADABLE as error:
                    yield from _unidentified(candidate, error)
            for found in in_parallel(self._find, assignments, workers=WORKERS):
                if isinstance(found, Found) and not window.is_full:
                    self._reread.add(found.application_id)
                yield from self._tell(found, window)
        self._has_read_all = window.is_full

    def fetch_interviews(self, window: Window) -> Iterator[Fetched]:
        """Yield the interviews of applications that came with no candidate: in a full sync there are none.

        Those of closed applications are listed only where everything is asked for. Raises MissingPermission if those of
        an application could not be listed with it.
        """
        if self._refusal:
            raise self._refusal
        if self._has_read_all:
            return
        others = (
            application
            for application in window.stored.all_applications()
            if application.remote_id not in self._reread
            and (window.is_full or mapping.is_open(application.current_stage))
        )
        for application, interviews in in_parallel(self._find_interviews, others, workers=WORKERS):
            yield from _interviews(
                interviews,
                application_id=application.remote_id,
                current_stage=application.current_stage,
                history=_stored_history(application),
            )

    def refetch(self, hint: Hint, window: Window) -> Iterable[Fetched]:
        if hint.subject is not Subject.APPLICATION or not hint.remote_id:
            return super().refetch(hint, window)
        assignment = self._assignment(hint.remote_id, window)
        return self._tell(self._find(assignment), window) if assignment else ()

    def _tell(self, found: Found | Sequence[Unreadable], window: Window) -> Iterator[Fetched]:
        """Yield an application, the stages that only it tells of, and all its interviews."""
        if not isinstance(found, Found):
            yield from found
            return
        if found.history_gap and not self._has_history_gap:
            self._has_history_gap = True
            yield Gap(reason=found.history_gap)
        payload, history = found.application, found.history
        try:
            record = mapping.application(payload, found.assignment, history)
            stages = list(mapping.stages_met(payload, history))
        except UNREADABLE as error:
            yield unreadable(payload, "Application", error, id_key="applicationId")
            current_stage = None
        else:
            yield from self._unknown(list(self._untold(stages)), window)
            yield record
            current_stage = record.current_stage
        if isinstance(found.interviews, MissingPermission):
            self._refusal = found.interviews
            return
        yield from _interviews(
            found.interviews, application_id=found.application_id, current_stage=current_stage, history=history
        )

    def _untold(self, stages: Iterable[JobInterviewStageRecord]) -> Iterator[JobInterviewStageRecord]:
        for stage in stages:
            if stage.remote_id not in self._told_stages:
                self._told_stages.add(stage.remote_id)
                yield stage

    def _unknown(self, stages: Sequence[JobInterviewStageRecord], window: Window) -> Iterable[JobInterviewStageRecord]:
        """Leave out stages that we have already, unless the hiring processes were asked: they say more of them."""
        if self._has_processes or not stages:
            return stages
        known = window.stored.known("JobInterviewStage", [stage.remote_id for stage in stages])
        return [stage for stage in stages if stage.remote_id not in known]

    # What follows may run in several threads at a time.

    def _find(self, assignment: Assignment) -> Found | Sequence[Unreadable]:
        """Return all about an application, nothing if it is gone."""
        try:
            payload = self.session.get(self.base_url + assignment.path).json()
        except NotFound:
            return ()
        try:
            application_id = remote_id(payload["applicationId"])
        except UNREADABLE as error:
            return _unidentified(payload, error)
        history: list[Any] = []
        history_gap = None
        try:
            history = self._list_of_one(assignment.path + HISTORY_SUFFIX)
        except MissingPermission as error:
            history_gap = str(error)
        interviews: list[Any] | MissingPermission
        try:
            interviews = self._list_of_one(INTERVIEWS_PATH, {"applicationId": application_id})
        except MissingPermission as error:
            interviews = error
        return Found(
            assignment=assignment,
            application_id=application_id,
            application=payload,
            history=history,
            history_gap=history_gap,
            interviews=interviews,
        )

    def _find_interviews(self, application: StoredApplication) -> tuple[StoredApplication, list[Any]]:
        return application, self._list_of_one(INTERVIEWS_PATH, {"applicationId": application.remote_id})

    def _assignment(self, application_id: str, window: Window) -> Assignment | None:
        stored = window.stored.applications([application_id]).get(application_id)
        if stored and stored.candidate and stored.job:
            return Assignment(stored.candidate, stored.job)
        path = f"{APPLICATIONS_PATH}/{quote(application_id, safe='')}"
        try:
            payload = self.session.get(self.base_url + path).json()
        except NotFound:
            return None
        try:
            return Assignment(remote_id(payload["profileId"]), remote_id(payload["jobId"]))
        except UNREADABLE as error:
            raise UnexpectedAnswer(f"GET {path}: answered without a candidate and a job") from error

    def _pages(self, path: str, window: Window) -> Iterator[list[Any]]:
        """Yield the payloads of each page. No order is promised."""
        params: Parameters = {"limit": MAX_PER_PAGE}
        if window.since:
            params = {**params, "updatedAfter": _iso(window.since - OVERLAP)}

        return follow_cursor(
            lambda page_id: self._page(path, {**params, "pageId": page_id} if page_id else params), name=f"GET {path}"
        )

    def _list_of_one(self, path: str, params: Parameters | None = None) -> list[Any]:
        """Return what is listed for one thing: nothing if that is gone."""
        try:
            return self._page(path, params).content
        except NotFound:
            return []

    def _page(self, path: str, params: Parameters | None = None) -> Page:
        answer = self.session.get(self.base_url + path, params)
        payload = answer.json()
        if not isinstance(payload, dict) or not isinstance(payload.get("content"), list):
            raise UnexpectedAnswer(f"{answer.request}: answered with something other than a list")
        return Page(payload["content"], text(payload.get("nextPageId")))


def _interviews(
    payloads: Iterable[Any], *, application_id: str, current_stage: str | None, history: Sequence[Any]
) -> Iterator[Fetched]:
    """Yield all interviews of an application, and that these are all."""
    ids: set[str | None] = set()
    for payload in payloads:
        for timeslot in mapping.timeslots(payload):
            one: Fetched
            try:
                one = mapping.interview(
                    payload, timeslot, application_id=application_id, current_stage=current_stage, history=history
                )
            except UNREADABLE as error:
                one = unreadable(payload if timeslot is None else timeslot, "ScheduledInterview", error)
            ids.add(one.remote_id)
            yield one
    if None not in ids:  # else one of those that we hold may be the one that does not say who it is
        yield Whole(group=application_id, remote_ids=frozenset(one for one in ids if one))


def _unidentified(payload: Any, error: Exception) -> Sequence[Unreadable]:
    """Say that neither an application nor its interviews can be read: nobody knows which."""
    return [
        unreadable(payload, model_name, error, id_key="applicationId")
        for model_name in ("Application", "ScheduledInterview")
    ]


def _stored_history(application: StoredApplication) -> Sequence[Any]:
    return next((data for path, data in application.originals.items() if path.endswith(HISTORY_SUFFIX)), ())


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
