"""Creates, changes and cancels interviews. Lever records them for whoever manages them elsewhere: it invites nobody.

https://hire.lever.co/developer/documentation#panels, https://hire.lever.co/developer/documentation#interviews

Requests and answers are those that https://github.com/NangoHQ/integration-templates recorded in July 2026
(`integrations/lever/tests`: create-panel, update-interview, delete-interview). Inferred from them: which fields of an
interview are replaced, and which names a refusal uses.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from connectors.base import UNREADABLE, read_each
from connectors.creation import FieldProblem, InterviewDraft, StoredInterview, WrittenInterview
from connectors.errors import ConnectorError, InvalidField, NotFound, PlatformUnavailable, UnexpectedAnswer
from connectors.http import Answer, Session
from connectors.platforms.lever import mapping
from connectors.platforms.lever.lists import all_rows
from connectors.platforms.lever.mapping import Payload
from connectors.records import Fetched, Gone, ScheduledInterviewRecord
from connectors.values import EPOCH, optional_remote_id, remote_id, text, utc_time
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
REMINDERS = ("once", "daily", "frequently", "none")
POINTERS = {
    "perform_as": "remote_user_id",
    "interviewers": "model/interviewers",
    "location": "model/location",
    "date": "model/start_at",
    "duration": END,
    "timezone": TIMEZONE,
    "subject": "model/integration_params/subject",
    "note": "model/integration_params/note",
    "feedbackReminder": "model/integration_params/feedback_reminder",
}
PARAMETERS = {"subject": "subject", "note": "note", "feedback_reminder": "feedbackReminder"}
# What replacing an interview would take away if it were not sent again.
KEPT = ("panel", "subject", "note", "location", "date", "duration", "feedbackTemplate", "feedbackReminder")
NO_USER = "remote_user_id is a required field: Lever has to know in whose name this is done."


class Writer:
    """Writes interviews of one account."""

    def __init__(self, session: Session, base_url: str) -> None:
        self.session = session
        self.base_url = base_url

    def problems_of(self, draft: InterviewDraft) -> Iterator[FieldProblem]:
        yield from problems_of(draft, needed=("start_at", "end_at", "interviewers"))

    def create(self, draft: InterviewDraft) -> WrittenInterview:
        """Nothing that Lever takes would mark an interview as ours: it is told from those that were there before."""
        if draft.application is None or not draft.start_at or not draft.end_at:
            raise missing("application, start_at and end_at are required fields on model.", APPLICATION)
        opportunity_id = draft.application.remote_id
        url = self._opportunity_url(opportunity_id)
        params = _perform_as(draft.acting_user)
        interview = {
            "interviewers": [{"id": user_id} for user_id in draft.interviewers],
            "date": _milliseconds(draft.start_at),
            "duration": minutes_between(draft.start_at, draft.end_at),
            **_given(draft),
        }
        interview = {name: value for name, value in interview.items() if value is not None}
        try:
            before = {row.get("id") for row in all_rows(self.session, f"{url}/interviews")}
        except NotFound as error:
            raise InvalidField(str(error), pointer=APPLICATION) from error
        answer = send(
            self.session,
            "POST",
            f"{url}/panels",
            params=params,
            json={"timezone": draft.integration_params.get("timezone"), "interviews": [interview]},
        )
        if isinstance(answer, Answer) and (refused := self._refusal(answer, blamed_for_404=APPLICATION)):
            raise refused
        row = _created(answer) if isinstance(answer, Answer) else answer
        if isinstance(row, ConnectorError):
            row = look(lambda: self._find(opportunity_id, interview, before=before), row)
        else:
            row = self._whole(opportunity_id, row)
        return _written(opportunity_id, row)

    def update(self, interview: StoredInterview, draft: InterviewDraft) -> WrittenInterview:
        """Lever replaces interviews as a whole, so all that is not given is sent as Lever has it at this moment.

        What is stored here can be older, and would undo what others have changed since.
        """
        opportunity_id = _opportunity_of(interview)
        params = _perform_as(draft.acting_user)
        row = self._fetch(opportunity_id, interview.remote_id)
        if not draft.given and not draft.integration_params:
            return _written(opportunity_id, row)
        body = {name: row[name] for name in KEPT if row.get(name) is not None} | _times(draft, row) | _given(draft)
        body["interviewers"] = _panel(draft.interviewers, row)
        body = {name: value for name, value in body.items() if value is not None}
        url = self._interview_url(opportunity_id, interview.remote_id)
        answer = send(self.session, "PUT", url, params=params, json=body)
        if isinstance(answer, Answer) and (refused := self._refusal(answer)):
            raise refused
        changed = _data(answer) if isinstance(answer, Answer) else answer
        if isinstance(changed, ConnectorError):
            changed = look(lambda: self._find_changed(opportunity_id, interview.remote_id, body), changed)
        return _written(opportunity_id, changed)

    def cancel(self, interview: StoredInterview, *, acting_user: str | None) -> tuple[Fetched, ...]:
        """Return the record of what is still listed as cancelled, which is what Lever does with what was deleted."""
        opportunity_id = _opportunity_of(interview)
        url = self._interview_url(opportunity_id, interview.remote_id)
        answer = send(self.session, "DELETE", url, params=_perform_as(acting_user))
        lost = self._refusal(answer) if isinstance(answer, Answer) else answer
        if lost is not None and not isinstance(lost, PlatformUnavailable | NotFound):
            raise lost
        try:
            (entry,) = _written(opportunity_id, self._fetch(opportunity_id, interview.remote_id)).entries
        except NotFound:
            entry = Gone(model_name=MODEL_NAME, remote_id=interview.remote_id)
        except (ConnectorError, *UNREADABLE) as error:
            if lost is not None:
                raise unknown(lost, f"whether it was done cannot be seen ({error})") from lost
            entry = Gone(model_name=MODEL_NAME, remote_id=interview.remote_id)
        is_there = isinstance(entry, ScheduledInterviewRecord) and not entry.remote_was_deleted
        if is_there and lost is not None:
            raise unknown(lost, "it seems not to have been done") from lost
        return (Gone(model_name=MODEL_NAME, remote_id=interview.remote_id) if is_there else entry,)

    def _fetch(self, opportunity_id: str, interview_id: str) -> Payload:
        answer = self.session.get(self._interview_url(opportunity_id, interview_id))
        row = _data(answer)
        if isinstance(row, ConnectorError):
            raise row
        return row

    def _whole(self, opportunity_id: str, row: Payload) -> Payload:
        """Return an interview as it is listed: panels tell less of it."""
        try:
            return self._fetch(opportunity_id, remote_id(row["id"]))
        except ConnectorError:
            return row

    def _find(self, opportunity_id: str, body: Payload, *, before: Collection[Any]) -> Payload | None:
        rows = all_rows(self.session, f"{self._opportunity_url(opportunity_id)}/interviews")
        return next((row for row in rows if row.get("id") not in before and _is_as_asked(row, body)), None)

    def _find_changed(self, opportunity_id: str, interview_id: str, body: Payload) -> Payload | None:
        row = self._fetch(opportunity_id, interview_id)
        return row if _is_as_asked(row, body) else None

    def _refusal(self, answer: Answer, *, blamed_for_404: str | None = None) -> ConnectorError | None:
        words = text(body.get("message")) if isinstance(body := _json(answer), Mapping) else None
        return refusal(self.session, answer, words=words, pointers=POINTERS, blamed_for_404=blamed_for_404)

    def _opportunity_url(self, opportunity_id: str) -> str:
        return f"{self.base_url}/opportunities/{quote(opportunity_id, safe='')}"

    def _interview_url(self, opportunity_id: str, interview_id: str) -> str:
        return f"{self._opportunity_url(opportunity_id)}/interviews/{quote(interview_id, safe='')}"


def _perform_as(user: str | None) -> dict[str, str]:
    if not user:
        raise missing(NO_USER, "remote_user_id")
    return {"perform_as": user}


def _opportunity_of(interview: StoredInterview) -> str:
    opportunity_id = interview.remote_group or (interview.application and interview.application.remote_id)
    if not opportunity_id:
        raise NotFound(f"Nobody knows of which opportunity interview {interview.remote_id} is.")
    return opportunity_id


def _given(draft: InterviewDraft) -> dict[str, Any]:
    """Return what the draft gives, by Lever's names, beside people and times. None takes away what is there."""
    fields = {"location": draft.location or None} if "location" in draft.given else {}
    given = draft.integration_params
    return fields | {theirs: given[name] for name, theirs in PARAMETERS.items() if name in given}


