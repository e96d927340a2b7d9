"""An invented company that hires: what every simulated platform tells in its own words.

The same seed and time give the same company. Ids are integers that rise with time, as in most platforms.
"""

import random
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import count
from threading import RLock
from typing import Any, TypeVar

# fmt: off
FIRST_NAMES = (
    "Amara", "Anton", "Beatriz", "Chidi", "Daniela", "Émilie", "Farid", "Göran", "Hanna", "Ibrahim", "Ingrid",
    "Jasper", "Jun", "Kateryna", "Lakshmi", "Leon", "Maëlle", "Marek", "Mei", "Mohammed", "Nadia", "Noah", "Olu",
    "Paulo", "Priya", "Rosa", "Sakura", "Samuel", "Søren", "Tariq", "Thandiwe", "Uma", "Viktor", "Wanjiru", "Xenia",
    "Yusuf", "Zoë",
)
LAST_NAMES = (
    "Abebe", "Andersson", "Banerjee", "Castellanos", "Chen", "Dubois", "Eriksen", "Fischer", "García", "Haddad",
    "Ivanova", "Johansson", "Kowalski", "Kim", "Lindqvist", "Martínez", "Moreau", "Mwangi", "Nakamura", "Novák",
    "O'Brien", "Okafor", "Papadopoulos", "Quispe", "Rossi", "Schneider", "Silva", "Smith", "Tanaka", "Ueda",
    "Vargas", "Weber", "Yamada", "Zhang",
)
# fmt: on
JOB_TITLES = (
    "Accountant",
    "Backend Engineer",
    "Customer Success Manager",
    "Data Analyst",
    "Head of Marketing",
    "Machinist",
    "Nurse",
    "Product Designer",
    "Sales Representative",
    "Site Reliability Engineer",
    "Support Specialist",
    "Warehouse Lead",
)
# Each stage with the interviews that are held in it, in minutes.
STAGES: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = (
    ("Application Review", ()),
    ("Recruiter Phone Screen", (("Phone screen", 30),)),
    ("Team Interview", (("Team chat", 45), ("Work sample review", 60))),
    ("Final Interview", (("Panel", 60), ("Meet the founders", 30))),
    ("Offer", ()),
)
SOURCES = ("Jobs page on your website", "Referral", "LinkedIn", "University fair", "Agency", "Indeed")
BUILT_IN_REJECT_REASONS = ("Lacking skills", "Wrong location", "Took another offer")
OWN_REJECT_REASONS = ("Failed the exercise", "Salary expectations", "Position closed")
ROOMS = ("Room 4.12 (north)", "Salle Curie", "Aquarium", "Reception, 2nd floor", "Besprechungsraum Süd")


class Response(StrEnum):
    NEEDS_ACTION = "needs_action"
    ACCEPTED = "accepted"
    TENTATIVE = "tentative"
    DECLINED = "declined"


class ApplicationState(StrEnum):
    ACTIVE = "active"
    REJECTED = "rejected"
    HIRED = "hired"


class InterviewState(StrEnum):
    PLACEHOLDER = "placeholder"  # to be held, without a time so far
    SCHEDULED = "scheduled"
    AWAITING_FEEDBACK = "awaiting_feedback"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


@dataclass(slots=True, kw_only=True)
class User:
    id: int
    first_name: str
    last_name: str | None
    email: str | None
    is_admin: bool = False
    is_disabled: bool = False
    is_service_account: bool = False
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}" if self.last_name else self.first_name


@dataclass(slots=True, kw_only=True)
class Job:
    id: int
    title: str
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Slot:
    """An interview that a stage provides for. Interviews are held in slots."""

    id: int
    job_id: int
    stage_id: int
    name: str
    position: int
    minutes: int
    is_active: bool = True
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Stage:
    id: int
    job_id: int
    name: str
    position: int
    is_active: bool = True
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True, kw_only=True)
class Source:
    id: int
    name: str


