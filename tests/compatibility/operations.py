"""Every operation of Merge's clients below `client.ats` that the contract names, with what has to come of it."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.compatibility.clients import RefusedError

MUST, SHOULD, LATER = "must", "should", "later"
NOBODY = "b8faf072-98b9-4445-8a9a-6b4950efca19"


@dataclass
class Run:
    """One client at one linked account; operations leave here what later ones need."""

    client: Any
    connect: Callable[[str], Any]  # from an account token to another client
    ids: dict[str, str]  # of records, by path
    found: dict[str, Any] = field(default_factory=dict)

    def call(self, operation: str, *ids: str, **request: Any) -> Any:
        resource, _, method = operation.partition(".")
        return self.client.call(resource, method, *ids, **request)

    def refused(self, status: int, operation: str, *ids: str, **request: Any) -> Any:
        """Return the body of an answer that has to be of this status."""
        with pytest.raises(RefusedError) as refused:
            self.call(operation, *ids, **request)
        assert refused.value.status == status, refused.value
        return refused.value.body


@dataclass(frozen=True)
class Operation:
    name: str
    route: str
    priority: str
    check: Callable[[Run], None]


OPERATIONS: list[Operation] = []


def of_model(answer: Any, model_name: str) -> Any:
    """Return what an answer by model names holds of one: clients spell the names in their own ways."""
    spellings = {re.sub("[_ ]", "", name).lower(): name for name in answer}
    return answer[spellings[model_name.lower()]]


def operation(name: str, route: str, priority: str = MUST) -> Callable[[Any], Any]:
    def register(check: Callable[[Run], None]) -> Callable[[Run], None]:
        OPERATIONS.append(Operation(name, route, priority, check))
        return check

    return register


def _records(resource: str, path: str, priority: str, **filters: str) -> None:
    """Register list and retrieve of a unified model; `filters` are to find something, by keys of Run.ids."""

    @operation(f"{resource}.list", f"GET /{path}", priority)
    def lists(run: Run) -> None:
        page = run.call(f"{resource}.list", page_size=2, include_remote_data=True)
        assert 0 < len(page["results"]) <= 2
        if page.get("next"):
            following = run.call(f"{resource}.list", page_size=2, cursor=page["next"])
            assert following["results"][0]["id"] not in {one["id"] for one in page["results"]}
        for name, key in filters.items():
            narrowed = run.call(f"{resource}.list", **{name: run.ids[key]})["results"]
            assert narrowed
            assert all(one[name.removesuffix("_id")] == run.ids[key] for one in narrowed)
            assert run.call(f"{resource}.list", **{name: NOBODY})["results"] == []

    @operation(f"{resource}.retrieve", f"GET /{path}/{{id}}", priority)
    def retrieve(run: Run) -> None:
        assert run.call(f"{resource}.retrieve", run.ids[path])["id"] == run.ids[path]
        run.refused(404, f"{resource}.retrieve", NOBODY)


_records("interviews", "interviews", MUST, application_id="applications")


@operation("interviews.meta_post_retrieve", "GET /interviews/meta/post")
def interview_meta(run: Run) -> None:
    meta = run.call("interviews.meta_post_retrieve")
    run.found["required"] = meta["request_schema"]["properties"]["model"]["required"]
    assert meta["status"]["can_make_request"] is True
    assert "start_at" in run.found["required"]


@operation("interviews.create", "POST /interviews")
def create_interview(run: Run) -> None:
    model = {
        "application": run.ids["open application"],
        "interviewers": [run.ids["users"]],
        "start_at": "2027-03-01T09:00:00Z",
        "end_at": "2027-03-01T10:00:00Z",
        "location": f"Room of {run.client.name}",
    }
    acting = run.ids["users"]
    created = run.call("interviews.create", is_debug_mode=True, model=model, remote_user_id=acting)
    assert created["errors"] == [], created
    assert created["model"]["location"] == model["location"]
    assert created["logs"][-1]["log_summary"]["status_code"] < 300
    assert run.call("interviews.retrieve", created["model"]["id"])["location"] == model["location"]
    refused = run.refused(400, "interviews.create", model={}, remote_user_id=acting)
    assert {one["source"]["pointer"] for one in refused["errors"]} >= {f"model/{n}" for n in run.found["required"]}


_records("applications", "applications", MUST, job_id="jobs")


@operation("applications.meta_post_retrieve", "GET /applications/meta/post")
def application_meta(run: Run) -> None:
    meta = run.call("applications.meta_post_retrieve")
    assert meta["request_schema"]["properties"]["model"]["properties"] == {}
    assert meta["status"]["can_make_request"] is False


@operation("applications.create", "POST /applications", LATER)
def create_application(run: Run) -> None:
    refused = run.refused(400, "applications.create", model={}, remote_user_id=NOBODY)
    assert refused["errors"][0]["problem_type"] == "ERROR"


@operation("applications.change_stage_create", "POST /applications/{id}/change-stage", LATER)
def change_stage(run: Run) -> None:
    refused = run.refused(400, "applications.change_stage_create", run.ids["applications"])
    assert refused["errors"][0]["problem_type"] == "ERROR"
    run.refused(404, "applications.change_stage_create", NOBODY)


_records("job_interview_stages", "job-interview-stages", MUST)
_records("users", "users", MUST)


@operation("account_details.retrieve", "GET /account-details")
def account_details(run: Run) -> None:
    details = run.call("account_details.retrieve")
    assert (details["integration"], details["status"], details["category"]) == ("Greenhouse", "COMPLETE", "ats")
    run.found["account"] = details["id"]


@operation("sync_status.list", "GET /sync-status")
def sync_status(run: Run) -> None:
    statuses = run.call("sync_status.list")["results"]
    assert [one["model_id"] for one in statuses] == sorted(one["model_id"] for one in statuses)
    assert {one["status"] for one in statuses} <= {"DONE", "SYNCING"}


@operation("available_actions.retrieve", "GET /available-actions")
def available_actions(run: Run) -> None:
    actions = run.call("available_actions.retrieve")
    assert actions["integration"]["slug"] == "greenhouse"
    assert actions["passthrough_available"] is True
    (interviews,) = [one for one in actions["available_model_operations"] if one["model_name"] == "ScheduledInterview"]
    assert interviews["available_operations"] == ["FETCH", "CREATE"]


@operation("passthrough.create", "POST /passthrough")
def passthrough(run: Run) -> None:
    answer = run.call("passthrough.create", request={"method": "GET", "path": "/v3/users?per_page=1"})
    assert (answer["status"], len(answer["response"])) == (200, 1)


@operation("async_passthrough.create", "POST /async-passthrough", SHOULD)
def async_passthrough(run: Run) -> None:
    answer = run.call("async_passthrough.create", request={"method": "GET", "path": "/v3/users?per_page=1"})
    run.found["receipt"] = answer["async_passthrough_receipt_id"]


@operation("async_passthrough.retrieve", "GET /async-passthrough/{id}", SHOULD)
def async_passthrough_result(run: Run) -> None:
    deadline = time.monotonic() + 30
    while (answer := run.call("async_passthrough.retrieve", run.found["receipt"])) == "PENDING":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert answer["status"] == 200
    run.refused(404, "async_passthrough.retrieve", NOBODY)


@operation("linked_accounts.list", "GET /linked-accounts")
def linked_accounts(run: Run) -> None:
    (account,) = run.call("linked_accounts.list", end_user_origin_id="42")["results"]
    assert account["id"] == run.found["account"]
    assert run.call("linked_accounts.list", is_test_account="true")["results"] == []


@operation("link_token.create", "POST /link-token", SHOULD)
def link_token(run: Run) -> None:
    end_user = {
        "end_user_email_address": "it@new.example",
        "end_user_organization_name": "New",
        "end_user_origin_id": "43",
        "categories": ["ats"],
    }
    answer = run.call("link_token.create", **end_user, should_create_magic_link_url=True)
    assert answer["link_token"]
    assert answer["magic_link_url"].startswith("http")


@operation("account_token.retrieve", "GET /account-token/{public_token}", SHOULD)
def account_token(run: Run) -> None:
    answer = run.call("account_token.retrieve", run.ids["public token"])
    assert answer["account_token"]
    assert answer["integration"]["name"] == "Greenhouse"
    run.refused(404, "account_token.retrieve", run.ids["public token"])


@operation("generate_key.create", "POST /generate-key", SHOULD)
def generate_key(run: Run) -> None:
    run.found["key"] = run.call("generate_key.create", name="Second key")["key"]
    run.refused(400, "generate_key.create", name="Second key")


@operation("regenerate_key.create", "POST /regenerate-key", SHOULD)
def regenerate_key(run: Run) -> None:
    answer = run.call("regenerate_key.create", name="Second key")
    assert answer["name"] == "Second key"
    assert answer["key"] != run.found["key"]
    run.refused(404, "regenerate_key.create", name="No such key")


@operation("issues.list", "GET /issues")
def issues(run: Run) -> None:
    (issue,) = run.call("issues.list", status="ONGOING", include_muted="true")["results"]
    run.found["issue"] = issue["id"]
    assert issue["end_user"]["linked_account_id"] == run.found["account"]


@operation("issues.retrieve", "GET /issues/{id}")
def issue(run: Run) -> None:
    assert run.call("issues.retrieve", run.found["issue"])["id"] == run.found["issue"]
    run.refused(404, "issues.retrieve", NOBODY)


@operation("webhook_receivers.create", "POST /webhook-receivers", SHOULD)
def create_webhook_receiver(run: Run) -> None:
    answer = run.call("webhook_receivers.create", event="interview_deleted", is_active=True, key="shared")
    assert (answer["event"], answer["is_active"]) == ("interview_deleted", True)


@operation("webhook_receivers.list", "GET /webhook-receivers")
def webhook_receivers(run: Run) -> None:
    assert [one["event"] for one in run.call("webhook_receivers.list")] == ["interview_deleted"]


@operation("field_mapping.remote_fields_retrieve", "GET /remote-fields", SHOULD)
def remote_fields(run: Run) -> None:
    fields = run.call(
        "field_mapping.remote_fields_retrieve", common_models="ScheduledInterview", include_example_values="true"
    )
    fields = of_model(fields, "ScheduledInterview")
    (location,) = [one for one in fields if one["remote_key_name"] == "location"]
    assert location["example_values"]
    run.found["remote field"] = location["remote_endpoint_info"]


@operation("field_mapping.field_mappings_create", "POST /field-mappings", SHOULD)
def create_field_mapping(run: Run) -> None:
    info = run.found["remote field"]
    answer = run.call(
        "field_mapping.field_mappings_create",
        target_field_name="room",
        target_field_description="Where it is",
        remote_field_traversal_path=info["field_traversal_path"],
        remote_method=info["method"],
        remote_url_path=info["url_path"],
        common_model_name="ScheduledInterview",
    )
    run.found["mapping"] = answer["model"]["id"]


@operation("field_mapping.field_mappings_retrieve", "GET /field-mappings", SHOULD)
def field_mappings(run: Run) -> None:
    (mapping,) = of_model(run.call("field_mapping.field_mappings_retrieve"), "ScheduledInterview")
    assert mapping["target_field"]["name"] == "room"


@operation("field_mapping.field_mappings_partial_update", "PATCH /field-mappings/{id}", SHOULD)
def change_field_mapping(run: Run) -> None:
    answer = run.call(
        "field_mapping.field_mappings_partial_update",
        run.found["mapping"],
        remote_field_traversal_path=["status"],
    )
    assert answer["model"]["remote_field"]["remote_endpoint_info"]["field_traversal_path"] == ["status"]


@operation("field_mapping.target_fields_retrieve", "GET /target-fields", SHOULD)
def target_fields(run: Run) -> None:
    assert of_model(run.call("field_mapping.target_fields_retrieve"), "ScheduledInterview") == []


@operation("field_mapping.field_mappings_destroy", "DELETE /field-mappings/{id}", SHOULD)
def delete_field_mapping(run: Run) -> None:
    run.call("field_mapping.field_mappings_destroy", run.found["mapping"])
    assert of_model(run.call("field_mapping.field_mappings_retrieve"), "ScheduledInterview") == []


def _interview_scopes(scopes: Any) -> Any:
    (found,) = [one for one in scopes["common_models"] if one["model_name"] == "ScheduledInterview"]
    return found


@operation("scopes.default_scopes_retrieve", "GET /default-scopes", SHOULD)
def default_scopes(run: Run) -> None:
    scopes = _interview_scopes(run.call("scopes.default_scopes_retrieve"))
    assert scopes["model_permissions"]["READ"]["is_enabled"] is True
    run.found["fields"] = scopes["field_permissions"]["enabled_fields"]
    assert "location" in run.found["fields"]


@operation("scopes.linked_account_scopes_create", "POST /linked-account-scopes", SHOULD)
def change_scopes(run: Run) -> None:
    scope = {
        "model_name": "ScheduledInterview",
        "model_permissions": {"READ": {"is_enabled": True}, "WRITE": {"is_enabled": True}},
        "field_permissions": {
            "enabled_fields": [name for name in run.found["fields"] if name != "location"],
            "disabled_fields": ["location"],
        },
    }
    run.call("scopes.linked_account_scopes_create", common_models=[scope])
    assert {one.get("location") for one in run.call("interviews.list")["results"]} == {None}


@operation("scopes.linked_account_scopes_retrieve", "GET /linked-account-scopes", SHOULD)
def scopes(run: Run) -> None:
    found = _interview_scopes(run.call("scopes.linked_account_scopes_retrieve"))
    assert found["field_permissions"]["disabled_fields"] == ["location"]


@operation("force_resync.sync_status_resync_create", "POST /sync-status/resync")
def resync(run: Run) -> None:
    statuses = run.call("force_resync.sync_status_resync_create")
    assert {one["status"] for one in statuses} == {"SYNCING"}


@operation("audit_trail.list", "GET /audit-trail", SHOULD)
def audit_trail(run: Run) -> None:
    events = run.call("audit_trail.list", page_size=100)["results"]
    assert {"CHANGED_SCOPES", "FORCED_LINKED_ACCOUNT_RESYNC"} <= {one["event_type"] for one in events}
    only = run.call("audit_trail.list", event_type="CHANGED_SCOPES")["results"]
    assert {one["event_type"] for one in only} == {"CHANGED_SCOPES"}


@operation("selective_sync.conditions_list", "GET /selective-sync/conditions", LATER)
def conditions(run: Run) -> None:
    assert run.call("selective_sync.conditions_list")["results"] == []


_records("candidates", "candidates", SHOULD)
_records("jobs", "jobs", SHOULD)
_records("reject_reasons", "reject-reasons", SHOULD)


def _absent(resource: str, path: str, *, is_retrieved: bool = True, is_created: bool = False) -> None:
    """Register a model that no platform here fills."""

    @operation(f"{resource}.list", f"GET /{path}", LATER)
    def lists(run: Run) -> None:
        page = run.call(f"{resource}.list")
        assert (page.get("next"), page.get("previous"), page["results"]) == (None, None, [])

    if is_retrieved:

        @operation(f"{resource}.retrieve", f"GET /{path}/{{id}}", LATER)
        def retrieve(run: Run) -> None:
            run.refused(404, f"{resource}.retrieve", NOBODY)

    if is_created:

        @operation(f"{resource}.create", f"POST /{path}", LATER)
        def create(run: Run) -> None:
            refused = run.refused(400, f"{resource}.create", model={}, remote_user_id=NOBODY)
            assert refused["errors"][0]["problem_type"] == "ERROR"

        @operation(f"{resource}.meta_post_retrieve", f"GET /{path}/meta/post", LATER)
        def meta(run: Run) -> None:
            assert run.call(f"{resource}.meta_post_retrieve")["status"]["can_make_request"] is False


@operation("candidates.create", "POST /candidates", LATER)
def create_candidate(run: Run) -> None:
    refused = run.refused(400, "candidates.create", model={}, remote_user_id=NOBODY)
    assert refused["errors"][0]["problem_type"] == "ERROR"


@operation("candidates.partial_update", "PATCH /candidates/{id}", LATER)
def change_candidate(run: Run) -> None:
    candidate = run.ids["candidates"]
    refused = run.refused(400, "candidates.partial_update", candidate, model={}, remote_user_id=NOBODY)
    assert refused["errors"][0]["problem_type"] == "ERROR"


@operation("candidates.ignore_create", "POST /candidates/ignore/{id}", LATER)
def ignore_candidate(run: Run) -> None:
    request = {"reason": "GENERAL_CUSTOMER_REQUEST"}
    run.refused(400, "candidates.ignore_create", run.ids["candidates"], request=request)


@operation("candidates.meta_post_retrieve", "GET /candidates/meta/post", LATER)
def candidate_meta(run: Run) -> None:
    assert run.call("candidates.meta_post_retrieve")["status"]["can_make_request"] is False


@operation("candidates.meta_patch_retrieve", "GET /candidates/meta/patch/{id}", LATER)
def candidate_patch_meta(run: Run) -> None:
    assert run.call("candidates.meta_patch_retrieve", run.ids["candidates"])["status"]["can_make_request"] is False


_absent("activities", "activities", is_created=True)
_absent("attachments", "attachments", is_created=True)
_absent("departments", "departments")
_absent("eeocs", "eeocs")
_absent("job_postings", "job-postings")
_absent("offers", "offers")
_absent("offices", "offices")
_absent("scorecards", "scorecards")
_absent("tags", "tags", is_retrieved=False)


@operation("jobs.screening_questions_list", "GET /jobs/{id}/screening-questions", LATER)
def screening_questions(run: Run) -> None:
    assert run.call("jobs.screening_questions_list", run.ids["jobs"])["results"] == []


@operation("account_token.regenerate_create", "POST /account-token/regenerate", SHOULD)
def regenerate_token(run: Run) -> None:
    answer = run.call("account_token.regenerate_create")
    assert answer["linked_account_id"] == run.found["account"]
    run.refused(401, "interviews.list")
    run.found["token"] = answer["account_token"]


@operation("delete_account.delete", "POST /delete-account")
def delete_account(run: Run) -> None:
    run.client.close()
    run.client = run.connect(run.found["token"])
    run.call("delete_account.delete")
    run.refused(401, "account_details.retrieve")
