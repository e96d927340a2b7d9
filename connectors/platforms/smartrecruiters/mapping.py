"""SmartRecruiters' payloads in our words.

An application tells its status and sub-status and not its hiring process: such pairs are the stages, company-wide.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from connectors.records import (
    ApplicationRecord,
    Choice,
    JobInterviewStageRecord,
    Original,
    RejectReasonRecord,
    RemoteUserRecord,
    ScheduledInterviewRecord,
)
from connectors.values import flag, optional_remote_id, remote_id, text, utc_time
from unified.enums import AccessRole

Payload = Mapping[str, Any]

USERS_PATH = "/user-api/v201804/users"
PROCESSES_PATH = "/configuration/hiring-processes"
INTERVIEWS_PATH = "/interviews-api/v201904/interviews"
HISTORY_SUFFIX = "/status/history"

# By `systemRole.id`. https://developers.smartrecruiters.com/reference/users
# Customers make roles of their own: those pass through by name.
ACCESS_ROLES = {
    "ADMINISTRATOR": AccessRole.SUPER_ADMIN,
    "EXTENDED": AccessRole.ADMIN,
    "STANDARD": AccessRole.TEAM_MEMBER,
    "RESTRICTED": AccessRole.LIMITED_TEAM_MEMBER,
    "EMPLOYEE": AccessRole.INTERVIEWER,
}

# https://developers.smartrecruiters.com/reference/candidatesall-1
STATUSES = {
    "LEAD": ("Lead", 1000),
    "NEW": ("New", 2000),
    "IN_REVIEW": ("In review", 3000),
    "INTERVIEW": ("Interview", 4000),
    "OFFERED": ("Offered", 5000),
    "HIRED": ("Hired", 6000),
    "REJECTED": ("Rejected", 7000),
    "WITHDRAWN": ("Withdrawn", 8000),
    "TRANSFERRED": ("Transferred", 9000),
}
CLOSED = frozenset({"HIRED", "REJECTED", "WITHDRAWN", "TRANSFERRED"})


class Assignment(NamedTuple):
    """What leads to an application: a candidate and a job."""

    candidate: str
    job: str

    @property
    def path(self) -> str:
        return f"/candidates/{quote(self.candidate, safe='')}/jobs/{quote(self.job, safe='')}"


def assignments(candidate: Payload) -> list[Assignment]:
    """Return where a candidate applied, each job once: `secondaryAssignments` may repeat the primary one."""
    candidate_id = remote_id(candidate["id"])
    found = [candidate.get("primaryAssignment"), *(candidate.get("secondaryAssignments") or ())]
    jobs = (optional_remote_id((one.get("job") or {}).get("id")) for one in found if one)
    return [Assignment(candidate_id, job) for job in dict.fromkeys(jobs) if job]


def user(payload: Payload) -> RemoteUserRecord:
    is_active = flag(payload.get("active"))
    return RemoteUserRecord(
        remote_id=remote_id(payload["id"]),
        first_name=_trimmed(payload.get("firstName")),
        last_name=_trimmed(payload.get("lastName")),
        email=text(payload.get("email")),
        disabled=None if is_active is None else not is_active,
        access_role=_access_role(payload.get("systemRole") or {}),
        remote_data=(Original(USERS_PATH, payload),),
    )


def stage_id(payload: Payload) -> str | None:
    """Return the stage that an application or an entry of its history is in. Sub-statuses keep their blanks."""
    return _stage_id(text(payload.get("status")), text(payload.get("subStatus")))


def statuses() -> Iterator[JobInterviewStageRecord]:
    for status, (name, order) in STATUSES.items():
        yield JobInterviewStageRecord(remote_id=status, name=name, stage_order=order)


def stages(process: Payload) -> Iterator[JobInterviewStageRecord]:
    """Read one entry of `GET /configuration/hiring-processes`: a stage for each sub-status, with its place in it."""
    for status, sub_statuses in (process.get("subStatuses") or {}).items():
        _, order = STATUSES.get(status, (None, None))
        for place, sub_status in enumerate(map(text, sub_statuses or ()), start=1):
            if sub_status:
                yield JobInterviewStageRecord(
                    remote_id=f"{text(status)}:{sub_status}",
                    name=sub_status,
                    stage_order=None if order is None else order + place,
                    remote_data=(Original(PROCESSES_PATH, process),),
                )


def stages_met(application: Payload, history: Iterable[Payload]) -> Iterator[JobInterviewStageRecord]:
    """Yield the stages that an application was ever in, also those that no hiring process knows any more."""
    for payload in (application, *history):
        found = stage_id(payload)
        if found:
            status, _, sub_status = found.partition(":")
            name, order = STATUSES.get(found, (sub_status or status, None))
            yield JobInterviewStageRecord(remote_id=found, name=name, stage_order=order)


def is_open(stage: str | None) -> bool:
    return stage is None or stage.partition(":")[0] not in CLOSED


def application(payload: Payload, assignment: Assignment, history: Sequence[Payload]) -> ApplicationRecord:
    """Read an application with its history, in any order.

    Its `startsOn` is the first working day of those hired. A `reasonOfWithdrawal` is no rejection.
    """
    is_rejected = payload.get("status") == "REJECTED"
    moves = [(at, entry.get("status")) for at, entry in _dated(history)]
    return ApplicationRecord(
        remote_id=remote_id(payload["applicationId"]),
        candidate=assignment.candidate,
        job=assignment.job,
        applied_at=min((at for at, status in moves if status != "LEAD"), default=None),
        rejected_at=max((at for at, status in moves if is_rejected and status == "REJECTED"), default=None),
        source=text(payload.get("source")) or None,
        current_stage=stage_id(payload),
        reject_reason=_reject_reason(payload.get("reasonOfRejection") or {}) if is_rejected else None,
        remote_data=(Original(assignment.path, payload), Original(assignment.path + HISTORY_SUFFIX, history)),
    )


def timeslots(payload: Any) -> Sequence[Any]:
    """Return the timeslots of an interview, each of which is one of ours. [None] if there are none."""
    found = payload.get("timeslots") if isinstance(payload, Mapping) else None
    return found if isinstance(found, list) and found else [None]


def interview(
    payload: Payload,
    timeslot: Payload | None,
    *,
    application_id: str,
    current_stage: str | None,
    history: Iterable[Payload],
) -> ScheduledInterviewRecord:
    """Read one timeslot of an interview of an application. https://developers.smartrecruiters.com/reference/interviews

    Without a timeslot the interview stands for itself: nobody has said when it is, and who holds it.
    """
    slot = timeslot if timeslot is not None else {}
    created_at = utc_time(payload.get("createdOn"))
    interviewers = (optional_remote_id(person.get("id")) for person in slot.get("interviewers") or ())
    return ScheduledInterviewRecord(
        remote_id=remote_id((payload if timeslot is None else timeslot)["id"]),
        remote_group=application_id,
        application=application_id,
        job_interview_stage=_stage_at(created_at, history, current_stage),
        organizer=optional_remote_id(payload.get("organizerId")),
        interviewers=tuple(dict.fromkeys(person for person in interviewers if person)),
        location=text(payload.get("location")) or text(slot.get("place")) or None,
        start_at=utc_time(slot.get("startsOn")),
        end_at=utc_time(slot.get("endsOn")),
        remote_created_at=created_at,
        remote_data=(Original(INTERVIEWS_PATH, payload),),
    )


def _stage_at(created_at: datetime | None, history: Iterable[Payload], current_stage: str | None) -> str | None:
    """Return the stage of an application at a time: its first one for what external schedulers sent before that."""
    moves = _dated(history)
    if not moves:
        return current_stage
    if created_at is None:
        return None
    before = [move for move in moves if move[0] <= created_at]
    _, entry = max(before, key=_first) if before else min(moves, key=_first)
    return stage_id(entry)


def _dated(history: Iterable[Payload]) -> list[tuple[datetime, Payload]]:
    return [(at, entry) for entry in history if (at := utc_time(entry.get("changedOn")))]


def _first(move: tuple[datetime, Payload]) -> datetime:
    return move[0]


def _stage_id(status: str | None, sub_status: str | None) -> str | None:
    return f"{status}:{sub_status}" if status and sub_status else status or None


def _reject_reason(reason: Payload) -> RejectReasonRecord | None:
    label = text(reason.get("label")) or None
    identity = optional_remote_id(reason.get("id")) or label
    return RejectReasonRecord(remote_id=identity, name=label or identity) if identity else None


def _access_role(role: Payload) -> Choice | None:
    role_id = text(role.get("id")) or ""
    if role_id in ACCESS_ROLES:
        return Choice(str(ACCESS_ROLES[role_id]), role_id)
    name = text(role.get("name")) or role_id
    return Choice(name, name) if name else None


def _trimmed(value: Any) -> str | None:
    return (text(value) or "").strip() or None