@dataclass(slots=True, kw_only=True)
class Referrer:
    """Whoever recommended somebody: a user, or an agency (`user_id` is None)."""

    id: int
    name: str
    user_id: int | None


@dataclass(slots=True, kw_only=True)
class RejectReason:
    id: int
    name: str
    is_built_in: bool


@dataclass(slots=True, kw_only=True)
class Candidate:
    id: int
    first_name: str
    last_name: str
    email: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An application came to a stage, or to its end."""

    at: datetime
    stage_id: int | None
    state: ApplicationState


@dataclass(slots=True, kw_only=True)
class Application:
    """`moves` begin with its arrival and end with where it is. `touched_at` moves with its interviews as well."""

    id: int
    candidate_id: int
    job_id: int
    stage_id: int | None  # None for those hired
    recruiter_id: int
    source_id: int | None
    referrer_id: int | None
    state: ApplicationState = ApplicationState.ACTIVE
    rejected_at: datetime | None = None
    reject_reason_id: int | None = None
    created_at: datetime
    updated_at: datetime
    touched_at: datetime
    moves: list[Move] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Seat:
    """One person's place on a panel. Guests have an address, and no user."""

    id: int
    interview_id: int
    user_id: int | None
    email: str | None
    response: Response
    has_scorecard: bool
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True, kw_only=True)
class Interview:
    """`starts_at` and `ends_at` are None for placeholders, and for all-day interviews, which have dates.

    `external_event_id` is the id that a client gave to an interview of its own.
    """

    id: int
    application_id: int
    job_id: int
    slot_id: int
    organizer_id: int | None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    all_day_from: date | None = None
    all_day_until: date | None = None
    location: str | None = None
    video_url: str | None = None
    external_event_id: str | None = None
    state: InterviewState
    seats: list[Seat] = field(default_factory=list)
    created_at: datetime
    updated_at: datetime


T = TypeVar("T")


def _ids(start: int) -> Callable[[], int]:
    return count(start).__next__


