"""How events reach their targets, over HTTP."""

import base64
import hashlib
import hmac
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from connectors.records import RemoteUserRecord
from linked_accounts.models import AuditEvent
from sync.ingest import Ingest
from tests.factories import LinkedAccountFactory
from tests.webhooks.target import dripping, receiving
from webhooks import deliverer
from webhooks.deliverer import FAILURES_THAT_PAUSE, Deliverer
from webhooks.models import Delivery, DeliveryAttempt, Hook, SigningKey
from webhooks.services import ping, rotate_signing_key

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _quickly(settings):
    settings.ALLOW_PRIVATE_ADDRESSES = True
    settings.WEBHOOK_RETRY_SECONDS = [0.01, 0.02, 0.05]
    settings.WEBHOOK_PAUSE = timedelta(seconds=0.05)
    settings.WEBHOOK_TIMEOUT_SECONDS = 1.0


@pytest.fixture
def account(transactional_db):
    return LinkedAccountFactory()


@contextmanager
def delivering():
    one = Deliverer()
    thread = threading.Thread(target=one.run)
    thread.start()
    try:
        yield
    finally:
        one.stop()
        thread.join()


def hook_to(account, target, **about):
    url = target if isinstance(target, str) else target.url
    return Hook.objects.create(organization=account.organization, target=url, events=["RemoteUser.added"], **about)


def wait_until(condition, seconds=120):
    """Wait for what has to come; how long it takes proves nothing."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        sleep(0.02)


def wait_for(delivery, status):
    wait_until(lambda: Delivery.objects.filter(id=delivery.id, status=status).exists())
    delivery.refresh_from_db()


def merge_signature(body, secret):
    """Sign as receivers of Merge's webhooks do, going by its documentation."""
    return base64.urlsafe_b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def test_a_delivery_is_signed_in_both_schemes(account):
    with receiving() as target, delivering():
        delivery = ping(hook_to(account, target))
        wait_for(delivery, "DELIVERED")

    ((headers, body),) = target.received
    secret = SigningKey.current(account.organization).secret
    assert json.loads(body)["hook"]["event"] == "ping"
    assert headers["content-type"] == "application/json"
    assert headers["x-webhook-delivery-id"] == headers["webhook-id"] == str(delivery.id)
    assert headers["x-merge-webhook-signature"] == merge_signature(body, secret)
    assert Webhook(secret).verify(body, headers) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)


def test_old_and_new_key_sign_while_keys_are_changed(account):
    old = SigningKey.current(account.organization).secret
    new = rotate_signing_key(account.organization).secret
    with receiving() as target, delivering():
        wait_for(ping(hook_to(account, target)), "DELIVERED")

    ((headers, body),) = target.received
    assert Webhook(old).verify(body, headers)
    assert Webhook(new).verify(body, headers)
    assert headers["x-merge-webhook-signature"] == merge_signature(body, new)


def test_a_key_that_ended_signs_no_more(account):
    old = SigningKey.current(account.organization).secret
    rotate_signing_key(account.organization)
    SigningKey.objects.exclude(ends_at=None).update(ends_at=timezone.now())
    with receiving() as target, delivering():
        wait_for(ping(hook_to(account, target)), "DELIVERED")

    ((headers, body),) = target.received
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, headers)


@pytest.mark.parametrize("trouble", [500, 503, 408, 429, None])
def test_passing_trouble_is_tried_again_with_the_same_bytes(account, trouble):
    answers = iter([trouble, trouble, 200])
    with receiving(lambda: next(answers)) as target, delivering():
        delivery = ping(hook_to(account, target))
        wait_for(delivery, "DELIVERED")

    assert target.tries == [trouble, trouble, 200]
    assert delivery.attempts == 3
    assert target.received[0][1].decode() == delivery.body
    assert list(delivery.log.order_by("id").values_list("response_status", flat=True)) == [trouble, trouble, 200]


@pytest.mark.parametrize("refusal", [400, 404, 410, 301])
def test_refusals_are_final(account, refusal):
    with receiving(lambda: refusal) as target, delivering():
        delivery = ping(hook_to(account, target))
        wait_for(delivery, "FAILED")

    assert target.tries == [refusal]


