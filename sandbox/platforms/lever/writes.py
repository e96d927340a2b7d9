"""What Lever takes to write an interview, and what it says to what it does not take.

https://hire.lever.co/developer/documentation#panels, https://hire.lever.co/developer/documentation#interviews

Which words it has for what is wrong is not documented.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from sandbox.company import Application, Interview, InterviewState
from sandbox.platforms.lever.filters import BadRequest, Query
from sandbox.platforms.lever.rows import EPOCH, CompanyRows, Row, lever_id

REMINDERS = ("once", "daily", "frequently", "none")
TEXTS = ("subject", "note", "location", "feedbackTemplate", "feedbackReminder")
FIELDS = frozenset({"interviewers", "date", "duration", *TEXTS})
NOT_OURS = "Interviews can only be changed on panels where externallyManaged is true"


class InterviewWrites:
    """Does to a company's interviews what requests ask for. Raises BadRequest, and has then changed nothing."""

    def __init__(self, rows: CompanyRows) -> None:
        self.rows = rows
        self.company = rows.company

    def is_ours(self, row_id: str) -> bool:
        interview = self.rows.find_interview(row_id)
        return interview is not None and interview.id in self.rows.written

    def create(self, opportunity_id: str, query: Query, body: bytes) -> list[str]:
        """Make a panel and return the ids of its interviews."""
        user_id = self._acting_user(query)
        panel = _object(body, frozenset({"timezone", "interviews", "note", "feedbackReminder", "externalUrl"}))
        zone = _time_zone(panel.get("timezone"))
        entries = panel.get("interviews")
        if not isinstance(entries, list) or not entries:
            raise BadRequest("interviews must hold at least one interview")
        asked = [self._checked(entry, FIELDS) for entry in entries]
        application = self.rows.find_application(opportunity_id)
        if application is None:
            raise BadRequest("Opportunity was not found")
        made = [self._add(application, one, user_id) for one in asked]
        for interview, one in zip(made, asked, strict=True):
            self._write(interview, one, {"panel": lever_id("panel", made[0].id), "timezone": zone})
        return [lever_id("interview", interview.id) for interview in made]

    def replace(self, row_id: str, query: Query, body: bytes) -> None:
        self._acting_user(query)
        interview = self._changeable(row_id)
        kept = {name: self.rows.written[interview.id][name] for name in ("panel", "timezone")}
        asked = self._checked(_object(body, FIELDS | {"panel"}), FIELDS | {"panel"})
        if asked.get("panel") not in (None, kept["panel"]):
            raise BadRequest("panel must be that of the interview")
        self._write(interview, asked, kept)

    def delete(self, row_id: str, query: Query) -> None:
        """Cancel: it stays listed, with the time of that."""
        self._acting_user(query)
        interview = self._changeable(row_id)
        if interview.state is not InterviewState.CANCELLED:
            self.company.cancel(interview.id)

    def _acting_user(self, query: Query) -> int:
        given = dict(query)
        if unknown := given.keys() - {"perform_as"}:
            raise BadRequest(f"Unknown parameter: {', '.join(sorted(unknown))}")
        user = self.rows.find_user(given.get("perform_as"))
        if user is None or user.is_disabled:
            raise BadRequest("perform_as must be the id of an active user")
        return user.id

    def _changeable(self, row_id: str) -> Interview:
        interview = self.rows.find_interview(row_id)
        if interview is None or interview.id not in self.rows.written:
            raise BadRequest(NOT_OURS)
        return interview

    def _checked(self, asked: Any, known: frozenset[str]) -> Row:
        if not isinstance(asked, dict) or asked.keys() - known:
            raise BadRequest(f"Unknown fields of an interview: {', '.join(sorted(set(asked) - known))}")
        people = asked.get("interviewers")
        if not isinstance(people, list) or not people or not all(map(self._is_person, people)):
            raise BadRequest("interviewers must be users, at least one")
        if type(asked.get("date")) is not int or not 0 <= asked["date"] < 2**43:
            raise BadRequest("date must be a time in milliseconds")
        if type(asked.get("duration")) is not int or not 1 <= asked["duration"] <= 100_000:
            raise BadRequest("duration must be a number of minutes")
        for name in TEXTS:
            if not isinstance(asked.get(name), str | None):
                raise BadRequest(f"{name} must be text")
        if asked.get("feedbackReminder") not in (None, *REMINDERS):
            raise BadRequest(f"feedbackReminder must be one of {', '.join(REMINDERS)}")
        return asked

    def _is_person(self, seat: Any) -> bool:
        if not isinstance(seat, Mapping):
            return False
        is_guest = "id" not in seat and isinstance(seat.get("email"), str)
        return is_guest or self.rows.find_user(seat.get("id")) is not None

    def _add(self, application: Application, asked: Row, user_id: int) -> Interview:
        slots = [one for one in self.company.slots.values() if one.job_id == application.job_id]
        at_stage = [one for one in slots if one.stage_id == application.stage_id]
        return self.company.add_interview(
            application_id=application.id,
            slot_id=(at_stage or slots)[0].id,
            user_ids=(),
            starts_at=EPOCH + timedelta(milliseconds=asked["date"]),
            organizer_id=user_id,
        )

    def _write(self, interview: Interview, asked: Row, kept: Row) -> None:
        """Make an interview what was asked for: what was not is taken away."""
        starts_at = EPOCH + timedelta(milliseconds=asked["date"])
        seats = [(self.rows.find_user(seat.get("id")), seat) for seat in asked["interviewers"]]
        user_ids = list(dict.fromkeys(user.id for user, _ in seats if user))
        self.company.reassign(interview.id, user_ids)
        now = self.company.clock()
        for user, seat in seats:
            if user is None:
                self.company.seat(interview, user_id=None, email=seat["email"], created_at=now, has_scorecard=False)
        without_form = {user.id for user, seat in seats if user and seat.get("feedbackTemplate") == "no-feedback"}
        for seat in interview.seats:
            seat.has_scorecard = seat.user_id is not None and seat.user_id not in without_form
        interview.seats.sort(key=lambda seat: user_ids.index(seat.user_id) if seat.user_id else len(user_ids))
        self.rows.written[interview.id] = kept | {
            "subject": asked.get("subject"),
            "note": asked.get("note"),
            "feedbackTemplate": asked.get("feedbackTemplate"),
            "feedbackReminder": asked.get("feedbackReminder") or "frequently",
        }
        self.company.edit(
            interview.id,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=asked["duration"]),
            location=(asked.get("location") or "").strip() or None,
            video_url=None,
        )


def _object(body: bytes, known: frozenset[str]) -> Row:
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("The body must be JSON") from None
    if not isinstance(values, dict):
        raise BadRequest("The body must be an object")
    if unknown := values.keys() - known:
        raise BadRequest(f"Unknown fields: {', '.join(sorted(unknown))}")
    return values


def _time_zone(name: Any) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, TypeError, AttributeError, OSError):
        raise BadRequest("timezone must be the name of a time zone") from None
