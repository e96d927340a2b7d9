"""The records that Workday's web services list: given as they are, or told from a company in Workday's words."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from functools import lru_cache
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from lxml import etree

from sandbox.company import Application, Company, Interview, InterviewState, User
from sandbox.platforms.workday.xml import NAMESPACES, Xml, local, parse, tag

ZONES = ("America/New_York", "Europe/Berlin", "Asia/Kolkata")
NAMESPACE_DECLARATION = re.compile(r' xmlns:\w+="[^"]*"')
MAX_REMEMBERED_LISTINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What a request narrows a listing to; None does not. All but times are WIDs."""

    updated: tuple[datetime, datetime] | None = None  # both inclusive
    records: frozenset[str] | None = None
    application: str | None = None
    candidate: str | None = None
    requisition: str | None = None
    leaves_out_inactive: bool = False

    @property
    def wids(self) -> frozenset[str]:
        named = (one for one in (self.application, self.candidate, self.requisition) if one)
        return (self.records or frozenset()) | frozenset(named)


class Rows(Protocol):
    """The records of each operation, "Get_Workers" and so on."""

    def keys(self, operation: str, criteria: Criteria) -> Sequence[Any]: ...

    def record(self, operation: str, key: Any) -> Xml: ...


class PayloadRows:
    """Records given as they are, by operation. None of them ever changes, so all of them always did."""

    def __init__(self, records: Mapping[str, Iterable[str]]) -> None:
        self.records = {operation: [Xml(one) for one in found] for operation, found in records.items()}

    @classmethod
    def from_answers(cls, *documents: bytes) -> "PayloadRows":
        """Take the records out of whole answers."""
        records: dict[str, list[str]] = {}
        for document in documents:
            response = parse(document).find("env:Body/*", NAMESPACES)
            assert response is not None  # noqa: S101
            found = records.setdefault(local(response).removesuffix("_Response"), [])
            for record in response.iterfind("wd:Response_Data/*", NAMESPACES):
                found.append(NAMESPACE_DECLARATION.sub("", etree.tostring(record, encoding="unicode")))
        return cls(records)

    def keys(self, operation: str, criteria: Criteria) -> Sequence[int]:
        records = self.records.get(operation, [])
        return [
            number
            for number, record in enumerate(records)
            if all(wid in record for wid in criteria.wids)
            and not (criteria.leaves_out_inactive and "<wd:Active>0" in record)
        ]

    def record(self, operation: str, key: int) -> Xml:
        return self.records[operation][key]