def _times(draft: InterviewDraft, row: Payload) -> dict[str, int]:
    """Return when an interview is, if that is to change: what is not given of start and end stays."""
    if not draft.start_at and not draft.end_at:
        return {}
    start_at, minutes = utc_time(row.get("date")), row.get("duration")
    end_at = start_at + timedelta(minutes=minutes) if start_at and minutes is not None else None
    start_at, end_at = draft.start_at or start_at, draft.end_at or end_at
    if start_at is None or end_at is None:
        raise missing(
            "The interview has no times so far: both are needed.", END if end_at is None else "model/start_at"
        )
    return {"date": _milliseconds(start_at), "duration": minutes_between(start_at, end_at)}


def _panel(user_ids: Collection[str], row: Payload) -> list[dict[str, Any]]:
    """Return who is to interview, each with the feedback form that is there. Guests, who have no id, stay."""
    seats = [seat for seat in row.get("interviewers") or () if isinstance(seat, Mapping)]
    forms = {seat.get("id"): seat.get("feedbackTemplate") for seat in seats}
    users = list(user_ids) or list(dict.fromkeys(seat["id"] for seat in seats if seat.get("id")))
    panel = [{"id": user, "feedbackTemplate": forms.get(user)} for user in users]
    guests = [{"email": seat["email"]} for seat in seats if not seat.get("id") and seat.get("email")]
    return [{name: value for name, value in seat.items() if value is not None} for seat in panel + guests]


