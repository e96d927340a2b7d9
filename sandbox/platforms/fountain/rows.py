"""The rows that Fountain lists: given as they are, or told from a company in Fountain's words."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any, Protocol
from uuid import NAMESPACE_DNS, uuid5

from sandbox.company import Application, ApplicationState, Company, Interview, InterviewState, Job, Stage, User

Row = dict[str, Any]

NAMESPACE = uuid5(NAMESPACE_DNS, "fountain.com")
# Of every other opening.
ZONES = (
    ("Pacific Time (US & Canada)", timezone(timedelta(hours=-7))),
    ("London", timezone(timedelta(hours=1))),
)


@cache
def fountain_id(kind: str, number: int) -> str:
    return str(uuid5(NAMESPACE, f"{kind}/{number}"))


class Rows(Protocol):
    """The rows of "users", "funnels", "applicants" and "sessions". `version` moves when any may have changed."""

    @property
    def version(self) -> int: ...

    def keys(self, listing: str) -> Sequence[int]:
        """Return what `row` takes, in rising order."""

    def sessions_of(self, funnel_id: str) -> Sequence[int]:
        """Return the keys of an opening's calendar slots, booked or not, in rising order."""

    def row(self, listing: str, key: int) -> Row: ...


class PayloadRows:
    """Rows given as they are; calendar slots by opening."""

    version = 0

    def __init__(
        self,
        *,
        users: Iterable[Row] = (),
        funnels: Iterable[Row] = (),
        applicants: Iterable[Row] = (),
        sessions: Mapping[str, Sequence[Row]] | None = None,
    ) -> None:
        self.listings = {"users": list(users), "funnels": list(funnels), "applicants": list(applicants), "sessions": []}
        self._sessions_of: dict[str, range] = {}
        slots = self.listings["sessions"]
        for funnel_id, rows in (sessions or {}).items():
            self._sessions_of[funnel_id] = range(len(slots), len(slots) + len(rows))
            slots += rows

    def keys(self, listing: str) -> Sequence[int]:
        return range(len(self.listings[listing]))

    def sessions_of(self, funnel_id: str) -> Sequence[int]:
        return self._sessions_of.get(funnel_id, range(0))

    def row(self, listing: str, key: int) -> Row:
        return self.listings[listing][key]