def test_redirects_are_not_followed(account):
    with receiving() as elsewhere, receiving(lambda: 307) as target, delivering():
        target.headers["Location"] = elsewhere.url
        wait_for(ping(hook_to(account, target)), "FAILED")

    assert elsewhere.tries == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_target_that_says_when_is_asked_then(account, status):
    with receiving(lambda: status) as target, delivering():
        target.headers["Retry-After"] = "120"
        delivery = ping(hook_to(account, target))
        wait_until(DeliveryAttempt.objects.exists)

    delivery.refresh_from_db()
    assert delivery.next_attempt_at > timezone.now() + timedelta(seconds=110)


def test_what_is_too_old_is_given_up(account, settings):
    settings.WEBHOOK_GIVE_UP_AFTER = timedelta(0)
    with receiving(lambda: 500) as target, delivering():
        delivery = ping(hook_to(account, target))
        wait_for(delivery, "FAILED")


def test_what_was_given_up_can_be_sent_once_more(account, capsys):
    with receiving(lambda: 400) as target, delivering():
        delivery = ping(hook_to(account, target))
        wait_for(delivery, "FAILED")
        target.answer = lambda: 200
        call_command("webhook", "replay", "--failed")
        wait_for(delivery, "DELIVERED")

    assert target.received[0][1].decode() == delivery.body
    assert "1 to be sent" in capsys.readouterr().out


def test_what_is_sent_once_more_is_tried_as_long_as_what_is_new(account):
    answers = iter([500, 200])
    with receiving(lambda: next(answers)) as target:
        delivery = ping(hook_to(account, target))
        Delivery.objects.update(status="FAILED", created_at=timezone.now() - timedelta(days=9))
        Delivery.objects.update(queued_at=F("created_at"))
        call_command("webhook", "replay", "--failed")
        with delivering():
            wait_for(delivery, "DELIVERED")

    assert target.tries == [500, 200]


def test_a_range_is_sent_once_more(account, capsys):
    first, second = hook_to(account, "https://a.example.com"), hook_to(account, "https://b.example.com")
    for hook in (first, second):
        for day in (1, 2, 3):
            delivery = ping(hook)
            at = datetime(2027, 1, day, 12, tzinfo=UTC)
            Delivery.objects.filter(id=delivery.id).update(status="DELIVERED", created_at=at)

    call_command("webhook", "replay", "--webhook", str(first.id), "--since", "2027-01-02T00:00:00Z")
    call_command("webhook", "replay", "--since", "2027-01-01T00:00:00Z", "--until", "2027-01-02T00:00:00Z")

    assert capsys.readouterr().out.split("\n")[:2] == ["2 to be sent once more.", "2 to be sent once more."]
    assert {one.created_at.day for one in first.deliveries.filter(status="PENDING")} == {1, 2, 3}
    assert {one.created_at.day for one in second.deliveries.filter(status="PENDING")} == {1}


def test_targets_are_managed_by_command(account, capsys):
    call_command("webhook", "create", "http://app:8000/hooks", "--event", "Issue.new")  # as in a network of containers
    hook = Hook.objects.get()
    ping(hook)

    call_command("webhook", "disable", str(hook.id))
    call_command("webhook", "list")
    call_command("webhook", "delete", str(hook.id))

    assert SigningKey.current(account.organization).secret in capsys.readouterr().out
    assert not Hook.objects.exists()
    assert set(AuditEvent.objects.values_list("event_type", flat=True)) == {
        "CREATED_DESTINATION",
        "CHANGED_DESTINATION",
        "DELETED_DESTINATION",
    }


