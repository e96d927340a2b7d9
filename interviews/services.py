"""Creates, changes and cancels interviews at their platform (wire contract, section 4).

What may have reached the platform is never sent again, and no answer says that the caller should.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone

from api.parameters import Shape
from api.problems import Problem, Problems, envelope
from api.renderers import ORJSONRenderer
from connectors.base import Connector
from connectors.creation import WrittenInterview
from connectors.errors import (
    AlreadyExists,
    BadCredentials,
    ConnectorError,
    InvalidField,
    MissingPermission,
    RateLimited,
    UnsupportedOperation,
)
from connectors.http import Exchange
from interviews.models import AsyncPost, ScheduledInterview
from interviews.requests import MODEL_NAME, UNSUPPORTED, Request, acting_user, may_write, read_request, stored_interview
from interviews.serializers import ScheduledInterviewSerializer
from interviews.signals import async_post_completed, interview_written
from linked_accounts.models import LinkedAccount
from linked_accounts.scopes import hidden, permissions
from unified.database import ensure_connection
from unified.identity import unified_id

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 25.0  # of one call to the platform, while a caller waits
DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS = 60.0, 24 * 60 * 60.0  # after a rate limit
UNKNOWN_OUTCOME = (
    "Nobody knows whether this reached the platform: its answer cannot be read. The next sync shows what is there."
)
NOT_STORED = "It was written at the platform, and will be stored here by the next sync."


class TooManyRequests(Exception):  # noqa: N818 (it is named for what happened)
    """The platform asks us to wait, and nothing has happened."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(f"for {wait_seconds} seconds")
        self.wait_seconds = wait_seconds


@dataclass(slots=True)
class Outcome:
    """What became of a write. `interview` is None where nothing was written; unsaved where it could not be read back.

    `exchanges` are the calls that were made.
    """

    problems: Problems
    interview: ScheduledInterview | None = None
    exchanges: Sequence[Exchange] = ()

    @property
    def is_good(self) -> bool:
        return not self.problems.errors


def can_read(account: LinkedAccount) -> bool:
    return permissions(account, MODEL_NAME).can_read


def can_create(account: LinkedAccount) -> bool:
    return _can(account, MODEL_NAME in account.connector_class.creations)


def can_update(account: LinkedAccount) -> bool:
    return _can(account, MODEL_NAME in account.connector_class.updates)


def check_creation(*, account: LinkedAccount, body: Any) -> tuple[Problems, dict[str, Any]]:
    """Return what is wrong with a request, and the values that it gives. Calls nobody.

    Raises rest_framework's ValidationError for what is no such request at all.
    """
    request = read_request(account, body, account.connector_class.creations.get(MODEL_NAME))
    return request.problems, request.values


def create_interview(*, account: LinkedAccount, body: Any, promised_id: UUID | None = None) -> Outcome:
    """Create an interview at the platform and store it, under `promised_id` where the caller has that already.

    Raises TooManyRequests, and ValidationError as `check_creation`.
    """
    request = read_request(account, body, account.connector_class.creations.get(MODEL_NAME))
    if request.problems.errors or request.draft is None:
        return Outcome(request.problems)
    draft = request.draft
    return _write(request, lambda connector: connector.create_interview(draft), promised_id=promised_id)


def update_interview(*, account: LinkedAccount, interview: ScheduledInterview, body: Any) -> Outcome:
    """Change an interview at the platform and store what it says of it now. Raises as `create_interview`."""
    request = read_request(account, body, account.connector_class.updates.get(MODEL_NAME), takes_null=True)
    if request.problems.errors or request.draft is None:
        return Outcome(request.problems)
    draft, stored = request.draft, stored_interview(interview)
    return _write(request, lambda connector: connector.update_interview(stored, draft), known=interview)


def cancel_interview(*, account: LinkedAccount, interview: ScheduledInterview, body: Any) -> Outcome:
    """Cancel an interview at the platform. Raises TooManyRequests."""
    request = Request(account=account, problems=Problems())
    if may_write(request, account.connector_class.cancels_interviews or None):
        user = acting_user(request, body)
        if not request.problems.errors:
            stored = stored_interview(interview)
            return _write(
                request,
                lambda connector: WrittenInterview(
                    remote_id=stored.remote_id,
                    entries=tuple(connector.cancel_interview(stored, acting_user=user)),
                ),
                known=interview,
            )
    return Outcome(request.problems)


def run(async_post: AsyncPost) -> None:
    """Create the interview of a queued request, once: what a worker has begun and not ended is not begun again."""
    with transaction.atomic():
        async_post = AsyncPost.objects.select_for_update().get(id=async_post.id)
        if not async_post.is_open:
            return
        was_begun = async_post.status == AsyncPost.Status.IN_PROGRESS
        async_post.status = AsyncPost.Status.IN_PROGRESS
        async_post.save()
    account = async_post.linked_account
    if not was_begun:
        outcome = create_interview(account=account, body=async_post.body, promised_id=async_post.interview_id)
    elif stored := ScheduledInterview.objects.filter(id=async_post.interview_id).first():
        outcome = Outcome(Problems(), stored)
    else:
        outcome = Outcome(Problems(errors=[Problem(problem_type="PROVIDER_ERROR", detail=UNKNOWN_OUTCOME)]))
    conclude(async_post, outcome)


