"""The rows that Lever lists: given as they are, or told from a company in Lever's words."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID, uuid5

from sandbox.company import Application, ApplicationState, Company, Interview, InterviewState, Seat, User

Row = dict[str, Any]
Key = tuple[int, str]  # what a list is sorted by, and the id

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAMESPACE = UUID("1e7e5000-0000-4000-a000-000000000000")
NEWEST_FIRST = {"opportunities": "createdAt", "opportunities/deleted": "deletedAt"}
BUILT_IN_STAGES = {"lead-new": "New lead", "lead-reached-out": "Reached out", "applicant-new": "New applicant"}
OFFER = "Offer"
ACCESS_ROLES = ("admin", "team member", "limited team member", "interviewer", "Hiring coordinator (own)")
HIRED = 0  # of the archive reason that no company has


@lru_cache(maxsize=200_000)
def lever_id(kind: str, number: int) -> str:
    """Return the id by which Lever knows one of the company's things."""
    return str(uuid5(NAMESPACE, f"{kind}/{number}"))


def milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def stage_id(name: str, position: int) -> str:
    return "offer" if name == OFFER else lever_id("stage", position)


def is_lead(application: Application) -> bool:
    """Whether an opportunity is shown without an application: somebody found the person, who has not applied."""
    return application.id % 17 == 0 and application.referrer_id is None


def is_sourced(company: Company, application: Application) -> bool:
    """Whether an opportunity names who found the person: the recruiter."""
    return application.source_id is not None and company.sources[application.source_id].name == "LinkedIn"


def access_role(user: User) -> str:
    return "super admin" if user.is_admin else ACCESS_ROLES[user.id % len(ACCESS_ROLES)]


class Rows(Protocol):
    """The rows of each list: "users", "opportunities/<id>/interviews" and so on."""

    def version(self) -> int:
        """Return a number that moves when any row does."""

    def keys(self, listing: str) -> Sequence[Key]:
        """Return the rows' keys in the order of the list, rising."""

    def row(self, listing: str, row_id: str) -> Row:
        """Return a row as with expanded applications. Raises KeyError."""


class PayloadRows:
    """Rows given as they are, by list, each with an `id`."""

    def __init__(self, listings: Mapping[str, Sequence[Row]]) -> None:
        self.listings = {name: {row["id"]: row for row in rows} for name, rows in listings.items()}

    def version(self) -> int:
        return 0

    def keys(self, listing: str) -> Sequence[Key]:
        rows = self.listings.get(listing, {})
        if moment := NEWEST_FIRST.get(listing):
            return sorted((-row[moment], row_id) for row_id, row in rows.items())
        return [(position, row_id) for position, row_id in enumerate(rows)]

    def row(self, listing: str, row_id: str) -> Row:
        return self.listings.get(listing, {})[row_id]


