import itertools
import random
from datetime import timedelta

import pytest

from interviews.models import ScheduledInterviewRemoteData
from remote_users.models import RemoteUserRemoteData
from tests import factories
from tests.contracts.asking import START


@pytest.fixture
def company(account):
    """Rows of every model with every mixture of absent, deleted, shell, changed and simultaneous."""
    chance = random.Random(7)
    common = itertools.count()

    def make(factory, **values):
        created_at = START + timedelta(seconds=chance.randrange(6))
        changed_at = created_at + timedelta(seconds=chance.choice([0, 0, 3, 7]), microseconds=chance.choice([0, 5]))
        return factory(
            linked_account=account,
            remote_id=str(next(common)),
            created_at=created_at,
            modified_at=changed_at,
            remote_was_deleted=chance.random() < 0.2,
            is_shell=chance.random() < 0.2,
            **values,
        )

    def maybe(values):
        return chance.choice([None, *values])

    users = [
        make(
            factories.RemoteUserFactory,
            email=maybe(["a@x.example", "A@X.example"]),
            disabled=maybe([True, False]),
            access_role=maybe(["ADMIN", "Guru"]),
            remote_access_role=maybe(["Site Admin"]),
            field_mappings=maybe([{"organization_defined_targets": {"team": {"value": 7}}}]),
        )
        for _ in range(12)
    ]
    jobs = [make(factories.JobFactory, name=maybe(["Accountant"])) for _ in range(3)]
    candidates = [make(factories.CandidateFactory, first_name=maybe(["Ana"])) for _ in range(4)]
    reasons = [make(factories.RejectReasonFactory, name=maybe(["Other"])) for _ in range(2)]
    stages = [
        make(factories.JobInterviewStageFactory, name="Onsite", job=maybe(jobs), stage_order=maybe([0, 1]))
        for _ in range(5)
    ]
    applications = [
        make(
            factories.ApplicationFactory,
            candidate=maybe(candidates),
            job=maybe(jobs),
            applied_at=maybe([START]),
            source=maybe(["Referral", "Board"]),
            credited_to=maybe(users),
            current_stage=maybe(stages),
            reject_reason=maybe(reasons),
        )
        for _ in range(12)
    ]
    interviews = [
        make(
            factories.ScheduledInterviewFactory,
            application=maybe(applications),
            job_interview_stage=maybe(stages),
            organizer=maybe(users),
            interviewers=[user.id for user in chance.sample(users, chance.randrange(4))],
            start_at=maybe([START]),
            status=maybe(["SCHEDULED", "to_be_sent"]),
            remote_status=maybe(["scheduled"]),
        )
        for _ in range(40)
    ]
    for model, rows in [(RemoteUserRemoteData, users[::2]), (ScheduledInterviewRemoteData, interviews[::2])]:
        for row in rows:
            model.objects.create(record=row, entries=[{"path": "/x", "data": row.remote_id}], content_hash=b"0" * 16)
    return {
        "application_id": applications,
        "job_id": jobs,
        "job_interview_stage_id": stages,
        "current_stage_id": stages,
        "organizer_id": users,
        "credited_to_id": users,
        "candidate_id": candidates,
        "reject_reason_id": reasons,
    }
