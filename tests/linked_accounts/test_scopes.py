import pytest
from django.db import connection
from merge import Merge

from connectors.base import fields_of
from connectors.records import RemoteUserRecord
from linked_accounts.models import AuditEvent, LinkedAccount
from linked_accounts.scopes import change_default_scopes, change_scopes
from remote_users.models import RemoteUserRemoteData
from sync.engine import synchronise
from sync.models import ModelSync, Schedule
from tests.conftest import Api
from tests.factories import (
    ApiKeyFactory,
    JobFactory,
    LinkedAccountFactory,
    RemoteUserFactory,
    ScheduledInterviewFactory,
)
from tests.platforms import linked

HIDES_EMAIL = {"RemoteUser": {"disabled_fields": ["email"]}}


@pytest.fixture
def user(account):
    user = RemoteUserFactory(
        linked_account=account, email="ana@x.example", access_role="ADMIN", remote_access_role="Boss"
    )
    entries = [{"path": "/users", "data": {"mail": "ana@x.example"}}]
    RemoteUserRemoteData.objects.create(record=user, entries=entries, content_hash=b"0" * 16)
    return user


def post(api, body, path="linked-account-scopes"):
    return api.client.post(f"/api/ats/v1/{path}", body, content_type="application/json")


def scope(model_name, *, read=True, write=True, **fields):
    permissions = {"READ": {"is_enabled": read}, "WRITE": {"is_enabled": write}}
    return {"model_name": model_name, "model_permissions": permissions, "field_permissions": fields}


def test_everything_is_open_unless_somebody_says_otherwise(api):
    for path in ("default-scopes", "linked-account-scopes"):
        models = {one["model_name"]: one for one in api.get(path).json()["common_models"]}

        assert {"ScheduledInterview", "Application", "JobInterviewStage", "RemoteUser"} <= models.keys()
        assert models["RemoteUser"]["model_permissions"] == {
            "READ": {"is_enabled": True},
            "WRITE": {"is_enabled": True},
        }
        assert models["RemoteUser"]["field_permissions"]["disabled_fields"] == []
        assert fields_of(RemoteUserRecord) <= set(models["RemoteUser"]["field_permissions"]["enabled_fields"])


def test_a_disabled_field_is_null_everywhere(api, account, user):
    ScheduledInterviewFactory(linked_account=account, organizer=user, interviewers=[user.id])
    change_scopes(account, {"RemoteUser": {"disabled_fields": ["email", "access_role"]}})
    shown = [
        api.results("users", include_remote_data="true", show_enum_origins="access_role")[0],
        api.get(f"users/{user.id}", include_remote_data="true").json(),
        api.results("interviews", expand="organizer", include_remote_data="true")[0]["organizer"],
        api.results("interviews", expand="interviewers", include_remote_data="true")[0]["interviewers"][0],
    ]

    for record in shown:
        assert (record["email"], record["access_role"]) == (None, None)
        assert record["remote_data"] == [{"path": "/users", "data": None}]


def test_what_a_field_holds_cannot_be_found_out_by_filters(api, account, user):
    assert len(api.results("users", email="ana@x.example")) == 1
    change_scopes(account, HIDES_EMAIL)

    assert api.results("users", email="ana@x.example") == []


def test_originals_of_any_text_are_cut(api, account, user):
    table = RemoteUserRemoteData._meta.db_table
    with connection.cursor() as cursor:  # as platforms may write it, where they cut a text in two
        cursor.execute(f"UPDATE {table} SET entries = %s", [r'[{"path": "/users", "data": "\u0000 \ud83d"}]'])
    change_scopes(account, HIDES_EMAIL)

    assert api.results("users", include_remote_data="true")[0]["remote_data"] == [{"path": "/users", "data": None}]


def test_a_model_that_may_not_be_read_cannot_be_found_out_by_filters_of_others(api, account):
    job = JobFactory(linked_account=account)
    ScheduledInterviewFactory(linked_account=account, job_id=job.id)
    assert len(api.results("interviews", job_id=str(job.id))) == 1

    change_scopes(account, {"Application": {"read": False}})

    assert api.results("interviews", job_id=str(job.id)) == []


def test_a_model_that_may_not_be_read_is_empty(api, account, user):
    interview = ScheduledInterviewFactory(linked_account=account, organizer=user)
    change_scopes(account, {"RemoteUser": {"read": False}})

    assert api.results("users") == []
    assert api.get(f"users/{user.id}").status_code == 404
    assert api.results("interviews", expand="organizer")[0]["organizer"] == str(user.id)
    assert api.get(f"interviews/{interview.id}", expand="organizer").json()["organizer"] == str(user.id)


def test_changes_hold_at_once_for_callers_who_are_remembered(api, account, user):
    assert api.results("users")[0]["email"] == "ana@x.example"

    change_scopes(account, HIDES_EMAIL)
    assert api.results("users")[0]["email"] is None
    change_scopes(account, {"RemoteUser": {"read": False}})
    assert api.results("users") == []
    change_scopes(account, {})
    assert api.get(f"users/{user.id}").json()["email"] == "ana@x.example"


