"""Sends what is due, many targets at a time: a slow one holds up neither others nor syncs.

Several deliverers, in any number of processes, share the work by locks on rows. What one of them had in hand when it
was killed is taken for lost after a while and sent again: every event arrives at least once.
"""

import logging
import random
import threading
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import httpx2
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from connectors.addresses import PrivateAddress
from connectors.http import seconds_to_wait
from webhooks import signing
from webhooks.models import Delivery, DeliveryAttempt, Hook, SigningKey
from webhooks.transport import Transport, within

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
AT_A_TIME = 128
AT_A_TIME_PER_HOOK = 4
KEPT_FREE = AT_A_TIME // 2  # for targets that have nothing in hand, however many others are slow
FAILURES_THAT_PAUSE = 10
MAX_RESPONSE_BYTES = 8 * 1024
MAX_WAIT = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of sending something once."""

    started_at: datetime
    seconds: float
    headers: dict[str, str]
    status: int | None = None
    response_headers: httpx2.Headers | None = None
    response_body: str = ""
    error: str | None = None

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def may_be_repeated(self) -> bool:
        return self.status is None or self.status >= 500 or self.status in (408, 429)


class Deliverer:
    """Sends until told to stop. Runs in a thread of its own; only that one uses the database."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._client = httpx2.Client(transport=Transport(), timeout=None, follow_redirects=False, trust_env=False)
        self._in_hand: dict[Future[Sent], Delivery] = {}

    def run(self) -> None:
        with closing(self._client), ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="deliver") as pool:
            while not self._stop.is_set():
                try:
                    self._work(pool)
                except Exception as error:
                    lost = isinstance(error, OperationalError | InterfaceError)
                    logger.log(logging.WARNING if lost else logging.ERROR, "Deliveries are held up", exc_info=not lost)
                    connection.close()
                    self._stop.wait(POLL_SECONDS)
            self._settle(wait(self._in_hand).done)
        connection.close()

    def stop(self) -> None:
        """Take no more; what is being sent is ended. From any thread."""
        self._stop.set()

    def _work(self, pool: ThreadPoolExecutor) -> None:
        claimed = self._claim()
        for delivery, keys in claimed:
            self._in_hand[pool.submit(send, self._client, delivery, keys)] = delivery
        if self._in_hand:
            done, _ = wait(self._in_hand, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            self._settle(done)
        else:
            self._stop.wait(POLL_SECONDS)

    def _claim(self) -> list[tuple[Delivery, list[str]]]:
        """Return what is to be sent now, with the organization's secrets: as much as there is room for."""
        now = timezone.now()
        busy = Counter(delivery.hook_id for delivery in self._in_hand.values())
        hooks = list(Hook.objects.with_work(now).select_related("organization"))
        random.shuffle(hooks)
        hooks.sort(key=lambda hook: busy[hook.id])
        claimed: list[tuple[Delivery, list[str]]] = []
        for hook in hooks:
            room = _room(hook, busy[hook.id], AT_A_TIME - len(self._in_hand) - len(claimed))
            if room > 0:
                claimed += _claim_of(hook, room, now)
        return claimed

    def _settle(self, done: Any) -> None:
        for future in done:
            delivery = self._in_hand.pop(future)
            settle(delivery, future.result())


def send(client: httpx2.Client, delivery: Delivery, secrets: list[str]) -> Sent:
    """Send once and say what came of it; never raises for what the target or the way to it does."""
    started_at, began = datetime.now(UTC), monotonic()
    text: str = delivery.body
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Interloop",
        "Accept-Encoding": "identity",  # the log shows answers as they come
        **signing.headers(text, id=str(delivery.id), at=started_at, secrets=secrets),
    }
    shown = {name: value for name, value in headers.items() if name not in signing.SIGNATURES}

    def sent(**about: Any) -> Sent:
        return Sent(started_at=started_at, seconds=monotonic() - began, headers=shown, **about)

    try:
        with within(settings.WEBHOOK_TIMEOUT_SECONDS):
            request = client.build_request("POST", delivery.hook.target, content=text.encode(), headers=headers)
            with closing(client.send(request, stream=True)) as response:
                return sent(
                    status=response.status_code,
                    response_headers=response.headers,
                    response_body=_beginning(response).decode(errors="replace").replace("\0", "\ufffd"),
                )
    except (httpx2.HTTPError, httpx2.InvalidURL, PrivateAddress) as error:
        return sent(error=f"{type(error).__name__}: {error}"[:1000])
    except Exception as error:
        logger.exception("Delivery %s cannot be sent", delivery.id)
        return sent(error=type(error).__name__)


