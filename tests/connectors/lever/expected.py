"""What our API has to show of a company that hires with Lever: https://hire.lever.co/developer/documentation"""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from sandbox.company import Application, ApplicationState, Company, Interview, InterviewState, User
from sandbox.platforms.lever.rows import (
    BUILT_IN_STAGES,
    access_role,
    is_lead,
    is_sourced,
    lever_id,
    stage_id,
)

ACCESS_ROLES = {
    "super admin": "SUPER_ADMIN",
    "admin": "ADMIN",
    "team member": "TEAM_MEMBER",
    "limited team member": "LIMITED_TEAM_MEMBER",
    "interviewer": "INTERVIEWER",
}


def expected(company: Company, *, now: datetime) -> dict[str, dict[str, dict[str, Any]]]:
    """Return all fields by unified model and remote id, as a full sync of the company has to leave them.

    Cancelled interviews are not among them: they count as deleted.
    """
    return {
        "RemoteUser": {lever_id("user", user.id): _user(user) for user in company.users.values()},
        "JobInterviewStage": _stages(company),
        "Application": {
            lever_id("opportunity", one.id): _application(company, one) for one in company.applications.values()
        },
        "ScheduledInterview": {
            lever_id("interview", one.id): _interview(company, one)
            for one in company.interviews.values()
            if one.state is not InterviewState.CANCELLED
        },
    }


def _user(user: User) -> dict[str, Any]:
    first_name, *rest = user.name.split(maxsplit=1)
    return {
        "remote_id": lever_id("user", user.id),
        "first_name": first_name,
        "last_name": rest[0] if rest else None,
        "email": user.email,
        "disabled": user.is_disabled,
        "remote_created_at": _to_milliseconds(user.created_at),
        "access_role": ACCESS_ROLES.get(access_role(user), access_role(user)),
        "remote_was_deleted": False,
    }


def _stages(company: Company) -> dict[str, dict[str, Any]]:
    own = sorted({(stage.position, stage.name) for stage in company.stages.values()})
    named = [*BUILT_IN_STAGES.items(), *((stage_id(name, position), name) for position, name in own)]
    return {
        remote_id: {
            "remote_id": remote_id,
            "name": name,
            "job": None,
            "stage_order": order,
            "remote_was_deleted": False,
        }
        for order, (remote_id, name) in enumerate(named)
    }


def _application(company: Company, application: Application) -> dict[str, Any]:
    has_applied = not is_lead(application)
    is_rejected = application.state is ApplicationState.REJECTED
    referrer = company.referrers[application.referrer_id] if application.referrer_id is not None else None
    credited_to = referrer.user_id if referrer else None
    if credited_to is None and is_sourced(company, application):
        credited_to = application.recruiter_id
    reason = company.reject_reasons[application.reject_reason_id] if application.reject_reason_id is not None else None
    return {
        "remote_id": lever_id("opportunity", application.id),
        "candidate": lever_id("contact", application.candidate_id),
        "job": lever_id("posting", application.job_id) if has_applied else None,
        # The application follows its opportunity a millisecond later.
        "applied_at": _to_milliseconds(application.created_at) + timedelta(milliseconds=1) if has_applied else None,
        "rejected_at": _to_milliseconds(application.rejected_at) if is_rejected else None,
        "source": company.sources[application.source_id].name if application.source_id is not None else None,
        "credited_to": lever_id("user", credited_to) if credited_to is not None else None,
        "current_stage": _stage(company, application.stage_id),
        "reject_reason": reason.name if is_rejected and reason else None,
        "remote_was_deleted": False,
    }


def _interview(company: Company, interview: Interview) -> dict[str, Any]:
    start_at, end_at = interview.starts_at, interview.ends_at
    if interview.all_day_from and interview.all_day_until:
        start_at = datetime.combine(interview.all_day_from, time(tzinfo=UTC))
        end_at = datetime.combine(interview.all_day_until, time(tzinfo=UTC))
    user_ids = dict.fromkeys(seat.user_id for seat in interview.seats if seat.user_id is not None)
    return {
        "remote_id": lever_id("interview", interview.id),
        "application": lever_id("opportunity", interview.application_id),
        "job_interview_stage": _stage(company, company.slots[interview.slot_id].stage_id),
        "organizer": lever_id("user", interview.organizer_id) if interview.organizer_id is not None else None,
        "interviewers": [lever_id("user", user_id) for user_id in user_ids],
        "location": interview.location or interview.video_url,
        "start_at": _to_milliseconds(start_at),
        "end_at": _to_milliseconds(end_at),
        "remote_created_at": _to_milliseconds(interview.created_at),
        "remote_updated_at": None,
        "status": None,
        "remote_was_deleted": False,
    }


def _stage(company: Company, number: int | None) -> str:
    if number is None:
        return "offer"
    stage = company.stages[number]
    return stage_id(stage.name, stage.position)


def _to_milliseconds(moment: datetime | None) -> datetime | None:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000) if moment else None
