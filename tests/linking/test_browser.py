"""The link page in a real browser."""

import re
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
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
def token_of(transactional_db):
    organization = OrganizationFactory()

    def token_of(**more):
        about = {
            "organization": organization,
            "account_type": "PRODUCTION",
            "end_user_origin_id": "42",
            "end_user_organization_name": "Acme",
            "end_user_email_address": "it@acme.example",
            "expires_at": timezone.now() + timedelta(minutes=30),
        }
        return issue_link_token(**about | more)[1]

    return token_of


@pytest.fixture
def visit(page, live_server, token_of):
    """Return what opens the link page; nothing it does may trouble the browser or leave our host."""
    hosts, errors = set(), []
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("pageerror", lambda error: errors.append(str(error)))
    # The browser also notes a refusal's own status as an error.
    page.on("console", lambda message: errors.append(message.text) if is_trouble(message) else None)

    def visit(**more):
        page.goto(f"{live_server.url}/link/{token_of(**more)}")
        return page

    yield visit
    assert errors == []
    assert hosts == {live_server.url.split("/")[2]}


def is_trouble(message):
    return message.type in ("error", "warning") and "server responded with a status of 4" not in message.text


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


def test_a_double_submit_links_once_and_shows_it(visit):
    with lever() as server:
        page = visit(platform="lever")
        server.faults.queue(slow(0.5))
        fill(page, server, server.key)
        page.evaluate(
            "() => { const form = document.querySelector('form'); form.requestSubmit(); form.requestSubmit(); }"
        )
        page.get_by_role("heading", name="Connected").wait_for()

    assert LinkToken.objects.get().tries == 1
    assert LinkedAccount.objects.count() == 1


def test_a_double_submit_without_scripts_links_once(browser, live_server, token_of):
    page = browser.new_context(java_script_enabled=False).new_page()
    with lever() as server:
        page.goto(f"{live_server.url}/link/{token_of(platform='lever')}")
        server.faults.queue(slow(0.5))
        fill(page, server, server.key)
        page.get_by_role("button").dblclick()
        page.get_by_role("heading", name=re.compile("Connected|does not work any more")).wait_for()

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


def test_without_scripts_it_works_as_well(browser, live_server, token_of):
    page = browser.new_context(java_script_enabled=False).new_page()
    with lever() as server:
        page.goto(f"{live_server.url}/link/{token_of(platform='lever')}")
        fill(page, server, server.key)
        page.get_by_role("button").click()
        page.get_by_role("heading", name="Connected").wait_for()


@pytest.fixture
def product(tmp_path, live_server):
    """Return the origin of a product whose page includes our script."""
    script = f"{live_server.url}/static/linking/interloop-link.js"
    (tmp_path / "index.html").write_text(
        f"<!doctype html><title>Product</title><button id='connect'></button><script src='{script}'></script>"
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path)) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def open_link(page, product, token):
    page.goto(product)
    page.evaluate(
        """token => {
            window.told = new Promise(resolve =>
                InterloopLink.initialize({
                    linkToken: token, onSuccess: resolve, onExit: () => { window.hasLeft = true; },
                }));
            document.querySelector("#connect").focus();
            InterloopLink.openLink();
        }""",
        token,
    )


def test_an_embedding_product_is_told_the_public_token(page, product, settings, token_of):
    settings.LINK_EMBED_ORIGINS = [product]
    with lever() as server:
        open_link(page, product, token_of(platform="lever"))
        frame = page.frame_locator("iframe")
        frame.get_by_label("API key").fill(server.key)
        frame.get_by_label("Address").fill(server.address)
        frame.get_by_role("button").click()

        assert len(page.evaluate("() => window.told")) > 20
        frame.get_by_role("heading", name="Connected").wait_for()
        assert frame.get_by_role("heading").evaluate("heading => heading === document.activeElement")


@pytest.mark.parametrize("way", ["button", "key", "key inside"])
def test_an_embedded_page_can_be_left(page, product, settings, token_of, way):
    settings.LINK_EMBED_ORIGINS = [product]
    open_link(page, product, token_of(platform="lever"))
    key = page.frame_locator("iframe").get_by_label("API key")
    key.wait_for()
    if way == "button":
        page.get_by_role("button", name="Close").click()
    else:
        (key if way == "key inside" else page.get_by_role("button", name="Close")).press("Escape")

    page.wait_for_function("window.hasLeft")
    assert page.locator("dialog").count() == 0
    assert page.evaluate("document.activeElement.id") == "connect"


def test_others_cannot_show_the_page(page, product, token_of):
    refusals = []
    page.on("console", lambda message: refusals.append(message.text))

    open_link(page, product, token_of(platform="lever"))
    page.wait_for_load_state("networkidle")

    assert "frame-ancestors" in " ".join(refusals)
    assert page.frame_locator("iframe").get_by_label("API key").count() == 0
