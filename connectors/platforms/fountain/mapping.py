"""Fountain's payloads in our words.

An applicant is one person in one opening: application and candidate at once. A calendar slot can be booked by several
applicants, and each booking is an interview.
"""

from collections.abc import Container, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from connectors.records import (
    MAX_REMOTE_ID_LENGTH,
    ApplicationRecord,
    Choice,
    JobInterviewStageRecord,
    Original,
    RejectReasonRecord,
    RemoteUserRecord,
    ScheduledInterviewRecord,
)
from connectors.values import known_or_same, optional_remote_id, remote_id, text, utc_time
from unified.enums import InterviewStatus

Payload = Mapping[str, Any]

# By `showed_up`, which can be text; no unified value fits who stayed away. https://developer.fountain.com/docs/sessions
STATUSES = {
    "true": InterviewStatus.COMPLETE,
    "false": "NO_SHOW",
}


def user(payload: Payload) -> RemoteUserRecord:
    """Read one entry of `GET /users`. There is one name: its last word is the last name, if it has several."""
    words = (text(payload.get("name")) or "").split()
    return RemoteUserRecord(
        remote_id=remote_id(payload["id"]),
        first_name=" ".join(words[:-1] or words) or None,
        last_name=words[-1] if len(words) > 1 else None,
        email=text(payload.get("email")),
        remote_data=(Original("/users", payload),),
    )


def stage(payload: Payload, *, opening: str, stage_order: int, is_shared: bool) -> JobInterviewStageRecord:
    """Read one of the `stages` of an entry of `GET /funnels`; a shared one is of several openings, and of no job."""
    return JobInterviewStageRecord(
        remote_id=remote_id(payload["id"]),
        name=text(payload.get("title")),
        job=None if is_shared else opening,
        stage_order=stage_order,
        remote_data=(Original("/funnels", {**payload, "funnel_id": opening}),),
    )


def is_rejection(stage: Payload) -> bool:
    return (text(stage.get("type")) or "").lower().removesuffix("stage") == "rejected"


def application(payload: Payload, *, rejection_stages: Container[str]) -> ApplicationRecord:
    """Read one entry of `GET /applicants`. Whoever went on after a rejection keeps its reason, which says nothing."""
    applicant_id = remote_id(payload["id"])
    current_stage = _id_of(payload.get("stage"))
    is_rejected = current_stage in rejection_stages
    return ApplicationRecord(
        remote_id=applicant_id,
        candidate=applicant_id,
        job=_id_of(payload.get("funnel")),
        applied_at=utc_time(payload.get("created_at")),
        rejected_at=utc_time(payload.get("last_transitioned_at")) if is_rejected else None,
        current_stage=current_stage,
        reject_reason=_reject_reason(payload.get("rejection_reason")) if is_rejected else None,
        remote_data=(Original("/applicants", payload),),
    )


def interview(slot: Payload, booking: Payload, *, stage: str | None, now: datetime) -> ScheduledInterviewRecord:
    """Read one of the `booked_slots` of an entry of `GET /sessions`. Other people's bookings stay out of the original.

    Until somebody notes whether the applicant came, the status tells what `now` makes of the slot's times.
    """
    start_at, end_at = utc_time(slot.get("start_time")), utc_time(slot.get("end_time"))
    recruiter = optional_remote_id(slot.get("user_id"))
    return ScheduledInterviewRecord(
        remote_id=remote_id(booking["id"]),
        application=optional_remote_id(booking.get("applicant_id")),
        job_interview_stage=stage,
        interviewers=(recruiter,) if recruiter else (),
        location=text(slot.get("location")) or None,
        start_at=start_at,
        end_at=end_at,
        status=known_or_same(booking.get("showed_up"), STATUSES) or _status_by_time(end_at or start_at, now),
        remote_data=(Original("/sessions", {**slot, "booked_slots": [booking]}),),
    )


def _status_by_time(over_at: datetime | None, now: datetime) -> Choice | None:
    if over_at is None:
        return None
    return Choice(InterviewStatus.AWAITING_FEEDBACK if over_at <= now else InterviewStatus.SCHEDULED, None)


def _reject_reason(value: Any) -> RejectReasonRecord | None:
    """Return a reason, which Fountain knows by its words only: they are its id, or their hash if they are too many."""
    name = text(value)
    if not name or name.isspace():
        return None
    identity = name if len(name) <= MAX_REMOTE_ID_LENGTH else sha256(name.encode()).hexdigest()
    return RejectReasonRecord(remote_id=identity, name=name)


def _id_of(reference: Payload | None) -> str | None:
    return optional_remote_id(reference.get("id")) if reference else None
