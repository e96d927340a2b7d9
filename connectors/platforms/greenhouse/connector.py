"""Greenhouse: what it is, and which of its two interfaces an account uses."""

from collections.abc import Iterable, Iterator, Mapping

from connectors.auth import BasicAuth, client_credentials
from connectors.base import Connector, Credential, ModelSupport, Window, fields_of
from connectors.creation import (
    Creation,
    FieldProblem,
    InterviewDraft,
    Parameter,
    StoredInterview,
    WrittenInterview,
)
from connectors.http import Auth, Retries
from connectors.pace import Limiter
from connectors.platforms.greenhouse.harvest import Harvest
from connectors.platforms.greenhouse.harvest_v1 import HarvestV1
from connectors.platforms.greenhouse.harvest_v3 import HarvestV3
from connectors.platforms.greenhouse.webhooks import GreenhouseWebhooks
from connectors.platforms.greenhouse.writing import RESPONSES, V1, V3, Writer
from connectors.records import ApplicationRecord, Fetched
from connectors.webhooks import Hint, Subject

DEFAULT_AUTH_BASE_URL = "https://auth.greenhouse.io"


ORGANIZER = "Who invites; with Harvest v1 that is always the acting user."
RESPONSE_STATUS = Parameter(
    name="response_status", description="What the interviewers have answered to the invitation.", choices=RESPONSES
)
VIDEO_URL = Parameter(name="video_conferencing_url", description="The link of a video call.")


def _uses_v1(given: Mapping[str, str]) -> bool:
    return given.get("api_version") == "v1"


def _uses_v3(given: Mapping[str, str]) -> bool:
    return not _uses_v1(given)


