"""SAP SuccessFactors Recruiting, read by OData 2.0."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors import odata, saml
from connectors.auth import OAuth
from connectors.base import (
    UNREADABLE,
    Connector,
    Credential,
    Deletions,
    ModelSupport,
    Window,
    fields_of,
    read_each,
    unreadable,
)
from connectors.errors import BadCredentials, ConnectorError
from connectors.http import Answer, Auth, Retries, Session
from connectors.platforms.successfactors import mapping
from connectors.records import ApplicationRecord, Fetched, Gone
from connectors.values import remote_id

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:saml2-bearer"
AUDIENCE = "www.successfactors.com"

# A record that is written while a window is read can be missing from it.
OVERLAP = timedelta(minutes=5)

# A snapshot is the one way of paging that neither repeats nor drops rows while data changes.
# https://userapps.support.sap.com/sap/support/knowledge/en/3308165
LISTING = {"$format": "json", "customPageSize": "1000", "paging": "snapshot"}

# Without a filter on the status only t and T come: https://userapps.support.sap.com/sap/support/knowledge/en/2736579
ALL_USERS = "status in 't','f','T','F','e','d'"


def _has_no_assertion(given: Mapping[str, str]) -> bool:
    return not given.get("saml_assertion")


class SuccessFactorsConnector(Connector):
    """OAuth 2.0 with a SAML bearer assertion: https://userapps.support.sap.com/sap/support/knowledge/en/2850646

    Interviews have no time of their last change, so that every sync reads them all.
    https://userapps.support.sap.com/sap/support/knowledge/en/2848649
    """

    slug, name, color = "successfactors", "SAP SuccessFactors", "#0a6ed1"
    default_base_url = "https://api4.successfactors.com"
    documentation_url = "https://userapps.support.sap.com/sap/support/knowledge/en/2848649"
    interface = "OData 2.0 of SuccessFactors Recruiting, with OAuth 2.0 by a SAML bearer assertion."
    setup = (
        "Admin Center, Manage OAuth2 Client Applications: register a client with the X.509 certificate of an RSA key; "
        "its API key is the client ID. The API user needs the right to export User, JobApplication, "
        "JobApplicationInterview and JobApplicationStatus by OData, and to read users and Recruiting. "
        "The base URL is the API server of your data centre, such as https://api012.successfactors.eu."
    )
    credentials = (
        Credential(name="company_id", label="Company ID", help_text="Of the instance.", secret=False),
        Credential(
            name="client_id",
            label="API key",
            help_text="Of the OAuth client, under Admin Center, Manage OAuth2 Client Applications.",
            secret=False,
        ),
        Credential(name="user_id", label="API user", help_text="The user that calls are made as.", secret=False),
        Credential(
            name="private_key",
            label="Private key",
            multiline=True,
            help_text="PEM of the RSA key whose certificate is registered with the OAuth client.",
            required=_has_no_assertion,
        ),
        Credential(
            name="saml_assertion",
            label="SAML assertion",
            multiline=True,
            help_text="In place of a private key: one that you made, in base64. When it ends, a new one is needed.",
            required=False,
        ),
    )
    models = {
        "RemoteUser": ModelSupport(fields=frozenset({"first_name", "last_name", "email", "disabled"})),
        "JobInterviewStage": ModelSupport(
            fields=frozenset({"name"}), is_incremental=False, deletions=Deletions.EVERY_SYNC
        ),
        "Application": ModelSupport(fields=fields_of(ApplicationRecord)),
        "ScheduledInterview": ModelSupport(
            fields=frozenset({"application", "job_interview_stage", "interviewers", "start_at", "end_at", "status"}),
            is_incremental=False,
            deletions=Deletions.EVERY_SYNC,
        ),
    }
    keeps_unknown_references = False

    # https://userapps.support.sap.com/sap/support/knowledge/en/3159263
    retries = Retries(backoff_seconds=(1, 2, 4, 8, 16), rate_limit_seconds=(300,))
    timeout_seconds = 120.0

    def build_auth(self) -> Auth:
        return OAuth(self._token_url, grant=self._grant)

    @staticmethod
    def judge(session: Session, answer: Answer) -> ConnectorError | None:
        return odata.judge(session, answer)

    @classmethod
    def validate_credentials(cls, given: Mapping[str, str]) -> dict[str, str]:
        problems = super().validate_credentials(given)
        if private_key := given.get("private_key"):
            if given.get("saml_assertion"):
                problems["saml_assertion"] = "Give either this or the private key, not both."
            try:
                saml.read_key(private_key)
            except ValueError as error:
                problems["private_key"] = f"Cannot be used: {error}."
        elif "private_key" in problems:
            problems["private_key"] = "Required: a private key, or a SAML assertion in its place."
        return problems

    def check(self) -> None:
        self.session.get(f"{self.base_url}/odata/v2/User", {"$format": "json", "$top": 1})

    def fetch_users(self, window: Window) -> Iterator[Fetched]:
        changed = _changed_in(window)
        users = self._rows("User", {"$filter": f"{ALL_USERS} and {changed}" if changed else ALL_USERS})
        return read_each(users, mapping.user, "RemoteUser", id_key="userId")

    def fetch_job_interview_stages(self, window: Window) -> Iterator[Fetched]:
        """Yield each status once, as the first row has it: several sets of statuses repeat their ids."""
        seen: set[str] = set()
        for row in self._rows("JobApplicationStatus", {}):
            try:
                stage = mapping.stage(row)
            except UNREADABLE as error:
                yield unreadable(row, "JobInterviewStage", error, id_key="appStatusId")
                continue
            if stage and stage.remote_id not in seen:
                seen.add(stage.remote_id)
                yield stage

    def fetch_applications(self, window: Window) -> Iterator[Fetched]:
        options = {"$expand": "jobAppStatus"}
        if changed := _changed_in(window):
            options["$filter"] = changed
        for row in self._rows("JobApplication", options):
            try:
                if not mapping.is_unfinished(row):
                    yield mapping.application(row)
                elif not window.is_full:  # it may have been finished once
                    yield Gone(model_name="Application", remote_id=remote_id(row["applicationId"]))
            except UNREADABLE as error:
                yield unreadable(row, "Application", error, id_key="applicationId")

    def fetch_interviews(self, window: Window) -> Iterator[Fetched]:
        options = {"$expand": "interviewer,interviewOverallAssessment"}
        for rows in self._pages("JobApplicationInterview", options):
            yield from _read_interviews(rows, window)

    def _rows(self, entity: str, options: Mapping[str, str]) -> Iterator[Any]:
        for page in self._pages(entity, options):
            yield from page

    def _pages(self, entity: str, options: Mapping[str, str]) -> Iterator[list[Any]]:
        return odata.fetch_pages(self.session, f"{self.base_url}/odata/v2/{entity}", {**LISTING, **options})

    @property
    def _token_url(self) -> str:
        return f"{self.base_url}/oauth/token"

    def _grant(self) -> Mapping[str, str]:
        return {
            "company_id": self.settings["company_id"],
            "client_id": self.settings["client_id"],
            "grant_type": GRANT_TYPE,
            "assertion": self._assertion(),
        }

    def _assertion(self) -> str:
        private_key = self.settings.get("private_key")
        if not private_key:
            return self.settings["saml_assertion"]
        try:
            key = saml.read_key(private_key)
        except ValueError as error:
            raise BadCredentials(f"The private key cannot be used: {error}.") from error
        return saml.bearer_assertion(
            key,
            issuer=self.settings["client_id"],
            subject=self.settings["user_id"],
            recipient=self._token_url,
            audience=AUDIENCE,
            attributes={"api_key": self.settings["client_id"]},
            now=datetime.now(UTC),
        )


def _changed_in(window: Window) -> str | None:
    if window.since is None:
        return None
    return f"lastModifiedDateTime ge {odata.datetimeoffset(window.since - OVERLAP)}"


def _read_interviews(rows: Sequence[Any], window: Window) -> Iterator[Fetched]:
    applications: set[str] = set()
    for row in rows:
        with suppress(*UNREADABLE):
            if application := mapping.application_of(row):
                applications.add(application)
    stored = window.stored.applications(applications)
    stages = {remote_id: application.current_stage for remote_id, application in stored.items()}
    return read_each(
        rows,
        lambda row: mapping.interview(row, stages=stages, now=window.started_at),
        "ScheduledInterview",
        id_key="applicationInterviewId",
    )
