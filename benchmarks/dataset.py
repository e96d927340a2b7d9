"""An account of any size among small ones, deterministic, made inside PostgreSQL.

    python -m benchmarks.dataset --interviews 1000000 --keep

Makes the database once; whatever measures takes the same options and uses it again. Without `--keep` a database lives
as long as the measurement. Tables that the service does not have are for its peers: see `PEER_STATEMENTS`.
"""

import argparse
import hashlib
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import Any

from django.core.management import call_command
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor
from psycopg.sql import SQL, Identifier

from api.printing import FORMAT as PRINTED_FORMAT
from api.printing import printing
from applications.models import Application, Candidate, Job, JobInterviewStage
from interviews.models import ScheduledInterview, ScheduledInterviewRemoteData
from linked_accounts.models import LinkedAccount, Organization
from remote_users.models import RemoteUser
from sync.resources import BY_NAME

SMALL_ACCOUNTS = 99
CREATED_IN_A_BATCH = 500  # rows of one transaction of a sync share their time

# An id that looks random and is the same in every run.
ID = "md5(%(account)s || '{model}' || {number})::uuid"


def _id(model: str, number: str) -> str:
    return ID.format(model=model, number=f"({number})")


# Batches a minute apart; one row in 61 changed within two months, one in 50 was deleted, one in 200 is a shell.
CREATED_AT = f"'2026-01-01Z'::timestamptz + (n / {CREATED_IN_A_BATCH}) * interval '1 minute'"
COMMON = {
    "linked_account_id": "%(account)s::uuid",
    "remote_id": "n::text",
    "created_at": CREATED_AT,
    "modified_at": f"{CREATED_AT} + CASE WHEN n %% 61 = 0 "
    "THEN (n::bigint * 7919 %% 86400) * interval '1 minute' + (n %% 60) * interval '1 second' ELSE interval '0' END",
    "remote_was_deleted": "n %% 50 = 0",
    "is_shell": "n %% 200 = 1",
    "content_hash": "decode(md5(n::text), 'hex')",
}


def _insert(model: type[models.Model], name: str, own: dict[str, str], source: str) -> str:
    """Return what makes a model's rows, which lie where updates leave them: in the order of their last change."""
    values = {"id": _id(name, "n"), **COMMON, **own}
    every = {field.column: f"NULL::{field.db_type(connection)}" for field in model._meta.fields} | values
    row = ", ".join(f"{value} AS {column}" for column, value in every.items())
    columns = ", ".join(values)
    return (
        f"INSERT INTO {model._meta.db_table} ({columns}, printed, printed_format) "
        f"SELECT {columns}, {printing(BY_NAME[model.__name__].serializer)}, {PRINTED_FORMAT} "
        f"FROM (SELECT {row} FROM generate_series(1, {source}) t ORDER BY modified_at, created_at"
    )


APPLICATION = "n %% %(applications)s + 1"
JOB = "{} %% 200 + 1"
START_AT = "'2026-06-01Z'::timestamptz + (n %% 500000) * interval '1 minute'"
# 4.3 people on average, and never the same one twice: a slice of a list that holds everybody twice.
PANEL_SIZE = "least(%(users)s, ('{2,3,3,4,4,4,5,5,6,7}'::int[])[n %% 10 + 1])"
PANEL_START = "n::bigint * 37 %% %(users)s"
PEOPLE = f"(SELECT array_agg({_id('user', 'g %% %(users)s + 1')} ORDER BY g) AS ids "
PEOPLE += "FROM generate_series(0, 2 * %(users)s - 1) g) people"