class GreenhouseConnector(Connector):
    """Harvest v3 with OAuth by default; Harvest v1 with an API key where that still answers.

    https://harvestdocs.greenhouse.io/docs/authentication, https://developers.greenhouse.io/harvest.html#authentication
    """

    slug, name, color = "greenhouse", "Greenhouse", "#24a47f"
    default_base_url = "https://harvest.greenhouse.io"
    documentation_url = "https://harvestdocs.greenhouse.io"
    interface = "Harvest v3 with OAuth; Harvest v1 with an API key where that still answers."
    setup = (
        "Configure, Dev Center, API Credentials: create a Harvest V3 (OAuth) credential that may list users, "
        "applications, interviews, interviewers, job interviews, job interview stages, sources, referrers and "
        "rejection reasons; and create, update and delete interviews, if those are to be written."
    )
    own_hosts = ("greenhouse.io",)
    retries = Retries(backoff_seconds=(1, 2, 4, 8, 16), rate_limit_seconds=(30,))
    credentials = (
        Credential(
            name="api_version",
            label="API version",
            help_text="v3 unless told otherwise. Greenhouse announced the end of v1 for August 2026.",
            required=False,
            secret=False,
            choices=("v3", "v1"),
        ),
        Credential(
            name="client_id",
            label="Client ID",
            help_text="Of a Harvest V3 (OAuth) credential, made under Configure, Dev Center, API Credentials.",
            required=_uses_v3,
            secret=False,
        ),
        Credential(name="client_secret", label="Client secret", required=_uses_v3),
        Credential(
            name="user_id",
            label="User ID",
            help_text="Greenhouse user to act as. Reading with v3 takes a Site Admin.",
            required=False,
            secret=False,
        ),
        Credential(
            name="auth_base_url",
            label="Address of the token endpoint",
            help_text="Only for proxies: where /token is, if not where Greenhouse has it.",
            required=False,
            secret=False,
            operators_only=True,
        ),
        Credential(name="api_key", label="API key", help_text="Of Harvest v1 only.", required=_uses_v1),
        Credential(
            name="webhook_secret",
            label="Secret key of web hooks",
            help_text="Any text: what was entered as secret key of each web hook under Configure, Dev Center.",
            required=False,
        ),
    )
    models = {
        "RemoteUser": ModelSupport(
            fields=frozenset({"first_name", "last_name", "email", "disabled", "remote_created_at", "access_role"})
        ),
        "JobInterviewStage": ModelSupport(fields=frozenset({"name", "job", "stage_order"})),
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
                    "status",
                }
            )
        ),
    }

    webhooks = GreenhouseWebhooks()

    # https://harvestdocs.greenhouse.io/docs/write-endpoint-migration-guide
    creations = {
        "ScheduledInterview": Creation(
            fields={
                "application": "An application that is neither rejected nor hired, and no prospect's.",
                "job_interview_stage": "The application's current stage where none is given.",
                "organizer": ORGANIZER,
                "interviewers": "At least one.",
                "location": "A place or a link.",
                "start_at": "When it starts.",
                "end_at": "When it ends, after its start.",
                "status": "An interview is always created as scheduled.",
            },
            required=frozenset({"application", "interviewers", "start_at", "end_at"}),
            choices={"status": {"SCHEDULED": "On the calendar."}},
            integration_params=(
                Parameter(
                    name="job_interview_id",
                    description="The interview slot of the hiring plan; wins over job_interview_stage.",
                    aliases=("interview_id",),
                ),
                RESPONSE_STATUS,
                Parameter(
                    name="external_event_id",
                    description="The calendar event's own id, unique at Greenhouse; made up where none is given.",
                ),
                VIDEO_URL,
            ),
            is_conditional=True,  # an application without a stage takes one, and somebody has to act
        )
    }
    updates = {
        "ScheduledInterview": Creation(
            fields={
                "organizer": ORGANIZER,
                "interviewers": "The whole panel. Guests stay, and what others have answered.",
                "location": "A place or a link.",
                "start_at": "When it starts.",
                "end_at": "When it ends, after its start.",
            },
            integration_params=(RESPONSE_STATUS, VIDEO_URL),
            is_conditional=True,
        )
    }
    cancels_interviews = True

    def __init__(
        self, *, credentials: Mapping[str, str], base_url: str | None = None, limiter: Limiter | None = None
    ) -> None:
        super().__init__(credentials=credentials, base_url=base_url, limiter=limiter)
        is_v1 = _uses_v1(credentials)
        self.harvest: Harvest = (
            HarvestV1(self.session, self.base_url)
            if is_v1
            else HarvestV3(self.session, self.base_url, auth_of=self._auth_of)
        )
        self.writer = Writer(self.harvest, V1 if is_v1 else V3, user_id=credentials.get("user_id") or None)

    def build_auth(self) -> Auth:
        return (
            BasicAuth(self.settings["api_key"])
            if _uses_v1(self.settings)
            else self._oauth(self.settings.get("user_id"))
        )

    def check(self) -> None:
        self.harvest.check()

    def fetch_users(self, window: Window) -> Iterator[Fetched]:
        return self.harvest.fetch_users(window)

    def fetch_job_interview_stages(self, window: Window) -> Iterator[Fetched]:
        return self.harvest.fetch_job_interview_stages(window)

    def fetch_applications(self, window: Window) -> Iterator[Fetched]:
        return self.harvest.fetch_applications(window)

    def fetch_interviews(self, window: Window) -> Iterator[Fetched]:
        return self.harvest.fetch_interviews(window)

    def refetch(self, hint: Hint, window: Window) -> Iterable[Fetched]:
        if hint.remote_id and hint.subject is Subject.APPLICATION:
            return self.harvest.refetch_application(hint.remote_id)
        if hint.remote_id and hint.subject is Subject.INTERVIEW:
            return self.harvest.refetch_interview(hint.remote_id)
        return super().refetch(hint, window)

    def problems_of(self, draft: InterviewDraft) -> Iterator[FieldProblem]:
        return self.writer.problems_of(draft)

    def warnings_of(self, draft: InterviewDraft) -> Iterator[FieldProblem]:
        return self.writer.warnings_of(draft)

    def create_interview(self, draft: InterviewDraft) -> WrittenInterview:
        return self.writer.create(draft)

    def update_interview(self, interview: StoredInterview, draft: InterviewDraft) -> WrittenInterview:
        return self.writer.update(interview, draft)

    def cancel_interview(self, interview: StoredInterview, *, acting_user: str | None) -> tuple[Fetched, ...]:
        return self.writer.cancel(interview, acting_user=acting_user)

    def _auth_of(self, user_id: str) -> Auth:
        own = self.session.auth
        return own if own and user_id == self.settings.get("user_id") else self._oauth(user_id)

    def _oauth(self, user_id: str | None) -> Auth:
        # Whoever puts a proxy or a simulator in Greenhouse's place has it answer for the token endpoint, too.
        own = self.base_url if self.has_own_base_url else DEFAULT_AUTH_BASE_URL
        auth_base_url = (self.settings.get("auth_base_url") or own).rstrip("/")
        return client_credentials(
            f"{auth_base_url}/token",
            client_id=self.settings["client_id"],
            client_secret=self.settings["client_secret"],
            parameters={"sub": user_id} if user_id else None,
        )
