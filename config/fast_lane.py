"""Answers reads of unified models before Django does (docs/adr/0013-the-fast-lane.md)."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from threading import BoundedSemaphore
from time import perf_counter
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls import resolve

from api.middleware import COMPRESSED_BYTES, accepts_gzip, compress, entity_tag, log_request, request_id
from api.reading import read_page, read_record
from api.renderers import ORJSONRenderer
from api.viewsets import UnifiedViewSet
from linked_accounts.authentication import access_of
from linked_accounts.throttling import LinkedAccountThrottle, take

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

PREFIX = "/api/ats/v1/"
# Reads at a time: some wait for PostgreSQL while one works. More would take the interpreter from each other.
READERS = 4
A_RECORD = "00000000-0000-0000-0000-000000000000"


class FastLane:
    """A WSGI application in front of another. It answers reads that succeed; the other one all else, errors included.

    `viewsets` are those of the API, by path.
    """

    def __init__(self, application: Application, viewsets: Mapping[str, type[Any]]) -> None:
        self._application = application
        self._readers = BoundedSemaphore(READERS)
        self._viewsets = {name: viewset for name, viewset in viewsets.items() if issubclass(viewset, UnifiedViewSet)}
        self._path = re.compile(rf"{PREFIX}({'|'.join(self._viewsets)})(?:/([0-9a-f-]{{36}}))?/?")
        self._headers = {
            (name, is_record): list(_constant_headers(f"{PREFIX}{name}{f'/{A_RECORD}' if is_record else ''}"))
            for name in self._viewsets
            for is_record in (False, True)
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET" or "HTTP_IF_NONE_MATCH" in environ:
            return self._application(environ, start_response)
        path = self._path.fullmatch(environ["PATH_INFO"])
        if path is None or not _is_own_host(environ.get("HTTP_HOST", ""), tuple(settings.ALLOWED_HOSTS)):
            return self._application(environ, start_response)
        started_at = perf_counter()
        name, id = path.groups()
        called = request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        answer = None
        # Django meets the same trouble, and knows what to say of it.
        with self._readers, suppress(Exception):
            answer = self._read(name, id, environ)
            log_request("GET", environ["PATH_INFO"], 200, request_id=called, started_at=started_at)
        if answer is None:
            return self._application(environ, start_response)
        content, limits = answer
        headers = [*self._headers[name, id is not None], *limits.items(), ("X-Request-Id", called)]
        headers.append(("ETag", entity_tag(content)))
        if len(content) >= COMPRESSED_BYTES:
            headers.append(("Vary", "Accept-Encoding"))
            if accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
                content = compress(content)
                headers.append(("Content-Encoding", "gzip"))
        headers.append(("Content-Length", str(len(content))))
        start_response("200 OK", headers)
        return [content]

    def _read(self, name: str, id: str | None, environ: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        """Return the body, and what is to be said of the rate limit. Raises whatever is the matter."""
        serializer, query = self._viewsets[name].serializer_class, environ.get("QUERY_STRING", "")
        access = access_of(environ)
        taken = environ[LinkedAccountThrottle.TAKEN] = take(access.linked_account_id)
        if taken and not taken.is_allowed:
            raise LookupError("There is nothing left of the limit.")
        if id is None:
            body, _ = read_page(serializer, self._viewsets[name].filterset_class, access, query)
        else:
            body, _ = read_record(serializer, access, id, query)
        return orjson.dumps(body, default=str, option=ORJSONRenderer.options), taken.headers if taken else {}


def _constant_headers(path: str) -> Iterator[tuple[str, str]]:
    """Yield the headers that every answer from there has, as Django's middleware and the view make them."""
    response = HttpResponse(content_type=ORJSONRenderer.media_type)
    for middleware in (XFrameOptionsMiddleware, SecurityMiddleware):
        middleware(lambda request: response).process_response(HttpRequest(), response)
    yield from response.items()
    view: Any = resolve(path).func
    allowed = {*view.actions, "head", "options"}
    yield "Allow", ", ".join(method.upper() for method in view.cls.http_method_names if method in allowed)


@lru_cache(maxsize=128)
def _is_own_host(host: str, allowed_hosts: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed_hosts)
