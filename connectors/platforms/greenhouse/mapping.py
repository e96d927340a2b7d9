"""Greenhouse's payloads in our words, for both versions of Harvest.

References keep the platform's id even where no listing shows what they point at (confidential jobs, say).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connectors.records import (
    ApplicationRecord,
    JobInterviewStageRecord,
    Original,
    RejectReasonRecord,
    RemoteUserRecord,
    ScheduledInterviewRecord,
)
from connectors.values import flag, integer, known_or_same, optional_remote_id, remote_id, text, utc_midnight, utc_time
from unified.enums import AccessRole, InterviewStatus

Payload = Mapping[str, Any]
Dictionary = Mapping[str, str | None]  # ids to what they stand for

# https://harvestdocs.greenhouse.io/reference/get_v3-interviews
# https://developers.greenhouse.io/harvest.html#the-scheduled-interview-object
# Slots still to be scheduled and take-home tests are listed, too: their statuses pass through.
STATUSES = {
    "scheduled": InterviewStatus.SCHEDULED,
    "awaiting_feedback": InterviewStatus.AWAITING_FEEDBACK,
    "complete": InterviewStatus.COMPLETE,
}

# By `site_admin`; what everybody else may do is set job by job. https://harvestdocs.greenhouse.io/reference/get_v3-users
ACCESS_ROLES = {"true": AccessRole.SUPER_ADMIN}


def user_v3(payload: Payload) -> RemoteUserRecord:
    return _user(payload, "/v3/users", email=payload.get("primary_email"), disabled=payload.get("deactivated"))


def user_v1(payload: Payload) -> RemoteUserRecord:
    return _user(payload, "/v1/users", email=payload.get("primary_email_address"), disabled=payload.get("disabled"))


def stage_v3(payload: Payload) -> JobInterviewStageRecord:
    return _stage(payload, "/v3/job_interview_stages", order=payload.get("sort_order"))


def stage_v1(payload: Payload) -> JobInterviewStageRecord:
    return _stage(payload, "/v1/job_stages", order=payload.get("priority"))


def slots_v1(stage: Payload) -> Iterator[tuple[str, str]]:
    """Yield a stage's interview steps, each with the stage's id."""
    for step in stage.get("interviews") or ():
        yield remote_id(step["id"]), remote_id(stage["id"])


def application_v3(
    payload: Payload, *, sources: Dictionary, referrers: Dictionary, reject_reasons: Dictionary
) -> ApplicationRecord:
    """Read one entry of `GET /v3/applications`.

    Its `stage_id` names an instance of a stage, which is another id space: the stage is `job_interview_stage_id`.
    """
    source_id = optional_remote_id(payload.get("source_id"))
    reason_id = optional_remote_id(payload.get("rejection_reason_id"))
    return ApplicationRecord(
        remote_id=remote_id(payload["id"]),
        candidate=optional_remote_id(payload.get("candidate_id")),
        job=optional_remote_id(payload.get("job_id")) or _only(payload.get("prospective_job_ids")),
        applied_at=utc_time(payload.get("created_at")),
        rejected_at=utc_time(payload.get("rejected_at")),
        source=sources.get(source_id, source_id) if source_id else None,
        credited_to=referrers.get(optional_remote_id(payload.get("referrer_id")) or ""),
        current_stage=optional_remote_id(payload.get("job_interview_stage_id")),
        reject_reason=(
            RejectReasonRecord(remote_id=reason_id, name=reject_reasons.get(reason_id, reason_id))
            if reason_id
            else None
        ),
        remote_data=(Original("/v3/applications", payload),),
    )


def application_v1(payload: Payload) -> ApplicationRecord:
    """Read one entry of `GET /v1/applications`. `credited_to` may hold only a name: nobody that users show."""
    reason = payload.get("rejection_reason") or {}
    reason_id = optional_remote_id(reason.get("id"))
    return ApplicationRecord(
        remote_id=remote_id(payload["id"]),
        candidate=optional_remote_id(payload.get("candidate_id")),
        job=_only([job["id"] for job in payload.get("jobs") or ()]),
        applied_at=utc_time(payload.get("applied_at")),
        rejected_at=utc_time(payload.get("rejected_at")),
        source=text((payload.get("source") or {}).get("public_name")),
        credited_to=_id_of(payload.get("credited_to")),
        current_stage=_id_of(payload.get("current_stage")),
        reject_reason=RejectReasonRecord(remote_id=reason_id, name=text(reason.get("name"))) if reason_id else None,
        remote_data=(Original("/v1/applications", payload),),
    )


def interview_v3(payload: Payload, *, panel: Iterable[Payload], slots: Dictionary) -> ScheduledInterviewRecord:
    """Read one entry of `GET /v3/interviews` with its rows of `GET /v3/interviewers`, in any order.

    The organizer's row without a scorecard is a calendar entry, no seat on the panel; a row without a user is a guest.
    """
    organizer = optional_remote_id(payload.get("organizer_id"))
    application = optional_remote_id(payload.get("application_id"))
    rows = sorted(panel, key=lambda row: int(row["id"]))
    return ScheduledInterviewRecord(
        remote_id=remote_id(payload["id"]),
        remote_group=application,
        application=application,
        job_interview_stage=slots.get(optional_remote_id(payload.get("job_interview_id")) or ""),
        organizer=organizer,
        interviewers=_people(
            user_id
            for row in rows
            if (user_id := optional_remote_id(row.get("user_id"))) != organizer or row.get("scorecard_id") is not None
        ),
        location=_location(payload),
        start_at=utc_time(payload.get("starts_at")) or utc_midnight(payload.get("all_day_start_on")),
        end_at=utc_time(payload.get("ends_at")) or utc_midnight(payload.get("all_day_end_on")),
        remote_created_at=utc_time(payload.get("created_at")),
        remote_updated_at=utc_time(payload.get("updated_at")),
        status=known_or_same(payload.get("status"), STATUSES),
        remote_data=(Original("/v3/interviews", payload), Original("/v3/interviewers", rows)),
    )


def interview_v1(payload: Payload, *, slots: Dictionary) -> ScheduledInterviewRecord:
    """Read one entry of `GET /v1/scheduled_interviews`. Old ones lack `created_at` and `updated_at`."""
    start, end = payload.get("start") or {}, payload.get("end") or {}
    application = optional_remote_id(payload.get("application_id"))
    return ScheduledInterviewRecord(
        remote_id=remote_id(payload["id"]),
        remote_group=application,
        application=application,
        job_interview_stage=slots.get(_id_of(payload.get("interview")) or ""),
        organizer=_id_of(payload.get("organizer")),
        interviewers=_people(_id_of(person) for person in payload.get("interviewers") or ()),
        location=_location(payload),
        start_at=utc_time(start.get("date_time")) or utc_midnight(start.get("date")),
        end_at=utc_time(end.get("date_time")) or utc_midnight(end.get("date")),
        remote_created_at=utc_time(payload.get("created_at")),
        remote_updated_at=utc_time(payload.get("updated_at")),
        status=known_or_same(payload.get("status"), STATUSES),
        remote_data=(Original("/v1/scheduled_interviews", payload),),
    )


def _user(payload: Payload, path: str, *, email: str | None, disabled: bool | None) -> RemoteUserRecord:
    return RemoteUserRecord(
        remote_id=remote_id(payload["id"]),
        first_name=text(payload.get("first_name")),
        last_name=text(payload.get("last_name")),
        email=text(email or next(iter(payload.get("emails") or ()), None)),
        disabled=flag(disabled),
        remote_created_at=utc_time(payload.get("created_at")),
        access_role=known_or_same(payload.get("site_admin") or None, ACCESS_ROLES),
        remote_data=(Original(path, payload),),
    )


def _stage(payload: Payload, path: str, *, order: int | None) -> JobInterviewStageRecord:
    return JobInterviewStageRecord(
        remote_id=remote_id(payload["id"]),
        remote_was_deleted=payload.get("active") is False,
        name=text(payload.get("name")),
        job=optional_remote_id(payload.get("job_id")),
        stage_order=integer(order),
        remote_data=(Original(path, payload),),
    )


def _location(payload: Payload) -> str | None:
    """Return the place, or the link to the video call where there is none."""
    place = text(payload.get("location"))
    return place if place and place.strip() else text(payload.get("video_conferencing_url"))


def _people(user_ids: Iterable[str | None]) -> tuple[str, ...]:
    """Leave out guests, who have no user, and whoever is named twice."""
    return tuple(dict.fromkeys(user_id for user_id in user_ids if user_id is not None))


def _id_of(reference: Payload | None) -> str | None:
    return optional_remote_id(reference.get("id")) if reference else None


def _only(ids: Iterable[Any] | None) -> str | None:
    """Return the only id there is, None if there are several: we would not know which."""
    found = [remote_id(one) for one in ids or ()]
    return found[0] if len(found) == 1 else None
