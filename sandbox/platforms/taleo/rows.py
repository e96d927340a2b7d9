"""What Taleo lists: given as it is, or told from a company in Taleo's words, in all its ways to say one thing."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Protocol
from zlib import crc32
from zoneinfo import ZoneInfo

from sandbox.company import STAGES, Application, ApplicationState, Candidate, Company, Interview, Job, User

Row = dict[str, Any]

ID_KEYS = {
    "user": "userId",
    "candidate": "candId",
    "requisition": "reqId",
    "candidateapplication": "id",
    "interview": "interviewId",
}
PARENT_KEYS = {"candidate": "candidateId", "requisition": "requisitionId"}
TIME_ZONE = ZoneInfo("America/New_York")

FIRST_STATUS, FIRST_RETIRED_STATUS, DISQUALIFIED = 5001, 5901, 14
STATUSES = {1: "-", DISQUALIFIED: "Disqualified"} | {
    FIRST_STATUS + position: name for position, (name, _) in enumerate(STAGES)
}
ROLES = (
    "Recruiter",
    "Hiring Manager",
    "Interviewer",
    "Approver",
    "Reviewer",
    "Power User",
    "Manager",
    "Onboarding Buddy",
)
NO_REASONS: tuple[Row, ...] = ({}, {"reasonRejected": None}, {"reasonRejected": ""})
FORMER_USER = 987_654
LONG_COMMENT = "She knows the trade. " * 1000


class Rows(Protocol):
    """`kind` is one of ID_KEYS."""

    def ids(self, kind: str) -> Sequence[int]:
        """Return ids in an order that means nothing."""

    def row(self, kind: str, row_id: int) -> Row | None: ...

    def updated_at(self, kind: str, row_id: int) -> datetime | None: ...

    def below(self, parent: str, parent_id: int, kind: str) -> Sequence[Row]:
        """Return applications of a candidate or requisition, or interviews of a candidate."""

    def statuses(self) -> Sequence[Row]: ...


class PayloadRows:
    """Rows given as they are, by kind, and `statuses`."""

    def __init__(self, listings: Mapping[str, Iterable[Row]], statuses: Iterable[Row] = ()) -> None:
        self.listings = {
            kind: {row.get(ID_KEYS[kind], -position): row for position, row in enumerate(rows, start=1)}
            for kind, rows in listings.items()
        }
        self._statuses = list(statuses)

    def ids(self, kind: str) -> Sequence[int]:
        return list(self.listings.get(kind, {}))

    def row(self, kind: str, row_id: int) -> Row | None:
        return self.listings.get(kind, {}).get(row_id)

    def updated_at(self, kind: str, row_id: int) -> datetime | None:
        text = self.listings[kind][row_id].get("lastUpdated")
        moment = datetime.fromisoformat(text) if text else None
        return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment

    def below(self, parent: str, parent_id: int, kind: str) -> Sequence[Row]:
        rows = self.listings.get(kind, {}).values()
        return [row for row in rows if row.get(PARENT_KEYS[parent]) == parent_id]

    def statuses(self) -> Sequence[Row]:
        return self._statuses


class CompanyRows:
    """A company's people and interviews as rows.

    Stages are the same for all jobs; one that is out of use has a number that is no longer listed. Cancelled interviews
    stay, as their status is any text. Users are named by number or login name, times come in all four shapes.
    """

    def __init__(self, company: Company) -> None:
        self.company = company
        self._kinds: dict[str, tuple[Mapping[int, Any], Callable[[Any], Row], Callable[[Any], datetime]]] = {
            "user": (company.users, self._user, lambda user: user.updated_at),
            "candidate": (company.candidates, self._candidate, self._candidate_updated_at),
            "requisition": (company.jobs, self._requisition, lambda job: job.created_at),
            "candidateapplication": (company.applications, self._application, lambda one: one.updated_at),
            "interview": (company.interviews, self._interview, _interview_updated_at),
        }
        self._version = -1
        self._ids: dict[str, Sequence[int]] = {}
        self._applications_of: dict[str, Mapping[int, Sequence[Application]]] = {}
        self._interviews_of: Mapping[int, Sequence[Interview]] = {}

    def ids(self, kind: str) -> Sequence[int]:
        self._look()
        return self._ids[kind]

    def row(self, kind: str, row_id: int) -> Row | None:
        self._look()
        things, tell, _ = self._kinds[kind]
        return tell(things[row_id]) if row_id in things else None

    def updated_at(self, kind: str, row_id: int) -> datetime | None:
        self._look()
        things, _, updated_at = self._kinds[kind]
        return updated_at(things[row_id])

    def below(self, parent: str, parent_id: int, kind: str) -> Sequence[Row]:
        self._look()
        if kind == "interview":
            return [self._interview(one) for one in self._interviews_of.get(parent_id, ())]
        return [self._application(one) for one in self._applications_of[parent].get(parent_id, ())]

    def statuses(self) -> Sequence[Row]:
        return [{"entityType": "CAREQ", "id": number, "text": text} for number, text in STATUSES.items()]

    def _look(self) -> None:
        """Find what belongs together, once for each version of the company."""
        if self._version == self.company.version:
            return
        self._version, company = self.company.version, self.company
        self._ids = {kind: sorted(things, key=_shuffled) for kind, (things, _, _) in self._kinds.items()}
        by_candidate, by_job = defaultdict[int, list[Application]](list), defaultdict[int, list[Application]](list)
        for application in company.applications.values():
            by_candidate[application.candidate_id].append(application)
            by_job[application.job_id].append(application)
        interviews = defaultdict[int, list[Interview]](list)
        for interview in company.interviews.values():
            interviews[company.applications[interview.application_id].candidate_id].append(interview)
        self._applications_of = {"candidate": by_candidate, "requisition": by_job}
        self._interviews_of = interviews

    def _user(self, user: User) -> Row:
        states = (2, "Inactive", "2", "INACTIVE") if user.is_disabled else (1, "Active", "1", "active")
        row = {
            "userId": user.id,
            "loginName": _login(user),
            "firstName": user.first_name,
            "lastName": user.last_name or "",
            "middleInitial": None,
            "email": user.email,
            "role": None if user.is_service_account else _role(user),
            "status": None if user.is_service_account else states[user.id % 4],
            "creationDate": _day(user.created_at),
            "title": None,
            "timeZoneId": TIME_ZONE.key,
            "lastUpdated": _zulu(user.updated_at),
        }
        if user.email is None:
            del row["email"]
        return row

    def _candidate(self, candidate: Candidate) -> Row:
        row = {
            "candId": candidate.id,
            "firstName": candidate.first_name,
            "lastName": candidate.last_name,
            "email": candidate.email,
            "status": 2,
            "creationDate": _day(candidate.created_at),
            "lastUpdated": _zulu(self._candidate_updated_at(candidate)),
        }
        for application in self._applications_of["candidate"].get(candidate.id, ()):
            source = self.company.sources.get(application.source_id or 0)
            row["source"] = source.name if source else ""
            if application.referrer_id is not None:
                referrer = self.company.referrers[application.referrer_id]
                row["referredBy"] = referrer.name if referrer.user_id is None else self._named(referrer.user_id)
        return row

    def _candidate_updated_at(self, candidate: Candidate) -> datetime:
        """What happens to an application happens to its candidate."""
        applications = self._applications_of["candidate"].get(candidate.id, ())
        return max([candidate.created_at, *(one.updated_at for one in applications)])

    def _requisition(self, job: Job) -> Row:
        return {
            "reqId": job.id,
            "title": job.title,
            "status": 2,
            "openedDate": _day(job.created_at),
            "creationDate": _day(job.created_at),
            "lastUpdated": _zulu(job.created_at),
        }

    def _application(self, application: Application) -> Row:
        reason_id = application.reject_reason_id
        is_rejected = application.state is ApplicationState.REJECTED
        is_hired = application.state is ApplicationState.HIRED
        return {
            "id": application.id,
            "candidateId": application.candidate_id,
            "requisitionId": application.job_id,
            "status": DISQUALIFIED if is_rejected else self._status(application),
            "preRejectionStatus": self._status(application) if is_rejected else None,
            "rank": 12,
            "dateApplied": _day(application.created_at),
            "hiredDate": _day(application.updated_at) if is_hired else None,
            "lastUpdated": _zulu(application.updated_at),
            **(
                {"reasonRejected": self.company.reject_reasons[reason_id].name}
                if is_rejected and reason_id is not None
                else NO_REASONS[application.id % 3]
            ),
        }

    def _status(self, application: Application) -> int | None:
        if application.stage_id is None:
            return None
        stage = self.company.stages[application.stage_id]
        return (FIRST_STATUS if stage.is_active else FIRST_RETIRED_STATUS) + stage.position

    def _interview(self, interview: Interview) -> Row:
        application = self.company.applications[interview.application_id]
        start, end = _times(interview)
        row = {
            "interviewId": interview.id,
            "candidateId": application.candidate_id,
            "requisitionId": application.job_id,
            "interviewType": self.company.slots[interview.slot_id].name,
            "interviewRoom": interview.location or interview.video_url or ("" if interview.id % 2 else None),
            "comments": LONG_COMMENT if interview.id % 50 == 0 else None,
            # The participants know as well when it starts.
            "startDate": None if interview.id % 5 == 0 else start,
            "status": interview.state.value.title() if interview.id % 3 else None,
            "creationDate": _zulu(interview.created_at),
            "lastUpdated": _zulu(_interview_updated_at(interview)),
            "flexValues": [],
        }
        if interview.organizer_id is not None:
            row["creator"] = self._named(interview.organizer_id, variant=interview.id)
        elif interview.id % 2:
            row["creator"] = None
        if start:
            row["participants"] = self._participants(interview, start, end, candidate_id=application.candidate_id)
        return row

    def _participants(self, interview: Interview, start: str, end: str | None, *, candidate_id: int) -> list[Row]:
        def person(person_id: int, person_type: str, *, has_times: bool = True) -> Row:
            return {
                "eventId": interview.id,
                "eventType": "INTV",
                "personId": person_id,
                "personType": person_type,
                "startDate": start if has_times else None,
                "endDate": end if has_times else None,
            }

        people = [
            person(seat.id, "CONT", has_times=False) if seat.user_id is None else person(seat.user_id, "WORK")
            for seat in interview.seats
        ]
        if interview.id % 7 == 0:
            people += people[:1]
        if interview.id % 11 == 0:
            people.append(person(FORMER_USER, "WORK", has_times=False))
        return [*people, person(candidate_id, "CAND")]

    def _named(self, user_id: int, *, variant: int = 0) -> int | str:
        login = _login(self.company.users[user_id])
        return (user_id, login, str(user_id), login.upper())[(user_id + variant) % 4]


def _role(user: User) -> str:
    return "Administrator" if user.is_admin else ROLES[user.id % len(ROLES)]


def _login(user: User) -> str:
    return user.email.partition("@")[0] if user.email else f"service.{user.id}"


def _shuffled(row_id: int) -> int:
    return crc32(str(row_id).encode())


def _interview_updated_at(interview: Interview) -> datetime:
    return max([interview.updated_at, *(seat.updated_at for seat in interview.seats)])


def _times(interview: Interview) -> tuple[str | None, str | None]:
    """Tell when an interview is. The whole day is told by dates."""
    if interview.all_day_from and interview.all_day_until:
        return _day(interview.all_day_from), _day(interview.all_day_until)
    if interview.starts_at and interview.ends_at:
        return _shaped(interview.starts_at, interview.id), _shaped(interview.ends_at, interview.id + 1)
    return None, None


def _day(moment: date) -> str:
    return moment.strftime("%Y-%m-%d")


def _zulu(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shaped(moment: datetime, shape: int) -> str:
    local = moment.astimezone(TIME_ZONE)
    match shape % 3:
        case 0:
            return _zulu(moment)
        case 1 if not _is_ambiguous(local):
            return local.strftime("%Y-%m-%dT%H:%M:%S")
    return local.strftime("%Y-%m-%dT%H:%M:%S%z")


def _is_ambiguous(local: datetime) -> bool:
    """Whether clocks show this time twice, being set back."""
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
