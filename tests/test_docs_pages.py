"""The documentation as readers see it: in a browser, without any host but ours."""

import pytest

from tests.factories import ApiKeyFactory, LinkedAccountFactory, RemoteUserFactory

pytestmark = pytest.mark.browser


@pytest.fixture
def watched(page):
    """A page together with the hosts that it asked and the errors that it logged."""
    page.hosts, page.errors = set(), []
    page.on("response", lambda response: page.hosts.add(response.url.split("/")[2]))
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    return page


def test_swagger_ui_tries_an_operation_out(transactional_db, live_server, watched):
    account = LinkedAccountFactory()
    key = ApiKeyFactory(organization=account.organization)
    RemoteUserFactory(linked_account=account, first_name="Ana from the browser")

    watched.goto(f"{live_server.url}/api/docs/")
    watched.click("button.authorize")
    watched.fill('input[aria-label="auth-bearer-value"]', key.secret)
    watched.fill('input[aria-label="api-key-value"], #api_key_value', account.token)
    for button in watched.query_selector_all(".auth-container button.authorize"):
        button.click()
    watched.click("button.btn-done")
    watched.click("#operations-users-users_list .opblock-summary-control")
    watched.click("#operations-users-users_list button.try-out__btn")
    watched.click("#operations-users-users_list button.execute")
    watched.wait_for_selector("#operations-users-users_list .live-responses-table")

    assert "Ana from the browser" in watched.inner_text("#operations-users-users_list .live-responses-table")
    assert watched.hosts == {live_server.url.split("/")[2]}
    assert watched.errors == []


def test_redoc_describes_the_operations(transactional_db, live_server, watched):
    watched.goto(f"{live_server.url}/api/redoc/")
    watched.get_by_text("List interviews").last.wait_for()

    assert watched.hosts - {""} == {live_server.url.split("/")[2]}
    assert [error for error in watched.errors if "cdn.redoc.ly" not in error] == []  # a logo that we do not let in
