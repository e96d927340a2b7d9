"""Lever: what it is, and how it is read. https://hire.lever.co/developer/documentation"""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from connectors.auth import BasicAuth
from connectors.base import (
    UNREADABLE,
    Connector,
    Credential,
    Deletions,
    ModelSupport,
    Window,
    fields_of,
    read_each,
    unreadable,
)
from connectors.creation import (
    Creation,
    FieldProblem,
    InterviewDraft,
    Parameter,
    StoredInterview,
    WrittenInterview,
)
from connectors.errors import ConnectorError, MissingPermission, NotFound, UnexpectedAnswer
from connectors.http import Answer, Auth, Parameters, Retries, Session, judge_by_status
from connectors.pace import Limiter, Pace
from connectors.parallel import in_parallel
from connectors.platforms.lever import mapping
from connectors.platforms.lever.lists import Page, UnreadableOffset, all_rows, is_unreadable_offset, pages
from connectors.platforms.lever.mapping import ArchiveReasons
from connectors.platforms.lever.webhooks import LeverWebhooks
from connectors.platforms.lever.writing import REMINDERS, Writer
from connectors.records import (
    ApplicationRecord,
    Checkpoint,
    Fetched,
    Gap,
    Gone,
    Kept,
    Record,
    Resumed,
    Unreadable,
    Whole,
)
from connectors.values import EPOCH, remote_id, utc_time
from connectors.webhooks import Hint, Subject

WORKERS = 8
# A record that is written while a window is read can be missing from it.
OVERLAP = timedelta(minutes=5)
# How old an interrupted walk may be to go on with it.
MAX_INTERRUPTION = timedelta(days=1)
# Nobody documents that planning an interview moves `updatedAt` of its opportunity: those with interviews about now are
# read again in any case.
REREAD_AFTER_START = timedelta(days=14)
MAX_REREAD = 500

ABOUT = (
    Parameter(name="subject", description="What the interview is called."),
    Parameter(name="note", description="What the interviewers should know."),
    Parameter(
        name="feedback_reminder",
        description="How often interviewers are reminded of their feedback.",
        choices=REMINDERS,
        aliases=("feedbackReminder",),
    ),
)


