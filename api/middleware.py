import re
import uuid
from collections.abc import Callable
from time import perf_counter

import structlog
from django.http import HttpRequest, HttpResponseBase

logger = structlog.get_logger(__name__)

_SANE = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


_SECRETS = re.compile(r"(?<=^/webhooks/.{36}/).+|(?<=^/link/).+|(?<=/account-token/)(?!regenerate/?$).+")


class RequestLogMiddleware:
    """Logs each request, and names it by `X-Request-Id` in the answer and in every log line.

    The name is the caller's own if it is sane. Queries are not logged: they may hold people's addresses.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started_at = perf_counter()
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _SANE.fullmatch(given) else str(uuid.uuid4())
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            logger.info(
                "request",
                method=request.method,
                path=_SECRETS.sub("…", request.path),
                status=response.status_code,
                milliseconds=round((perf_counter() - started_at) * 1000, 1),
            )
        response["X-Request-Id"] = request_id
        return response
