"""What can be made to happen at an invented company: ids are its own, and what is not given is picked at random."""

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sandbox.arguments import Arguments, NonsenseError
from sandbox.company import (
    FIRST_NAMES,
    LAST_NAMES,
    Application,
    ApplicationState,
    Company,
    Interview,
    InterviewState,
    User,
)

Row = dict[str, Any]
T = TypeVar("T")


def change(company: Company, arguments: Arguments) -> Row:
    """Make `action` happen and return its name, the id of the record concerned, and that record before and after.

    Either is None where there is no record. Raises NonsenseError, and has then changed nothing.
    """
    action = arguments.text("action")
    if action is None or action not in ACTIONS:
        raise NonsenseError(f"action has to be one of {', '.join(ACTIONS)}.")
    arguments.only(["action", *ACTIONS[action].arguments])
    with company.lock:
        return {"action": action} | ACTIONS[action].perform(company, arguments)


def interviews_to_come(company: Company) -> list[Interview]:
    """Return what is going to be held for applications that are still open, the next first."""
    now = company.clock()
    upcoming = [
        (one.starts_at, one.id)
        for one in company.interviews.values()
        if one.state is InterviewState.SCHEDULED
        and one.starts_at
        and one.starts_at > now
        and company.applications[one.application_id].state is ApplicationState.ACTIVE
    ]
    return [company.interviews[interview_id] for _, interview_id in sorted(upcoming)]


def open_applications(company: Company) -> list[Application]:
    return [one for one in company.applications.values() if one.state is ApplicationState.ACTIVE]


def people(company: Company) -> list[User]:
    """Return the users who can sit on a panel."""
    return [one for one in company.users.values() if not one.is_service_account and not one.is_disabled]


def interview_row(company: Company, interview: Interview) -> Row:
    slot = company.slots[interview.slot_id]
    return {
        "id": interview.id,
        "application_id": interview.application_id,
        "candidate": _candidate_name(company, interview.application_id),
        "slot_id": slot.id,
        "name": slot.name,
        "stage": company.stages[slot.stage_id].name,
        "starts_at": interview.starts_at or interview.all_day_from,
        "ends_at": interview.ends_at or interview.all_day_until,
        "state": interview.state,
        "organizer_id": interview.organizer_id,
        "user_ids": [seat.user_id for seat in interview.seats if seat.user_id is not None],
        "location": interview.location or interview.video_url,
        "updated_at": interview.updated_at,
    }


def application_row(company: Company, application: Application) -> Row:
    stage, reason = application.stage_id, application.reject_reason_id
    return {
        "id": application.id,
        "candidate": _candidate_name(company, application.id),
        "job_id": application.job_id,
        "job": company.jobs[application.job_id].title,
        "stage_id": stage,
        "stage": company.stages[stage].name if stage is not None else None,
        "state": application.state,
        "reject_reason": company.reject_reasons[reason].name if reason is not None else None,
        "updated_at": application.updated_at,
    }


def user_row(company: Company, user: User) -> Row:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "is_admin": user.is_admin,
        "is_disabled": user.is_disabled,
        "updated_at": user.updated_at,
    }


def _candidate_name(company: Company, application_id: int) -> str:
    candidate = company.candidates[company.applications[application_id].candidate_id]
    return f"{candidate.first_name} {candidate.last_name}"


# Interviews


def _reschedule(company: Company, given: Arguments) -> Row:
    interview = _interview(company, given)
    starts_at = given.time("starts_at") or _another_day(company, interview.starts_at)
    with _watched(company, "interview", interview.id) as report:
        company.reschedule(interview.id, starts_at)
    return report


def _cancel(company: Company, given: Arguments) -> Row:
    interview = _interview(company, given)
    with _watched(company, "interview", interview.id) as report:
        company.cancel(interview.id)
    return report


def _reassign(company: Company, given: Arguments) -> Row:
    interview = _interview(company, given)
    user_ids = _panel(company, given, leaving_out={seat.user_id for seat in interview.seats})
    with _watched(company, "interview", interview.id) as report:
        company.reassign(interview.id, user_ids)
    return report


def _delete(company: Company, given: Arguments) -> Row:
    interview = _interview(company, given)
    with _watched(company, "interview", interview.id) as report:
        company.delete(interview.id)
    return report


def _add(company: Company, given: Arguments) -> Row:
    application = _application(company, given)
    slots = [one for one in company.slots.values() if one.job_id == application.job_id]
    if (slot_id := given.integer("slot_id")) is None:
        of_stage = [one for one in slots if one.stage_id == application.stage_id and one.is_active]
        slot_id = _one_of(of_stage or [one for one in slots if one.is_active], "slot").id
    elif slot_id not in {one.id for one in slots}:
        raise NonsenseError(f"Job {application.job_id}, which application {application.id} is for, has no such slot.")
    organizer_id = given.integer("organizer_id")
    interview = company.add_interview(
        application_id=application.id,
        slot_id=slot_id,
        user_ids=_panel(company, given),
        organizer_id=application.recruiter_id if organizer_id is None else _known(company.users, "user", organizer_id),
        starts_at=given.time("starts_at") or _another_day(company, None),
        location=given.text("location"),
    )
    return {"interview_id": interview.id, "before": None, "after": interview_row(company, interview)}


def _interview(company: Company, given: Arguments) -> Interview:
    if (interview_id := given.integer("interview_id")) is None:
        return _one_of(interviews_to_come(company), "interview to come")
    return company.interviews[_known(company.interviews, "interview", interview_id)]


