"""Reads single values out of payloads. All of them take None for "the platform does not say" and hand it on."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from connectors.payloads import dump
from connectors.records import Choice

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**31), 2**31 - 1  # what an integer column holds


def remote_id(value: str | int) -> str:
    """Return an id as text, numbers in decimals. Raises TypeError or ValueError for what identifies nothing."""
    if type(value) is int:  # which True is not
        return str(value)
    if not isinstance(value, str):
        raise TypeError(f"no id: {value!r}")
    identity = _without_nul(value).strip()
    if not identity:
        raise ValueError(f"no id: {value!r}")
    identity.encode()  # half a character raises a ValueError of its own
    return identity


def optional_remote_id(value: str | int | None) -> str | None:
    """Return the same as remote_id, None for null and for empty text."""
    return None if value is None or value == "" else remote_id(value)


def text(value: Any) -> str | None:
    """Return text without NUL and halves of characters, which PostgreSQL cannot hold.

    Anything but text becomes its JSON text, so that nothing is lost.
    """
    if value is None:
        return None
    found = _without_nul(value if isinstance(value, str) else dump(value).decode())
    return found if found.isascii() else found.encode(errors="replace").decode()


def flag(value: bool | None) -> bool | None:
    """Raises TypeError for anything but true, false and null."""
    if value is None or isinstance(value, bool):
        return value
    raise TypeError(f"neither true nor false: {value!r}")


def integer(value: int | str | None) -> int | None:
    """Read a number or decimal text of up to 32 bits. Raises TypeError or ValueError for anything else."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"no whole number: {value!r}")
    number = int(value)
    if not SMALLEST_INTEGER <= number <= LARGEST_INTEGER:
        raise ValueError(f"no number of 32 bits: {value!r}")
    return number


def utc_time(value: str | int | None) -> datetime | None:
    """Return an aware UTC time from ISO 8601 text or from epoch milliseconds.

    Text without an offset is taken as UTC. Raises ValueError for any other text, and for times that no calendar holds.
    """
    if value is None:
        return None
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
            if moment.tzinfo is UTC:
                return moment
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        if isinstance(value, int) and not isinstance(value, bool):
            return EPOCH + timedelta(milliseconds=value)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"no time: {value!r}") from error
    raise ValueError(f"no time: {value!r}")


def utc_midnight(value: str | None) -> datetime | None:
    """Return the first moment of an ISO 8601 date, in UTC. Raises ValueError for any other text."""
    return None if value is None else datetime.combine(date.fromisoformat(value), time(tzinfo=UTC))


def known_or_same(value: Any, table: Mapping[str, str]) -> Choice | None:
    """Return our word for a platform's, or its own unchanged where `table` has none. None for null and empty text.

    A value that is not text is looked up, and passed on, as its JSON text.
    """
    original = text(value)
    return Choice(str(table.get(original, original)), original) if original else None


def _without_nul(value: str) -> str:
    return value.replace("\0", "")
