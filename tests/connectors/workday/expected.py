"""What our API shows after a full sync of a simulated company, told from Workday's documentation alone."""

from datetime import datetime
from typing import Any

from sandbox.company import Application, Company, Interview, InterviewState
from sandbox.platforms.workday.rows import times, was_added_by_recruiter, wid

Unified = dict[str, dict[str, dict[str, Any]]]


def expected(company: Company, *, now: datetime) -> Unified:
    """Return all fields by model and remote id. Nothing depends on `now`.

    Stages that nobody is in any more are left out: they are shown if an earlier sync saw them.
    """
    workers = {user.id for user in company.users.values() if not user.is_service_account}
    stages = {company.stages[one.stage_id].name for one in company.applications.values() if one.stage_id is not None}
    found = {
        "RemoteUser": [
            {
                "remote_id": wid("worker", user.id),
                "first_name": user.first_name,
                "last_name": user.last_name,
                "email": user.email,
                "disabled": user.is_disabled,
                "remote_created_at": None,
                "access_role": None,
            }
            for user in company.users.values()
            if user.id in workers
        ],
        "JobInterviewStage": [
            {"remote_id": wid("stage", name), "name": name, "job": None, "stage_order": None} for name in stages
        ],
        "Application": [_application(company, one, workers) for one in company.applications.values()],
        "ScheduledInterview": [
            _interview(one, workers) for one in company.interviews.values() if one.state is not InterviewState.CANCELLED
        ],
    }
    return {
        model_name: {one["remote_id"]: {**one, "remote_was_deleted": False} for one in records}
        for model_name, records in found.items()
    }


def _application(company: Company, application: Application, workers: set[int]) -> dict[str, Any]:
    stage = company.stages[application.stage_id] if application.stage_id is not None else None
    reason = company.reject_reasons[application.reject_reason_id] if application.reject_reason_id else None
    source = company.sources[application.source_id] if application.source_id else None
    referrer = company.referrers[application.referrer_id].user_id if application.referrer_id else None
    recruiter = application.recruiter_id if was_added_by_recruiter(application) else None
    credited = next((one for one in (referrer, recruiter) if one in workers), None)
    return {
        "remote_id": wid("application", application.id),
        "candidate": wid("candidate", application.candidate_id),
        "job": wid("job", application.job_id),
        "applied_at": _to_the_millisecond(application.created_at),
        "rejected_at": _to_the_millisecond(application.rejected_at) if reason else None,
        "source": source.name if source else None,
        "credited_to": wid("worker", credited) if credited else None,
        "current_stage": wid("stage", stage.name) if stage else None,
        "reject_reason": reason.name if reason else None,
    }


def _interview(interview: Interview, workers: set[int]) -> dict[str, Any]:
    start_at, end_at = times(interview)
    panel = dict.fromkeys(seat.user_id for seat in interview.seats if seat.user_id in workers)
    return {
        "remote_id": wid("session", interview.id),
        "application": wid("application", interview.application_id),
        "job_interview_stage": None,
        "organizer": None,
        "interviewers": [wid("worker", user_id) for user_id in panel if user_id],
        "location": None,
        "start_at": _to_the_millisecond(start_at),
        "end_at": _to_the_millisecond(end_at),
        "remote_created_at": None,
        "remote_updated_at": None,
        "status": None,
    }


def _to_the_millisecond(moment: datetime | None) -> datetime | None:
    """Workday's times have three decimals."""
    return moment and moment.replace(microsecond=moment.microsecond // 1000 * 1000)
