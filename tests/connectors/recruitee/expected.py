"""What our API shows after a full sync of a simulated company, told from Recruitee's documentation alone."""

from collections import defaultdict
from datetime import UTC, datetime, time
from typing import Any

from sandbox.company import Company, Interview, InterviewState

Unified = dict[str, dict[str, dict[str, Any]]]


def expected(company: Company, *, now: datetime) -> Unified:
    """Return all fields by model and remote id. Nothing depends on `now`: upcoming and past ones look the same."""
    interviews = [one for one in company.interviews.values() if one.state is not InterviewState.CANCELLED]
    credited = {one.id: _credited_to(company, one.referrer_id) for one in company.applications.values()}
    mentioned_users = {user_id for one in interviews for user_id in (one.organizer_id, *_panel(one))}
    mentioned_users |= set(credited.values())
    stage_of = {one.id: company.slots[one.slot_id].stage_id for one in interviews}
    mentioned_stages = {one.stage_id for one in company.applications.values()} | set(stage_of.values())
    order = _stage_orders(company)

    users = {
        str(user.id): {
            "remote_id": str(user.id),
            "remote_was_deleted": False,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "email": user.email,
            "disabled": user.is_disabled,
            "remote_created_at": None,
            "access_role": None,
        }
        for user in company.users.values()
        if not user.is_disabled or user.id in mentioned_users
    }
    stages = {
        str(stage.id): {
            "remote_id": str(stage.id),
            "remote_was_deleted": False,
            "name": stage.name,
            "job": None,
            "stage_order": order.get(stage.id),
        }
        for stage in company.stages.values()
        if stage.id in order or stage.id in mentioned_stages
    }
    applications = {
        str(one.id): {
            "remote_id": str(one.id),
            "remote_was_deleted": False,
            "candidate": str(one.candidate_id),
            "job": str(one.job_id),
            "applied_at": one.created_at,
            "rejected_at": one.rejected_at,
            # Some candidates of the simulation say nothing of it.
            "source": company.sources[one.source_id].name if one.source_id and one.candidate_id % 10 else None,
            "credited_to": _text(credited[one.id]),
            "current_stage": _text(one.stage_id),
            "reject_reason": company.reject_reasons[one.reject_reason_id].name if one.reject_reason_id else None,
        }
        for one in company.applications.values()
    }
    scheduled = {
        str(one.id): {
            "remote_id": str(one.id),
            "remote_was_deleted": False,
            "application": str(one.application_id),
            "job_interview_stage": str(stage_of[one.id]),
            "organizer": _text(one.organizer_id),
            "interviewers": [str(user_id) for user_id in _panel(one)],
            "location": None,
            "start_at": _start(one),
            "end_at": _end(one),
            "remote_created_at": one.created_at,
            "remote_updated_at": one.updated_at,
            "status": None,
        }
        for one in interviews
    }
    return {
        "RemoteUser": users,
        "JobInterviewStage": stages,
        "Application": applications,
        "ScheduledInterview": scheduled,
    }


def _credited_to(company: Company, referrer_id: int | None) -> int | None:
    """Return who added the candidate: the simulation says so of those whom a user referred."""
    return company.referrers[referrer_id].user_id if referrer_id is not None else None


def _stage_orders(company: Company) -> dict[int, int]:
    """Return the places of the stages in use in their job's template: from 1 where it numbers them, else from 0."""
    of_job = defaultdict(list)
    for stage in sorted(company.stages.values(), key=lambda one: one.position):
        if stage.is_active:
            of_job[stage.job_id].append(stage.id)
    return {
        stage_id: number
        for job_id, stage_ids in of_job.items()
        for number, stage_id in enumerate(stage_ids, start=0 if job_id % 2 else 1)
    }


def _panel(interview: Interview) -> list[int]:
    return list(dict.fromkeys(seat.user_id for seat in interview.seats if seat.user_id is not None))


def _start(interview: Interview) -> datetime | None:
    if interview.all_day_from:
        return datetime.combine(interview.all_day_from, time(tzinfo=UTC))
    return interview.starts_at


def _end(interview: Interview) -> datetime | None:
    if interview.all_day_until:
        return datetime.combine(interview.all_day_until, time(tzinfo=UTC))
    return interview.ends_at


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
