"""What a platform can offer. Every default is "unsupported" or "nothing"."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self

import httpx2

from connectors.creation import Creation, FieldProblem, InterviewDraft, StoredInterview, WrittenInterview
from connectors.errors import ConnectorError, UnsupportedOperation
from connectors.http import Answer, Auth, Retries, Session, Traffic, judge_by_status
from connectors.pace import Limiter, Pace
from connectors.records import Fetched, Record, Unreadable
from connectors.stored import NOTHING_STORED, Stored
from connectors.values import text
from connectors.webhooks import Hint, Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One thing that a customer enters to link an account.

    `required` may depend on the other values: a function of all that were given. `operators_only`: not asked of
    customers, such as an address that we are to call.
    """

    name: str
    label: str
    help_text: str = ""
    required: bool | Callable[[Mapping[str, str]], bool] = True
    secret: bool = True
    choices: tuple[str, ...] = ()
    multiline: bool = False
    operators_only: bool = False

    def is_required(self, given: Mapping[str, str]) -> bool:
        return self.required(given) if callable(self.required) else self.required


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one sync asks for. `since` is the start of the last good one; None asks for everything there is.

    Both are aware UTC times; a connector subtracts what overlap its platform needs. `state` is that of the model's last
    Checkpoint, empty if there was none. `stored` is what we hold of the account.
    """

    since: datetime | None
    started_at: datetime
    state: Mapping[str, Any] = field(default_factory=dict)
    stored: Stored = NOTHING_STORED

    @property
    def is_full(self) -> bool:
        return self.since is None


class Deletions(StrEnum):
    """When we learn that the platform no longer has a record, beside what it tells by itself (Whole, Gone, flags)."""

    NEVER = "never"
    FULL_SYNC = "full sync"  # a full sync lists every record there is
    EVERY_SYNC = "every sync"  # each sync does


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSupport:
    """How a platform serves one unified model. `fields` are those that the connector fills.

    `is_incremental`: a sync can ask for what changed. `told_by` names other models whose listings bring records of this
    one as well: what none of them held was deleted. `lists_groups`: beside that, deletions show wherever the group
    (see Whole) of a record is read.
    """

    fields: frozenset[str]
    is_incremental: bool = True
    deletions: Deletions = Deletions.FULL_SYNC
    told_by: frozenset[str] = frozenset()
    lists_groups: bool = False


def fields_of(record: type[Record]) -> frozenset[str]:
    """Return all fields of a unified model, for platforms that fill every one."""
    shared = {declared.name for declared in fields(Record)}
    return frozenset(declared.name for declared in fields(record)) - shared


class Connector:
    """One customer's connection to one platform, for the length of a sync or a call. A context manager.

    Subclasses declare what they are and override the `fetch_…` methods of what they support, each of which hands back
    records in any order, one entry a payload: `Unreadable` for those that cannot be read, `Gap` for missing extras.
    Records of other models may come along, before or among them. They raise ConnectorError where a listing fails; what
    was handed back until then stays. Listings are walked through one after the other, in a thread of their own.
    """

    slug: ClassVar[str]
    name: ClassVar[str]
    color: ClassVar[str] = "#334155"
    default_base_url: ClassVar[str]
    documentation_url: ClassVar[str]  # the vendor's, of the interface that is used
    interface: ClassVar[str]  # that one in a sentence or two, for whoever connects a customer
    setup: ClassVar[str]  # where in the platform a customer makes the credentials, and with which rights
    credentials: ClassVar[tuple[Credential, ...]]
    models: ClassVar[Mapping[str, ModelSupport]]  # by unified model name
    creations: ClassVar[Mapping[str, Creation]] = {}  # what POST takes, by unified model name
    updates: ClassVar[Mapping[str, Creation]] = {}  # what PATCH takes
    cancels_interviews: ClassVar[bool] = False
    webhooks: ClassVar[Webhooks | None] = None  # what the platform sends
    # A reference to a record that was never listed: kept, for the record may arrive; or None, as the platform's
    # contract wants it, and set when the record arrives.
    keeps_unknown_references: ClassVar[bool] = True
    # Whether what a listing lacks was deleted only if all listings of the sync could be read.
    deletions_need_all_listings: ClassVar[bool] = False

    retries: ClassVar[Retries] = Retries()
    headers: ClassVar[Mapping[str, str]] = {}  # of every request
    timeout_seconds: ClassVar[float] = 60.0
    pace: ClassVar[Pace | None] = None  # documented limit, kept towards the platform's own hosts
    own_hosts: ClassVar[tuple[str, ...]] = ()  # "lever.co" stands for api.lever.co as well

    def __init__(
        self, *, credentials: Mapping[str, str], base_url: str | None = None, limiter: Limiter | None = None
    ) -> None:
        self.settings = credentials
        self.base_url = (base_url or self.default_base_url).rstrip("/")
        self.has_own_base_url = self.base_url != self.default_base_url.rstrip("/")
        self.traffic = Traffic()
        self.limiter = limiter
        self.session = Session(
            traffic=self.traffic,
            auth=self.build_auth(),
            retries=self.retries,
            secrets=self.secrets,
            headers=self.headers,
            judge=self.judge,
            limiter=limiter if self.is_at_vendor else None,
            timeout_seconds=self.timeout_seconds,
        )

    def build_auth(self) -> Auth | None:
        """Return what proves to the platform who calls. `settings` and `base_url` are there already."""
        return None

    @staticmethod
    def judge(session: Session, answer: Answer) -> ConnectorError | None:
        """Return what is wrong with an answer; see Session."""
        return judge_by_status(session, answer)

    @property
    def is_at_vendor(self) -> bool:
        """Whether calls go to the platform itself, not to a proxy or a simulator in its place."""
        return self.is_own_host(httpx2.URL(self.base_url).host)

    @classmethod
    def is_own_host(cls, host: str) -> bool:
        return any(host == own or host.endswith(f".{own}") for own in cls.own_hosts)

    @property
    def passthrough_base_url(self) -> str:
        """What the paths of passthrough requests are appended to. May take calls to find out."""
        return self.base_url

    def passthrough_content(self, content: bytes | None) -> bytes | None:
        """Return the body of a passthrough request as the platform takes it. Raises ValueError if it never will."""
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back connections, and sessions where the platform counts them."""
        self.session.close()
        if self.limiter:
            self.limiter.close()

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no message may show."""
        return tuple(value for one in self.credentials if one.secret and (value := self.settings.get(one.name)))

    def check(self) -> None:
        """Make the cheapest call that shows whether the credentials work. Raises ConnectorError."""
        raise UnsupportedOperation(f"{self.name} offers no way to test credentials")

    def fetch_users(self, window: Window) -> Iterable[Fetched]:
        return ()

    def fetch_job_interview_stages(self, window: Window) -> Iterable[Fetched]:
        return ()

    def fetch_applications(self, window: Window) -> Iterable[Fetched]:
        return ()

    def fetch_interviews(self, window: Window) -> Iterable[Fetched]:
        return ()

    def refetch(self, hint: Hint, window: Window) -> Iterable[Fetched]:
        """Read anew what one of `webhooks` said has changed."""
        raise UnsupportedOperation(f"{self.name} reads nothing singly")

    def problems_of(self, draft: InterviewDraft) -> Iterable[FieldProblem]:
        """Yield what is wrong with a draft, beside what `creations` declares, as far as no call is needed to see it."""
        return ()

    def warnings_of(self, draft: InterviewDraft) -> Iterable[FieldProblem]:
        """Yield what of a draft will not be written as it is given, beside what `creations` declares."""
        return ()

    def create_interview(self, draft: InterviewDraft) -> WrittenInterview:
        """Create an interview, and return it as the platform has it.

        Never sends twice what may have been stored: where the outcome is unknown it looks once, and raises
        PlatformUnavailable if nothing is there. Raises RateLimited only if nothing happened; InvalidField,
        AlreadyExists and other ConnectorErrors.
        """
        raise UnsupportedOperation(f"{self.name} creates no interviews for others.")

    def update_interview(self, interview: StoredInterview, draft: InterviewDraft) -> WrittenInterview:
        """Change what the draft gives of an interview. Raises as `create_interview`, and NotFound."""
        raise UnsupportedOperation(f"{self.name} lets nobody else change its interviews.")

    def cancel_interview(self, interview: StoredInterview, *, acting_user: str | None) -> Iterable[Fetched]:
        """Cancel an interview and return what is there of it now: its record, or Gone. Raises as `update_interview`."""
        raise UnsupportedOperation(f"{self.name} lets nobody else cancel its interviews.")

    @classmethod
    def validate_credentials(cls, given: Mapping[str, str]) -> dict[str, str]:
        """Return what is wrong, by credential name: missing, unknown, not one of the choices. Empty if all is well."""
        known = {credential.name: credential for credential in cls.credentials}
        problems = {
            name: f"{cls.name} has no such credential; it knows {', '.join(known)}."
            for name in given.keys() - known.keys()
        }
        for name, credential in known.items():
            value = given.get(name, "")
            if not value:
                if credential.is_required(given):
                    problems[name] = f"Required: {credential.label}."
            elif credential.choices and value not in credential.choices:
                problems[name] = f"Must be one of {', '.join(credential.choices)}."
        return problems


# What reading a payload raises when it is not what the platform's documentation says.
UNREADABLE = (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError)


def unreadable(payload: Any, model_name: str, error: Exception, *, id_key: str = "id") -> Unreadable:
    remote_id = payload.get(id_key) if isinstance(payload, Mapping) else None
    return Unreadable(
        model_name=model_name, remote_id=text(remote_id), reason=text(f"{type(error).__name__}: {error}") or ""
    )


def read_each(
    payloads: Iterable[Any], read: Callable[[Any], Record], model_name: str, *, id_key: str = "id"
) -> Iterator[Fetched]:
    """Yield each payload's record, or Unreadable in its place where `read` cannot make sense of it."""
    for payload in payloads:
        try:
            yield read(payload)
        except UNREADABLE as error:
            yield unreadable(payload, model_name, error, id_key=id_key)