class LeverConnector(Connector):
    """Data API v1: basic auth with the key as user name, pages by opaque tokens.

    Interviews are only listed by opportunity, so they come along with those. Confidential ones are not asked for.
    """

    slug, name, color = "lever", "Lever", "#1e7f74"
    default_base_url = "https://api.lever.co/v1"
    documentation_url = "https://hire.lever.co/developer/documentation"
    interface = (
        "Data API v1 with an API key. An opportunity is an application, and interviews are listed by opportunity. "
        "Confidential ones are not read."
    )
    setup = (
        "Settings, Integrations and API, API credentials: create a Lever API key that may list users, stages, archive "
        "reasons, opportunities, interviews and deleted opportunities; and create panels, and update and delete "
        "interviews, if those are to be written. Accounts in the EU have the base URL https://api.eu.lever.co/v1, "
        "sandboxes https://api.sandbox.lever.co/v1."
    )
    own_hosts = ("lever.co",)
    pace = Pace(requests=10, seconds=1, burst=20)
    # Where nobody keeps the pace for us, the workers share what Lever grants: one can come late five times in a row.
    retries = Retries(backoff_seconds=(1, 2, 4, 8, 16), rate_limit_seconds=(1, 2, 4, 8, 16), max_rate_limit_waits=10)
    credentials = (
        Credential(
            name="api_key",
            label="API key",
            help_text="Made under Settings, Integrations and API, API credentials.",
        ),
        Credential(
            name="webhook_secret",
            label="Signature token of webhooks",
            help_text="Shown beside each webhook under Settings, Integrations and API, Webhooks.",
            required=False,
        ),
    )
    models = {
        "RemoteUser": ModelSupport(
            fields=frozenset({"first_name", "last_name", "email", "disabled", "remote_created_at", "access_role"}),
            is_incremental=False,
            deletions=Deletions.NEVER,
        ),
        "JobInterviewStage": ModelSupport(
            fields=frozenset({"name", "stage_order"}), is_incremental=False, deletions=Deletions.EVERY_SYNC
        ),
        "Application": ModelSupport(fields=fields_of(ApplicationRecord)),
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
    webhooks = LeverWebhooks()

    # https://hire.lever.co/developer/documentation#create-a-panel, …#update-an-interview
    creations = {
        "ScheduledInterview": Creation(
            fields={
                "application": "The opportunity; its current stage becomes that of the interview.",
                "interviewers": "At least one.",
                "location": "A room, a telephone number or a link.",
                "start_at": "When it starts.",
                "end_at": "When it ends, whole minutes after its start.",
            },
            required=frozenset({"application", "interviewers", "start_at", "end_at"}),
            integration_params=(
                Parameter(
                    name="timezone",
                    description="In which time zone times are shown, an IANA name such as Europe/Berlin.",
                    required=True,
                ),
                *ABOUT,
            ),
            remote_user_id_required=True,
        )
    }
    # Only of panels that were made through the API, not in Lever itself.
    updates = {
        "ScheduledInterview": Creation(
            fields={
                "interviewers": "All interviewers. Guests stay, and so do feedback forms.",
                "location": "A room, a telephone number or a link.",
                "start_at": "When it starts.",
                "end_at": "When it ends, whole minutes after its start.",
            },
            integration_params=ABOUT,
            remote_user_id_required=True,
        )
    }
    cancels_interviews = True

    def __init__(
        self, *, credentials: Mapping[str, str], base_url: str | None = None, limiter: Limiter | None = None
    ) -> None:
        super().__init__(credentials=credentials, base_url=base_url, limiter=limiter)
        self.writer = Writer(self.session, self.base_url)
        self._walked: Window | None = None  # what the opportunities have been read for, with their interviews,
        self._resumed_at: datetime | None = None  # since when, if that went on with an interrupted walk,
        self._failure: ConnectorError | None = None  # why they could not be,
        self._denial: MissingPermission | None = None  # and why interviews could not
        self._reread: set[str] = set()  # the opportunities of an incremental walk

    def build_auth(self) -> Auth:
        return BasicAuth(self.settings["api_key"])

    @staticmethod
    def judge(session: Session, answer: Answer) -> ConnectorError | None:
        if is_unreadable_offset(answer):
            return UnreadableOffset(session.describe(answer))
        return judge_by_status(session, answer)

    def check(self) -> None:
        self.session.get(f"{self.base_url}/users", {"limit": 1})

    def fetch_users(self, window: Window) -> Iterator[Fetched]:
        # Who has left is hidden unless asked for, yet sits on old interviews.
        for page in self._pages("/users", {"includeDeactivated": "true"}):
            yield from read_each(page.rows, mapping.user, "RemoteUser")

    def fetch_job_interview_stages(self, window: Window) -> Iterator[Fetched]:
        for page in self._pages("/stages"):
            for order, row in enumerate(page.rows, page.first):
                yield from read_each([row], partial(mapping.stage, order=order), "JobInterviewStage")

    def fetch_applications(self, window: Window) -> Iterator[Fetched]:
        try:
            yield from self._walk(window)
        except ConnectorError as error:
            self._failure = error
            raise

    def fetch_interviews(self, window: Window) -> Iterator[Fetched]:
        """Yield what did not come along with applications.

        Those were read for another window where the last sync got one of the two models only.
        """
        if self._failure:
            raise self._failure
        if not self._has_walked(window):
            yield from self._walk(window)
        elif window.is_full and self._resumed_at:
            yield Resumed(started_at=self._resumed_at)
        if not window.is_full:
            after = window.started_at - REREAD_AFTER_START
            planned = window.stored.applications_to_interview(after=after, limit=MAX_REREAD)
            yield from self._interviews_of([one for one in planned if one not in self._reread])
        if self._denial:
            raise self._denial

    def refetch(self, hint: Hint, window: Window) -> Iterator[Fetched]:
        if hint.subject is not Subject.APPLICATION or hint.remote_id is None:
            yield from super().refetch(hint, window)
            return
        try:
            answer = self.session.get(self._opportunity_url(hint.remote_id), {"expand": "applications"})
        except NotFound:
            yield from _gone(hint.remote_id)
            return
        body = answer.json()
        row = body.get("data") if isinstance(body, dict) else None
        if not isinstance(row, dict):
            raise UnexpectedAnswer(f"{answer.request}: answered without an opportunity")
        archive_reasons = (yield from self._archive_reasons()) if row.get("archived") else {}
        yield from self._opportunities([row], archive_reasons)
        if self._denial:
            raise self._denial

    def problems_of(self, draft: InterviewDraft) -> Iterator[FieldProblem]:
        return self.writer.problems_of(draft)

    def create_interview(self, draft: InterviewDraft) -> WrittenInterview:
        return self.writer.create(draft)

    def update_interview(self, interview: StoredInterview, draft: InterviewDraft) -> WrittenInterview:
        return self.writer.update(interview, draft)

    def cancel_interview(self, interview: StoredInterview, *, acting_user: str | None) -> tuple[Fetched, ...]:
        return self.writer.cancel(interview, acting_user=acting_user)

    def _walk(self, window: Window) -> Iterator[Fetched]:
        """Yield opportunities with their interviews, and what was deleted, as far as the window goes.

        A walk through everything takes long: it goes on where the last one was interrupted.
        """
        archive_reasons = yield from self._archive_reasons()
        params: Parameters = {"expand": "applications"}
        if since := _changed_since(window):
            params = {**params, "updated_at_start": since}
        offset, begun_at = _interrupted(window)
        for number, page in enumerate(self._pages("/opportunities", params, start=offset)):
            if number == 0 and page.is_continued:
                self._resumed_at = begun_at
                yield Resumed(started_at=begun_at)
            elif number == 0:
                begun_at = window.started_at
            yield from self._opportunities(page.rows, archive_reasons)
            if not window.is_full:
                self._reread.update(_ids(page.rows))
            elif page.next and not self._denial:
                yield Checkpoint(state={"offset": page.next, "started_at": begun_at.isoformat()})
        if since:
            yield from self._deleted(since)
        self._walked = window
        yield Checkpoint(state={})

    def _has_walked(self, window: Window) -> bool:
        if self._walked is None or self._walked.since is None:
            return self._walked is not None
        return window.since is not None and self._walked.since <= window.since

    def _deleted(self, since: int) -> Iterator[Fetched]:
        for page in self._pages("/opportunities/deleted", {"deleted_at_start": since}):
            for row in page.rows:
                try:
                    opportunity_id = remote_id(row["id"])
                except UNREADABLE as error:
                    yield unreadable(row, "Application", error)
                else:
                    yield from _gone(opportunity_id)

    def _opportunities(self, rows: Sequence[Any], archive_reasons: ArchiveReasons) -> Iterator[Fetched]:
        yield from read_each(rows, partial(mapping.application, archive_reasons=archive_reasons), "Application")
        yield from self._interviews_of(_ids(rows))

    def _interviews_of(self, opportunity_ids: Sequence[str]) -> Iterator[Fetched]:
        """Yield the interviews of each opportunity, where they can be had."""
        lists = in_parallel(self._list_interviews, opportunity_ids, workers=WORKERS)
        for opportunity_id, rows in zip(opportunity_ids, lists, strict=True):
            if rows is None:
                yield Kept(group=opportunity_id)
                continue
            read = partial(mapping.interview, opportunity_id=opportunity_id)
            interview_ids = []
            for one in read_each(rows, read, "ScheduledInterview"):
                if isinstance(one, Record | Unreadable):
                    interview_ids.append(one.remote_id)
                yield one
            known = frozenset(filter(None, interview_ids))
            if len(known) == len(set(interview_ids)):  # else there is one that nobody can tell the id of
                yield Whole(group=opportunity_id, remote_ids=known)

    def _list_interviews(self, opportunity_id: str) -> list[Any] | None:
        """Return None for what was deleted, or became confidential, after it was listed. For any thread."""
        if self._denial:
            return None
        try:
            return all_rows(self.session, f"{self._opportunity_url(opportunity_id)}/interviews")
        except NotFound:
            return None
        except MissingPermission as error:
            self._denial = error
            return None

    def _archive_reasons(self) -> Generator[Gap, None, ArchiveReasons]:
        # Not to be done without: they tell who was hired from who was rejected.
        archive_reasons = {}
        for page in self._pages("/archive_reasons"):
            for row in page.rows:
                try:
                    reason_id, archive_reason = mapping.archive_reason(row)
                except UNREADABLE as error:
                    yield Gap(reason=f"GET /archive_reasons: an entry cannot be read: {error}")
                else:
                    archive_reasons[reason_id] = archive_reason
        return archive_reasons

    def _pages(self, path: str, params: Parameters | None = None, *, start: str | None = None) -> Iterator[Page]:
        return pages(self.session, self.base_url + path, params, start=start)

    def _opportunity_url(self, opportunity_id: str) -> str:
        return f"{self.base_url}/opportunities/{quote(opportunity_id, safe='')}"


def _changed_since(window: Window) -> int | None:
    return (window.since - OVERLAP - EPOCH) // timedelta(milliseconds=1) if window.since else None


def _interrupted(window: Window) -> tuple[str | None, datetime]:
    """Return the token of a walk that was interrupted lately, and when that began; no token if there is none."""
    if window.is_full:
        with suppress(*UNREADABLE):
            begun_at = utc_time(window.state["started_at"])
            if begun_at and window.started_at - begun_at < MAX_INTERRUPTION:
                return window.state["offset"], begun_at
    return None, window.started_at


def _gone(opportunity_id: str) -> tuple[Gone, Whole]:
    return Gone(model_name="Application", remote_id=opportunity_id), Whole(group=opportunity_id, remote_ids=frozenset())


def _ids(rows: Collection[Any]) -> list[str]:
    """Return the ids of those rows that have one; the others are reported where they are read."""
    ids = []
    for row in rows:
        with suppress(*UNREADABLE):
            ids.append(remote_id(row["id"]))
    return ids
