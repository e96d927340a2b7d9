from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from connectors import registry
from connectors.base import Connector, Credential, ModelSupport, Window
from connectors.records import Fetched
from linked_accounts.models import LinkedAccount
from sync.models import SyncRun
from tests.factories import LinkedAccountFactory

Listing = Iterable[Fetched | Exception] | Callable[[Window], Iterable[Fetched | Exception]]


@dataclass
class Platform:
    """A platform whose listings are what a test says; an exception among the entries is raised in its turn."""

    users: Listing = ()
    stages: Listing = ()
    applications: Listing = ()
    interviews: Listing = ()
    windows: dict[str, Window] = field(default_factory=dict)  # what was asked for last

    def list(self, name: str, window: Window, connector: Connector) -> Iterable[Fetched]:
        self.windows[name] = window
        connector.traffic.requests += 1
        listing = getattr(self, name)
        for entry in listing(window) if callable(listing) else listing:
            if isinstance(entry, BaseException):
                raise entry
            yield entry


@pytest.fixture
def platform(monkeypatch) -> Platform:
    """Return the only platform there is; it lists nothing until told otherwise."""
    platform = Platform()

    class FakeConnector(Connector):
        slug, name = "fake", "Fake ATS"
        default_base_url = "https://ats.example"
        credentials = (Credential(name="api_key", label="API key"),)
        models = dict.fromkeys(
            ("RemoteUser", "JobInterviewStage", "Application", "ScheduledInterview"),
            ModelSupport(fields=frozenset()),
        )

        def fetch_users(self, window):
            return platform.list("users", window, self)

        def fetch_job_interview_stages(self, window):
            return platform.list("stages", window, self)

        def fetch_applications(self, window):
            return platform.list("applications", window, self)

        def fetch_interviews(self, window):
            return platform.list("interviews", window, self)

    monkeypatch.setattr(registry, "connectors", lambda: {"fake": FakeConnector})
    platform.connector = FakeConnector
    return platform


@pytest.fixture
def account(platform, transactional_db) -> LinkedAccount:
    return LinkedAccountFactory(platform="fake", credentials={"api_key": "secret"})


def accounts_at_work(accounts: Iterable[LinkedAccount]) -> list[UUID]:
    """Return the account of each run that is not done. One is there twice if two syncs of it overlap.

    The first then counts as failed, as the second takes it for one that a killed process left.
    """
    runs = SyncRun.objects.filter(linked_account__in=accounts)
    return list(runs.exclude(result="DONE").values_list("linked_account", flat=True))
