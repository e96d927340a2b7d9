"""The list by django-ninja, over the same models. Also the URLs of its server."""

from datetime import datetime
from typing import Any
from uuid import UUID

import cursors
from django.db.models import Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import path
from ninja import NinjaAPI, Schema
from ninja.security import HttpBearer

from django_project.models import ApiKey, LinkedAccount, ScheduledInterview, find_caller, listed


class Bearer(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> LinkedAccount | None:
        try:
            return find_caller(token, request.headers.get("X-Account-Token", ""))[1]
        except (ApiKey.DoesNotExist, LinkedAccount.DoesNotExist):
            return None


class Unified(Schema):
    id: UUID
    remote_id: str | None
    created_at: datetime
    modified_at: datetime
    remote_was_deleted: bool
    field_mappings: dict[str, Any]
    remote_data: list[Any] | None = None


class RemoteUserOut(Unified):
    first_name: str | None
    last_name: str | None
    email: str | None
    disabled: bool | None
    remote_created_at: datetime | None
    access_role: str | None


class JobInterviewStageOut(Unified):
    name: str | None
    job: UUID | None
    stage_order: int | None


class ApplicationOut(Unified):
    candidate: UUID | None
    job: UUID | None
    applied_at: datetime | None
    rejected_at: datetime | None
    offers: list[Any]
    source: str | None
    credited_to: UUID | None
    screening_question_answers: list[Any]
    current_stage: UUID | None
    reject_reason: UUID | None


class ScheduledInterviewOut(Unified):
    application: UUID | ApplicationOut | None
    job_interview_stage: UUID | JobInterviewStageOut | None
    organizer: UUID | RemoteUserOut | None
    interviewers: list[UUID] | list[RemoteUserOut]
    location: str | None
    start_at: datetime | None
    end_at: datetime | None
    remote_created_at: datetime | None
    remote_updated_at: datetime | None
    status: str | None

    @staticmethod
    def resolve_application(row: ScheduledInterview, context: Any) -> Any:
        return row.application if "expand" in context["request"].GET else row.application_id

    @staticmethod
    def resolve_job_interview_stage(row: ScheduledInterview, context: Any) -> Any:
        return row.job_interview_stage if "expand" in context["request"].GET else row.job_interview_stage_id

    @staticmethod
    def resolve_organizer(row: ScheduledInterview, context: Any) -> Any:
        return row.organizer if "expand" in context["request"].GET else row.organizer_id

    @staticmethod
    def resolve_interviewers(row: ScheduledInterview, context: Any) -> Any:
        people = row.interviewers.all()
        return list(people) if "expand" in context["request"].GET else [person.id for person in people]

    @staticmethod
    def resolve_remote_data(row: ScheduledInterview, context: Any) -> Any:
        return row.stored_remote_data.entries if "include_remote_data" in context["request"].GET else None


class PageOut(Schema):
    next: str | None
    previous: str | None
    results: list[ScheduledInterviewOut]


api = NinjaAPI(auth=Bearer())


@api.get("/interviews", response=PageOut)
def list_interviews(
    request: HttpRequest,
    page_size: int = 30,
    cursor: str | None = None,
    job_interview_stage_id: UUID | None = None,
    modified_after: datetime | None = None,
    expand: str | None = None,
    include_remote_data: bool = False,
) -> dict[str, Any]:
    rows = _rows(request).filter(remote_was_deleted=False, is_shell=False)
    if job_interview_stage_id:
        rows = rows.filter(job_interview_stage_id=job_interview_stage_id)
    if modified_after:
        rows = rows.filter(modified_at__gte=modified_after)
    if cursor:
        created_at, id = cursors.decode(cursor)
        rows = rows.filter(created_at__gte=created_at)  # which an index can start at
        rows = rows.filter(Q(created_at__gt=created_at) | Q(id__gt=id))
    if expand:
        rows = rows.select_related("application", "job_interview_stage", "organizer")
    if include_remote_data:
        rows = rows.select_related("stored_remote_data")
    page = list(rows.order_by("created_at", "id")[: page_size + 1])
    results = page[:page_size]
    return {
        "next": cursors.encode(results[-1].created_at, results[-1].id) if len(page) > page_size else None,
        "previous": cursors.encode(results[0].created_at, results[0].id) if cursor and results else None,
        "results": results,
    }


@api.get("/interviews/{id}", response=ScheduledInterviewOut)
def retrieve_interview(request: HttpRequest, id: UUID) -> ScheduledInterview:
    found: ScheduledInterview = get_object_or_404(_rows(request), id=id)
    return found


def _rows(request: HttpRequest) -> Any:
    return listed(request.auth)


urlpatterns = [path("api/ats/v1/", api.urls)]
