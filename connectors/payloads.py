"""JSON as platforms write it: orjson, but for the halves of characters that they leave where they cut a text."""

import json
from typing import Any, NoReturn

import orjson


def load(text: bytes | str) -> Any:
    """Raises ValueError for what is not JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return json.loads(text, parse_constant=_refuse)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error


def dump(value: Any) -> bytes:
    """Write whole numbers past 64 bits, too."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
