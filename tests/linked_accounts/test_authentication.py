import pytest
from django.db import connection
from django.test import Client

from linked_accounts.models import AccountType, ApiKey, LinkedAccount
from tests.conftest import Api
from tests.factories import ApiKeyFactory, LinkedAccountFactory, RemoteUserFactory

NOT_PROVIDED = "Authentication credentials were not provided."
MISSING = "Account Token must be passed in as an X-Account-Token header."


def get(path="users", **headers):
    return Client(headers=headers).get(f"/api/ats/v1/{path}")


def refusal(response):
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    return response.json()["detail"]


@pytest.mark.parametrize("header", ["", "Basic abc", "Token abc", "Bearer", "Bearer "])
def test_no_key(db, header):
    assert refusal(get(authorization=header)) == NOT_PROVIDED


@pytest.mark.parametrize("key", ["x", "interloop_live_x", "é", "\udce9"])
def test_unknown_key(account, key):
    assert refusal(get(authorization=f"Bearer {key}", x_account_token=account.token)) == "Invalid token."


def test_the_key_is_checked_before_the_token_and_the_token_before_the_parameters(api):
    key = f"Bearer {api.key.secret}"

    assert refusal(get("users?page_size=x", authorization="Bearer x")) == "Invalid token."
    assert refusal(get("users?page_size=x", authorization=key)) == MISSING
    assert refusal(get("users?page_size=x", authorization=key, x_account_token="  ")) == MISSING
    assert refusal(get("users?page_size=x", authorization=key, x_account_token="x")) == "Invalid account token."


def test_an_account_of_another_organization_is_an_invalid_token(api):
    foreign = LinkedAccountFactory()

    response = get(authorization=f"Bearer {api.key.secret}", x_account_token=foreign.token)

    assert refusal(response) == "Invalid account token."


@pytest.mark.parametrize(("is_test", "kind"), [(True, AccountType.PRODUCTION), (False, AccountType.TEST)])
def test_a_key_sees_no_account_of_the_other_kind(db, is_test, kind):
    account = LinkedAccountFactory(account_type=kind)
    key = ApiKeyFactory(organization=account.organization, is_test=is_test)

    response = get(authorization=f"Bearer {key.secret}", x_account_token=account.token)

    assert refusal(response) == "Invalid account token."


def test_a_test_key_sees_a_test_account(db):
    account = LinkedAccountFactory(account_type=AccountType.TEST)

    assert Api(account).get("users").status_code == 200


@pytest.mark.parametrize("has_rows", [True, False])
def test_a_revoked_key_stops_working_at_once(api, account, has_rows):
    if has_rows:
        RemoteUserFactory(linked_account=account)
    assert api.get("users").status_code == 200

    ApiKey.objects.get(id=api.key.id).revoke()

    assert refusal(api.get("users")) == "Invalid token."
    assert refusal(api.get("account-details")) == "Invalid token."


def test_a_replaced_token_stops_working_at_once(api, account):
    user = RemoteUserFactory(linked_account=account)
    assert api.get("users").status_code == 200

    account.token_number += 1
    account.issue_token()
    account.save()

    assert refusal(api.get("users")) == "Invalid account token."
    assert refusal(api.get(f"users/{user.id}")) == "Invalid account token."
    assert refusal(api.get("account-details")) == "Invalid account token."


def test_the_token_of_a_deleted_account_is_invalid(api, account):
    assert api.get("users").status_code == 200

    LinkedAccount.objects.filter(id=account.id).delete()

    assert refusal(api.get("users")) == "Invalid account token."


def test_secrets_are_stored_as_hashes_only(api, account):
    stored = f"{ApiKey.objects.values().get(id=api.key.id)} {LinkedAccount.objects.values().get(id=account.id)}"

    assert api.key.secret not in stored
    assert account.token not in stored


def test_an_account_token_can_be_shown_again_until_the_secret_key_changes(account, settings):
    assert account.account_token() == account.token

    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert account.account_token() == account.token

    settings.SECRET_KEY_FALLBACKS = []
    assert account.account_token() is None


def test_endpoints_of_the_organization_ignore_the_account_token(api):
    response = get("linked-accounts", authorization=f"Bearer {api.key.secret}", x_account_token="nonsense")

    assert response.status_code == 200


def test_reads_need_no_credentials_of_the_platform(api, account):
    LinkedAccount.objects.filter(id=account.id).update(credentials={"api_key": "secret"})
    with connection.cursor() as cursor:  # as if the keys that encrypt them were lost
        cursor.execute("UPDATE linked_accounts_linkedaccount SET credentials = 'gAAAAA'")

    for path in ("users", "interviews", "account-details", "linked-accounts"):
        assert api.get(path).status_code == 200


def test_a_list_without_records_asks_once_whether_the_access_still_holds(api, account, django_assert_num_queries):
    api.get("users")

    with django_assert_num_queries(2):
        assert api.results("users") == []
