"""Passes requests on to a linked account's platform, with its credentials, and to nobody else."""

import json
from collections.abc import Callable
from contextlib import suppress
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

import httpx2
from django.db import transaction
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError

from api.parsers import is_deep
from connectors.addresses import PrivateAddress, pin
from connectors.base import Connector
from connectors.errors import ConnectorError, TimedOut
from connectors.http import Answer
from linked_accounts.models import LinkedAccount
from passthrough.models import AsyncPassthrough
from passthrough.serializers import decode_part, pack
from passthrough.signals import passthrough_resolved

TIMEOUT_SECONDS = 30.0
MAX_ANSWER_BYTES = 20 * 1024 * 1024
MAX_DEPTH = 200  # of JSON; how much more can be written depends on who writes it
CONTENT_TYPES = {"JSON": "application/json", "XML": "application/xml"}
# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1, and what the transport says by itself
NOT_PASSED_ON = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"),
    *("upgrade", "host", "content-length", "accept-encoding", "expect", "authorization", "cookie"),
}
PRIVATE_HEADERS = frozenset({"set-cookie", "set-cookie2"})  # of answers: a session is a credential, too
JSON_NAMES = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null", list: "array"}
UNKNOWN_OUTCOME = "The worker that made the request ended before the answer came. It may have reached the platform."


class Refused(APIException):
    """Nothing came of it, and sending it again would not help."""

    status_code = status.HTTP_400_BAD_REQUEST


class TookTooLong(APIException):
    status_code = status.HTTP_408_REQUEST_TIMEOUT
    default_detail = f"No answer within {TIMEOUT_SECONDS:.0f} seconds. Use async-passthrough for what takes longer."


def check(account: LinkedAccount) -> None:
    """Raises Refused for an account without credentials that work."""
    if account.status in (LinkedAccount.Status.RELINK_NEEDED, LinkedAccount.Status.INCOMPLETE):
        raise Refused(account.status_detail or "The account has to be linked first.")


def check_base_url(account: LinkedAccount, request: dict[str, Any]) -> None:
    """Raises ValidationError for a base URL that is none of the platform's, without calling anybody."""
    with account.connect() as connector:
        _base_url_override(connector, request)


def pass_through(
    account: LinkedAccount, request: dict[str, Any], *, timeout_seconds: float = TIMEOUT_SECONDS
) -> dict[str, Any]:
    """Return what the platform answers to a validated request, as the API shows it.

    Raises ValidationError and Refused; TookTooLong only for methods that may be repeated.
    """
    check(account)
    method = request["method"]
    try:
        with account.connect() as connector:
            connector.session.hurry(timeout_seconds)
            connector.session.max_answer_bytes = MAX_ANSWER_BYTES
            url = _url(connector, request)
            content, headers = _body(request)
            content = connector.passthrough_content(content)
            is_own = connector.has_own_base_url and url.host == httpx2.URL(connector.base_url).host
            answer, sent = connector.session.relay(
                method, url, content=content, headers=headers, prepare=(lambda request: None) if is_own else pin
            )
            return _shown(connector, request, answer, sent)
    except TimedOut as error:
        if method in ("POST", "PATCH"):
            raise Refused(f"{TookTooLong.default_detail} It may have reached the platform.") from error
        raise TookTooLong from error
    except ConnectorError as error:
        raise Refused(str(error)) from error
    except PrivateAddress as error:
        raise Refused(str(error)) from error
    except ValueError as error:
        raise ValidationError({"data": [f"The platform does not take this: {error}"]}) from error


def resolve(passthrough: AsyncPassthrough) -> None:
    """Make the request of a receipt, once: what a worker has begun and not ended is not begun again."""
    with transaction.atomic():
        passthrough = AsyncPassthrough.objects.select_for_update().get(id=passthrough.id)
        if passthrough.is_done:
            return
        was_begun = passthrough.status == AsyncPassthrough.Status.RUNNING
        passthrough.status = AsyncPassthrough.Status.RUNNING
        passthrough.save(update_fields=["status"])
    account, request = passthrough.linked_account, passthrough.request
    if was_begun and passthrough.method in ("POST", "PATCH"):
        result = _failure(request, 400, UNKNOWN_OUTCOME)
    else:
        try:
            result = pass_through(account, request, timeout_seconds=10 * TIMEOUT_SECONDS)
        except APIException as error:
            result = _failure(request, error.status_code, json.loads(json.dumps(error.detail)))
    with transaction.atomic():
        passthrough.finish(result)
        passthrough_resolved.send(AsyncPassthrough, account=account, passthrough=passthrough)


