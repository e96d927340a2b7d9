"""Ashby's envelope: most refusals come as HTTP 200. https://developers.ashbyhq.com/reference/responses"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from connectors.errors import (
    BadCredentials,
    ChangesUnknown,
    ConnectorError,
    MissingPermission,
    NotFound,
    UnexpectedAnswer,
)
from connectors.http import Answer, Session, judge_by_status

# Of `errorInfo.code`. https://developers.ashbyhq.com/docs/pagination-and-incremental-sync,
# https://developers.ashbyhq.com/changelog/2026-05-14-reject-deep-pagination-on-incremental-sync
ERRORS: Mapping[str, type[ConnectorError]] = {
    "sync_token_expired": ChangesUnknown,
    "sync_token_invalid": ChangesUnknown,
    "incremental_sync_too_large": ChangesUnknown,
    "next_cursor_expired": ChangesUnknown,
    "cursor_invalid": ChangesUnknown,
    "invalid_next_cursor": ChangesUnknown,
    "missing_endpoint_permission": MissingPermission,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`next_cursor` is None on the last page, `sync_token` on all others, and where a listing has none."""

    results: list[Any]
    next_cursor: str | None
    sync_token: str | None


def judge(session: Session, answer: Answer) -> ConnectorError | None:
    """Return what is wrong with an answer. Only an envelope that says `success` is right."""
    if answer.status in (404, 410):
        return UnexpectedAnswer(session.describe(answer))  # no such call: things not found come as 200
    envelope = _envelope(answer)
    code = _code(envelope)
    # Who may not make this one call is told so in an envelope; who may make none, in plain text.
    # https://developers.ashbyhq.com/reference/authentication
    if answer.status == 403 and code is None:
        return BadCredentials(session.describe(answer))
    if error := judge_by_status(session, answer):
        return error
    if envelope.get("success") is True:
        return None
    if code is None:
        return UnexpectedAnswer(f"{session.describe(answer)}, without success and without saying why")
    unforeseen = NotFound if code.endswith("_not_found") else UnexpectedAnswer
    return ERRORS.get(code, unforeseen)(session.describe(answer))


def read_page(answer: Answer) -> Page:
    payload = answer.json()
    results, has_more, cursor = payload.get("results"), payload.get("moreDataAvailable"), payload.get("nextCursor")
    if not isinstance(results, list):
        raise UnexpectedAnswer(f"{answer.request}: answered with something other than a list")
    if has_more and not (cursor and isinstance(cursor, str)):
        raise UnexpectedAnswer(f"{answer.request}: there is more, without a cursor to get it by")
    token = payload.get("syncToken")
    return Page(
        results=results,
        next_cursor=cursor if has_more else None,
        sync_token=token if isinstance(token, str) and token and not has_more else None,
    )


def _envelope(answer: Answer) -> Mapping[str, Any]:
    with suppress(UnexpectedAnswer):
        payload = answer.json()
        if isinstance(payload, dict):
            return payload
    return {}


def _code(envelope: Mapping[str, Any]) -> str | None:
    """Read `errorInfo.code`. Old answers have `errors` alone, of texts or of objects."""
    errors = envelope.get("errors")
    for error in (envelope.get("errorInfo"), errors[0] if isinstance(errors, list) and errors else None):
        code = error.get("code") if isinstance(error, dict) else error
        if code and isinstance(code, str):
            return code
    return None
