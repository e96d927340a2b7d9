"""The rows that Harvest lists: given as they are, or told from a company in Greenhouse's words."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from sandbox.company import (
    Application,
    ApplicationState,
    Company,
    Interview,
    InterviewState,
    Referrer,
    RejectReason,
    Seat,
    Slot,
    Source,
    Stage,
    User,
)

Row = dict[str, Any]

V3_STATUSES = {InterviewState.PLACEHOLDER: "to_be_scheduled"}  # the others are spelled as ours
V3_APPLICATION_STATUSES = {ApplicationState.ACTIVE: "in_process"}
REASON_TYPES = {True: (2, "They rejected us"), False: (1, "We rejected them")}


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event_id(interview: Interview) -> str:
    return interview.external_event_id or f"evt-{interview.id}"


class Rows(Protocol):
    """The rows of each listing, "v3/users" and so on."""

    def ids(self, listing: str, wanted: Mapping[str, Sequence[int]]) -> Sequence[int]:
        """Return ids in rising order. `wanted` are the request's id filters: rows that fail them may be left out."""

    def row(self, listing: str, row_id: int) -> Row: ...


class PayloadRows:
    """Rows given as they are, by listing, each with an `id`."""

    def __init__(self, listings: Mapping[str, Iterable[Row]]) -> None:
        self.listings = {name: {row["id"]: row for row in rows} for name, rows in listings.items()}

    def ids(self, listing: str, wanted: Mapping[str, Sequence[int]]) -> Sequence[int]:
        return sorted(self.listings.get(listing, {}))

    def row(self, listing: str, row_id: int) -> Row:
        return self.listings[listing][row_id]