def test_a_dead_target_is_left_alone_and_comes_back(account, settings):
    settings.WEBHOOK_PAUSE = timedelta(hours=1)
    with receiving(lambda: 500) as target, receiving() as other:
        hook = hook_to(account, target)
        deliveries = [ping(hook) for _ in range(FAILURES_THAT_PAUSE + 5)]
        with delivering():
            wait_until(lambda: Hook.objects.exclude(paused_until=None).exists())
        tried = len(target.tries)
        with delivering():
            wait_for(ping(hook_to(account, other)), "DELIVERED")
        assert len(target.tries) == tried

        target.answer = lambda: 200
        Hook.objects.update(paused_until=timezone.now())
        with delivering():
            for delivery in deliveries:
                wait_for(delivery, "DELIVERED")

    hook.refresh_from_db()
    assert (hook.failures, hook.paused_until) == (0, None)


def test_slow_targets_delay_no_other(account, settings, monkeypatch):
    monkeypatch.setattr(deliverer, "AT_A_TIME", 16)
    monkeypatch.setattr(deliverer, "KEPT_FREE", 8)
    settings.WEBHOOK_TIMEOUT_SECONDS = 300.0
    is_over = threading.Event()

    def wait():
        is_over.wait(300)
        return 200

    with receiving(wait) as slow, receiving() as quick, delivering():
        hooks = [hook_to(account, slow) for _ in range(9)]
        for hook in hooks:
            for _ in range(10):
                ping(hook)
        wait_until(lambda: Delivery.objects.filter(next_attempt_at__gt=timezone.now()).count() == 15)
        other = hook_to(account, quick)
        for delivery in [ping(other) for _ in range(10)]:
            wait_for(delivery, "DELIVERED")
        assert slow.tries == []
        Delivery.objects.filter(hook__in=hooks).forget()
        is_over.set()


@pytest.mark.parametrize(
    ("beginning", "drop", "status"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-More: yes\r\n", "PENDING"),  # headers without end
        (b"", b"", "PENDING"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", b".", "DELIVERED"),  # it has said what it thinks
    ],
)
def test_a_target_that_drips_is_cut_off(account, settings, beginning, drop, status):
    settings.WEBHOOK_TIMEOUT_SECONDS = 0.3
    settings.WEBHOOK_RETRY_SECONDS = [3600]
    with dripping(beginning, drop) as url, delivering():
        delivery = ping(hook_to(account, url))
        wait_until(DeliveryAttempt.objects.exists)

    delivery.refresh_from_db()
    assert delivery.status == status
    assert ("ReadTimeout" in (DeliveryAttempt.objects.get().error or "")) == (status == "PENDING")


def test_what_cannot_be_read_holds_up_its_own_target_only(account):
    with receiving() as target:
        broken, other = hook_to(account, target), hook_to(account, target)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE webhooks_delivery SET body = 'nonsense' WHERE id = %s", [ping(broken).id])
        with delivering():
            wait_until(lambda: Hook.objects.filter(id=broken.id).exclude(paused_until=None).exists())
            wait_for(ping(other), "DELIVERED")


def test_private_targets_are_refused_when_saved_and_when_called(account, settings):
    with receiving() as target, delivering():
        hook = hook_to(account, target)
        settings.ALLOW_PRIVATE_ADDRESSES = False
        with pytest.raises(ValidationError):
            hook.full_clean()
        with pytest.raises(CommandError):
            call_command("webhook", "create", "http://localhost/hooks")
        ping(hook)
        wait_until(DeliveryAttempt.objects.exists)

    assert target.tries == []
    assert "not a public address" in DeliveryAttempt.objects.first().error


def test_a_name_that_leads_inside_later_is_refused_then(account, settings, monkeypatch):
    settings.ALLOW_PRIVATE_ADDRESSES = False
    known, look_up = {"app.example.com": "8.8.8.8"}, socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *about, **more: look_up(known.get(host, host), *about, **more)
    )
    with receiving() as target, delivering():
        hook = hook_to(account, target.url.replace("127.0.0.1", "app.example.com"))
        hook.full_clean()
        known["app.example.com"] = "127.0.0.1"
        ping(hook)
        wait_until(DeliveryAttempt.objects.exists)

    assert target.tries == []
    assert "app.example.com leads to 127.0.0.1" in DeliveryAttempt.objects.first().error


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "ftp://app.example.com",
        "https://",
        "https://u:p@app.example.com",
        "https://a b/",
        "https://a:b/",
    ],
)
def test_nonsense_is_no_target(account, url):
    with pytest.raises(ValidationError):
        Hook(organization=account.organization, target=url, events=["Issue.new"]).full_clean()


