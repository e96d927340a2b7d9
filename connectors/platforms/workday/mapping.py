"""Workday's records in our words. Elements are found by namespace, ids by their type.

https://community.workday.com/sites/default/files/file-hosting/productionapi/Recruiting/v31.2/Get_Interviews.html
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from connectors.platforms.workday.operations import CANDIDATES, INTERVIEWS, WORKERS, wd
from connectors.records import (
    ApplicationRecord,
    JobInterviewStageRecord,
    Original,
    RejectReasonRecord,
    RemoteUserRecord,
    ScheduledInterviewRecord,
)
from connectors.soap import Element, as_json
from connectors.values import utc_time

Pair = tuple[str, str]  # a candidate and a requisition

WID = "WID"
FLAGS = {"1": True, "true": True, "0": False, "false": False}
# Types of ids that only workers have. Candidates who apply themselves stand where workers are referred to.
WORKER_IDS = ("Employee_ID", "Contingent_Worker_ID")


def identity(reference: Element | None, id_type: str = WID) -> str | None:
    return next(
        (one.text.strip() for one in wd.all(reference, "ID") if wd.attribute(one, "type") == id_type and one.text),
        None,
    )


def user_id(worker: Element) -> str | None:
    return identity(wd.first(worker, "Worker_Reference"))


def user(worker: Element) -> RemoteUserRecord:
    """Read one Worker. Raises ValueError without a WID, KeyError for a flag that is neither true nor false."""
    names = wd.first(worker, "Worker_Data/Personal_Data/Name_Data/Preferred_Name_Data")
    if names is None:
        names = wd.first(worker, "Worker_Data/Personal_Data/Name_Data/Legal_Name_Data")
    active = wd.text(worker, "Worker_Data/Employment_Data/Worker_Status_Data/Active")
    return RemoteUserRecord(
        remote_id=_required(user_id(worker)),
        first_name=wd.text(names, "Name_Detail_Data/First_Name"),
        last_name=wd.text(names, "Name_Detail_Data/Last_Name"),
        email=_work_email(worker),
        disabled=None if active is None else not FLAGS[active],
        remote_data=(Original(WORKERS.path, as_json(worker)),),
    )


def application_id(application: Element) -> str | None:
    reference = wd.first(application, "Job_Application_Reference")
    return identity(reference) or wd.text(_applied(application), "Job_Application_ID")


def stage_id(application: Element) -> str | None:
    return identity(wd.first(_applied(application), "Stage_Reference"))


def stage(application: Element) -> JobInterviewStageRecord:
    """Read the stage that a Job_Application_Data is in. No operation lists stages. Raises ValueError without one."""
    reference = wd.first(_applied(application), "Stage_Reference")
    if reference is None:
        raise ValueError("no stage")
    return JobInterviewStageRecord(
        remote_id=_required(identity(reference)),
        name=_name(reference, "Recruiting_Stage_ID"),
        remote_data=(Original(CANDIDATES.path, as_json(reference)),),
    )


def creditors(application: Element) -> tuple[str, ...]:
    """Return the workers to whom an application may be credited, the worthier first."""
    applied = _applied(application)
    referrer = identity(wd.first(applied, "Referred_By_Worker_Reference"))
    adder = wd.first(applied, "Added_By_Worker_Reference")
    added_by = identity(adder) if any(identity(adder, id_type) for id_type in WORKER_IDS) else None
    return tuple(one for one in (referrer, added_by) if one)


def application(data: Element, *, candidate: Element, known_users: Collection[str]) -> ApplicationRecord:
    """Read one Job_Application_Data of a Candidate. Every disposition is a rejection, withdrawals among them.

    `known_users` decides to whom it is credited; where nobody is known, to the worthiest, who may yet be listed.
    Raises ValueError without an identity and for times that are none.
    """
    applied = _applied(data)
    reject_reason = _reject_reason(wd.first(applied, "Disposition_Reference"))
    credited = creditors(data)
    return ApplicationRecord(
        remote_id=_required(application_id(data)),
        candidate=identity(wd.first(candidate, "Candidate_Reference")),
        job=identity(wd.first(applied, "Job_Requisition_Reference")),
        applied_at=utc_time(wd.text(applied, "Job_Application_Date")),
        rejected_at=utc_time(wd.text(applied, "Status_Timestamp")) if reject_reason else None,
        source=_name(wd.first(applied, "Source_Reference"), "Applicant_Source_ID"),
        credited_to=next((one for one in credited if one in known_users), next(iter(credited), None)),
        current_stage=stage_id(data),
        reject_reason=reject_reason,
        remote_data=(Original(CANDIDATES.path, as_json(data)),),
    )


def interview_id(block: Element) -> str | None:
    return identity(wd.first(block, "Interview_Session_Reference"))


def application_pair(event: Element) -> Pair | None:
    """Return what an Interview_Data names in place of its application, where it does."""
    criteria = wd.first(event, "Candidate_Interview_Criteria_Data")
    candidate = identity(wd.first(criteria, "Candidate_Reference"))
    requisition = identity(wd.first(criteria, "Requisition_Reference"))
    return (candidate, requisition) if candidate and requisition else None


def interview(
    block: Element, *, event: Element, original: Any, applications: Mapping[Pair, Sequence[str]]
) -> ScheduledInterviewRecord:
    """Read one Interview_Session_Data of an Interview_Data, `event`, which is `original` in JSON.

    `applications` are those of a candidate for a requisition: if there are several, we would not know which.
    Times without an offset are those of the event's zone. Raises ValueError without a WID and for times that are none.
    """
    zone = _zone(event)
    details = wd.all(block, "Interview_Session_Details_Data")
    starts = [wd.text(one, "Interview_Start_Time") for one in details]
    ends = [wd.text(one, "Interview_End_Time") for one in details]
    interviewers = [identity(one) for one in wd.all(block, "Interview_Session_Details_Data/Interviewers_Reference")]
    return ScheduledInterviewRecord(
        remote_id=_required(interview_id(block)),
        application=_application_of(event, applications),
        interviewers=tuple(dict.fromkeys(one for one in interviewers if one)),
        start_at=min((_moment(one, zone) for one in starts if one), default=None),
        end_at=max((_moment(one, zone) for one in ends if one), default=None),
        remote_data=(Original(INTERVIEWS.path, original),),
    )


def _applied(application: Element) -> Element | None:
    """Return what was applied for: a path through it would go on to the second one for what the first lacks."""
    return wd.first(application, "Job_Applied_To_Data")


def _application_of(event: Element, applications: Mapping[Pair, Sequence[str]]) -> str | None:
    reference = wd.first(event, "Job_Application_Reference")
    if reference is not None:
        return identity(reference)
    pair = application_pair(event)
    found = applications.get(pair, ()) if pair else ()
    return found[0] if len(found) == 1 else None


def _work_email(worker: Element) -> str | None:
    """Return the primary address at work, else the first. Those at home are nobody's business."""
    addresses = []
    for entry in wd.all(worker, "Worker_Data/Personal_Data/Contact_Data/Email_Address_Data"):
        usages = [
            usage
            for usage in wd.all(entry, "Usage_Data/Type_Data")
            if identity(wd.first(usage, "Type_Reference"), "Communication_Usage_Type_ID") == "WORK"
        ]
        if usages and (address := wd.text(entry, "Email_Address")):
            is_primary = any(FLAGS.get(wd.attribute(usage, "Primary") or "") for usage in usages)
            addresses.append((is_primary, address))
    return max(addresses, key=lambda one: one[0], default=(False, None))[1]


def _reject_reason(disposition: Element | None) -> RejectReasonRecord | None:
    name = _name(disposition, "Recruiting_Disposition_ID")
    reason_id = identity(disposition) or name
    return RejectReasonRecord(remote_id=reason_id, name=name) if reason_id else None


def _name(reference: Element | None, id_type: str) -> str | None:
    return wd.attribute(reference, "Descriptor") or identity(reference, id_type)


def _zone(event: Element) -> tzinfo:
    name = identity(wd.first(event, "Timezone_Reference"), "Time_Zone_ID")
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):  # unknown, malformed, or a folder of zones
        return UTC


def _moment(value: str, zone: tzinfo) -> datetime:
    moment = datetime.fromisoformat(value.strip())
    return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)


def _required(wid: str | None) -> str:
    if wid is None:
        raise ValueError("no WID")
    return wid
