"""Link tokens, public tokens, and the page between them, over HTTP."""

from contextlib import contextmanager
from datetime import timedelta
from threading import Thread
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from merge import Merge

from connectors import registry
from linked_accounts.deletion import delete_account
from linked_accounts.models import AccountType, AuditEvent, LinkedAccount
from linked_accounts.services import link_account
from linked_accounts.signals import housekeeping
from linking.models import LinkToken, PublicToken
from linking.services import MAX_TRIES, issue_public_token
from sandbox.company import build_company
from sandbox.platforms import simulators
from sandbox.server import failing, serve
from sync.jobs import is_queued
from sync.models import Schedule
from tests.conftest import Api
from tests.factories import ApiKeyFactory, LinkedAccountFactory
from tests.platforms import SLUGS

END_USER = {
    "end_user_email_address": "it@acme.example",
    "end_user_organization_name": "Acme",
    "end_user_origin_id": "42",
    "categories": ["ats"],
}


@pytest.fixture(autouse=True)
def _simulators_are_on_this_machine(settings):
    settings.ALLOW_PRIVATE_ADDRESSES = True


@pytest.fixture
def account(transactional_db):
    return LinkedAccountFactory(end_user_origin_id="another")


@pytest.fixture
def api(account):
    return Api(account)


@contextmanager
def platform(slug="lever"):
    simulator = simulators()[slug](build_company(interviews=5))
    with serve(simulator) as server:
        form = {f"credential-{name}": value for name, value in simulator.credentials.items()}
        form |= {"platform": slug, "base_url": server.url + simulator.base_path}
        yield SimpleNamespace(simulator=simulator, form=form, faults=server.faults)


def ask(api, path="/api/ats/v1/link-token", **more):
    return api.client.post(path, END_USER | more, content_type="application/json")


def token_of(api, **more):
    answer = ask(api, **more)
    assert answer.status_code == 200, answer.content
    return answer.json()["link_token"]


def visit(token, form=None, **query):
    client = Client()
    return client.get(f"/link/{token}", query) if form is None else client.post(f"/link/{token}", form)


def public_token(response):
    return response.content.decode().partition('data-public-token="')[2].partition('"')[0]


def spoilable(server):
    secrets = [one.name for one in registry.connector_class(server.form["platform"]).credentials if one.secret]
    return {name: text for name, text in server.form.items() if name.removeprefix("credential-") in secrets}


def linked_account():
    return LinkedAccount.objects.get(end_user_origin_id="42")


def test_from_link_token_to_account_token(api):
    with platform() as server:
        answer = visit(token_of(api), server.form)
        assert answer.status_code == 200, answer.content

    told = api.get(f"account-token/{public_token(answer)}").json()
    account = linked_account()
    assert told["id"] == str(account.id)
    assert told["integration"]["slug"] == "lever"
    assert (account.status, account.credentials) == ("COMPLETE", server.simulator.credentials)
    assert (account.organization_id, account.account_type) == (api.key.organization_id, AccountType.PRODUCTION)
    account.token = told["account_token"]
    assert Api(account).get("account-details").json()["end_user_organization_name"] == "Acme"
    assert is_queued(account)


def test_a_public_token_works_once_and_for_its_organization(api, account):
    text = issue_public_token(account)

    assert Api(LinkedAccountFactory()).get(f"account-token/{text}").status_code == 404
    assert api.get(f"account-token/{text}").status_code == 200
    assert api.get(f"account-token/{text}").status_code == 404


def test_a_public_token_ends_soon(api, account):
    text = issue_public_token(account)
    PublicToken.objects.update(expires_at=timezone.now())

    assert api.get(f"account-token/{text}").status_code == 404
    housekeeping.send(None)
    assert not PublicToken.objects.exists()


def test_both_requests_work_without_a_category_in_their_path(api, account):
    made = ask(api, "/api/integrations/create-link-token")
    told = api.client.get(f"/api/integrations/account-token/{issue_public_token(account)}")

    assert made.json()["link_token"]
    assert told.json()["id"] == str(account.id)


def test_a_magic_link_is_a_page_of_ours(api, settings):
    settings.PUBLIC_URL = "https://interloop.example"

    answer = ask(api, should_create_magic_link_url=True, link_expiry_mins=10080).json()

    assert answer["magic_link_url"] == f"https://interloop.example/link/{answer['link_token']}"
    assert answer["integration_name"] is None
    assert AuditEvent.objects.get().event_type == "GENERATED_MAGIC_LINK"
    assert ask(api).json()["magic_link_url"] is None


