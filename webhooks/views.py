"""Takes what platforms send: notes what to read anew, and answers at once."""

import logging
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from connectors.base import UNREADABLE
from connectors.payloads import load
from connectors.webhooks import Delivery, Webhooks
from linked_accounts.models import LinkedAccount
from sync.jobs import queue_hint

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 2 * 1024 * 1024


@csrf_exempt  # platforms bring no cookies; they prove themselves by address and signature
@require_POST
def receive(request: HttpRequest, account_id: UUID, secret: str) -> HttpResponse:
    """Take whatever is genuine, known or not, so that the platform does not send it again.

    404 for addresses that are none of ours; 401 for a wrong signature; 400 for what is no JSON; 413 for too much of it.
    """
    account = LinkedAccount.objects.present().filter(id=account_id).first()
    webhooks = account.connector_class.webhooks if account else None
    if account is None or webhooks is None or not account.is_webhook_secret(secret):
        return _answer(404, "There is nothing here.")
    if int(request.headers.get("Content-Length") or 0) > MAX_BODY_BYTES:
        return _answer(413, "Too much.")
    try:
        payload = load(request.body) if request.body else None
    except ValueError:
        return _answer(400, "This is no JSON.")
    headers = {name.lower(): value for name, value in request.headers.items()}
    delivery = Delivery(headers=headers, body=request.body, payload=payload)
    try:
        if greeting := webhooks.greet(delivery):
            return HttpResponse(status=greeting.status, headers=dict(greeting.headers))
        if _is_switched_off(account):
            return _answer(webhooks.accepted_status, "Ignored.")
        keys = _keys(account, webhooks)
        if keys and not any(webhooks.is_genuine(delivery, key) for key in keys):
            logger.warning("A webhook for %s has a wrong signature", account.id)
            return _answer(401, "The signature is wrong.")
        hints = webhooks.hints(delivery)
    except UNREADABLE as error:
        # What we cannot read will be no better when it is sent again; the next sync will see what it was about.
        logger.warning("A webhook for %s cannot be read: %s", account.id, type(error).__name__)
        return _answer(webhooks.accepted_status, "Ignored.")
    for hint in dict.fromkeys(hints):
        queue_hint(account, hint)
    return _answer(webhooks.accepted_status, "Noted." if hints else "Ignored.")


def _is_switched_off(account: LinkedAccount) -> bool:
    """Whether there are receivers, and none is active: without any, webhooks were set up by hand."""
    switches = account.webhook_receivers.values_list("is_active", flat=True)
    return bool(switches) and not any(switches)


def _keys(account: LinkedAccount, webhooks: Webhooks) -> list[str]:
    """Return what the platform may sign with: any of these, or nothing at all where there is none."""
    own = (account.credentials or {}).get(webhooks.secret_name)
    receivers = account.webhook_receivers.filter(is_active=True)
    return [key for key in (own, *(receiver.key for receiver in receivers)) if key]


def _answer(status: int, detail: str) -> HttpResponse:
    return JsonResponse({"detail": detail}, status=status)
