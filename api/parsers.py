import json
import re
from collections.abc import Iterable, Mapping
from typing import IO, Any

import orjson
from django.http import HttpRequest
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

MAX_DEPTH = 100  # of arrays and objects in each other: what walks through a body does so recursively
MAX_WHOLE = 2**64 - 1  # what can be written again as it was

_may_be_large = re.compile(rb"\d{19}").search


class ORJSONParser(BaseParser):
    """JSON in UTF-8, as RFC 8259 has it: no NaN, no half of a surrogate pair, which nobody could store or answer."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes] | HttpRequest,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        content = stream.body if isinstance(stream, HttpRequest) else stream.read()  # Django bounds the former
        try:
            body = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"JSON parse error - {error}") from error
        if is_deep(body, MAX_DEPTH):
            raise ParseError(f"JSON parse error - more than {MAX_DEPTH} arrays and objects in each other")
        if _may_be_large(content):
            json.loads(content, parse_int=_check_size)  # orjson has made fractions of numbers that are too large
        return body


def _check_size(digits: str) -> None:
    if len(digits) > 20 or not -MAX_WHOLE // 2 <= int(digits) <= MAX_WHOLE:
        raise ParseError("JSON parse error - a whole number of more than 64 bits")


def is_deep(value: Any, depth: int) -> bool:
    """Whether more arrays and objects than that stand in each other."""
    level = _containers([value])
    for _ in range(depth):
        level = [inner for one in level for inner in _containers(one.values() if isinstance(one, dict) else one)]
    return bool(level)


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]