def _beginning(response: httpx2.Response) -> bytes:
    """Return the first bytes of an answer, or as many as came: what an answer means is said by its status."""
    body = bytearray()
    with suppress(httpx2.TransportError):
        for chunk in response.iter_raw():
            body += chunk
            if len(body) >= MAX_RESPONSE_BYTES:
                break
    return bytes(body[:MAX_RESPONSE_BYTES])


@transaction.atomic
def settle(delivery: Delivery, sent: Sent) -> None:
    """Write down what came of an attempt, and when the next one is due, if any."""
    rows = Delivery.objects.select_for_update(of=["self"]).select_related("hook").defer("body")
    found = rows.filter(id=delivery.id).first()
    if found is None:  # its account was deleted meanwhile
        return
    found.attempts += 1
    DeliveryAttempt.objects.create(
        delivery=found,
        started_at=sent.started_at,
        seconds=round(sent.seconds, 3),
        request_headers=sent.headers,
        response_status=sent.status,
        response_headers=dict(sent.response_headers or {}),
        response_body=sent.response_body,
        error=sent.error,
    )
    hook = found.hook
    if sent.is_delivered:
        hook.note_success()
        found.finish(Delivery.Status.DELIVERED)
        return
    if sent.may_be_repeated:
        hook.note_failure(pause=settings.WEBHOOK_PAUSE, limit=FAILURES_THAT_PAUSE)
    pause = _pause(found, sent)
    if pause is None:
        logger.warning("Delivery %s (%s) has failed for good", found.id, found.event)
        found.finish(Delivery.Status.FAILED)
    else:
        found.postpone(timezone.now() + pause)


def _pause(delivery: Delivery, sent: Sent) -> timedelta | None:
    """Return how long to wait before the next attempt; None if there is none."""
    if not sent.may_be_repeated or timezone.now() - delivery.queued_at > settings.WEBHOOK_GIVE_UP_AFTER:
        return None
    pauses = settings.WEBHOOK_RETRY_SECONDS
    seconds = pauses[min(delivery.attempts, len(pauses)) - 1] * random.uniform(1, 1.2)
    told = seconds_to_wait(sent.response_headers) if sent.status in (429, 503) and sent.response_headers else None
    return min(timedelta(seconds=max(seconds, told or 0)), max(MAX_WAIT, timedelta(seconds=seconds)))


def _room(hook: Hook, busy: int, free: int) -> int:
    """Return how many deliveries to a target may be begun, with `busy` of them in hand and `free` places in all."""
    most = 1 if hook.paused_until else AT_A_TIME_PER_HOOK  # one that kept failing is tried by a single delivery
    first = 1 if free and not busy else 0
    return min(most - busy, max(first, free - KEPT_FREE))


def _claim_of(hook: Hook, limit: int, now: datetime) -> list[tuple[Delivery, list[str]]]:
    """Return what is to be sent to one target. Whatever is wrong with that pauses this target, and no other."""
    lease = timedelta(seconds=3 * settings.WEBHOOK_TIMEOUT_SECONDS)
    try:
        keys = SigningKey.secrets(hook.organization, now)
        found = Delivery.objects.claim(hook, limit=limit, now=now, lease=lease)
    except DatabaseError:
        raise
    except Exception:
        logger.exception("Deliveries to webhook %s cannot be read", hook.id)
        hook.note_failure(pause=settings.WEBHOOK_PAUSE, limit=1)
        return []
    for delivery in found:
        delivery.hook = hook
    return [(delivery, keys) for delivery in found]
