"""What SmartRecruiters answers: given as it is, or told from a company in SmartRecruiters' words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any, Protocol
from uuid import UUID, uuid5

from sandbox.company import Application, ApplicationState, Company, Interview, InterviewState, Move, Response, User

Row = dict[str, Any]

NAMESPACE = UUID("5a3c1f0e-0d2b-4c7a-9b1e-7f6d5e4c3b2a")
API = "https://api.smartrecruiters.com"

# Status and sub-status of the company's stages. Offers are made in a sub-status that no process has any more.
STAGES: dict[str, tuple[str, str | None]] = {
    "Application Review": ("NEW", None),
    "Recruiter Phone Screen": ("IN_REVIEW", "Recruiter Phone Screen"),
    "Team Interview": ("INTERVIEW", "Team Interview"),
    "Final Interview": ("INTERVIEW", "Final Interview"),
    "Offer": ("OFFERED", "Offer"),
}
ENDS = {ApplicationState.REJECTED: "REJECTED", ApplicationState.HIRED: "HIRED"}
PROCESSES: list[Row] = [
    {
        "name": "Default process",
        "active": True,
        "subStatuses": {
            "IN_REVIEW": ["Recruiter Phone Screen"],
            "INTERVIEW": ["Work sample", "Team Interview", "Final Interview"],
            "OFFERED": [],
        },
    },
    {"name": "Retail (old)", "active": False, "subStatuses": {"INTERVIEW": ["Trial shift", "Team Interview"]}},
]
ROLES = (
    ("EXTENDED", "Extended"),
    ("STANDARD", "Standard"),
    ("RESTRICTED", "Restricted"),
    ("EMPLOYEE", "Employee"),
    ("62b1c7d0a4e4b71f1c0d9a11", "Hiring Coordinator (EMEA)"),
)
RESPONSES = {
    Response.ACCEPTED: "accepted",
    Response.DECLINED: "declined",
    Response.TENTATIVE: "tentative",
    Response.NEEDS_ACTION: "pending",
}


def uuid(kind: str, number: int) -> str:
    """Return the id of the company's thing of this number: "candidate", "application", "timeslot" and so on."""
    return str(uuid5(NAMESPACE, f"{kind} {number}"))


def user_id(number: int) -> str:
    return f"{number:024x}"


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Rows(Protocol):
    """What there is. Listings may be handed out again and again, as the same lists, until `version` moves."""

    @property
    def version(self) -> int: ...

    def users(self) -> Sequence[Row]: ...

    def processes(self) -> Sequence[Row]: ...

    def candidates(self) -> Sequence[Row]: ...

    def application(self, candidate_id: str, job_id: str) -> Row | None: ...

    def history(self, candidate_id: str, job_id: str) -> list[Row]:
        """Return what an application has been through, in any order."""

    def interviews(self, application_id: str) -> list[Row] | None:
        """Return all interviews of an application, None if there is no such application."""

    def job_application(self, application_id: str) -> Row | None: ...


@dataclass(kw_only=True)
class PayloadRows:
    """Rows given as they are. `histories` and `applications` are by candidate and job, `interviews` by application.

    An application is known to the Interview API if `listed_interviews` has its id, be it with none.
    """

    listed_users: Sequence[Row] = ()
    listed_processes: Sequence[Row] = ()
    listed_candidates: Sequence[Row] = ()
    applications: Mapping[tuple[str, str], Row] = field(default_factory=dict)
    histories: Mapping[tuple[str, str], list[Row]] = field(default_factory=dict)
    listed_interviews: Mapping[str, list[Row]] = field(default_factory=dict)
    job_applications: Mapping[str, Row] = field(default_factory=dict)
    version: int = 0

    def users(self) -> Sequence[Row]:
        return self.listed_users

    def processes(self) -> Sequence[Row]:
        return self.listed_processes

    def candidates(self) -> Sequence[Row]:
        return self.listed_candidates

    def application(self, candidate_id: str, job_id: str) -> Row | None:
        return self.applications.get((candidate_id, job_id))

    def history(self, candidate_id: str, job_id: str) -> list[Row]:
        return self.histories.get((candidate_id, job_id), [])

    def interviews(self, application_id: str) -> list[Row] | None:
        return self.listed_interviews.get(application_id)

    def job_application(self, application_id: str) -> Row | None:
        return self.job_applications.get(application_id)


