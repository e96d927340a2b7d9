"""What our API has to show of a simulated company, told from the company and not from payloads."""

from datetime import UTC, date, datetime, time
from typing import Any

from sandbox.company import STAGES, ApplicationState, Company

DISQUALIFIED, FIRST_STATUS = "14", 5001
ROLES = (
    "TEAM_MEMBER",
    "TEAM_MEMBER",
    "INTERVIEWER",
    "LIMITED_TEAM_MEMBER",
    "LIMITED_TEAM_MEMBER",
    "ADMIN",
    "TEAM_MEMBER",
    "Onboarding Buddy",
)


def expected(company: Company, *, now: datetime) -> dict[str, dict[str, dict[str, Any]]]:
    """Return records by model and remote id, as after a full sync. Interviews have no status: `now` decides nothing."""
    return {
        "RemoteUser": _by_id(_users(company)),
        "JobInterviewStage": _by_id(_stages()),
        "Application": _by_id(_applications(company)),
        "ScheduledInterview": _by_id(_interviews(company)),
    }


def _users(company):
    for user in company.users.values():
        role = "SUPER_ADMIN" if user.is_admin else ROLES[user.id % len(ROLES)]
        yield {
            "remote_id": str(user.id),
            "remote_was_deleted": False,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "email": user.email,
            "disabled": None if user.is_service_account else user.is_disabled,
            "remote_created_at": _midnight(user.created_at),
            "access_role": None if user.is_service_account else role,
        }


def _stages():
    names = {"1": "-", DISQUALIFIED: "Disqualified"}
    names |= {str(FIRST_STATUS + position): name for position, (name, _) in enumerate(STAGES)}
    for remote_id, name in names.items():
        yield {"remote_id": remote_id, "remote_was_deleted": False, "name": name, "job": None, "stage_order": None}


def _applications(company):
    for application in company.applications.values():
        is_rejected = application.state is ApplicationState.REJECTED
        referrer = company.referrers[application.referrer_id] if application.referrer_id is not None else None
        yield {
            "remote_id": str(application.id),
            "remote_was_deleted": False,
            "candidate": str(application.candidate_id),
            "job": str(application.job_id),
            "applied_at": _midnight(application.created_at),
            "rejected_at": _seconds(application.updated_at) if is_rejected else None,
            "source": company.sources[application.source_id].name if application.source_id is not None else None,
            "credited_to": str(referrer.user_id) if referrer and referrer.user_id is not None else None,
            "current_stage": _stage(company, application),
            "reject_reason": company.reject_reasons[application.reject_reason_id].name if is_rejected else None,
        }


def _stage(company, application):
    if application.state is ApplicationState.REJECTED:
        return DISQUALIFIED
    stage = company.stages[application.stage_id] if application.stage_id is not None else None
    return str(FIRST_STATUS + stage.position) if stage and stage.is_active else None


def _interviews(company):
    for interview in company.interviews.values():
        seats = [seat.user_id for seat in interview.seats if seat.user_id is not None]
        updated_at = max([interview.updated_at, *(seat.updated_at for seat in interview.seats)])
        yield {
            "remote_id": str(interview.id),
            "remote_was_deleted": False,
            "application": str(interview.application_id),
            "job_interview_stage": _stage(company, company.applications[interview.application_id]),
            "organizer": str(interview.organizer_id) if interview.organizer_id is not None else None,
            "interviewers": [str(user_id) for user_id in dict.fromkeys(seats)],
            "location": interview.location or interview.video_url,
            "start_at": _moment(interview.starts_at, interview.all_day_from),
            "end_at": _moment(interview.ends_at, interview.all_day_until),
            "remote_created_at": _seconds(interview.created_at),
            "remote_updated_at": _seconds(updated_at),
            "status": None,
        }


def _moment(moment: datetime | None, day: date | None) -> datetime | None:
    if moment:
        return _seconds(moment)
    return datetime.combine(day, time(tzinfo=UTC)) if day else None


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), time(tzinfo=UTC))


def _seconds(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _by_id(records):
    return {record["remote_id"]: record for record in records}
