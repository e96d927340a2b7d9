"""What POST /interviews makes of a request, at a platform that does as it is told."""

from contextlib import suppress

import pytest
from django.db import OperationalError, connection

from connectors.creation import WrittenInterview
from connectors.errors import (
    AlreadyExists,
    BadCredentials,
    InvalidField,
    MissingPermission,
    PlatformUnavailable,
    RateLimited,
    TimedOut,
    UnexpectedAnswer,
)
from interviews.models import ScheduledInterview
from linked_accounts.models import LinkedAccount
from tests.factories import LinkedAccountFactory, RemoteUserFactory
from tests.interviews.conftest import START
from unified.identity import unified_id

UNKNOWN = "b8faf072-98b9-4445-8a9a-6b4950efca19"


def raising(error):
    def answer(draft):
        raise error

    return answer


def problems(response, kind="errors"):
    return {(one.get("source", {}).get("pointer"), one["problem_type"]) for one in response.json()[kind]}


def test_an_interview_is_created_stored_and_answered(api, platform, model, account):
    response = api.send("post", "interviews", {"model": {**model, "location": "Room 1"}, "remote_user_id": ""})

    assert response.status_code == 201, response.content
    body = response.json()
    assert (body["warnings"], body["errors"], "logs" in body) == ([], [], False)
    assert body["model"]["id"] == str(unified_id(account.id, "ScheduledInterview", "i1"))
    assert body["model"]["location"] == "Room 1"
    assert body["model"] == api.get(f"interviews/{body['model']['id']}").json()
    assert [one["id"] for one in api.results("interviews")] == [body["model"]["id"]]


def test_the_platform_gets_its_own_ids(api, platform, model):
    api.send("post", "interviews", {"model": model, "remote_user_id": "u2"})

    (draft,) = platform.drafts
    assert draft.application.remote_id == "a1"
    assert (draft.application.candidate, draft.application.job, draft.application.current_stage) == ("c1", "j1", "s1")
    assert draft.interviewers == ("u1", "u2")
    assert draft.start_at == START
    assert draft.acting_user == "u2"


def test_references_may_be_objects_and_the_acting_user_our_id(api, platform, model, account):
    acting = RemoteUserFactory(linked_account=account, remote_id="boss")
    model["application"] = {"id": model["application"], "source": "x"}

    response = api.send("post", "interviews", {"model": model, "remote_user_id": str(acting.id)})

    assert response.status_code == 201
    assert platform.drafts[0].acting_user == "boss"


def test_all_that_is_missing_or_wrong_is_said_at_once(api, platform):
    model = {
        "application": UNKNOWN,
        "interviewers": ["no id"],
        "start_at": "tomorrow",
        "status": "PERHAPS",
        "integration_params": {"kind": "dance", "minutes": "60"},
    }

    response = api.send("post", "interviews", {"model": model, "remote_user_id": UNKNOWN})

    assert response.status_code == 400
    assert response.json()["model"] is None
    assert problems(response) == {
        ("model/application", "INVALID_FIELD_CHOICE"),
        ("model/interviewers", "INVALID_FIELD_CHOICE"),
        ("model/start_at", "INCORRECT_FIELD_TYPE"),
        ("model/end_at", "MISSING_REQUIRED_FIELD"),
        ("model/status", "INVALID_FIELD_CHOICE"),
        ("model/integration_params/kind", "INVALID_FIELD_CHOICE"),
        ("model/integration_params/minutes", "INCORRECT_FIELD_TYPE"),
        ("remote_user_id", "INVALID_FIELD_CHOICE"),
    }
    assert platform.drafts == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("application", 7),
        ("interviewers", [None]),
        ("interviewers", [{"id": {"id": UNKNOWN}}]),
        ("location", True),
        ("location", {"name": "Room 1"}),
        ("start_at", 1798794000),
        ("integration_params", ["kind"]),
        ("linked_account_params", "none"),
    ],
)
def test_what_cannot_be_converted_is_refused(api, platform, model, field, value):
    response = api.send("post", "interviews", {"model": {**model, field: value}})

    assert problems(response) == {(f"model/{field}", "INCORRECT_FIELD_TYPE")}
    assert platform.drafts == []


