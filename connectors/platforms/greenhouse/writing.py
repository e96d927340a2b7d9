"""Creates, changes and cancels interviews. Greenhouse only records them: it invites nobody.

https://harvestdocs.greenhouse.io/docs/write-endpoint-migration-guide
https://developers.greenhouse.io/harvest.html#scheduled-interviews
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from connectors.base import UNREADABLE, read_each
from connectors.creation import FieldProblem, InterviewDraft, StoredInterview, WrittenInterview
from connectors.errors import (
    AlreadyExists,
    ConnectorError,
    InvalidField,
    NotFound,
    PlatformUnavailable,
    UnexpectedAnswer,
)
from connectors.http import Answer
from connectors.platforms.greenhouse import mapping
from connectors.platforms.greenhouse.harvest import Harvest, iso
from connectors.platforms.greenhouse.mapping import Dictionary, Payload
from connectors.records import Fetched, Gone, ScheduledInterviewRecord
from connectors.values import optional_remote_id, remote_id, text
from connectors.writing import look as look_for

MODEL_NAME = ScheduledInterviewRecord.model_name
RESPONSES = ("needs_action", "declined", "tentative", "accepted")
NO_USER = "Greenhouse has to know who acts: name a user, an organizer, or one for all in the account's credentials."
NO_STAGE = "job_interview_stage is a required field on model: the application has no current stage."
TAKEN = "already been taken"
MAX_ID_DIGITS = 19  # of a number of 64 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """Where a version of Harvest has interviews, and what it calls their fields."""

    listing: str
    creating: str
    changing: str
    cancelling: str
    slot: str
    start: str
    end: str
    takes_organizer: bool  # else whoever acts is the organizer, also of what he changes


V3 = Interface(
    listing="/v3/interviews",
    creating="/v3/interviews",
    changing="/v3/interviews",
    cancelling="/v3/interviews",
    slot="job_interview_id",
    start="starts_at",
    end="ends_at",
    takes_organizer=True,
)
V1 = Interface(
    listing="/v1/scheduled_interviews",
    creating="/v2/scheduled_interviews",
    changing="/v2/scheduled_interviews",
    cancelling="/v1/scheduled_interviews",
    slot="interview_id",
    start="start",
    end="end",
    takes_organizer=False,
)


class Writer:
    """Writes interviews of one account. `user_id` acts where nobody else is named.

    Only writing is done in the name of the acting user: reading takes a Site Admin.
    """

    def __init__(self, harvest: Harvest, interface: Interface, *, user_id: str | None) -> None:
        self.harvest = harvest
        self.session = harvest.session
        self.interface = interface
        self.user_id = user_id

    def problems_of(self, draft: InterviewDraft) -> Iterator[FieldProblem]:
        try:
            self._acting_user(draft.acting_user, draft.organizer)
        except InvalidField as error:
            yield FieldProblem(problem_type=error.problem_type, detail=str(error), pointer=error.pointer)
        slot = draft.integration_params.get("job_interview_id")
        if slot is not None and not _is_id(str(slot)):
            yield _wrong("job_interview_id has to be a number.", "model/integration_params/job_interview_id")
        if draft.application and not (slot or draft.job_interview_stage or draft.application.current_stage):
            yield FieldProblem(
                problem_type="MISSING_REQUIRED_FIELD", detail=NO_STAGE, pointer="model/job_interview_stage"
            )
        for name in ("start_at", "end_at", "organizer", "interviewers"):
            if name in draft.given and not getattr(draft, name):
                yield _wrong(f"{name} cannot be left empty.", f"model/{name}")

    def warnings_of(self, draft: InterviewDraft) -> Iterator[FieldProblem]:
        acting_user = draft.acting_user or draft.organizer
        if draft.organizer and draft.organizer != acting_user and not self.interface.takes_organizer:
            yield _unsupported("The organizer will be whoever acts: Harvest v1 takes no other.", "model/organizer")
        if "response_status" in draft.integration_params and not draft.interviewers:
            yield _unsupported("response_status goes with interviewers.", "model/integration_params/response_status")

    def create(self, draft: InterviewDraft) -> WrittenInterview:
        if draft.application is None:
            raise InvalidField("application is a required field on model.", pointer="model/application")
        application_id = draft.application.remote_id
        user = self._acting_user(draft.acting_user, draft.organizer)
        slot, stages = self._slot(draft)
        event_id = draft.integration_params.get("external_event_id") or f"uats-{uuid4()}"
        fields = {
            "application_id": int(application_id),
            self.interface.slot: int(slot),
            "external_event_id": event_id,
            **self._fields(draft, panel=()),
        }
        row = self._write(
            user,
            "POST",
            self.interface.creating,
            {name: value for name, value in fields.items() if value is not None},
            look=lambda: self._find(application_id, event_id),
            blamed_for_404="model/application",
        )
        return self._written(row, stages, panel=_seats(draft.interviewers))

    def update(self, interview: StoredInterview, draft: InterviewDraft) -> WrittenInterview:
        """What a panel's members have answered stays, and so do its guests: Greenhouse replaces panels as a whole."""
        user = self._acting_user(draft.acting_user, draft.organizer)
        original = interview.originals.get(self.interface.listing) or {}
        panel = interview.originals.get("/v3/interviewers") or original.get("interviewers") or ()
        stages = self.harvest.stages_of(self._slot_of(original))
        fields = self._fields(draft, panel=panel)
        if fields:
            row = self._write(
                user,
                "PATCH",
                _address(self.interface.changing, interview),
                fields,
                look=lambda: self._find_changed(interview, draft, stages),
            )
        elif (there := self.harvest.fetch_row(interview.remote_id)) is not None:
            row = there
        else:
            raise NotFound(f"Greenhouse has no interview {interview.remote_id} any more.")
        return self._written(row, stages, panel=_seats(draft.interviewers) or panel)

    def cancel(self, interview: StoredInterview, *, acting_user: str | None) -> tuple[Fetched, ...]:
        user = self._acting_user(acting_user)
        answer = self._send(user, "DELETE", _address(self.interface.cancelling, interview))
        lost = self._refusal(answer) if isinstance(answer, Answer) else answer
        # Deleting is tried again after lost connections: that there is none can be our own work.
        if isinstance(lost, PlatformUnavailable | NotFound):
            look_for(lambda: self.harvest.fetch_row(interview.remote_id) is None or None, lost)
        elif lost is not None:
            raise lost
        return (Gone(model_name=MODEL_NAME, remote_id=interview.remote_id),)

    def _acting_user(self, *named: str | None) -> str:
        user = next(filter(None, (*named, self.user_id)), None)
        if user is None:
            raise InvalidField(NO_USER, pointer="remote_user_id", problem_type="MISSING_REQUIRED_FIELD")
        if not _is_id(user):
            raise InvalidField(f"Greenhouse has no user {user}.", pointer="remote_user_id")
        return user

    def _slot(self, draft: InterviewDraft) -> tuple[str, Dictionary]:
        """Return where in the hiring plan the interview belongs, and the stage of that."""
        if slot := draft.integration_params.get("job_interview_id"):
            return str(slot), self.harvest.stages_of(str(slot))
        stage = draft.job_interview_stage or (draft.application and draft.application.current_stage)
        if not stage:
            raise InvalidField(NO_STAGE, pointer="model/job_interview_stage", problem_type="MISSING_REQUIRED_FIELD")
        try:
            found = self.harvest.find_slot(stage)
        except UNREADABLE as error:
            raise UnexpectedAnswer(f"The interviews of stage {stage} cannot be read: {error}") from error
        if found is None:
            raise InvalidField(
                f"Stage {stage} has no interview that could be scheduled.", pointer="model/job_interview_stage"
            )
        return found, {found: stage}

    def _slot_of(self, original: Payload) -> str | None:
        slot = original.get(self.interface.slot) or (original.get("interview") or {}).get("id")
        return optional_remote_id(slot)

    def _fields(self, draft: InterviewDraft, *, panel: Iterable[Payload]) -> dict[str, Any]:
        names, fields = self.interface, dict[str, Any]()
        if draft.interviewers:
            fields["interviewers"] = _invitations(draft, panel)
        if draft.start_at:
            fields[names.start] = iso(draft.start_at)
        if draft.end_at:
            fields[names.end] = iso(draft.end_at)
        if draft.organizer and names.takes_organizer:
            fields["organizer_id"] = int(draft.organizer)
        if "location" in draft.given:
            fields["location"] = draft.location
        if url := draft.integration_params.get("video_conferencing_url"):
            fields["video_conferencing_url"] = url
        return fields

    def _write(
        self,
        user: str,
        method: str,
        path: str,
        fields: Mapping[str, Any],
        *,
        look: Callable[[], Payload | None],
        blamed_for_404: str | None = None,
    ) -> Payload:
        """Send what must not be sent twice, and return the interview's row: the answer, or else what `look` finds."""
        answer = self._send(user, method, path, fields)
        if isinstance(answer, ConnectorError):
            return look_for(look, answer)
        if refusal := self._refusal(answer, blamed_for_404=blamed_for_404):
            raise refusal
        try:
            row = answer.json()
        except UnexpectedAnswer as error:
            return look_for(look, error)
        if isinstance(row, Mapping) and optional_remote_id(row.get("id")):
            return row
        return look_for(look, UnexpectedAnswer(f"{answer.request}: answered {answer.status} without an interview"))

    def _send(self, user: str, method: str, path: str, fields: Any = None) -> Answer | ConnectorError:
        """Return the platform's last word, or why nobody knows what became of it. Raises where nothing was done."""
        with self.harvest.acting_as(user) as headers:
            try:
                return self.session.send(method, self.harvest.base_url + path, json=fields, headers=headers)
            except (PlatformUnavailable, UnexpectedAnswer) as error:
                return error

    def _refusal(self, answer: Answer, *, blamed_for_404: str | None = None) -> ConnectorError | None:
        error = self.session.judge(self.session, answer)
        if error is None:
            return None
        self.harvest.ensure_not_retired(error)
        texts = _texts(answer)
        words = self.session.printable(texts) if texts else error.words
        message = words or str(error)
        refusal: ConnectorError = type(error)(message)
        if isinstance(error, NotFound) and blamed_for_404:
            refusal = InvalidField(message, pointer=blamed_for_404)
        elif TAKEN in message:
            refusal = AlreadyExists(message)
        refusal.status, refusal.words = answer.status, words
        return refusal

    def _find(self, application_id: str, event_id: str) -> Payload | None:
        """Return the interview with this calendar event. Somebody else's that has the same one is none."""
        for row in self.harvest.rows(self.interface.listing, {"external_event_id": event_id}):
            if str(row.get("application_id")) == application_id and row.get("external_event_id") == event_id:
                found: Payload = row
                return found
        return None

    def _find_changed(self, interview: StoredInterview, draft: InterviewDraft, stages: Dictionary) -> Payload | None:
        """Return the interview if it is as it was asked to be."""
        row = self.harvest.fetch_row(interview.remote_id)
        for record in self.harvest.read_row(row, stages) if row is not None else ():
            if isinstance(record, ScheduledInterviewRecord) and _is_as_asked(record, row or {}, draft, self.interface):
                return row
        return None

    def _written(self, row: Payload, stages: Dictionary, *, panel: Sequence[Payload]) -> WrittenInterview:
        """Return the record of a row. `panel` stands in for its panel where that cannot be read."""
        interview_id = remote_id(row["id"])
        try:
            # v1 can answer with the id only, while the rest is on its way.
            whole = row if "application_id" in row else self.harvest.fetch_row(interview_id)
            entries = list(self.harvest.read_row(whole, stages)) if whole is not None else []
        except ConnectorError:
            entries = list(_without_panel(row, stages, panel)) if "application_id" in row else []
        return WrittenInterview(remote_id=interview_id, entries=tuple(entries))


