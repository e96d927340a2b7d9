"""Answers that belong to no endpoint: JSON below /api, Django's own pages elsewhere."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views import defaults

# The documentation pages hold scripts of their own. Redoc would fetch a logo from its maker's host.
_OWN_HOST_ONLY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:"
)
_DETAILS = {400: "Bad request.", 403: "You do not have permission to perform this action.", 404: "Not found."}


def own_host_only(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Keep the browser that shows a page from asking any other host."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response["Content-Security-Policy"] = _OWN_HOST_ONLY
        return response

    return wrapped


def is_api(request: HttpRequest) -> bool:
    return request.path_info == "/api" or request.path_info.startswith("/api/")


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _json(404) if is_api(request) else defaults.page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    if not is_api(request):
        return defaults.bad_request(request, exception)
    if isinstance(exception, RequestDataTooBig):
        detail = f"A request has at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes."
        return JsonResponse({"detail": detail}, status=400)
    return _json(400)


def permission_denied(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _json(403) if is_api(request) else defaults.permission_denied(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if is_api(request):
        return JsonResponse({"detail": "Internal server error."}, status=500)
    return defaults.server_error(request)


def _json(status: int) -> JsonResponse:
    return JsonResponse({"detail": _DETAILS[status]}, status=status)
