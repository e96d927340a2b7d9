"""What Ashby lists: rows given as they are, or told from a company in Ashby's words."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, timezone
from functools import cache
from typing import Any, Protocol
from uuid import UUID, uuid5

from sandbox.company import Application, ApplicationState, Company, Interview, InterviewState, Job, Stage, User

Row = dict[str, Any]

NAMESPACE = UUID("6d2a8f0e-5b0c-4d3e-9a51-a5b7f1e0c9d4")
APPLICATION_STATUSES = {
    ApplicationState.ACTIVE: "Active",
    ApplicationState.REJECTED: "Archived",
    ApplicationState.HIRED: "Hired",
}
GLOBAL_ROLES = (
    "Elevated Access",
    "Limited Access",
    "Limited Access",
    "External Recruiter",
)  # by id, of who is no admin
INDIA = timezone(timedelta(hours=5, minutes=30))


@cache
def ashby_id(kind: str, *numbers: int) -> str:
    """Return the id that a thing of the company has at Ashby. A schedule goes by its application and its stage."""
    return str(uuid5(NAMESPACE, f"{kind}/{numbers}"))


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Rows(Protocol):
    """The rows of each resource: "user", "interviewPlan", "interviewStage", "application", "interviewSchedule"."""

    def changes(self, resource: str) -> Mapping[str, int]:
        """Return the ids of what is there, each with the number of the state in which it last changed."""

    def state(self) -> int:
        """Return the number of the present state, which rises when anything changes."""

    def row(self, resource: str, row_id: str) -> Row: ...

    def parts(self, resource: str, row_id: str) -> list[Row]:
        """Return the stages of a plan, or the events of a schedule."""


class PayloadRows:
    """Rows given as they are, by resource, "interviewEvent" among them. `put` changes one."""

    def __init__(self, resources: Mapping[str, Iterable[Row]]) -> None:
        self.resources = {name: {str(row.get("id")): row for row in rows} for name, rows in resources.items()}
        self._changed: dict[tuple[str, str], int] = {}
        self._state = 0

    def put(self, resource: str, row: Row) -> None:
        self._state += 1
        self.resources.setdefault(resource, {})[row["id"]] = row
        self._changed[resource, row["id"]] = self._state

    def changes(self, resource: str) -> Mapping[str, int]:
        return {row_id: self._changed.get((resource, row_id), 0) for row_id in self.resources.get(resource, {})}

    def state(self) -> int:
        return self._state

    def row(self, resource: str, row_id: str) -> Row:
        return self.resources[resource][row_id]

    def parts(self, resource: str, row_id: str) -> list[Row]:
        part, key = PARTS[resource]
        return [row for row in self.resources.get(part, {}).values() if row.get(key) == row_id]


PARTS = {
    "interviewPlan": ("interviewStage", "interviewPlanId"),
    "interviewSchedule": ("interviewEvent", "interviewScheduleId"),
}


@dataclass(slots=True)
class Schedule:
    """The interviews of one application in one stage."""

    application_id: int
    stage_id: int
    interviews: list[Interview] = field(default_factory=list)


class CompanyRows:
    """A company's people and interviews as rows, some of them as irregular as Ashby's are.

    A schedule outlives its interviews: it is then to be scheduled anew. Placeholders are schedules without events.
    """

    def __init__(self, company: Company) -> None:
        self.company = company
        self._schedules: dict[tuple[int, int], Schedule] = {}
        self._things: dict[str, dict[str, Any]] = {}
        self._signatures: dict[str, dict[str, Any]] = {}
        self._changes: dict[str, dict[str, int]] = {}
        self._state = 0
        self._version = -1
        self._tell: dict[str, Callable[[Any], Row]] = {
            "user": self._user,
            "interviewPlan": self._plan,
            "interviewStage": self._stage,
            "application": self._application,
            "interviewSchedule": self._schedule,
        }

    def changes(self, resource: str) -> Mapping[str, int]:
        self._refresh()
        return self._changes[resource]

    def state(self) -> int:
        self._refresh()
        return self._state

    def row(self, resource: str, row_id: str) -> Row:
        self._refresh()
        return self._tell[resource](self._things[resource][row_id])

    def parts(self, resource: str, row_id: str) -> list[Row]:
        self._refresh()
        thing = self._things[resource][row_id]
        if resource == "interviewSchedule":
            return self._events(thing)
        stages = [stage for stage in self.company.stages.values() if stage.job_id == thing.id]
        return [self._stage(stage) for stage in sorted(stages, key=stage_order)]

    def _refresh(self) -> None:
        """See what has changed since anybody last asked. The company does not say when a panel's seats did."""
        if self._version == self.company.version:
            return
        self._version = self.company.version
        self._state += 1
        company = self.company
        self._group_interviews()
        self._note("user", {ashby_id("user", one.id): one for one in company.users.values()}, _time_of_change)
        self._note(
            "interviewPlan", {ashby_id("plan", one.id): one for one in company.jobs.values()}, lambda job: job.id
        )
        self._note(
            "interviewStage", {ashby_id("stage", one.id): one for one in company.stages.values()}, _time_of_change
        )
        self._note(
            "application",
            {ashby_id("application", one.id): one for one in company.applications.values()},
            _time_of_change,
        )
        self._note(
            "interviewSchedule",
            {ashby_id("schedule", *key): schedule for key, schedule in self._schedules.items()},
            lambda schedule: [
                (one.id, one.updated_at, one.state, tuple(seat.id for seat in one.seats)) for one in schedule.interviews
            ],
        )

    def _group_interviews(self) -> None:
        self._schedules = {
            key: Schedule(*key) for key in self._schedules if key[0] in self.company.applications
        }  # of applications that were deleted, nothing is left
        for interview in self.company.interviews.values():
            key = (interview.application_id, self.company.slots[interview.slot_id].stage_id)
            self._schedules.setdefault(key, Schedule(*key)).interviews.append(interview)

    def _note(self, resource: str, things: dict[str, Any], signature: Callable[[Any], Any]) -> None:
        before, changes = self._signatures.get(resource, {}), self._changes.get(resource, {})
        now = {row_id: signature(thing) for row_id, thing in things.items()}
        self._things[resource] = things
        self._signatures[resource] = now
        self._changes[resource] = {
            row_id: changes[row_id] if before.get(row_id) == mark else self._state for row_id, mark in now.items()
        }

    def _user(self, user: User) -> Row:
        row = {
            "id": ashby_id("user", user.id),
            "firstName": user.first_name,
            "lastName": user.last_name or "",
            "globalRole": "Organization Admin" if user.is_admin else GLOBAL_ROLES[user.id % len(GLOBAL_ROLES)],
            "isEnabled": not user.is_disabled,
            "updatedAt": iso(user.updated_at),
        }
        if user.email:
            row["email"] = user.email
        if user.id % 2:
            row["managerId"] = None
        return row

    def _plan(self, job: Job) -> Row:
        created_at = iso(job.created_at)
        return {
            "id": ashby_id("plan", job.id),
            "title": f"{job.title} Interview Plan",
            "isArchived": job.id % 3 == 0,
            "createdAt": created_at,
            "updatedAt": created_at,
        }

    def _stage(self, stage: Stage) -> Row:
        return {
            "id": ashby_id("stage", stage.id),
            "title": stage.name,
            "type": "Offer" if stage.name == "Offer" else "Active",
            "orderInInterviewPlan": stage_order(stage),
            "interviewStageGroupId": None,
            "interviewPlanId": ashby_id("plan", stage.job_id),
        }

    def _application(self, application: Application) -> Row:
        company = self.company
        candidate, job = company.candidates[application.candidate_id], company.jobs[application.job_id]
        referrer = company.referrers.get(application.referrer_id or 0)
        reason = company.reject_reasons.get(application.reject_reason_id or 0)
        row: Row = {
            "id": ashby_id("application", application.id),
            "createdAt": iso(application.created_at),
            "updatedAt": iso(application.updated_at),
            "status": APPLICATION_STATUSES[application.state],
            "customFields": [],
            "candidate": {
                "id": ashby_id("candidate", candidate.id),
                "name": f"{candidate.first_name} {candidate.last_name}",
                "primaryEmailAddress": {"value": candidate.email, "type": "Personal", "isPrimary": True},
                "primaryPhoneNumber": None,
            },
            "currentInterviewStage": (
                self._stage(company.stages[application.stage_id]) if application.stage_id is not None else None
            ),
            "source": None,
            "job": {"id": ashby_id("job", job.id), "title": job.title, "locationId": None, "departmentId": None},
            "creditedToUser": (
                self._user(company.users[referrer.user_id]) if referrer and referrer.user_id is not None else None
            ),
            "hiringTeam": [],
        }
        if application.source_id is not None:
            source = company.sources[application.source_id]
            row["source"] = {"id": ashby_id("source", source.id), "title": source.name, "isArchived": False}
        if reason:
            row["archiveReason"] = {
                "id": ashby_id("archiveReason", reason.id),
                "text": reason.name,
                "reasonType": "RejectedByOrg",
                "isArchived": False,
            }
        if application.rejected_at:
            row["archivedAt"] = iso(application.rejected_at)
        return _without_some_nulls(row, application.id, "currentInterviewStage", "source", "creditedToUser")

    def _schedule(self, schedule: Schedule) -> Row:
        application = self.company.applications[schedule.application_id]
        organizers = [one.organizer_id for one in schedule.interviews if one.organizer_id is not None]
        row: Row = {
            "id": ashby_id("schedule", schedule.application_id, schedule.stage_id),
            "status": schedule_status(schedule.interviews),
            "applicationId": ashby_id("application", schedule.application_id),
            "interviewStageId": ashby_id("stage", schedule.stage_id),
            "scheduledBy": self._user(self.company.users[organizers[0]]) if organizers else None,
            "createdAt": iso(application.created_at),
            "updatedAt": iso(application.touched_at),
            "interviewEvents": self._events(schedule),
        }
        if schedule.application_id % 10 == 3:
            row["interviewEvents"] = None  # to be asked for
        return _without_some_nulls(row, schedule.stage_id, "scheduledBy", "interviewEvents")

    def _events(self, schedule: Schedule) -> list[Row]:
        return [self._event(interview, schedule) for interview in shown(schedule.interviews)]

    def _event(self, interview: Interview, schedule: Schedule) -> Row:
        event_id = ashby_id("event", interview.id)
        starts_at, ends_at = times(interview)
        people = [
            self._user(self.company.users[seat.user_id])
            if seat.user_id is not None
            else {"id": ashby_id("guest", seat.id), "firstName": "Guest", "lastName": "", "email": seat.email}
            for seat in interview.seats
        ]
        for person in people:
            person |= {"trainingRole": None, "interviewerPool": None, "isFeedbackRequired": True}
        if interview.id % 9 == 0:
            people += people[:1]
        row: Row = {
            "id": event_id,
            "interviewId": ashby_id("interview", interview.slot_id),
            "interviewScheduleId": ashby_id("schedule", schedule.application_id, schedule.stage_id),
            "interviewerUserIds": [person["id"] for person in people],
            "interviewers": people,
            "createdAt": iso(interview.created_at),
            "updatedAt": iso(interview.updated_at),
            "startTime": starts_at.isoformat().replace("+00:00", "Z"),
            "endTime": iso(ends_at),
            "feedbackLink": f"https://app.ashbyhq.com/interview-briefings/{event_id}/feedback",
            "location": interview.location,
            "meetingLink": interview.video_url,
            "interviewerCalendarEventId": None,
            "hasSubmittedFeedback": interview.state is InterviewState.COMPLETE,
            "extraData": {},
        }
        if interview.id % 11 == 0:
            row["startTime"] = starts_at.astimezone(INDIA).isoformat()
        if interview.id % 7 == 0:
            del row["interviewers"]  # as old events have it
        return row