class CompanyRows:
    """A company's people and interviews, with the oddities that Workday's have.

    Its service accounts are no workers. All interviews of an application are blocks of one event; cancelled ones leave
    no trace. Stages are the same for all jobs.
    """

    def __init__(self, company: Company) -> None:
        self.company = company
        self._records: dict[str, Callable[[int], Xml]] = {
            "Get_Workers": lambda key: self._worker(company.users[key]),
            "Get_Candidates": lambda key: self._candidate(company.applications[key]),
            "Get_Interviews": lambda key: self._event(company.applications[key]),
        }
        self._version = -1
        self._keys: dict[tuple[str, Criteria], Sequence[int]] = {}
        self._interviews: dict[int, list[Interview]] = {}  # by application

    def keys(self, operation: str, criteria: Criteria) -> Sequence[int]:
        if self._version != self.company.version or len(self._keys) > MAX_REMEMBERED_LISTINGS:
            self._version, self._keys = self.company.version, {}
            self._interviews = _grouped(self.company.interviews.values())
        if (operation, criteria) not in self._keys:
            self._keys[operation, criteria] = sorted(self._matching(operation, criteria))
        return self._keys[operation, criteria]

    def record(self, operation: str, key: int) -> Xml:
        return self._records[operation](key)

    def _matching(self, operation: str, wanted: Criteria) -> Iterable[int]:
        company, records = self.company, wanted.records
        if operation == "Get_Workers":
            for user in company.users.values():
                is_wanted = records is None or wid("worker", user.id) in records
                is_shown = not user.is_service_account and not (wanted.leaves_out_inactive and user.is_disabled)
                if is_wanted and is_shown and _is_within(user.updated_at, wanted.updated):
                    yield user.id
        elif operation == "Get_Candidates":
            for application in company.applications.values():
                is_wanted = records is None or wid("candidate", application.candidate_id) in records
                if is_wanted and _is_within(application.updated_at, wanted.updated):
                    yield application.id
        else:
            for application in map(company.applications.__getitem__, self._interviews):
                if (
                    (records is None or wid("event", application.id) in records)
                    and wanted.application in (None, wid("application", application.id))
                    and wanted.candidate in (None, wid("candidate", application.candidate_id))
                    and wanted.requisition in (None, wid("job", application.job_id))
                ):
                    yield application.id

    def _worker(self, user: User) -> Xml:
        """Every third goes by another name than the legal one, every fourth has an older address at work."""
        first_names = [("Legal_Name_Data", user.first_name)]
        if user.id % 3 == 0:
            first_names = [("Legal_Name_Data", f"{user.first_name} Maria"), ("Preferred_Name_Data", user.first_name)]
        return tag(
            "Worker",
            _worker_reference("Worker_Reference", user),
            tag(
                "Worker_Data",
                tag("Worker_ID", _worker_id(user)[1]),
                tag(
                    "Personal_Data",
                    tag("Name_Data", *(tag(block, _name_detail(first, user)) for block, first in first_names)),
                    tag("Contact_Data", *_addresses(user)),
                ),
                tag(
                    "Employment_Data",
                    tag(
                        "Worker_Status_Data",
                        tag("Active", _flag(not user.is_disabled, user.id)),
                        tag("Hire_Date", user.created_at.date().isoformat()),
                        tag("Terminated", _flag(user.is_disabled, user.id)),
                    ),
                ),
            ),
        )

    def _candidate(self, application: Application) -> Xml:
        candidate = self.company.candidates[application.candidate_id]
        return tag(
            "Candidate",
            self._candidate_reference("Candidate_Reference", application),
            tag(
                "Candidate_Data",
                tag("Candidate_ID", f"C{candidate.id}"),
                tag(
                    "Name_Data",
                    tag(
                        "Legal_Name",
                        tag(
                            "Name_Detail_Data",
                            tag("First_Name", candidate.first_name),
                            tag("Last_Name", candidate.last_name),
                        ),
                    ),
                ),
                tag("Status_Data", tag("Do_Not_Hire", "0"), tag("Withdrawn", "0")),
                tag(
                    "Job_Application_Data",
                    self._application_reference(application),
                    tag("Job_Applied_To_Data", *self._applied(application)),
                ),
            ),
        )

    def _applied(self, application: Application) -> Iterable[Xml | None]:
        company = self.company
        reason = company.reject_reasons.get(application.reject_reason_id or 0)
        source = company.sources.get(application.source_id or 0)
        referrer = company.referrers.get(application.referrer_id or 0)
        yield tag("Job_Application_ID", f"JA-{application.id:07}")
        yield self._job_reference("Job_Requisition_Reference", application)
        yield tag("Job_Application_Date", _stamp(application.created_at, application.id, UTC))
        if application.stage_id is not None:
            name = company.stages[application.stage_id].name
            yield reference("Stage_Reference", name, wid("stage", name), ("Recruiting_Stage_ID", _code(name)))
        if reason:
            ids = ("Recruiting_Disposition_ID", _code(reason.name))
            yield reference("Disposition_Reference", reason.name, wid("disposition", reason.id), ids)
        moved_at = application.rejected_at or application.updated_at
        yield tag("Status_Timestamp", _stamp(moved_at, application.id % 2, ZoneInfo(ZONES[1])))
        if source:
            ids = ("Applicant_Source_ID", _code(source.name))
            yield reference("Source_Reference", source.name, wid("source", source.id), ids)
        if referrer and referrer.user_id is not None:
            yield _worker_reference("Referred_By_Worker_Reference", company.users[referrer.user_id])
        if was_added_by_recruiter(application):
            yield _worker_reference("Added_By_Worker_Reference", company.users[application.recruiter_id])
        else:
            yield self._candidate_reference("Added_By_Worker_Reference", application)

    def _event(self, application: Application) -> Xml:
        """Every third names candidate and requisition in place of the application, every ninth has a stray block."""
        zone = ZONES[application.id % len(ZONES)]
        if application.id % 3 == 1:
            subject = tag(
                "Candidate_Interview_Criteria_Data",
                self._candidate_reference("Candidate_Reference", application),
                self._job_reference("Requisition_Reference", application),
            )
        else:
            subject = self._application_reference(application)
        blocks = [self._block(interview, ZoneInfo(zone)) for interview in self._interviews[application.id]]
        if application.id % 9 == 0:
            blocks.append(tag("Interview_Session_Data", tag("Interview_Session_Details_Data")))
        return tag(
            "Interview",
            tag(
                "Interview_Data",
                subject,
                *blocks,
                reference("Timezone_Reference", None, wid("zone", zone), ("Time_Zone_ID", zone)),
            ),
        )

    def _block(self, interview: Interview, zone: ZoneInfo) -> Xml:
        """Some name a panelist twice, or one who left; every fifth is held in two parts."""
        people = [
            _worker_reference("Interviewers_Reference", self.company.users[seat.user_id])
            for seat in interview.seats
            if seat.user_id is not None
        ]
        if people and interview.id % 6 == 0:
            people.append(people[0])
        if people and interview.id % 10 == 0:
            people.append(reference("Interviewers_Reference", "Left Longago", wid("worker", 1), ("Employee_ID", "1")))
        starts_at, ends_at = times(interview)
        parts: list[tuple[datetime | None, datetime | None, list[Xml]]] = []
        if starts_at and ends_at and interview.id % 5 == 0:
            middle = starts_at + (ends_at - starts_at) / 2
            half = len(people) // 2
            parts = [(starts_at, middle, people[:half]), (middle, ends_at, people[half:])]
        elif starts_at or people:
            parts = [(starts_at, ends_at, people)]
        shape = 0 if interview.all_day_from else interview.id
        return tag(
            "Interview_Session_Data",
            reference("Interview_Session_Reference", "Session", wid("session", interview.id)),
            *(
                tag(
                    "Interview_Session_Details_Data",
                    *seated,
                    tag("Interview_Start_Time", _stamp(start, shape, zone)) if start else None,
                    tag("Interview_End_Time", _stamp(end, shape, zone)) if end else None,
                    self._location(interview),
                )
                for start, end, seated in parts
            ),
        )

    def _location(self, interview: Interview) -> Xml | None:
        place = interview.location
        if place is None:
            return None
        ids = ("Location_ID", _code(place))
        return reference("Interview_Location_Reference", place, wid("location", place), ids)

    def _application_reference(self, application: Application) -> Xml:
        candidate = self.company.candidates[application.candidate_id]
        name = f"{candidate.first_name} {candidate.last_name} - R-{application.job_id}"
        ids = ("Job_Application_ID", f"JA-{application.id:07}")
        return reference("Job_Application_Reference", name, wid("application", application.id), ids)

    def _candidate_reference(self, name: str, application: Application) -> Xml:
        candidate = self.company.candidates[application.candidate_id]
        full_name = f"{candidate.first_name} {candidate.last_name}"
        return reference(name, full_name, wid("candidate", candidate.id), ("Candidate_ID", f"C{candidate.id}"))

    def _job_reference(self, name: str, application: Application) -> Xml:
        job = self.company.jobs[application.job_id]
        title = f"R-{job.id} {job.title}"
        return reference(name, title, wid("job", job.id), ("Job_Requisition_ID", f"R-{job.id}"))