def _is_id(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) <= MAX_ID_DIGITS


def _address(path: str, interview: StoredInterview) -> str:
    return f"{path}/{quote(interview.remote_id, safe='')}"


def _wrong(detail: str, pointer: str) -> FieldProblem:
    return FieldProblem(problem_type="INVALID_FIELD_CHOICE", detail=detail, pointer=pointer)


def _unsupported(detail: str, pointer: str) -> FieldProblem:
    return FieldProblem(problem_type="UNSUPPORTED_FIELD", detail=detail, pointer=pointer)


def _texts(answer: Answer) -> str | None:
    """Return the texts of a refusal, joined: v3 sends them as they are, v1 each with its field."""
    try:
        payload = answer.json()
    except UnexpectedAnswer:
        return None
    if not isinstance(payload, Mapping):
        return None
    errors = payload.get("errors")
    texts = [
        f"{error.get('field') or ''} {error.get('message') or ''}".strip() if isinstance(error, Mapping) else str(error)
        for error in (errors if isinstance(errors, list) else ())
    ]
    return " ".join(texts) or text(payload.get("message"))


def _invitations(draft: InterviewDraft, panel: Iterable[Payload]) -> list[dict[str, Any]]:
    """Return a panel to send. Guests have no user, only an address, and are nobody whom a draft could name."""
    given = draft.integration_params.get("response_status")
    answers = {_user_of(seat): seat.get("response_status") for seat in panel}
    invitations: list[dict[str, Any]] = [
        {"user_id": int(user), "response_status": given or answers.get(user) or RESPONSES[0]}
        for user in draft.interviewers
    ]
    return invitations + [
        {"email": seat["email"], "response_status": seat.get("response_status") or RESPONSES[0]}
        for seat in panel
        if _user_of(seat) is None and seat.get("email")
    ]