@pytest.mark.parametrize(
    ("user", "problem"), [([], "INCORRECT_FIELD_TYPE"), (True, "INCORRECT_FIELD_TYPE"), (7, "INVALID_FIELD_CHOICE")]
)
def test_an_acting_user_that_is_none_is_refused(api, platform, model, user, problem):
    response = api.send("post", "interviews", {"model": model, "remote_user_id": user})

    assert problems(response) == {("remote_user_id", problem)}
    assert platform.drafts == []


def test_nobody_interviews_twice_however_his_id_is_spelled(api, platform, model):
    first, second = model["interviewers"]

    response = api.send("post", "interviews", {"model": {**model, "interviewers": [first, first.upper(), second]}})

    assert response.status_code == 201, response.content
    assert platform.drafts[0].interviewers == ("u1", "u2")


@pytest.mark.parametrize("query", [{}, {"run_async": "true"}])
def test_characters_that_cannot_be_stored_are_left_out(api, platform, model, query):
    parameters = {"integration_params": {"kind": "ca\0ll"}, "a\0ge": ["\0"]}

    response = api.send("post", "interviews", {"model": {**model, "location": "Room\0 1", **parameters}}, **query)

    assert response.status_code == 201, response.content
    assert response.json()["model"]["location"] == "Room 1"


def test_a_missing_field_is_told_in_the_words_of_the_contract(api, model):
    del model["start_at"]

    (problem,) = api.send("post", "interviews", {"model": model}).json()["errors"]

    assert problem == {
        "problem_type": "MISSING_REQUIRED_FIELD",
        "title": "Missing Required Field",
        "detail": "start_at is a required field on model.",
        "source": {"pointer": "model/start_at"},
    }


def test_what_is_left_out_is_warned_of(api, platform, model):
    extra = {"age": 3, "remote_created_at": "2027-01-01", "status": "COMPLETE", "location": 7}
    parameters = {"integration_params": {"type": "call", "color": "red"}, "linked_account_params": {"x": 1}}

    response = api.send("post", "interviews", {"model": {**model, **extra, **parameters}})

    assert response.status_code == 201
    assert problems(response, "warnings") == {
        ("model/age", "UNRECOGNIZED_FIELD"),
        ("model/remote_created_at", "UNSUPPORTED_FIELD"),
        ("model/status", "UNSUPPORTED_FIELD"),
        ("model/location", "INCORRECT_FIELD_TYPE"),
        ("model/integration_params/color", "UNRECOGNIZED_FIELD"),
        ("model/linked_account_params/x", "UNRECOGNIZED_FIELD"),
    }
    assert platform.drafts[0].integration_params == {"kind": "call"}
    assert platform.drafts[0].location == "7"


def test_the_platforms_own_rules_are_asked_before_it_is_called(api, platform, model):
    model["end_at"] = model["start_at"]

    response = api.send("post", "interviews", {"model": model})

    assert problems(response) == {("model/end_at", "INVALID_FIELD_CHOICE")}
    assert platform.drafts == []


def test_records_of_another_account_are_unknown(api, model):
    stranger = RemoteUserFactory(linked_account=LinkedAccountFactory(platform="fake"))

    response = api.send("post", "interviews", {"model": {**model, "interviewers": [str(stranger.id)]}})

    assert problems(response) == {("model/interviewers", "INVALID_FIELD_CHOICE")}


@pytest.mark.parametrize("body", [{}, [], {"model": 3}, {"model": None}, '"text"'])
def test_a_body_without_a_model_is_refused(api, body):
    response = api.send("post", "interviews", body)

    assert response.status_code == 400
    assert list(response.json()) == ["model"]


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (InvalidField("no", pointer="model/application"), ("model/application", "INVALID_FIELD_CHOICE")),
        (AlreadyExists("no"), (None, "DUPLICATE_MODEL_EXISTS")),
        (MissingPermission("no"), (None, "MISSING_PERMISSION")),
        (BadCredentials("no"), (None, "CREDENTIAL_REFRESH_FAILED")),
        (UnexpectedAnswer("no"), (None, "PROVIDER_ERROR")),
        (PlatformUnavailable("no"), (None, "PROVIDER_ERROR")),
        (TimedOut("no"), (None, "PROVIDER_ERROR")),
        (KeyError("id"), (None, "ERROR")),  # nobody foresaw it
    ],
)
def test_whatever_goes_wrong_at_the_platform_is_a_problem_and_no_status_that_is_retried(
    api, platform, model, error, problem
):
    platform.answer = raising(error)

    response = api.send("post", "interviews", {"model": model})

    assert response.status_code == 400
    assert problems(response) == {problem}
    assert api.results("interviews") == []


