import gzip
import json
import logging
from datetime import datetime, timedelta

import pytest
from django.conf import settings as django_settings
from django.test import Client, RequestFactory

from api.middleware import WithoutSecrets, accepts_gzip
from config.wsgi import UTF8Request
from tests.factories import RemoteUserFactory


def test_paths_are_served_with_and_without_a_slash(api, account):
    user = RemoteUserFactory(linked_account=account)

    assert api.get("users").json() == api.get("users/").json()
    assert api.get(f"users/{user.id}").json() == api.get(f"users/{user.id}/").json()


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/xml", "nonsense"])
def test_answers_are_json_whatever_is_accepted(api, accept):
    response = api.client.get("/api/ats/v1/users", headers={"Accept": accept})

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/ats/v1/nothing/", "/api/ats/v1/users/1/2"])
def test_unknown_routes_are_json_too(api, path):
    response = api.client.get(path)

    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})
    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api", "/api/ats/v1/nothing", "/api/integrations/%ff"])
def test_unknown_routes_ask_nobody_for_a_cookie(api, method, path):
    client = Client(headers=api.headers, enforce_csrf_checks=True)

    response = client.generic(method, path, "{}", content_type="application/json")

    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_wrong_methods_are_told_which_are_right(api, method):
    response = api.client.generic(method, "/api/ats/v1/users")

    assert (response.status_code, response.json()) == (405, {"detail": f'Method "{method}" not allowed.'})
    assert "GET" in response["Allow"]


@pytest.mark.parametrize(
    "body",
    [
        "{",
        b"\xff",
        '{"model": NaN}',
        '{"model": 1e999}',
        '{"model": {"location": "\\ud83d"}}',  # half of a surrogate pair, which cannot be written in UTF-8
        '{"model": ' + "[" * 101 + "]" * 101 + "}",
        '{"model": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
)
def test_bodies_that_are_no_json_are_refused(api, body):
    response = api.client.generic("POST", "/api/ats/v1/interviews", body, content_type="application/json")

    assert response.status_code == 400
    assert response.json()["detail"].startswith("JSON parse error - ")


@pytest.mark.parametrize("content_type", ["application/json", "application/json;charset=utf-8", "Application/JSON"])
def test_bodies_are_json_in_utf_8(api, content_type):
    body = '{"method": "GET", "path": "\u00fc"}'.encode()

    response = api.client.generic("POST", "/api/ats/v1/async-passthrough", body, content_type=content_type)

    assert response.status_code == 200, response.content


def test_a_fault_of_ours_is_a_500_without_internals(api, monkeypatch):
    api.client.raise_request_exception = False
    monkeypatch.setattr("api.statements.fetch_page", lambda *args, **kwargs: 1 / 0)

    response = api.get("users")

    assert (response.status_code, response.json()) == (500, {"detail": "Internal server error."})


@pytest.mark.parametrize("charset", ["zlib", "rot13", "idna", "undefined", "UTF-16", "latin-1", "nothing"])
def test_json_and_queries_are_utf_8_whatever_a_request_claims(charset):
    about = {"CONTENT_TYPE": f"application/json; charset={charset}", "QUERY_STRING": "a=Zo%C3%AB"}

    request = UTF8Request({**RequestFactory()._base_environ(), **about})

    assert (request.GET["a"], request.encoding) == ("Zoë", "utf-8")


@pytest.mark.parametrize(
    "name",
    [
        "[" * 300 + "]" * 300,
        "[" * 100_000 + "]" * 100_000,
        r'"\ud83d"',  # half of a surrogate pair, which UTF-8 has no bytes for
        r'{"\ud83d": 1}',
        "18446744073709551616",
    ],
)
@pytest.mark.parametrize("path", ["generate-key", "interviews", "passthrough"])
def test_json_that_could_not_be_written_again_is_refused(api, path, name):
    response = api.client.post(f"/api/ats/v1/{path}", f'{{"name": {name}}}', "application/json")

    assert (response.status_code, list(response.json())) == (400, ["detail"])
    assert response.json()["detail"].startswith("JSON parse error - ")


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "1"}])
def test_a_request_that_is_too_large_is_told_how_large_it_may_be(api, settings, headers):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    response = api.client.post("/api/ats/v1/generate-key", {"name": "x" * 1000}, "application/json", headers=headers)

    assert (response.status_code, response.json()) == (400, {"detail": "A request has at most 1000 bytes."})