@lru_cache(maxsize=100_000)
def wid(kind: str, key: int | str) -> str:
    """Return what Workday calls one of the company's things: 32 hexadecimal digits."""
    return uuid5(NAMESPACE_URL, f"https://workday.example.com/{kind}/{key}").hex


def reference(name: str, descriptor: str | None, identity: str, *ids: tuple[str, str]) -> Xml:
    attributes = {"Descriptor": descriptor} if descriptor is not None else {}
    typed = (tag("ID", value, type=id_type) for id_type, value in (("WID", identity), *ids))
    return tag(name, *typed, **attributes)


def was_added_by_recruiter(application: Application) -> bool:
    return application.id % 2 == 0


def times(interview: Interview) -> tuple[datetime | None, datetime | None]:
    """Return start and end. Days become the midnights around them, in UTC."""
    if interview.all_day_from and interview.all_day_until:
        days = (interview.all_day_from, interview.all_day_until)
        start, end = (datetime.combine(day, time(tzinfo=UTC)) for day in days)
        return start, end
    return interview.starts_at, interview.ends_at


def _addresses(user: User) -> Iterable[Xml]:
    yield _email(f"home{user.id}@example.net", "HOME", "1")
    if user.email:
        if user.id % 4 == 0:
            yield _email(f"old.{user.email}", "WORK", "0")
        yield _email(user.email, "WORK", _flag(True, user.id))


def _email(address: str, usage: str, is_primary: str) -> Xml:
    usage_reference = tag("Type_Reference", tag("ID", usage, type="Communication_Usage_Type_ID"))
    return tag(
        "Email_Address_Data",
        tag("Email_Address", address),
        tag("Usage_Data", tag("Type_Data", usage_reference, Primary=is_primary), Public="1"),
    )


def _name_detail(first_name: str, user: User) -> Xml:
    return tag(
        "Name_Detail_Data",
        tag("First_Name", first_name),
        tag("Last_Name", user.last_name) if user.last_name else None,
        Formatted_Name=f"{first_name} {user.last_name or ''}",
    )


def _worker_reference(name: str, user: User) -> Xml:
    return reference(name, user.name, wid("worker", user.id), _worker_id(user))


def _worker_id(user: User) -> tuple[str, str]:
    return ("Contingent_Worker_ID", f"C{user.id}") if user.id % 7 == 0 else ("Employee_ID", str(user.id))


def _grouped(interviews: Iterable[Interview]) -> dict[int, list[Interview]]:
    found: dict[int, list[Interview]] = {}
    for interview in interviews:
        if interview.state is not InterviewState.CANCELLED:
            found.setdefault(interview.application_id, []).append(interview)
    return found


def _is_within(moment: datetime, span: tuple[datetime, datetime] | None) -> bool:
    return span is None or span[0] <= moment.replace(microsecond=moment.microsecond // 1000 * 1000) <= span[1]


def _flag(value: bool, number: int) -> str:
    """Spell it in one of the two ways that XML knows."""
    return ("true" if value else "false") if number % 2 else ("1" if value else "0")


def _stamp(moment: datetime, shape: int, zone: tzinfo) -> str:
    """Print a time in one of three shapes: in UTC, with an offset, without any where the zone alone will do."""
    there = moment.astimezone(zone)
    match shape % 3:
        case 1:
            return there.isoformat(timespec="milliseconds")
        case 2 if there.replace(fold=0) == moment:
            return there.replace(tzinfo=None).isoformat(timespec="milliseconds")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _code(name: str) -> str:
    return re.sub(r"\W+", "_", name).upper().strip("_")
