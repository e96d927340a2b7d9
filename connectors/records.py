"""What connectors hand back: one frozen record per unified model, not yet a row.

References are the platform's ids, or a record where the platform says more than the id. None means that the platform
does not say; an empty tuple that there is none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

MAX_REMOTE_ID_LENGTH = 500


def check_remote_id(remote_id: str) -> None:
    """Raise ValueError for an id that cannot identify anything."""
    if not 0 < len(remote_id) <= MAX_REMOTE_ID_LENGTH:
        raise ValueError(f"a remote id has 1 to {MAX_REMOTE_ID_LENGTH} characters, not {len(remote_id)}")


class Choice(NamedTuple):
    """An enum value in our words, and in the platform's. `origin` is None where we computed the value."""

    value: str
    origin: str | None


class Original(NamedTuple):
    """One original behind a record: `data` as the platform sent it, `path` the listing it came from."""

    path: str
    data: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Raises ValueError where the remote id cannot identify anything."""

    model_name: ClassVar[str]

    remote_id: str
    remote_was_deleted: bool = False
    remote_data: tuple[Original, ...] = ()

    def __post_init__(self) -> None:
        check_remote_id(self.remote_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRecord(Record):
    model_name: ClassVar[str] = "Candidate"

    first_name: str | None = None
    last_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord(Record):
    model_name: ClassVar[str] = "Job"

    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectReasonRecord(Record):
    model_name: ClassVar[str] = "RejectReason"

    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteUserRecord(Record):
    model_name: ClassVar[str] = "RemoteUser"

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    disabled: bool | None = None
    remote_created_at: datetime | None = None
    access_role: Choice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInterviewStageRecord(Record):
    model_name: ClassVar[str] = "JobInterviewStage"

    name: str | None = None
    job: str | JobRecord | None = None
    stage_order: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationRecord(Record):
    model_name: ClassVar[str] = "Application"

    candidate: str | CandidateRecord | None = None
    job: str | JobRecord | None = None
    applied_at: datetime | None = None
    rejected_at: datetime | None = None
    source: str | None = None
    credited_to: str | None = None
    current_stage: str | None = None
    reject_reason: str | RejectReasonRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledInterviewRecord(Record):
    model_name: ClassVar[str] = "ScheduledInterview"

    # What the platform lists the interview under, where it lists all interviews of one thing at a time: see Whole.
    remote_group: str | None = None
    application: str | None = None
    job_interview_stage: str | None = None
    organizer: str | None = None
    interviewers: tuple[str, ...] = ()
    location: str | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    remote_created_at: datetime | None = None
    remote_updated_at: datetime | None = None
    status: Choice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A payload that could not be read. The sync goes on without it and says so.

    `remote_id` is None where the payload does not even say which record it is.
    """

    model_name: str
    remote_id: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something beside the records that could not be had, such as a dictionary of names: the sync is partial."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All interviews of a group: one of that group with another id was deleted. Comes after their records."""

    group: str
    remote_ids: frozenset[str]  # readable or not


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A group of interviews that could not be read: what we hold of it stays as it is, also after a full listing."""

    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A record that the platform says it has deleted. What we never had is ignored."""

    model_name: str
    remote_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What the next listing of the model has to know, kept for it once all that came before this has been stored.

    `state` takes the place of the last one and comes back in `Window.state`: sync tokens, or how far a long listing is,
    for when it is interrupted. It is JSON, and holds no credentials.
    """

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """Says first of all that a listing goes on where one that began at `started_at` was interrupted.

    So it does not hold everything, and what it holds is as fresh as that.
    """

    started_at: datetime


Fetched = Record | Unreadable | Gap | Whole | Kept | Gone | Checkpoint | Resumed
