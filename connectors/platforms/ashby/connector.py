"""Ashby: remote procedure calls over POST, sync tokens in place of times."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from connectors.auth import BasicAuth
from connectors.base import UNREADABLE, Connector, Credential, ModelSupport, Window, fields_of, read_each, unreadable
from connectors.errors import ChangesUnknown, NotFound, UnexpectedAnswer
from connectors.http import Answer, Auth, Retries
from connectors.pace import Limiter, Pace
from connectors.pagination import follow_cursor
from connectors.platforms.ashby import answers, mapping
from connectors.platforms.ashby.answers import Page
from connectors.platforms.ashby.webhooks import AshbyWebhooks
from connectors.records import ApplicationRecord, Checkpoint, Fetched, Gap, Record, Whole
from connectors.values import remote_id

logger = logging.getLogger(__name__)

VERSION = "2026-01-01"
MAX_PER_PAGE = 100


class AshbyConnector(Connector):
    """https://developers.ashbyhq.com/reference/authentication, https://developers.ashbyhq.com/reference/versioning"""

    slug, name, color = "ashby", "Ashby", "#4b3fc4"
    default_base_url = "https://api.ashbyhq.com"
    documentation_url = "https://developers.ashbyhq.com"
    interface = "Ashby's API with an API key. What changed is asked for by sync tokens, in place of times."
    setup = (
        "Admin, Integrations, API Keys: create a key that may read candidates (candidatesRead), interviews "
        "(interviewsRead) and the organization (organizationRead). Confidential jobs and their interviews are missing "
        "unless the key is given access to them."
    )
    own_hosts = ("ashbyhq.com",)
    headers = {"Accept": "application/json; version=1", "Ashby-Version": VERSION}
    retries = Retries(rate_limit_seconds=(5.0,), max_rate_limit_waits=4)
    pace = Pace(requests=1000, seconds=60, burst=50)  # https://docs.ashbyhq.com/how-do-i-generate-an-api-key
    webhooks = AshbyWebhooks()
    keeps_unknown_references = False
    credentials = (
        Credential(name="api_key", label="API key", help_text="Made under Admin, Integrations, API Keys."),
        Credential(
            name=AshbyWebhooks.secret_name,
            label="Secret token of the webhooks",
            help_text="The one that was entered in Ashby with our address.",
            required=False,
        ),
    )
    models = {
        "RemoteUser": ModelSupport(fields=frozenset({"first_name", "last_name", "email", "disabled", "access_role"})),
        "JobInterviewStage": ModelSupport(
            fields=frozenset({"name", "stage_order"}),
            is_incremental=False,
            told_by=frozenset({"Application", "ScheduledInterview"}),
        ),
        "Application": ModelSupport(fields=fields_of(ApplicationRecord)),
        "ScheduledInterview": ModelSupport(
            fields=frozenset(
                {
                    "application",
                    "job_interview_stage",
                    "interviewers",
                    "start_at",
                    "end_at",
                    "remote_created_at",
                    "status",
                }
            )
        ),
    }

    judge = staticmethod(answers.judge)

    def __init__(
        self, *, credentials: Mapping[str, str], base_url: str | None = None, limiter: Limiter | None = None
    ) -> None:
        super().__init__(credentials=credentials, base_url=base_url, limiter=limiter)
        self._met_stages: set[str] = set()  # by id: handed back in this sync,
        self._lost_stages: set[str] = set()  # or found to be nowhere
        self._started_over: set[str] = set()  # calls whose listing had to be
        self._is_warned = False

    def build_auth(self) -> Auth:
        return BasicAuth(self.settings["api_key"])

    def check(self) -> None:
        self._call("user.list", {"limit": 1})

    def fetch_users(self, window: Window) -> Iterator[Fetched]:
        return self._changes(
            window,
            "user.list",
            lambda users: read_each(users, mapping.user, "RemoteUser"),
            {"includeDeactivated": True},
        )

    def fetch_job_interview_stages(self, window: Window) -> Iterator[Fetched]:
        for page in self._pages("interviewPlan.list", {"includeArchived": True}):
            for plan in page.results:
                yield from self._stages_of(plan)

    def fetch_applications(self, window: Window) -> Iterator[Fetched]:
        return self._changes(window, "application.list", self._read_applications)

    def fetch_interviews(self, window: Window) -> Iterator[Fetched]:
        def read(schedules: list[Any]) -> Iterator[Fetched]:
            yield from self._missing_stages(window, schedules)
            for schedule in schedules:
                yield from self._interviews_of(schedule)

        return self._changes(window, "interviewSchedule.list", read)

    def _stages_of(self, plan: Any) -> Iterator[Fetched]:
        try:
            body = {"interviewPlanId": remote_id(plan["id"])}
        except UNREADABLE as error:
            yield unreadable(None, "JobInterviewStage", error)
            return
        try:
            page = answers.read_page(self._call("interviewStage.list", body))
        except NotFound as error:  # since the plans were listed
            yield Gap(reason=str(error))
        else:
            yield from self._new_stages(page.results, "/interviewStage.list")

    def _read_applications(self, applications: list[Any]) -> Iterator[Fetched]:
        """Draft plans are not listed: of their stages, only applications tell."""
        current = [one.get("currentInterviewStage") for one in applications if isinstance(one, Mapping)]
        yield from self._new_stages(filter(None, current), "/application.list")
        yield from read_each(applications, mapping.application, "Application")

    def _missing_stages(self, window: Window, schedules: list[Any]) -> Iterator[Fetched]:
        missing = set(_ids(schedules, "interviewStageId")) - self._met_stages - self._lost_stages
        if missing:
            missing -= window.stored.known("JobInterviewStage", missing)
        for stage_id in sorted(missing):
            try:
                answer = self._call("interviewStage.info", {"interviewStageId": stage_id})
            except NotFound:
                self._lost_stages.add(stage_id)
            else:
                yield from self._new_stages([answer.json().get("results")], "/interviewStage.info")
                self._met_stages.add(stage_id)

    def _new_stages(self, payloads: Iterable[Any], path: str) -> Iterator[Fetched]:
        """Yield stages that have not been met yet: where several calls tell of one, the first is right."""
        for stage in read_each(payloads, partial(mapping.stage, path=path), "JobInterviewStage"):
            if not isinstance(stage, Record):
                yield stage
            elif stage.remote_id not in self._met_stages:
                self._met_stages.add(stage.remote_id)
                yield stage

    def _interviews_of(self, schedule: Any) -> Iterator[Fetched]:
        """Yield a schedule's events, and that these are all it has: a cancelled one is no longer there."""
        path = "/interviewSchedule.list"
        try:
            schedule_id = remote_id(schedule["id"])
            events = schedule.get("interviewEvents")
            if events is None:
                path = "/interviewEvent.list"
                pages = self._pages("interviewEvent.list", {"interviewScheduleId": schedule_id})
                events = [event for page in pages for event in page.results]
            elif not isinstance(events, list):
                raise TypeError(f"schedule {schedule_id}: interviewEvents is no list")
        except UNREADABLE as error:
            yield unreadable(None, "ScheduledInterview", error)
            return
        except NotFound as error:  # since the schedules were listed
            yield Gap(reason=str(error))
            return
        bare = {key: value for key, value in schedule.items() if key != "interviewEvents"}

        def read(event: Any) -> Record:
            interview = mapping.interview(event, schedule=bare, path=path)
            # We may hold the stage still: it is marked as deleted only when all has been listed.
            is_lost = interview.job_interview_stage in self._lost_stages
            return replace(interview, job_interview_stage=None) if is_lost else interview

        ids: list[Any] = []
        for interview in read_each(events, read, "ScheduledInterview"):
            ids.append(getattr(interview, "remote_id", None))
            yield interview
        if None not in ids:
            yield Whole(group=schedule_id, remote_ids=frozenset(ids))

    def _changes(
        self,
        window: Window,
        method: str,
        read: Callable[[list[Any]], Iterator[Fetched]],
        body: Mapping[str, Any] | None = None,
    ) -> Iterator[Fetched]:
        """Yield what `read` makes of the results, and the token to ask for later changes with."""
        token = None
        if not window.is_full:
            token = window.state.get("sync_token")
            if not token:
                raise ChangesUnknown(f"POST /{method}: the last listing ended without a sync token")
        for page in self._pages(method, body or {}, sync_token=token):
            yield from read(page.results)
            if page.sync_token:
                yield Checkpoint(state={"sync_token": page.sync_token})

    def _pages(self, method: str, body: Mapping[str, Any], *, sync_token: str | None = None) -> Iterator[Page]:
        """Walk through a listing. One whose cursor gets lost is begun anew, once in a sync, so that pages come again.

        Raises ChangesUnknown if `sync_token`, or a cursor under it, is refused.
        """
        body = {**body, "limit": MAX_PER_PAGE, **({"syncToken": sync_token} if sync_token else {})}

        def fetch(cursor: str | None) -> tuple[Page, str | None]:
            page = answers.read_page(self._call(method, {**body, "cursor": cursor} if cursor else body))
            return page, page.next_cursor

        while True:
            try:
                yield from follow_cursor(fetch, name=f"POST /{method}")
            except ChangesUnknown as error:
                if method in self._started_over:
                    raise UnexpectedAnswer(f"{error} (again)") from error
                self._started_over.add(method)
                if sync_token:
                    raise
            else:
                return

    def _call(self, method: str, body: Mapping[str, Any]) -> Answer:
        answer = self.session.send("POST", f"{self.base_url}/{method}", json=body, idempotent=True)
        status = answer.headers.get("Ashby-Version-Status", "active")
        if status != "active" and not self._is_warned:
            self._is_warned = True
            logger.warning("Ashby calls version %s of its interface %s", VERSION, self.session.printable(status))
        self.session.raise_for_status(answer)  # only now: an unsupported version is refused
        return answer


def _ids(payloads: Iterable[Any], key: str) -> Iterator[str]:
    """Yield the ids that can be read; the others are reported where they are mapped."""
    for payload in payloads:
        with suppress(*UNREADABLE):
            yield remote_id(payload[key])
