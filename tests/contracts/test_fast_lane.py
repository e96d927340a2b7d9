"""The fast lane against Django: the same bytes and headers, whatever is asked."""

import json
import random
from io import BytesIO
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connection
from django.test.utils import CaptureQueriesContext

from config.fast_lane import FastLane
from linked_accounts import throttling
from linked_accounts.scopes import change_scopes
from linked_accounts.throttling import LinkedAccountThrottle
from tests.contracts.asking import VIEWSETS, random_parameters
from tests.factories import RemoteUserFactory
from tests.routes import ROUTES


@pytest.fixture
def django():
    """Django as it serves, but for its closing the connection that holds the test's transaction."""
    signals, application = (request_started, request_finished), get_wsgi_application()

    def answer(environ, start_response):
        for signal in signals:
            signal.disconnect(close_old_connections)
        return application(environ, start_response)

    yield answer
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def lane(django):
    """A fast lane with nothing behind it: what it leaves to others is None."""
    return FastLane(lambda environ, start_response: None, VIEWSETS)


def ask(application, path, query="", method="GET", **headers):
    """Return status, headers and body; None where the application has no answer."""
    names = {name.replace("-", "_").upper(): value for name, value in headers.items()}
    answer = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "HTTP_HOST": "testserver",
        "HTTP_X_REQUEST_ID": "the-same",
        "wsgi.input": BytesIO(),
        "wsgi.errors": BytesIO(),
        "wsgi.url_scheme": "http",
        **{f"HTTP_{name}": value for name, value in names.items()},
    }
    parts = application(environ, lambda status, headers: answer.extend([status, dict(headers)]))
    if parts is None:
        return None
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    return (*answer, body)


def random_request(chance, api, rows):
    """Return path, query and headers of a request that is good as a rule."""
    route = chance.choice(ROUTES)
    parameters = random_parameters(chance, VIEWSETS[route.path], rows)
    spoiled = {
        "page_size": ["0", "x", "", "200"],
        "cursor": ["nonsense", ""],
        "created_after": ["yesterday", ""],
        "expand": ["nothing"],
        "remote_id": ["1", "\0", "é"],
        "include_remote_data": ["perhaps"],
        "unknown": ["1"],
    }
    for name in spoiled:
        if chance.random() < 0.04:
            parameters[name] = chance.choice(spoiled[name])
    path = f"/api/ats/v1/{route.path}"
    if chance.random() < 0.3:
        known = [row.id for several in rows.values() for row in several]
        path += f"/{chance.choice([*known, uuid4(), 'meta', 'x' * 36])}"
    headers = dict(api.headers)
    if chance.random() < 0.05:
        headers[chance.choice(list(headers))] = chance.choice(["", "Bearer wrong", "wrong"])
    if chance.random() < 0.3:
        headers["Accept-Encoding"] = "gzip, deflate"
    if chance.random() < 0.02:
        headers["Host"] = "elsewhere.example"
    return path + chance.choice(["", "/", "//"][: 2 + (chance.random() < 0.1)]), urlencode(parameters), headers


def test_both_answer_the_same(api, company, django, lane):
    chance, answered, statuses = random.Random(11), 0, set()

    for number in range(1500):
        if number == 500:  # until here no row has a printed text
            call_command("reprint")
        path, query, headers = random_request(chance, api, company)
        by_django, by_lane = ask(django, path, query, **headers), ask(lane, path, query, **headers)
        statuses.add(by_django[0][:3])
        assert by_lane in (None, by_django), (path, query, headers)
        assert by_lane or by_django[0] != "200 OK", (path, query, headers)
        answered += by_lane is not None

    assert answered > 500
    assert statuses == {"200", "400", "401", "404"}


def test_pages_follow_each_other_as_in_django(api, company, django, lane):
    query = {"page_size": "7", "expand": "application,interviewers", "include_remote_data": "true"}
    pages = api.walk("interviews", **query)
    assert len(pages) > 2
    cursor = ""
    for page in range(len(pages)):
        asked = ("/api/ats/v1/interviews", urlencode(query | {"cursor": cursor}))
        by_lane = ask(lane, *asked, **api.headers)
        assert by_lane == ask(django, *asked, **api.headers), page
        cursor = api.get("interviews", **query, cursor=cursor).json()["next"]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "OPTIONS", "DELETE"])