def stage_order(stage: Stage) -> int:
    return 1000 + 2 * stage.position


def times(interview: Interview) -> tuple[datetime, datetime]:
    """Return when an interview is. Ashby knows no days: those that take them whole begin and end at midnight."""
    if interview.starts_at and interview.ends_at:
        return interview.starts_at, interview.ends_at
    if not interview.all_day_from or not interview.all_day_until:
        raise ValueError(f"interview {interview.id} has no time")
    midnight = time(tzinfo=UTC)
    return datetime.combine(interview.all_day_from, midnight), datetime.combine(interview.all_day_until, midnight)


def shown(interviews: Iterable[Interview]) -> list[Interview]:
    """Return the interviews that are events: those with a time. Of some that are cancelled, only if all are."""
    booked = [one for one in interviews if one.starts_at or one.all_day_from]
    return [one for one in booked if one.state is not InterviewState.CANCELLED] or booked


def schedule_status(interviews: Iterable[Interview]) -> str:
    states = {one.state for one in shown(interviews)}
    if not states:
        return "NeedsScheduling"
    if InterviewState.SCHEDULED in states:
        return "Scheduled"
    if InterviewState.AWAITING_FEEDBACK in states:
        return "WaitingOnFeedback"
    return "Cancelled" if InterviewState.CANCELLED in states else "Complete"


def _time_of_change(thing: Any) -> datetime:
    updated_at: datetime = thing.updated_at
    return updated_at


def _without_some_nulls(row: Row, number: int, *names: str) -> Row:
    """Ashby leaves out some keys now and then that are null at other times."""
    return {key: value for key, value in row.items() if value is not None or key not in names or number % 2}
