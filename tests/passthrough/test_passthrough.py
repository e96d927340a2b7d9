"""Requests passed on to a server that tells what it got, and to simulated platforms."""

import base64
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import sleep

import pytest
from django.db import connection
from merge import Merge
from merge.core.api_error import ApiError

from linked_accounts.models import LinkedAccount
from linked_accounts.signals import housekeeping
from passthrough import services
from passthrough.jobs import pass_on
from passthrough.models import AsyncPassthrough
from passthrough.signals import passthrough_resolved
from sandbox.company import build_company
from sandbox.platforms import simulators
from sandbox.server import serve
from tests.conftest import Api
from tests.factories import ApiKeyFactory, LinkedAccountFactory
from tests.platforms import SLUGS, linked

KEY = "lever-secret-key"

ODD = {
    "number": b"[123456789012345678901234567890]",
    "half": b'["\\ud83d"]',
    "nan": b"[NaN]",
    "deep": b"[" * 300 + b"]" * 300,
    "deeper": b"[" * 100_000 + b"]" * 100_000,
}


class Echo(BaseHTTPRequestHandler):
    """Tells what it got, or does what its path says."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, content = 200, {"Content-Type": "application/json"}, b""
        match self.path.partition("?")[0].rpartition("/")[2]:
            case "binary":
                content, headers = b"\x89PNG\0\xff", {"Content-Type": "image/png"}
            case "text":
                content, headers = b"hello", {"Content-Type": "text/plain"}
            case "empty":
                status = 204
            case "missing":
                status, content = 404, b'{"error": "none"}'
            case "busy":
                status = 429
            case "elsewhere":
                status, headers = 302, {"Location": "http://example.com/"}
            case "slow":
                sleep(1)
            case "session":
                headers["Set-Cookie"], content = "session=s3cret; HttpOnly", b"{}"
            case "latin":
                content, headers = "Zoë".encode("latin-1"), {"Content-Type": "text/plain; charset=ISO-8859-1"}
            case "mark":
                content, headers = b'\xef\xbb\xbf{"a": 1}', {"Content-Type": "Application/JSON"}
            case name if name in ODD:
                content = ODD[name]
            case "huge":
                content = b"x" * 2000
            case _:
                told = {"method": self.command, "path": self.path, "headers": dict(self.headers)}
                content = json.dumps({**told, "body": body.decode("latin-1")}).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def echoing() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def echo():
    with echoing() as url:
        yield url


@pytest.fixture
def account(echo, db):
    return LinkedAccountFactory(platform="lever", credentials={"api_key": KEY}, base_url=f"{echo}/v1")


@pytest.fixture
def send(api):
    def send(method="GET", path="/users", async_="", **more):
        body = {"method": method, "path": path, **more}
        return api.client.post(f"/api/ats/v1/{async_}passthrough", body, content_type="application/json")

    return send


def echoed(response):
    assert response.status_code == 200, response.content
    return response.json()["response"]


def test_the_answer_says_what_was_asked_and_answered(send):
    answer = send(path="users?limit=2", headers={"X-Mine": "1"}).json()

    assert (answer["method"], answer["path"], answer["status"]) == ("GET", "/users?limit=2", 200)
    assert answer["response"]["path"] == "/v1/users?limit=2"
    assert answer["response_type"] == "JSON"
    assert answer["response_headers"]["content-type"] == "application/json"
    assert answer["headers"]["x-mine"] == "1"
    assert answer["headers"]["authorization"] == "<redacted>"


def test_credentials_are_sent_and_never_answered(send):
    response = send(headers={"authorization": "Bearer mine", "Cookie": "a=b", "Host": "evil.example"})

    got = echoed(response)["headers"]
    assert got["Authorization"] == "[hidden]"
    assert "Cookie" not in got
    assert got["Host"].startswith("127.0.0.1")
    secret = base64.b64encode(f"{KEY}:".encode()).decode()
    assert secret not in response.content.decode()
    assert KEY not in response.content.decode()


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ({"data": '{"a": 1}', "request_format": "JSON"}, "application/json", '{"a": 1}'),
        ({"data": {"a": 1}, "request_format": "JSON"}, "application/json", '{"a": 1}'),
        ({"data": "<a/>", "request_format": "XML"}, "application/xml", "<a/>"),
        (
            {"data": "<a/>", "request_format": "XML", "headers": {"content-type": "text/xml"}},
            "text/xml",
            "<a/>",
        ),
    ],
)
def test_bodies_go_out_as_they_are(send, body, content_type, sent):
    got = echoed(send("POST", **body))

    assert {name.lower(): value for name, value in got["headers"].items()}["content-type"] == content_type
    assert got["body"] == sent


def test_multipart_bodies_in_all_encodings(send):
    parts = [
        {"name": "a", "data": "plain"},
        {"name": "b", "data": base64.b64encode(b"coded").decode(), "encoding": "BASE64", "file_name": "b.txt"},
        {
            "name": "c",
            "data": base64.b64encode(gzip.compress(b"packed")).decode(),
            "encoding": "GZIP_BASE64",
            "file_name": "c.pdf",
            "content_type": "application/pdf",
        },
    ]

    got = echoed(send("POST", request_format="MULTIPART", multipart_form_data=parts))

    headers = {name.lower(): value for name, value in got["headers"].items()}
    assert headers["content-type"].startswith("multipart/form-data; boundary=")
    for part in ('name="a"', "plain", 'filename="b.txt"', "coded", "application/pdf", "packed"):
        assert part in got["body"]


@pytest.mark.parametrize(
    ("path", "status", "response", "response_type"),
    [
        ("/text", 200, "hello", "JSON"),
        ("/empty", 204, None, "JSON"),
        ("/missing", 404, {"error": "none"}, "JSON"),
        ("/busy", 429, None, "JSON"),
        ("/elsewhere", 302, None, "JSON"),
    ],
)
def test_whatever_the_platform_answers_is_an_answer(send, path, status, response, response_type):
    answer = send(path=path)

    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["response"], body["response_type"]) == (status, response, response_type)


def test_what_is_no_text_comes_packed(send):
    body = send(path="/binary").json()

    assert body["response_type"] == "BASE64_GZIP"
    assert gzip.decompress(base64.b64decode(body["response"])) == b"\x89PNG\0\xff"


@pytest.mark.parametrize(
    ("name", "response"),
    [
        ("number", [123456789012345678901234567890]),
        ("half", ["\ud83d"]),
        ("nan", "[NaN]"),
        ("deep", ODD["deep"].decode()),
        ("deeper", ODD["deeper"].decode()),
    ],
)
def test_odd_json_is_answered_too_at_once_and_later(send, api, name, response):
    id = receipt(send("POST", f"/{name}", async_="async-"))
    pass_on(passthrough_id=id)

    assert echoed(send("POST", f"/{name}")) == response
    assert echoed(api.get(f"async-passthrough/{id}")) == response


def test_text_is_read_as_its_type_says(send):
    assert echoed(send(path="/latin")) == "Zoë"
    assert echoed(send(path="/mark")) == {"a": 1}


def test_sessions_at_the_platform_are_not_answered(send):
    response = send(path="/session")

    assert response.json()["response_headers"]["set-cookie"] == "<redacted>"
    assert "s3cret" not in response.content.decode()


def test_parts_have_a_bound_all_together(send, monkeypatch):
    monkeypatch.setattr("passthrough.serializers.MAX_UNPACKED_BYTES", 1000)
    packed = base64.b64encode(gzip.compress(b"x" * 600)).decode()
    parts = [{"name": "a", "data": packed, "encoding": "GZIP_BASE64"}] * 2

    one = send("POST", request_format="MULTIPART", multipart_form_data=parts[:1])
    both = send("POST", request_format="MULTIPART", multipart_form_data=parts)
    much = send("POST", request_format="MULTIPART", multipart_form_data=[{"name": "a", "data": "x" * 1001}, *parts])

    assert echoed(one)["body"].count("x" * 600) == 1
    assert (both.status_code, list(both.json()["multipart_form_data"])) == (400, ["1"])
    assert (much.status_code, list(much.json()["multipart_form_data"])) == (400, ["0"])


def test_blanks_around_a_header_are_not_part_of_it(send):
    assert echoed(send(headers={"X-Mine": " 1 "}))["headers"]["X-Mine"] == "1"


def test_answers_are_normalized_on_request(send):
    assert send(path="/text", normalize_response=True).json()["response"] == {"type": "string", "value": "hello"}
    assert send(path="/empty", normalize_response=True).json()["response"] == {"type": "null", "value": None}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"method": "TRACE", "path": "/x"}, "method"),
        ({"method": "GET"}, "path"),
        ({"method": "GET", "path": ""}, "path"),
        ({"method": "GET", "path": "https://evil.example/x"}, "path"),
        ({"method": "GET", "path": "//evil.example/x"}, "path"),
        ({"method": "GET", "path": "/\\evil.example/x"}, "path"),
        ({"method": "GET", "path": "/a/../b"}, "path"),
        ({"method": "GET", "path": "/a/%2e%2E/b"}, "path"),
        ({"method": "GET", "path": "/a\r\nX: y"}, "path"),
        ({"method": "POST", "path": "/x", "data": "x"}, "request_format"),
        ({"method": "POST", "path": "/x", "data": "x", "request_format": "YAML"}, "request_format"),
        ({"method": "GET", "path": "/x", "headers": {"a b": "c"}}, "headers"),
        ({"method": "GET", "path": "/x", "headers": {"a": "b\r\nc: d"}}, "headers"),
        ({"method": "GET", "path": "/x", "headers": "a"}, "headers"),
        ({"method": "GET", "path": "/x", "base_url_override": "https://evil.example"}, "base_url_override"),
        ({"method": "GET", "path": "/x", "base_url_override": "https://lever.co.evil.example"}, "base_url_override"),
        ({"method": "GET", "path": "/x", "base_url_override": "http://api.lever.co"}, "base_url_override"),
        (
            {"method": "GET", "path": "/x", "base_url_override": "https://api.lever.co@evil.example"},
            "base_url_override",
        ),
        ({"method": "GET", "path": "/x", "base_url_override": "http://127.0.0.1:1"}, "base_url_override"),
        ({"method": "GET", "path": "/x", "multipart_form_data": [None]}, "multipart_form_data"),
        (
            {
                "method": "POST",
                "path": "/x",
                "request_format": "MULTIPART",
                "multipart_form_data": [{"name": "a", "data": "?", "encoding": "GZIP_BASE64"}],
            },
            "multipart_form_data",
        ),
    ],
)
def test_nonsense_is_refused(api, body, field):
    for path in ("passthrough", "async-passthrough"):
        response = api.client.post(f"/api/ats/v1/{path}", body, content_type="application/json")

        assert response.status_code == 400, response.content
        assert list(response.json()) == [field]


def test_another_address_of_the_same_host_is_taken(send, echo):
    assert echoed(send(path="/x", base_url_override=f"{echo}/v2/"))["path"] == "/v2/x"


@pytest.mark.parametrize(("method", "status"), [("GET", 408), ("PUT", 408), ("POST", 400), ("PATCH", 400)])
def test_time_outs_never_make_a_client_repeat_what_must_not_be(send, monkeypatch, method, status):
    monkeypatch.setattr(services, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(services.pass_through, "__kwdefaults__", {"timeout_seconds": 0.2})

    response = send(method, "/slow")

    assert response.status_code == status
    assert "async-passthrough" in response.json()["detail"]


def test_answers_have_a_bound(send, monkeypatch):
    monkeypatch.setattr(services, "MAX_ANSWER_BYTES", 1000)

    response = send(path="/huge")

    assert (response.status_code, "more than 1000 bytes" in response.json()["detail"]) == (400, True)


def test_a_platform_that_cannot_be_reached(send, account):
    LinkedAccount.objects.update(base_url="http://127.0.0.1:1")

    assert send().status_code == 400


def test_private_addresses_are_not_called_in_the_platforms_name(send, account, monkeypatch):
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("10.0.0.7", 443))])

    response = send(base_url_override="https://api.lever.co")

    assert response.status_code == 400
    assert "10.0.0.7" in response.json()["detail"]


def test_accounts_without_credentials_that_work_call_nobody(send, account):
    LinkedAccount.objects.update(status="RELINK_NEEDED", status_detail="The key was refused.")

    for async_ in ("", "async-"):
        response = send(async_=async_)
        assert (response.status_code, response.json()) == (400, {"detail": "The key was refused."})


# --- later ----------------------------------------------------------------------------------------------------------


def receipt(response):
    assert response.status_code == 200, response.content
    return response.json()["async_passthrough_receipt_id"]


def test_a_worker_passes_on_what_can_wait(send, api):
    told = []

    def listen(passthrough, **about):
        told.append(passthrough.result["status"])

    passthrough_resolved.connect(listen)
    id = receipt(send(path="/missing", async_="async-"))
    assert api.get(f"async-passthrough/{id}").json() == "PENDING"

    pass_on(passthrough_id=id)
    passthrough_resolved.disconnect(listen)

    assert api.get(f"async-passthrough/{id}").json()["response"] == {"error": "none"}
    assert told == [404]


def test_what_a_dead_worker_had_begun_is_not_posted_again(send, api):
    post, get = receipt(send("POST", async_="async-")), receipt(send("GET", async_="async-"))
    AsyncPassthrough.objects.update(status="RUNNING")

    for id in (post, get):
        pass_on(passthrough_id=id)

    assert api.get(f"async-passthrough/{post}").json()["response"] == {"detail": services.UNKNOWN_OUTCOME}
    assert api.get(f"async-passthrough/{get}").json()["status"] == 200


def test_receipts_are_the_accounts_own_and_end_after_a_day(send, api, account):
    id = receipt(send(async_="async-"))
    stranger = Api(LinkedAccountFactory(organization=account.organization))

    assert stranger.get(f"async-passthrough/{id}").status_code == 404
    assert api.get("async-passthrough/nonsense").status_code == 404
    AsyncPassthrough.objects.update(created_at=AsyncPassthrough.objects.get().created_at - timedelta(hours=25))
    assert api.get(f"async-passthrough/{id}").status_code == 404
    housekeeping.send(None)
    assert not AsyncPassthrough.objects.exists()


def test_neither_request_nor_answer_is_stored_in_plain_text(send):
    id = receipt(send("POST", "/x", async_="async-", data="personal", request_format="JSON"))
    pass_on(passthrough_id=id)

    with connection.cursor() as cursor:
        cursor.execute("SELECT request, result FROM passthrough_asyncpassthrough")
        assert not any(b"personal" in bytes(one) for one in cursor.fetchone())


# --- platforms ------------------------------------------------------------------------------------------------------

REQUESTS = {
    "ashby": ("POST", "/user.list", {"data": "{}", "request_format": "JSON"}),
    "fountain": ("GET", "/applicants?per_page=1", {}),
    "greenhouse": ("GET", "/v3/users?per_page=1", {}),
    "lever": ("GET", "/users?limit=1", {}),
    "recruitee": ("GET", "/c/{company_id}/admins", {}),
    "smartrecruiters": ("GET", "/user-api/v201804/users?limit=1", {}),
    "successfactors": ("GET", "/odata/v2/User?$top=1&$format=json", {}),
    "taleo": ("GET", "/object/info", {}),
    "workday": (
        "POST",
        "/Human_Resources/v45.2",
        {
            "data": '<wd:Server_Timestamp_Get xmlns:wd="urn:com.workday/bsvc" wd:version="v45.2"/>',
            "request_format": "XML",
            "headers": {"Content-Type": "text/xml"},
        },
    ),
}


@pytest.mark.django_db
@pytest.mark.parametrize("slug", SLUGS)
def test_every_platform_takes_what_is_passed_on(slug):
    method, path, more = REQUESTS[slug]
    with linked(slug, interviews=5) as platform:
        path = path.format(**{"company_id": "", **platform.simulator.credentials})
        answer = Api(platform.account).client.post(
            "/api/ats/v1/passthrough", {"method": method, "path": path, **more}, content_type="application/json"
        )

    assert answer.status_code == 200, answer.content
    assert answer.json()["status"] == 200, answer.content
    for credential in platform.account.connector_class.credentials:
        secret = platform.simulator.credentials.get(credential.name)
        assert not (credential.secret and secret and secret in answer.content.decode())


@pytest.mark.django_db(transaction=True)
def test_merges_client_passes_requests_on(live_server):
    simulator = simulators()["greenhouse"](build_company(interviews=5))
    with serve(simulator) as server:
        account = LinkedAccountFactory(credentials=simulator.credentials, base_url=server.url)
        key = ApiKeyFactory(organization=account.organization)
        merge = Merge(api_key=key.secret, account_token=account.token, base_url=f"{live_server.url}/api")

        answer = merge.ats.passthrough.create(request={"method": "GET", "path": "/v3/users?per_page=1"})
        later = merge.ats.async_passthrough.create(request={"method": "GET", "path": "/v3/users?per_page=1"})
        pending = merge.ats.async_passthrough.retrieve(later.async_passthrough_receipt_id)
        pass_on(passthrough_id=later.async_passthrough_receipt_id)
        done = merge.ats.async_passthrough.retrieve(later.async_passthrough_receipt_id)
        with pytest.raises(ApiError) as refused:
            merge.ats.passthrough.create(request={"method": "GET", "path": "https://evil.example"})

    assert (answer.status, len(answer.response)) == (200, 1)
    assert pending == "PENDING"
    assert done.response == answer.response
    assert refused.value.status_code == 400
