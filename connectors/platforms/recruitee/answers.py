"""What Recruitee's answers say beside what was asked for."""

from collections.abc import Mapping
from typing import Any

import orjson


def problem(body: bytes) -> str | None:
    """Return the first text of an error, wherever it is: `error` may be a list or missing, `errors` as well."""
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(payload, Mapping):
        return None
    found = [one for key in ("error", "errors") for one in _as_list(payload.get(key))]
    texts = (one.get("message") or one.get("code") if isinstance(one, Mapping) else one for one in found)
    return next((text for text in texts if isinstance(text, str) and text.strip()), None)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