def test_what_is_null_counts_as_not_said(api):
    names = ("integration", "link_expiry_mins", "should_create_magic_link_url", "common_models", "language")

    assert token_of(api, **dict.fromkeys(names))
    assert LinkToken.objects.get().expires_at > timezone.now() + timedelta(minutes=29)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"end_user_email_address": "nobody"}, "end_user_email_address"),
        ({"end_user_organization_name": ""}, "end_user_organization_name"),
        ({"end_user_origin_id": None}, "end_user_origin_id"),
        ({"categories": ["hris"]}, "categories"),
        ({"categories": "ats"}, "categories"),
        ({"integration": "nonsense"}, "integration"),
        ({"link_expiry_mins": 29}, "link_expiry_mins"),
        ({"link_expiry_mins": 721}, "link_expiry_mins"),
        ({"link_expiry_mins": 10081, "should_create_magic_link_url": True}, "link_expiry_mins"),
        ({"language": "fr"}, "language"),
        ({"common_models": [{"model_id": "ats.Nonsense", "enabled_actions": ["READ"]}]}, "common_models"),
        ({"common_models": [None]}, "common_models"),
        (
            {"category_common_model_scopes": {"ats": [{"model_name": "Nonsense"}]}},
            "category_common_model_scopes",
        ),
    ],
)
def test_nonsense_is_refused(api, more, field):
    answer = ask(api, **more)

    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not LinkToken.objects.exists()


def test_null_counts_as_left_out(api):
    scope = {"model_id": "ats.RemoteUser", "enabled_actions": ["READ"], "disabled_fields": None}

    token_of(api, link_expiry_mins=None, integration=None, language=None, common_models=[scope])

    token = LinkToken.objects.get()
    assert token.expires_at - token.created_at > timedelta(minutes=29)
    assert token.scopes == {"RemoteUser": {"read": True, "write": False, "disabled_fields": []}}


def test_linking_anew_keeps_id_and_token(api, account):
    old, token = link_account(
        organization=account.organization,
        platform="lever",
        end_user_origin_id="42",
        end_user_organization_name="Acme",
        end_user_email_address="it@acme.example",
        credentials={"api_key": "old"},
    )
    old.mark_relink_needed("The key was refused.")

    answer = ask(api).json()
    with platform() as server:
        visit(answer["link_token"], server.form)

    assert answer["integration_name"] == "Lever"
    again = linked_account()
    assert (again.id, again.account_token(), again.status) == (old.id, token, "COMPLETE")
    assert ask(api, integration="greenhouse").status_code == 400


def test_scopes_and_paused_syncs_are_handed_on(api):
    token = token_of(
        api,
        are_syncs_disabled=True,
        common_models=[
            {"model_id": "ats.RemoteUser", "enabled_actions": ["READ"], "disabled_fields": ["email"]},
            {"model_id": "Job", "enabled_actions": []},
        ],
    )
    with platform() as server:
        visit(token, server.form)

    assert linked_account().scopes == {
        "RemoteUser": {"read": True, "write": False, "disabled_fields": ["email"]},
        "Job": {"read": False, "write": False, "disabled_fields": []},
    }
    assert Schedule.objects.get(linked_account=linked_account()).are_syncs_disabled
    assert not is_queued(linked_account())


def test_wrong_credentials_store_nothing_and_are_explained(api):
    token = token_of(api)
    with platform() as server:
        wrong = visit(token, server.form | {"credential-api_key": "wrong-secret"})
        right = visit(token, server.form)

    assert wrong.status_code == 422
    assert "does not accept these credentials" in wrong.content.decode()
    assert "wrong-secret" not in wrong.content.decode()
    assert right.status_code == 200


def test_a_platform_that_is_down_is_told_apart(api):
    token = token_of(api)
    with platform() as server:
        server.faults.spoil_share(1, failing(503))
        answer = visit(token, server.form)

    assert answer.status_code == 422
    assert "cannot be reached" in answer.content.decode()


def test_missing_fields_are_named(api):
    answer = visit(token_of(api), {"platform": "greenhouse"})

    assert answer.status_code == 422
    assert answer.content.decode().count("Required: ") == 2
    assert 'aria-invalid="true"' in answer.content.decode()


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.lever.co/v1",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://lever.co.example.com/",  # whose it is, we cannot know
        "https://u:p@api.lever.co",
        "https://api.lever.co:port/",
        "https://[::1",
        "nonsense",
    ],
)
def test_customers_have_us_call_nobody_but_the_platform(api, settings, base_url):
    settings.ALLOW_PRIVATE_ADDRESSES = False

    answer = visit(token_of(api), {"platform": "lever", "credential-api_key": "x", "base_url": base_url})

    assert answer.status_code == 422
    assert "base_url-problem" in answer.content.decode()


def test_customers_have_us_call_no_private_address_where_a_platforms_hosts_are_not_known(api, settings):
    settings.ALLOW_PRIVATE_ADDRESSES = False
    form = {"credential-company_id": "a", "credential-client_id": "b", "credential-user_id": "c"}
    form |= {"credential-saml_assertion": "x", "platform": "successfactors", "base_url": "https://127.0.0.1"}

    answer = visit(token_of(api), form)

    assert "cannot be reached over the internet" in answer.content.decode()


