"""What platforms send, to the address that their account has."""

import hmac
from hashlib import sha256

import pytest
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from connectors import registry
from connectors.webhooks import Delivery, Greeting, Hint, Subject, Webhooks, is_hmac_sha256
from linked_accounts.models import LinkedAccount
from sync.models import Schedule
from tests.factories import LinkedAccountFactory

SECRET = "hook-secret"


class FakeWebhooks(Webhooks):
    secret_name = "webhook_secret"
    setup = "Somewhere in the settings."

    def greet(self, delivery):
        if delivery.payload == {"hello": True}:
            return Greeting(status=200, headers={"X-Echo": "yes"})
        return None

    def is_genuine(self, delivery, secret):
        return is_hmac_sha256(delivery.headers.get("x-signature", ""), delivery.body, secret)

    def hints(self, delivery: Delivery):
        kinds = {"interview": Subject.INTERVIEW, "changes": Subject.CHANGES}
        if delivery.payload["event"] not in kinds:
            return ()
        return (Hint(subject=kinds[delivery.payload["event"]], remote_id=delivery.payload.get("id")),)


@pytest.fixture
def platform(monkeypatch):
    connector = type("Fake", (registry.connectors()["greenhouse"],), {"slug": "fake", "webhooks": FakeWebhooks()})
    monkeypatch.setattr(registry, "connectors", lambda: {"fake": connector})
    return connector


@pytest.fixture
def account(platform, transactional_db) -> LinkedAccount:
    return LinkedAccountFactory(platform="fake", credentials={"webhook_secret": SECRET})


def send(path, body=b'{"event": "interview", "id": "7"}', *, signed_with=SECRET):
    signature = hmac.new(signed_with.encode(), body, sha256).hexdigest() if signed_with else ""
    return Client().post(path, body, content_type="application/json", headers={"X-Signature": signature})


def jobs():
    return [(job.task_name, job.args.get("remote_id")) for job in ProcrastinateJob.objects.order_by("id")]


def test_a_genuine_message_has_its_record_read_anew(account):
    response = send(account.webhook_path())

    assert (response.status_code, jobs()) == (200, [("sync.hint", "7")])


def test_the_same_message_again_changes_nothing(account):
    for _ in range(3):
        assert send(account.webhook_path()).status_code == 200

    assert len(jobs()) == 1


def test_a_message_without_a_record_has_changes_read(account):
    send(account.webhook_path(), b'{"event": "changes"}')

    assert jobs() == [("sync.account", None)]
    assert not Schedule.objects.get().full_wanted_at


@pytest.mark.parametrize("body", [b'{"event": "party"}', b"{}", b"[]", b"7", b"null", b""])
def test_what_we_do_not_know_is_acknowledged_and_ignored(account, body):
    assert send(account.webhook_path(), body).status_code == 200
    assert jobs() == []


def test_half_a_character_does_no_harm(account):
    body = rb'{"event": "interview", "id": "7", "note": "\ud83d"}'

    assert send(account.webhook_path(), body).status_code == 200
    assert jobs() == [("sync.hint", "7")]


@pytest.mark.parametrize("id", [r"\ud83d", "x" * 501, "x" * 100_000, ""])
def test_an_id_that_no_record_has_is_ignored(account, id):
    assert send(account.webhook_path(), b'{"event": "interview", "id": "%b"}' % id.encode()).status_code == 200
    assert jobs() == []


def test_the_longest_id_may_be_of_any_characters(account):
    id = "é" * 500

    assert send(account.webhook_path(), f'{{"event": "interview", "id": "{id}"}}'.encode()).status_code == 200
    assert jobs() == [("sync.hint", id)]


@pytest.mark.parametrize("signed_with", [None, "another secret"])
def test_a_wrong_signature_is_refused(account, signed_with):
    assert send(account.webhook_path(), signed_with=signed_with).status_code == 401
    assert jobs() == []


def test_where_the_platform_signs_nothing_the_address_is_proof_enough(account):
    account.credentials = {}
    account.save()

    assert send(account.webhook_path(), signed_with=None).status_code == 200
    assert len(jobs()) == 1


def test_what_is_no_json_is_refused(account):
    assert send(account.webhook_path(), b"{").status_code == 400


def test_too_much_is_refused(account):
    assert send(account.webhook_path(), b" " * (2 * 1024 * 1024 + 1)).status_code == 413


def test_a_platform_gets_the_answer_that_it_takes_for_arrived(account, monkeypatch):
    monkeypatch.setattr(FakeWebhooks, "accepted_status", 202)

    assert send(account.webhook_path()).status_code == 202
    assert send(account.webhook_path(), b"7").status_code == 202


def test_a_greeting_needs_no_signature(account):
    response = send(account.webhook_path(), b'{"hello": true}', signed_with=None)

    assert (response.status_code, response.headers["X-Echo"]) == (200, "yes")


def test_only_the_accounts_own_address_is_one(account):
    other = LinkedAccountFactory(platform="fake", credentials={"webhook_secret": SECRET})
    secret = account.webhook_path().rpartition("/")[2]

    assert send(f"/webhooks/{other.id}/{secret}").status_code == 404
    assert send(f"/webhooks/{account.id}/{secret[:-1]}x").status_code == 404
    assert send(f"/webhooks/{account.id}/é").status_code == 404
    assert send("/webhooks/00000000-0000-0000-0000-000000000000/x").status_code == 404
    assert jobs() == []


def test_a_platform_without_webhooks_has_no_address(account, platform):
    platform.webhooks = None

    assert send(account.webhook_path()).status_code == 404


def test_an_address_outlives_a_change_of_the_secret_key(account, settings):
    path = account.webhook_path()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"

    assert send(path).status_code == 200


def test_other_methods_are_refused(account):
    assert Client().get(account.webhook_path()).status_code == 405


def test_logs_do_not_hold_the_address(account, caplog, capfd):
    with caplog.at_level("INFO"):
        send(account.webhook_path(), signed_with=None)
        send(account.webhook_path())

    logged = caplog.text + capfd.readouterr().err
    assert account.webhook_path().rpartition("/")[2] not in logged
    assert f"/webhooks/{account.id}/" in logged
