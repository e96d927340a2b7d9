"""What becomes of a record: its model, its columns, the side table of its originals. Derived from record and model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property
from typing import Any, get_args, get_type_hints

from api.printing import Printer
from api.serializers import UnifiedModelSerializer
from applications.models import Application, Candidate, Job, JobInterviewStage, RejectReason
from applications.serializers import (
    ApplicationSerializer,
    CandidateSerializer,
    JobInterviewStageSerializer,
    JobSerializer,
    RejectReasonSerializer,
)
from connectors.base import Connector, Window
from connectors.records import (
    ApplicationRecord,
    CandidateRecord,
    Choice,
    Fetched,
    JobInterviewStageRecord,
    JobRecord,
    Record,
    RejectReasonRecord,
    RemoteUserRecord,
    ScheduledInterviewRecord,
)
from interviews.models import ScheduledInterview
from interviews.serializers import ScheduledInterviewSerializer
from remote_users.models import RemoteUser
from remote_users.serializers import RemoteUserSerializer
from unified.models import RemoteData, UnifiedModel


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource:
    """One unified model. `arrays` names the model of each array of references, which no declaration says elsewhere.

    `fetch` is the connector's method that lists it; empty for a model that is kept only because others refer to it.
    `borrowed` names the columns that repeat one of a record which the row refers to: ("application", "job") by "job".
    """

    record: type[Record]
    model: type[UnifiedModel]
    serializer: type[UnifiedModelSerializer]
    fetch: str = ""
    arrays: Mapping[str, str] = field(default_factory=dict)
    borrowed: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.record.model_name

    @cached_property
    def remote_data_model(self) -> type[RemoteData]:
        side: Any = self.model._meta.fields_map["stored_remote_data"]
        model: type[RemoteData] = side.related_model
        return model

    @cached_property
    def references(self) -> dict[str, str]:
        """The names of the models that fields with one reference lead to, by field."""
        related = {stored.name: stored.remote_field.model for stored in self.model._meta.fields if stored.remote_field}
        return {name: related[name].__name__ for name in self._hints if name in related}

    @cached_property
    def choices(self) -> list[str]:
        """The fields of two columns: our word, and the platform's with the prefix `remote_`."""
        return [name for name, hint in self._hints.items() if Choice in get_args(hint)]

    @cached_property
    def times(self) -> list[str]:
        return [name for name, hint in self._hints.items() if datetime in get_args(hint)]

    @cached_property
    def plain(self) -> list[str]:
        """The fields whose values are stored as they are."""
        others = {*self.references, *self.arrays, *self.choices, *self.times}
        return [name for name in self._hints if name not in others]

    @cached_property
    def names(self) -> list[str]:
        """The fields of the unified values, kind by kind."""
        return [*self.plain, *self.times, *self.references, *self.arrays, *self.choices]

    @cached_property
    def columns(self) -> list[str]:
        """The columns of the unified values, in the order of `names`."""
        columns = {stored.name: stored.column or stored.name for stored in self.model._meta.fields}
        return [columns[name] for name in self.names]

    @cached_property
    def origin_columns(self) -> list[str]:
        """The columns that keep the platform's words, in the order of `choices`."""
        return [f"remote_{name}" for name in self.choices]

    @cached_property
    def printer(self) -> Printer:
        return Printer(self.serializer, {*self.names}.difference(self.serializer.Meta.fields))

    @cached_property
    def _hints(self) -> dict[str, Any]:
        """The types of the record's own fields, sorted: their hash must not depend on the order of declaration."""
        hints = get_type_hints(self.record)
        shared = {declared.name for declared in fields(Record)}
        return {
            name: hints[name]
            for name in sorted(declared.name for declared in fields(self.record))
            if name not in shared
        }

    def listing(self, connector: Connector, window: Window) -> Iterable[Fetched]:
        listing: Iterable[Fetched] = getattr(connector, self.fetch)(window)
        return listing


# Parents first, so that few rows begin as shells.
RESOURCES = (
    Resource(record=CandidateRecord, model=Candidate, serializer=CandidateSerializer),
    Resource(record=JobRecord, model=Job, serializer=JobSerializer),
    Resource(record=RejectReasonRecord, model=RejectReason, serializer=RejectReasonSerializer),
    Resource(record=RemoteUserRecord, model=RemoteUser, serializer=RemoteUserSerializer, fetch="fetch_users"),
    Resource(
        record=JobInterviewStageRecord,
        model=JobInterviewStage,
        serializer=JobInterviewStageSerializer,
        fetch="fetch_job_interview_stages",
    ),
    Resource(record=ApplicationRecord, model=Application, serializer=ApplicationSerializer, fetch="fetch_applications"),
    Resource(
        record=ScheduledInterviewRecord,
        model=ScheduledInterview,
        serializer=ScheduledInterviewSerializer,
        fetch="fetch_interviews",
        arrays={"interviewers": "RemoteUser"},
        borrowed={"job": ("application", "job")},
    ),
)
LISTED = tuple(resource for resource in RESOURCES if resource.fetch)
BY_NAME = {resource.name: resource for resource in RESOURCES}
