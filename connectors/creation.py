"""What it takes to write a record at a platform, declared once for whoever asks and for whoever enforces it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.records import Fetched
from connectors.stored import StoredApplication


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """Something of the platform's own that writing takes, beside the unified fields.

    `aliases` are other names that are taken for it.
    """

    name: str
    description: str
    type: str = "string"  # a JSON Schema type
    required: bool = False
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """How a platform creates, or changes, records of one unified model.

    `fields` are the unified fields that it takes, by name, each with what it means there; `choices` the values that it
    takes of an enum. `is_conditional`: whether more can be required than `required` says, depending on what is given.
    """

    fields: Mapping[str, str]
    required: frozenset[str] = frozenset()
    choices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    integration_params: tuple[Parameter, ...] = ()
    remote_user_id_required: bool = False
    is_conditional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InterviewDraft:
    """What a caller wants an interview to be, in the platform's ids. `given` names the fields that were given at all.

    Of a field that was not given the value is None, or empty. `application` is what we hold of it, with its originals.
    `acting_user` is who the caller says acts. `integration_params` are by their declared names.
    """

    given: frozenset[str]
    application: StoredApplication | None = None
    job_interview_stage: str | None = None
    organizer: str | None = None
    interviewers: tuple[str, ...] = ()
    location: str | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    status: str | None = None
    integration_params: Mapping[str, Any] = field(default_factory=dict)
    acting_user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInterview:
    """An interview that is to be changed or cancelled: the platform's ids, and `originals` by path."""

    remote_id: str
    remote_group: str | None
    application: StoredApplication | None
    originals: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """What is wrong with one field of a draft. `pointer` is a path such as "model/start_at" or "remote_user_id"."""

    problem_type: str  # one of the API's: MISSING_REQUIRED_FIELD, INVALID_FIELD_CHOICE, UNSUPPORTED_FIELD, …
    detail: str
    pointer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenInterview:
    """An interview as the platform has it now: `entries` hold its record and what came along."""

    remote_id: str
    entries: tuple[Fetched, ...]
