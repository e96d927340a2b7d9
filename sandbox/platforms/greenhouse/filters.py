"""The listings of Harvest and the parameters that each takes. A filter reads its parameter once and then tests rows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import ge, gt, le, lt

from sandbox.company import Response
from sandbox.platforms.greenhouse.rows import Row

MAX_IDS = 50


class BadParameter(Exception):  # noqa: N818 (named for what happened)
    """Says what is wrong, and with which parameter."""

    def __init__(self, name: str, problem: str, *, message: str | None = None) -> None:
        super().__init__(message or f"{name} {problem}.")
        self.name, self.problem = name, problem


Test = Callable[[Row], bool]
Filter = Callable[[str, str], Test]  # of a parameter's name and value
Compare = Callable[[datetime, datetime], bool]


def _everything(row: Row) -> bool:
    return True


def read_flag(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise BadParameter(name, "must be true or false")
    return value == "true"


def read_ids(name: str, value: str) -> list[int]:
    parts = value.split(",")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise BadParameter(name, "must be a list of ids")
    if len(parts) > MAX_IDS:
        raise BadParameter(name, f"must not have more than {MAX_IDS} ids")
    return [int(part) for part in parts]


def read_time(name: str, value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise BadParameter(name, "is not an ISO 8601 time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def flag(key: str) -> Filter:
    def read(name: str, value: str) -> Test:
        wanted = read_flag(name, value)
        return lambda row: row.get(key) is wanted

    return read


def show(is_hidden: Test) -> Filter:
    """Such rows come only with `true`."""

    def read(name: str, value: str) -> Test:
        return _everything if read_flag(name, value) else lambda row: not is_hidden(row)

    return read


def ids(key: str) -> Filter:
    def read(name: str, value: str) -> Test:
        wanted = frozenset(read_ids(name, value))
        return lambda row: row.get(key) in wanted

    return read


def one_id(find: Callable[[Row], Iterable[int | None]]) -> Filter:
    def read(name: str, value: str) -> Test:
        if not value.isdigit():
            raise BadParameter(name, "must be an id")
        return lambda row: int(value) in find(row)

    return read


def same(key: str, *, spelled: Mapping[str, str] | None = None, choices: Iterable[str] = ()) -> Filter:
    """Compare text. `spelled` gives the row's word where the parameter has another one."""
    allowed = frozenset(choices)

    def read(name: str, value: str) -> Test:
        if allowed and value not in allowed:
            raise BadParameter(name, f"must be one of {', '.join(sorted(allowed))}")
        wanted = (spelled or {}).get(value, value)
        return lambda row: row.get(key) == wanted

    return read


def member(key: str) -> Filter:
    return lambda name, value: lambda row: value in (row.get(key) or ())


def between(key: str) -> Filter:
    """`gte|<time>|lte|<time>`, one or more pairs. https://harvestdocs.greenhouse.io/docs/list-endpoints"""
    operators: dict[str, Compare] = {"gte": ge, "gt": gt, "lte": le, "lt": lt}

    def read(name: str, value: str) -> Test:
        parts = value.split("|")
        if len(parts) % 2 or any(operator not in operators for operator in parts[::2]):
            raise BadParameter(name, "must be pairs of gte, gt, lte, lt and a time, separated by |")
        pairs = zip(parts[::2], parts[1::2], strict=True)
        bounds = [(operators[operator], read_time(name, moment)) for operator, moment in pairs]
        return lambda row: _is_within(row.get(key), bounds)

    return read


def _is_within(value: str | None, bounds: Iterable[tuple[Compare, datetime]]) -> bool:
    moment = datetime.fromisoformat(value) if value else None
    return moment is not None and all(compare(moment, bound) for compare, bound in bounds)


def bound(compare: Compare, find: Callable[[Row], str | None]) -> Filter:
    def read(name: str, value: str) -> Test:
        bounds = [(compare, read_time(name, value))]
        return lambda row: _is_within(find(row), bounds)

    return read


def around(stem: str, find: Callable[[Row], str | None]) -> dict[str, Filter]:
    """`…_after` includes its time, `…_before` does not."""
    return {f"{stem}_after": bound(ge, find), f"{stem}_before": bound(lt, find)}


