"""What Recruitee takes to write an event, and what it says to what it does not take.

Which calls there are is known from https://www.rubydoc.info/gems/recruitee/Recruitee/API/InterviewEvents; what an event
takes is what it shows.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from sandbox.company import Application, InterviewState
from sandbox.platforms.recruitee.rows import CompanyRows, Row

KINDS = ("interview", "phone", "video", "other")
TEXTS = ("location", "note", "public_note")
OWN = ("kind", "timezone", "note", "public_note", "stage_id")  # what the company knows nothing of
CHANGEABLE = frozenset({"admin_ids", "starts_at", "duration", *OWN, *TEXTS})


class RefusedError(Exception):
    """Something cannot be as it was asked for; nothing has changed."""


class EventWrites:
    """Does to a company's interviews what requests ask for. Raises RefusedError."""

    def __init__(self, rows: CompanyRows) -> None:
        self.rows = rows
        self.company = rows.company

    def draft(self, candidate_id: int, body: bytes, *, owner_id: int) -> int:
        """Make an event that nobody is invited to, and return its id."""
        asked = self._read(body, CHANGEABLE | {"offer_id"})
        if "kind" not in asked or "timezone" not in asked:
            raise RefusedError("kind and timezone can't be blank")
        application = self._placement(candidate_id, asked.pop("offer_id", None))
        slots = [one for one in self.company.slots.values() if one.job_id == application.job_id]
        stage_id = asked.setdefault("stage_id", application.stage_id)
        slot = next((one for one in slots if one.stage_id == stage_id), slots[0])
        interview = self.company.add_interview(
            application_id=application.id,
            slot_id=slot.id,
            user_ids=(),
            starts_at=self.company.clock(),
            organizer_id=owner_id,
        )
        self.company.edit(interview.id, starts_at=None, ends_at=None, state=InterviewState.PLACEHOLDER)
        optional = dict.fromkeys(("location", "note", "public_note", "video_url"))
        self.rows.written[interview.id] = {**optional, "video_provider": "recruitee", "scheduled": False}
        self._write(interview.id, asked, starts_at=None, minutes=None)
        return interview.id

    def schedule(self, event: Row, body: bytes) -> None:
        """Invite people to a draft."""
        if self._is_scheduled(event["id"]):
            raise RefusedError("Event is already scheduled")
        self.change(event, body or b'{"interview_event": {}}')
        interview = self.company.interviews[event["id"]]
        if interview.starts_at is None or interview.ends_at is None:
            raise RefusedError("starts_at and duration can't be blank")
        self.rows.written[event["id"]]["scheduled"] = True
        self.company.edit(event["id"], state=InterviewState.SCHEDULED)

    def change(self, event: Row, body: bytes) -> None:
        asked = self._read(body, CHANGEABLE)
        starts_at = datetime.fromisoformat(event["starts_at"]) if event["starts_at"] else None
        if asked:
            self._write(event["id"], asked, starts_at=starts_at, minutes=event["duration"])

    def delete(self, event_id: int) -> None:
        self.company.delete(event_id)
        self.rows.written.pop(event_id, None)

    def _is_scheduled(self, event_id: int) -> bool:
        return bool(self.rows.written.get(event_id, {}).get("scheduled", True))

    def _placement(self, candidate_id: int, offer_id: Any) -> Application:
        for application in self.company.applications.values():
            if (application.candidate_id, application.job_id) == (candidate_id, offer_id):
                return application
        raise RefusedError("offer_id is invalid")

    def _read(self, body: bytes, known: frozenset[str]) -> Row:
        """Return what was asked for, in the form that it has in rows. Unknown names go unnoticed."""
        try:
            event = orjson.loads(body)["interview_event"]
            asked: Row = {name: value for name, value in event.items() if name in known}
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            raise RefusedError("interview_event is missing") from None
        for name, value in asked.items():
            if name != "offer_id" and not self._fits(name, value):
                raise RefusedError(f"{name} is invalid")
        return asked

    def _fits(self, name: str, value: Any) -> bool:
        match name:
            case "kind":
                return value in KINDS
            case "timezone":
                return _is_time_zone(value)
            case "starts_at":
                return value is None or _time(value) is not None
            case "duration":
                return value is None or (type(value) is int and 0 < value <= 100_000)
            case "stage_id":
                return value is None or (type(value) is int and value in self.company.stages)
            case "admin_ids":
                users = self.company.users
                return isinstance(value, list) and all(
                    type(one) is int and one in users and not users[one].is_disabled for one in value
                )
        return value is None or isinstance(value, str)

    def _write(self, event_id: int, asked: Row, *, starts_at: datetime | None, minutes: int | None) -> None:
        """Make an event what was asked for; what was not stays, and so does the length of one that is moved."""
        starts_at = _time(asked["starts_at"]) if "starts_at" in asked else starts_at
        minutes = asked.get("duration", minutes)
        if "admin_ids" in asked:
            interview = self.company.reassign(event_id, asked["admin_ids"])
            interview.seats.sort(key=lambda seat: asked["admin_ids"].index(seat.user_id))
        own = {name: asked[name] for name in (*OWN, "location") if name in asked}
        self.rows.written[event_id] = self.rows.written.get(event_id, {}) | own
        changes: Row = {"location": asked["location"]} if "location" in asked else {}
        if "starts_at" in asked or "duration" in asked:
            ends_at = starts_at + timedelta(minutes=minutes) if starts_at and minutes else None
            changes |= {"starts_at": starts_at, "ends_at": ends_at, "all_day_from": None, "all_day_until": None}
        self.company.edit(event_id, **changes)


def _time(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _is_time_zone(name: Any) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, AttributeError, OSError):
        return False
    return True