class Company:
    """Everything there is, by id, and what happens to it later. Changes are stamped with `clock`.

    Changes hold `lock`, and so does whoever reads while others may change things. `version` moves with each of them.
    """

    def __init__(self, *, clock: Callable[[], datetime] | None = None) -> None:
        self.clock = clock or (lambda: datetime.now(UTC))
        self.lock = RLock()
        self.version = 0
        self.users: dict[int, User] = {}
        self.jobs: dict[int, Job] = {}
        self.stages: dict[int, Stage] = {}
        self.slots: dict[int, Slot] = {}
        self.sources: dict[int, Source] = {}
        self.referrers: dict[int, Referrer] = {}
        self.reject_reasons: dict[int, RejectReason] = {}
        self.candidates: dict[int, Candidate] = {}
        self.applications: dict[int, Application] = {}
        self.interviews: dict[int, Interview] = {}
        self.seats: dict[int, Seat] = {}
        self.deleted_applications: dict[int, datetime] = {}  # when they were
        self.next_interview_id = _ids(9_100_001)
        self.next_seat_id = _ids(52_000_001)

    def add_interview(
        self,
        *,
        application_id: int,
        slot_id: int,
        user_ids: Iterable[int],
        starts_at: datetime,
        organizer_id: int | None = None,
        location: str | None = None,
    ) -> Interview:
        with self._changing() as now:
            slot = self.slots[slot_id]
            interview = Interview(
                id=self.next_interview_id(),
                application_id=application_id,
                job_id=slot.job_id,
                slot_id=slot_id,
                organizer_id=organizer_id,
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=slot.minutes),
                location=location,
                state=InterviewState.SCHEDULED,
                created_at=now,
                updated_at=now,
            )
            self.interviews[interview.id] = interview
            for user_id in user_ids:
                self.seat(interview, user_id=user_id, created_at=now)
            self._touch(application_id)
            return interview

    def edit(self, interview_id: int, **changes: Any) -> Interview:
        """Set fields of an interview, by their names here."""
        with self._changing():
            interview = self.interviews[interview_id]
            for name, value in changes.items():
                setattr(interview, name, value)
            interview.updated_at = self._later_than(interview.updated_at)
            self._touch(interview.application_id)
            return interview

    def reschedule(self, interview_id: int, starts_at: datetime) -> Interview:
        with self._changing():
            interview = self.interviews[interview_id]
            interview.starts_at = starts_at
            interview.ends_at = starts_at + timedelta(minutes=self.slots[interview.slot_id].minutes)
            interview.all_day_from = interview.all_day_until = None
            interview.state = InterviewState.SCHEDULED
            interview.updated_at = self._later_than(interview.updated_at)
            self._touch(interview.application_id)
            return interview

    def cancel(self, interview_id: int) -> Interview:
        with self._changing():
            interview = self.interviews[interview_id]
            interview.state = InterviewState.CANCELLED
            interview.updated_at = self._later_than(interview.updated_at)
            self._touch(interview.application_id)
            return interview

    def reassign(self, interview_id: int, user_ids: Iterable[int]) -> Interview:
        """Make these users the panel: those who stay keep their seats, guests leave."""
        with self._changing() as now:
            interview = self.interviews[interview_id]
            wanted = list(dict.fromkeys(user_ids))
            for seat in [seat for seat in interview.seats if seat.user_id not in wanted]:
                self._remove_seat(interview, seat)
            seated = {seat.user_id for seat in interview.seats}
            for user_id in wanted:
                if user_id not in seated:
                    self.seat(interview, user_id=user_id, created_at=now)
            interview.updated_at = self._later_than(interview.updated_at)
            self._touch(interview.application_id)
            return interview

    def join(self, interview_id: int, user_id: int) -> Seat:
        """Add somebody to a panel. As on some platforms, the interview's `updated_at` does not move."""
        with self._changing() as now:
            return self.seat(self.interviews[interview_id], user_id=user_id, created_at=now)

    def leave(self, interview_id: int, user_id: int) -> None:
        with self._changing():
            interview = self.interviews[interview_id]
            for seat in [seat for seat in interview.seats if seat.user_id == user_id]:
                self._remove_seat(interview, seat)
            interview.updated_at = self._later_than(interview.updated_at)
            self._touch(interview.application_id)

    def delete(self, interview_id: int) -> None:
        """Remove an interview without a trace."""
        with self._changing():
            interview = self.interviews.pop(interview_id)
            for seat in interview.seats:
                del self.seats[seat.id]
            self._touch(interview.application_id)

    def advance(self, application_id: int, stage_id: int) -> Application:
        """Move an application to another stage of its job."""
        with self._changing():
            application = self.applications[application_id]
            application.stage_id = stage_id
            self._note_move(application, ApplicationState.ACTIVE)
            return application

    def reject(self, application_id: int, reject_reason_id: int) -> Application:
        with self._changing():
            application = self.applications[application_id]
            self._note_move(application, ApplicationState.REJECTED)
            application.rejected_at = application.updated_at
            application.reject_reason_id = reject_reason_id
            return application

    def delete_application(self, application_id: int) -> None:
        """Remove an application with its interviews, and its candidate, who has no other."""
        with self._changing() as now:
            for interview in [one for one in self.interviews.values() if one.application_id == application_id]:
                for seat in interview.seats:
                    del self.seats[seat.id]
                del self.interviews[interview.id]
            del self.candidates[self.applications.pop(application_id).candidate_id]
            self.deleted_applications[application_id] = now

    def rename_user(self, user_id: int, *, first_name: str, last_name: str) -> User:
        with self._changing():
            user = self.users[user_id]
            user.first_name, user.last_name = first_name, last_name
            user.updated_at = self._later_than(user.updated_at)
            return user

    def disable_user(self, user_id: int) -> User:
        with self._changing():
            user = self.users[user_id]
            user.is_disabled = True
            user.updated_at = self._later_than(user.updated_at)
            return user

    def seat(
        self,
        interview: Interview,
        *,
        user_id: int | None,
        created_at: datetime,
        email: str | None = None,
        response: Response = Response.NEEDS_ACTION,
        has_scorecard: bool = True,
    ) -> Seat:
        seat = Seat(
            id=self.next_seat_id(),
            interview_id=interview.id,
            user_id=user_id,
            email=self.users[user_id].email if user_id is not None else email,
            response=response,
            has_scorecard=has_scorecard,
            created_at=created_at,
            updated_at=created_at,
        )
        self.seats[seat.id] = seat
        interview.seats.append(seat)
        return seat

    @contextmanager
    def _changing(self) -> Iterator[datetime]:
        with self.lock:
            self.version += 1
            yield self.clock()

    def _remove_seat(self, interview: Interview, seat: Seat) -> None:
        interview.seats.remove(seat)
        del self.seats[seat.id]

    def _touch(self, application_id: int) -> None:
        application = self.applications[application_id]
        application.touched_at = self._later_than(application.touched_at)

    def _note_move(self, application: Application, state: ApplicationState) -> None:
        application.state = state
        application.updated_at = self._later_than(application.updated_at)
        application.touched_at = max(application.updated_at, self._later_than(application.touched_at))
        application.moves.append(
            Move(at=application.updated_at, stage_id=application.stage_id, state=application.state)
        )

    def _later_than(self, moment: datetime) -> datetime:
        """Return the time of a change, later than the last one in the milliseconds that platforms print."""
        return max(self.clock(), moment + timedelta(milliseconds=1))