def has_time(key: str, inner: str = "") -> Callable[[Row], str | None]:
    return lambda row: (row.get(key) or {}).get(inner) if inner else row.get(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """`defaults` apply where the request does not name the parameter."""

    filters: Mapping[str, Filter]
    defaults: Mapping[str, str] = field(default_factory=dict)


def _is_service_account(user: Row) -> bool:
    return not user.get("primary_email") and not user.get("emails")


def _is_built_in(reason: Row) -> bool:
    return bool(reason["id"] < 5000)  # the platform's own reasons have small ids


V3_STATUSES = (
    "scheduled",
    "awaiting_feedback",
    "complete",
    "to_be_scheduled",
    "collect_feedback",
    "skipped",
    "to_be_sent",
    "sent",
    "received",
)
V3_COMMON: dict[str, Filter] = {
    "ids": ids("id"),
    "created_at": between("created_at"),
    "updated_at": between("updated_at"),
}
V3 = {
    "users": Listing(
        filters=V3_COMMON
        | {
            "deactivated": flag("deactivated"),
            "primary_email": same("primary_email"),
            "show_service_accounts": show(_is_service_account),
        },
        defaults={"show_service_accounts": "false"},
    ),
    "job_interview_stages": Listing(filters=V3_COMMON | {"job_ids": ids("job_id"), "active": flag("active")}),
    "job_interviews": Listing(
        filters=V3_COMMON
        | {
            "job_ids": ids("job_id"),
            "job_interview_stage_ids": ids("job_interview_stage_id"),
            "active": flag("active"),
            "scheduling_type": same("scheduling_type"),
        }
    ),
    "sources": Listing(filters=V3_COMMON),
    "referrers": Listing(filters=V3_COMMON | {"user_ids": ids("user_id")}),
    "rejection_reasons": Listing(
        filters=V3_COMMON | {"include_defaults": show(_is_built_in)}, defaults={"include_defaults": "false"}
    ),
    "applications": Listing(
        filters=V3_COMMON
        | {
            "candidate_ids": ids("candidate_id"),
            "job_ids": ids("job_id"),
            "source_ids": ids("source_id"),
            "referrer_ids": ids("referrer_id"),
            # Asked for as "active", answered as "in_process".
            "status": same("status", spelled={"active": "in_process"}, choices=("active", "hired", "rejected")),
            "prospect": flag("prospect"),
            "last_activity_at": between("last_activity_at"),
        }
    ),
    "interviews": Listing(
        filters=V3_COMMON
        | {
            "job_ids": ids("job_id"),
            "application_ids": ids("application_id"),
            "job_interview_ids": ids("job_interview_id"),
            "organizer_ids": ids("organizer_id"),
            "starts_at": between("starts_at"),
            "ends_at": between("ends_at"),
            "external_event_id": same("external_event_id"),
            "status": same("status", choices=V3_STATUSES),
        }
    ),
    "interviewers": Listing(
        filters=V3_COMMON
        | {
            "interview_ids": ids("interview_id"),
            "user_ids": ids("user_id"),
            "scorecard_ids": ids("scorecard_id"),
            "response_status": same("response_status", choices=Response),
        }
    ),
}

V1_TIMES = around("created", has_time("created_at")) | around("updated", has_time("updated_at"))
V1 = {
    "users": Listing(filters=V1_TIMES | {"email": member("emails"), "employee_id": same("employee_id")}),
    "job_stages": Listing(filters=V1_TIMES),
    "applications": Listing(
        filters=around("created", has_time("applied_at"))
        | {
            "last_activity_after": bound(ge, has_time("last_activity_at")),
            "job_id": one_id(lambda row: [job["id"] for job in row.get("jobs") or ()]),
            "status": same("status"),
        }
    ),
    "scheduled_interviews": Listing(
        filters=V1_TIMES
        | around("starts", has_time("start", "date_time"))
        | around("ends", has_time("end", "date_time"))
        | {"external_event_id": same("external_event_id")}
    ),
}


def tests_for(listing: Listing, given: Mapping[str, str]) -> list[Test]:
    """Raises BadParameter."""
    for name in given:
        if name not in listing.filters:
            raise BadParameter(name, "is not a parameter of this endpoint")
    return [listing.filters[name](name, value) for name, value in {**listing.defaults, **given}.items()]