def conclude(async_post: AsyncPost, outcome: Outcome) -> None:
    """Note what became of a queued request, and tell whoever wants to know."""
    shown = show(outcome.interview) if outcome.interview else None
    with transaction.atomic():
        async_post.finish(status_code=201 if outcome.is_good else 400, response=envelope(shown, outcome.problems))
        async_post_completed.send(AsyncPost, account=async_post.linked_account, async_post=async_post)


def show(interview: ScheduledInterview) -> dict[str, Any]:
    """Return an interview as the API answers with it, in JSON's own types."""
    context = {"shape": Shape(), "hidden": hidden(interview.linked_account)}
    shown = ScheduledInterviewSerializer(interview, context=context).data
    found: dict[str, Any] = orjson.loads(ORJSONRenderer().render(shown))
    return found


def unsaved(
    account: LinkedAccount, values: Mapping[str, Any], *, id: UUID, remote_id: str | None
) -> ScheduledInterview:
    """Return an interview of these values that has no row, or none yet."""
    now = timezone.now()
    return ScheduledInterview(
        linked_account=account, id=id, remote_id=remote_id, created_at=now, modified_at=now, **values
    )


def _can(account: LinkedAccount, is_supported: bool) -> bool:
    is_linked = account.status == LinkedAccount.Status.COMPLETE
    return is_supported and is_linked and permissions(account, MODEL_NAME).can_write


def _write(
    request: Request,
    call: Callable[[Connector], WrittenInterview],
    *,
    promised_id: UUID | None = None,
    known: ScheduledInterview | None = None,
) -> Outcome:
    """Have `call` write at the platform, once, and store it. `known` is the interview so far, if there is one."""
    account, problems = request.account, request.problems
    exchanges: Sequence[Exchange] = ()
    written: WrittenInterview | None = None
    try:
        with account.connect() as connector:
            connector.session.hurry(TIMEOUT_SECONDS)
            try:
                written = call(connector)
            finally:
                exchanges = tuple(connector.session.exchanges or ())
    except RateLimited as error:
        raise TooManyRequests(_wait_seconds(error)) from error
    except ConnectorError as error:
        problems.errors.append(_problem(error))
    except Exception:
        # Whatever it is, it must not make the caller try again.
        logger.exception("Writing an interview of %s went wrong", account.id)
        problems.refuse("ERROR", UNKNOWN_OUTCOME)
    if written is None:
        return Outcome(problems, exchanges=exchanges)
    try:
        interview = _store(account, written, {written.remote_id: promised_id} if promised_id else {})
    except Exception:
        # It is written, and whoever is told that something failed writes it again.
        logger.exception("An interview of %s was written at the platform and cannot be stored", account.id)
        interview = None
    if interview is None:
        problems.warn("ERROR", NOT_STORED)
        id = promised_id or unified_id(account.id, MODEL_NAME, written.remote_id)
        interview = known or unsaved(account, {}, id=id, remote_id=written.remote_id)
        for name, value in request.values.items():
            setattr(interview, name, value)
    return Outcome(problems, interview, exchanges)


def _store(
    account: LinkedAccount, written: WrittenInterview, promised: Mapping[str, UUID]
) -> ScheduledInterview | None:
    """Store what was written and return its row. None if the platform told too little of it to have one."""
    ensure_connection()  # the database may have been restarted while the platform was called
    interview_written.send(ScheduledInterview, account=account, entries=written.entries, promised=promised)
    return ScheduledInterview.objects.for_account(account).filter(remote_id=written.remote_id).first()


def _wait_seconds(error: RateLimited) -> float:
    if error.retry_after_seconds is None:
        return DEFAULT_WAIT_SECONDS
    return min(max(error.retry_after_seconds, 1.0), MAX_WAIT_SECONDS)


def _problem(error: ConnectorError) -> Problem:
    detail = str(error)
    match error:
        case InvalidField():
            return Problem(problem_type=error.problem_type, detail=detail, pointer=error.pointer)
        case AlreadyExists():
            return Problem(problem_type="DUPLICATE_MODEL_EXISTS", detail=detail)
        case MissingPermission():
            return Problem(problem_type="MISSING_PERMISSION", detail=detail)
        case BadCredentials():
            return Problem(problem_type="CREDENTIAL_REFRESH_FAILED", detail=detail)
        case UnsupportedOperation():
            return Problem(problem_type="ERROR", title=UNSUPPORTED, detail=detail)
    return Problem(problem_type="PROVIDER_ERROR", detail=detail, words=error.words, code=error.status)
