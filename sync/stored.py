"""Answers connectors, and the sync itself, about what is stored of an account."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from psycopg.sql import SQL, Composable, Identifier

from connectors.payloads import load
from connectors.records import Whole
from connectors.stored import StoredApplication
from sync.resources import BY_NAME, Resource
from sync.rows import array
from unified.identity import unified_key

CHUNK = 500
NOBODY = "00000000-0000-0000-0000-000000000000"


class StoredRecords:
    """See connectors.stored.Stored.

    `listed` names the models whose full listing the running sync has read. Those in `complete` will not come along with
    other listings either.
    """

    def __init__(self, account_id: uuid.UUID) -> None:
        self.account_id = account_id
        self.listed: set[str] = set()
        self.complete: set[str] = set()

    def known(self, model_name: str, remote_ids: Collection[str]) -> set[str]:
        keys = {unified_key(self.account_id, model_name, remote_id): remote_id for remote_id in remote_ids}
        resource = BY_NAME[model_name]
        return {keys[key] for key in self._present(resource, keys, self._is_there(resource))}

    def present(self, resource: Resource, keys: Iterable[str]) -> set[str]:
        """Return which keys are those of records that are there, as far as can be told yet."""
        return self._present(resource, keys, self._is_there(resource, unseen=resource.name not in self.complete))

    def _present(self, resource: Resource, keys: Iterable[str], condition: Composable) -> set[str]:
        statement = SQL("SELECT encode(uuid_send(record.id), 'hex') FROM {} record WHERE id = ANY(%s::uuid[]) AND {}")
        table = Identifier(resource.model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(statement.format(table, condition), [array(keys)])
            return {key for (key,) in cursor.fetchall()}

    def applications(self, remote_ids: Collection[str]) -> Mapping[str, StoredApplication]:
        keys = [unified_key(self.account_id, "Application", remote_id) for remote_id in remote_ids]
        found = self._applications(SQL("record.id = ANY(%s::uuid[])"), [array(keys)])
        return {application.remote_id: application for application in found}

    def applications_of(
        self, pairs: Collection[tuple[str, str]]
    ) -> Mapping[tuple[str, str], tuple[StoredApplication, ...]]:
        candidates = array(unified_key(self.account_id, "Candidate", candidate) for candidate, _ in pairs)
        jobs = array(unified_key(self.account_id, "Job", job) for _, job in pairs)
        condition = SQL(
            "record.linked_account_id = %s AND record.candidate_id = ANY(%s::uuid[])"
            " AND (record.candidate_id, record.job_id) IN (SELECT * FROM unnest(%s::uuid[], %s::uuid[]))"
        )
        found: defaultdict[tuple[str, str], list[StoredApplication]] = defaultdict(list)
        for one in self._applications(condition, [self.account_id, candidates, candidates, jobs]):
            found[str(one.candidate), str(one.job)].append(one)
        return {pair: tuple(applications) for pair, applications in found.items()}

    def all_applications(self) -> Iterator[StoredApplication]:
        condition = SQL("record.linked_account_id = %s AND record.id > %s ORDER BY record.id LIMIT %s")
        beyond = NOBODY
        while True:
            chunk = self._applications(condition, [self.account_id, beyond, CHUNK], with_originals=True)
            yield from chunk
            if len(chunk) < CHUNK:
                return
            beyond = unified_key(self.account_id, "Application", chunk[-1].remote_id)

    def applications_to_interview(self, *, after: datetime, limit: int) -> tuple[str, ...]:
        statement = SQL(
            "SELECT application.remote_id FROM {interview} record JOIN {application} application"
            " ON application.id = record.application_id WHERE record.linked_account_id = %s AND record.start_at > %s"
            " AND {is_there} GROUP BY application.remote_id ORDER BY min(record.start_at), application.remote_id"
            " LIMIT %s"
        ).format(
            interview=Identifier(BY_NAME["ScheduledInterview"].model._meta.db_table),
            application=Identifier(BY_NAME["Application"].model._meta.db_table),
            is_there=self._is_there(BY_NAME["ScheduledInterview"]),
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [self.account_id, after, limit])
            return tuple(remote_id for (remote_id,) in cursor.fetchall())

    def outside(self, wholes: Sequence[Whole]) -> list[str]:
        """Return the keys of interviews that these groups no longer hold. Of the same group the last one counts."""
        groups = {whole.group: whole.remote_ids for whole in wholes}
        interview = BY_NAME["ScheduledInterview"]
        statement = SQL(
            "SELECT encode(uuid_send(record.id), 'hex'), record.remote_group, record.remote_id FROM {} record"
            " WHERE record.linked_account_id = %s AND record.remote_group = ANY(%s) AND {}"
        ).format(Identifier(interview.model._meta.db_table), self._is_there(interview))
        with connection.cursor() as cursor:
            cursor.execute(statement, [self.account_id, list(groups)])
            return [key for key, group, remote_id in cursor.fetchall() if remote_id not in groups[group]]

    def _applications(
        self, condition: Composable, parameters: Sequence[Any], *, with_originals: bool = False
    ) -> list[StoredApplication]:
        application = BY_NAME["Application"]
        statement = SQL(
            "SELECT record.remote_id, candidate.remote_id, job.remote_id, stage.remote_id, {originals}"
            " FROM {application} record LEFT JOIN {candidate} candidate ON candidate.id = record.candidate_id"
            " LEFT JOIN {job} job ON job.id = record.job_id"
            " LEFT JOIN {stage} stage ON stage.id = record.current_stage_id"
            " LEFT JOIN {side} originals ON {wants_originals} AND originals.record_id = record.id"
            " WHERE {is_there} AND {condition}"
        ).format(
            originals=SQL("originals.entries::text"),
            wants_originals=SQL("true" if with_originals else "false"),
            application=Identifier(application.model._meta.db_table),
            candidate=Identifier(BY_NAME["Candidate"].model._meta.db_table),
            job=Identifier(BY_NAME["Job"].model._meta.db_table),
            stage=Identifier(BY_NAME["JobInterviewStage"].model._meta.db_table),
            side=Identifier(application.remote_data_model._meta.db_table),
            is_there=self._is_there(application),
            condition=condition,
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return [
                StoredApplication(
                    remote_id=remote_id,
                    candidate=candidate,
                    job=job,
                    current_stage=stage,
                    originals=_by_path(entries) if entries else {},
                )
                for remote_id, candidate, job, stage, entries in cursor.fetchall()
            ]

    def _is_there(self, resource: Resource, *, unseen: bool = False) -> Composable:
        condition = SQL("NOT record.is_shell AND NOT record.remote_was_deleted AND record.remote_id IS NOT NULL")
        if unseen or resource.name not in self.listed:
            return condition
        return condition + SQL(" AND NOT EXISTS (SELECT FROM pg_temp.sync_unseen WHERE sync_unseen.id = record.id)")


def _by_path(entries: str) -> dict[str, Any]:
    return {entry["path"]: entry["data"] for entry in load(entries)}
