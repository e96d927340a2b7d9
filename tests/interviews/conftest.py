from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import registry
from connectors.base import Connector, Credential, ModelSupport
from connectors.creation import Creation, FieldProblem, InterviewDraft, Parameter, WrittenInterview
from connectors.records import Choice, Gone, Original, ScheduledInterviewRecord
from linked_accounts.models import LinkedAccount
from tests.conftest import Api
from tests.factories import (
    ApplicationFactory,
    CandidateFactory,
    JobFactory,
    JobInterviewStageFactory,
    LinkedAccountFactory,
    RemoteUserFactory,
)

START = datetime(2027, 1, 4, 9, tzinfo=UTC)
CREATION = Creation(
    fields={
        "application": "An application.",
        "interviewers": "At least one.",
        "start_at": "When it starts.",
        "end_at": "When it ends.",
        "location": "A place.",
        "organizer": "Who invites.",
        "job_interview_stage": "A stage.",
        "status": "Always scheduled.",
    },
    required=frozenset({"application", "interviewers", "start_at", "end_at"}),
    choices={"status": {"SCHEDULED": "On the calendar."}},
    integration_params=(
        Parameter(name="kind", description="Which kind.", choices=("call", "visit"), aliases=("type",)),
        Parameter(name="minutes", description="How long.", type="integer"),
    ),
)


@dataclass
class Platform:
    """A platform that creates what it is asked to, or does what a test says."""

    drafts: list[InterviewDraft] = field(default_factory=list)
    answer: Callable[[InterviewDraft], Any] | None = None

    def create(self, draft: InterviewDraft) -> WrittenInterview:
        self.drafts.append(draft)
        if self.answer:
            self.answer(draft)
        return self.written(f"i{len(self.drafts)}", draft)

    @staticmethod
    def written(remote_id: str, draft: InterviewDraft) -> WrittenInterview:
        record = ScheduledInterviewRecord(
            remote_id=remote_id,
            application=draft.application and draft.application.remote_id,
            interviewers=draft.interviewers,
            location=draft.location,
            start_at=draft.start_at,
            end_at=draft.end_at,
            status=Choice("SCHEDULED", "booked"),
            remote_data=(Original("/interviews", {"id": remote_id}),),
        )
        return WrittenInterview(remote_id=remote_id, entries=(record,))


@pytest.fixture
def platform(monkeypatch) -> Platform:
    """Return the only platform there is."""
    platform = Platform()

    class FakeConnector(Connector):
        slug, name = "fake", "Fake ATS"
        default_base_url = "https://ats.example"
        credentials = (Credential(name="api_key", label="API key"),)
        models = {"ScheduledInterview": ModelSupport(fields=frozenset())}
        creations = {"ScheduledInterview": CREATION}
        updates = {"ScheduledInterview": replace(CREATION, required=frozenset())}
        cancels_interviews = True

        def problems_of(self, draft):
            if draft.start_at and draft.end_at and draft.end_at <= draft.start_at:
                yield FieldProblem(
                    problem_type="INVALID_FIELD_CHOICE", detail="It ends before it starts.", pointer="model/end_at"
                )

        def create_interview(self, draft):
            return platform.create(draft)

        def update_interview(self, interview, draft):
            platform.drafts.append(draft)
            if platform.answer:
                platform.answer(draft)
            return platform.written(interview.remote_id, replace(draft, application=interview.application))

        def cancel_interview(self, interview, *, acting_user):
            return [Gone(model_name="ScheduledInterview", remote_id=interview.remote_id)]

    monkeypatch.setattr(registry, "connectors", lambda: {"fake": FakeConnector})
    platform.connector = FakeConnector
    return platform


@pytest.fixture
def account(platform, transactional_db) -> LinkedAccount:
    return LinkedAccountFactory(platform="fake", credentials={"api_key": "secret"})


class WritingApi(Api):
    def send(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        send = getattr(self.client, method)
        return send(f"/api/ats/v1/{path}", body, content_type="application/json", query_params=query)


@pytest.fixture
def api(account) -> WritingApi:
    return WritingApi(account)


@pytest.fixture
def model(account) -> dict[str, Any]:
    """Return what it takes to create an interview."""
    application = ApplicationFactory(
        linked_account=account,
        remote_id="a1",
        candidate=CandidateFactory(linked_account=account, remote_id="c1"),
        job=JobFactory(linked_account=account, remote_id="j1"),
        current_stage=JobInterviewStageFactory(linked_account=account, remote_id="s1"),
    )
    users = [RemoteUserFactory(linked_account=account, remote_id=f"u{number}") for number in (1, 2)]
    return {
        "application": str(application.id),
        "interviewers": [str(user.id) for user in users],
        "start_at": "2027-01-04T10:00:00+01:00",
        "end_at": "2027-01-04T10:00:00Z",
    }
