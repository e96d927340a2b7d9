import io
import json

import pytest
from django.core.management import CommandError, call_command

from connectors import registry
from linked_accounts.models import AccountType, ApiKey, AuditEvent, LinkedAccount, Organization
from linked_accounts.secrets import secret_hash
from tests.factories import OrganizationFactory
from tests.linked_accounts.test_services import FakeConnector

pytestmark = pytest.mark.django_db
LINK = [
    "linkaccount",
    "fake",
    "--end-user-organization=Acme",
    "--end-user-origin-id=42",
    "--end-user-email=it@acme.example",
]


@pytest.fixture(autouse=True)
def _platforms(monkeypatch):
    monkeypatch.setattr(registry, "connectors", lambda: {"fake": FakeConnector})


def run(*arguments: str) -> tuple[str, str]:
    """Return what the command says on standard output and on standard error."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_createapikey_makes_a_key_that_works():
    answer = json.loads(run("createapikey", "ci", "--json")[0])

    key = ApiKey.objects.get()
    assert (answer["organization"], answer["name"]) == ("default", "ci")
    assert bytes(key.secret_hash) == secret_hash(answer["key"])
    assert key.account_type == AccountType.PRODUCTION


def test_createapikey_shows_the_key_once_with_a_warning():
    out, _ = run("createapikey", "ci", "--test")

    assert ApiKey.objects.get().beginning in out
    assert "will not be shown again" in out


def test_createapikey_makes_test_keys():
    run("createapikey", "ci", "--test")

    assert ApiKey.objects.get().account_type == AccountType.TEST
    assert AuditEvent.objects.get().event_type == "CREATED_TEST_API_KEY"


def test_createapikey_makes_the_organization_that_is_named():
    OrganizationFactory()

    run("createapikey", "ci", "--organization", "Acme")

    assert ApiKey.objects.get().organization.name == "Acme"


def test_createapikey_refuses_a_name_twice():
    run("createapikey", "ci")

    with pytest.raises(CommandError, match="default has a key called ci already"):
        run("createapikey", "ci")


@pytest.mark.parametrize(("name", "message"), [(" ", "needs a name"), ("x" * 256, "no more than 255")])
def test_createapikey_refuses_odd_names(name, message):
    with pytest.raises(CommandError, match=message):
        run("createapikey", name)


def test_createapikey_asks_which_organization():
    OrganizationFactory(name="A")
    OrganizationFactory(name="B")

    with pytest.raises(CommandError, match="organization: There are several; name one of A, B"):
        run("createapikey", "ci")


def test_linkaccount_links():
    answer = json.loads(run(*LINK, "--credential=api_key=a=b", "--json")[0])

    account = LinkedAccount.objects.get()
    assert answer == {"id": str(account.id), "account_token": account.account_token()}
    assert account.credentials == {"api_key": "a=b"}
    assert account.organization.name == "default"


def test_linkaccount_shows_the_token_with_a_warning():
    out, _ = run(*LINK, "--credential=api_key=secret")

    assert "Linked Acme (Fake ATS)" in out
    assert LinkedAccount.objects.get().account_token() in out
    assert "Keep it secret" in out


def test_linkaccount_reads_credentials_from_a_file(tmp_path):
    path = tmp_path / "credentials.json"
    path.write_text('{"api_key": "from file", "region": "eu"}')

    run(*LINK, "--credentials-file", str(path), "--credential=region=us")

    assert LinkedAccount.objects.get().credentials == {"api_key": "from file", "region": "us"}


def test_linkaccount_reads_credentials_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO('{"api_key": "piped"}'))

    run(*LINK, "--credentials-file=-")

    assert LinkedAccount.objects.get().credentials == {"api_key": "piped"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "does not hold JSON"),
        ("[]", "has to hold a JSON object"),
        ('{"api_key": 7}', "the value of api_key has to be text"),
        (None, "No such file"),
    ],
)
def test_linkaccount_says_what_is_wrong_with_the_file(tmp_path, content, message):
    path = tmp_path / "credentials.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(CommandError, match=message):
        run(*LINK, "--credentials-file", str(path))


def test_linkaccount_does_not_repeat_a_malformed_credential():
    with pytest.raises(CommandError, match="takes KEY=VALUE") as caught:
        run(*LINK, "--credential=topsecret")

    assert "topsecret" not in str(caught.value)


def test_linkaccount_names_all_problems_and_leaves_nothing():
    with pytest.raises(CommandError) as caught:
        run(*LINK[:-1], "--end-user-email=acme", "--base-url=acme", "--credential=tenant=x")

    message = str(caught.value)
    assert "credentials: api_key: Required: API key." in message
    assert "credentials: tenant: Fake ATS has no such credential" in message
    assert "end_user_email_address: Enter a valid email address." in message
    assert "base_url: It has to begin with https:// or http://." in message
    assert not Organization.objects.exists()


def test_linkaccount_lists_platforms():
    with pytest.raises(CommandError, match="There is no platform nope; there are fake"):
        run("linkaccount", "nope", *LINK[2:])


def test_linkaccount_does_not_invent_an_organization():
    OrganizationFactory(name="Acme")

    with pytest.raises(CommandError, match="There is none called Acmee; there are Acme"):
        run(*LINK, "--organization=Acmee", "--credential=api_key=secret")


def test_linkaccount_again_shows_the_same_account():
    first = run(*LINK, "--credential=api_key=secret", "--json")[0]

    assert run(*LINK, "--credential=api_key=new", "--json")[0] == first


def test_linkaccount_explains_a_token_that_cannot_be_shown(settings):
    run(*LINK, "--credential=api_key=secret")
    settings.SECRET_KEY = "another"

    out, err = run(*LINK, "--credential=api_key=secret", "--json")

    assert json.loads(out)["account_token"] is None
    assert "SECRET_KEY_FALLBACKS" in err
