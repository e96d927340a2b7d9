"""Fountain Hire, API v2 with the key header: https://developer.fountain.com/reference"""

import logging
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from connectors.auth import FixedHeader
from connectors.base import UNREADABLE, Connector, Credential, Deletions, ModelSupport, Window, read_each, unreadable
from connectors.errors import NotFound, UnexpectedAnswer
from connectors.http import Answer, Auth, Parameters, Retries
from connectors.pace import Pace
from connectors.pagination import count_pages, follow_cursor
from connectors.platforms.fountain import mapping
from connectors.platforms.fountain.openings import Openings
from connectors.platforms.fountain.webhooks import FountainWebhooks
from connectors.records import Fetched, Gone, Unreadable
from connectors.values import remote_id, text
from connectors.webhooks import Hint, Subject

logger = logging.getLogger(__name__)

MAX_PER_PAGE = 100
# An applicant who is changed while the pages are read can be missing from them.
OVERLAP = timedelta(minutes=5)


class FountainConnector(Connector):
    """Lists users, openings and calendar slots anew in each sync: only applicants can be asked for by their changes."""

    slug, name, color = "fountain", "Fountain", "#00a19b"
    default_base_url = "https://api.fountain.com/v2"
    documentation_url = "https://developer.fountain.com/reference"
    interface = "Fountain Hire, API v2, with the account's API key. An interview is a booking of a calendar slot."
    setup = (
        "Company Settings, API, Show API Keys: the private key of Fountain Hire, which may read everything. Accounts "
        "in a region, or with servers of their own, have another address, such as https://us-2.fountain.com/api/v2."
    )
    own_hosts = ("fountain.com",)
    # https://developer.fountain.com/reference/rate-limitations; the limit is the account's, so others can use it up.
    pace = Pace(requests=120, seconds=60)
    retries = Retries(
        backoff_seconds=(1, 2, 4, 8, 16),
        rate_limit_seconds=(1, 2, 4, 8, 16, 32, 60),
        min_rate_limit_seconds=1,
        max_rate_limit_wait_seconds=60,
        max_rate_limit_seconds=3600,
        max_rate_limit_waits=3600,
    )
    credentials = (
        Credential(
            name="api_key",
            label="API key",
            help_text="The private one of Company Settings, API. It signs webhooks as well.",
        ),
    )
    models = {
        "RemoteUser": ModelSupport(
            fields=frozenset({"first_name", "last_name", "email"}),
            is_incremental=False,
            deletions=Deletions.EVERY_SYNC,
        ),
        "JobInterviewStage": ModelSupport(
            fields=frozenset({"name", "job", "stage_order"}), is_incremental=False, deletions=Deletions.EVERY_SYNC
        ),
        "Application": ModelSupport(
            fields=frozenset({"candidate", "job", "applied_at", "rejected_at", "current_stage", "reject_reason"})
        ),
        "ScheduledInterview": ModelSupport(
            fields=frozenset(
                {"application", "job_interview_stage", "interviewers", "location", "start_at", "end_at", "status"}
            ),
            is_incremental=False,
            deletions=Deletions.EVERY_SYNC,
        ),
    }
    keeps_unknown_references = False
    webhooks = FountainWebhooks()

    _openings: Openings | None = None
    _has_told_sunset = False

    def build_auth(self) -> Auth:
        return FixedHeader("X-ACCESS-TOKEN", self.settings["api_key"])

    def check(self) -> None:
        self._get("/funnels", {"per_page": 1})

    def fetch_users(self, window: Window) -> Iterator[Fetched]:
        users, _ = _listing(self._get("/users"), "users")
        yield from read_each(users, mapping.user, "RemoteUser")

    def fetch_job_interview_stages(self, window: Window) -> Iterator[Fetched]:
        self._openings = None
        openings = yield from self._fetch_openings()
        yield from openings.records()

    def fetch_applications(self, window: Window) -> Iterator[Fetched]:
        openings = yield from self._fetch_openings()
        params: dict[str, str | int] = {"per_page": MAX_PER_PAGE}
        if window.since:
            params["updated_at[gt]"] = _seconds(window.since - OVERLAP)
        for applicants in self._pages("/applicants", params):
            yield from read_each(
                applicants,
                lambda payload: mapping.application(payload, rejection_stages=openings.rejection_stages),
                "Application",
            )

    def fetch_interviews(self, window: Window) -> Iterator[Fetched]:
        openings = yield from self._fetch_openings()
        # A slot that serves several openings comes once for each, with the same bookings: again, the same records.
        for opening in openings.stages_of:
            with suppress(NotFound):  # deleted meanwhile
                for slots in self._pages("/sessions", {"funnel_id": opening, "per_page": MAX_PER_PAGE}):
                    yield from _read_bookings(slots, openings, window)

    def refetch(self, hint: Hint, window: Window) -> Iterable[Fetched]:
        """Read one applicant. Bookings are listed by opening only, and wait for the next sync."""
        if hint.subject is not Subject.APPLICATION or hint.remote_id is None:
            return super().refetch(hint, window)
        return self._refetch_application(hint.remote_id)

    def _refetch_application(self, applicant_id: str) -> Iterator[Fetched]:
        try:
            applicant = self._get(f"/applicants/{quote(applicant_id, safe='')}").json()
        except NotFound:
            yield Gone(model_name="Application", remote_id=applicant_id)
            return
        try:
            rejection_stages = self._fetch_rejection_stages(applicant)
            yield mapping.application(applicant, rejection_stages=rejection_stages)
        except UNREADABLE as error:
            yield unreadable(applicant, "Application", error)

    def _fetch_rejection_stages(self, applicant: mapping.Payload) -> set[str]:
        opening = applicant.get("funnel") or {}
        if not opening.get("id"):
            return set()
        try:
            stages, _ = _listing(self._get(f"/funnels/{quote(remote_id(opening['id']), safe='')}/stages"), "stages")
        except NotFound:
            return set()
        return {remote_id(stage["id"]) for stage in stages if mapping.is_rejection(stage)}

    def _fetch_openings(self) -> Generator[Unreadable, None, Openings]:
        """Return all openings, read once for the fetches that follow each other. Yields what cannot be read."""
        if self._openings is None:
            openings = Openings()

            def fetch(number: int) -> tuple[list[Any], bool]:
                answer = self._get("/funnels", {"page": number, "per_page": MAX_PER_PAGE})
                found, pagination = _listing(answer, "funnels")
                if not found:
                    return found, False
                last = pagination.get("last")
                if not isinstance(last, int):
                    raise UnexpectedAnswer(f"{answer.request}: does not say which page is the last")
                return found, number < last

            for page in count_pages(fetch, name="GET /funnels"):
                for payload in page:
                    yield from openings.add(payload)
            self._openings = openings
        return self._openings

    def _pages(self, path: str, params: Parameters) -> Iterator[list[Any]]:
        """Yield the pages of `/applicants` or `/sessions`. The last one names itself as the next."""

        def fetch(cursor: str | None) -> tuple[list[Any], str | None]:
            answer = self._get(path, {**params, "cursor": cursor} if cursor else params)
            found, pagination = _listing(answer, path.removeprefix("/"))
            following = pagination.get("next_cursor")
            # A page that does not say which one it is, is the one that was asked for.
            is_last = not found or following == pagination.get("current_cursor", cursor)
            return found, None if is_last else text(following)

        return follow_cursor(fetch, name=f"GET {path}")

    def _get(self, path: str, params: Parameters | None = None) -> Answer:
        answer = self.session.get(self.base_url + path, params)
        # RFC 8594; https://developer.fountain.com/reference/deprecations
        if "Sunset" in answer.headers and not self._has_told_sunset:
            self._has_told_sunset = True
            notice = f"{answer.headers['Sunset']} {answer.headers.get('Link', '')}"
            logger.warning("Fountain announces the end of %s: %s", answer.request, self.session.printable(notice))
        return answer


