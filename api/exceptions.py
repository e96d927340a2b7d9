"""Errors of all kinds to the API's bodies (wire contract, section 7)."""

import logging
from typing import Any

from django.db import InterfaceError, OperationalError
from rest_framework import status
from rest_framework.exceptions import APIException, ErrorDetail, Throttled
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

logger = logging.getLogger(__name__)


class ServiceUnavailable(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The database is not available at the moment."
    wait = 5


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("The database is not available", exc_info=error)
        error = ServiceUnavailable()
    elif isinstance(error, Throttled) and (seconds := getattr(error, "wait", None)):
        error.detail = ErrorDetail(f"Request was throttled. Expected available in {seconds} seconds.", "throttled")
    return drf_exception_handler(error, context)
