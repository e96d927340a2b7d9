import re
from types import SimpleNamespace

import pytest
from cryptography.fernet import Fernet
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection

from linked_accounts.models import AccountType, ApiKey, AuditEvent, LinkedAccount
from linked_accounts.secrets import secret_hash
from tests.admin.rows import MODELS, list_of, make, page_of
from tests.factories import ApiKeyFactory, LinkedAccountFactory, OrganizationFactory

ADD = f"{list_of(ApiKey)}add/"
SECRET = re.compile(r"interloop_(?:live|test)_[\w-]{43}")


def secrets_of(account, key, user):
    """Return the secrets themselves, and what is stored of them as a page might print it."""
    hashes = [secret_hash(account.token), secret_hash(key.secret)]
    password = [part for part in user.password.split("$") if len(part) > 7]
    with connection.cursor() as cursor:
        sql = "SELECT encode(credentials, 'escape') FROM linked_accounts_linkedaccount WHERE id = %s"
        cursor.execute(sql, [account.pk])
        (encrypted,) = cursor.fetchone()
    printed = [*(each.hex() for each in hashes), *map(str, hashes)]
    return ["client-secret-marker", encrypted, account.token, key.secret, *password, *printed]


def test_no_page_shows_a_credential_or_a_hash(admin_client, interview):
    account = LinkedAccountFactory(credentials={"client_secret": "client-secret-marker"})
    key = ApiKeyFactory(organization=account.organization)
    user = make(User)
    urls = [list_of(model) for model in MODELS]
    urls += [page_of(row) for row in (account, account.organization, key, user, interview)]
    urls += [url.replace("change", "history") for url in urls if url.endswith("/change/")]

    for url in urls:
        page = admin_client.get(url).text
        assert [secret for secret in secrets_of(account, key, user) if secret in page] == [], url


def test_accounts_can_be_looked_at_when_no_key_decrypts_their_credentials(admin_client, interview, settings):
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]

    for url in (
        list_of(LinkedAccount),
        page_of(interview.linked_account),
        list_of(type(interview), linked_account__id__exact=interview.linked_account_id),
        page_of(interview),
    ):
        assert admin_client.get(url).status_code == 200


def test_what_people_read_of_an_account_can_be_edited_and_nothing_else(admin_client, db):
    account = LinkedAccountFactory(status=LinkedAccount.Status.RELINK_NEEDED)
    before = LinkedAccount.objects.values().get()
    sent = {
        "end_user_organization_name": "Renamed",
        "end_user_email_address": account.end_user_email_address,
        "status": "COMPLETE",
        "base_url": "https://attacker.example",
        "credentials": "{}",
        "token_hash": "0",
        "platform": "other",
        "end_user_origin_id": "other",
    }

    assert admin_client.post(page_of(account), sent).status_code == 302

    assert LinkedAccount.objects.values().get() == before | {"end_user_organization_name": "Renamed"}


def test_editing_an_account_keeps_what_a_sync_changes_meanwhile(rf, admin_user):
    LinkedAccountFactory()
    opened = LinkedAccount.objects.get()
    LinkedAccount.objects.get().mark_relink_needed("revoked")

    opened.end_user_organization_name = "Renamed"
    form = SimpleNamespace(changed_data=["end_user_organization_name"])
    request = rf.post("/")
    request.user = admin_user
    admin.site.get_model_admin(LinkedAccount).save_model(request, opened, form, change=True)

    account = LinkedAccount.objects.get()
    assert AuditEvent.objects.get().event_type == "CHANGED_LINKED_ACCOUNT"
    assert (account.end_user_organization_name, account.status) == ("Renamed", LinkedAccount.Status.RELINK_NEEDED)


def test_neither_keys_nor_organizations_can_be_deleted(admin_client, db):
    row = make(ApiKey)

    for url in (page_of(row), page_of(row.organization)):
        assert admin_client.post(url.replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert ApiKey.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("account_type", AccountType.values)
def test_a_new_key_shows_its_secret_once(admin_client, db, account_type):
    organization = OrganizationFactory()

    sent = {"organization": organization.pk, "name": "backend", "account_type": account_type}
    page = admin_client.post(ADD, sent, follow=True)

    [secret] = SECRET.findall(page.text)
    key = ApiKey.objects.get()
    assert bytes(key.secret_hash) == secret_hash(secret)
    assert (key.organization, key.name, key.account_type) == (organization, "backend", account_type)
    for url in (list_of(ApiKey), page_of(key), page_of(key).replace("change", "history")):
        assert secret not in admin_client.get(url).text


def test_the_name_of_a_key_in_use_is_refused(admin_client, db):
    key = ApiKeyFactory()

    page = admin_client.post(
        ADD, {"organization": key.organization_id, "name": key.name, "account_type": key.account_type}
    )

    assert "has a key of this name in use" in page.text
    assert ApiKey.objects.count() == 1


def test_the_name_of_a_revoked_key_can_be_used_again(admin_client, db):
    key = ApiKeyFactory()
    key.revoke()

    admin_client.post(ADD, {"organization": key.organization_id, "name": key.name, "account_type": key.account_type})

    assert ApiKey.objects.filter(revoked_at=None).count() == 1


def test_a_key_cannot_be_changed(admin_client, db):
    key = ApiKeyFactory()
    before = ApiKey.objects.values().get()

    sent = {"name": "changed", "account_type": "TEST", "revoked_at": "2026-01-01"}

    assert admin_client.post(page_of(key), sent).status_code == 403
    assert ApiKey.objects.values().get() == before


def test_keys_can_be_revoked(admin_client, db):
    revoked, kept = ApiKeyFactory.create_batch(2)

    sent = {"action": "revoke", "_selected_action": [revoked.pk]}
    page = admin_client.post(list_of(ApiKey), sent, follow=True)

    assert f"Revoked: {revoked}" in page.text
    assert [key.pk for key in ApiKey.objects.filter(revoked_at=None)] == [kept.pk]


def test_who_may_only_look_cannot_revoke(client, django_user_model):
    key = ApiKeyFactory()
    user = django_user_model.objects.create_user("staff", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    client.force_login(user)

    client.post(list_of(ApiKey), {"action": "revoke", "_selected_action": [key.pk]})

    assert ApiKey.objects.get().revoked_at is None