def _read_bookings(slots: Iterable[Any], openings: Openings, window: Window) -> Iterator[Fetched]:
    bookings = []
    for slot in slots:
        try:
            bookings += [(slot, booking) for booking in slot.get("booked_slots") or ()]
        except UNREADABLE as error:  # which interviews it holds, nobody can tell
            yield Unreadable(model_name="ScheduledInterview", remote_id=None, reason=f"{type(error).__name__}: {error}")
    applications = window.stored.applications({_applicant(booking) for _, booking in bookings} - {""})
    for slot, booking in bookings:
        try:
            application = applications.get(_applicant(booking))
            stage = openings.stage_of_booking(slot.get("stage_ids"), application.job if application else None)
            yield mapping.interview(slot, booking, stage=stage, now=window.started_at)
        except UNREADABLE as error:
            yield unreadable(booking, "ScheduledInterview", error)


def _applicant(booking: Any) -> str:
    with suppress(*UNREADABLE):
        return remote_id(booking["applicant_id"])
    return ""  # nobody's id


def _listing(answer: Answer, key: str) -> tuple[list[Any], Mapping[str, Any]]:
    """Return what a list holds and what it says about its pages. Raises UnexpectedAnswer if it is none."""
    body = answer.json()
    found = body.get(key) if isinstance(body, dict) else None
    pagination = body.get("pagination") or {} if isinstance(body, dict) else {}
    if not isinstance(found, list) or not isinstance(pagination, dict):
        raise UnexpectedAnswer(f"{answer.request}: answered with something other than {key}")
    return found, pagination


def _seconds(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