STATEMENTS = [
    _insert(
        RemoteUser,
        "user",
        {
            "first_name": "'User'",
            "last_name": "'Number ' || n",
            "email": "'user.number.' || n || '@example.com'",
            "disabled": "n %% 20 = 0",
            "remote_created_at": "'2023-02-14T09:30:00Z'::timestamptz + n * interval '1 day'",
            "access_role": "'INTERVIEWER'",
            "remote_access_role": "'interviewer'",
        },
        "%(users)s) n",
    ),
    _insert(JobInterviewStage, "stage", {"name": "'Stage ' || n", "stage_order": "n"}, "40) n"),
    _insert(Job, "job", {"name": "'Job ' || n"}, "200) n"),
    _insert(Candidate, "candidate", {"first_name": "'Candidate'", "last_name": "'No. ' || n"}, "%(applications)s) n"),
    _insert(
        Application,
        "application",
        {
            "candidate_id": _id("candidate", "n"),
            "job_id": _id("job", JOB.format("n")),
            "current_stage_id": _id("stage", "n %% 40 + 1"),
            "applied_at": f"{CREATED_AT} - interval '9 days'",
            "source": "'Source ' || n %% 30",
        },
        "%(applications)s) n",
    ),
    _insert(
        ScheduledInterview,
        "interview",
        {
            "application_id": _id("application", APPLICATION),
            "job_interview_stage_id": _id("stage", "n %% 40 + 1"),
            "organizer_id": _id("user", "n %% %(users)s + 1"),
            "interviewers": f"people.ids[{PANEL_START} + 1 : {PANEL_START} + {PANEL_SIZE}]",
            "location": "'https://video.example.com/j/' || 1200000000 + n",
            "start_at": START_AT,
            "end_at": f"{START_AT} + interval '45 minutes'",
            "remote_created_at": f"{CREATED_AT} - interval '2 days'",
            "remote_updated_at": f"{CREATED_AT} - interval '1 day'",
            "status": "('{SCHEDULED,AWAITING_FEEDBACK,COMPLETE}'::text[])[n %% 3 + 1]",
            "remote_status": "('{scheduled,awaiting_feedback,complete}'::text[])[n %% 3 + 1]",
            "job_id": _id("job", JOB.format(f"({APPLICATION})")),
        },
        f"%(interviews)s) n, {PEOPLE}",
    ),
]

# About 1.5 kB, which stays inside the heap.
_PERSON = '{"id":%1$s00%{0},"first_name":"User","last_name":"Number %{0}","name":"User Number %{0}","employee_id":null,'
_PERSON += '"email":"user.number.%{0}@example.com","response_status":"needs_action","scorecard_id":null}'
_PAYLOAD = (
    '[{"path":"/scheduled_interviews","data":{"id":%1$s,"application_id":9%1$s,"external_event_id":"event-%6$s",'
    '"created_at":"2026-01-01T00:00:00.000Z","updated_at":"2026-01-02T00:00:00.000Z","start":{"date_time":'
    '"2026-06-01T09:00:00.000Z"},"end":{"date_time":"2026-06-01T09:45:00.000Z"},"location":null,'
    '"video_conferencing_url":"https://video.example.com/j/%1$s","status":"scheduled","interview":{"id":%5$s,"name":'
    '"Stage %5$s"},"interview_kit":{"id":%5$s,"content":"'
    + "Please ask about what the candidate has built lately. " * 3
    + '"},"organizer":'
    + _PERSON.replace("%{0}", "%2$s")
    + ',"interviewers":['
    + ",".join(_PERSON.replace("%{0}", f"%{place}$s") for place in (2, 3, 4, 5))
    + "]}}]"
).replace("%", "%%")
ORIGINALS = (
    f"INSERT INTO {ScheduledInterviewRemoteData._meta.db_table} (record_id, entries, content_hash) "
    f"SELECT {_id('interview', 'n')}, format('{_PAYLOAD}', 1200000 + n, n %% 500 + 1, n * 7::bigint %% 500 + 1, "
    "n * 11::bigint %% 500 + 1, n %% 40 + 1, md5(n::text))::json, decode(md5(n::text), 'hex') "
    "FROM generate_series(1, %(interviews)s) n"
)