def test_other_methods_are_left_to_django(api, lane, method):
    assert ask(lane, "/api/ats/v1/users", method=method, **api.headers) is None


def test_what_the_caller_has_already_is_not_sent_again(api, account, django, lane):
    RemoteUserFactory(linked_account=account)
    _, headers, _ = ask(lane, "/api/ats/v1/users", **api.headers)
    known = {**api.headers, "If-None-Match": headers["ETag"]}

    assert ask(lane, "/api/ats/v1/users", **known) is None
    status, again, body = ask(django, "/api/ats/v1/users", **known)
    assert (status, body) == ("304 Not Modified", b"")
    assert (again["ETag"], again["X-Request-Id"]) == (headers["ETag"], "the-same")
    RemoteUserFactory(linked_account=account)
    assert ask(django, "/api/ats/v1/users", **known)[0] == "200 OK"


def test_tags_of_compressed_answers_are_those_of_the_others(api, account, django, lane):
    RemoteUserFactory(linked_account=account, first_name="x" * 500)
    compressed = {**api.headers, "Accept-Encoding": "gzip"}

    tags = {ask(lane, "/api/ats/v1/users", **headers)[1]["ETag"] for headers in (api.headers, compressed)}
    assert len(tags) == 1
    assert ask(django, "/api/ats/v1/users", **compressed, **{"If-None-Match": tags.pop()})[0] == "304 Not Modified"


def test_a_request_counts_once_whoever_answers_it(api, account, django, settings):
    settings.API_RATE_LIMIT = 4
    throttling._shares.clear()
    both = FastLane(django, VIEWSETS)
    paths = ["users", f"users/{uuid4()}", "users?page_size=x", "users", "users", "users"]

    answers = [
        ask(both, f"/api/ats/v1/{path.partition('?')[0]}", path.partition("?")[2], **api.headers) for path in paths
    ]

    assert [status[:3] for status, _, _ in answers] == ["200", "404", "400", "200", "429", "429"]
    assert [headers["X-RateLimit-Remaining"] for _, headers, _ in answers] == ["3", "2", "1", "0", "0", "0"]
    assert LinkedAccountThrottle.TAKEN not in str(answers)


def test_a_revoked_key_sees_nothing_more(api, account, lane):
    RemoteUserFactory(linked_account=account)
    assert ask(lane, "/api/ats/v1/users", **api.headers)
    api.key.revoke()

    assert ask(lane, "/api/ats/v1/users", **api.headers) is None


def test_scopes_hold_at_once(api, account, django, lane):
    RemoteUserFactory(linked_account=account, email="ana@x.example")
    assert b"ana@x.example" in ask(lane, "/api/ats/v1/users", **api.headers)[2]
    change_scopes(account, {"RemoteUser": {"disabled_fields": ["email"]}})

    by_lane = ask(lane, "/api/ats/v1/users", **api.headers)
    assert by_lane == ask(django, "/api/ats/v1/users", **api.headers)
    assert b"ana@x.example" not in by_lane[2]


def test_a_read_is_one_statement(api, company, lane):
    call_command("reprint")
    ask(lane, "/api/ats/v1/users", **api.headers)

    for path in ("users", "interviews", f"interviews/{company['application_id'][0].id}"):
        with CaptureQueriesContext(connection) as queries:
            ask(lane, f"/api/ats/v1/{path}", **api.headers)
        assert len(queries) <= 1 + path.count("/") * 2  # one more for who is asking, where there is nothing


def test_requests_are_logged_alike(api, account, django, lane, capfd):
    logged = []
    for application in (lane, django):
        ask(application, "/api/ats/v1/users", "email=ana@x.example", **api.headers)
        line = json.loads(capfd.readouterr().err)
        logged.append({name: value for name, value in line.items() if name not in ("milliseconds", "timestamp")})

    assert logged[0] == logged[1]
    assert logged[0]["request_id"] == "the-same"
    assert "ana@x.example" not in str(logged)
