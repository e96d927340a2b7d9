"""Answers that belong to no endpoint: JSON below /api, Django's own pages elsewhere."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

_DETAILS = {400: "Bad request.", 403: "You do not have permission to perform this action.", 404: "Not found."}


def is_api(request: HttpRequest) -> bool:
    return request.path_info == "/api" or request.path_info.startswith("/api/")


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _json(404) if is_api(request) else defaults.page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _json(400) if is_api(request) else defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _json(403) if is_api(request) else defaults.permission_denied(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if is_api(request):
        return JsonResponse({"detail": "Internal server error."}, status=500)
    return defaults.server_error(request)


def _json(status: int) -> JsonResponse:
    return JsonResponse({"detail": _DETAILS[status]}, status=status)