def test_customers_are_not_asked_for_what_operators_set(api):
    token = token_of(api)
    page = visit(token, platform="greenhouse").content.decode()
    with platform("greenhouse") as server:
        answer = visit(token, server.form | {"credential-auth_base_url": "http://127.0.0.1:1"})

    assert "auth_base_url" not in page
    assert answer.status_code == 200
    assert "auth_base_url" not in linked_account().credentials


@pytest.mark.parametrize("slug", SLUGS)
def test_every_platform_can_be_linked(api, slug):
    token = token_of(api, integration=slug)
    with platform(slug) as server:
        wrong = visit(token, server.form | {name: f"é🙂\0\r\n{text[::-1]}" for name, text in spoilable(server).items()})
        right = visit(token, server.form)

    assert wrong.status_code == 422
    assert right.status_code == 200, right.content
    assert linked_account().platform == slug


def test_a_link_works_once(api):
    token = token_of(api)
    with platform() as server:
        visit(token, server.form)
        again = visit(token, server.form)

    assert again.status_code == 410
    assert "used already" in again.content.decode()


def test_two_submits_at_once_link_one_account(api):
    token = token_of(api)
    answers = []

    def submit(form):
        answers.append(visit(token, form))
        connection.close()

    with platform() as server:
        threads = [Thread(target=submit, args=(server.form,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(answer.status_code for answer in answers) == [200, 410, 410, 410]
    assert LinkedAccount.objects.filter(end_user_origin_id="42").count() == 1
    assert PublicToken.objects.count() == 1


def test_an_expired_link_says_so_in_its_language(api):
    token = token_of(api, language="de")
    LinkToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert visit(token).status_code == 410
    assert visit("nonsense").status_code == 404
    assert "gilt nicht mehr" not in visit("nonsense").content.decode()


def test_pages_are_in_the_language_that_was_asked_for(api):
    page = visit(token_of(api, language="de")).content.decode()

    assert '<html lang="de">' in page
    assert "Welches System nutzen Sie?" in page


def test_tries_are_counted(api):
    token = token_of(api)
    LinkToken.objects.update(tries=MAX_TRIES)

    assert visit(token, {"platform": "lever", "credential-api_key": "x"}).status_code == 429


def test_only_the_named_platform_is_offered(api):
    page = visit(token_of(api, integration="lever"), platform="ashby").content.decode()

    assert "Lever" in page
    assert "Ashby" not in page


def test_pages_keep_to_themselves(api, settings):
    alone = visit(token_of(api))
    settings.LINK_EMBED_ORIGINS = ["https://app.example.com"]
    framed = visit(token_of(api))

    assert "default-src 'none'" in alone["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in alone["Content-Security-Policy"]
    assert "frame-ancestors https://app.example.com" in framed["Content-Security-Policy"]
    assert alone["Referrer-Policy"] == "no-referrer"
    assert "no-store" in alone["Cache-Control"]
    assert "X-Frame-Options" not in alone
    assert alone.cookies == {}
    for forbidden in ("<script>", "style=", "onclick", "//"):
        assert forbidden not in alone.content.decode()


def test_tokens_are_neither_stored_nor_logged(api, caplog):
    token = token_of(api)
    caplog.set_level("INFO")
    visit(token)

    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM linking_linktoken t")
        assert token not in cursor.fetchone()[0]
    assert token not in caplog.text


def test_a_deleted_account_takes_its_tokens_along(api):
    with platform() as server:
        answer = visit(token_of(api), server.form)

    delete_account(linked_account())

    assert not LinkToken.objects.exists()
    assert api.get(f"account-token/{public_token(answer)}").status_code == 404


def test_two_links_for_one_customer_link_one_account(api):
    tokens = [token_of(api) for _ in range(3)]
    answers = []

    def submit(token, form):
        answers.append(visit(token, form).status_code)
        connection.close()

    with platform() as server:
        threads = [Thread(target=submit, args=(token, server.form)) for token in tokens]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert answers == [200, 200, 200]
    assert LinkedAccount.objects.filter(end_user_origin_id="42").count() == 1


def test_asking_for_an_accounts_token_is_noted(api, account):
    api.get(f"account-token/{issue_public_token(account)}")

    assert AuditEvent.objects.get().event_type == "END_USER_CREDENTIALS_ACCESSED"


def test_merges_client_links(account, live_server):
    key = ApiKeyFactory(organization=account.organization)
    merge = Merge(api_key=key.secret, base_url=f"{live_server.url}/api")

    made = merge.ats.link_token.create(**END_USER, should_create_magic_link_url=True, link_expiry_mins=60)
    told = merge.ats.account_token.retrieve(issue_public_token(account))

    assert made.magic_link_url == f"{live_server.url}/link/{made.link_token}"
    assert (told.account_token, told.integration.name) == (account.token, "Greenhouse")
