"""The list by FastAPI and asyncpg: SQL by hand, pydantic models for the answers."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import cursors
import orjson
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel

MAPPINGS: dict[str, Any] = {"organization_defined_targets": {}, "linked_account_defined_targets": {}}
COMMON = "id, remote_id, created_at, modified_at, remote_was_deleted, field_mappings"
INTERVIEWS = """
    SELECT i.id, i.remote_id, i.created_at, i.modified_at, i.remote_was_deleted, i.field_mappings,
        i.application_id AS application, i.job_interview_stage_id AS job_interview_stage, i.organizer_id AS organizer,
        ARRAY(
            SELECT p.remoteuser_id FROM benchmark_panel p WHERE p.scheduledinterview_id = i.id ORDER BY p.position
        ) AS interviewers,
        i.location, i.start_at, i.end_at, i.remote_created_at, i.remote_updated_at, i.status, {} AS remote_data
    FROM interviews_scheduledinterview i
"""
ORIGINALS = "(SELECT entries FROM interviews_scheduledinterviewremotedata WHERE record_id = i.id)"
APPLICATIONS = f"""
    SELECT {COMMON}, candidate_id AS candidate, job_id AS job, applied_at, rejected_at, source,
        credited_to_id AS credited_to, current_stage_id AS current_stage, reject_reason_id AS reject_reason
    FROM applications_application WHERE linked_account_id = $1 AND id = ANY($2)
"""
STAGES = f"""
    SELECT {COMMON}, name, job_id AS job, stage_order
    FROM applications_jobinterviewstage WHERE linked_account_id = $1 AND id = ANY($2)
"""
USERS = f"""
    SELECT {COMMON}, first_name, last_name, email, disabled, remote_created_at, access_role
    FROM remote_users_remoteuser WHERE linked_account_id = $1 AND id = ANY($2)
"""


class Unified(BaseModel):
    id: UUID
    remote_id: str | None
    created_at: datetime
    modified_at: datetime
    remote_was_deleted: bool
    field_mappings: dict[str, Any] | None
    remote_data: list[Any] | None = None


class RemoteUser(Unified):
    first_name: str | None
    last_name: str | None
    email: str | None
    disabled: bool | None
    remote_created_at: datetime | None
    access_role: str | None


class JobInterviewStage(Unified):
    name: str | None
    job: UUID | None
    stage_order: int | None


class Application(Unified):
    candidate: UUID | None
    job: UUID | None
    applied_at: datetime | None
    rejected_at: datetime | None
    offers: list[Any] = []
    source: str | None
    credited_to: UUID | None
    screening_question_answers: list[Any] = []
    current_stage: UUID | None
    reject_reason: UUID | None


class ScheduledInterview(Unified):
    application: UUID | Application | None
    job_interview_stage: UUID | JobInterviewStage | None
    organizer: UUID | RemoteUser | None
    interviewers: list[UUID | RemoteUser]
    location: str | None
    start_at: datetime | None
    end_at: datetime | None
    remote_created_at: datetime | None
    remote_updated_at: datetime | None
    status: str | None


class Page(BaseModel):
    next: str | None
    previous: str | None
    results: list[ScheduledInterview]


async def _prepare(connection: Any) -> None:
    await connection.set_type_codec("json", schema="pg_catalog", encoder=orjson.dumps, decoder=orjson.loads)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(min_size=2, max_size=10, init=_prepare) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


async def connected(request: Request) -> AsyncIterator[Any]:
    async with request.app.state.pool.acquire() as connection:
        yield connection


Connection = Annotated[Any, Depends(connected)]


async def linked_account(
    connection: Connection, authorization: Annotated[str, Header()], x_account_token: Annotated[str, Header()]
) -> UUID:
    secret_hash = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).digest()
    organization_id = await connection.fetchval(
        "SELECT organization_id FROM linked_accounts_apikey WHERE secret_hash = $1 AND revoked_at IS NULL", secret_hash
    )
    token_hash = hashlib.sha256(x_account_token.encode()).digest()
    account_id: UUID | None = organization_id and await connection.fetchval(
        "SELECT id FROM linked_accounts_linkedaccount WHERE token_hash = $1 AND organization_id = $2",
        token_hash,
        organization_id,
    )
    if account_id is None:
        raise HTTPException(401)
    return account_id


Account = Annotated[UUID, Depends(linked_account)]


@app.get("/api/ats/v1/interviews")
async def list_interviews(
    connection: Connection,
    account: Account,
    page_size: int = 30,
    cursor: str | None = None,
    job_interview_stage_id: UUID | None = None,
    modified_after: datetime | None = None,
    expand: str | None = None,
    include_remote_data: bool = False,
) -> Page:
    conditions, values = ["i.linked_account_id = $1", "NOT i.remote_was_deleted", "NOT i.is_shell"], [account]

    def where(condition: str, *given: Any) -> None:
        conditions.append(condition.format(*(f"${len(values) + place}" for place in range(1, len(given) + 1))))
        values.extend(given)

    if cursor:
        where("(i.created_at, i.id) > ({}, {})", *cursors.decode(cursor))
    if job_interview_stage_id:
        where("i.job_interview_stage_id = {}", job_interview_stage_id)
    if modified_after:
        where("i.modified_at >= {}", modified_after)
    rows = await connection.fetch(
        INTERVIEWS.format(ORIGINALS if include_remote_data else "NULL::json")
        + f"WHERE {' AND '.join(conditions)} ORDER BY i.created_at, i.id LIMIT {page_size + 1}",
        *values,
    )
    results = [_record(row) for row in rows[:page_size]]
    if expand:
        await _expand(connection, account, results)
    return Page.model_validate(
        {
            "next": cursors.encode(results[-1]["created_at"], results[-1]["id"]) if len(rows) > page_size else None,
            "previous": cursors.encode(results[0]["created_at"], results[0]["id"]) if cursor and results else None,
            "results": results,
        }
    )


@app.get("/api/ats/v1/interviews/{id}")
async def retrieve_interview(connection: Connection, account: Account, id: UUID) -> ScheduledInterview:
    row = await connection.fetchrow(
        INTERVIEWS.format("NULL::json") + "WHERE i.linked_account_id = $1 AND i.id = $2", account, id
    )
    if row is None:
        raise HTTPException(404)
    return ScheduledInterview.model_validate(_record(row))


def _record(row: Any) -> dict[str, Any]:
    record = dict(row)
    record["field_mappings"] = record["field_mappings"] or MAPPINGS
    return record


async def _expand(connection: Any, account: UUID, results: list[dict[str, Any]]) -> None:
    people = {id for row in results for id in (row["organizer"], *row["interviewers"]) if id}
    related: dict[UUID, Any] = {}
    for sql, ids in (
        (APPLICATIONS, {row["application"] for row in results}),
        (STAGES, {row["job_interview_stage"] for row in results}),
        (USERS, people),
    ):
        related |= {row["id"]: _record(row) for row in await connection.fetch(sql, account, list(ids))}
    for row in results:
        for name in ("application", "job_interview_stage", "organizer"):
            row[name] = related.get(row[name])
        row["interviewers"] = [related[id] for id in row["interviewers"]]