def _panel(company: Company, given: Arguments, *, leaving_out: Collection[int | None] = ()) -> list[int]:
    """Return who was named, or else one to three people."""
    user_ids = given.integers("user_ids")
    if user_ids is None:
        others = [user.id for user in people(company) if user.id not in leaving_out]
        if not others:
            raise NonsenseError("There is nobody else for a panel.")
        return random.sample(others, k=min(len(others), random.randint(1, 3)))
    for user_id in user_ids:
        if company.users[_known(company.users, "user", user_id)].is_service_account:
            raise NonsenseError(f"User {user_id} is a service account, which sits on no panel.")
    return user_ids


def _another_day(company: Company, moment: datetime | None) -> datetime:
    """Return the same time on another day to come, Monday to Friday."""
    tomorrow = (company.clock() + timedelta(days=1)).replace(hour=10, minute=0, second=0, microsecond=0)
    day = max(moment or tomorrow, tomorrow) + timedelta(days=random.randint(1, 5))
    return day + timedelta(days=7 - day.weekday() if day.weekday() > 4 else 0)


# Applications


def _advance(company: Company, given: Arguments) -> Row:
    if (application_id := given.integer("application_id")) is None:
        movable = [one for one in open_applications(company) if _stages_ahead(company, one)]
        application = _one_of(movable, "application with a stage ahead")
    else:
        application = company.applications[_known(company.applications, "application", application_id)]
    if (stage_id := given.integer("stage_id")) is None:
        ahead = _stages_ahead(company, application)
        if not ahead:
            raise NonsenseError(f"Application {application.id} has no stage ahead; name one.")
        stage_id = ahead[0]
    elif company.stages[_known(company.stages, "stage", stage_id)].job_id != application.job_id:
        raise NonsenseError(f"Stage {stage_id} is of another job than application {application.id}.")
    with _watched(company, "application", application.id) as report:
        company.advance(application.id, stage_id)
    return report


def _reject(company: Company, given: Arguments) -> Row:
    application = _application(company, given)
    if (reason_id := given.integer("reject_reason_id")) is None:
        reason_id = _one_of(list(company.reject_reasons), "reject reason")
    _known(company.reject_reasons, "reject reason", reason_id)
    with _watched(company, "application", application.id) as report:
        company.reject(application.id, reason_id)
    return report


def _delete_application(company: Company, given: Arguments) -> Row:
    application = _application(company, given)
    with _watched(company, "application", application.id) as report:
        company.delete_application(application.id)
    return report


def _application(company: Company, given: Arguments) -> Application:
    if (application_id := given.integer("application_id")) is None:
        return _one_of(open_applications(company), "open application")
    return company.applications[_known(company.applications, "application", application_id)]


def _stages_ahead(company: Company, application: Application) -> list[int]:
    """Return what is still to come for an application, the next stage first."""
    if application.stage_id is None:
        return []
    position = company.stages[application.stage_id].position
    return [
        one.id
        for one in company.stages.values()
        if one.job_id == application.job_id and one.position > position and one.is_active
    ]


# Users


def _rename_user(company: Company, given: Arguments) -> Row:
    user = _user(company, given)
    first, last = given.text("first_name"), given.text("last_name")
    if first is None and last is None:
        first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
    with _watched(company, "user", user.id) as report:
        company.rename_user(user.id, first_name=first or user.first_name, last_name=last or user.last_name or "")
    return report


def _disable_user(company: Company, given: Arguments) -> Row:
    user = _user(company, given)
    with _watched(company, "user", user.id) as report:
        company.disable_user(user.id)
    return report


def _user(company: Company, given: Arguments) -> User:
    if (user_id := given.integer("user_id")) is None:
        return _one_of([one for one in people(company) if not one.is_admin], "user who is no admin")
    user = company.users[_known(company.users, "user", user_id)]
    if user.is_service_account:
        raise NonsenseError(f"User {user_id} is a service account, which stays as it is.")
    return user


# Parts


@contextmanager
def _watched(company: Company, kind: str, record_id: int) -> Iterator[Row]:
    """Yield a report of what happens within the context to one record."""
    report: Row = {f"{kind}_id": record_id, "before": _row(company, kind, record_id)}
    yield report
    report["after"] = _row(company, kind, record_id)


def _row(company: Company, kind: str, record_id: int) -> Row | None:
    match kind:
        case "interview" if record_id in company.interviews:
            return interview_row(company, company.interviews[record_id])
        case "application" if record_id in company.applications:
            return application_row(company, company.applications[record_id])
        case "user" if record_id in company.users:
            return user_row(company, company.users[record_id])
    return None


def _known(records: Mapping[int, Any], name: str, record_id: int) -> int:
    if record_id not in records:
        raise NonsenseError(f"There is no {name} {record_id}.")
    return record_id


def _one_of(things: Sequence[T], name: str) -> T:
    if not things:
        raise NonsenseError(f"There is no {name}.")
    return random.choice(things)


@dataclass(frozen=True, slots=True)
class Action:
    perform: Callable[[Company, Arguments], Row]
    arguments: tuple[str, ...]


ACTIONS: Mapping[str, Action] = {
    "reschedule": Action(_reschedule, ("interview_id", "starts_at")),
    "cancel": Action(_cancel, ("interview_id",)),
    "reassign": Action(_reassign, ("interview_id", "user_ids")),
    "delete": Action(_delete, ("interview_id",)),
    "add": Action(_add, ("application_id", "slot_id", "user_ids", "organizer_id", "starts_at", "location")),
    "advance": Action(_advance, ("application_id", "stage_id")),
    "reject": Action(_reject, ("application_id", "reject_reason_id")),
    "delete_application": Action(_delete_application, ("application_id",)),
    "rename_user": Action(_rename_user, ("user_id", "first_name", "last_name")),
    "disable_user": Action(_disable_user, ("user_id",)),
}
