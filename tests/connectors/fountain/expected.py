"""What the API shows of a company that Fountain tells about: each model's records by remote id."""

from datetime import UTC, datetime
from typing import Any

from sandbox.company import ApplicationState, Company, Interview, InterviewState
from sandbox.platforms.fountain.rows import CompanyRows, attendance, fountain_id, slot_times

Shown = dict[str, dict[str, Any]]


def expected(company: Company, *, now: datetime) -> dict[str, Shown]:
    """Return all fields of all records after a full sync at `now`. Bookings without a word on attendance hang on it."""
    with company.lock:
        return {
            "RemoteUser": _users(company),
            "JobInterviewStage": _stages(company),
            "Application": _applications(company),
            "ScheduledInterview": _interviews(company, now),
        }


def _users(company: Company) -> Shown:
    shown = {}
    for user in company.users.values():
        if user.is_disabled:
            continue
        *first, last = user.name.split()
        shown[fountain_id("user", user.id)] = {
            "remote_was_deleted": False,
            "first_name": " ".join(first) if first else last,
            "last_name": last if first else None,
            "email": user.email,
            "disabled": None,
            "remote_created_at": None,
            "access_role": None,
        }
    return _with_ids(shown)


def _stages(company: Company) -> Shown:
    shown = {}
    for job_id in company.jobs:
        stages = sorted(
            (stage for stage in company.stages.values() if stage.job_id == job_id and stage.is_active),
            key=lambda stage: stage.position,
        )
        titles = [(fountain_id("stage", stage.id), stage.name) for stage in stages]
        titles += [
            (fountain_id("approved-stage", job_id), "Approved"),
            (fountain_id("rejected-stage", job_id), "Rejected"),
        ]
        for order, (stage_id, title) in enumerate(titles, start=1):
            shown[stage_id] = {
                "remote_was_deleted": False,
                "name": title,
                "job": fountain_id("funnel", job_id),
                "stage_order": order,
            }
    return _with_ids(shown)


def _applications(company: Company) -> Shown:
    shown = {}
    for application in company.applications.values():
        is_rejected = application.state is ApplicationState.REJECTED
        stage: str | None
        if is_rejected:
            stage = fountain_id("rejected-stage", application.job_id)
        elif application.stage_id is None:
            stage = fountain_id("approved-stage", application.job_id)
        else:
            is_there = company.stages[application.stage_id].is_active
            stage = fountain_id("stage", application.stage_id) if is_there else None
        reason = company.reject_reasons.get(application.reject_reason_id or 0)
        applicant_id = fountain_id("applicant", application.id)
        shown[applicant_id] = {
            "remote_was_deleted": False,
            "candidate": applicant_id,
            "job": fountain_id("funnel", application.job_id),
            "applied_at": _milliseconds(application.created_at),
            "rejected_at": _milliseconds(application.moves[-1].at) if is_rejected else None,
            "source": None,
            "credited_to": None,
            "current_stage": stage,
            "reject_reason": reason.name if is_rejected and reason else None,
        }
    return _with_ids(shown)


def _interviews(company: Company, now: datetime) -> Shown:
    shown = {}
    rows = CompanyRows(company)
    for interview in company.interviews.values():
        if interview.state in (InterviewState.PLACEHOLDER, InterviewState.CANCELLED):
            continue
        starts_at, ends_at = slot_times(interview)
        recruiter = next((seat.user_id for seat in interview.seats if seat.user_id is not None), None)
        is_listed = recruiter is not None and not company.users[recruiter].is_disabled
        shown[fountain_id("booking", interview.id)] = {
            "remote_was_deleted": False,
            "application": fountain_id("applicant", interview.application_id),
            "job_interview_stage": _stage_of(interview, company, rows),
            "organizer": None,
            "interviewers": [fountain_id("user", recruiter)] if is_listed and recruiter is not None else [],
            "location": interview.location or None,
            "start_at": _milliseconds(starts_at),
            "end_at": _milliseconds(ends_at) if ends_at else None,
            "remote_created_at": None,
            "remote_updated_at": None,
            "status": _status(attendance(interview), ends_at or starts_at, now),
        }
    return _with_ids(shown)


def _stage_of(interview: Interview, company: Company, rows: CompanyRows) -> str | None:
    """Return the first of the slot's stages that is in the applicant's opening, else the first that is in any."""
    job_id = company.applications[interview.application_id].job_id
    stages = [stage for stage in rows.slot_stages(interview) if stage.is_active]
    stages.sort(key=lambda stage: stage.job_id != job_id)
    return fountain_id("stage", stages[0].id) if stages else None


def _status(came: bool | None, over_at: datetime, now: datetime) -> str:
    if came is not None:
        return "COMPLETE" if came else "NO_SHOW"
    return "AWAITING_FEEDBACK" if over_at <= now else "SCHEDULED"


def _milliseconds(moment: datetime) -> datetime:
    """Return a time as exact as Fountain prints it."""
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)


def _with_ids(shown: Shown) -> Shown:
    return {remote_id: {"remote_id": remote_id, **fields} for remote_id, fields in shown.items()}
