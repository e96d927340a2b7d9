"""What our API must show of a simulated company that is linked as SuccessFactors."""

from datetime import UTC, datetime, time
from typing import Any

from sandbox.company import ApplicationState, Company, Interview, InterviewState, Seat


def expected(company: Company, *, now: datetime) -> dict[str, dict[str, dict[str, Any]]]:
    """Return all fields after a full sync at `now`, by model and remote id."""
    return {
        "RemoteUser": _by_id(_users(company)),
        "JobInterviewStage": _by_id(_stages(company)),
        "Application": _by_id(_applications(company)),
        "ScheduledInterview": _by_id(
            _interview(company, interview, seat, now)
            for interview in company.interviews.values()
            for seat in interview.seats or [None]  # nobody's is listed as well
        ),
    }


def _by_id(found):
    return {one["remote_id"]: {**one, "remote_was_deleted": False} for one in found}


def _user_id(user_id):
    return f"{user_id:06}"  # a text, though it looks like a number


def _stage_id(company, stage_id):
    return str(company.stages[stage_id].position + 1)


def _reason_id(reason_id):
    return str(reason_id + 1000)


def _users(company):
    for user in company.users.values():
        yield {
            "remote_id": _user_id(user.id),
            "first_name": user.first_name,
            "last_name": user.last_name,
            "email": user.email,
            "disabled": user.is_disabled,
            "remote_created_at": None,
            "access_role": None,
        }


def _stages(company):
    """Stages of all jobs are the same few statuses, named as in the job that comes first. So are reasons."""
    first_job = min(company.jobs)
    names = {_stage_id(company, one.id): one.name for one in company.stages.values() if one.job_id == first_job}
    names |= {_reason_id(one.id): one.name for one in company.reject_reasons.values()}
    for remote_id, name in names.items():
        yield {"remote_id": remote_id, "name": name, "job": None, "stage_order": None}


def _applications(company):
    for application in company.applications.values():
        is_rejected = application.state is ApplicationState.REJECTED
        referrer = company.referrers.get(application.referrer_id)
        yield {
            "remote_id": str(application.id),
            "candidate": str(application.candidate_id),
            "job": str(application.job_id),
            "applied_at": _second(application.created_at),
            "rejected_at": _second(application.updated_at) if is_rejected else None,
            "source": company.sources[application.source_id].name,
            "credited_to": _user_id(referrer.user_id) if referrer and referrer.user_id else None,
            "current_stage": _current_stage(company, application.id),
            "reject_reason": company.reject_reasons[application.reject_reason_id].name if is_rejected else None,
        }


def _current_stage(company, application_id):
    application = company.applications[application_id]
    if application.state is ApplicationState.REJECTED:
        return _reason_id(application.reject_reason_id)
    return _stage_id(company, application.stage_id) if application.stage_id else None


def _interview(company: Company, interview: Interview, seat: Seat | None, now: datetime):
    start_at = interview.starts_at or _midnight(interview.all_day_from)
    end_at = interview.ends_at or _midnight(interview.all_day_until)
    return {
        "remote_id": str(seat.id if seat else interview.id),
        "application": str(interview.application_id),
        "job_interview_stage": _current_stage(company, interview.application_id),
        "organizer": None,
        "interviewers": [_user_id(seat.user_id)] if seat and seat.user_id else [],
        "location": None,
        "start_at": start_at,
        "end_at": end_at,
        "remote_created_at": None,
        "remote_updated_at": None,
        "status": _status(interview.state, end_at, now),
    }


def _status(state, end_at, now):
    match state:
        case InterviewState.CANCELLED:
            return "CANCELLED"  # a value of theirs
        case InterviewState.COMPLETE:
            return "COMPLETE"
    return "AWAITING_FEEDBACK" if end_at and end_at < now else "SCHEDULED"


def _midnight(day):
    return day and datetime.combine(day, time(tzinfo=UTC))


def _second(moment):
    return moment.replace(microsecond=0)
