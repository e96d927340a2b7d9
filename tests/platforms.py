"""Simulated platforms, linked and compared with what our API says of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from importlib import import_module
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from linked_accounts.models import LinkedAccount
from linked_accounts.services import link_account
from sandbox.company import Company, build_company
from sandbox.platforms import PlatformSimulator, simulators
from sandbox.server import Server, serve
from sync.resources import LISTED
from tests.conftest import Api
from tests.connectors.words import OURS
from tests.factories import OrganizationFactory

PATHS = {
    "RemoteUser": "users",
    "JobInterviewStage": "job-interview-stages",
    "Application": "applications",
    "ScheduledInterview": "interviews",
}
STUBS = ("candidates", "jobs", "reject-reasons")
FIELDS = {
    resource.name: [field.name for field in fields(resource.record) if field.name not in OURS] for resource in LISTED
}
SLUGS = list(simulators())

Shown = dict[str, dict[str, dict[str, Any]]]  # by model name and remote id


@dataclass(frozen=True, kw_only=True)
class Linked:
    company: Company
    simulator: PlatformSimulator
    server: Server
    account: LinkedAccount

    def expected(self, now: datetime) -> Shown:
        """Return what the platform's documentation makes of the company, in our words."""
        module = import_module(f"tests.connectors.{self.account.platform}.expected")
        found: Shown = module.expected(self.company, now=now)
        return found


def link(slug: str, url: str, credentials: dict[str, str]) -> LinkedAccount:
    account, account.token = link_account(  # type: ignore[attr-defined]
        organization=OrganizationFactory(),
        platform=slug,
        end_user_origin_id="42",
        end_user_organization_name="Acme",
        end_user_email_address="it@acme.example",
        credentials=credentials,
        base_url=url,
    )
    return account


@contextmanager
def linked(slug: str, *, interviews: int = 60, seed: int = 1) -> Iterator[Linked]:
    """Yield an account that is linked to a simulated platform with an invented company."""
    company = build_company(interviews=interviews, seed=seed)
    simulator = simulators()[slug](company)
    with serve(simulator) as server:
        account = link(slug, server.url + simulator.base_path, dict(simulator.credentials))
        yield Linked(company=company, simulator=simulator, server=server, account=account)


def shown(account: LinkedAccount) -> Shown:
    """Return what the API lists of an account, deleted records as well: references as remote ids, reasons by name."""
    api = Api(account)
    listed = {
        path: [
            record
            for page in api.walk(path, page_size=100, include_deleted_data="true", include_shell_data="true")
            for record in page
        ]
        for path in [*PATHS.values(), *STUBS]
    }
    words = {record["id"]: record["remote_id"] for records in listed.values() for record in records}
    words |= {record["id"]: record["name"] for record in listed["reject-reasons"]}
    return {
        model_name: {
            record["remote_id"]: {name: _worded(name, record[name], words) for name in FIELDS[model_name]}
            for record in listed[path]
        }
        for model_name, path in PATHS.items()
    }


def _worded(name: str, value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [words.get(one, one) for one in value]
    if isinstance(value, str) and name.endswith("_at"):
        return datetime.fromisoformat(value)
    return words.get(value, value) if isinstance(value, str) and name != "remote_id" else value


def spoiled(secret: str) -> str:
    """Return another secret of the same form."""
    if "PRIVATE KEY" in secret:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
    return f"{secret}x"
