"""What Harvest takes to write an interview, and what it answers to what it does not take.

https://harvestdocs.greenhouse.io/docs/write-endpoint-migration-guide
https://developers.greenhouse.io/harvest.html#scheduled-interviews
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from sandbox.company import Application, ApplicationState, Company, Interview, InterviewState, Response
from sandbox.platforms.greenhouse.rows import Row, event_id
from sandbox.server import Answer

NOT_FOUND = Answer(404, {"message": "Resource not found"})
CHANGEABLE = (InterviewState.SCHEDULED, InterviewState.AWAITING_FEEDBACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a version calls the fields of an interview. Without `organizer` that is whoever acts."""

    slot: str
    start: str
    end: str
    organizer: str | None = None

    def known(self, *, is_new: bool) -> set[str]:
        changeable = {"interviewers", self.start, self.end, "external_event_id", "location", "video_conferencing_url"}
        return (
            changeable
            | ({self.organizer} if self.organizer else set())
            | ({"application_id", self.slot} if is_new else set())
        )


V3 = Names(slot="job_interview_id", start="starts_at", end="ends_at", organizer="organizer_id")
V2 = Names(slot="interview_id", start="start", end="end")


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody on a panel: a user, or whoever has this address."""

    user_id: int | None
    email: str | None
    response: Response


@dataclass(slots=True)
class Refused(Exception):  # noqa: N818 (named for what happened)
    """Says all that is wrong, each with the field to blame."""

    errors: list[tuple[str, str]]


@dataclass(slots=True)
class Fields:
    """A request's fields, and what is wrong with them so far."""

    company: Company
    values: Mapping[str, Any]
    errors: list[tuple[str, str]] = field(default_factory=list)

    def blame(self, name: str, problem: str) -> None:
        self.errors.append((name, problem))

    def number(self, name: str) -> int | None:
        value = self.values.get(name)
        if value is None or type(value) is int:
            return value
        self.blame(name, "must be an integer")
        return None

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        self.blame(name, "must be a string")
        return None

    def time(self, name: str) -> datetime | None:
        value = self.values.get(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            self.blame(name, "must be an ISO 8601 time")
            return None

    def panel(self) -> list[Guest]:
        given = self.values.get("interviewers")
        if not isinstance(given, list) or not given:
            self.blame("interviewers", "must not be empty")
            return []
        by_address = {user.email: user.id for user in self.company.users.values() if user.email}
        panel = []
        for one in given:
            if not isinstance(one, dict) or one.get("response_status") not in list(Response):
                self.blame("interviewers", "must each have a response_status")
            elif type(one.get("user_id")) is int and one["user_id"] in self.company.users:
                panel.append(Guest(one["user_id"], None, Response(one["response_status"])))
            elif one.get("user_id") is None and isinstance(one.get("email"), str):
                address = one["email"]
                panel.append(Guest(by_address.get(address), address, Response(one["response_status"])))
            else:
                self.blame("interviewers", "must be users or have an email")
        return panel


class InterviewWrites:
    """Does to a company's interviews what requests ask for. Returns the interview; raises Refused."""

    def __init__(self, company: Company) -> None:
        self.company = company

    def create(self, body: bytes, names: Names, *, acting_user: int | None) -> Interview | None:
        """Return None where there is no such application."""
        fields = self._read(body, names.known(is_new=True))
        for name in ("application_id", names.slot, "interviewers", names.start, names.end, "external_event_id"):
            if fields.values.get(name) in (None, "", []):
                fields.blame(name, "is required")
        application_id = fields.number("application_id")
        application = None if application_id is None else self.company.applications.get(application_id)
        if application_id is not None and application is None:
            return None
        slot_id = fields.number(names.slot)
        if application is not None:
            self._check_application(fields, application)
            if slot_id is not None:
                self._check_slot(fields, names.slot, slot_id, application)
        panel = fields.panel() if fields.values.get("interviewers") else []
        changes = self._changes(fields, names, None)
        if fields.errors or application is None or slot_id is None:
            raise Refused(fields.errors)
        interview = self.company.add_interview(
            application_id=application.id,
            slot_id=slot_id,
            user_ids=(),
            starts_at=changes["starts_at"],
            organizer_id=acting_user,
        )
        self._seat(interview, panel)
        for name, value in changes.items():
            setattr(interview, name, value)
        return interview

    def change(self, interview: Interview, body: bytes, names: Names, *, acting_user: int | None) -> Interview:
        fields = self._read(body, names.known(is_new=False))
        if names is V2:
            self._check_open(fields, interview, names)
        panel = fields.panel() if "interviewers" in fields.values else None
        changes = self._changes(fields, names, interview)
        if names.organizer is None:
            changes["organizer_id"] = acting_user
        if fields.errors:
            raise Refused(fields.errors)
        if panel is not None:
            self.company.reassign(interview.id, [one.user_id for one in panel if one.user_id is not None])
            self._seat(interview, panel)
        return self.company.edit(interview.id, **changes)

    def delete(self, interview: Interview, names: Names) -> None:
        fields = Fields(self.company, {})
        self._check_open(fields, interview, names)
        if fields.errors:
            raise Refused(fields.errors)
        self.company.delete(interview.id)

    def _read(self, body: bytes, known: set[str]) -> Fields:
        try:
            values = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise Refused([("body", "must be JSON")]) from None
        if not isinstance(values, dict):
            raise Refused([("body", "must be an object")])
        fields = Fields(self.company, values)
        for name in values.keys() - known:
            fields.blame(name, "is not a parameter of this endpoint")
        return fields

    def _check_application(self, fields: Fields, application: Application) -> None:
        if application.state is not ApplicationState.ACTIVE:
            fields.blame("application_id", "must be of an active application")

    def _check_slot(self, fields: Fields, name: str, slot_id: int, application: Application) -> None:
        slot = self.company.slots.get(slot_id)
        if slot is None or slot.job_id != application.job_id or not slot.is_active:
            fields.blame(name, "is not an interview of this job")

    def _check_open(self, fields: Fields, interview: Interview, names: Names) -> None:
        if interview.state not in CHANGEABLE:
            fields.blame("status", "must be scheduled or awaiting_feedback")
        if names is V2:
            self._check_application(fields, self.company.applications[interview.application_id])

    def _changes(self, fields: Fields, names: Names, interview: Interview | None) -> Row:
        """Return what is given of an interview, by its names at the company."""
        changes: Row = {}
        for name, ours in ((names.start, "starts_at"), (names.end, "ends_at")):
            if moment := fields.time(name):
                changes[ours] = moment
        start, end = (
            changes.get(ours) or (interview and getattr(interview, ours)) for ours in ("starts_at", "ends_at")
        )
        if start and end and end <= start:
            fields.blame(names.end, "must be after the start")
        for name, ours in (("location", "location"), ("video_conferencing_url", "video_url")):
            if name in fields.values:
                changes[ours] = fields.text(name)
        if names.organizer in fields.values and names.organizer is not None:
            organizer_id = fields.number(names.organizer)
            if organizer_id not in self.company.users:
                fields.blame(names.organizer, "is not a user")
            changes["organizer_id"] = organizer_id
        if (event := fields.text("external_event_id")) is not None:
            others = (one for one in self.company.interviews.values() if one is not interview)
            if any(event_id(one) == event for one in others):
                fields.blame("external_event_id", "has already been taken")
            changes["external_event_id"] = event
        return changes

    def _seat(self, interview: Interview, panel: list[Guest]) -> None:
        """Give everybody a seat who has none, and note what they answered."""
        seats = {seat.user_id: seat for seat in interview.seats if seat.user_id is not None}
        for one in panel:
            if one.user_id is not None and one.user_id in seats:
                seats[one.user_id].response = one.response
                continue
            self.company.seat(
                interview,
                user_id=one.user_id,
                email=one.email,
                response=one.response,
                has_scorecard=one.user_id is not None,
                created_at=self.company.clock(),
            )
