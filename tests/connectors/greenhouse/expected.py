"""What our API has to show of a company that hires with Greenhouse, read with Harvest v3.

https://harvestdocs.greenhouse.io/docs/list-endpoints
"""

from datetime import UTC, datetime, time
from typing import Any

from sandbox.company import Application, ApplicationState, Company, Interview, InterviewState, Stage, User

STATUSES = {
    InterviewState.PLACEHOLDER: "to_be_scheduled",
    InterviewState.SCHEDULED: "SCHEDULED",
    InterviewState.AWAITING_FEEDBACK: "AWAITING_FEEDBACK",
    InterviewState.COMPLETE: "COMPLETE",
}


def expected(company: Company, *, now: datetime) -> dict[str, dict[str, dict[str, Any]]]:
    """Return all fields by unified model and remote id, as a full sync of the company has to leave them.

    Retired stages and cancelled interviews are not among them: they count as deleted.
    """
    return {
        "RemoteUser": {str(user.id): _user(user) for user in company.users.values()},
        "JobInterviewStage": {str(stage.id): _stage(stage) for stage in company.stages.values() if stage.is_active},
        "Application": {str(one.id): _application(company, one) for one in company.applications.values()},
        "ScheduledInterview": {
            str(one.id): _interview(company, one)
            for one in company.interviews.values()
            if one.state is not InterviewState.CANCELLED
        },
    }


def _user(user: User) -> dict[str, Any]:
    return {
        "remote_id": str(user.id),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "disabled": user.is_disabled,
        "remote_created_at": _to_milliseconds(user.created_at),
        "access_role": "SUPER_ADMIN" if user.is_admin else None,
        "remote_was_deleted": False,
    }


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "remote_id": str(stage.id),
        "name": stage.name,
        "job": str(stage.job_id),
        "stage_order": stage.position,
        "remote_was_deleted": False,
    }


def _application(company: Company, application: Application) -> dict[str, Any]:
    referrer = company.referrers[application.referrer_id] if application.referrer_id is not None else None
    reason = company.reject_reasons[application.reject_reason_id] if application.reject_reason_id is not None else None
    return {
        "remote_id": str(application.id),
        "candidate": str(application.candidate_id),
        "job": str(application.job_id),
        "applied_at": _to_milliseconds(application.created_at),
        "rejected_at": _to_milliseconds(application.rejected_at),
        "source": company.sources[application.source_id].name if application.source_id is not None else None,
        "credited_to": _id(referrer.user_id) if referrer else None,
        "current_stage": _id(application.stage_id) if application.state is ApplicationState.ACTIVE else None,
        "reject_reason": reason.name if reason else None,
        "remote_was_deleted": False,
    }


def _interview(company: Company, interview: Interview) -> dict[str, Any]:
    start_at, end_at = interview.starts_at, interview.ends_at
    if interview.all_day_from and interview.all_day_until:
        start_at = datetime.combine(interview.all_day_from, time(tzinfo=UTC))
        end_at = datetime.combine(interview.all_day_until, time(tzinfo=UTC))
    seats = sorted(interview.seats, key=lambda seat: seat.id)
    panel = dict.fromkeys(
        str(seat.user_id)
        for seat in seats
        if seat.user_id is not None and (seat.has_scorecard or seat.user_id != interview.organizer_id)
    )
    return {
        "remote_id": str(interview.id),
        "application": str(interview.application_id),
        "job_interview_stage": str(company.slots[interview.slot_id].stage_id),
        "organizer": _id(interview.organizer_id),
        "interviewers": list(panel),
        "location": interview.location or interview.video_url,
        "start_at": _to_milliseconds(start_at),
        "end_at": _to_milliseconds(end_at),
        "remote_created_at": _to_milliseconds(interview.created_at),
        "remote_updated_at": _to_milliseconds(interview.updated_at),
        "status": STATUSES[interview.state],
        "remote_was_deleted": False,
    }


def _id(number: int | None) -> str | None:
    return str(number) if number is not None else None


def _to_milliseconds(moment: datetime | None) -> datetime | None:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000) if moment else None
