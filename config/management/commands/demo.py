import socket
import threading
import time
from typing import Any

import httpx2
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils.crypto import get_random_string

from config.env import secret
from config.management.commands.serve import add_server_arguments, server
from linked_accounts.models import ApiKey, LinkedAccount, Organization
from linked_accounts.services import link_account
from sandbox.company import build_company
from sandbox.platforms import simulators
from sandbox.server import serve

ORGANIZATION = "Demo"
ADMIN = "admin"

SNIPPET = """\
from merge import Merge

client = Merge(api_key="{key}", account_token="{token}", base_url="{url}/api")
for interview in client.ats.interviews.list(expand="application,organizer").results:
    print(interview.start_at, interview.status, interview.organizer and interview.organizer.email)
"""


class Command(BaseCommand):
    help = (
        "Show the whole of it on this machine: an embedded database, an invented company at a simulated Greenhouse, "
        "its interviews brought in, the API and the admin site served. Run again, it goes on with what is there."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_server_arguments(parser)
        parser.add_argument("--interviews", type=int, default=3000, help="how many the company holds (%(default)s)")

    def handle(self, *, host: str, port: int, interviews: int, **options: Any) -> None:
        if settings.DATABASE_URL:
            raise CommandError("The demo makes users and invented data in a database of its own. Unset DATABASE_URL.")
        if interviews < 1:
            raise CommandError("--interviews: at least 1")
        _check_port(host, port)
        self.stderr.write(f"Database: embedded PostgreSQL under {settings.DATA_DIR}")
        call_command("migrate", verbosity=0)
        password = _admin_password()
        organization, _ = Organization.objects.get_or_create(name=ORGANIZATION)
        key = _api_key(organization)
        # The company was invented when the account was first linked, so that another run finds it unchanged.
        since = LinkedAccount.objects.filter(organization=organization).values_list("created_at", flat=True).first()
        simulator = simulators()["greenhouse"](build_company(interviews=interviews, now=since))
        with serve(simulator, keep_requests=False) as greenhouse:
            account, token = link_account(
                organization=organization,
                platform="greenhouse",
                end_user_origin_id="demo",
                end_user_organization_name="Invented Company",
                end_user_email_address="people@company.example",
                credentials=simulator.credentials,
                base_url=greenhouse.url,
            )
            self.stderr.write(f"Platform: simulated Greenhouse with {interviews} interviews on {greenhouse.url}")
            try:
                call_command("sync", account=[str(account.id)])
            except SystemExit as stop:
                if stop.code:
                    raise
            connection.close()
            if token is None:
                raise CommandError("The secret key has changed since the demo was made. Remove DATA_DIR to start anew.")
            self._serve(host, port, password=password, key=key, token=token)

    def _serve(self, host: str, port: int, *, password: str, key: str, token: str) -> None:
        url = f"http://{host}:{port}"
        granian = server(host=host, port=port, workers=1)
        threading.Thread(target=self._introduce, args=(url, password, key, token), daemon=True).start()
        granian.serve()

    def _introduce(self, url: str, password: str, key: str, token: str) -> None:
        if not _answers(url):
            return
        self.stdout.write(
            f"""
Admin     {url}/admin/   user {ADMIN}, password {password}
API docs  {url}/api/docs/   or {url}/api/redoc/, OpenAPI at {url}/api/schema/

Ask for an interview:

curl -s -H "Authorization: Bearer {key}" -H "X-Account-Token: {token}" "{url}/api/ats/v1/interviews?page_size=1"

Or with Merge's Python SDK (pip install MergePythonClient):

{SNIPPET.format(key=key, token=token, url=url)}
Stop with Ctrl-C."""
        )
        self.stdout.flush()


def _admin_password() -> str:
    """Return the password of the demo's superuser, made when the user is."""
    password = secret("DEMO_ADMIN_PASSWORD", make=lambda: get_random_string(16), keep_under=settings.SECRETS_DIR)
    users = get_user_model().objects
    if not users.filter(username=ADMIN).exists():
        users.create_superuser(ADMIN, password=password)
    return password


def _api_key(organization: Organization) -> str:
    """Return the demo's API key. The database has only its hash, so it is kept beside the other secrets."""

    def issue() -> str:
        ApiKey.objects.filter(organization=organization, name=ORGANIZATION).delete()
        return ApiKey.objects.issue(organization=organization, name=ORGANIZATION)[1]

    return secret("DEMO_API_KEY", make=issue, keep_under=settings.SECRETS_DIR)


def _check_port(host: str, port: int) -> None:
    """Raise CommandError if the port is taken, before anything else takes time."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(f"Cannot listen on {host}:{port} ({error}). Choose another with --port.") from error


def _answers(url: str, *, within_seconds: float = 30) -> bool:
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        try:
            return httpx2.get(f"{url}/api/schema/").status_code == 200
        except httpx2.TransportError:
            time.sleep(0.1)
    return False
