import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils.crypto import get_random_string

from config.env import secret
from config.management.command_line import command_line
from config.management.commands.sandbox import chosen_platforms
from config.management.commands.serve import add_server_arguments, add_worker_argument, background_worker, server
from connectors.registry import connector_class
from linked_accounts.models import ApiKey, LinkedAccount, Organization
from linked_accounts.services import link_account
from sandbox.company import build_company
from sandbox.running import Platform, running
from sync.jobs import cancel

PLATFORMS = ["greenhouse", "ashby", "lever", "workday", "recruitee"]
ORGANIZATION = "Demo"
ADMIN = "admin"

SNIPPET = """\
from merge import Merge

client = Merge(api_key="{key}", account_token="{token}", base_url="{url}/api")
for interview in client.ats.interviews.list(expand="application,organizer").results:
    print(interview.start_at, interview.status, interview.organizer and interview.organizer.email)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """An account of the demo, and the simulated platform that it is at."""

    account: LinkedAccount
    token: str
    platform: Platform


class Command(BaseCommand):
    help = (
        "Show the whole of it on this machine: an embedded database, invented companies at simulated platforms, their "
        "interviews brought in, the API and the admin site served. Run again, it goes on with what is there."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_server_arguments(parser)
        add_worker_argument(parser)
        parser.add_argument(
            "--platform",
            metavar="PLATFORM",
            action="append",
            dest="platforms",
            help=f"which to simulate; may be repeated (default: {', '.join(PLATFORMS)})",
        )
        parser.add_argument(
            "--interviews",
            type=int,
            default=3000,
            help="how many the first platform's company holds; others hold a fifth (default: %(default)s)",
        )

    def handle(
        self,
        *,
        host: str,
        port: int,
        platforms: list[str] | None,
        interviews: int,
        no_worker: bool,
        **options: Any,
    ) -> None:
        if settings.DATABASE_URL:
            raise CommandError("The demo makes users and invented data in a database of its own. Unset DATABASE_URL.")
        if interviews < 1:
            raise CommandError("--interviews: at least 1")
        slugs = chosen_platforms(platforms or PLATFORMS)
        _check_port(host, port)
        self.stderr.write(f"Database: embedded PostgreSQL under {settings.DATA_DIR}")
        call_command("migrate", verbosity=0)
        password = _admin_password()
        organization, _ = Organization.objects.get_or_create(name=ORGANIZATION)
        key = _api_key(organization)
        with ExitStack() as stack:
            linked = []
            for position, slug in enumerate(slugs):
                number = interviews if position == 0 else max(1, interviews // 5)
                linked.append(stack.enter_context(_linked(organization, slug, interviews=number)))
                self.stderr.write(
                    f"Platform: simulated {slug} with {number} interviews on {linked[-1].platform.base_url}"
                )
            self._synchronise(linked)
            connection.close()
            if not no_worker:
                stack.enter_context(background_worker())
            self._serve(host, port, password=password, key=key, linked=linked)

    def _synchronise(self, linked: list[Linked]) -> None:
        try:
            call_command("sync", account=[str(one.account.id) for one in linked])
        except SystemExit as stop:
            if stop.code:
                raise
        for one in linked:
            cancel(one.account)  # what linking it has queued

    def _serve(self, host: str, port: int, *, password: str, key: str, linked: list[Linked]) -> None:
        url = f"http://{host}:{port}"
        granian = server(host=host, port=port, workers=1)
        threading.Thread(target=self._introduce, args=(url, password, key, linked), daemon=True).start()
        granian.serve()

    def _introduce(self, url: str, password: str, key: str, linked: list[Linked]) -> None:
        if not _answers(url):
            return
        token = linked[0].token
        accounts = "\n".join(f"{one.account.integration_name:<18} {one.token}" for one in linked)
        self.stdout.write(
            f"""
Admin     {url}/admin/   user {ADMIN}, password {password}
API docs  {url}/api/docs/   or {url}/api/redoc/, OpenAPI at {url}/api/schema/

Ask for an interview:

curl -s -H "Authorization: Bearer {key}" -H "X-Account-Token: {token}" "{url}/api/ats/v1/interviews?page_size=1"

Or with Merge's Python SDK (pip install MergePythonClient):

{SNIPPET.format(key=key, token=token, url=url)}
Account tokens, of what is linked:

{accounts}

Have something happen at a platform, and bring it in:

{_change_line(linked[0])}

Stop with Ctrl-C."""
        )
        self.stdout.flush()


@contextmanager
def _linked(organization: Organization, slug: str, *, interviews: int) -> Iterator[Linked]:
    """Link an account at a simulated platform, which is served while the context lasts."""
    origin_id = f"demo-{slug}"
    # The company was invented when the account was first linked, so that another run finds it unchanged.
    known = LinkedAccount.objects.filter(organization=organization, end_user_origin_id=origin_id)
    since = known.values_list("created_at", flat=True).first()
    with running(slug, build_company(interviews=interviews, now=since)) as platform:
        account, token = link_account(
            organization=organization,
            platform=slug,
            end_user_origin_id=origin_id,
            end_user_organization_name=f"Invented Company at {connector_class(slug).name}",
            end_user_email_address="people@company.example",
            credentials=platform.credentials,
            base_url=platform.base_url,
        )
        if token is None:
            raise CommandError("The secret key has changed since the demo was made. Remove DATA_DIR to start anew.")
        yield Linked(account=account, token=token, platform=platform)


def _change_line(one: Linked) -> str:
    """Return a line for a shell that changes something at a platform and synchronises."""
    change = f"""curl -s {one.platform.control_url}/changes -d '{{"action": "reschedule"}}'"""
    return f"{change} && {command_line('sync', '--account', str(one.account.id))}"


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
