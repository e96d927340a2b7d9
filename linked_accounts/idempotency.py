"""`Idempotency-Key`: a POST that is sent again with the same key is answered as the first time, and not executed.

Wire contract, section 1. Kept for 24 hours, per organization, kind of key, linked account and path.
"""

import hashlib
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.db import Error as DatabaseError
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from rest_framework.exceptions import APIException

from api.exceptions import ServiceUnavailable
from linked_accounts.authentication import bearer, find_access, find_key
from linked_accounts.models import IdempotentRequest
from linked_accounts.signals import housekeeping

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(hours=24)
MAX_KEY_LENGTH = 255
ANOTHER_REQUEST = "Idempotency key was already used with a different request."
STILL_RUNNING = "A request with this idempotency key is still running, or was cut off: look what became of it."
TOO_LONG = f"An idempotency key has at most {MAX_KEY_LENGTH} characters."


class IdempotencyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        key = request.headers.get("Idempotency-Key", "").strip()
        if request.method != "POST" or not key or not request.path_info.startswith("/api/"):
            return self.get_response(request)
        if len(key) > MAX_KEY_LENGTH:
            return _refuse(TOO_LONG)
        try:
            holder = find_key(bearer(request.META))
            # A test key is told nothing of what a production key did: that may be another key, or a link.
            key_hash = _hash(holder.account_type.encode(), key.encode())
            scope = {"organization_id": holder.organization_id, "linked_account_id": _account_id(request)}
            own = _begin(request, key_hash=key_hash, **scope)
        except APIException:
            return self.get_response(request)  # the view says what is wrong
        except (OperationalError, InterfaceError) as error:
            logger.error("The database is not available", exc_info=error)
            return _unavailable()
        if isinstance(own, HttpResponse):
            return own
        response = self.get_response(request)
        try:
            _remember(own, response)
        except DatabaseError:
            # It has been executed: what the caller gets must not be an error that asks for another try.
            logger.exception("The answer to POST %s cannot be remembered", own.path)
        return response


def _begin(request: HttpRequest, **scope: Any) -> IdempotentRequest | HttpResponse:
    """Note that the request is being executed; if it was before, return what to answer."""
    about = {**scope, "path": quote(request.path_info.rstrip("/"))}
    request_hash = _hash(request.META.get("QUERY_STRING", "").encode(), request.body)
    IdempotentRequest.objects.filter(**about, created_at__lt=timezone.now() - KEPT_FOR).delete()
    try:
        with transaction.atomic():
            return IdempotentRequest.objects.create(**about, request_hash=request_hash)
    except IntegrityError:
        return _replay(IdempotentRequest.objects.filter(**about).first(), request_hash)


def _remember(own: IdempotentRequest, response: HttpResponseBase) -> None:
    requests = IdempotentRequest.objects.filter(pk=own.pk)
    if response.status_code in (401, 429) or response.status_code >= 500:
        requests.delete()
    elif isinstance(response, HttpResponse):
        requests.update(status=response.status_code, answer=response.content.decode())


def _replay(earlier: IdempotentRequest | None, request_hash: bytes) -> HttpResponse:
    if earlier is None or (bytes(earlier.request_hash) == request_hash and earlier.status is None):
        return _refuse(STILL_RUNNING)
    if bytes(earlier.request_hash) != request_hash:
        return _refuse(ANOTHER_REQUEST)
    return HttpResponse(earlier.answer, status=earlier.status, content_type="application/json")


def _unavailable() -> JsonResponse:
    error = ServiceUnavailable()
    headers = {"Retry-After": str(error.wait)}
    return JsonResponse({"detail": error.detail}, status=error.status_code, headers=headers)


def _refuse(detail: str) -> JsonResponse:
    return JsonResponse({"detail": detail}, status=400)


def _account_id(request: HttpRequest) -> Any:
    token = request.headers.get("X-Account-Token", "").strip()
    if not token:
        return None
    try:
        return find_access(bearer(request.META), token).linked_account_id
    except APIException:
        return None


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"\0".join(parts)).digest()


@receiver(housekeeping)
def forget_old_requests(**about: Any) -> None:
    IdempotentRequest.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