_TIME = "coalesce(to_json(to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))::text, 'null')"
_MAPPINGS = '{"organization_defined_targets":{},"linked_account_defined_targets":{}}'


def _printed(*own: str) -> str:
    """Return an expression for a row's public JSON. `own` are columns; fields go without `_id`."""

    def value(column: str) -> str:
        if column.endswith("_at"):
            return _TIME.format(f"t.{column}")
        return f"coalesce(to_json(t.{column})::text, 'null')"

    columns = ["id", "remote_id", "created_at", "modified_at", *own, "remote_was_deleted"]
    parts = [
        f"'\"{column if column == 'remote_id' else column.removesuffix('_id')}\":' || "
        + ("'[]'" if column in ("offers", "screening_question_answers") else value(column))
        for column in columns
    ]
    return "'{' || " + " || ',' || ".join(parts) + f' || \',"field_mappings":{_MAPPINGS},"remote_data":null}}\''


_RELATED = {
    RemoteUser: ("first_name", "last_name", "email", "disabled", "remote_created_at", "access_role"),
    JobInterviewStage: ("name", "job_id", "stage_order"),
    Application: (
        *("candidate_id", "job_id", "applied_at", "rejected_at", "offers", "source", "credited_to_id"),
        *("screening_question_answers", "current_stage_id", "reject_reason_id"),
    ),
}
_INTERVIEW = (
    *("application_id", "job_interview_stage_id", "organizer_id", "interviewers", "location", "start_at", "end_at"),
    *("remote_created_at", "remote_updated_at", "status"),
)
_OF_ACCOUNT = "t WHERE linked_account_id = %(account)s"

# What peers read beside the service's own tables, of the big account only: a join table such as Django makes for a
# ManyToManyField, and texts printed when the row was written. The latter stay whatever our own schema comes to.
PEER_STATEMENTS = [
    "CREATE TABLE benchmark_panel (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, "
    "scheduledinterview_id uuid NOT NULL, remoteuser_id uuid NOT NULL, position smallint NOT NULL)",
    "INSERT INTO benchmark_panel (scheduledinterview_id, remoteuser_id, position) SELECT t.id, person, position "
    f"FROM {ScheduledInterview._meta.db_table} t, unnest(interviewers) WITH ORDINALITY AS seat (person, position) "
    "WHERE linked_account_id = %(account)s",
    "ALTER TABLE benchmark_panel ADD CONSTRAINT benchmark_panel_once UNIQUE (scheduledinterview_id, remoteuser_id)",
    "CREATE INDEX benchmark_panel_interview ON benchmark_panel (scheduledinterview_id)",
    "CREATE INDEX benchmark_panel_user ON benchmark_panel (remoteuser_id)",
    "CREATE TABLE benchmark_printed (id uuid NOT NULL, linked_account_id uuid NOT NULL, "
    "created_at timestamptz NOT NULL, modified_at timestamptz NOT NULL, application_id uuid, "
    "job_interview_stage_id uuid, organizer_id uuid, interviewers uuid[], printed text NOT NULL)",
    "INSERT INTO benchmark_printed SELECT id, linked_account_id, created_at, modified_at, application_id, "
    f"job_interview_stage_id, organizer_id, interviewers, {_printed(*_INTERVIEW)} "
    f"FROM {ScheduledInterview._meta.db_table} {_OF_ACCOUNT} AND NOT remote_was_deleted AND NOT is_shell",
    "ALTER TABLE benchmark_printed ADD PRIMARY KEY (id)",
    "CREATE INDEX benchmark_printed_listed ON benchmark_printed (linked_account_id, created_at, id)",
    "CREATE INDEX benchmark_printed_stage ON benchmark_printed (linked_account_id, job_interview_stage_id, "
    "created_at, id)",
    "CREATE INDEX benchmark_printed_changed ON benchmark_printed (linked_account_id, modified_at, created_at, id) "
    "WHERE modified_at > created_at",
    "CREATE TABLE benchmark_printed_related (id uuid NOT NULL, printed text NOT NULL)",
    *(
        f"INSERT INTO benchmark_printed_related SELECT id, {_printed(*columns)} "
        f"FROM {model._meta.db_table} {_OF_ACCOUNT}"
        for model, columns in _RELATED.items()
    ),
    "ALTER TABLE benchmark_printed_related ADD PRIMARY KEY (id)",
]