def test_the_platforms_words_come_with_a_provider_error(api, platform, model):
    error = UnexpectedAnswer("POST /interviews: answered 422")
    error.status, error.words = 422, "ends_at must be after the start."
    platform.answer = raising(error)

    (problem,) = api.send("post", "interviews", {"model": model}).json()["errors"]

    assert (problem["raw_error"], problem["error_code"]) == ("ends_at must be after the start.", 422)


@pytest.mark.parametrize(("told", "seconds"), [(17, 17), (0, 1), (None, 60), (float("inf"), 86400)])
def test_a_rate_limit_of_the_platform_is_passed_on(api, platform, model, told, seconds):
    platform.answer = raising(RateLimited("slow down", retry_after_seconds=told))

    response = api.send("post", "interviews", {"model": model})

    assert (response.status_code, response.headers["Retry-After"]) == (429, str(seconds))
    assert response.json() == {"detail": f"Request was throttled. Expected available in {seconds} seconds."}


def test_what_the_database_refuses_is_created_all_the_same(api, platform, model, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("sync.receivers.store_written", fail)

    response = api.send("post", "interviews", {"model": model})

    assert response.status_code == 201
    assert response.json()["model"]["remote_id"] == "i1"
    assert problems(response, "warnings") == {(None, "ERROR")}


def test_what_the_platform_tells_too_little_of_is_created_all_the_same(api, platform, model):
    platform.written = lambda *_: WrittenInterview(remote_id="i1", entries=())

    response = api.send("post", "interviews", {"model": {**model, "location": "Room 1"}})

    assert response.status_code == 201, response.content
    assert (response.json()["model"]["remote_id"], response.json()["model"]["location"]) == ("i1", "Room 1")
    assert problems(response, "warnings") == {(None, "ERROR")}


def test_a_change_that_cannot_be_stored_is_shown_with_what_stays(api, platform, model, monkeypatch):
    created = api.send("post", "interviews", {"model": model}).json()["model"]
    monkeypatch.setattr("sync.receivers.store_written", lambda *_: 1 / 0)

    response = api.send("patch", f"interviews/{created['id']}", {"model": {"location": "Room 2"}})

    assert response.status_code == 200, response.content
    assert response.json()["model"] == created | {"location": "Room 2"}


def test_a_database_that_was_restarted_meanwhile_stores_it(api, platform, model):
    def restart(draft):
        with suppress(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    platform.answer = restart

    response = api.send("post", "interviews", {"model": model})

    assert (response.status_code, response.json()["warnings"]) == (201, [])
    assert [one["id"] for one in api.results("interviews")] == [response.json()["model"]["id"]]


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k1"}])
def test_a_database_that_went_away_meanwhile_does_not_make_callers_try_again(
    api, platform, model, monkeypatch, headers
):
    def take_away(draft):
        connection.close()
        monkeypatch.setitem(connection.settings_dict, "PORT", "1")

    platform.answer = take_away

    response = api.client.post(
        "/api/ats/v1/interviews", {"model": model}, content_type="application/json", headers=headers
    )
    monkeypatch.undo()

    assert response.status_code == 201, response.content
    assert response.json()["model"]["remote_id"] == "i1"
    assert problems(response, "warnings") == {(None, "ERROR")}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"status": LinkedAccount.Status.RELINK_NEEDED, "status_detail": "401"}, "RELINK_NEEDED"),
        ({"status": LinkedAccount.Status.INCOMPLETE}, "RELINK_NEEDED"),
        ({"scopes": {"ScheduledInterview": {"read": True, "write": False}}}, "DISABLED_MODEL_WRITE"),
    ],
)
def test_accounts_that_may_not_write_call_nobody(api, platform, account, model, changes, problem):
    LinkedAccount.objects.filter(id=account.id).update(**changes)

    response = api.send("post", "interviews", {"model": model})

    assert response.status_code == 400
    assert problems(response) == {(None, problem)}
    assert api.get("interviews/meta/post").json()["status"]["can_make_request"] is False
    assert platform.drafts == []


