"""Taleo Business Edition's payloads in our words. A missing key says as much as null, and so does empty text.

https://docslib.org/doc/4367746/taleo-business-edition-web-services-api-reference-guide
"""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from connectors.records import (
    MAX_REMOTE_ID_LENGTH,
    ApplicationRecord,
    JobInterviewStageRecord,
    Original,
    RejectReasonRecord,
    RemoteUserRecord,
    ScheduledInterviewRecord,
)
from connectors.stored import StoredApplication
from connectors.values import known_or_same, optional_remote_id, remote_id, text, utc_midnight, utc_time
from unified.enums import AccessRole

Payload = Mapping[str, Any]

STAGES_PATH = "object/status/CAREQ"
DATE_LENGTH = len("2026-03-02")

# http://www.oracle.com/technetwork/documentation/tberestapiguide-v15b1-2665296.pdf
ACCESS_ROLES = {
    "Administrator": AccessRole.SUPER_ADMIN,
    "Power User": AccessRole.ADMIN,
    "Recruiter": AccessRole.TEAM_MEMBER,
    "Hiring Manager": AccessRole.TEAM_MEMBER,
    "Manager": AccessRole.TEAM_MEMBER,
    "Approver": AccessRole.LIMITED_TEAM_MEMBER,
    "Reviewer": AccessRole.LIMITED_TEAM_MEMBER,
    "Interviewer": AccessRole.INTERVIEWER,
}
IS_DISABLED = {"1": False, "active": False, "2": True, "inactive": True}


class Users:
    """Who Taleo means, naming people now by id, now by login name."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._by_login: dict[str, str] = {}

    def add(self, payload: Payload) -> None:
        user_id = remote_id(payload["userId"])
        self._ids.add(user_id)
        if login := _filled(payload.get("loginName")):
            self._by_login.setdefault(login.casefold(), user_id)

    def find(self, reference: Any) -> str | None:
        """Return the id of a user, or what looks like one though nobody was listed with it."""
        name = _filled(reference)
        if name is None or name in self._ids:
            return name
        return self._by_login.get(name.casefold()) or (name if name.isdecimal() else None)


def user(payload: Payload, *, time_zone: tzinfo) -> RemoteUserRecord:
    user_id = remote_id(payload["userId"])
    return RemoteUserRecord(
        remote_id=user_id,
        first_name=_filled(payload.get("firstName")),
        last_name=_filled(payload.get("lastName")),
        email=_filled(payload.get("email")),
        disabled=IS_DISABLED.get((text(payload.get("status")) or "").casefold()),
        remote_created_at=moment(payload.get("creationDate"), time_zone),
        access_role=known_or_same(payload.get("role"), ACCESS_ROLES),
        remote_data=(Original(f"object/user/{user_id}", payload),),
    )


def stage(payload: Payload) -> JobInterviewStageRecord:
    return JobInterviewStageRecord(
        remote_id=remote_id(payload["id"]),
        name=_filled(payload.get("text")),
        remote_data=(Original(STAGES_PATH, payload),),
    )


def application(payload: Payload, *, candidate: Payload | None, users: Users, time_zone: tzinfo) -> ApplicationRecord:
    """Read a `candidateapplication` with its candidate, None if that was not listed.

    Taleo keeps no date of a rejection: the application's last change stands in for it.
    """
    application_id = remote_id(payload["id"])
    reason = _filled(payload.get("reasonRejected"))
    originals = [Original(f"object/candidateapplication/{application_id}", payload)]
    if candidate is not None:
        originals.append(Original(f"object/candidate/{remote_id(candidate['candId'])}", candidate))
    else:
        candidate = {}
    return ApplicationRecord(
        remote_id=application_id,
        candidate=optional_remote_id(payload.get("candidateId")),
        job=optional_remote_id(payload.get("requisitionId")),
        applied_at=moment(payload.get("dateApplied"), time_zone),
        rejected_at=moment(payload.get("lastUpdated"), time_zone) if reason else None,
        source=_filled(candidate.get("source")),
        credited_to=users.find(candidate.get("referredBy")),
        current_stage=optional_remote_id(payload.get("status")),
        reject_reason=RejectReasonRecord(remote_id=reason[:MAX_REMOTE_ID_LENGTH], name=reason) if reason else None,
        remote_data=tuple(originals),
    )


def candidate_and_job(interview: Payload) -> tuple[str, str] | None:
    """Return what an interview has in place of an application, None where a half of it is missing."""
    candidate = optional_remote_id(interview.get("candidateId"))
    job = optional_remote_id(interview.get("requisitionId"))
    return (candidate, job) if candidate and job else None


def interview(
    payload: Payload, *, application: StoredApplication | None, users: Users, time_zone: tzinfo
) -> ScheduledInterviewRecord:
    """Read an `interview`. `application` is that of its candidate and job, and its stage is the interview's.

    The interview has no end of its own: it ends with the last of its participants, whoever they are. Its `status` is
    any text that the customer likes, so it stays among the originals.
    """
    interview_id = remote_id(payload["interviewId"])
    participants = payload.get("participants") or ()
    starts = [start for one in participants if (start := moment(one.get("startDate"), time_zone))]
    ends = [end for one in participants if (end := moment(one.get("endDate"), time_zone))]
    people = (optional_remote_id(one.get("personId")) for one in participants if one.get("personType") == "WORK")
    return ScheduledInterviewRecord(
        remote_id=interview_id,
        application=application.remote_id if application else None,
        job_interview_stage=application.current_stage if application else None,
        organizer=users.find(payload.get("creator")),
        interviewers=tuple(dict.fromkeys(person for person in people if person)),
        location=_filled(payload.get("interviewRoom")),
        start_at=moment(payload.get("startDate"), time_zone) or min(starts, default=None),
        end_at=max(ends, default=None),
        remote_created_at=moment(payload.get("creationDate"), time_zone),
        remote_updated_at=moment(payload.get("lastUpdated"), time_zone),
        remote_data=(Original(f"object/interview/{interview_id}", payload),),
    )


def moment(value: str | None, time_zone: tzinfo) -> datetime | None:
    """Read a time with an offset or one of `time_zone`; a mere date begins at midnight UTC, wherever the customer is.

    Raises ValueError for any other text.
    """
    if not value:
        return None
    if len(value) == DATE_LENGTH:
        return utc_midnight(value)
    found = datetime.fromisoformat(value)
    return found.replace(tzinfo=time_zone).astimezone(UTC) if found.tzinfo is None else utc_time(value)


def _filled(value: Any) -> str | None:
    return text(value) or None
