"""The rows that Recruitee lists: given as they are, or told from a company in Recruitee's words."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Protocol

from sandbox.company import Application, Candidate, Company, Interview, InterviewState, Job, Stage, User

Row = dict[str, Any]

CATEGORIES = {
    "Application Review": "apply",
    "Recruiter Phone Screen": "phone_screen",
    "Team Interview": "interview",
    "Final Interview": "interview",
    "Offer": "offer",
}
MINUTES_OF_A_DAY = 24 * 60


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows in their order, told when they are looked at."""

    things: Sequence[Any]
    tell: Callable[[Any], Row] = lambda row: row

    def __len__(self) -> int:
        return len(self.things)

    def __iter__(self) -> Iterator[Row]:
        return map(self.tell, self.things)

    def where(self, tests: Sequence[Callable[[Row], bool]]) -> "Listing":
        if not tests:
            return self
        return Listing([thing for thing in self.things if all(test(self.tell(thing)) for test in tests)], self.tell)

    def part(self, start: int, stop: int | None) -> list[Row]:
        return [self.tell(thing) for thing in self.things[start:stop]]


class Rows(Protocol):
    """Single rows are None where there is no such thing."""

    def admins(self) -> Listing: ...

    def templates(self) -> Listing: ...

    def candidates(self) -> Listing:
        """The newest first."""

    def events(self, status: str) -> Listing: ...

    def template(self, template_id: int) -> Row | None: ...

    def candidate(self, candidate_id: int) -> Row | None: ...

    def event(self, event_id: int) -> Row | None: ...

    def reference(self, kind: str, row_id: int) -> Row | None:
        """Return what `references` say of an Admin, Candidate, Offer or Stage."""


@dataclass(kw_only=True)
class PayloadRows:
    """Rows given as they are; `references` hold each what its `type` says."""

    admin_rows: Sequence[Row] = ()
    template_rows: Sequence[Row] = ()
    candidate_rows: Sequence[Row] = ()
    event_rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)  # by status
    references: Iterable[Row] = ()

    def __post_init__(self) -> None:
        self._references = {(row["type"], row["id"]): row for row in self.references}

    def admins(self) -> Listing:
        return Listing(self.admin_rows)

    def templates(self) -> Listing:
        return Listing(self.template_rows)

    def candidates(self) -> Listing:
        return Listing(self.candidate_rows)

    def events(self, status: str) -> Listing:
        return Listing(self.event_rows.get(status, ()))

    def template(self, template_id: int) -> Row | None:
        return _find(self.template_rows, template_id)

    def candidate(self, candidate_id: int) -> Row | None:
        return _find(self.candidate_rows, candidate_id)

    def event(self, event_id: int) -> Row | None:
        return _find([row for rows in self.event_rows.values() for row in rows], event_id)

    def reference(self, kind: str, row_id: int) -> Row | None:
        return self._references.get((kind, row_id))


@dataclass(kw_only=True)
class _Index:
    """What is sorted once for each version of a company. `starts` go with `dated`."""

    version: int
    candidates: list[Candidate]
    applications_of: Mapping[int, Sequence[Application]]
    stages_of: Mapping[int, Sequence[Stage]]
    dated: list[Interview]
    undated: list[Interview]
    starts: list[datetime]