class CompanyRows:
    """A company's people and interviews as rows. Cancelled interviews have none: Greenhouse forgets them."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self._listings: dict[str, tuple[Mapping[int, Any], Callable[[Any], Row]]] = {
            "v3/users": (company.users, self._user_v3),
            "v3/job_interview_stages": (company.stages, self._stage_v3),
            "v3/job_interviews": (company.slots, self._slot_v3),
            "v3/sources": (company.sources, self._source_v3),
            "v3/referrers": (company.referrers, self._referrer_v3),
            "v3/rejection_reasons": (company.reject_reasons, self._reject_reason_v3),
            "v3/applications": (company.applications, self._application_v3),
            "v3/interviews": (company.interviews, self._interview_v3),
            "v3/interviewers": (company.seats, self._seat_v3),
            "v1/users": (company.users, self._user_v1),
            "v1/job_stages": (company.stages, self._stage_v1),
            "v1/applications": (company.applications, self._application_v1),
            "v1/scheduled_interviews": (company.interviews, self._interview_v1),
        }
        self._sorted_ids: dict[str, Sequence[int]] = {}
        self._version = -1

    def ids(self, listing: str, wanted: Mapping[str, Sequence[int]]) -> Sequence[int]:
        if listing == "v3/interviewers" and "interview_ids" in wanted:
            interviews = map(self.company.interviews.get, set(wanted["interview_ids"]))
            return sorted(seat.id for interview in interviews if interview for seat in interview.seats)
        known = self._known_ids(listing)
        if "ids" not in wanted:
            return known
        return sorted(row_id for row_id in set(wanted["ids"]) if _holds(known, row_id))

    def row(self, listing: str, row_id: int) -> Row:
        things, tell = self._listings[listing]
        return tell(things[row_id])

    def _known_ids(self, listing: str) -> Sequence[int]:
        if self._version != self.company.version:
            self._version = self.company.version
            self._sorted_ids = {}
        if listing not in self._sorted_ids:
            things = self._listings[listing][0]
            self._sorted_ids[listing] = sorted(row_id for row_id, thing in things.items() if self._is_listed(thing))
        return self._sorted_ids[listing]

    def _is_listed(self, thing: Any) -> bool:
        if isinstance(thing, Seat):
            thing = self.company.interviews[thing.interview_id]
        return not isinstance(thing, Interview) or thing.state is not InterviewState.CANCELLED

    def _user_v3(self, user: User) -> Row:
        return {
            "id": user.id,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "name": user.name,
            "job_title": None,
            "primary_email": user.email,
            "emails": [user.email] if user.email else [],
            "deactivated": user.is_disabled,
            "site_admin": user.is_admin,
            "agency_id": None,
            "employee_id": None,
            "linked_candidate_ids": [],
            "office_ids": [],
            "department_ids": [],
            "interviewer_tags": [],
            "created_at": iso(user.created_at),
            "updated_at": iso(user.updated_at),
        }

    def _stage_v3(self, stage: Stage) -> Row:
        return {
            "id": stage.id,
            "job_id": stage.job_id,
            "name": stage.name,
            "sort_order": stage.position,
            "active": stage.is_active,
            "created_at": iso(stage.created_at),
            "updated_at": iso(stage.updated_at),
        }

    def _slot_v3(self, slot: Slot) -> Row:
        return {
            "id": slot.id,
            "job_id": slot.job_id,
            "job_interview_stage_id": slot.stage_id,
            "name": slot.name,
            "sort_order": slot.position,
            "scheduling_type": "needs_scheduling",
            "duration": slot.minutes,
            "active": slot.is_active,
            "require_scorecard": True,
            "created_at": iso(slot.created_at),
            "updated_at": iso(slot.created_at),
        }

    def _source_v3(self, source: Source) -> Row:
        return {"id": source.id, "name": source.name, "type": {"id": 11, "name": "Company marketing"}, **self._founding}

    def _referrer_v3(self, referrer: Referrer) -> Row:
        return {"id": referrer.id, "name": referrer.name, "user_id": referrer.user_id, **self._founding}

    def _reject_reason_v3(self, reason: RejectReason) -> Row:
        return {**self._reject_reason_v1(reason), **self._founding}

    def _application_v3(self, application: Application) -> Row:
        stage = self.company.stages[application.stage_id] if application.stage_id is not None else None
        is_active = application.state is ApplicationState.ACTIVE
        return {
            "id": application.id,
            "candidate_id": application.candidate_id,
            "job_id": application.job_id,
            "job_post_id": None,
            "recruiter_id": application.recruiter_id,
            "coordinator_id": None,
            "referrer_id": application.referrer_id,
            "source_id": application.source_id,
            "stage_id": application.id * 10 if stage and is_active else None,  # an instance of the stage
            "stage_name": stage.name if stage and is_active else None,
            "job_interview_stage_id": application.stage_id if is_active else None,
            "status": V3_APPLICATION_STATUSES.get(application.state, application.state),
            "needs_decision": None,
            "prospect": False,
            "rejected_at": _iso_or_none(application.rejected_at),
            "rejection_reason_id": application.reject_reason_id,
            "last_activity_at": iso(application.updated_at),
            "location_address": None,
            "answers": [],
            "prospective_job_ids": [],
            "custom_fields": {"region": {"name": "Region", "type": "short_text", "value": _region(application)}},
            "agency_note_id": None,
            "created_at": iso(application.created_at),
            "updated_at": iso(application.updated_at),
        }

    def _interview_v3(self, interview: Interview) -> Row:
        is_placeholder = interview.state is InterviewState.PLACEHOLDER
        return {
            "id": interview.id,
            "job_id": interview.job_id,
            "application_id": interview.application_id,
            "job_interview_id": interview.slot_id,
            "starts_at": _iso_or_none(interview.starts_at),
            "ends_at": _iso_or_none(interview.ends_at),
            "all_day_start_on": interview.all_day_from and interview.all_day_from.isoformat(),
            "all_day_end_on": interview.all_day_until and interview.all_day_until.isoformat(),
            "location": interview.location,
            "video_conferencing_url": interview.video_url,
            "status": V3_STATUSES.get(interview.state, interview.state),
            "organizer_id": interview.organizer_id,
            "scheduled_at": None if is_placeholder else iso(interview.created_at),
            "availability_received_at": None,
            "external_event_id": None if is_placeholder else event_id(interview),
            "created_at": iso(interview.created_at),
            "updated_at": iso(interview.updated_at),
        }

    def _seat_v3(self, seat: Seat) -> Row:
        return {
            "id": seat.id,
            "interview_id": seat.interview_id,
            "user_id": seat.user_id,
            "scorecard_id": _scorecard_id(seat),
            "email": seat.email,
            "response_status": seat.response,
            "created_at": iso(seat.created_at),
            "updated_at": iso(seat.updated_at),
        }

    def _user_v1(self, user: User) -> Row:
        return {
            "id": user.id,
            "name": user.name,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "primary_email_address": user.email,
            "updated_at": iso(user.updated_at),
            "created_at": iso(user.created_at),
            "disabled": user.is_disabled,
            "site_admin": user.is_admin,
            "emails": [user.email] if user.email else [],
            "employee_id": None,
            "linked_candidate_ids": [],
            "offices": [],
            "departments": [],
        }

    def _stage_v1(self, stage: Stage) -> Row:
        return {
            "id": stage.id,
            "name": stage.name,
            "created_at": iso(stage.created_at),
            "updated_at": iso(stage.updated_at),
            "active": stage.is_active,
            "job_id": stage.job_id,
            "priority": stage.position,
            "interviews": [
                {
                    "id": slot.id,
                    "name": slot.name,
                    "schedulable": True,
                    "estimated_minutes": slot.minutes,
                    "default_interviewer_users": [],
                    "interview_kit": {"id": slot.id + 1, "content": None, "questions": []},
                }
                for slot in self.company.slots.values()
                if slot.stage_id == stage.id
            ],
        }

    def _application_v1(self, application: Application) -> Row:
        company = self.company
        job = company.jobs[application.job_id]
        stage = company.stages[application.stage_id] if application.stage_id is not None else None
        source = company.sources[application.source_id] if application.source_id is not None else None
        referrer = company.referrers[application.referrer_id] if application.referrer_id is not None else None
        reason = (
            company.reject_reasons[application.reject_reason_id] if application.reject_reason_id is not None else None
        )
        return {
            "id": application.id,
            "candidate_id": application.candidate_id,
            "prospect": False,
            "applied_at": iso(application.created_at),
            "rejected_at": _iso_or_none(application.rejected_at),
            "last_activity_at": iso(application.updated_at),
            "location": None,
            "source": source and {"id": source.id, "public_name": source.name},
            "credited_to": referrer and self._person_v1(referrer.user_id, name=referrer.name),
            "recruiter": self._person_v1(application.recruiter_id),
            "coordinator": None,
            "rejection_reason": reason and self._reject_reason_v1(reason),
            "rejection_details": None,
            "jobs": [{"id": job.id, "name": job.title}],
            "job_post_id": None,
            "status": application.state,
            "current_stage": stage and {"id": stage.id, "name": stage.name},
            "answers": [],
            "prospective_office": None,
            "prospective_department": None,
            "prospect_detail": {"prospect_pool": None, "prospect_stage": None, "prospect_owner": None},
            "custom_fields": {},
            "keyed_custom_fields": {},
            "attachments": [],
        }

    def _interview_v1(self, interview: Interview) -> Row:
        slot = self.company.slots[interview.slot_id]
        return {
            "id": interview.id,
            "application_id": interview.application_id,
            "external_event_id": event_id(interview),
            "start": _moment_v1(interview.starts_at, interview.all_day_from),
            "end": _moment_v1(interview.ends_at, interview.all_day_until),
            "location": interview.location,
            "video_conferencing_url": interview.video_url,
            "status": interview.state,
            "created_at": iso(interview.created_at),
            "updated_at": iso(interview.updated_at),
            "interview": {"id": slot.id, "name": slot.name},
            "organizer": self._person_v1(interview.organizer_id) if interview.organizer_id is not None else None,
            "interviewers": [
                {
                    "id": seat.user_id,
                    "employee_id": None,
                    "name": self.company.users[seat.user_id].name if seat.user_id is not None else None,
                    "email": seat.email,
                    "response_status": seat.response,
                    "scorecard_id": _scorecard_id(seat),
                }
                for seat in interview.seats
                if seat.has_scorecard or seat.user_id != interview.organizer_id
            ],
        }

    def _person_v1(self, user_id: int | None, *, name: str | None = None) -> Row:
        user = self.company.users[user_id] if user_id is not None else None
        return {
            "id": user_id,
            "first_name": user and user.first_name,
            "last_name": user and user.last_name,
            "name": user.name if user else name,
            "employee_id": None,
        }

    def _reject_reason_v1(self, reason: RejectReason) -> Row:
        type_id, type_name = REASON_TYPES[reason.name == "Took another offer"]
        return {"id": reason.id, "name": reason.name, "type": {"id": type_id, "name": type_name}}

    @property
    def _founding(self) -> Row:
        founded_at = iso(min(user.created_at for user in self.company.users.values()))
        return {"created_at": founded_at, "updated_at": founded_at}


def _holds(sorted_ids: Sequence[int], row_id: int) -> bool:
    position = bisect_left(sorted_ids, row_id)
    return position < len(sorted_ids) and sorted_ids[position] == row_id


def _iso_or_none(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None


def _scorecard_id(seat: Seat) -> int | None:
    return 900_000_000 + seat.id if seat.has_scorecard else None


def _moment_v1(moment: datetime | None, day: date | None) -> Row | None:
    if moment:
        return {"date_time": iso(moment)}
    return {"date": day.isoformat()} if day else None


def _region(application: Application) -> str:
    """Return a custom field of this company's own."""
    return ("North", "South", "West")[application.id % 3]