class CompanyRows:
    """A company's people and interviews as rows.

    Cancelled interviews have none. Nor has the service account, though it goes on organizing interviews. Planning an
    interview does not move `updatedOn` of the candidate.
    """

    def __init__(self, company: Company) -> None:
        self.company = company
        self._version = -1
        self._users: list[Row] = []
        self._candidates: list[Row] = []
        self._by_id: dict[str, Application] = {}
        self._by_assignment: dict[tuple[str, str], Application] = {}
        self._interviews: dict[int, list[Interview]] = {}

    @property
    def version(self) -> int:
        return self.company.version

    def users(self) -> Sequence[Row]:
        self._refresh()
        return self._users

    def processes(self) -> Sequence[Row]:
        return [{"id": uuid("process", number), **process} for number, process in enumerate(PROCESSES)]

    def candidates(self) -> Sequence[Row]:
        self._refresh()
        return self._candidates

    def application(self, candidate_id: str, job_id: str) -> Row | None:
        application = self._find(candidate_id, job_id)
        return self._application(application) if application else None

    def history(self, candidate_id: str, job_id: str) -> list[Row]:
        application = self._find(candidate_id, job_id)
        moves = application.moves if application else []
        newest_first = application is not None and application.id % 2 == 0
        return [self._entry(move) for move in (reversed(moves) if newest_first else moves)]

    def interviews(self, application_id: str) -> list[Row] | None:
        self._refresh()
        application = self._by_id.get(application_id)
        if application is None:
            return None
        return [self._interview(one, application) for one in self._interviews.get(application.id, ())]

    def job_application(self, application_id: str) -> Row | None:
        self._refresh()
        application = self._by_id.get(application_id)
        if application is None:
            return None
        return {
            **self._standing(application),
            "createDate": iso(application.created_at),
            "profileId": uuid("candidate", application.candidate_id),
            "jobId": uuid("job", application.job_id),
        }

    def _refresh(self) -> None:
        if self._version == self.company.version:
            return
        self._version = self.company.version
        company = self.company
        self._users = [self._user(one) for one in company.users.values() if not one.is_service_account]
        self._by_id = {uuid("application", one.id): one for one in company.applications.values()}
        self._by_assignment = {
            (uuid("candidate", one.candidate_id), uuid("job", one.job_id)): one for one in company.applications.values()
        }
        self._candidates = [self._candidate(one) for one in company.applications.values()]
        self._interviews = {}
        for interview in company.interviews.values():
            if interview.state is not InterviewState.CANCELLED:
                self._interviews.setdefault(interview.application_id, []).append(interview)

    def _find(self, candidate_id: str, job_id: str) -> Application | None:
        self._refresh()
        return self._by_assignment.get((candidate_id, job_id))

    def _user(self, user: User) -> Row:
        role, name = ("ADMINISTRATOR", "Administrator") if user.is_admin else ROLES[user.id % len(ROLES)]
        return {
            "id": user_id(user.id),
            "email": user.email,
            "firstName": user.first_name,
            "lastName": user.last_name,
            "systemRole": {"id": role, "name": name},
            "ssoLoginMode": "PASSWORD",
            "language": {"code": "en"},
            "active": not user.is_disabled,
            "updatedOn": iso(user.updated_at),
        }

    def _candidate(self, application: Application) -> Row:
        candidate = self.company.candidates[application.candidate_id]
        candidate_id, job_id = uuid("candidate", candidate.id), uuid("job", application.job_id)
        job = {
            "id": job_id,
            "title": self.company.jobs[application.job_id].title,
            "actions": _details(f"jobs/{job_id}"),
        }
        # The old assignment is repeated among the others for some.
        secondary = {"secondaryAssignments": [{"job": {"id": job_id}}]} if candidate.id % 3 == 0 else {}
        return {
            "id": candidate_id,
            "internal": False,
            "firstName": candidate.first_name,
            "lastName": candidate.last_name,
            "email": candidate.email,
            "createdOn": iso(candidate.created_at),
            "updatedOn": iso(application.updated_at),
            "location": {},
            "averageRating": None,
            "tags": [],
            "primaryAssignment": {"job": job, **self._standing(application)},
            **secondary,
            "actions": _details(f"candidates/{candidate_id}"),
        }

    def _application(self, application: Application) -> Row:
        company = self.company
        application_id = uuid("application", application.id)
        reason = company.reject_reasons[application.reject_reason_id] if application.reject_reason_id else None
        row: Row = {
            "applicationId": application_id,
            **self._standing(application),
            "source": company.sources[application.source_id].name if application.source_id else "",
            "actions": {},
            "url": f"https://www.smartrecruiters.com/app/people/applications/{application_id}",
        }
        if reason and application.state is ApplicationState.REJECTED:
            row["reasonOfRejection"] = {"id": uuid("reason", reason.id), "label": reason.name}
        if application.state is ApplicationState.HIRED:
            row["startsOn"] = iso(datetime.combine(application.updated_at.date(), time(tzinfo=UTC)))
        return row

    def _standing(self, application: Application) -> Row:
        return self._status(application.state, application.stage_id)

    def _entry(self, move: Move) -> Row:
        return {"changedOn": iso(move.at), **self._status(move.state, move.stage_id), "actions": {}}

    def _status(self, state: ApplicationState, stage_id: int | None) -> Row:
        if state in ENDS or stage_id is None:
            return {"status": ENDS.get(state, "NEW")}
        status, sub_status = STAGES[self.company.stages[stage_id].name]
        return {"status": status} | ({"subStatus": sub_status} if sub_status else {})

    def _interview(self, interview: Interview, application: Application) -> Row:
        return {
            "id": uuid("interview", interview.id),
            "candidate": {"id": uuid("candidate", application.candidate_id), "status": "pending"},
            "jobId": uuid("job", application.job_id),
            "location": interview.video_url or "",
            "organizerId": user_id(interview.organizer_id) if interview.organizer_id is not None else None,
            "timezone": "Europe/Warsaw",
            "timeslots": [] if interview.state is InterviewState.PLACEHOLDER else [self._timeslot(interview)],
            "createdOn": iso(interview.created_at),
            "source": "SMARTRECRUITERS",
        }

    def _timeslot(self, interview: Interview) -> Row:
        """An all-day interview starts at midnight and has no end."""
        slot = self.company.slots[interview.slot_id]
        row: Row = {
            "id": uuid("timeslot", interview.id),
            "interviewType": "VIDEO" if interview.video_url else "ONSITE",
            "title": slot.name,
            "place": interview.location,
            "interviewers": [
                {"id": user_id(seat.user_id), "status": RESPONSES[seat.response]}
                for seat in interview.seats
                if seat.user_id is not None
            ],
            "candidateStatus": "pending",
        }
        starts_at = interview.starts_at
        if interview.all_day_from:
            starts_at = datetime.combine(interview.all_day_from, time(tzinfo=UTC))
        if starts_at:
            row["startsOn"] = iso(starts_at)
        if interview.ends_at:
            row["endsOn"] = iso(interview.ends_at).replace("Z", "+0000")
        return row


def _details(path: str) -> Row:
    return {"details": {"url": f"{API}/{path}", "method": "GET"}}


def by_id(rows: Iterable[Row], row_id: str) -> Row | None:
    return next((row for row in rows if row["id"] == row_id), None)
