"""The rows of SuccessFactors' entities: given as they are, or told from a company in its words."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol

from sandbox.company import (
    Application,
    ApplicationState,
    Company,
    Interview,
    InterviewState,
    RejectReason,
    Seat,
    Stage,
    User,
)

Row = dict[str, Any]

SERVICE = "https://api4.successfactors.com/odata/v2"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEYS = {
    "User": "userId",
    "JobApplicationStatus": "appStatusSetId",
    "JobApplication": "applicationId",
    "JobApplicationInterview": "applicationInterviewId",
}

APPLICATION_STATUSES = {
    ApplicationState.ACTIVE: "Open",
    ApplicationState.REJECTED: "Disqualified",
    ApplicationState.HIRED: "Closed",
}
# These have codes, whose labels are left out; everything else is told by a label.
SOURCE_CODES = {"Agency": "4", "Referral": "5"}
# How people say that an interview is neither over nor off.
BOOKED = ("Booked", "SCHEDULED", "Not-started", None, "")
ORPHAN: Row = {"appStatusSetId": "116", "appStatusId": None, "appStatusName": "Orphan"}


class Rows(Protocol):
    """The rows of each entity, their navigations expanded."""

    def ids(self, entity: str) -> Sequence[str]: ...

    def row(self, entity: str, row_id: str) -> Row | None:
        """None for a row that is gone since its id was told."""

    def find(self, entity: str, key: str) -> Row | None: ...


class PayloadRows:
    """Rows given as they are, by entity: `PayloadRows({"User": […]})`."""

    def __init__(self, entities: Mapping[str, Iterable[Row]]) -> None:
        self.entities = {name: list(rows) for name, rows in entities.items()}

    def ids(self, entity: str) -> Sequence[str]:
        return [str(position) for position in range(len(self.entities.get(entity, ())))]

    def row(self, entity: str, row_id: str) -> Row | None:
        return self.entities[entity][int(row_id)]

    def find(self, entity: str, key: str) -> Row | None:
        rows = self.entities.get(entity, ())
        return next((row for row in rows if row.get(KEYS[entity]) == key), None)


class CompanyRows:
    """A company's people and interviews. An interview has a row for each seat on its panel, or one without anybody.

    Stages of several jobs share a status id; reasons to reject somebody are statuses, too.
    """

    def __init__(self, company: Company) -> None:
        self.company = company
        self._version = -1
        self._things: dict[str, dict[str, Any]] = {}

    def ids(self, entity: str) -> Sequence[str]:
        return list(self._index(entity))

    def row(self, entity: str, row_id: str) -> Row | None:
        thing = self._index(entity).get(row_id)
        if thing is None:
            return None
        match entity:
            case "User":
                return self._user(thing)
            case "JobApplicationStatus":
                return self._status(thing)
            case "JobApplication":
                return self._application(thing)
        return self._interview(row_id, *thing)

    find = row

    def _index(self, entity: str) -> dict[str, Any]:
        company = self.company
        if self._version != company.version:
            self._version, self._things = company.version, {}
        if entity not in self._things:
            match entity:
                case "User":
                    things: Iterable[tuple[str, Any]] = ((user_key(user.id), user) for user in company.users.values())
                case "JobApplicationStatus":
                    words: list[Stage | RejectReason] = [*company.stages.values(), *company.reject_reasons.values()]
                    things = [*((str(word.id), word) for word in words), (ORPHAN["appStatusSetId"], ORPHAN)]
                case "JobApplication":
                    things = ((str(one.id), one) for one in company.applications.values())
                case _:
                    things = (
                        (str(seat.id if seat else interview.id), (interview, seat))
                        for interview in company.interviews.values()
                        for seat in interview.seats or (None,)
                    )
            self._things[entity] = dict(things)
        return self._things[entity]

    def _user(self, user: User) -> Row:
        active, inactive = ("e", "d") if user.is_service_account else ("t", "f")
        return {
            **_metadata("User", f"'{user_key(user.id)}'"),
            "userId": user_key(user.id),
            "username": f"user{user.id}",
            "firstName": user.first_name,
            "lastName": user.last_name or "",
            "email": user.email,
            "status": inactive if user.is_disabled else active,
            "defaultFullName": user.name,
            "title": None,
            "timeZone": "US/Eastern",
            "hireDate": edm_datetime(user.created_at),
            "lastModifiedDateTime": edm_datetimeoffset(user.updated_at),
        }

    def _status(self, word: Stage | RejectReason | Row) -> Row:
        if isinstance(word, Stage):
            job = self.company.jobs[word.job_id]
            is_first = job.id == min(self.company.jobs)
            name = word.name if is_first else f"{word.name} ({job.title})"
            row = {"appStatusSetId": str(word.id), "appStatusId": str(1 + word.position), "appStatusName": name}
        elif isinstance(word, RejectReason):
            row = {"appStatusSetId": str(word.id), "appStatusId": str(1000 + word.id), "appStatusName": word.name}
        else:
            row = word
        return {**_metadata("JobApplicationStatus", f"{row['appStatusSetId']}L"), **row}

    def _application(self, application: Application) -> Row:
        company = self.company
        candidate = company.candidates[application.candidate_id]
        is_rejected = application.state is ApplicationState.REJECTED
        word: Stage | RejectReason | None = None
        if is_rejected and application.reject_reason_id is not None:
            word = company.reject_reasons[application.reject_reason_id]
        elif application.stage_id is not None:
            word = company.stages[application.stage_id]
        source = company.sources[application.source_id].name if application.source_id is not None else None
        referrer = company.referrers[application.referrer_id] if application.referrer_id is not None else None
        return {
            **_metadata("JobApplication", f"{application.id}L"),
            "applicationId": str(application.id),
            "candidateId": str(application.candidate_id),
            "jobReqId": str(application.job_id),
            "applicationDate": edm_datetime(application.created_at),
            "appStatusSetItemId": str(word.id) if word else None,
            "status": APPLICATION_STATUSES[application.state],
            "source": SOURCE_CODES.get(source or "", "1"),
            "sourceLabel": "" if source in SOURCE_CODES else source,
            "referredBy": referrer and (user_key(referrer.user_id) if referrer.user_id else referrer.name),
            "firstName": candidate.first_name,
            "lastName": candidate.last_name,
            "contactEmail": candidate.email,
            "lastModifiedDateTime": edm_datetimeoffset(application.updated_at),
            "averageRating": None,
            "jobAppStatus": self._status(word) if word else None,
        }

    def _interview(self, row_id: str, interview: Interview, seat: Seat | None) -> Row:
        user = self.company.users[seat.user_id] if seat and seat.user_id is not None else None
        start, end = interview.starts_at, interview.ends_at
        return {
            **_metadata("JobApplicationInterview", f"{row_id}L"),
            "applicationInterviewId": row_id,
            "applicationId": str(interview.application_id),
            "candSlotMapId": str(interview.slot_id),
            "recruitEventStaffId": None,
            "source": "INTERNAL",
            "status": _interview_status(row_id, interview, seat),
            "templateType": "JOB_REQ",
            "startDate": edm_datetime(start or _midnight(interview.all_day_from)),
            "endDate": edm_datetime(end or _midnight(interview.all_day_until)),
            "isTimeSet": 1 if start else 0,
            "notes": interview.location or interview.video_url,
            "interviewer": self._user(user) if user else None,
            "interviewOverallAssessment": {"results": _ratings(row_id, interview, seat)},
        }


def user_key(user_id: int) -> str:
    return f"{user_id:06}"


def edm_datetime(moment: datetime | None) -> str | None:
    return f"/Date({_milliseconds(moment)})/" if moment else None


def edm_datetimeoffset(moment: datetime) -> str:
    return f"/Date({_milliseconds(moment)}+0000)/"


def _milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(tzinfo=UTC)) if day else None


def _metadata(entity: str, key: str) -> Row:
    return {"__metadata": {"uri": f"{SERVICE}/{entity}({key})", "type": f"SFOData.{entity}"}}


def _interview_status(row_id: str, interview: Interview, seat: Seat | None) -> str | None:
    if interview.state is InterviewState.CANCELLED:
        return "CANCELLED"
    if interview.state is InterviewState.COMPLETE and not (seat and seat.has_scorecard):
        return "Completed"
    return BOOKED[int(row_id) % len(BOOKED)]


def _ratings(row_id: str, interview: Interview, seat: Seat | None) -> list[Row]:
    if seat is None or not seat.has_scorecard:
        return []
    is_complete = interview.state is InterviewState.COMPLETE
    given = ("POSITIVE", "NEGATIVE") if is_complete else ("NOT RATED", None)
    return [
        {
            **_metadata("InterviewOverallAssessment", f"{row_id}0L"),
            "interviewOverallAssessmentId": f"{row_id}0",
            "interviewRefId": row_id,
            "overallRating": given[int(row_id) % 2],
            "averageRating": None,
            "type": None,
            "comments": None,
        }
    ]