def test_the_log_holds_no_signature_and_the_table_no_plain_text(account):
    with receiving() as target, delivering():
        wait_for(ping(hook_to(account, target)), "DELIVERED")

    attempt = DeliveryAttempt.objects.get()
    assert attempt.request_headers["X-Webhook-Delivery-Id"] == str(attempt.delivery_id)
    assert not any("ignature" in name for name in attempt.request_headers)
    assert attempt.response_body == "ok"
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM webhooks_delivery")
        assert b"test of your webhook" not in bytes(cursor.fetchone()[0])


# --- 1,000 changes, a target that fails half of the time, workers that are killed -----------------------------------

USERS, ROUNDS = 100, 10
KILLED_AT = (50, 300, 600, 900)  # tries


@pytest.fixture
def environment(settings):
    """Return what leads a command to the database of this test."""
    database = connection.settings_dict
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_")}
    return inherited | {
        "DATABASE_URL": f"postgresql:///{database['NAME']}",
        "PGHOST": database["HOST"],
        "PGPORT": str(database["PORT"] or 5432),
        "PGUSER": database["USER"],
        "PGPASSWORD": database["PASSWORD"],
        "SECRET_KEY": settings.SECRET_KEY,
        "CREDENTIAL_KEYS": ",".join(settings.CREDENTIAL_KEYS),
        "ALLOW_PRIVATE_ADDRESSES": "true",
        "WEBHOOK_RETRY_SECONDS": "0.05,0.1,0.2",
        "WEBHOOK_PAUSE_SECONDS": "0.05",
        "WEBHOOK_TIMEOUT_SECONDS": "0.7",
    }


class Worker:
    """The command, in a process of its own."""

    def __init__(self, environment):
        self.environment = environment

    def __enter__(self):
        command = [sys.executable, "manage.py", "worker", "--concurrency", "1"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment)
        return self

    def __exit__(self, *about):
        self.process.kill()
        self.process.wait()

    def die_and_rise(self):
        self.__exit__()
        self.__enter__()


def test_every_one_of_a_thousand_changes_arrives(account, environment):
    chance, tries = random.Random(1), itertools.count(1)
    is_down = threading.Event()

    def answer():
        if next(tries) in KILLED_AT:  # with this delivery in hand: it has arrived, and nobody will have noted it
            worker.die_and_rise()
            return 200
        return None if is_down.is_set() else chance.choice([200, 500])

    ingest = Ingest(account.id)
    with receiving(answer) as target, Worker(environment) as worker:
        hook = hook_to(account, target)
        Hook.objects.update(events=["RemoteUser.added", "RemoteUser.changed"])
        for number in range(ROUNDS):
            ingest.store([RemoteUserRecord(remote_id=str(user), first_name=str(number)) for user in range(USERS)])
            if number == ROUNDS // 2:
                is_down.set()
                wait_until(lambda: Hook.objects.filter(failures__gte=FAILURES_THAT_PAUSE).exists())
        is_down.clear()
        wait_until(lambda: not hook.deliveries.exclude(status="DELIVERED").exists(), seconds=600)

    secret = SigningKey.current(account.organization).secret
    history = defaultdict(dict)
    for headers, body in target.received:
        with time_machine.travel(int(headers["webhook-timestamp"]), tick=False):  # it would be too old by now
            Webhook(secret).verify(body, headers)
        assert headers["x-merge-webhook-signature"] == merge_signature(body, secret)
        record = json.loads(body)["data"]
        history[record["remote_id"]][record["modified_at"]] = record["first_name"]
    assert len(history) == USERS
    for told in history.values():
        assert [told[at] for at in sorted(told)] == [str(number) for number in range(ROUNDS)]
    assert {200, 500, None} == set(target.tries)
    assert len({headers["webhook-id"] for headers, _ in target.received}) == USERS * ROUNDS
    assert len(target.received) >= USERS * ROUNDS + len(KILLED_AT)
