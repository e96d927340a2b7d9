from datetime import UTC, datetime

import pytest

from remote_users.models import RemoteUserRemoteData
from tests.factories import (
    ApplicationFactory,
    JobFactory,
    JobInterviewStageFactory,
    RemoteUserFactory,
    ScheduledInterviewFactory,
)


@pytest.fixture
def interview(account):
    users = [RemoteUserFactory(linked_account=account, first_name=name) for name in ("Ana", "Bo", "Cy")]
    return ScheduledInterviewFactory(
        linked_account=account,
        remote_id="3",
        application=ApplicationFactory(linked_account=account, job=JobFactory(linked_account=account)),
        job_interview_stage=JobInterviewStageFactory(linked_account=account, name="Onsite"),
        organizer=users[0],
        interviewers=[users[2].id, users[0].id, users[1].id],
        location="Embarcadero Center 2",
        start_at=datetime(2021, 10, 15, tzinfo=UTC),
        end_at=datetime(2021, 10, 15, 2, 0, 0, 623204, tzinfo=UTC),
        status="SCHEDULED",
        remote_status="scheduled",
        created_at=datetime(2024, 5, 13, 18, 19, 8, 623204, tzinfo=UTC),
    )


def test_an_interview_has_exactly_the_fields_of_the_contract(api, interview):
    assert api.results("interviews") == [
        {
            "id": str(interview.id),
            "remote_id": "3",
            "created_at": "2024-05-13T18:19:08.623204Z",
            "modified_at": "2024-05-13T18:19:08.623204Z",
            "application": str(interview.application_id),
            "job_interview_stage": str(interview.job_interview_stage_id),
            "organizer": str(interview.organizer_id),
            "interviewers": [str(id) for id in interview.interviewers],
            "location": "Embarcadero Center 2",
            "start_at": "2021-10-15T00:00:00Z",
            "end_at": "2021-10-15T02:00:00.623204Z",
            "remote_created_at": None,
            "remote_updated_at": None,
            "status": "SCHEDULED",
            "remote_was_deleted": False,
            "field_mappings": {"organization_defined_targets": {}, "linked_account_defined_targets": {}},
            "remote_data": None,
        }
    ]


def test_a_record_without_data_has_nulls_and_empty_lists(api, account):
    ScheduledInterviewFactory(linked_account=account)

    (interview,) = api.results("interviews", expand="application,interviewers,job_interview_stage,organizer")

    assert interview["interviewers"] == []
    assert {interview[name] for name in ("application", "job_interview_stage", "organizer", "status")} == {None}


def test_interviewers_expand_in_the_platforms_order(api, interview):
    (record,) = api.results("interviews", expand="interviewers")

    assert [user["first_name"] for user in record["interviewers"]] == ["Cy", "Ana", "Bo"]
    assert record["organizer"] == str(interview.organizer_id)


def test_expanded_objects_equal_what_retrieve_answers(api, interview):
    (record,) = api.results("interviews", expand="application,job_interview_stage,organizer")

    assert record["application"] == api.get(f"applications/{interview.application_id}").json()
    assert record["job_interview_stage"] == api.get(f"job-interview-stages/{interview.job_interview_stage_id}").json()
    assert record["organizer"] == api.get(f"users/{interview.organizer_id}").json()


def test_repeated_expand_is_a_union(api, interview):
    (record,) = api.results("interviews", expand=["organizer", "application,interviewers"])

    assert record["organizer"]["first_name"] == "Ana"
    assert record["application"]["id"] == str(interview.application_id)
    assert record["interviewers"][0]["first_name"] == "Cy"


def test_deleted_and_shell_targets_are_expanded_too(api, account):
    gone = RemoteUserFactory(linked_account=account, remote_was_deleted=True)
    shell = RemoteUserFactory(linked_account=account, is_shell=True)
    ScheduledInterviewFactory(linked_account=account, organizer=gone, interviewers=[shell.id])

    (record,) = api.results("interviews", expand="organizer,interviewers")

    assert record["organizer"]["remote_was_deleted"] is True
    assert record["interviewers"][0]["id"] == str(shell.id)


def test_remote_data_is_null_unless_asked_for_and_then_the_original(api, account):
    user = RemoteUserFactory(linked_account=account)
    original = [{"path": "/users", "data": {"id": 1, "names": ["Zoë", "\u2028</script>"], "deep": {"x": 1.50}}}]
    RemoteUserRemoteData.objects.create(record=user, entries=original, content_hash=b"0" * 16)
    RemoteUserFactory(linked_account=account, remote_id="without")
    ScheduledInterviewFactory(linked_account=account, organizer=user)

    assert [record["remote_data"] for record in api.results("users")] == [None, None]
    by_id = {record["id"]: record["remote_data"] for record in api.results("users", include_remote_data="true")}
    assert by_id[str(user.id)] == original
    assert list(by_id.values()).count(None) == 1
    assert api.get(f"users/{user.id}", include_remote_data="1").json()["remote_data"] == original
    (interview,) = api.results("interviews", include_remote_data="true", expand="organizer")
    assert interview["organizer"]["remote_data"] == original


@pytest.mark.parametrize("parameter", ["show_enum_origins", "remote_fields"])
def test_enum_origins_are_shown_on_request(api, interview, parameter):
    interview.organizer.access_role = "ADMIN"  # computed: there is no original
    interview.organizer.save()

    (record,) = api.results("interviews", **{parameter: "status"}, expand="organizer")
    (user,) = api.results("users", **{parameter: "access_role"}, remote_id=interview.organizer.remote_id)

    assert record["status"] == "scheduled"
    assert user["access_role"] == "ADMIN"


def test_enum_origins_touch_the_top_level_only(api, interview):
    interview.organizer.access_role, interview.organizer.remote_access_role = "ADMIN", "Site Admin"
    interview.organizer.save()

    (record,) = api.results("interviews", show_enum_origins="status", expand="organizer")

    assert record["organizer"]["access_role"] == "ADMIN"


@pytest.mark.parametrize("path", ["applications", "job-interview-stages"])
def test_models_without_enums_know_no_enum_names(api, path):
    assert api.get(path, show_enum_origins="status").status_code == 400


def test_retrieve_answers_deleted_and_shell_records(api, account):
    user = RemoteUserFactory(linked_account=account, remote_was_deleted=True, is_shell=True)

    assert api.get(f"users/{user.id}").json()["remote_was_deleted"] is True


@pytest.mark.parametrize("id", ["3", "not-a-uuid", "%00", "a.b", "00000000-0000-0000-0000-000000000000"])
def test_retrieve_of_what_is_not_there_is_not_found(api, id):
    response = api.get(f"interviews/{id}")

    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})
