"""What writing takes at several platforms: nothing is sent twice, and nobody is told to try again what may be there."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.base import UNREADABLE
from connectors.creation import FieldProblem, InterviewDraft
from connectors.errors import (
    AlreadyExists,
    ConnectorError,
    InvalidField,
    NotFound,
    PlatformUnavailable,
    UnexpectedAnswer,
)
from connectors.http import Answer, Parameters, Session, judge_by_status

APPLICATION = "model/application"
END = "model/end_at"
TIMEZONE = "model/integration_params/timezone"

T = TypeVar("T")


def send(
    session: Session, method: str, url: str, *, params: Parameters | None = None, json: Any = None
) -> Answer | ConnectorError:
    """Return the platform's last word, or why nobody knows what became of it. Raises where nothing was done."""
    try:
        return session.send(method, url, params=params, json=json)
    except (PlatformUnavailable, UnexpectedAnswer) as error:
        return error


def look(find: Callable[[], T | None], lost: ConnectorError) -> T:
    """Return what is there after all. Raises PlatformUnavailable, whatever goes wrong: it may be there."""
    try:
        found = find()
    except (ConnectorError, *UNREADABLE) as error:
        raise unknown(lost, f"whether it was done cannot be seen ({error})") from lost
    if found is None:
        raise unknown(lost, "it seems not to have been done") from lost
    return found


def unknown(lost: ConnectorError, outcome: str) -> PlatformUnavailable:
    error = PlatformUnavailable(f"{lost}; {outcome}")
    error.status, error.words = lost.status, lost.words
    return error


def refusal(
    session: Session,
    answer: Answer,
    *,
    words: str | None,
    pointers: Mapping[str, str],
    blamed_for_404: str | None = None,
) -> ConnectorError | None:
    """Return why an answer is one, going by its HTTP status. None if it is none.

    `words` are the platform's. `pointers` are the fields that it blames by naming them, by the names that it uses.
    """
    error = judge_by_status(session, answer)
    if error is None:
        return None
    words = session.printable(words) if words else error.words
    message = words or str(error)
    pointer = _blamed(message, pointers) if answer.status in (400, 422) else None
    refused: ConnectorError = type(error)(message)
    if isinstance(error, NotFound):
        refused = InvalidField(message, pointer=blamed_for_404) if blamed_for_404 else refused
    elif answer.status == 409:
        refused = AlreadyExists(message)
    elif pointer:
        refused = InvalidField(message, pointer=pointer)
    refused.status, refused.words = answer.status, words
    return refused


def missing(detail: str, pointer: str) -> InvalidField:
    return InvalidField(detail, pointer=pointer, problem_type="MISSING_REQUIRED_FIELD")


def minutes_between(start: datetime, end: datetime) -> int:
    """Raises InvalidField unless the end is a whole number of minutes after the start."""
    minutes, rest = divmod(end - start, timedelta(minutes=1))
    if rest or minutes < 1:
        raise InvalidField("end_at has to be after start_at, by whole minutes.", pointer=END)
    return minutes


def problems_of(draft: InterviewDraft, *, needed: tuple[str, ...]) -> list[FieldProblem]:
    """Return what is wrong with times, with the time zone, and with `needed` fields that are to be left empty."""
    problems = [
        FieldProblem(
            problem_type="INVALID_FIELD_CHOICE", detail=f"{name} cannot be left empty.", pointer=f"model/{name}"
        )
        for name in needed
        if name in draft.given and not getattr(draft, name)
    ]
    try:
        if draft.start_at and draft.end_at:
            minutes_between(draft.start_at, draft.end_at)
    except InvalidField as error:
        problems.append(FieldProblem(problem_type=error.problem_type, detail=str(error), pointer=error.pointer))
    zone = draft.integration_params.get("timezone")
    if zone is not None and not _is_time_zone(zone):
        detail = f"There is no time zone {zone}; an IANA name is needed, such as Europe/Berlin."
        problems.append(FieldProblem(problem_type="INVALID_FIELD_CHOICE", detail=detail, pointer=TIMEZONE))
    return problems


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _blamed(words: str, pointers: Mapping[str, str]) -> str | None:
    return next((pointers[name] for name in re.findall(r"\w+", words) if name in pointers), None)