class CompanyRows:
    """A company's people and interviews as rows: a job is an offer with a pipeline template of its own.

    Whoever left is no admin any more, a stage out of use is in no template: `references` still describe both. Cancelled
    interviews are deleted, and those of a whole day last 24 hours from midnight UTC.
    """

    def __init__(self, company: Company) -> None:
        self.company = company
        self.written: dict[int, Row] = {}  # what only Recruitee knows of events that it was told of, by id
        self._last_index: _Index | None = None

    def admins(self) -> Listing:
        return Listing([user for user in self.company.users.values() if not user.is_disabled], _admin)

    def templates(self) -> Listing:
        return Listing(list(self.company.jobs.values()), self._template)

    def candidates(self) -> Listing:
        return Listing(self._index.candidates, self._candidate)

    def events(self, status: str) -> Listing:
        """Those that begin while pages are read leave the last page of the one and come to the last of the other."""
        index = self._index
        begun = bisect_right(index.starts, self.company.clock())
        interviews = index.dated[:begun] if status == "past_due" else index.undated + index.dated[begun:][::-1]
        return Listing(interviews, self._event)

    def template(self, template_id: int) -> Row | None:
        job = self.company.jobs.get(template_id)
        return self._template(job) if job else None

    def candidate(self, candidate_id: int) -> Row | None:
        candidate = self.company.candidates.get(candidate_id)
        return self._candidate(candidate) if candidate else None

    def event(self, event_id: int) -> Row | None:
        interview = self.company.interviews.get(event_id)
        return self._event(interview) if interview and _is_listed(interview) else None

    def reference(self, kind: str, row_id: int) -> Row | None:
        company = self.company
        described: dict[str, tuple[Mapping[int, Any], Callable[[Any], Row]]] = {
            "Admin": (company.users, _admin),
            "Candidate": (company.candidates, self._person),
            "Offer": (company.jobs, _offer),
            "Stage": (company.stages, _stage),
        }
        things, tell = described[kind]
        return {"type": kind, **tell(things[row_id])} if row_id in things else None

    @property
    def _index(self) -> _Index:
        if self._last_index is None or self._last_index.version != self.company.version:
            self._last_index = self._sort()
        return self._last_index

    def _sort(self) -> _Index:
        company = self.company
        applications_of, stages_of = defaultdict[int, list[Application]](list), defaultdict[int, list[Stage]](list)
        for application in company.applications.values():
            applications_of[application.candidate_id].append(application)
        for stage in company.stages.values():
            if stage.is_active:
                stages_of[stage.job_id].append(stage)
        listed = [interview for interview in company.interviews.values() if _is_listed(interview)]
        starts = {interview.id: start for interview in listed if (start := _start(interview))}
        dated = sorted((one for one in listed if one.id in starts), key=lambda one: (starts[one.id], one.id))
        return _Index(
            version=company.version,
            candidates=sorted(company.candidates.values(), key=lambda one: (one.created_at, one.id), reverse=True),
            applications_of=applications_of,
            stages_of=stages_of,
            dated=dated,
            undated=[one for one in listed if one.id not in starts],
            starts=[starts[one.id] for one in dated],
        )

    def _template(self, job: Job) -> Row:
        """Every other template does not number its stages."""
        stages = sorted(self._index.stages_of.get(job.id, ()), key=lambda stage: stage.position)
        return {
            "id": job.id,
            "title": f"{job.title} pipeline",
            "default": job.id == next(iter(self.company.jobs)),
            "stages": [
                {**_stage(stage), "group": "active", **({} if job.id % 2 else {"position": number})}
                for number, stage in enumerate(stages, start=1)
            ],
        }

    def _candidate(self, candidate: Candidate) -> Row:
        placements = map(self._placement, self._index.applications_of.get(candidate.id, ()))
        return {**self._person(candidate), "placements": list(placements)}

    def _person(self, candidate: Candidate) -> Row:
        """Who added a candidate is known of those that a user referred. Some say nothing of their source."""
        company = self.company
        application = next(iter(self._index.applications_of.get(candidate.id, ())), None)
        source_id, referrer_id = (application.source_id, application.referrer_id) if application else (None, None)
        row = {
            "id": candidate.id,
            "name": f"{candidate.first_name} {candidate.last_name}",
            "emails": [candidate.email] if candidate.id % 7 else [],
            "phones": [],
            "admin_id": company.referrers[referrer_id].user_id if referrer_id is not None else None,
            "created_at": iso(candidate.created_at),
            "updated_at": iso(application.updated_at if application else candidate.created_at),
            "example": False,
            "source": company.sources[source_id].name if source_id is not None else None,
            "referrer": None,
            "initials": candidate.first_name[:1] + candidate.last_name[:1],
        }
        if candidate.id % 10 == 0:
            del row["source"]
        return row

    def _placement(self, application: Application) -> Row:
        reason_id = application.reject_reason_id
        row: Row = {
            "id": application.id,
            "candidate_id": application.candidate_id,
            "offer_id": application.job_id,
            "stage_id": application.stage_id,
            "position": 1,
            "created_at": iso(application.created_at),
            "updated_at": iso(application.updated_at),
            "hired_at": None,
            "language": None,
            "ratings": {},
        }
        if application.rejected_at:
            row["disqualified_at"] = iso(application.rejected_at)
            row["disqualify_reason"] = self.company.reject_reasons[reason_id].name if reason_id is not None else None
        elif application.id % 2:
            row["disqualified_at"] = row["disqualify_reason"] = None
        return row

    def _event(self, interview: Interview) -> Row:
        start = _start(interview)
        row = {
            "id": interview.id,
            "admin_id": interview.organizer_id,
            "admin_ids": [seat.user_id for seat in interview.seats if seat.user_id is not None],
            "candidate_id": self.company.applications[interview.application_id].candidate_id,
            "offer_id": interview.job_id,
            "stage_id": self.company.slots[interview.slot_id].stage_id,
            "kind": "video" if interview.video_url else "interview",
            "starts_at": iso(start) if start else None,
            "duration": self._minutes(interview),
            "timezone": "Europe/Amsterdam",
            "created_at": iso(interview.created_at),
            "updated_at": iso(interview.updated_at),
            "scheduled": start is not None,
            "rescheduled": False,
            "scheduler": "Admin",
            "interview_result_requests": [],
            "event_url": f"https://jobs.example.com/v/events/{interview.id}",
            "sync_url": f"https://api.recruitee.com/share/interview/events/{interview.id}/sync",
        }
        if interview.location or interview.video_url:
            row |= {"location": interview.location, "note": None, "public_note": None}
            row |= {"video_provider": "recruitee", "video_url": interview.video_url}
        return row | self.written.get(interview.id, {})

    def _minutes(self, interview: Interview) -> int | None:
        if interview.starts_at and interview.ends_at:
            return (interview.ends_at - interview.starts_at) // timedelta(minutes=1)
        if interview.all_day_from and interview.all_day_until:
            return (interview.all_day_until - interview.all_day_from).days * MINUTES_OF_A_DAY
        return self.company.slots[interview.slot_id].minutes if interview.id % 2 else None


def _admin(user: User) -> Row:
    return {
        "id": user.id,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "photo_normal_url": None,
        "photo_thumb_url": None,
        "time_format24": True,
        "timezone": "Europe/Amsterdam",
    }


def _offer(job: Job) -> Row:
    return {
        "id": job.id,
        "title": job.title,
        "kind": "job",
        "lang_code": "en",
        "location": "Utrecht",
        "position": 1,
        "slug": job.title.lower().replace(" ", "-"),
        "status": "published",
    }


def _stage(stage: Stage) -> Row:
    return {
        "id": stage.id,
        "name": stage.name,
        "category": CATEGORIES.get(stage.name, "evaluation"),
        "locked": False,
        "time_limit": None,
        "action_templates": [],
        "placements_count": None,
    }


def _is_listed(interview: Interview) -> bool:
    return interview.state is not InterviewState.CANCELLED


def _start(interview: Interview) -> datetime | None:
    day = interview.all_day_from
    return datetime.combine(day, time(tzinfo=UTC)) if day else interview.starts_at


def _find(rows: Iterable[Row], row_id: int) -> Row | None:
    return next((row for row in rows if row["id"] == row_id), None)
