"""Reads what callers want an interview to be: the API's words and ids into the platform's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from api import values
from api.drafts import Draft, model_of, resolve
from api.problems import Problem, Problems
from applications.models import Application
from connectors.creation import Creation, FieldProblem, InterviewDraft, StoredInterview
from connectors.stored import StoredApplication
from interviews.models import ScheduledInterview
from interviews.serializers import ScheduledInterviewSerializer
from linked_accounts.models import LinkedAccount
from linked_accounts.scopes import permissions
from remote_users.models import RemoteUser
from unified.enums import InterviewStatus

MODEL_NAME = ScheduledInterview.__name__
UNSUPPORTED = "Unsupported Operation"


@dataclass(slots=True, kw_only=True)
class Request:
    """A write that was read and may be sent."""

    account: LinkedAccount
    problems: Problems
    values: dict[str, Any] = field(default_factory=dict)  # as the model's columns take them
    draft: InterviewDraft | None = None


def read_request(account: LinkedAccount, body: Any, creation: Creation | None, *, takes_null: bool = False) -> Request:
    given = model_of(body)
    request = Request(account=account, problems=Problems())
    if not may_write(request, creation) or creation is None:
        return request
    problems = request.problems
    draft = Draft(
        ScheduledInterviewSerializer,
        creation,
        given,
        problems,
        enums={"status": InterviewStatus},
        takes_null=takes_null,
    )
    found = resolve(draft, lambda model, ids: _find(account, model, ids))
    user = acting_user(request, body, is_required=creation.remote_user_id_required)
    request.values = _columns(draft, found)
    request.draft = _platform_draft(draft, found, acting_user=user)
    with account.connect() as connector:
        _note(problems.warnings, connector.warnings_of(request.draft))
        if not problems.errors:  # what is missing or wrong already need not be told twice
            _note(problems.errors, connector.problems_of(request.draft))
    return request


def may_write(request: Request, support: Any) -> bool:
    account = request.account
    if support is None:
        request.problems.errors.append(
            Problem(
                problem_type="ERROR", title=UNSUPPORTED, detail=f"{account.integration_name} does not take this here."
            )
        )
    elif account.status in (LinkedAccount.Status.RELINK_NEEDED, LinkedAccount.Status.INCOMPLETE):
        detail = account.status_detail or "The account has to be linked first."
        request.problems.refuse("RELINK_NEEDED", detail)
    elif not permissions(account, MODEL_NAME).can_write:
        request.problems.refuse("DISABLED_MODEL_WRITE", f"Writing {MODEL_NAME} is switched off for this account.")
    return not request.problems.errors


def acting_user(request: Request, body: Any, *, is_required: bool = False) -> str | None:
    """Return the platform's id of the user that the caller names, by our id or by the platform's."""
    given = body.get("remote_user_id") if isinstance(body, dict) else None
    if isinstance(given, dict):
        given = given.get("id")
    if given in (None, ""):
        if is_required:
            request.problems.refuse("MISSING_REQUIRED_FIELD", "remote_user_id is a required field.", "remote_user_id")
        return None
    users = RemoteUser.objects.for_account(request.account).filter(remote_was_deleted=False)
    if isinstance(given, bool) or not isinstance(given, str | int):
        request.problems.refuse("INCORRECT_FIELD_TYPE", "remote_user_id has to be a string.", "remote_user_id")
        return None
    text = str(given)
    id = values.uuid(text)
    user = (id and users.filter(id=id).first()) or users.filter(remote_id=text).first()
    if user is None:
        request.problems.refuse("INVALID_FIELD_CHOICE", f"The linked account has no user {text}.", "remote_user_id")
        return None
    return str(user.remote_id)


def _find(account: LinkedAccount, model: Any, ids: set[UUID]) -> Mapping[UUID, Any]:
    records = model.objects.for_account(account).filter(remote_id__isnull=False, remote_was_deleted=False)
    if model is Application:
        records = records.select_related("candidate", "job", "current_stage", "stored_remote_data")
    found: Mapping[UUID, Any] = records.in_bulk(ids)
    return found


def _columns(draft: Draft, found: Mapping[str, list[Any]]) -> dict[str, Any]:
    several = {"interviewers": [record.id for record in found["interviewers"]]} if "interviewers" in found else {}
    single = {f"{name}_id": records[0].id for name, records in found.items() if name != "interviewers" and records}
    plain = {name: value for name, value in draft.given.items() if name not in draft.references and value is not None}
    return {**plain, **single, **several}


def _platform_draft(draft: Draft, found: Mapping[str, list[Any]], *, acting_user: str | None) -> InterviewDraft:
    def single(name: str) -> Any:
        return next(iter(found.get(name, [])), None)

    application, stage, organizer = single("application"), single("job_interview_stage"), single("organizer")
    plain = {name: draft.given.get(name) for name in ("location", "start_at", "end_at", "status")}
    return InterviewDraft(
        given=frozenset(draft.given),
        application=_stored_application(application),
        job_interview_stage=stage and stage.remote_id,
        organizer=organizer and organizer.remote_id,
        interviewers=tuple(user.remote_id for user in found.get("interviewers", [])),
        integration_params=draft.parameters,
        acting_user=acting_user,
        **plain,
    )


def stored_interview(interview: ScheduledInterview) -> StoredInterview:
    applications = Application.objects.select_related("candidate", "job", "current_stage", "stored_remote_data")
    return StoredInterview(
        remote_id=str(interview.remote_id),
        remote_group=interview.remote_group,
        application=_stored_application(applications.filter(id=interview.application_id).first()),
        originals=_originals(interview),
    )


def _stored_application(application: Any) -> StoredApplication | None:
    if application is None:
        return None
    return StoredApplication(
        remote_id=application.remote_id,
        candidate=application.candidate and application.candidate.remote_id,
        job=application.job and application.job.remote_id,
        current_stage=application.current_stage and application.current_stage.remote_id,
        originals=_originals(application),
    )


def _originals(record: Any) -> dict[str, Any]:
    stored = getattr(record, "stored_remote_data", None)
    return {entry["path"]: entry["data"] for entry in stored.entries} if stored else {}


def _note(problems: list[Problem], found: Iterable[FieldProblem]) -> None:
    problems += [Problem(problem_type=one.problem_type, detail=one.detail, pointer=one.pointer) for one in found]
