import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from linked_accounts.models import AccountType, LinkedAccount
from tests.factories import ApiKeyFactory, LinkedAccountFactory

# Playwright drives its browser from an event loop in the thread of the test, which Django takes for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(autouse=True)
def _no_rate_limit(settings):
    settings.API_RATE_LIMIT = 0


@pytest.fixture
def account(db) -> LinkedAccount:
    return LinkedAccountFactory()


class Api:
    """Calls the API for one linked account; paths are relative to /api/ats/v1/."""

    def __init__(self, account: Any) -> None:
        self.key = ApiKeyFactory(organization=account.organization, is_test=account.account_type == AccountType.TEST)
        self.headers = {"Authorization": f"Bearer {self.key.secret}", "X-Account-Token": account.token}
        self.client = Client(headers=self.headers)

    def get(self, path: str, **parameters: Any) -> Any:
        return self.client.get(f"/api/ats/v1/{path}", parameters)

    def results(self, path: str, **parameters: Any) -> Any:
        response = self.get(path, **parameters)
        assert response.status_code == 200, response.content
        return response.json()["results"]

    def walk(self, path: str, direction: str = "next", **parameters: Any) -> list[list[Any]]:
        """Return the pages from the first on (or from `cursor`), the results of each."""
        pages = []
        while True:
            body = self.get(path, **parameters).json()
            pages.append(body["results"])
            if body[direction] is None:
                return pages
            parameters["cursor"] = body[direction]


@pytest.fixture
def api(account) -> Api:
    return Api(account)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Use the system's Chromium: the driver's own cannot be had from a package registry."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine")  # `.ci/run` installs it
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    # Chromium's sandbox does not work for root, as whom containers run tests.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return browser_type_launch_args | {"executable_path": path, "args": [*quiet, *sandbox]}


@pytest.fixture
def transactional_db(transactional_db: None) -> Iterator[None]:
    """Empty the queue of jobs as well: Django leaves alone what its models do not manage."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")
