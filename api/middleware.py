import logging
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import orjson
import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotModified
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import parse_etags
from isal import isal_zlib
from xxhash import xxh3_128_hexdigest

# Lines about requests go where all others go, and look like them, but not by way of the logging package and structlog's
# processors: those would take a fifth of the time of a read.
_requests = structlog.BytesLogger(open(2, "wb", buffering=0, closefd=False))  # noqa: SIM115  standard error, for good
_ARE_REQUESTS_LOGGED = logging.getLevelNamesMapping()[settings.LOG_LEVEL] <= logging.INFO

_SANE = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

# What of a path proves who asks, behind what leads there.
_SECRETS = re.compile(r"(/webhooks/.{36}/|/link/|/account-token/(?!regenerate/?$)).+")


class WithoutSecrets(logging.Filter):
    """Keeps Django's own messages, which name the path where something went wrong, from telling secrets."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_SECRETS.sub(r"\1…", one) if isinstance(one, str) else one for one in record.args)
        return True


def request_id(given: str) -> str:
    """Return the name of a request: the caller's own if it is sane."""
    return given if _SANE.fullmatch(given) else str(uuid.uuid4())


def log_request(method: str | None, path: str, status: int, *, request_id: str, started_at: float) -> None:
    """Log a request that began at this time of `perf_counter`. Queries are not logged: they may hold addresses."""
    if not _ARE_REQUESTS_LOGGED:
        return
    line = {
        "logger": __name__,
        "method": method,
        "path": _SECRETS.sub(r"\1…", path),
        "status": status,
        "milliseconds": round((perf_counter() - started_at) * 1000, 1),
        "event": "request",
        "request_id": request_id,
        "level": "info",
        "timestamp": datetime.now(UTC),
    }
    _requests.info(orjson.dumps(line, option=orjson.OPT_UTC_Z))


class RequestLogMiddleware:
    """Logs each request, and names it by `X-Request-Id` in the answer and in every log line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started_at = perf_counter()
        name = request_id(request.headers.get("X-Request-Id", ""))
        with structlog.contextvars.bound_contextvars(request_id=name):
            response = self.get_response(request)
            log_request(request.method, request.path, response.status_code, request_id=name, started_at=started_at)
        response["X-Request-Id"] = name
        return response


# Shorter answers are not worth it.
COMPRESSED_BYTES = 200
_accepts_gzip = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE).search


def accepts_gzip(accept_encoding: str) -> bool:
    return bool(_accepts_gzip(accept_encoding))


def compress(content: bytes) -> bytes:
    """Return content in gzip, ten times as fast as zlib does it and no larger."""
    compressed: bytes = isal_zlib.compress(content, 1, 31)
    return compressed


class CompressionMiddleware(GZipMiddleware):
    """Compresses answers of the API fast, and pages as Django does.

    Pages hide their length by chance, against guessing tokens in forms from it. No browser speaks to the API.
    """

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        if not _is_api(request) or response.streaming:
            return super().process_response(request, response)
        if len(response.content) < COMPRESSED_BYTES or response.has_header("Content-Encoding"):
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        if accepts_gzip(request.META.get("HTTP_ACCEPT_ENCODING", "")):
            response.content = compress(response.content)
            response.headers["Content-Length"] = str(len(response.content))
            response.headers["Content-Encoding"] = "gzip"
        return response


def entity_tag(content: bytes) -> str:
    """Return what an answer is told apart by from what it was, and from what it will be."""
    return f'W/"{xxh3_128_hexdigest(content)}"'


# Of an answer that is left out: what tells of it, and what it was kept under.
KEPT_HEADERS = ("Cache-Control", "ETag", "Vary")


class EntityTagMiddleware(MiddlewareMixin):
    """Tags what the API answers, and leaves out what the caller has already."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        if not _is_api(request) or response.status_code != 200 or request.method != "GET" or response.streaming:
            return response
        tag = response.headers["ETag"] = entity_tag(response.content)
        known = parse_etags(request.META.get("HTTP_IF_NONE_MATCH", ""))
        if known != ["*"] and tag.removeprefix("W/") not in {other.removeprefix("W/") for other in known}:
            return response
        kept = {name: value for name, value in response.items() if name in KEPT_HEADERS or name.startswith("X-")}
        return HttpResponseNotModified(headers=kept)


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/ats/")
