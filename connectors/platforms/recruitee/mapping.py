"""Recruitee's payloads in our words. An empty text says as little as a missing one.

https://apidocs.recruitee.com
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from connectors.records import (
    MAX_REMOTE_ID_LENGTH,
    ApplicationRecord,
    JobInterviewStageRecord,
    Original,
    Record,
    RejectReasonRecord,
    RemoteUserRecord,
    ScheduledInterviewRecord,
)
from connectors.stored import StoredApplication
from connectors.values import integer, optional_remote_id, remote_id, text, utc_time

Payload = Mapping[str, Any]
Pair = tuple[str, str]  # a candidate and an offer
Placements = Mapping[Pair, tuple[StoredApplication, ...]]


def user(payload: Payload, *, path: str = "/admins") -> RemoteUserRecord:
    """Read one entry of `GET /admins`, which lists who is active, or who is found only in `references`."""
    return RemoteUserRecord(
        remote_id=remote_id(payload["id"]),
        first_name=text(_given(payload, "first_name")),
        last_name=text(_given(payload, "last_name")),
        email=text(_given(payload, "email")),
        disabled=path == "references",
        remote_data=(Original(path, payload),),
    )


def stage(payload: Payload, *, order: int | None = None, path: str = "references") -> JobInterviewStageRecord:
    """Read a stage of a template, `order` being its index there, or one that is found only in `references`."""
    position = _given(payload, "position") if path != "references" else None
    return JobInterviewStageRecord(
        remote_id=remote_id(payload["id"]),
        name=text(_given(payload, "name")),
        stage_order=order if position is None else integer(position),
        remote_data=(Original(path, payload),),
    )


def former_user(payload: Payload) -> RemoteUserRecord:
    return user(payload, path="references")


# What `references` describe of our models, by their `type`.
REFERENCES: Mapping[str, tuple[str, Callable[[Payload], Record]]] = {
    "Admin": ("RemoteUser", former_user),
    "Stage": ("JobInterviewStage", stage),
}


def application(placement: Payload, *, candidate: Payload) -> ApplicationRecord:
    """Read one of a candidate's `placements`. `candidate` comes without them."""
    rejected_at = _time(placement, "disqualified_at")
    return ApplicationRecord(
        remote_id=remote_id(placement["id"]),
        candidate=optional_remote_id(placement.get("candidate_id")),
        job=optional_remote_id(placement.get("offer_id")),
        applied_at=_time(placement, "created_at"),
        rejected_at=rejected_at,
        source=text(_given(candidate, "source")),
        credited_to=optional_remote_id(candidate.get("admin_id")),
        current_stage=optional_remote_id(placement.get("stage_id")),
        reject_reason=_reject_reason(text(placement.get("disqualify_reason"))) if rejected_at else None,
        remote_data=(Original("/candidates", {**placement, "candidate": candidate}),),
    )


def pair(event: Payload) -> Pair | None:
    """Return whom an interview is held with, and for which offer. None if the event does not say."""
    candidate, offer = optional_remote_id(event.get("candidate_id")), optional_remote_id(event.get("offer_id"))
    return (candidate, offer) if candidate and offer else None


def interview(event: Payload, *, placements: Placements) -> ScheduledInterviewRecord:
    """Read one entry of `GET /interview/events`, which names no placement: of several the newest one is meant."""
    start_at, minutes = _time(event, "starts_at"), integer(_given(event, "duration"))
    meant = pair(event)
    candidates = placements.get(meant, ()) if meant else ()
    return ScheduledInterviewRecord(
        remote_id=remote_id(event["id"]),
        application=max((one.remote_id for one in candidates), key=int, default=None),
        job_interview_stage=optional_remote_id(event.get("stage_id")),
        organizer=optional_remote_id(event.get("admin_id")),
        interviewers=tuple(remote_id(one) for one in _given(event, "admin_ids") or ()),
        start_at=start_at,
        end_at=None if start_at is None or minutes is None else start_at + timedelta(minutes=minutes),
        remote_created_at=_time(event, "created_at"),
        remote_updated_at=_time(event, "updated_at"),
        remote_data=(Original("/interview/events", event),),
    )


def _reject_reason(reason: str | None) -> RejectReasonRecord | None:
    """Make a record of a text, which is all there is: it is its own id, or its digest where it is too long for one."""
    if not reason:
        return None
    identity = reason if len(reason) <= MAX_REMOTE_ID_LENGTH else sha256(reason.encode()).hexdigest()
    return RejectReasonRecord(remote_id=identity, name=reason)


def _time(payload: Payload, key: str) -> datetime | None:
    return utc_time(_given(payload, key))


def _given(payload: Payload, key: str) -> Any:
    value = payload.get(key)
    return None if value == "" else value