def _url(connector: Connector, request: dict[str, Any]) -> httpx2.URL:
    """Raises ValidationError for a base URL that is none of the platform's."""
    base = _base_url_override(connector, request) or connector.passthrough_base_url.rstrip("/")
    try:
        url = httpx2.URL(base + request["path"])
    except httpx2.InvalidURL as error:
        raise ValidationError({"path": [f"This is no path: {error}"]}) from error
    if url.host != httpx2.URL(base).host:
        raise ValidationError({"path": ["This leads to another host."]})
    return url


def _base_url_override(connector: Connector, request: dict[str, Any]) -> str:
    """Return what is to stand in place of the account's base URL, or nothing. Raises ValidationError."""
    override: str = (request.get("base_url_override") or "").rstrip("/")
    if not override:
        return ""
    own = urlsplit(connector.base_url)
    try:
        given = urlsplit(override)
        port = given.port
    except ValueError as error:
        raise ValidationError({"base_url_override": ["This is no address."]}) from error
    is_accounts = (given.scheme, given.hostname, port) == (own.scheme, own.hostname, own.port)
    is_vendors = given.scheme == "https" and port in (None, 443) and connector.is_own_host(given.hostname or "")
    if given.username or given.password or given.query or given.fragment or not (is_accounts or is_vendors):
        detail = f"Credentials are sent to hosts of {connector.name} only."
        raise ValidationError({"base_url_override": [detail]})
    return override


def _body(request: dict[str, Any]) -> tuple[bytes | None, dict[str, str]]:
    given = {name: value for name, value in (request.get("headers") or {}).items() if name.lower() not in NOT_PASSED_ON}
    content: bytes | None = None if request.get("data") is None else request["data"].encode()
    content_type = CONTENT_TYPES.get(request.get("request_format") or "") if content is not None else None
    if parts := request.get("multipart_form_data"):
        files = [(part["name"], (part.get("file_name"), decode_part(part), part.get("content_type"))) for part in parts]
        encoded = httpx2.Request("POST", "http://multipart", files=files)
        content, content_type = encoded.read(), encoded.headers["Content-Type"]
        given = {name: value for name, value in given.items() if name.lower() != "content-type"}
    if content_type and "content-type" not in {name.lower() for name in given}:
        given["Content-Type"] = content_type
    return content, given


def _shown(connector: Connector, request: dict[str, Any], answer: Answer, sent: dict[str, str]) -> dict[str, Any]:
    hide = connector.session.hide
    response, response_type = _response(answer, hide)
    if request.get("normalize_response"):
        response = {"type": JSON_NAMES.get(type(response), "object"), "value": response}
    return {
        "method": request["method"],
        "path": request["path"],
        "status": answer.status,
        "response": response,
        "response_headers": {
            name: "<redacted>" if name in PRIVATE_HEADERS else hide(value) for name, value in answer.headers.items()
        },
        "response_type": response_type,
        "headers": sent,
    }


def _response(answer: Answer, hide: Callable[[str], str]) -> tuple[Any, str]:
    if not answer.body:
        return None, "JSON"
    text = _text(answer)
    if text is None or "\0" in text:
        return pack(answer.body), "BASE64_GZIP"
    is_json = "json" in answer.headers.get("Content-Type", "json").lower()
    return _parsed(hide(text)) if is_json else hide(text), "JSON"


def _text(answer: Answer) -> str | None:
    """Return an answer in UTF-8, or as its Content-Type says. None for what is no text."""
    content_type = Message()
    content_type["Content-Type"] = answer.headers.get("Content-Type", "")
    for charset in ("utf-8-sig", content_type.get_content_charset("utf-8")):
        with suppress(ValueError, LookupError):
            return answer.body.decode(charset)
    return None


def _parsed(text: str) -> Any:
    """Return JSON as it is; what is none, or none that could be answered with, as text.

    Once the platform has been called nothing may go wrong any more: clients would repeat the call.
    """
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text
    return text if is_deep(found, MAX_DEPTH) else found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON.")


def _failure(request: dict[str, Any], status_code: int, detail: Any) -> dict[str, Any]:
    return {
        "method": request["method"],
        "path": request["path"],
        "status": status_code,
        "response": detail if isinstance(detail, dict) else {"detail": detail},
        "response_headers": {},
        "response_type": "JSON",
        "headers": {},
    }