def test_a_foreign_host_name_is_a_400_in_json(api):
    response = api.client.get("/api/ats/v1/users", headers={"Host": "evil.example"})

    assert (response.status_code, response.json()) == (400, {"detail": "Bad request."})


def test_gzip_is_honoured(api, account):
    for _ in range(10):
        RemoteUserFactory(linked_account=account)

    response = api.client.get("/api/ats/v1/users", headers={"Accept-Encoding": "gzip"})

    assert response["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(response.content))["results"]) == 10


def test_a_sane_request_id_is_echoed(api):
    response = api.client.get("/api/ats/v1/users", headers={"X-Request-Id": "job-7/attempt:2"})

    assert response["X-Request-Id"] == "job-7/attempt:2"


@pytest.mark.parametrize("id", ["", "a b", "x" * 129, 'a"b', "ü"])
def test_another_request_id_is_replaced(id):
    response = Client().get("/api/nothing", headers={"X-Request-Id": id})

    assert response["X-Request-Id"] != id
    assert len(response["X-Request-Id"]) == 36


def test_the_api_sends_no_cors_headers(api):
    response = api.client.get("/api/ats/v1/users", headers={"Origin": "https://app.example.com"})

    assert not [name for name in response.headers if name.lower().startswith("access-control")]


def test_requests_are_logged_by_name_without_their_queries(api, account, capfd):
    api.client.get("/api/ats/v1/users?email=ana@example.com", headers={"X-Request-Id": "job-7"})

    line = json.loads(capfd.readouterr().err)
    assert (line["event"], line["level"], line["logger"]) == ("request", "info", "api.middleware")
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)
    assert (line["request_id"], line["method"], line["path"], line["status"]) == (
        "job-7",
        "GET",
        "/api/ats/v1/users",
        200,
    )
    assert "ana@example.com" not in str(line)
    assert account.token not in str(line)


@pytest.mark.parametrize("path", ["/api/ats/v1/account-token/s3cret", "/link/s3cret", f"/webhooks/{'x' * 36}/s3cret"])
def test_paths_that_prove_who_asks_are_not_logged_where_something_goes_wrong(path):
    record = logging.LogRecord("django.request", logging.ERROR, "", 0, "%s: %s", ("Internal Server Error", path), None)

    WithoutSecrets().filter(record)

    assert record.getMessage() == f"Internal Server Error: {path.removesuffix('s3cret')}…"
    assert django_settings.LOGGING["handlers"]["stderr"]["filters"] == ["without_secrets"]


@pytest.mark.parametrize("accepted", ["gzip;q=0", "identity;q=1, gzip;q=0", "gzip;q=0.0, br"])
def test_who_does_not_take_gzip_gets_none(accepted):
    assert not accepts_gzip(accepted)


@pytest.mark.parametrize("accepted", ["gzip", "GZIP", "br, gzip;q=0.5", "gzip;q=1.0"])
def test_who_takes_gzip_gets_it(accepted):
    assert accepts_gzip(accepted)


@pytest.mark.parametrize("condition", ["If-Match", "If-Unmodified-Since"])
@pytest.mark.parametrize("path", ["users", "account-details"])
def test_conditions_of_writers_mean_nothing_to_reads(api, condition, path):
    value = '"x"' if condition == "If-Match" else "Tue, 01 Dec 2026 01:50:21 GMT"

    response = api.client.get(f"/api/ats/v1/{path}", headers={condition: value})

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("known", ["{tag}", '"other", {tag}', "*"])
def test_what_the_caller_has_is_left_out(api, known):
    tag = api.get("account-details")["ETag"]

    response = api.client.get("/api/ats/v1/account-details", headers={"If-None-Match": known.format(tag=tag)})

    assert (response.status_code, response.content, response["ETag"]) == (304, b"", tag)
    assert "X-Request-Id" in response