class CompanyRows:
    """A company's people, applications and interviews. Jobs share their stages, which belong to the whole account.

    Lever's oddities are strewn in by number: some opportunities are leads, some hold two applications, and some
    interviews lack keys.
    """

    def __init__(self, company: Company) -> None:
        self.company = company
        self.written: dict[
            int, Row
        ] = {}  # what only Lever knows of interviews that it was told of, by the company's id
        self._version = -1

    def find_user(self, row_id: Any) -> User | None:
        self._refresh()
        return self._users.get(row_id) if isinstance(row_id, str) else None

    def find_application(self, row_id: str) -> Application | None:
        self._refresh()
        return self._applications.get(row_id)

    def find_interview(self, row_id: str) -> Interview | None:
        self._refresh()
        return self._interviews.get(row_id)

    def version(self) -> int:
        return self.company.version

    def keys(self, listing: str) -> Sequence[Key]:
        self._refresh()
        if listing in self._keys:
            return self._keys[listing]
        return [(one.id, lever_id("interview", one.id)) for one in self._panels.get(_opportunity_of(listing), ())]

    def row(self, listing: str, row_id: str) -> Row:
        self._refresh()
        match listing:
            case "users":
                return self._user(self._users[row_id])
            case "stages":
                return {"id": row_id, "text": self._stages[row_id]}
            case "archive_reasons":
                return self._archive_reasons[row_id]
            case "opportunities":
                return self._opportunity(row_id, self._applications[row_id])
            case "opportunities/deleted":
                return {"id": row_id, "deletedAt": self._deleted[row_id]}
        interview = self._interviews[row_id]
        if lever_id("opportunity", interview.application_id) != _opportunity_of(listing):
            raise KeyError(row_id)
        return self._interview(row_id, interview)

    def _refresh(self) -> None:
        company = self.company
        if self._version == company.version:
            return
        self._version = company.version
        self._users = {lever_id("user", user.id): user for user in company.users.values()}
        self._stages = BUILT_IN_STAGES | {
            stage_id(stage.name, stage.position): stage.name
            for stage in sorted(company.stages.values(), key=lambda one: one.position)
        }
        self._archive_reasons = {row["id"]: row for row in self._tell_archive_reasons()}
        self._applications = {lever_id("opportunity", one.id): one for one in company.applications.values()}
        self._deleted = {
            lever_id("opportunity", number): milliseconds(at) for number, at in company.deleted_applications.items()
        }
        self._interviews = {lever_id("interview", one.id): one for one in company.interviews.values()}
        self._panels: defaultdict[str, list[Interview]] = defaultdict(list)
        for interview in company.interviews.values():
            self._panels[lever_id("opportunity", interview.application_id)].append(interview)
        self._keys: dict[str, Sequence[Key]] = {
            "users": [(user.id, row_id) for row_id, user in self._users.items()],
            "stages": list(enumerate(self._stages)),
            "archive_reasons": list(enumerate(self._archive_reasons)),
            "opportunities": sorted(
                (-milliseconds(one.created_at), row_id) for row_id, one in self._applications.items()
            ),
            "opportunities/deleted": sorted((-at, row_id) for row_id, at in self._deleted.items()),
        }

    def _user(self, user: User) -> Row:
        return {
            "id": lever_id("user", user.id),
            "name": user.name,
            "username": (user.email or f"user{user.id}").partition("@")[0],
            "email": user.email,
            "accessRole": access_role(user),
            "photo": None,
            "createdAt": milliseconds(user.created_at),
            "deactivatedAt": milliseconds(user.updated_at) if user.is_disabled else None,
            "externalDirectoryId": None,
            "linkedContactIds": None,
            "jobTitle": None,
            "managerId": None,
        }

    def _tell_archive_reasons(self) -> list[Row]:
        reasons = [(reason.id, reason.name, "non-hired") for reason in self.company.reject_reasons.values()]
        return [
            {
                "id": lever_id("archive_reason", number),
                "text": name,
                # What nobody may choose any more is still there for those who were archived with it.
                "status": "inactive" if number % 2 else "active",
                "type": kind,
            }
            for number, name, kind in [(HIRED, "Hired", "hired"), *reasons]
        ]

    def _opportunity(self, row_id: str, application: Application) -> Row:
        company, candidate = self.company, self.company.candidates[application.candidate_id]
        owner = lever_id("user", application.recruiter_id)
        changes = [application.updated_at, application.touched_at]
        for interview in self._panels.get(row_id, ()):
            changes += [interview.updated_at, *(seat.updated_at for seat in interview.seats)]
        updated_at = milliseconds(max(changes))
        return {
            "id": row_id,
            "name": f"{candidate.first_name} {candidate.last_name}",
            "contact": lever_id("contact", candidate.id),
            "headline": "",
            "stage": self._stage(application.stage_id),
            "confidentiality": "non-confidential",
            "location": "",
            "phones": [],
            "emails": [candidate.email],
            "links": [],
            "archived": self._archived(application),
            "tags": [company.jobs[application.job_id].title],
            "sources": [company.sources[application.source_id].name] if application.source_id is not None else [],
            "stageChanges": [
                {
                    "toStageId": self._stage(move.stage_id),
                    "toStageIndex": position,
                    "updatedAt": milliseconds(move.at),
                    "userId": owner,
                }
                for position, move in enumerate(application.moves)
            ],
            "origin": "referred" if application.referrer_id else "sourced" if is_lead(application) else "applied",
            "sourcedBy": owner if is_sourced(company, application) else None,
            "owner": owner,
            "followers": [owner],
            "applications": self._tell_applications(row_id, application),
            "createdAt": milliseconds(application.created_at),
            "updatedAt": updated_at,
            "lastInteractionAt": updated_at,
            "lastAdvancedAt": milliseconds(application.moves[-1].at),
            "snoozedUntil": None,
            "urls": {
                "list": "https://hire.example.com/candidates",
                "show": f"https://hire.example.com/candidates/{row_id}",
            },
            "isAnonymized": False,
            "dataProtection": None,
            "opportunityLocation": None,
        }

    def _stage(self, number: int | None) -> str:
        """Return a stage by the company's number. Those hired stay where the offer was made."""
        if number is None:
            return "offer"
        stage = self.company.stages[number]
        return stage_id(stage.name, stage.position)

    def _archived(self, application: Application) -> Row | None:
        if application.state is ApplicationState.HIRED:
            number, at = HIRED, application.moves[-1].at
        elif application.rejected_at and application.reject_reason_id is not None:
            number, at = application.reject_reason_id, application.rejected_at
        else:
            return None
        return {"reason": lever_id("archive_reason", number), "archivedAt": milliseconds(at)}

    def _tell_applications(self, row_id: str, application: Application) -> list[Row]:
        if is_lead(application):
            return []
        referrer = self.company.referrers[application.referrer_id] if application.referrer_id else None
        user_id = referrer.user_id if referrer else application.recruiter_id if application.id % 3 == 0 else None
        is_referral = referrer is not None and referrer.user_id is not None
        kind = "referral" if is_referral else "agency" if referrer else "user" if user_id else "posting"
        created_at = milliseconds(application.created_at) + 1
        latest: Row = {
            "id": lever_id("application", application.id),
            "type": kind,
            "candidateId": row_id,
            "opportunityId": row_id,
            "posting": lever_id("posting", application.job_id),
            "postingHiringManager": None,
            "postingOwner": lever_id("user", application.recruiter_id),
            "name": referrer.name if referrer else None,
            "company": None,
            "phone": None,
            "email": None,
            "links": [],
            "comments": None,
            "user": lever_id("user", user_id) if user_id is not None else None,
            "customQuestions": [],
            "createdAt": created_at,
            "archived": None,
            "requisitionForHire": None,
        }
        if application.id % 13:
            return [latest]
        former = latest | {
            "id": lever_id("former application", application.id),
            "posting": lever_id("former posting", application.job_id),
            "type": "posting",
            "user": None,
            "createdAt": created_at - 86_400_000,
        }
        return [former, latest] if application.id % 2 else [latest, former]

    def _interview(self, row_id: str, interview: Interview) -> Row:
        slot = self.company.slots[interview.slot_id]
        starts_at, ends_at = interview.starts_at, interview.ends_at
        if interview.all_day_from and interview.all_day_until:
            starts_at, ends_at = (
                datetime.combine(day, time(tzinfo=UTC)) for day in (interview.all_day_from, interview.all_day_until)
            )
        is_cancelled = interview.state is InterviewState.CANCELLED
        row: Row = {
            "id": row_id,
            "panel": lever_id("panel", interview.id),
            "subject": slot.name,
            "note": None if interview.id % 2 else "",
            "interviewers": [self._seat(seat) for seat in interview.seats],
            "timezone": ("Europe/Berlin", "America/Los_Angeles")[interview.id % 2],
            "createdAt": milliseconds(interview.created_at),
            "date": milliseconds(starts_at) if starts_at else None,
            "duration": (ends_at - starts_at) // timedelta(minutes=1) if starts_at and ends_at else slot.minutes,
            "location": interview.location or interview.video_url or ("  ", "", None)[interview.id % 3],
            "feedbackTemplate": None,
            "feedbackForms": [],
            "feedbackReminder": "daily",
            "user": lever_id("user", interview.organizer_id) if interview.organizer_id is not None else None,
            "stage": self._stage(slot.stage_id),
            "canceledAt": milliseconds(interview.updated_at) if is_cancelled else None,
            "postings": [lever_id("posting", interview.job_id)],
            "gcalEventUrl": None,
            "opportunityId": lever_id("opportunity", interview.application_id),
        }
        row |= self.written.get(interview.id, {})
        if interview.id % 7 == 0:
            del row["opportunityId"]
        if interview.id % 5 == 0 and not is_cancelled:
            del row["canceledAt"]
        return row

    def _seat(self, seat: Seat) -> Row:
        return {
            "id": lever_id("user", seat.user_id) if seat.user_id is not None else None,
            "name": self.company.users[seat.user_id].name if seat.user_id is not None else "Guest",
            "email": seat.email,
            "feedbackTemplate": None if seat.has_scorecard else "no-feedback",
        }


def _opportunity_of(listing: str) -> str:
    """Read "opportunities/<id>/interviews"."""
    return listing.split("/")[1]