def test_default_scopes_hold_for_all_accounts_without_their_own(api, account, user):
    neighbour = Api(other := LinkedAccountFactory(organization=account.organization))
    RemoteUserFactory(linked_account=other, email="bo@x.example")
    change_scopes(other, {"RemoteUser": {"disabled_fields": ["first_name"]}})

    change_default_scopes(account.organization, HIDES_EMAIL)

    assert api.results("users")[0]["email"] is None
    assert neighbour.results("users")[0]["email"] == "bo@x.example"
    defaults = {one["model_name"]: one for one in api.get("default-scopes").json()["common_models"]}
    assert defaults["RemoteUser"]["field_permissions"]["disabled_fields"] == ["email"]


def test_scopes_are_changed_through_the_api(api, account, user):
    answer = post(api, {"common_models": [scope("RemoteUser", disabled_fields=["email"]), scope("Job", write=False)]})

    assert answer.status_code == 200, answer.content
    models = {one["model_name"]: one for one in answer.json()["common_models"]}
    assert models["RemoteUser"]["field_permissions"]["disabled_fields"] == ["email"]
    assert models["Job"]["model_permissions"]["WRITE"] == {"is_enabled": False}
    assert api.results("users")[0]["email"] is None
    assert AuditEvent.objects.get().event_type == "CHANGED_SCOPES"
    assert Schedule.objects.get(linked_account=account).full_wanted_at
    assert post(api, {"common_models": []}).status_code == 200
    assert api.results("users")[0]["email"] == "ana@x.example"


@pytest.mark.parametrize(
    "more",
    [
        {"model_permissions": None, "field_permissions": None},
        {"model_permissions": {"READ": None, "WRITE": {"is_enabled": None}}},
        {"field_permissions": {"enabled_fields": None, "disabled_fields": None}},
    ],
)
def test_null_counts_as_left_out(api, account, more):
    answer = post(api, {"common_models": [{"model_name": "RemoteUser", **more}]})

    assert answer.status_code == 200
    stored = LinkedAccount.objects.get(id=account.id).scopes
    assert stored == {"RemoteUser": {"read": True, "write": True, "disabled_fields": []}}


def test_naming_only_what_is_enabled_disables_the_rest(api, account, user):
    post(api, {"common_models": [scope("RemoteUser", enabled_fields=["email"])]})

    (shown,) = api.results("users")
    assert (shown["email"], shown["access_role"], shown["id"]) == ("ana@x.example", None, str(user.id))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"common_models": [scope("Nonsense")]},
        {"common_models": [scope("RemoteUser", disabled_fields=["nonsense"])]},
        {"common_models": [scope("RemoteUser", enabled_fields=["nonsense"])]},
        {"common_models": [scope("RemoteUser", disabled_fields=["id"])]},
        {"common_models": [{"model_name": "RemoteUser", "model_permissions": {"READ": {"is_enabled": "maybe"}}}]},
        {"common_models": "RemoteUser"},
    ],
)
def test_nonsense_is_refused_and_changes_nothing(api, account, body):
    answer = post(api, body)

    assert answer.status_code == 400
    assert list(answer.json()) == ["common_models"]
    assert LinkedAccount.objects.get(id=account.id).scopes_version == 0


@pytest.mark.django_db(transaction=True)
def test_what_may_not_be_read_is_not_asked_for():
    with linked("greenhouse", interviews=5) as platform:
        change_scopes(platform.account, {"RemoteUser": {"read": False}})
        synchronise(platform.account)
        asked = {request.path for request in platform.server.requests}
        status = ModelSync.objects.get(linked_account=platform.account, model_name="RemoteUser").status
        shown = {one["model_name"]: one["status"] for one in Api(platform.account).results("sync-status")}
        change_scopes(platform.account, {})
        synchronise(platform.account, full=True)

        assert "/v3/users" not in asked
        assert status == shown["RemoteUser"] == "DISABLED"
        assert shown["ScheduledInterview"] != "DISABLED"
        assert Api(platform.account).results("users")


@pytest.mark.django_db(transaction=True)
def test_merges_client_reads_and_changes_scopes(live_server):
    account = LinkedAccountFactory()
    key = ApiKeyFactory(organization=account.organization)
    merge = Merge(api_key=key.secret, account_token=account.token, base_url=f"{live_server.url}/api")

    merge.ats.scopes.linked_account_scopes_create(
        common_models=[scope("RemoteUser", disabled_fields=["email"], enabled_fields=[])]
    )

    found = {one.model_name: one for one in merge.ats.scopes.linked_account_scopes_retrieve().common_models}
    assert found["RemoteUser"].field_permissions.disabled_fields == ["email"]
    assert merge.ats.scopes.default_scopes_retrieve().common_models
