"""An account of any size among small ones, deterministic, made inside PostgreSQL."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection

from linked_accounts.models import LinkedAccount, Organization

SMALL_ACCOUNTS = 99
CREATED_IN_A_BATCH = 500  # rows of one transaction of a sync share their time

# An id that looks random and is the same in every run.
ID = "md5(%(account)s || '{model}' || {number})::uuid"


def _id(model: str, number: str) -> str:
    return ID.format(model=model, number=f"({number})")


COMMON = "linked_account_id, remote_id, created_at, modified_at, remote_was_deleted, is_shell"
# Batches a minute apart; one row in 120 changed within two months, one in 50 was deleted, one in 200 is a shell.
VALUES = f"""
    %(account)s::uuid, n::text,
    '2026-01-01Z'::timestamptz + (n / {CREATED_IN_A_BATCH}) * interval '1 minute',
    '2026-01-01Z'::timestamptz + (n / {CREATED_IN_A_BATCH}) * interval '1 minute'
        + CASE WHEN n %% 120 = 0 THEN (n %% 86400) * interval '1 minute' ELSE interval '0' END,
    n %% 50 = 0, n %% 200 = 1
"""

STATEMENTS = [
    f"INSERT INTO remote_users_remoteuser (id, {COMMON}, first_name, email) "
    f"SELECT {_id('user', 'n')}, {VALUES}, 'User ' || n, 'user' || n || '@example.com' "
    "FROM generate_series(1, %(users)s) n",
    f"INSERT INTO applications_jobinterviewstage (id, {COMMON}, name, stage_order) "
    f"SELECT {_id('stage', 'n')}, {VALUES}, 'Stage ' || n, n FROM generate_series(1, 40) n",
    f"INSERT INTO applications_job (id, {COMMON}, name) "
    f"SELECT {_id('job', 'n')}, {VALUES}, 'Job ' || n FROM generate_series(1, 200) n",
    f"INSERT INTO applications_application (id, {COMMON}, job_id, current_stage_id, source) "
    f"SELECT {_id('application', 'n')}, {VALUES}, {_id('job', 'n %% 200 + 1')}, {_id('stage', 'n %% 40 + 1')}, "
    "'Source ' || n %% 30 FROM generate_series(1, %(applications)s) n",
    f"INSERT INTO interviews_scheduledinterview (id, {COMMON}, application_id, job_interview_stage_id, organizer_id, "
    "interviewers, location, start_at, end_at, status, remote_status) "
    f"SELECT {_id('interview', 'n')}, {VALUES}, {_id('application', 'n %% %(applications)s + 1')}, "
    f"{_id('stage', 'n %% 40 + 1')}, {_id('user', 'n %% %(users)s + 1')}, "
    f"ARRAY[{_id('user', 'n %% %(users)s + 1')}, {_id('user', '(n * 7) %% %(users)s + 1')}], "
    "'Room ' || n %% 100, '2026-06-01Z'::timestamptz + n * interval '1 minute', "
    "'2026-06-01Z'::timestamptz + (n + 45) * interval '1 minute', 'SCHEDULED', 'scheduled' "
    "FROM generate_series(1, %(interviews)s) n",
]


@dataclass(frozen=True, slots=True)
class Dataset:
    account: LinkedAccount
    interviews: int
    users: int
    applications: int

    def id_of(self, model: str, number: int) -> uuid.UUID:
        """Return the id of the big account's user, stage, job, application or interview of that number, from 1."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {_id(model, str(number))}", {"account": str(self.account.id)})
            found: uuid.UUID = cursor.fetchone()[0]
        return found


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
def dataset(interviews: int) -> Iterator[Dataset]:
    """Make a database of its own with one account of so many interviews and 99 of a hundredth each."""
    with scratch_database():
        organization = Organization.objects.create(name="Benchmark")
        big = _fill(organization, "big", interviews)
        for number in range(SMALL_ACCOUNTS):
            _fill(organization, f"small {number}", max(1, interviews // 100))
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        yield big


def _fill(organization: Organization, origin_id: str, interviews: int) -> Dataset:
    account = LinkedAccount(
        id=uuid.uuid5(uuid.NAMESPACE_OID, origin_id),
        organization=organization,
        platform="greenhouse",
        end_user_origin_id=origin_id,
        end_user_organization_name=origin_id,
        end_user_email_address="benchmark@example.com",
    )
    account.issue_token()
    account.save()
    sizes = {"interviews": interviews, "applications": max(1, interviews // 4), "users": min(500, interviews)}
    with connection.cursor() as cursor:
        for statement in STATEMENTS:
            cursor.execute(statement, {"account": str(account.id), **sizes})
    return Dataset(account=account, **sizes)
