"""The link page in a real browser."""

from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from linked_accounts.models import LinkedAccount
from linking.models import LinkToken
from linking.services import issue_link_token
from sandbox.company import build_company
from sandbox.platforms import simulators
from sandbox.server import serve, slow
from tests.factories import OrganizationFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _simulators_are_on_this_machine(settings):
    settings.ALLOW_PRIVATE_ADDRESSES = True


@pytest.fixture
def visit(page, live_server):
    """Return what opens the link page; nothing it does may trouble the browser or leave our host."""
    hosts, errors = set(), []
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("pageerror", lambda error: errors.append(str(error)))
    # A refusal's own status is no trouble.
    page.on("console", lambda message: errors.append(message.text) if "Security Policy" in message.text else None)

    def visit(**more):
        _, text = issue_link_token(
            organization=OrganizationFactory(),
            account_type="PRODUCTION",
            end_user_origin_id="42",
            end_user_organization_name="Acme",
            end_user_email_address="it@acme.example",
            expires_at=timezone.now() + timedelta(minutes=30),
            **more,
        )
        page.goto(f"{live_server.url}/link/{text}")
        return page

    yield visit
    assert errors == []
    assert hosts <= {live_server.url.split("/")[2], "127.0.0.1"}


@contextmanager
def lever():
    simulator = simulators()["lever"](build_company(interviews=5))
    with serve(simulator) as server:
        address = server.url + simulator.base_path
        yield SimpleNamespace(key=simulator.credentials["api_key"], address=address, faults=server.faults)


def fill(page, server, key):
    page.get_by_label("API key").fill(key)
    page.get_by_label("Address").fill(server.address)


def test_good_credentials_connect(visit):
    with lever() as server:
        page = visit()
        page.get_by_role("link", name="Lever").click()
        fill(page, server, server.key)
        page.get_by_role("button", name="Test and connect").click()
        page.get_by_role("heading", name="Connected").wait_for()

    assert LinkedAccount.objects.get().status == "COMPLETE"


def test_bad_credentials_are_explained_where_a_screen_reader_is(visit):
    with lever() as server:
        page = visit(platform="lever")
        fill(page, server, "wrong")
        page.get_by_role("button", name="Test and connect").click()
        page.get_by_role("alert").wait_for()

        assert "does not accept these credentials" in page.get_by_role("alert").inner_text()
        assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
        assert page.get_by_label("API key").input_value() == ""
        assert page.get_by_label("Address").input_value() == server.address
    assert not LinkedAccount.objects.exists()


def test_an_expired_link_says_so(visit):
    page = visit()
    LinkToken.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    page.reload()

    assert page.get_by_role("heading").inner_text() == "This link does not work any more"


def test_a_double_submit_links_once(visit):
    with lever() as server:
        page = visit(platform="lever")
        server.faults.queue(slow(0.5))
        fill(page, server, server.key)
        page.evaluate(
            "() => { const form = document.querySelector('form'); form.requestSubmit(); form.requestSubmit(); }"
        )
        page.get_by_role("heading").first.wait_for()
        page.wait_for_load_state("networkidle")

    assert LinkedAccount.objects.count() == 1


def tab_to(page, target):
    for _ in range(20):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{target} is not in the order of the keyboard")


def test_the_keyboard_is_enough(visit):
    with lever() as server:
        page = visit()
        tab_to(page, page.get_by_role("link", name="Lever"))
        page.keyboard.press("Enter")
        page.get_by_label("API key").wait_for()
        tab_to(page, page.get_by_label("API key"))
        page.keyboard.type(server.key)
        tab_to(page, page.get_by_label("Address"))
        page.keyboard.type(server.address)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Connected").wait_for()


def test_without_scripts_it_works_as_well(browser, live_server, visit):
    with lever() as server:
        visit(platform="lever")
        _, text = issue_link_token(
            organization=OrganizationFactory(),
            account_type="PRODUCTION",
            platform="lever",
            end_user_origin_id="43",
            end_user_organization_name="Acme",
            end_user_email_address="it@acme.example",
            expires_at=timezone.now() + timedelta(minutes=30),
        )
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(f"{live_server.url}/link/{text}")
        fill(page, server, server.key)
        page.get_by_role("button").click()
        page.get_by_role("heading", name="Connected").wait_for()


def test_an_embedding_product_is_told_the_public_token(visit, page, live_server, settings):
    settings.LINK_EMBED_ORIGINS = [live_server.url]
    with lever() as server:
        visit(platform="lever")
        link = page.url
        page.goto(f"{live_server.url}/api/docs")
        page.add_script_tag(url="/static/linking/interloop-link.js")
        page.evaluate(
            """token => {
                window.told = new Promise(resolve =>
                    InterloopLink.initialize({ linkToken: token, onSuccess: resolve }));
                InterloopLink.openLink();
            }""",
            link.rpartition("/")[2],
        )
        frame = page.frame_locator("iframe")
        frame.get_by_label("API key").fill(server.key)
        frame.get_by_label("Address").fill(server.address)
        frame.get_by_role("button").click()

        assert len(page.evaluate("() => window.told")) > 20