def _created(answer: Answer) -> Payload | ConnectorError:
    """Return the one interview of a new panel, with what the panel knows of it."""
    panel = _data(answer)
    rows = panel.get("interviews") if isinstance(panel, Mapping) else None
    if not isinstance(panel, Mapping) or not isinstance(rows, list) or len(rows) != 1 or not _has_id(rows[0]):
        return UnexpectedAnswer(f"{answer.request}: answered {answer.status} without an interview")
    shared = {name: panel.get(name) for name in ("user", "stage", "createdAt", "timezone", "canceledAt")}
    return {**shared, "panel": panel.get("id"), **rows[0]}


def _data(answer: Answer) -> Payload | ConnectorError:
    body = _json(answer)
    data = body.get("data") if isinstance(body, Mapping) else None
    if isinstance(data, Mapping) and _has_id(data):
        return data
    return UnexpectedAnswer(f"{answer.request}: answered {answer.status} without an object")


def _json(answer: Answer) -> Any:
    try:
        return answer.json()
    except UnexpectedAnswer:
        return None


def _has_id(row: Any) -> bool:
    return isinstance(row, Mapping) and isinstance(row.get("id"), str) and bool(row["id"].strip())


def _written(opportunity_id: str, row: Payload) -> WrittenInterview:
    read = partial(mapping.interview, opportunity_id=opportunity_id)
    return WrittenInterview(remote_id=remote_id(row["id"]), entries=tuple(read_each([row], read, MODEL_NAME)))


def _is_as_asked(row: Payload, body: Payload) -> bool:
    return (
        row.get("canceledAt") is None
        and all(row.get(name) == body.get(name) for name in ("date", "duration"))
        and all(_words(row.get(name)) == _words(body.get(name)) for name in ("subject", "note", "location"))
        and _people(row.get("interviewers")) == _people(body.get("interviewers"))
    )


def _words(value: Any) -> str:
    return " ".join((text(value) or "").split())


def _people(seats: Any) -> set[str]:
    return {user for seat in seats or () if (user := optional_remote_id(seat.get("id")))}


def _milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)
