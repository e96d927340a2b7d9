from collections.abc import Mapping

import pytest
from django.core.exceptions import ValidationError

from connectors import registry
from connectors.base import Connector, Credential
from linked_accounts.models import LinkedAccount, Organization
from linked_accounts.secrets import secret_hash
from linked_accounts.services import find_organization, link_account
from tests.factories import OrganizationFactory

pytestmark = pytest.mark.django_db


class FakeConnector(Connector):
    slug, name = "fake", "Fake ATS"
    default_base_url = "https://ats.example"
    credentials = (
        Credential(name="api_key", label="API key"),
        Credential(name="region", label="Region", required=False, choices=("eu", "us")),
    )
    models: Mapping = {}


class OtherConnector(FakeConnector):
    slug, name = "other", "Other ATS"


@pytest.fixture(autouse=True)
def _platforms(monkeypatch):
    monkeypatch.setattr(registry, "connectors", lambda: {"fake": FakeConnector, "other": OtherConnector})


@pytest.fixture
def organization():
    return OrganizationFactory()


def link(organization, **changed):
    values = {
        "organization": organization,
        "platform": "fake",
        "end_user_origin_id": "42",
        "end_user_organization_name": "Acme",
        "end_user_email_address": "it@acme.example",
        "credentials": {"api_key": "secret"},
    }
    return link_account(**values | changed)


def test_a_linked_account_can_be_synchronised(organization):
    account, token = link(organization, base_url="http://localhost:8000/v1")

    account.refresh_from_db()
    assert account.status == LinkedAccount.Status.COMPLETE
    assert account.completed_at
    assert account.credentials == {"api_key": "secret"}
    assert account.base_url == "http://localhost:8000/v1"
    assert bytes(account.token_hash) == secret_hash(token)


def test_linking_anew_keeps_id_and_token(organization):
    account, token = link(organization)
    account.mark_relink_needed("revoked")

    again, same_token = link(organization, credentials={"api_key": "new"}, end_user_organization_name="Acme Ltd")

    assert (again.id, same_token) == (account.id, token)
    again.refresh_from_db()
    assert again.credentials == {"api_key": "new"}
    assert (again.status, again.status_detail) == ("COMPLETE", None)
    assert again.end_user_organization_name == "Acme Ltd"


def test_the_token_cannot_be_shown_after_the_secret_key_has_changed(organization, settings):
    account, _ = link(organization)
    settings.SECRET_KEY = "another"

    again, token = link(organization)

    assert again.id == account.id
    assert token is None


def test_the_same_origin_id_is_another_account_elsewhere(organization):
    ids = {
        link(organization)[0].id,
        link(organization, is_test=True)[0].id,
        link(OrganizationFactory())[0].id,
    }

    assert len(ids) == 3


def test_an_account_does_not_change_its_platform(organization):
    link(organization)

    with pytest.raises(ValidationError, match="42 is linked to Fake ATS already"):
        link(organization, platform="other")


@pytest.mark.parametrize(
    ("changed", "field", "message"),
    [
        ({"platform": "nope"}, "platform", "There is no platform nope; there are fake, other."),
        ({"credentials": {}}, "credentials", "api_key: Required: API key."),
        (
            {"credentials": {"api_key": "x", "tenant": "y"}},
            "credentials",
            "tenant: Fake ATS has no such credential; it knows api_key, region.",
        ),
        ({"credentials": {"api_key": "x", "region": "mars"}}, "credentials", "region: Must be one of eu, us."),
        ({"end_user_email_address": "acme"}, "end_user_email_address", "Enter a valid email address."),
        ({"end_user_organization_name": ""}, "end_user_organization_name", "This field cannot be blank."),
        ({"end_user_origin_id": ""}, "end_user_origin_id", "This field cannot be blank."),
        ({"base_url": "acme"}, "base_url", "It has to begin with https:// or http://."),
        ({"base_url": "ftp://acme.example"}, "base_url", "It has to begin with https:// or http://."),
        ({"base_url": "https://"}, "base_url", "Enter a valid URL."),
    ],
)
def test_what_is_wrong_is_named(organization, changed, field, message):
    with pytest.raises(ValidationError) as caught:
        link(organization, **changed)

    assert caught.value.message_dict == {field: [message]}
    assert not LinkedAccount.objects.exists()


def test_all_that_is_wrong_is_named_at_once(organization):
    with pytest.raises(ValidationError) as caught:
        link(organization, credentials={}, base_url="acme", end_user_email_address="acme")

    assert set(caught.value.message_dict) == {"credentials", "base_url", "end_user_email_address"}


def test_a_bad_relink_leaves_the_account_as_it_is(organization):
    link(organization)

    with pytest.raises(ValidationError):
        link(organization, credentials={"tenant": "x"})

    assert LinkedAccount.objects.get().credentials == {"api_key": "secret"}


def test_without_any_organization_one_is_made():
    assert find_organization(name=None).name == "default"
    assert find_organization(name=None) == Organization.objects.get()


def test_the_first_organization_can_be_named():
    assert find_organization(name="Acme").name == "Acme"


def test_the_only_organization_needs_no_name(organization):
    assert find_organization(name=None) == organization


def test_several_organizations_need_a_name(organization):
    other = OrganizationFactory(name="Zeta")

    assert find_organization(name="Zeta") == other
    with pytest.raises(ValidationError, match=f"name one of {organization.name}, Zeta"):
        find_organization(name=None)


def test_a_lacking_organization_is_made_only_on_request(organization):
    with pytest.raises(ValidationError, match=f"There is none called Zeta; there are {organization.name}."):
        find_organization(name="Zeta")

    assert find_organization(name="Zeta", create=True).name == "Zeta"
