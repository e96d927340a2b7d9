"""Oracle Taleo Business Edition: REST API v1, with login tokens that have to be given back."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from connectors.base import UNREADABLE, Connector, Credential, ModelSupport, Window, fields_of, read_each, unreadable
from connectors.errors import ChangesUnknown, ConnectorError
from connectors.http import Answer, Auth, Parameters, Retries, Session
from connectors.joining import DiskJoin
from connectors.pace import Limiter
from connectors.platforms.taleo import mapping, service
from connectors.platforms.taleo.mapping import Payload, Users
from connectors.platforms.taleo.service import MAX_PER_PAGE, Login, Service, unwrapped
from connectors.records import ApplicationRecord, Checkpoint, Fetched, Record, RemoteUserRecord, Unreadable
from connectors.stored import Stored, StoredApplication
from connectors.values import remote_id, text


class TaleoConnector(Connector):
    """http://www.oracle.com/technetwork/documentation/tberestapiguide-v15b1-2665296.pdf

    Neither is a deletion told of, nor the stage of an interview: that is the one its application is in.
    """

    slug, name, color = "taleo", "Oracle Taleo", "#c74634"
    default_base_url = f"https://tbe.{service.DOMAIN}{service.DISPATCHER}"
    documentation_url = "http://www.oracle.com/technetwork/documentation/tberestapiguide-v15b1-2665296.pdf"
    interface = (
        "REST API v1 of Taleo Business Edition, with user name and password. Searches go by days, not by moments."
    )
    setup = (
        "Administration, Users: an administrator or API user of the company, who may read users, candidates, "
        "requisitions and interviews. The company code is the one that people log in with. " + service.ENTERPRISE
    )
    own_hosts = (service.DOMAIN,)
    # There is no documented rate limit: a 429 is as good as a 503.
    retries = Retries(rate_limit_seconds=(1, 2, 4, 8, 16), max_rate_limit_waits=5)
    keeps_unknown_references = False
    credentials = (
        Credential(
            name="company_code",
            label="Company code",
            help_text="Of Taleo Business Edition; Taleo Enterprise has none and is not supported.",
            secret=False,
        ),
        Credential(
            name="username",
            label="User name",
            help_text="Of an administrator or API user of that company.",
            secret=False,
        ),
        Credential(name="password", label="Password"),
        Credential(
            name="time_zone",
            label="Time zone",
            help_text="Such as America/New_York, for times that come without one. UTC unless told otherwise.",
            required=False,
            secret=False,
        ),
    )
    models = {
        "RemoteUser": ModelSupport(
            fields=frozenset({"first_name", "last_name", "email", "disabled", "remote_created_at", "access_role"}),
            is_incremental=False,
        ),
        "JobInterviewStage": ModelSupport(fields=frozenset({"name"}), is_incremental=False),
        "Application": ModelSupport(fields=fields_of(ApplicationRecord)),
        "ScheduledInterview": ModelSupport(
            fields=frozenset(
                {
                    "application",
                    "job_interview_stage",
                    "organizer",
                    "interviewers",
                    "location",
                    "start_at",
                    "end_at",
                    "remote_created_at",
                    "remote_updated_at",
                }
            )
        ),
    }

    def __init__(
        self, *, credentials: Mapping[str, str], base_url: str | None = None, limiter: Limiter | None = None
    ) -> None:
        super().__init__(credentials=credentials, base_url=base_url, limiter=limiter)
        self.service = Service(self.session, self.login)
        self.time_zone = ZoneInfo(credentials.get("time_zone") or "UTC")
        self._users: Users | None = None
        # Candidates of whom an application changed its stage since `_applications_since`, None if nobody knows.
        self._moved: set[str] | None = set()
        self._applications_since: datetime | None = None

    def build_auth(self) -> Auth:
        self.login = Login(self.base_url, self.settings, may_be_plain=self.has_own_base_url)
        return self.login

    @staticmethod
    def judge(session: Session, answer: Answer) -> ConnectorError | None:
        return service.judge(session, answer)

    @property
    def passthrough_base_url(self) -> str:
        return self.login.service_url(self.session)

    def close(self) -> None:
        try:
            self.login.log_out(self.session)
        finally:
            super().close()

    @classmethod
    def validate_credentials(cls, given: Mapping[str, str]) -> dict[str, str]:
        problems = super().validate_credentials(given)
        if "company_code" in problems:
            problems["company_code"] += f" {service.ENTERPRISE}"
        if (time_zone := given.get("time_zone")) and time_zone not in available_timezones():
            problems["time_zone"] = "Must be the name of a time zone, such as America/New_York."
        return problems

    def check(self) -> None:
        self.service.get("object/info")

    def fetch_users(self, window: Window) -> Iterator[Fetched]:
        users = Users()

        def read(payload: Payload) -> RemoteUserRecord:
            users.add(payload)  # one that cannot be read now may have been stored before
            return mapping.user(payload, time_zone=self.time_zone)

        for page in self.service.search("user"):
            yield from read_each(page, read, "RemoteUser", id_key="userId")
        self._users = users

    def fetch_job_interview_stages(self, window: Window) -> Iterator[Fetched]:
        yield from read_each(self.service.rows(mapping.STAGES_PATH), mapping.stage, "JobInterviewStage")

    def fetch_applications(self, window: Window) -> Iterator[Fetched]:
        """Keep in mind whose application changed its stage: fetch_interviews reads their interviews anew.

        The checkpoint names the listing that began last. If that was not the last good one, it has stored some of the
        changes, and nobody knows any more which.
        """
        yield Checkpoint(state={"began_at": _iso(window.started_at)})
        self._applications_since = window.since
        if window.since is None:
            self._moved = None
            yield from self._fetch_all_applications()
            return
        self._moved = set() if window.state.get("began_at") in (None, _iso(window.since)) else None
        for page in self.service.search("candidate", _changed_since(window)):
            candidates = yield from _by_id(page, "candId", "Application")
            found = list(self._read_applications(candidates))
            self._note_moves(found, window.stored)
            yield from found

    def fetch_interviews(self, window: Window) -> Iterator[Fetched]:
        if window.since and self._has_missed_moves(window.since):
            raise ChangesUnknown("It is not known which applications have changed their stage.")
        if not self.service.has_interview_search():
            yield from self._fetch_by_candidate(window)
            return
        for page in self.service.search("interview", _changed_since(window)):
            yield from self._read_interviews(page, window.stored)
        moved = sorted(self._moved or ()) if window.since else []
        for start in range(0, len(moved), MAX_PER_PAGE):
            yield from self._read_interviews(self._interviews_of(moved[start : start + MAX_PER_PAGE]), window.stored)

    def _fetch_all_applications(self) -> Iterator[Fetched]:
        """List applications by requisition, and join them with their candidates."""
        users = self._known_users()
        with DiskJoin() as join:
            for page in self.service.search("candidate"):
                for candidate in page:
                    if candidate_id := _text_at(candidate, "candId"):
                        join.add_right(candidate_id, candidate)
            for page in self.service.search("requisition"):
                requisitions = yield from _by_id(page, "reqId", "Application")
                for rows in self._applications_below("requisition", requisitions, "requisitionId"):
                    for row in rows:
                        join.add_left(_text_at(row, "candidateId"), row)
            for applications, candidates in join.partitions():
                for payload in applications:
                    known = candidates[_text_at(payload, "candidateId")]
                    yield self._read_application(payload, known[-1] if known else None, users)

    def _read_applications(self, candidates: Mapping[str, Payload]) -> Iterator[Fetched]:
        users = self._known_users()
        rows_of = self._applications_below("candidate", candidates, "candidateId")
        for candidate, rows in zip(candidates.values(), rows_of, strict=True):
            for payload in rows:
                yield self._read_application(payload, candidate, users)

    def _read_application(self, payload: Any, candidate: Payload | None, users: Users) -> Record | Unreadable:
        try:
            return mapping.application(payload, candidate=candidate, users=users, time_zone=self.time_zone)
        except UNREADABLE as error:
            return unreadable(payload, "Application", error)

    def _applications_below(self, parent: str, ids: Iterable[str], parameter: str) -> Iterator[list[Any]]:
        lists = self.service.below(parent, ids, path="object/candidateapplication", parameter=parameter)
        return (unwrapped(rows, "candidateapplication") for rows in lists)

    def _note_moves(self, found: Iterable[Fetched], stored: Stored) -> None:
        if self._moved is None:
            return
        records = [one for one in found if isinstance(one, ApplicationRecord)]
        before = stored.applications([one.remote_id for one in records])
        # A stage that was never listed is stored as none.
        stages = stored.known("JobInterviewStage", {one.current_stage for one in records if one.current_stage})
        for record in records:
            stage = record.current_stage if record.current_stage in stages else None
            known = before.get(record.remote_id)
            if record.candidate and (known is None or known.current_stage != stage):
                self._moved.add(str(record.candidate))

    def _has_missed_moves(self, since: datetime) -> bool:
        """Whether applications were last read well after the interviews, or so that nobody knows what changed."""
        return self._moved is None or (self._applications_since is not None and self._applications_since > since)

    def _fetch_by_candidate(self, window: Window) -> Iterator[Fetched]:
        for page in self.service.search("candidate"):
            candidates = yield from _by_id(page, "candId", "ScheduledInterview")
            yield from self._read_interviews(self._interviews_of(candidates), window.stored)

    def _interviews_of(self, candidate_ids: Iterable[str]) -> list[Any]:
        lists = self.service.below("candidate", candidate_ids, path="object/candidate/{}/interview")
        return [payload for rows in lists for payload in unwrapped(rows, "interview")]

    def _read_interviews(self, payloads: list[Any], stored: Stored) -> Iterator[Fetched]:
        users = self._known_users()
        found = stored.applications_of({pair for payload in payloads if (pair := _pair(payload))})

        def read(payload: Payload) -> Record:
            return mapping.interview(
                payload,
                application=_latest(found.get(_pair(payload) or ("", ""), ())),
                users=users,
                time_zone=self.time_zone,
            )

        return read_each(payloads, read, "ScheduledInterview", id_key="interviewId")

    def _known_users(self) -> Users:
        """Return all users, read here only where listing them failed or was not asked for."""
        if self._users is None:
            users = Users()
            for page in self.service.search("user"):
                for payload in page:
                    with suppress(*UNREADABLE):
                        users.add(payload)
            self._users = users
        return self._users


def _by_id(page: Iterable[Any], key: str, model_name: str) -> Generator[Unreadable, None, dict[str, Payload]]:
    """Return payloads by id; without one, nobody can ask for what is below, which may be of that model."""
    found = {}
    for payload in page:
        try:
            found[remote_id(payload[key])] = payload
        except UNREADABLE as error:
            yield unreadable(None, model_name, error)
    return found


def _pair(interview: Any) -> tuple[str, str] | None:
    with suppress(*UNREADABLE):
        return mapping.candidate_and_job(interview)
    return None


def _latest(applications: Iterable[StoredApplication]) -> StoredApplication | None:
    """Return the one with the highest number, should a candidate have applied twice for a job."""
    return max(applications, key=lambda one: (len(one.remote_id), one.remote_id), default=None)


def _text_at(payload: Any, key: str) -> str:
    return text(payload.get(key)) or "" if isinstance(payload, Mapping) else ""


def _changed_since(window: Window) -> Parameters:
    """Read the day of the last sync again: Taleo filters by days, of UTC."""
    return {"lastUpdated_from": window.since.astimezone(UTC).date().isoformat()} if window.since else {}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
