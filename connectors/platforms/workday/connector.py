"""Workday: what it is, and how its web services are asked."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property, partial
from urllib.parse import quote

from connectors import soap
from connectors.base import UNREADABLE, Connector, Credential, Deletions, ModelSupport, Window, fields_of, unreadable
from connectors.errors import (
    BadCredentials,
    ChangesUnknown,
    ConnectorError,
    MissingPermission,
    TimedOut,
    UnexpectedAnswer,
)
from connectors.http import Answer, Retries, Session
from connectors.pagination import count_pages
from connectors.platforms.workday import mapping
from connectors.platforms.workday.operations import (
    CANDIDATES,
    INTERVIEWS,
    MAX_COUNT,
    VERSION,
    WORKERS,
    Listing,
    Query,
    common_header,
    page_request,
    timestamp_request,
    wd,
    xsd_time,
)
from connectors.records import ApplicationRecord, Checkpoint, Fetched, Record
from connectors.soap import Element
from connectors.values import utc_time

logger = logging.getLogger(__name__)

SERVICES_PATH = "/ccx/service"
OVERLAP = timedelta(minutes=5)
COUNTS = (MAX_COUNT, 500, 250, 100)  # records a page; big pages are slow: each time-out calls for the next one
# By the end of a fault's code. A wrong password must not be sent twice: that locks the user.
FAULTS: Mapping[str, type[ConnectorError]] = {
    "Client.authenticationError": BadCredentials,
    "Client.validationError": UnexpectedAnswer,
    "Client.processingError": MissingPermission,
    "Client": UnexpectedAnswer,
}


class WorkdayConnector(Connector):
    """Recruiting and Human_Resources web services, as an integration system user. One call at a time.

    Workers and candidates are asked for what changed; interviews cannot be, so that each sync lists all of them.
    https://community.workday.com/sites/default/files/file-hosting/productionapi/Recruiting/v31.2/Get_Interviews.html
    """

    slug, name, color = "workday", "Workday", "#0875e1"
    default_base_url = f"https://wd2-impl-services1.workday.com{SERVICES_PATH}"
    documentation_url = (
        "https://community.workday.com/sites/default/files/file-hosting/productionapi/Recruiting/v31.2/"
        "Get_Interviews.html"
    )
    interface = "The SOAP web services Recruiting and Human_Resources, as an Integration System User."
    setup = (
        "Create an Integration System User and a security group for it with the right to get these domains: "
        "Candidate Data: Job Application; Candidate Data: Interview Schedule; Job Requisition Data; Worker Data: "
        "Public Worker Reports; Worker Data: Workers; Worker Data: Work Contact Information. Then activate pending "
        f"security policy changes. The base URL is that of your tenant's web services, up to and with {SERVICES_PATH}."
    )
    own_hosts = ("workday.com", "myworkday.com")
    timeout_seconds = 120.0
    retries = Retries(backoff_seconds=(2, 4, 8, 16, 32), after_timeouts=False, rate_limit_seconds=(2, 4, 8, 16, 32))
    headers = soap.HEADERS
    credentials = (
        Credential(name="tenant", label="Tenant", help_text="Such as acme_dpt1.", secret=False),
        Credential(
            name="username",
            label="User name",
            help_text="Of the Integration System User, without @tenant.",
            secret=False,
        ),
        Credential(name="password", label="Password"),
    )
    models = {
        "RemoteUser": ModelSupport(fields=frozenset({"first_name", "last_name", "email", "disabled"})),
        # A stage that nobody is in right now is not gone.
        "JobInterviewStage": ModelSupport(
            fields=frozenset({"name"}), deletions=Deletions.NEVER, told_by=frozenset({"Application"})
        ),
        "Application": ModelSupport(fields=fields_of(ApplicationRecord)),
        "ScheduledInterview": ModelSupport(
            fields=frozenset({"application", "interviewers", "start_at", "end_at"}),
            is_incremental=False,
            deletions=Deletions.EVERY_SYNC,
        ),
    }
    keeps_unknown_references = False

    @staticmethod
    def judge(session: Session, answer: Answer) -> ConnectorError | None:
        return soap.judge_by_fault(session, answer, FAULTS)

    def check(self) -> None:
        self._fetch_server_time()

    @property
    def passthrough_base_url(self) -> str:
        return f"{self.base_url}/{quote(self.settings['tenant'], safe='')}"

    def passthrough_content(self, content: bytes | None) -> bytes | None:
        return soap.signed(content or b"", username=self._username, password=self.settings["password"])

    def fetch_users(self, window: Window) -> Iterator[Fetched]:
        for page in self._pages(WORKERS, self._changed_in(window)):
            yield from _read_each(wd.all(page, "Worker"), mapping.user, "RemoteUser", mapping.user_id)
        yield self._checkpoint()

    def fetch_applications(self, window: Window) -> Iterator[Fetched]:
        """Yield applications, each stage before the first of those that are in it."""
        stages: set[str] = set()
        for page in self._pages(CANDIDATES, self._changed_in(window)):
            applications = [
                (application, candidate)
                for candidate in wd.all(page, "Candidate")
                for application in wd.all(candidate, "Candidate_Data/Job_Application_Data")
            ]
            creditors = {user_id for application, _ in applications for user_id in mapping.creditors(application)}
            known_users = window.stored.known("RemoteUser", creditors)
            for application, candidate in applications:
                stage_id = mapping.stage_id(application)
                if stage_id and stage_id not in stages:
                    stages.add(stage_id)
                    yield from _read_each([application], mapping.stage, "JobInterviewStage", mapping.stage_id)
                read = partial(mapping.application, candidate=candidate, known_users=known_users)
                yield from _read_each([application], read, "Application", mapping.application_id)
        yield self._checkpoint()

    def fetch_interviews(self, window: Window) -> Iterator[Fetched]:
        for page in self._pages(INTERVIEWS, Query(as_of=self._server_time)):
            events = wd.all(page, "Interview/Interview_Data")
            pairs = {pair for event in events if (pair := mapping.application_pair(event))}
            applications = {
                pair: [one.remote_id for one in found] for pair, found in window.stored.applications_of(pairs).items()
            }
            for event in events:
                read = partial(mapping.interview, event=event, original=soap.as_json(event), applications=applications)
                yield from _read_each(_identified_blocks(event), read, "ScheduledInterview", mapping.interview_id)

    @cached_property
    def _server_time(self) -> datetime:
        """When this sync began by Workday's clock: all its pages show what was there then."""
        return self._fetch_server_time()

    def _fetch_server_time(self) -> datetime:
        stamp = self._call(WORKERS.service, timestamp_request())
        with suppress(ValueError):
            if moment := utc_time(wd.text(stamp, "Server_Timestamp_Data")):
                return moment
        raise UnexpectedAnswer("Server_Timestamp_Get: answered without a time")

    def _changed_in(self, window: Window) -> Query:
        """Raises ChangesUnknown where Workday's clock cannot be compared with that of the last sync."""
        if window.is_full:
            return Query(as_of=self._server_time)
        last = utc_time(window.state.get("server_time"))
        if last is None or last - OVERLAP > self._server_time:  # the latter where a tenant was set back
            raise ChangesUnknown("It is not known when the last sync was by Workday's clock.")
        return Query(as_of=self._server_time, updated_from=last - OVERLAP)

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(state={"server_time": xsd_time(self._server_time)})

    def _pages(self, listing: Listing, query: Query) -> Iterator[Element | None]:
        """Yield the Response_Data of each page, from the first one again with smaller ones if one takes too long."""
        for count in COUNTS:
            try:
                yield from count_pages(partial(self._fetch_page, listing, query, count), name=listing.operation)
            except TimedOut:
                if count == COUNTS[-1]:
                    raise
            else:
                return

    def _fetch_page(self, listing: Listing, query: Query, count: int, number: int) -> tuple[Element | None, bool]:
        page = self._call(listing.service, page_request(listing, query, number=number, count=count))
        total_pages = wd.text(page, "Response_Results/Total_Pages") or ""
        if not total_pages.isdecimal():
            raise UnexpectedAnswer(f"{listing.operation}: answered without a number of pages")
        return wd.first(page, "Response_Data"), number < int(total_pages)

    @property
    def _username(self) -> str:
        return f"{self.settings['username']}@{self.settings['tenant']}"

    def _call(self, service: str, request: Element) -> Element:
        if not self.base_url.endswith(SERVICES_PATH):
            raise BadCredentials(f"The base URL must end with {SERVICES_PATH}.")
        operation = str(request.tag).rpartition("}")[2].removesuffix("_Request")
        body = soap.envelope(
            request,
            username=self._username,
            password=self.settings["password"],
            headers=[common_header()],
        )
        url = f"{self.passthrough_base_url}/{service}/{VERSION}"
        try:
            return soap.content(self.session.call("POST", url, content=body, idempotent=True))
        except MissingPermission as error:
            raise MissingPermission(f"{operation}: {error}") from error


def _identified_blocks(event: Element) -> Iterator[Element]:
    for block in wd.all(event, "Interview_Session_Data"):
        if mapping.interview_id(block):
            yield block
        else:  # nothing to recognize it by in the next sync
            logger.debug("Skipped an Interview_Session_Data of Workday that has no Interview_Session_Reference")


def _read_each(
    elements: Iterable[Element],
    read: Callable[[Element], Record],
    model_name: str,
    identify: Callable[[Element], str | None],
) -> Iterator[Fetched]:
    for element in elements:
        try:
            yield read(element)
        except UNREADABLE as error:
            yield unreadable({"id": identify(element)}, model_name, error)
