import json
from collections.abc import Iterable
from typing import Any

import orjson
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class ORJSONRenderer(BaseRenderer):
    """JSON as the API writes it: times in UTC with `Z` and, unless zero, microseconds; UUIDs in lower case."""

    media_type = "application/json"
    format = "json"
    charset = None  # JSON is UTF-8 by definition
    options = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data is None:
            return b""
        try:
            return orjson.dumps(data, default=str, option=self.options)
        except TypeError:  # half of a surrogate pair, or a number of more than 64 bits, that a platform answered with
            return json.dumps(data, default=self._plain).encode()

    def _plain(self, value: Any) -> Any:
        return json.loads(orjson.dumps(value, default=str, option=self.options))


class FixedNegotiation(BaseContentNegotiation):
    """The answer is JSON, whatever the caller says it accepts."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        return next((parser for parser in parsers if _same_type(parser.media_type, request.content_type)), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


def _same_type(media_type: str | None, content_type: str | None) -> bool:
    return (content_type or "").partition(";")[0].strip().lower() == media_type
