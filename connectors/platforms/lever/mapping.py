"""Lever's payloads in our words: https://hire.lever.co/developer/documentation

An opportunity is our application: it holds at most one application (old ones may hold two), and interviews hang on it.
Whatever is unset is null, empty text, or missing. References keep the platform's id even where no list shows what they
point at.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from connectors.records import (
    ApplicationRecord,
    JobInterviewStageRecord,
    Original,
    RejectReasonRecord,
    RemoteUserRecord,
    ScheduledInterviewRecord,
)
from connectors.values import known_or_same, optional_remote_id, remote_id, text, utc_time
from unified.enums import AccessRole

Payload = Mapping[str, Any]

# https://hire.lever.co/developer/documentation#users; custom roles pass through.
ACCESS_ROLES = {
    "super admin": AccessRole.SUPER_ADMIN,
    "admin": AccessRole.ADMIN,
    "team member": AccessRole.TEAM_MEMBER,
    "limited team member": AccessRole.LIMITED_TEAM_MEMBER,
    "interviewer": AccessRole.INTERVIEWER,
}


class ArchiveReason(NamedTuple):
    text: str | None
    is_hired: bool


ArchiveReasons = Mapping[str, ArchiveReason]  # by id


def user(payload: Payload) -> RemoteUserRecord:
    """Read one entry of `GET /users`. There is one field for the whole name: its first word is the first name."""
    first_name, last_name = _names(payload.get("name"))
    return RemoteUserRecord(
        remote_id=remote_id(payload["id"]),
        first_name=first_name,
        last_name=last_name,
        email=_text(payload.get("email")),
        disabled=_is_set(payload.get("deactivatedAt")),
        remote_created_at=_time(payload.get("createdAt")),
        access_role=known_or_same(payload.get("accessRole"), ACCESS_ROLES),
        remote_data=(Original("/users", payload),),
    )


def stage(payload: Payload, *, order: int) -> JobInterviewStageRecord:
    """Read one entry of `GET /stages`, `order` being its position in the list. Stages belong to no job."""
    return JobInterviewStageRecord(
        remote_id=remote_id(payload["id"]),
        name=_text(payload.get("text")),
        stage_order=order,
        remote_data=(Original("/stages", payload),),
    )


def archive_reason(payload: Payload) -> tuple[str, ArchiveReason]:
    """Read one entry of `GET /archive_reasons`, with its id."""
    return remote_id(payload["id"]), ArchiveReason(_text(payload.get("text")), payload.get("type") == "hired")


def application(payload: Payload, *, archive_reasons: ArchiveReasons) -> ApplicationRecord:
    """Read one opportunity with its `applications` expanded.

    Leads have none. Who was hired is archived like who was rejected: only the reason tells.
    """
    applied = _latest(payload.get("applications") or ())
    archived = payload.get("archived") or {}
    reason_id = optional_remote_id(archived.get("reason"))
    reason = archive_reasons.get(reason_id or "")
    is_hired = reason is not None and reason.is_hired
    referrer = applied.get("user") if applied.get("type") == "referral" else None
    return ApplicationRecord(
        remote_id=remote_id(payload["id"]),
        candidate=optional_remote_id(payload.get("contact")),
        job=optional_remote_id(applied.get("posting")),
        applied_at=_time(applied.get("createdAt")),
        rejected_at=None if is_hired else _time(archived.get("archivedAt")),
        source=", ".join(word for source in payload.get("sources") or () if (word := text(source))) or None,
        credited_to=optional_remote_id(referrer or payload.get("sourcedBy")),
        current_stage=optional_remote_id(payload.get("stage")),
        reject_reason=(
            RejectReasonRecord(remote_id=reason_id, name=(reason and reason.text) or reason_id)
            if reason_id and not is_hired
            else None
        ),
        remote_data=(Original("/opportunities", payload),),
    )


def interview(payload: Payload, *, opportunity_id: str) -> ScheduledInterviewRecord:
    """Read one entry of `GET /opportunities/:id/interviews`.

    One that was cancelled is still listed, and there is no status that could say so: it counts as deleted. `timezone`
    only says how times are to be shown. Guests of the panel have no id.
    """
    start_at, minutes = _time(payload.get("date")), payload.get("duration")
    location = text(payload.get("location"))
    panel = (optional_remote_id(person.get("id")) for person in payload.get("interviewers") or ())
    return ScheduledInterviewRecord(
        remote_id=remote_id(payload["id"]),
        remote_was_deleted=_is_set(payload.get("canceledAt")),
        remote_group=opportunity_id,
        application=opportunity_id,
        job_interview_stage=optional_remote_id(payload.get("stage")),
        organizer=optional_remote_id(payload.get("user")),
        interviewers=tuple(dict.fromkeys(user_id for user_id in panel if user_id is not None)),
        location=location if location and location.strip() else None,
        start_at=start_at,
        end_at=start_at + timedelta(minutes=minutes) if start_at and minutes is not None and minutes != "" else None,
        remote_created_at=_time(payload.get("createdAt")),
        remote_data=(Original(f"/opportunities/{opportunity_id}/interviews", payload),),
    )


def _latest(applications: list[Payload] | tuple[()]) -> Payload:
    """Return the application that was made last, of several at the same time the later in the list. Empty if none."""
    latest: Payload = {}
    for one in applications:
        if not latest or (one.get("createdAt") or 0) >= (latest.get("createdAt") or 0):
            latest = one
    return latest


def _names(value: Any) -> tuple[str | None, str | None]:
    words = (text(value) or "").strip().split(maxsplit=1)
    return words[0] if words else None, words[1] if len(words) > 1 else None


def _is_set(value: Any) -> bool:
    return value is not None and value != ""


def _text(value: Any) -> str | None:
    return text(value) or None


def _time(value: int | str | None) -> datetime | None:
    return utc_time(value) if _is_set(value) else None
