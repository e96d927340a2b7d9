"""Merge's own client, unmodified, against the running server: only its base URL differs."""

from datetime import UTC, datetime, timedelta

import pytest
from merge import Merge
from merge.core.api_error import ApiError

from linked_accounts.models import AccountType
from remote_users.models import RemoteUserRemoteData
from tests.factories import (
    ApiKeyFactory,
    ApplicationFactory,
    CandidateFactory,
    JobFactory,
    JobInterviewStageFactory,
    LinkedAccountFactory,
    RejectReasonFactory,
    RemoteUserFactory,
    ScheduledInterviewFactory,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def account(transactional_db):
    return LinkedAccountFactory()


@pytest.fixture
def merge(account, live_server):
    key = ApiKeyFactory(organization=account.organization)
    return Merge(api_key=key.secret, account_token=account.token, base_url=f"{live_server.url}/api")


@pytest.fixture
def interview(account):
    ana, bo = (RemoteUserFactory(linked_account=account, first_name=name, email=f"{name}@x.example") for name in "AB")
    job = JobFactory(linked_account=account, name="Accountant")
    stage = JobInterviewStageFactory(linked_account=account, name="Onsite", job=job, stage_order=2)
    application = ApplicationFactory(
        linked_account=account,
        candidate=CandidateFactory(linked_account=account, first_name="Cy"),
        job=job,
        current_stage=stage,
        credited_to=bo,
        reject_reason=RejectReasonFactory(linked_account=account, name="Other"),
        applied_at=START,
        source="Referral",
    )
    return ScheduledInterviewFactory(
        linked_account=account,
        application=application,
        job_interview_stage=stage,
        organizer=ana,
        interviewers=[bo.id, ana.id],
        start_at=START,
        status="SCHEDULED",
        remote_status="scheduled",
    )


def test_an_interview_is_listed_and_retrieved(merge, interview):
    (listed,) = merge.ats.interviews.list().results
    retrieved = merge.ats.interviews.retrieve(str(interview.id))

    assert listed == retrieved
    assert listed.id == str(interview.id)
    assert listed.start_at == START
    assert listed.interviewers == [str(id) for id in interview.interviewers]
    assert listed.status == "SCHEDULED"
    assert listed.remote_was_deleted is False


def test_expansions_arrive_as_objects(merge, interview):
    expanded = merge.ats.interviews.retrieve(
        str(interview.id), expand="application,interviewers,job_interview_stage,organizer"
    )
    application = merge.ats.applications.retrieve(
        str(interview.application_id), expand="candidate,credited_to,current_stage,job,reject_reason,offers"
    )

    assert expanded.application.source == "Referral"
    assert [user.first_name for user in expanded.interviewers] == ["B", "A"]
    assert expanded.job_interview_stage.stage_order == 2
    assert expanded.organizer.first_name == "A"
    assert application.candidate.first_name == "Cy"
    assert application.credited_to.first_name == "B"
    assert application.current_stage.name == "Onsite"
    assert application.job.name == "Accountant"
    assert application.reject_reason.name == "Other"
    assert application.offers == []


def test_all_models_are_listed_and_retrieved(merge, interview):
    for client, instance in [
        (merge.ats.applications, interview.application),
        (merge.ats.job_interview_stages, interview.job_interview_stage),
        (merge.ats.users, interview.organizer),
        (merge.ats.candidates, interview.application.candidate),
        (merge.ats.jobs, interview.application.job),
        (merge.ats.reject_reasons, interview.application.reject_reason),
    ]:
        assert str(instance.id) in [record.id for record in client.list().results]
        assert client.retrieve(str(instance.id)).id == str(instance.id)


def test_filters_of_all_kinds(merge, interview):
    listing = merge.ats.interviews.list
    later = START + timedelta(days=1)

    assert len(listing(application_id=str(interview.application_id)).results) == 1
    assert len(listing(job_id=str(interview.application.job_id)).results) == 1
    assert len(listing(organizer_id=str(interview.interviewers[0])).results) == 0
    assert len(listing(created_after=START, created_before=later, modified_after=START).results) == 1
    assert len(listing(created_after=later.astimezone()).results) == 0
    assert listing(show_enum_origins="status").results[0].status == "scheduled"
    assert listing(remote_fields="status").results[0].status == "scheduled"
    assert len(merge.ats.users.list(email="a@X.example").results) == 1
    assert len(merge.ats.applications.list(source="Referral").results) == 1
    assert len(merge.ats.job_interview_stages.list(job_id=str(interview.application.job_id)).results) == 1


def test_deleted_and_remote_data_on_request(merge, account):
    user = RemoteUserFactory(linked_account=account, remote_was_deleted=True)
    original = {"id": 7, "nested": {"list": [1, None]}}
    RemoteUserRemoteData.objects.create(
        record=user, entries=[{"path": "/users", "data": original}], content_hash=b"0" * 16
    )

    assert merge.ats.users.list().results == []
    (found,) = merge.ats.users.list(include_deleted_data=True, include_remote_data=True).results

    assert found.remote_was_deleted is True
    assert found.remote_data[0].path == "/users"
    assert found.remote_data[0].data == original


def test_paging_to_the_end_and_back(merge, account):
    users = {
        str(RemoteUserFactory(linked_account=account, created_at=START + timedelta(seconds=n // 4)).id)
        for n in range(23)
    }

    pages = [merge.ats.users.list(page_size=5)]
    while pages[-1].next:
        pages.append(merge.ats.users.list(page_size=5, cursor=pages[-1].next))
    back = [pages[-1]]
    while back[-1].previous:
        back.append(merge.ats.users.list(page_size=5, cursor=back[-1].previous))

    seen = [user.id for page in pages for user in page.results]
    assert len(seen) == 23
    assert set(seen) == users
    assert [page.results for page in back[::-1]] == [page.results for page in pages]


def test_errors_carry_status_and_body(merge, account, live_server):
    with pytest.raises(ApiError) as bad:
        merge.ats.interviews.list(page_size=0, expand="nonsense")
    with pytest.raises(ApiError) as missing:
        merge.ats.users.retrieve("b8faf072-98b9-4445-8a9a-6b4950efca19")
    with pytest.raises(ApiError) as lost:
        merge.ats.users.list(cursor="nonsense")
    with pytest.raises(ApiError) as stranger:
        Merge(api_key="x", account_token="y", base_url=f"{live_server.url}/api").ats.users.list()

    assert (bad.value.status_code, set(bad.value.body)) == (400, {"page_size", "expand"})
    assert (missing.value.status_code, missing.value.body) == (404, {"detail": "Not found."})
    assert (lost.value.status_code, lost.value.body) == (404, {"detail": "Invalid cursor"})
    assert (stranger.value.status_code, stranger.value.body) == (401, {"detail": "Invalid token."})


def test_the_accounts_plumbing(merge, account):
    LinkedAccountFactory(organization=account.organization, account_type=AccountType.TEST)

    details = merge.ats.account_details.retrieve()
    actions = merge.ats.available_actions.retrieve()
    (listed,) = merge.ats.linked_accounts.list().results

    assert (details.id, details.integration, details.integration_slug) == (str(account.id), "Greenhouse", "greenhouse")
    assert details.status == "COMPLETE"
    assert details.category == "ats"
    assert actions.integration.slug == "greenhouse"
    by_model = {entry.model_name: entry for entry in actions.available_model_operations}
    assert by_model["ScheduledInterview"].available_operations == ["FETCH", "CREATE"]
    assert "start_at" in by_model["ScheduledInterview"].supported_fields
    assert listed.id == str(account.id)
    assert listed.integration.name == "Greenhouse"
    assert merge.ats.linked_accounts.list(is_test_account="true").results == []
    assert len(merge.ats.linked_accounts.list(integration_name="Greenhouse", status="COMPLETE").results) == 1
    assert merge.ats.linked_accounts.list(end_user_origin_id="nobody").results == []


def test_meta_tells_what_creating_takes(merge):
    interviews = merge.ats.interviews.meta_post_retrieve()
    applications = merge.ats.applications.meta_post_retrieve(application_remote_template_id="x")

    model = interviews.request_schema["properties"]["model"]
    assert set(model["required"]) == {"application", "interviewers", "start_at", "end_at"}
    assert model["properties"]["interviewers"]["items"] == {"type": "string", "format": "uuid"}
    assert model["properties"]["status"]["enum_information"][0]["value"] == "SCHEDULED"
    assert interviews.status.linked_account_status == "COMPLETE"
    assert applications.request_schema["properties"]["model"]["properties"] == {}
    assert applications.status.can_make_request is False