def build_company(
    *, interviews: int, seed: int = 1, now: datetime | None = None, clock: Callable[[], datetime] | None = None
) -> Company:
    """Invent a company with this many interviews: most in the last three months, the rest in the next three weeks."""
    return _Inventor(random.Random(seed), now or datetime.now(UTC), Company(clock=clock)).invent(interviews)


class _Inventor:
    def __init__(self, chance: random.Random, now: datetime, company: Company) -> None:
        self.chance = chance
        self.now = now.astimezone(UTC).replace(second=0, microsecond=0)
        self.company = company

    def invent(self, interviews: int) -> Company:
        self._invent_users(max(8, min(400, interviews // 25)))
        self._invent_jobs(max(3, min(500, interviews // 40)))
        self._invent_words()
        company = self.company
        self.staff = [
            user.id for user in company.users.values() if not user.is_service_account and not user.is_disabled
        ]
        self.service_account = next(user.id for user in company.users.values() if user.is_service_account)
        self.slots_of: dict[int, list[Slot]] = {}
        for slot in company.slots.values():
            self.slots_of.setdefault(slot.job_id, []).append(slot)

        recruits = self._applications()
        application = next(recruits)
        for _ in range(interviews):
            if self.chance.random() < 0.45:
                application = next(recruits)
            self._invent_interview(application)
        return company

    def _invent_users(self, number: int) -> None:
        next_id = _ids(4001)
        for position in range(number):
            first, last = self._pick(FIRST_NAMES), self._pick(LAST_NAMES)
            created = self._past(days=1500)
            user_id = next_id()
            self.company.users[user_id] = User(
                id=user_id,
                first_name=first,
                last_name=last,
                email=_address(first, last, user_id, "example.com"),
                is_admin=position == 0 or self.chance.random() < 0.05,
                is_disabled=position > 2 and self.chance.random() < 0.1,
                created_at=created,
                updated_at=created + timedelta(days=3),
            )
        user_id, created = next_id(), self._past(days=700)
        self.company.users[user_id] = User(
            id=user_id,
            first_name="Service Account",
            last_name=None,
            email=None,
            is_service_account=True,
            created_at=created,
            updated_at=created,
        )

    def _invent_jobs(self, number: int) -> None:
        next_job, next_stage, next_slot = _ids(15_001), _ids(70_005), _ids(310_003)
        for position in range(number):
            created = self._past(days=500)
            job = Job(id=next_job(), title=JOB_TITLES[position % len(JOB_TITLES)], created_at=created)
            self.company.jobs[job.id] = job
            for stage_position, (name, slots) in enumerate(STAGES):
                stage = Stage(
                    id=next_stage(),
                    job_id=job.id,
                    name=name,
                    position=stage_position,
                    is_active=not (name == "Final Interview" and self.chance.random() < 0.1),
                    created_at=created,
                    updated_at=created,
                )
                self.company.stages[stage.id] = stage
                for slot_position, (slot_name, minutes) in enumerate(slots):
                    slot = Slot(
                        id=next_slot(),
                        job_id=job.id,
                        stage_id=stage.id,
                        name=slot_name,
                        position=slot_position,
                        minutes=minutes,
                        is_active=stage.is_active,
                        created_at=created,
                    )
                    self.company.slots[slot.id] = slot

    def _invent_words(self) -> None:
        company = self.company
        company.sources = {number: Source(id=number, name=name) for number, name in enumerate(SOURCES, start=2)}
        reasons = [
            RejectReason(id=9 + i, name=name, is_built_in=True) for i, name in enumerate(BUILT_IN_REJECT_REASONS)
        ]
        reasons += [
            RejectReason(id=5001 + i, name=name, is_built_in=False) for i, name in enumerate(OWN_REJECT_REASONS)
        ]
        company.reject_reasons = {reason.id: reason for reason in reasons}
        people = list(company.users.values())[:5]
        referrers = [Referrer(id=881 + i, name=user.name, user_id=user.id) for i, user in enumerate(people)]
        referrers.append(Referrer(id=890, name="Agence Étoile", user_id=None))
        company.referrers = {referrer.id: referrer for referrer in referrers}

    def _applications(self) -> Iterator[Application]:
        """Invent candidates without end, each with an application."""
        next_candidate, next_application = _ids(330_001), _ids(600_001)
        jobs, stages_of = list(self.company.jobs.values()), self._stages_by_job()
        while True:
            first, last = self._pick(FIRST_NAMES), self._pick(LAST_NAMES)
            created = self._past(days=100)
            candidate_id, application_id, job = next_candidate(), next_application(), self._pick(jobs)
            self.company.candidates[candidate_id] = Candidate(
                id=candidate_id,
                first_name=first,
                last_name=last,
                email=_address(first, last, candidate_id, "example.org"),
                created_at=created,
            )
            state = self.chance.choices(list(ApplicationState), weights=(70, 22, 8))[0]
            ended = created + (self.now - created) * self.chance.uniform(0.5, 1)
            is_rejected = state is ApplicationState.REJECTED
            source = self._pick(list(self.company.sources.values()))
            is_referred = source.name in ("Referral", "Agency")
            application = Application(
                id=application_id,
                candidate_id=candidate_id,
                job_id=job.id,
                stage_id=None if state is ApplicationState.HIRED else self._pick(stages_of[job.id]).id,
                recruiter_id=self._pick(self.staff),
                source_id=source.id,
                referrer_id=self._pick(list(self.company.referrers)) if is_referred else None,
                state=state,
                rejected_at=ended if is_rejected else None,
                reject_reason_id=self._pick(list(self.company.reject_reasons)) if is_rejected else None,
                created_at=created,
                updated_at=ended,
                touched_at=ended,
                moves=[Move(at=created, stage_id=stages_of[job.id][0].id, state=ApplicationState.ACTIVE)],
            )
            application.moves.append(Move(at=ended, stage_id=application.stage_id, state=state))
            self.company.applications[application_id] = application
            yield application

    def _invent_interview(self, application: Application) -> None:
        chance, slot = self.chance, self._pick(self.slots_of[application.job_id])
        is_placeholder, is_all_day = chance.random() < 0.03, chance.random() < 0.02
        starts_at = self._office_hour(application.created_at + timedelta(days=chance.uniform(2, 30)))
        ends_at = starts_at + timedelta(minutes=slot.minutes)
        created = max(application.created_at, min(self.now, starts_at) - timedelta(days=chance.uniform(1, 6)))
        is_over = ends_at < self.now
        if is_placeholder:
            state = InterviewState.PLACEHOLDER
        elif is_over:
            is_rated = self.now - ends_at > timedelta(days=14) or chance.random() < 0.6
            state = InterviewState.COMPLETE if is_rated else InterviewState.AWAITING_FEEDBACK
        else:
            state = InterviewState.SCHEDULED
        interview = Interview(
            id=self.company.next_interview_id(),
            application_id=application.id,
            job_id=application.job_id,
            slot_id=slot.id,
            organizer_id=self.service_account if chance.random() < 0.1 else application.recruiter_id,
            state=state,
            created_at=created,
            updated_at=min(ends_at + timedelta(hours=1), self.now) if is_over else created,
        )
        self.company.interviews[interview.id] = interview
        application.touched_at = max(application.touched_at, interview.updated_at)
        if is_placeholder:
            interview.organizer_id = None
            return
        if is_all_day:
            interview.all_day_from, interview.all_day_until = starts_at.date(), starts_at.date() + timedelta(days=1)
        else:
            interview.starts_at, interview.ends_at = starts_at, ends_at
        if chance.random() < 0.6:
            interview.video_url = f"https://video.example.com/j/{interview.id}"
        else:
            interview.location = self._pick(ROOMS)
        self._invent_panel(interview)

    def _invent_panel(self, interview: Interview) -> None:
        chance, add = self.chance, self.company.seat
        answered = [Response.ACCEPTED] * 6 + [Response.NEEDS_ACTION] * 2 + [Response.TENTATIVE, Response.DECLINED]
        for user_id in chance.sample(self.staff, k=chance.choices((1, 2, 3, 4), weights=(40, 35, 20, 5))[0]):
            add(interview, user_id=user_id, created_at=interview.created_at, response=self._pick(answered))
        if chance.random() < 0.1 and interview.organizer_id is not None:
            add(interview, user_id=interview.organizer_id, created_at=interview.created_at, has_scorecard=False)
        if chance.random() < 0.03:
            guest = f"guest{interview.id}@example.net"
            add(interview, user_id=None, email=guest, created_at=interview.created_at, has_scorecard=False)

    def _stages_by_job(self) -> dict[int, list[Stage]]:
        stages: dict[int, list[Stage]] = {}
        for stage in self.company.stages.values():
            stages.setdefault(stage.job_id, []).append(stage)
        return stages

    def _pick(self, things: Sequence[T]) -> T:
        return self.chance.choice(things)

    def _past(self, *, days: int) -> datetime:
        return self.now - timedelta(days=self.chance.uniform(1, days))

    def _office_hour(self, moment: datetime) -> datetime:
        """Move a time to the next quarter of an hour at which people are at work, Monday to Friday."""
        latest = min(moment, self.now + timedelta(days=21))
        weekday = latest + timedelta(days=max(0, 7 - latest.weekday()) if latest.weekday() > 4 else 0)
        return weekday.replace(
            hour=self.chance.randrange(8, 17), minute=self.chance.choice((0, 15, 30, 45)), second=0, microsecond=0
        )


def _address(first: str, last: str, number: int, domain: str) -> str:
    plain = unicodedata.normalize("NFKD", f"{first}.{last}".replace("'", "")).encode("ascii", "ignore").decode()
    return f"{plain.lower()}.{number}@{domain}"
