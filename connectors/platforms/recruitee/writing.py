"""Creates, changes and cancels interviews, which Recruitee then invites to. It is done as the token's owner.

Which calls there are is known from https://www.rubydoc.info/gems/recruitee/Recruitee/API/InterviewEvents (an event is
made as a draft, and scheduled by a second call with an empty `interview_event`). Inferred: that an event takes the
fields that it shows, that `scheduled` tells the two states apart, and that a refusal names fields as it takes them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NoReturn
from urllib.parse import quote

from connectors.base import UNREADABLE, read_each
from connectors.creation import FieldProblem, InterviewDraft, StoredInterview, WrittenInterview
from connectors.errors import ConnectorError, InvalidField, NotFound, PlatformUnavailable, RateLimited, UnexpectedAnswer
from connectors.http import Answer, Session
from connectors.platforms.recruitee import mapping
from connectors.platforms.recruitee.answers import problem
from connectors.platforms.recruitee.mapping import Payload, Placements
from connectors.records import Fetched, Gone, ScheduledInterviewRecord
from connectors.stored import StoredApplication
from connectors.values import integer, optional_remote_id, remote_id, text, utc_time
from connectors.writing import (
    APPLICATION,
    END,
    TIMEZONE,
    look,
    minutes_between,
    missing,
    problems_of,
    refusal,
    send,
    unknown,
)

MODEL_NAME = ScheduledInterviewRecord.model_name
PARAMETERS = ("kind", "timezone", "note", "public_note")
POINTERS = {
    "candidate_id": APPLICATION,
    "offer_id": APPLICATION,
    "stage_id": "model/job_interview_stage",
    "admin_ids": "model/interviewers",
    "location": "model/location",
    "starts_at": "model/start_at",
    "duration": END,
    "timezone": TIMEZONE,
    "kind": "model/integration_params/kind",
}


class Writer:
    """Writes interviews of one company. `events_of` lists all events of a candidate, and maybe others."""

    def __init__(self, session: Session, company_url: str, *, events_of: Callable[[str], Iterable[Any]]) -> None:
        self.session = session
        self.company_url = company_url
        self.events_of = events_of

    def problems_of(self, draft: InterviewDraft) -> Iterator[FieldProblem]:
        yield from problems_of(draft, needed=("start_at", "end_at"))
        for name, ids in (("interviewers", draft.interviewers), ("job_interview_stage", [draft.job_interview_stage])):
            if any(one and not one.isdecimal() for one in ids):
                yield FieldProblem(
                    problem_type="INVALID_FIELD_CHOICE",
                    detail=f"{name}: Recruitee's ids are numbers.",
                    pointer=f"model/{name}",
                )

    def create(self, draft: InterviewDraft) -> WrittenInterview:
        """Make a draft, and schedule it. What cannot be scheduled is removed again.

        Nothing that Recruitee takes would mark a draft as ours: it is told from the events that were there before.
        """
        application = draft.application
        if application is None or not application.candidate or not application.job:
            raise InvalidField("An application of a candidate for a job is needed.", pointer=APPLICATION)
        if not draft.start_at or not draft.end_at:
            raise missing("start_at and end_at are required fields on model.", "model/start_at")
        fields = {
            "offer_id": int(application.job),
            **_given(draft),
            "starts_at": _iso(draft.start_at),
            "duration": minutes_between(draft.start_at, draft.end_at),
            "admin_ids": [int(user_id) for user_id in draft.interviewers],
        }
        fields = {name: value for name, value in fields.items() if value is not None}
        placements = self._placements(application)
        before = {event.get("id") for event in self.events_of(application.candidate)}
        event = self._make_draft(application, fields, before=before)
        scheduled = self._schedule(remote_id(event["id"]))
        return _written(scheduled, placements)

    def update(self, interview: StoredInterview, draft: InterviewDraft) -> WrittenInterview:
        fields = _given(draft) | self._times(interview, draft)
        if "interviewers" in draft.given:
            fields["admin_ids"] = [int(user_id) for user_id in draft.interviewers]
        if not fields:
            return _written(self._fetch(interview.remote_id), _placement(interview.application))
        answer = send(self.session, "PATCH", self._event_url(interview.remote_id), json={"interview_event": fields})
        if isinstance(answer, Answer) and (refused := self._refusal(answer)):
            raise refused
        event = _event(answer) if isinstance(answer, Answer) else answer
        if isinstance(event, ConnectorError):
            event = look(lambda: self._find_changed(interview.remote_id, fields), event)
        return _written(event, _placement(interview.application))

    def cancel(self, interview: StoredInterview) -> tuple[Fetched, ...]:
        if (failure := self._remove(interview.remote_id)) is not None:
            raise failure
        return (Gone(model_name=MODEL_NAME, remote_id=interview.remote_id),)

    def _placements(self, application: StoredApplication) -> Placements:
        """Return which placement the event will belong to: it names a candidate and an offer, and no placement.

        Raises InvalidField if that is another one than was asked for.
        """
        candidate_id, offer_id = str(application.candidate), str(application.job)
        path = f"candidates/{quote(candidate_id, safe='')}"
        try:
            body = self.session.get(f"{self.company_url}/{path}").json()
        except NotFound as error:
            raise InvalidField(str(error), pointer=APPLICATION) from error
        try:
            listed = [
                remote_id(one["id"])
                for one in body["candidate"].get("placements") or ()
                if optional_remote_id(one.get("offer_id")) == offer_id
            ]
            newest = max(listed, key=int, default=None)
        except UNREADABLE as error:
            raise UnexpectedAnswer(f"GET {path}: answered without a candidate") from error
        if newest != application.remote_id:
            detail = f"An interview would be of placement {newest}, the newest of the candidate on that offer."
            raise InvalidField(detail if newest else "The placement is not there any more.", pointer=APPLICATION)
        return _placement(application)

    def _make_draft(
        self, application: StoredApplication, fields: Mapping[str, Any], *, before: Collection[Any]
    ) -> Payload:
        url = f"{self.company_url}/interview/candidates/{quote(str(application.candidate), safe='')}/events"
        answer = send(self.session, "POST", url, json={"interview_event": fields})
        if isinstance(answer, Answer) and (refused := self._refusal(answer, blamed_for_404=APPLICATION)):
            raise refused
        event = _event(answer) if isinstance(answer, Answer) else answer
        if not isinstance(event, ConnectorError):
            return event
        wanted = {**fields, "candidate_id": application.candidate}
        return look(lambda: self._find(str(application.candidate), wanted, before=before), event)

    def _schedule(self, event_id: str) -> Payload:
        """Return the event once it is scheduled. Else there is none any more, or the error says that there is."""
        try:
            answer = send(self.session, "POST", f"{self._event_url(event_id)}/schedule", json={"interview_event": {}})
        except RateLimited as refused:
            self._take_back(event_id, refused)
        if isinstance(answer, Answer) and (refused_by := self._refusal(answer)):
            self._take_back(event_id, refused_by)
        scheduled = _event(answer) if isinstance(answer, Answer) else answer
        if not isinstance(scheduled, ConnectorError):
            return scheduled
        try:
            event = self._fetch_or_none(event_id)
        except ConnectorError as error:
            # It is not removed: whoever was invited to it would not know what to make of that.
            left = f"event {event_id} may have been left as a draft, which cannot be seen ({error})"
            raise unknown(scheduled, left) from error
        if event is None:
            raise unknown(scheduled, "the event is not there any more")
        if event.get("scheduled") is False:
            self._take_back(event_id, unknown(scheduled, "it was not scheduled"))
        return event

    def _take_back(self, event_id: str, refused: ConnectorError) -> NoReturn:
        """Remove a draft and raise why it was not scheduled. Never a rate limit where the draft is still there."""
        try:
            failure = self._remove(event_id)
        except ConnectorError as error:
            failure = error
        if failure is not None:
            raise unknown(
                refused, f"event {event_id} was left as a draft, which has to be removed in Recruitee ({failure})"
            ) from failure
        raise refused

    def _remove(self, event_id: str) -> ConnectorError | None:
        """Return why an event is still there, or may be. Raises RateLimited, of which nothing came."""
        answer = send(self.session, "DELETE", self._event_url(event_id))
        lost = self._refusal(answer) if isinstance(answer, Answer) else answer
        if lost is None or not isinstance(lost, PlatformUnavailable | NotFound):
            return lost
        # Deleting is tried again after lost connections: that there is none can be our own work.
        try:
            is_gone = self._fetch_or_none(event_id) is None
        except ConnectorError as error:
            return unknown(lost, f"whether it was done cannot be seen ({error})")
        return None if is_gone else unknown(lost, "it seems not to have been done")

    def _times(self, interview: StoredInterview, draft: InterviewDraft) -> dict[str, Any]:
        """Return when an interview is, if that is to change: what is not given of start and end stays."""
        if not draft.start_at and not draft.end_at:
            return {}
        start_at, end_at = draft.start_at, draft.end_at
        if not start_at or not end_at:
            event = self._fetch(interview.remote_id)
            now, minutes = utc_time(event.get("starts_at") or None), integer(event.get("duration"))
            start_at = start_at or now
            end_at = end_at or (now + timedelta(minutes=minutes) if now and minutes is not None else None)
        if start_at is None or end_at is None:
            pointer = END if end_at is None else "model/start_at"
            raise missing("The interview has no times so far: both are needed.", pointer)
        return {"starts_at": _iso(start_at), "duration": minutes_between(start_at, end_at)}

    def _fetch(self, event_id: str) -> Payload:
        event = _event(self.session.get(self._event_url(event_id)))
        if isinstance(event, ConnectorError):
            raise event
        return event

    def _fetch_or_none(self, event_id: str) -> Payload | None:
        try:
            return self._fetch(event_id)
        except NotFound:
            return None

    def _find(self, candidate_id: str, fields: Payload, *, before: Collection[Any]) -> Payload | None:
        events = (event for event in self.events_of(candidate_id) if event.get("id") not in before)
        return next((event for event in events if _is_as_asked(event, fields)), None)

    def _find_changed(self, event_id: str, fields: Payload) -> Payload | None:
        event = self._fetch_or_none(event_id)
        return event if event is not None and _is_as_asked(event, fields) else None

    def _refusal(self, answer: Answer, *, blamed_for_404: str | None = None) -> ConnectorError | None:
        # Unlike in reading, 403 does not ask for another token: its owner may not write this.
        words = problem(answer.body)
        return refusal(self.session, answer, words=words, pointers=POINTERS, blamed_for_404=blamed_for_404)

    def _event_url(self, event_id: str) -> str:
        return f"{self.company_url}/interview/events/{quote(event_id, safe='')}"


def _given(draft: InterviewDraft) -> dict[str, Any]:
    """Return what the draft gives, by Recruitee's names, beside people and times."""
    fields: dict[str, Any] = {
        name: draft.integration_params[name] for name in PARAMETERS if name in draft.integration_params
    }
    if "location" in draft.given:
        fields["location"] = draft.location
    if "job_interview_stage" in draft.given:
        fields["stage_id"] = int(draft.job_interview_stage) if draft.job_interview_stage else None
    return fields


def _placement(application: StoredApplication | None) -> Placements:
    if application is None or not application.candidate or not application.job:
        return {}
    return {(application.candidate, application.job): (application,)}


def _event(answer: Answer) -> Payload | ConnectorError:
    try:
        body = answer.json()
    except UnexpectedAnswer as error:
        return error
    event = body.get("interview_event") if isinstance(body, Mapping) else None
    if isinstance(event, Mapping) and isinstance(event.get("id"), int | str):
        return event
    return UnexpectedAnswer(f"{answer.request}: answered {answer.status} without an event")


def _written(event: Payload, placements: Placements) -> WrittenInterview:
    read = partial(mapping.interview, placements=placements)
    return WrittenInterview(remote_id=remote_id(event["id"]), entries=tuple(read_each([event], read, MODEL_NAME)))


def _is_as_asked(event: Payload, fields: Payload) -> bool:
    return all(_same(name, event.get(name), value) for name, value in fields.items())


def _same(name: str, found: Any, asked: Any) -> bool:
    if name == "starts_at":
        return utc_time(found or None) == utc_time(asked)
    if name == "admin_ids":
        return {str(one) for one in found or ()} == {str(one) for one in asked}
    return (text(found) or "").split() == (text(asked) or "").split()


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
