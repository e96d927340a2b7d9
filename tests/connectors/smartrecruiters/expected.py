"""What our API has to show of a simulated company, after everything was read. From the documentation, not the code."""

from datetime import UTC, datetime, time
from typing import Any

from sandbox.company import Application, ApplicationState, Company, Interview, InterviewState
from sandbox.platforms.smartrecruiters.rows import user_id, uuid

STATUSES = {
    "LEAD": ("Lead", 1000),
    "NEW": ("New", 2000),
    "IN_REVIEW": ("In review", 3000),
    "INTERVIEW": ("Interview", 4000),
    "OFFERED": ("Offered", 5000),
    "HIRED": ("Hired", 6000),
    "REJECTED": ("Rejected", 7000),
    "WITHDRAWN": ("Withdrawn", 8000),
    "TRANSFERRED": ("Transferred", 9000),
}
SUB_STATUSES = {
    "IN_REVIEW:Recruiter Phone Screen": ("Recruiter Phone Screen", 3001),
    "INTERVIEW:Work sample": ("Work sample", 4001),
    "INTERVIEW:Team Interview": ("Team Interview", 4002),
    "INTERVIEW:Final Interview": ("Final Interview", 4003),
    "INTERVIEW:Trial shift": ("Trial shift", 4001),
}
STAGES = {
    "Application Review": "NEW",
    "Recruiter Phone Screen": "IN_REVIEW:Recruiter Phone Screen",
    "Team Interview": "INTERVIEW:Team Interview",
    "Final Interview": "INTERVIEW:Final Interview",
    "Offer": "OFFERED:Offer",
}
ROLES = ("ADMIN", "TEAM_MEMBER", "LIMITED_TEAM_MEMBER", "INTERVIEWER", "Hiring Coordinator (EMEA)")

Fields = dict[str, Any]


def expected(company: Company, *, now: datetime) -> dict[str, dict[str, Fields]]:
    """Return the fields of each record by model name and remote id. Choices are values, references remote ids."""
    return {
        "RemoteUser": _users(company),
        "JobInterviewStage": _stages(company),
        "Application": {uuid("application", one.id): _application(company, one) for one in _applications(company)},
        "ScheduledInterview": {
            _interview_id(one): _interview(company, one)
            for one in company.interviews.values()
            if one.state is not InterviewState.CANCELLED
        },
    }


def _users(company: Company) -> dict[str, Fields]:
    return {
        user_id(user.id): {
            "remote_id": user_id(user.id),
            "remote_was_deleted": False,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "email": user.email,
            "disabled": user.is_disabled,
            "remote_created_at": None,
            "access_role": "SUPER_ADMIN" if user.is_admin else ROLES[user.id % len(ROLES)],
        }
        for user in company.users.values()
        if not user.is_service_account
    }


def _stages(company: Company) -> dict[str, Fields]:
    stages = STATUSES | SUB_STATUSES
    if any(_stage(company, move) == "OFFERED:Offer" for one in _applications(company) for move in (one, *one.moves)):
        stages["OFFERED:Offer"] = ("Offer", None)  # which no hiring process has
    return {
        remote_id: {
            "remote_id": remote_id,
            "remote_was_deleted": False,
            "name": name,
            "job": None,
            "stage_order": order,
        }
        for remote_id, (name, order) in stages.items()
    }


def _application(company: Company, application: Application) -> Fields:
    rejections = [move.at for move in application.moves if move.state is ApplicationState.REJECTED]
    is_rejected = application.state is ApplicationState.REJECTED
    return {
        "remote_id": uuid("application", application.id),
        "remote_was_deleted": False,
        "candidate": uuid("candidate", application.candidate_id),
        "job": uuid("job", application.job_id),
        "applied_at": _milliseconds(application.moves[0].at),
        "rejected_at": _milliseconds(rejections[-1]) if is_rejected else None,
        "source": company.sources[application.source_id].name if application.source_id else None,
        "credited_to": None,
        "current_stage": _stage(company, application),
        "reject_reason": company.reject_reasons[application.reject_reason_id].name if is_rejected else None,
    }


def _interview(company: Company, interview: Interview) -> Fields:
    listed = {user.id for user in company.users.values() if not user.is_service_account}
    has_time = interview.state is not InterviewState.PLACEHOLDER
    start = interview.starts_at
    if interview.all_day_from:
        start = datetime.combine(interview.all_day_from, time(tzinfo=UTC))
    return {
        "remote_id": _interview_id(interview),
        "remote_was_deleted": False,
        "application": uuid("application", interview.application_id),
        "job_interview_stage": _stage_when_created(company, interview),
        "organizer": user_id(interview.organizer_id) if interview.organizer_id in listed else None,
        "interviewers": list(
            dict.fromkeys(user_id(seat.user_id) for seat in interview.seats if has_time and seat.user_id in listed)
        ),
        "location": interview.video_url or (interview.location if has_time else None),
        "start_at": _milliseconds(start) if start and has_time else None,
        "end_at": _milliseconds(interview.ends_at) if interview.ends_at and has_time else None,
        "remote_created_at": _milliseconds(interview.created_at),
        "remote_updated_at": None,
        "status": None,
    }


def _applications(company: Company) -> list[Application]:
    return list(company.applications.values())


def _interview_id(interview: Interview) -> str:
    """A timeslot's, or that of an interview without any."""
    return uuid("interview" if interview.state is InterviewState.PLACEHOLDER else "timeslot", interview.id)


def _stage_when_created(company: Company, interview: Interview) -> str:
    moves = company.applications[interview.application_id].moves
    created = _milliseconds(interview.created_at)
    before = [move for move in moves if _milliseconds(move.at) <= created]
    return _stage(company, before[-1] if before else moves[0])


def _stage(company: Company, move: Any) -> str:
    match move.state:
        case ApplicationState.REJECTED:
            return "REJECTED"
        case ApplicationState.HIRED:
            return "HIRED"
    return STAGES[company.stages[move.stage_id].name]


def _milliseconds(moment: datetime) -> datetime:
    """Return a time as exact as SmartRecruiters prints it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
