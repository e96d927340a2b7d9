"""Recruitee: everything is listed anew in each sync, as no listing can be asked for what changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote

from connectors.auth import FixedHeader
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
from connectors.errors import BadCredentials, ConnectorError, MissingPermission, UnexpectedAnswer
from connectors.http import Answer, Auth, Parameters, Retries, Session, judge_by_status
from connectors.pagination import count_pages
from connectors.parallel import in_parallel
from connectors.platforms.recruitee import mapping
from connectors.platforms.recruitee.answers import problem
from connectors.platforms.recruitee.mapping import Pair, Payload
from connectors.platforms.recruitee.webhooks import RecruiteeWebhooks
from connectors.platforms.recruitee.writing import Writer
from connectors.records import ApplicationRecord, Fetched, Record, Unreadable
from connectors.values import remote_id

LIMIT = 1000  # rows in one page, which is the most
MAX_CALLS_AT_A_TIME = 4

# An interview that begins while they are listed moves from the first to the second: it may come twice, but not never.
EVENT_STATUSES = ("upcoming", "past_due")

FIELDS = {
    "job_interview_stage": "The stage that it belongs to.",
    "interviewers": "Who takes part of the company; may be nobody.",
    "location": "Where it is held. Recruitee has it, but interviews are shown without it.",
    "start_at": "When it starts.",
    "end_at": "When it ends, whole minutes after its start.",
}
NOTES = (
    Parameter(name="note", description="What the interviewers should know."),
    Parameter(name="public_note", description="What the candidate should know."),
)
KIND, TIMEZONE = (
    "What sort of event it is: interview (on site), phone, video, other, or what else Recruitee knows.",
    "In which time zone times are shown, an IANA name such as Europe/Amsterdam.",
)

MENTIONED = frozenset({"Application", "ScheduledInterview"})  # their listings describe people and stages as well


class RecruiteeConnector(Connector):
    """The interface of Recruitee's own web application, with somebody's personal token.

    Its lists of people and of pipeline templates leave out who left and what was deleted. The `references` of other
    listings still describe those: they come along with the records that refer to them.
    """

    slug, name, color = "recruitee", "Recruitee", "#1f5eff"
    default_base_url = "https://api.recruitee.com"
    documentation_url = "https://apidocs.recruitee.com"
    interface = "The interface of Recruitee's own web application, with somebody's personal API token."
    setup = (
        "Settings, Apps and plugins, Personal API tokens: create a token as an administrator. It shows what its owner "
        "may see; what other roles may not see is missing without a word. What is written is in the owner's name."
    )
    own_hosts = ("recruitee.com",)
    retries = Retries(backoff_seconds=(1, 2, 4, 8), rate_limit_seconds=(5,))
    credentials = (
        Credential(
            name="company_id",
            label="Company ID",
            help_text='The number, or the subdomain alone: "acme", not "acme.recruitee.com".',
            secret=False,
        ),
        Credential(name="api_token", label="Personal API token", help_text="Of an administrator."),
        Credential(
            name="webhook_secret",
            label="Webhook secret",
            help_text="Shown where the webhook is set up.",
            required=False,
        ),
    )
    models = {
        "RemoteUser": ModelSupport(
            fields=frozenset({"first_name", "last_name", "email", "disabled"}),
            is_incremental=False,
            deletions=Deletions.EVERY_SYNC,
            told_by=MENTIONED,
        ),
        "JobInterviewStage": ModelSupport(
            fields=frozenset({"name", "stage_order"}),
            is_incremental=False,
            deletions=Deletions.EVERY_SYNC,
            told_by=MENTIONED,
        ),
        "Application": ModelSupport(
            fields=fields_of(ApplicationRecord),
            is_incremental=False,
            deletions=Deletions.EVERY_SYNC,
        ),
        "ScheduledInterview": ModelSupport(
            fields=frozenset(
                {
                    "application",
                    "job_interview_stage",
                    "organizer",
                    "interviewers",
                    "start_at",
                    "end_at",
                    "remote_created_at",
                    "remote_updated_at",
                }
            ),
            is_incremental=False,
            deletions=Deletions.EVERY_SYNC,
        ),
    }
    webhooks = RecruiteeWebhooks()
    # https://www.rubydoc.info/gems/recruitee/Recruitee/API/InterviewEvents
    creations = {
        "ScheduledInterview": Creation(
            fields={"application": "The newest placement of a candidate on an offer.", **FIELDS},
            required=frozenset({"application", "start_at", "end_at"}),
            integration_params=(
                Parameter(name="kind", description=KIND, required=True),
                Parameter(name="timezone", description=TIMEZONE, required=True),
                *NOTES,
            ),
        )
    }
    updates = {
        "ScheduledInterview": Creation(
            fields=FIELDS,
            integration_params=(
                Parameter(name="kind", description=KIND),
                Parameter(name="timezone", description=TIMEZONE),
                *NOTES,
            ),
        )
    }
    cancels_interviews = True
    keeps_unknown_references = False
    deletions_need_all_listings = True

    def build_auth(self) -> Auth:
        return FixedHeader("Authorization", f"Bearer {self.settings['api_token']}")

    @staticmethod
    def judge(session: Session, answer: Answer) -> ConnectorError | None:
        """Return what is wrong with an answer, in Recruitee's words.

        A token that may not enter this company, or has not the right, never will: 403 takes another one.
        """
        error = judge_by_status(session, answer)
        if isinstance(error, MissingPermission):
            error = BadCredentials(str(error))
        if error and (words := problem(answer.body)):
            error.args = (f"{answer.request}: answered {answer.status}: {session.printable(words)}",)
        return error

    def check(self) -> None:
        self._rows("admins")

    def fetch_users(self, window: Window) -> Iterator[Fetched]:
        return self._noting("RemoteUser", read_each(self._rows("admins"), mapping.user, "RemoteUser"))

    def fetch_job_interview_stages(self, window: Window) -> Iterator[Fetched]:
        return self._noting("JobInterviewStage", self._stages())

    def fetch_applications(self, window: Window) -> Iterator[Fetched]:
        for candidates, references in self._pages(
            "candidates", "candidates", {}, counter="offset", first=0, step=LIMIT
        ):
            yield from self._mentioned(references)
            for candidate in candidates:
                yield from _applications(candidate)

    def fetch_interviews(self, window: Window) -> Iterator[Fetched]:
        for status in EVENT_STATUSES:
            params = {"status": status, "scope": "all"}
            for events, references in self._pages("interview/events", "interview_events", params, counter="page"):
                yield from self._mentioned(references)
                yield from _interviews(events, window)

    def problems_of(self, draft: InterviewDraft) -> Iterator[FieldProblem]:
        return self._writer.problems_of(draft)

    def create_interview(self, draft: InterviewDraft) -> WrittenInterview:
        return self._writer.create(draft)

    def update_interview(self, interview: StoredInterview, draft: InterviewDraft) -> WrittenInterview:
        return self._writer.update(interview, draft)

    def cancel_interview(self, interview: StoredInterview, *, acting_user: str | None) -> tuple[Fetched, ...]:
        return self._writer.cancel(interview)

    @cached_property
    def _writer(self) -> Writer:
        return Writer(self.session, self._company_url, events_of=self._events_of)

    @cached_property
    def _told(self) -> dict[str, set[str]]:
        """The ids that were told of so far, by model; none of a model whose own listing has not ended."""
        return {}

    def _stages(self) -> Iterator[Fetched]:
        templates = self._rows("pipeline_templates")
        try:
            ids = [remote_id(template["id"]) for template in templates]
        except UNREADABLE as error:
            raise UnexpectedAnswer("GET pipeline_templates: a template without an id") from error
        for template_id, stages in zip(ids, in_parallel(self._template, ids, workers=MAX_CALLS_AT_A_TIME), strict=True):
            for order, payload in enumerate(stages):
                read = partial(mapping.stage, order=order, path=f"/pipeline_templates/{template_id}")
                yield from read_each([payload], read, "JobInterviewStage")

    def _template(self, template_id: str) -> list[Any]:
        path = f"pipeline_templates/{quote(template_id, safe='')}"
        return _list(path, self._get(path).get("pipeline_template"), "stages")

    def _noting(self, model_name: str, listing: Iterable[Fetched]) -> Iterator[Fetched]:
        told: set[str] = set()
        for entry in listing:
            if isinstance(entry, Record | Unreadable) and entry.remote_id:
                told.add(entry.remote_id)
            yield entry
        self._told[model_name] = told

    def _mentioned(self, references: Sequence[Any]) -> Iterator[Fetched]:
        """Yield those whom only references describe, each once.

        Nobody where their own listing failed: whoever is described may then be in it.
        """
        for kind, (model_name, read) in mapping.REFERENCES.items():
            told = self._told.get(model_name)
            if told is None:
                continue
            payloads = (one for one in references if isinstance(one, Mapping) and one.get("type") == kind)
            for entry in read_each(payloads, read, model_name):
                if isinstance(entry, Record | Unreadable) and entry.remote_id not in told:
                    yield entry
                    if entry.remote_id:
                        told.add(entry.remote_id)

    def _pages(
        self, path: str, key: str, params: Parameters, *, counter: str, first: int = 1, step: int = 1
    ) -> Iterator[tuple[list[Any], list[Any]]]:
        """Yield the rows and the references of each page. Nothing tells the last one but that it is not full."""

        def fetch(number: int) -> tuple[tuple[list[Any], list[Any]], bool]:
            payload = self._get(path, {**params, "limit": LIMIT, counter: number})
            rows = _list(path, payload, key)
            references = _list(path, payload, "references") if payload.get("references") is not None else []
            return (rows, references), len(rows) >= LIMIT

        return count_pages(fetch, name=f"GET {path}", first=first, step=step)

    def _events_of(self, candidate_id: str) -> Iterator[Any]:
        for status in EVENT_STATUSES:
            params = {"status": status, "scope": "all", "candidate_id": candidate_id}
            for events, _ in self._pages("interview/events", "interview_events", params, counter="page"):
                yield from events

    @property
    def _company_url(self) -> str:
        return f"{self.base_url}/c/{quote(self.settings['company_id'], safe='')}"

    def _rows(self, path: str) -> list[Any]:
        return _list(path, self._get(path), path)

    def _get(self, path: str, params: Parameters | None = None) -> Payload:
        answer = self.session.get(f"{self._company_url}/{path}", params)
        payload = answer.json()
        if not isinstance(payload, Mapping):
            raise UnexpectedAnswer(f"{answer.request}: answered with something that is no object")
        return payload


def _applications(candidate: Any) -> Iterator[Fetched]:
    try:
        person = {key: value for key, value in candidate.items() if key != "placements"}
        placements = candidate.get("placements") or []
        if not isinstance(placements, list):
            raise TypeError(f"no list of placements: {placements!r}")
    except UNREADABLE as error:
        yield unreadable(None, "Application", error)  # the candidate's id would be that of no application
    else:
        yield from read_each(placements, partial(mapping.application, candidate=person), "Application")


def _interviews(events: Sequence[Any], window: Window) -> Iterator[Fetched]:
    pairs = set[Pair]()
    for event in events:
        with suppress(*UNREADABLE):
            if pair := mapping.pair(event):
                pairs.add(pair)
    placements = window.stored.applications_of(pairs) if pairs else {}
    return read_each(events, partial(mapping.interview, placements=placements), "ScheduledInterview")


def _list(path: str, payload: Any, key: str) -> list[Any]:
    """Return the rows of an answer. An answer without them is no empty one: everything would seem to be deleted."""
    rows = payload.get(key) if isinstance(payload, Mapping) else None
    if not isinstance(rows, list):
        raise UnexpectedAnswer(f"GET {path}: answered without a list of {key}")
    return rows