FILLED = (RemoteUser, JobInterviewStage, Job, Candidate, Application, ScheduledInterview, ScheduledInterviewRemoteData)
# A kept database with this in its comment was made by the same statements.
FORMAT = hashlib.sha256(repr([STATEMENTS, ORIGINALS, PEER_STATEMENTS]).encode()).hexdigest()[:12]


class WrongSizeError(Exception):
    """A kept database holds another number of interviews than was asked for."""


@dataclass(frozen=True)
class Dataset:
    account: LinkedAccount
    interviews: int

    @property
    def users(self) -> int:
        return min(500, self.interviews)

    @property
    def applications(self) -> int:
        return max(1, self.interviews // 4)

    @cached_property
    def database(self) -> str:
        return str(connection.settings_dict["NAME"])

    def id_of(self, model: str, number: int) -> uuid.UUID:
        """Return the id of the account's user, stage, job, application or interview of that number, from 1."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {_id(model, str(number))}", {"account": str(self.account.id)})
            found: uuid.UUID = cursor.fetchone()[0]
        return found


def add_dataset_arguments(parser: argparse.ArgumentParser, *, interviews: int) -> None:
    parser.add_argument("--interviews", type=int, default=interviews, help="of the big account (default: %(default)s)")
    parser.add_argument(
        "--keep",
        metavar="NAME",
        nargs="?",
        const="",
        help="use the database benchmark_NAME, made when it is not there, and leave it (default name: by its size)",
    )


def settle() -> None:
    """Bring the database into the state in which syncs leave it in the long run.

    Called after every load, and again for a kept database that was migrated since.
    """
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT current_setting('is_superuser')::boolean")
        if cursor.fetchone()[0]:
            cursor.execute("CHECKPOINT")  # which would otherwise come in the middle of a measurement


@contextmanager
def scratch_database() -> Iterator[str]:
    """Make an empty database of its own, which is gone in the end, and yield its name."""
    usual_name = connection.settings_dict["NAME"]
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield name
    finally:
        connection.creation.destroy_test_db(usual_name, verbosity=0)


@contextmanager
def dataset(interviews: int, keep: str | None = None, *, is_bare: bool = False) -> Iterator[Dataset]:
    """Use a database of its own with one account of so many interviews and 99 of a hundredth each.

    `keep` names it for the next time; empty, its size does. Raises WrongSizeError where it has another. A bare one has
    no originals, and nothing that only peers read: of ten million interviews it takes half of the room.
    """
    if keep is None:
        with scratch_database():
            yield _load(interviews, is_bare)
        return
    usual_name, test = connection.settings_dict["NAME"], connection.settings_dict["TEST"]
    try:
        yield _kept(f"benchmark_{'bare_' if is_bare else ''}{keep or interviews}", interviews, is_bare)
    finally:
        connection.close()
        connection.settings_dict |= {"NAME": usual_name, "TEST": test}


def _kept(name: str, interviews: int, is_bare: bool) -> Dataset:
    made = f"{FORMAT}/{interviews}"
    found = _comment(name)
    if found is not None and found.startswith(f"{FORMAT}/") and found != made:
        raise WrongSizeError(f"{name} has {found.partition('/')[2]} interviews, not {interviews}: choose another name.")
    if found != made:
        _say(f"making {name} …")
        with connection._nodb_cursor() as cursor:
            cursor.execute(SQL("DROP DATABASE IF EXISTS {}").format(Identifier(name)))
    connection.settings_dict["TEST"] = {**connection.settings_dict["TEST"], "NAME": name}
    if found != made:
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        data = _load(interviews, is_bare)
        with connection.cursor() as cursor:
            cursor.execute(SQL("COMMENT ON DATABASE {} IS {}").format(Identifier(name), made))
        return data
    if not _is_migrated(name):
        call_command("migrate", verbosity=0)
        settle()
    return Dataset(LinkedAccount.objects.get(id=_account_id("big")), interviews)


def _comment(name: str) -> str | None:
    """Return what tells how a database was made, None if there is no such database or it was not finished."""
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name])
        found = cursor.fetchone()
    return found[0] if found else None


def _is_migrated(name: str) -> bool:
    connection.close()
    connection.settings_dict["NAME"] = name
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _load(interviews: int, is_bare: bool) -> Dataset:
    organization = Organization.objects.create(name="Benchmark")
    big = Dataset(make_account(organization, "big"), interviews)
    small = [
        Dataset(make_account(organization, f"small {number}"), max(1, interviews // 100))
        for number in range(SMALL_ACCOUNTS)
    ]
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        with _without_indexes(cursor):
            for data in (big, *small):
                for statement in STATEMENTS:
                    cursor.execute(statement, _parameters(data))
            if not is_bare:
                cursor.execute(ORIGINALS, _parameters(big))
        if not is_bare:
            for statement in PEER_STATEMENTS:
                cursor.execute(statement, _parameters(big))
        cursor.execute("RESET synchronous_commit")
    settle()
    return big


def _parameters(data: Dataset) -> dict[str, Any]:
    return {
        "account": str(data.account.id),
        "interviews": data.interviews,
        "applications": data.applications,
        "users": data.users,
    }


@contextmanager
def _without_indexes(cursor: Any) -> Iterator[None]:
    """Make the indexes of the filled tables at the end: a third of the time that keeping them up takes."""
    remade = []
    for model in FILLED:
        table = Identifier(model._meta.db_table)
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = %s::regclass AND contype IN ('p', 'u')",
            [model._meta.db_table],
        )
        for name, definition in cursor.fetchall():
            cursor.execute(SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, Identifier(name)))
            remade.append(SQL("ALTER TABLE {} ADD CONSTRAINT {} ").format(table, Identifier(name)) + SQL(definition))
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", [model._meta.db_table])
        for name, definition in cursor.fetchall():
            cursor.execute(SQL("DROP INDEX {}").format(Identifier(name)))
            remade.append(SQL(definition) + SQL(""))
    yield
    for statement in remade:
        cursor.execute(statement)


def _account_id(origin_id: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_OID, origin_id)


def make_account(organization: Organization, origin_id: str) -> LinkedAccount:
    """Store an account without records; its id follows from its origin id."""
    account = LinkedAccount(
        id=_account_id(origin_id),
        organization=organization,
        platform="greenhouse",
        end_user_origin_id=origin_id,
        end_user_organization_name=origin_id,
        end_user_email_address="benchmark@example.com",
        status=LinkedAccount.Status.COMPLETE,
    )
    account.issue_token()
    account.save()
    return account


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_dataset_arguments(parser, interviews=1_000_000)
    arguments = parser.parse_args()
    started_at = perf_counter()
    try:
        with dataset(arguments.interviews, arguments.keep) as data, connection.cursor() as cursor:
            cursor.execute(
                "SELECT relname, pg_relation_size(oid) >> 20, pg_indexes_size(oid) >> 20, reltuples::bigint "
                "FROM pg_class WHERE relkind = 'r' AND pg_relation_size(oid) > 1 << 20 ORDER BY 2 DESC"
            )
            print(f"{data.database}: {data.interviews:,} interviews, {perf_counter() - started_at:.0f} s")
            for table, heap, indexes, rows in cursor.fetchall():
                print(f"{table:48}{rows:12,} rows{heap:8,} MB{indexes:8,} MB of indexes")
    except WrongSizeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
