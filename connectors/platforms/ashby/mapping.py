"""Ashby's payloads in our words. Empty text counts as null, everywhere."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.records import (
    ApplicationRecord,
    JobInterviewStageRecord,
    Original,
    RejectReasonRecord,
    RemoteUserRecord,
    ScheduledInterviewRecord,
)
from connectors.values import flag, integer, known_or_same, optional_remote_id, remote_id, text, utc_time
from unified.enums import AccessRole, InterviewStatus

Payload = Mapping[str, Any]

# Of the schedule: all its events share it. https://developers.ashbyhq.com/reference/interviewschedulelist
# Ashby knows more, and their number grows: they pass through, as do schedules still to be booked and cancelled ones.
STATUSES = {
    "Scheduled": InterviewStatus.SCHEDULED,
    "WaitingOnFeedback": InterviewStatus.AWAITING_FEEDBACK,
    "Complete": InterviewStatus.COMPLETE,
}

# By `globalRole`; others ("External Recruiter") pass through. https://developers.ashbyhq.com/reference/userlist
ACCESS_ROLES = {
    "Organization Admin": AccessRole.ADMIN,
    "Elevated Access": AccessRole.TEAM_MEMBER,
    "Limited Access": AccessRole.LIMITED_TEAM_MEMBER,
}


def user(payload: Payload) -> RemoteUserRecord:
    is_enabled = flag(payload.get("isEnabled"))
    return RemoteUserRecord(
        remote_id=remote_id(payload["id"]),
        first_name=_text(payload.get("firstName")),
        last_name=_text(payload.get("lastName")),
        email=_text(payload.get("email")),
        disabled=None if is_enabled is None else not is_enabled,
        access_role=known_or_same(payload.get("globalRole"), ACCESS_ROLES),
        remote_data=(Original("/user.list", payload),),
    )


def stage(payload: Payload, *, path: str) -> JobInterviewStageRecord:
    """Read a stage, which looks the same wherever it is told. It has no job: an interview plan may serve many."""
    return JobInterviewStageRecord(
        remote_id=remote_id(payload["id"]),
        name=_text(payload.get("title")),
        stage_order=integer(payload.get("orderInInterviewPlan")),
        remote_data=(Original(path, payload),),
    )


def application(payload: Payload) -> ApplicationRecord:
    """Read one entry of `application.list`. One that is taken up again may keep the reason it was archived for."""
    is_archived = payload.get("status") == "Archived"
    return ApplicationRecord(
        remote_id=remote_id(payload["id"]),
        candidate=_id_of(payload.get("candidate")),
        job=_id_of(payload.get("job")),
        applied_at=_time(payload.get("createdAt")),
        rejected_at=_time(payload.get("archivedAt")) if is_archived else None,
        source=_text((payload.get("source") or {}).get("title")),
        credited_to=_id_of(payload.get("creditedToUser")),
        current_stage=_id_of(payload.get("currentInterviewStage")),
        reject_reason=_reject_reason(payload.get("archiveReason")) if is_archived else None,
        remote_data=(Original("/application.list", payload),),
    )


def interview(event: Payload, *, schedule: Payload, path: str) -> ScheduledInterviewRecord:
    """Read one event of a schedule. `schedule` comes without its events, `path` is where the event was listed."""
    return ScheduledInterviewRecord(
        remote_id=remote_id(event["id"]),
        remote_group=remote_id(schedule["id"]),
        application=optional_remote_id(schedule.get("applicationId")),
        job_interview_stage=optional_remote_id(schedule.get("interviewStageId")),
        interviewers=_interviewers(event),
        start_at=_time(event.get("startTime")),
        end_at=_time(event.get("endTime")),
        remote_created_at=_time(event.get("createdAt")) or _time(schedule.get("createdAt")),
        status=known_or_same(schedule.get("status"), STATUSES),
        remote_data=(Original(path, {**event, "interviewSchedule": schedule}),),
    )


def _interviewers(event: Payload) -> tuple[str, ...]:
    """Old events have the deprecated list of ids alone."""
    ids = [_id_of(person) for person in event.get("interviewers") or ()]
    ids = ids or [optional_remote_id(user_id) for user_id in event.get("interviewerUserIds") or ()]
    return tuple(dict.fromkeys(user_id for user_id in ids if user_id is not None))


def _reject_reason(reason: Payload | None) -> RejectReasonRecord | None:
    name = _text(reason.get("text")) if reason else None
    return RejectReasonRecord(remote_id=_id_of(reason) or name, name=name) if name else None


def _id_of(reference: Payload | None) -> str | None:
    return optional_remote_id(reference.get("id")) if reference else None


def _text(value: Any) -> str | None:
    return text(value) or None


def _time(value: str | None) -> datetime | None:
    return utc_time(value or None)