def test_a_platform_that_creates_nothing_says_so(api, platform, model):
    platform.connector.creations = {}

    (problem,) = api.send("post", "interviews", {"model": model}).json()["errors"]

    assert (problem["problem_type"], problem["title"]) == ("ERROR", "Unsupported Operation")
    assert api.get("interviews/meta/post").json()["request_schema"]["properties"]["model"]["properties"] == {}


def test_meta_tells_what_is_enforced(api, platform, model):
    meta = api.get("interviews/meta/post").json()
    required = meta["request_schema"]["properties"]["model"]["required"]

    refused = api.send("post", "interviews", {"model": {}})

    assert meta["status"] == {"linked_account_status": "COMPLETE", "can_make_request": True}
    assert problems(refused) == {(f"model/{name}", "MISSING_REQUIRED_FIELD") for name in required}


def test_an_interview_can_be_changed(api, platform, model):
    created = api.send("post", "interviews", {"model": model}).json()["model"]
    later = {"start_at": "2027-01-05T09:00:00Z", "end_at": "2027-01-05T10:00:00Z", "location": None}

    response = api.send("patch", f"interviews/{created['id']}", {"model": later})

    assert response.status_code == 200, response.content
    assert response.json()["model"]["start_at"] == "2027-01-05T09:00:00Z"
    assert response.json()["model"]["id"] == created["id"]
    assert platform.drafts[-1].given == {"start_at", "end_at", "location"}
    assert api.get("interviews/meta/patch").json()["request_schema"]["properties"]["model"]["required"] == []


def test_a_cancelled_interview_that_the_platform_deletes_is_shown_as_deleted(api, platform, model):
    created = api.send("post", "interviews", {"model": model}).json()["model"]

    response = api.send("post", f"interviews/{created['id']}/cancel")

    assert response.status_code == 200, response.content
    assert response.json()["model"]["remote_was_deleted"] is True
    assert api.results("interviews") == []
    again = api.send("post", f"interviews/{created['id']}/cancel")
    assert (again.status_code, problems(again)) == (400, {(None, "ERROR")})


@pytest.mark.parametrize("path", [f"interviews/{UNKNOWN}/cancel", "interviews/nonsense/cancel"])
def test_interviews_that_are_not_there_cannot_be_cancelled(api, path):
    assert api.send("post", path).status_code == 404


def test_an_interview_of_another_account_cannot_be_changed(api, platform, model, account):
    created = api.send("post", "interviews", {"model": model}).json()["model"]
    stranger = type(api)(LinkedAccountFactory(platform="fake", organization=account.organization))

    assert stranger.send("patch", f"interviews/{created['id']}", {"model": {}}).status_code == 404
    assert stranger.send("post", f"interviews/{created['id']}/cancel").status_code == 404
    assert ScheduledInterview.objects.get().remote_was_deleted is False


def test_who_may_not_read_creates_but_cannot_look_by_changing(api, platform, model, account):
    account.scopes = {"ScheduledInterview": {"read": False, "write": True}}
    account.save()

    created = api.send("post", "interviews", {"model": model})

    assert created.status_code == 201, created.content
    path = f"interviews/{created.json()['model']['id']}"
    assert api.send("patch", path, {"model": {}}).status_code == 404
    assert api.send("post", f"{path}/cancel").status_code == 404
    queued = api.send("post", "interviews", {"model": model}, run_async="true").json()["model"]
    assert api.get(f"interviews/{queued['id']}").status_code == 404


def test_debug_mode_answers_with_logs(api, model):
    response = api.send("post", "interviews", {"model": model}, is_debug_mode="true")

    assert response.json()["logs"] == []  # this platform is not called over HTTP
    assert api.send("post", "interviews", {"model": model}, is_debug_mode="perhaps").status_code == 400
