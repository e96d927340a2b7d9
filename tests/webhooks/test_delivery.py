"""How events reach their targets, over HTTP."""

import base64
import hashlib
import hmac
import json
import os
import random
import subprocess
import sys
import threading
from collections import defaultdict
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from connectors.records import RemoteUserRecord
from sync.ingest import Ingest
from tests.factories import LinkedAccountFactory
from tests.webhooks.target import receiving
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
    deliverer = Deliverer()
    thread = threading.Thread(target=deliverer.run)
    thread.start()
    try:
        yield
    finally:
        deliverer.stop()
        thread.join()


def hook_to(account, target, **about):
    return Hook.objects.create(
        organization=account.organization, target=target.url, events=["RemoteUser.added"], **about
    )


def wait_until(condition, seconds=20):
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


def test_a_target_that_says_when_is_asked_then(account):
    with receiving(lambda: 429) as target, delivering():
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


def test_a_dead_target_is_left_alone_and_comes_back(account, settings):
    settings.WEBHOOK_PAUSE = timedelta(hours=1)
    with receiving(lambda: 500) as target, delivering():
        hook = hook_to(account, target)
        deliveries = [ping(hook) for _ in range(FAILURES_THAT_PAUSE + 5)]
        wait_until(lambda: Hook.objects.exclude(paused_until=None).exists())
        sleep(0.3)
        tried = len(target.tries)
        sleep(0.5)
        assert len(target.tries) == tried
        target.answer = lambda: 200
        Hook.objects.update(paused_until=timezone.now())
        for delivery in deliveries:
            wait_for(delivery, "DELIVERED")

    hook.refresh_from_db()
    assert (hook.failures, hook.paused_until) == (0, None)


def test_a_slow_target_delays_no_other(account, settings):
    settings.WEBHOOK_TIMEOUT_SECONDS = 5.0
    is_over = threading.Event()

    def wait():
        is_over.wait(5)
        return 200

    with receiving(wait) as slow, receiving() as quick, delivering():
        hook, other = hook_to(account, slow), hook_to(account, quick)
        for _ in range(50):
            ping(hook)
        deliveries = [ping(other) for _ in range(20)]
        for delivery in deliveries:
            wait_for(delivery, "DELIVERED")
        assert len(slow.tries) == 0
        is_over.set()
        Delivery.objects.filter(hook=hook).forget()


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


def start_worker(environment):
    return subprocess.Popen([sys.executable, "manage.py", "worker", "--concurrency", "1"], cwd=ROOT, env=environment)


def test_every_one_of_a_thousand_changes_arrives(account, environment):
    chance = random.Random(1)
    is_down = threading.Event()
    ingest = Ingest(account.id)
    with receiving(lambda: None if is_down.is_set() else chance.choice([200, 500])) as target:
        Hook.objects.create(
            organization=account.organization, target=target.url, events=["RemoteUser.added", "RemoteUser.changed"]
        )
        worker = start_worker(environment)
        try:
            for number in range(ROUNDS):
                ingest.store([RemoteUserRecord(remote_id=str(user), first_name=str(number)) for user in range(USERS)])
                if number in (3, 6):
                    heard = len(target.tries)
                    wait_until(lambda heard=heard: len(target.tries) > heard + 3)
                    worker.kill()
                    worker.wait()
                    worker = start_worker(environment)
                if number == 5:
                    is_down.set()
            sleep(1)
            is_down.clear()
            wait_until(lambda: not Delivery.objects.exclude(status="DELIVERED").exists(), seconds=90)
        finally:
            worker.kill()
            worker.wait()

    secret = SigningKey.current(account.organization).secret
    history = defaultdict(dict)
    for headers, body in target.received:
        Webhook(secret).verify(body, headers)
        assert headers["x-merge-webhook-signature"] == merge_signature(body, secret)
        record = json.loads(body)["data"]
        history[record["remote_id"]][record["modified_at"]] = record["first_name"]
    assert len(history) == USERS
    for told in history.values():
        assert [told[at] for at in sorted(told)] == [str(number) for number in range(ROUNDS)]
