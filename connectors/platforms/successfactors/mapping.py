"""SuccessFactors' payloads in our words.

How the entities of Recruiting hang together: https://userapps.support.sap.com/sap/support/knowledge/en/3383354
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.odata import expanded, moment
from connectors.records import (
    ApplicationRecord,
    Choice,
    JobInterviewStageRecord,
    Original,
    RejectReasonRecord,
    RemoteUserRecord,
    ScheduledInterviewRecord,
)
from connectors.values import optional_remote_id, remote_id, text
from unified.enums import InterviewStatus

Payload = Mapping[str, Any]

# https://userapps.support.sap.com/sap/support/knowledge/en/2736579
DISABLED = frozenset({"f", "F", "d"})

# What candidates have begun, and not sent: https://userapps.support.sap.com/sap/support/knowledge/en/2918571
UNFINISHED = frozenset({"Saved", "Draft Application"})
DISQUALIFIED = "Disqualified"

# https://userapps.support.sap.com/sap/support/knowledge/en/2887152
SOURCES = {
    "0": "Internal Career Site",
    "1": "Corporate: Default Site",
    "2": "Job Board",
    "3": "Forwarded",
    "4": "Agency",
    "5": "Referral",
    "6": "Internal Referred",
    "8": "Recruiting Marketing",
    "9": "Forwarded as Applicant",
}

# Statuses of interviews have no list; how they are compared: _key.
COMPLETE = frozenset({"COMPLETE", "COMPLETED", "DONE"})
BOOKED = frozenset({"", "SCHEDULED", "BOOKED", "CONFIRMED", "OPEN", "NOT_STARTED", "IN_PROGRESS"})

# https://userapps.support.sap.com/sap/support/knowledge/en/3115715; NOT RATED is the third.
RATINGS = frozenset({"POSITIVE", "NEGATIVE"})


def user(payload: Payload) -> RemoteUserRecord:
    return RemoteUserRecord(
        remote_id=remote_id(payload["userId"]),
        first_name=text(payload.get("firstName")) or None,
        last_name=text(payload.get("lastName")) or None,
        email=text(payload.get("email")) or None,
        disabled=_disabled(text(payload.get("status"))),
        remote_data=(Original("/odata/v2/User", payload),),
    )


def stage(payload: Payload) -> JobInterviewStageRecord | None:
    """Read one entry of `JobApplicationStatus`; None for one that no application can be in, as it has no id."""
    if payload.get("appStatusId") is None:
        return None
    return JobInterviewStageRecord(
        remote_id=remote_id(payload["appStatusId"]),
        name=text(payload.get("appStatusName")),
        remote_data=(Original("/odata/v2/JobApplicationStatus", payload),),
    )


def is_unfinished(application: Payload) -> bool:
    return application.get("status") in UNFINISHED


def application(payload: Payload) -> ApplicationRecord:
    """Read one entry of `JobApplication`, with `jobAppStatus`.

    Nothing says when and why somebody was disqualified: the last change stands for the one, the status for the other.
    """
    is_disqualified = payload.get("status") == DISQUALIFIED
    status = payload.get("jobAppStatus") or {}
    # Ids of statuses are unique within a set of them only, which is why the name tells reasons apart.
    reason = text(status.get("appStatusName")) if is_disqualified else None
    return ApplicationRecord(
        remote_id=remote_id(payload["applicationId"]),
        candidate=optional_remote_id(payload.get("candidateId")),
        job=optional_remote_id(payload.get("jobReqId")),
        applied_at=_second(payload.get("applicationDate")),
        rejected_at=_second(payload.get("lastModifiedDateTime")) if is_disqualified else None,
        source=_source(payload),
        credited_to=optional_remote_id(payload.get("referredBy")),
        current_stage=optional_remote_id(status.get("appStatusId")),
        reject_reason=RejectReasonRecord(remote_id=remote_id(reason), name=reason) if reason else None,
        remote_data=(Original("/odata/v2/JobApplication", payload),),
    )


def application_of(interview: Payload) -> str | None:
    return optional_remote_id(interview.get("applicationId"))


def interview(payload: Payload, *, stages: Mapping[str, str | None], now: datetime) -> ScheduledInterviewRecord:
    """Read one entry of `JobApplicationInterview`, with `interviewer` and `interviewOverallAssessment`.

    That is one interviewer's part: a panel of three is three entries. `stages` are those of applications, by id. What
    is over at `now` and was not rated awaits feedback.
    """
    application = application_of(payload)
    interviewer = optional_remote_id((payload.get("interviewer") or {}).get("userId"))
    start_at, end_at = _second(payload.get("startDate")), _second(payload.get("endDate"))
    return ScheduledInterviewRecord(
        remote_id=remote_id(payload["applicationInterviewId"]),
        application=application,
        job_interview_stage=stages.get(application) if application else None,
        interviewers=(interviewer,) if interviewer else (),
        start_at=start_at,
        end_at=end_at,
        status=_status(payload, over_at=end_at or start_at, now=now),
        remote_data=(Original("/odata/v2/JobApplicationInterview", payload),),
    )


def _disabled(status: str | None) -> bool | None:
    return None if status is None else status in DISABLED or status.lower().startswith("inactive")


def _source(application: Payload) -> str | None:
    source = text(application.get("source")) or ""
    return text(application.get("sourceLabel")) or SOURCES.get(source, source) or None


def _status(interview: Payload, *, over_at: datetime | None, now: datetime) -> Choice:
    """What a status says that is not about a plain booking passes through: its values are not documented."""
    original = text(interview.get("status")) or None
    key = _key(original or "")
    if key in COMPLETE:
        return Choice(InterviewStatus.COMPLETE, original)
    if original and key not in BOOKED:
        return Choice(original, original)
    if any(
        (row or {}).get("overallRating") in RATINGS for row in expanded(interview.get("interviewOverallAssessment"))
    ):
        return Choice(InterviewStatus.COMPLETE, original)
    if over_at and over_at < now:
        return Choice(InterviewStatus.AWAITING_FEEDBACK, original)
    return Choice(InterviewStatus.SCHEDULED, original)


def _key(status: str) -> str:
    return re.sub(r"[\s-]+", "_", status.strip().upper())


def _second(value: str | None) -> datetime | None:
    """Return a time without what is below a second."""
    time = moment(value)
    return time and time.replace(microsecond=0)