class CompanyRows:
    """A company's jobs as openings, its applications as applicants, each interview as a calendar slot with a booking.

    Users who were disabled have left the list. Whoever is rejected or hired stands in a stage for that. Inactive stages
    are no longer in their opening, though applicants and slots still name them. A cancelled interview leaves its slot
    without a booking. One slot has one recruiter, the first of the panel.
    """

    def __init__(self, company: Company) -> None:
        self.company = company
        self._indexed = -1
        self._keys: dict[str, list[int]] = {}
        self._sessions_of: dict[str, list[int]] = {}
        self._stages_of: dict[int, list[Stage]] = {}
        self._interview_stages: set[int] = set()
        self._next_job: dict[int, int] = {}

    @property
    def version(self) -> int:
        return self.company.version

    def keys(self, listing: str) -> Sequence[int]:
        self._index()
        return self._keys[listing]

    def sessions_of(self, funnel_id: str) -> Sequence[int]:
        self._index()
        return self._sessions_of.get(funnel_id, [])

    def row(self, listing: str, key: int) -> Row:
        self._index()
        match listing:
            case "users":
                return self._user(self.company.users[key])
            case "funnels":
                return self._funnel(self.company.jobs[key])
            case "applicants":
                return self._applicant(self.company.applications[key])
        return self._session(self.company.interviews[key])

    def slot_stages(self, interview: Interview) -> list[Stage]:
        """Return the stages that an interview's calendar slot serves: every seventh one also the next job's."""
        self._index()
        own = self.company.stages[self.company.slots[interview.slot_id].stage_id]
        if interview.id % 7:
            return [own]
        others = self._stages_of[self._next_job[own.job_id]]
        return [*[other for other in others if other.name == own.name and other is not own], own]

    def _index(self) -> None:
        company = self.company
        if self._indexed == company.version:
            return
        self._indexed = company.version
        jobs = sorted(company.jobs)
        self._next_job = dict(zip(jobs, [*jobs[1:], *jobs[:1]], strict=True))
        self._interview_stages = {slot.stage_id for slot in company.slots.values()}
        self._stages_of = {job_id: [] for job_id in jobs}
        for stage in sorted(company.stages.values(), key=lambda one: (one.position, one.id)):
            if stage.is_active:
                self._stages_of[stage.job_id].append(stage)
        self._keys = {
            "users": sorted(user.id for user in company.users.values() if not user.is_disabled),
            "funnels": jobs,
            "applicants": sorted(company.applications),
        }
        self._sessions_of = {fountain_id("funnel", job_id): [] for job_id in jobs}
        for interview in sorted(company.interviews.values(), key=lambda one: one.id):
            if interview.state is not InterviewState.PLACEHOLDER:
                for job_id in {stage.job_id for stage in self.slot_stages(interview)}:
                    self._sessions_of[fountain_id("funnel", job_id)].append(interview.id)

    def _user(self, user: User) -> Row:
        return {"id": fountain_id("user", user.id), "name": user.name, "email": user.email}

    def _funnel(self, job: Job) -> Row:
        zone_name, zone = ZONES[job.id % 2]
        return {
            "id": fountain_id("funnel", job.id),
            "custom_id": f"OP-{job.id}" if job.id % 2 else None,
            "title": job.title,
            "address": "5 Example Ave",
            "time_zone": zone_name,
            "description": "<p>Join us</p>",
            "requirements": "",
            "fields": [],
            "stages": [*map(self._stage, self._stages_of[job.id]), *_ends(job.id)],
            "is_private": False,
            "active": bool(job.id % 5),
            "location": None,
            "created_at": iso(job.created_at, zone),
        }

    def _stage(self, stage: Stage) -> Row:
        kind = "InterviewStage" if stage.id in self._interview_stages else "DataCollectionStage"
        return {"id": fountain_id("stage", stage.id), "title": stage.name, "type": kind}

    def _applicant(self, application: Application) -> Row:
        candidate = self.company.candidates[application.candidate_id]
        job = self.company.jobs[application.job_id]
        zone = ZONES[job.id % 2][1]
        reason = self.company.reject_reasons.get(application.reject_reason_id or 0)
        return {
            "id": fountain_id("applicant", application.id),
            "email": candidate.email,
            "name": f"{candidate.first_name} {candidate.last_name}",
            "first_name": candidate.first_name,
            "last_name": candidate.last_name,
            "phone_number": "5550100",
            "normalized_phone_number": "+15550100",
            "is_duplicate": False,
            "receive_automated_emails": True,
            "can_receive_sms": True,
            "phone_platform": None,
            "on_hold_reason": None,
            "data": {},
            "created_at": iso(application.created_at, zone),
            "updated_at": iso(application.updated_at, zone),
            "last_transitioned_at": iso(application.moves[-1].at, zone) if len(application.moves) > 1 else None,
            "funnel": {
                "id": fountain_id("funnel", job.id),
                "title": job.title,
                "custom_id": f"OP-{job.id}" if job.id % 2 else None,
            },
            "stage": self._stage_of(application),
            "labels": [],
            "background_checks": [],
            "document_signatures": [],
            "addresses": [],
            "rejection_reason": reason.name if reason else None,
        }

    def _stage_of(self, application: Application) -> Row:
        approved, rejected = _ends(application.job_id)
        if application.state is ApplicationState.REJECTED:
            stage = rejected
        elif application.stage_id is None:
            stage = approved
        else:
            stage = self._stage(self.company.stages[application.stage_id])
        return {"id": stage["id"], "title": stage["title"]}

    def _session(self, interview: Interview) -> Row:
        company = self.company
        zone = ZONES[interview.job_id % 2][1]
        starts_at, ends_at = slot_times(interview)
        recruiter = next((seat.user_id for seat in interview.seats if seat.user_id is not None), None)
        is_booked = interview.state is not InterviewState.CANCELLED
        row: Row = {
            "id": interview.id,
            "title": company.slots[interview.slot_id].name,
            "date": starts_at.astimezone(zone).date().isoformat(),
            "start_time": iso(starts_at, zone),
            "end_time": iso(ends_at, zone) if ends_at else None,
            "location": interview.location or "",
            "instructions": interview.video_url or "",
            "user_id": fountain_id("user", recruiter) if recruiter is not None else None,
            "max_attendees": 1,
            "booked_slots_count": int(is_booked),
            "stage_ids": [fountain_id("stage", stage.id) for stage in self.slot_stages(interview)],
            "booked_slots": [self._booking(interview)] if is_booked else [],
        }
        if interview.location is None and interview.id % 2:
            del row["location"]
        return row

    def _booking(self, interview: Interview) -> Row:
        zone = ZONES[interview.job_id % 2][1]
        booking: Row = {
            "id": fountain_id("booking", interview.id),
            "applicant_id": fountain_id("applicant", interview.application_id),
            "booked_time": iso(interview.created_at, zone),
        }
        came = attendance(interview)
        if came is not None:
            booking["showed_up"] = str(came).lower() if interview.id % 4 == 1 else came
        elif interview.id % 2:
            booking["showed_up"] = None
        return booking


def slot_times(interview: Interview) -> tuple[datetime, datetime | None]:
    """Return when a slot begins and ends. All-day ones go from midnight to midnight; some do not say when they end."""
    if interview.all_day_from and interview.all_day_until:
        zone = ZONES[interview.job_id % 2][1]
        first, last = (
            datetime(day.year, day.month, day.day, tzinfo=zone)
            for day in (interview.all_day_from, interview.all_day_until)
        )
        return first, last
    if interview.starts_at is None:
        raise ValueError("a placeholder has no slot")
    return interview.starts_at, None if interview.id % 13 == 0 else interview.ends_at


def attendance(interview: Interview) -> bool | None:
    """Return whether the applicant came; every eleventh did not. None until somebody says so."""
    return interview.id % 11 != 0 if interview.state is InterviewState.COMPLETE else None


def iso(moment: datetime, zone: timezone) -> str:
    return moment.astimezone(zone).isoformat(timespec="milliseconds")


def _ends(job_id: int) -> tuple[Row, Row]:
    """Return the stages in which applications end: hired, rejected."""
    return (
        {"id": fountain_id("approved-stage", job_id), "title": "Approved", "type": "HiredStage"},
        {"id": fountain_id("rejected-stage", job_id), "title": "Rejected", "type": "RejectedStage"},
    )