def _user_of(seat: Payload) -> str | None:
    """Return whose seat on a panel it is: rows of v3 have an id of their own."""
    return optional_remote_id(seat["user_id"] if "user_id" in seat else seat.get("id"))


def _seats(user_ids: Iterable[str]) -> list[Payload]:
    return [{"id": position, "user_id": user, "scorecard_id": 0} for position, user in enumerate(user_ids)]


def _without_panel(row: Payload, stages: Dictionary, panel: Sequence[Payload]) -> Iterator[Fetched]:
    def read(payload: Payload) -> ScheduledInterviewRecord:
        record = mapping.interview_v3(payload, panel=panel, slots=stages)
        return replace(record, remote_data=record.remote_data[:1])

    return read_each([row], read, MODEL_NAME)


def _is_as_asked(record: ScheduledInterviewRecord, row: Payload, draft: InterviewDraft, interface: Interface) -> bool:
    texts = {"video_conferencing_url": draft.integration_params.get("video_conferencing_url")}
    if "location" in draft.given:
        texts["location"] = draft.location or ""
    return (
        all((row.get(name) or "") == text for name, text in texts.items() if text is not None)
        and all(
            asked is None or (found is not None and iso(found) == iso(asked))
            for asked, found in ((draft.start_at, record.start_at), (draft.end_at, record.end_at))
        )
        and (not draft.interviewers or set(record.interviewers) == set(draft.interviewers))
        and (not draft.organizer or not interface.takes_organizer or record.organizer == draft.organizer)
    )
