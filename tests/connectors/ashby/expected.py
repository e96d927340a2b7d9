"""What our API has to show of a simulated company, told from the company and not from payloads."""

from collections import defaultdict
from datetime import UTC, datetime, time
from typing import Any

from sandbox.company import ApplicationState, Company, Interview, InterviewState
from sandbox.platforms.ashby import ashby_id

ROLES = {0: "TEAM_MEMBER", 1: "LIMITED_TEAM_MEMBER", 2: "LIMITED_TEAM_MEMBER", 3: "External Recruiter"}


def expected(company: Company, *, now: datetime) -> dict[str, dict[str, dict[str, Any]]]:
    """Return records by model and remote id, as after a full sync. Ashby alone moves states: `now` decides nothing."""
    return {
        "RemoteUser": _by_id(_users(company)),
        "JobInterviewStage": _by_id(_stages(company)),
        "Application": _by_id(_applications(company)),
        "ScheduledInterview": _by_id(_interviews(company)),
    }


def _users(company):
    for user in company.users.values():
        yield {
            "remote_id": ashby_id("user", user.id),
            "remote_was_deleted": False,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "email": user.email,
            "disabled": user.is_disabled,
            "remote_created_at": None,
            "access_role": "ADMIN" if user.is_admin else ROLES[user.id % 4],
        }


def _stages(company):
    for stage in company.stages.values():
        yield {
            "remote_id": ashby_id("stage", stage.id),
            "remote_was_deleted": False,
            "name": stage.name,
            "job": None,
            "stage_order": 1000 + 2 * stage.position,
        }


def _applications(company):
    for application in company.applications.values():
        is_rejected = application.state is ApplicationState.REJECTED
        referrer = company.referrers[application.referrer_id] if application.referrer_id is not None else None
        yield {
            "remote_id": ashby_id("application", application.id),
            "remote_was_deleted": False,
            "candidate": ashby_id("candidate", application.candidate_id),
            "job": ashby_id("job", application.job_id),
            "applied_at": _milliseconds(application.created_at),
            "rejected_at": _milliseconds(application.rejected_at) if is_rejected else None,
            "source": company.sources[application.source_id].name if application.source_id is not None else None,
            "credited_to": ashby_id("user", referrer.user_id) if referrer and referrer.user_id is not None else None,
            "current_stage": ashby_id("stage", application.stage_id) if application.stage_id is not None else None,
            "reject_reason": company.reject_reasons[application.reject_reason_id].name if is_rejected else None,
        }


def _interviews(company):
    schedules: dict[tuple[int, int], list[Interview]] = defaultdict(list)
    for interview in company.interviews.values():
        if interview.starts_at or interview.all_day_from:
            schedules[interview.application_id, company.slots[interview.slot_id].stage_id].append(interview)
    for (application_id, stage_id), interviews in schedules.items():
        kept = [one for one in interviews if one.state is not InterviewState.CANCELLED]
        for interview in kept or interviews:
            seats = [seat.user_id for seat in interview.seats if seat.user_id is not None]
            yield {
                "remote_id": ashby_id("event", interview.id),
                "remote_was_deleted": False,
                "application": ashby_id("application", application_id),
                "job_interview_stage": ashby_id("stage", stage_id),
                "organizer": None,
                "interviewers": [ashby_id("user", user_id) for user_id in dict.fromkeys(seats)],
                "location": None,
                "start_at": _moment(interview.starts_at, interview.all_day_from),
                "end_at": _moment(interview.ends_at, interview.all_day_until),
                "remote_created_at": _milliseconds(interview.created_at),
                "remote_updated_at": None,
                "status": _status({one.state for one in kept}),
            }


def _status(states):
    """All events of a schedule share its status: it is not over before the last of them."""
    if not states:
        return "Cancelled"
    if InterviewState.SCHEDULED in states:
        return "SCHEDULED"
    return "AWAITING_FEEDBACK" if InterviewState.AWAITING_FEEDBACK in states else "COMPLETE"


def _moment(moment, day):
    return moment or datetime.combine(day, time(tzinfo=UTC))


def _milliseconds(moment):
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _by_id(records):
    return {record["remote_id"]: record for record in records}
