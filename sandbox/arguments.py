"""Reads what somebody sent to control a sandbox, and says what is wrong with it."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

MAX_TEXT_LENGTH = 200
YEARS_AROUND_NOW = 20


class NonsenseError(ValueError):
    """What was asked for cannot be; says why."""


class Arguments:
    """A JSON object's values by name. What is null counts as not given, and is None here.

    Every method raises NonsenseError for values of another kind.
    """

    def __init__(self, body: bytes) -> None:
        try:
            values = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise NonsenseError(f"The body has to be JSON: {error}.") from error
        if not isinstance(values, dict):
            raise NonsenseError("The body has to be a JSON object.")
        self.values: dict[str, Any] = {name: value for name, value in values.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def only(self, known: Collection[str]) -> None:
        """Raises NonsenseError for names that are not known."""
        if unknown := self.values.keys() - set(known):
            raise NonsenseError(f"Unknown: {', '.join(sorted(unknown))}. Known here: {', '.join(known)}.")

    def number(self, name: str, *, low: float, high: float) -> float | None:
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise NonsenseError(f"{name} has to be a number from {low:g} to {high:g}.")
        return value

    def integer(self, name: str, *, low: int = 0, high: int = 2**63 - 1) -> int | None:
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise NonsenseError(f"{name} has to be a whole number from {low} to {high}.")
        return value

    def integers(self, name: str) -> list[int] | None:
        """Return each number once, in the order in which they were given."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(type(one) is int for one in value):
            raise NonsenseError(f"{name} has to be a list of whole numbers.")
        return list(dict.fromkeys(value))

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise NonsenseError(f"{name} has to be true or false.")
        return value

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is None:
            return None
        # Not every platform's format could carry control characters.
        if not isinstance(value, str) or not value.isprintable() or not 0 < len(value.strip()) <= MAX_TEXT_LENGTH:
            raise NonsenseError(f"{name} has to be text, printable and of at most {MAX_TEXT_LENGTH} characters.")
        return value.strip()

    def time(self, name: str) -> datetime | None:
        """Return an aware UTC time; text without an offset is taken as UTC."""
        value = self.values.get(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
            moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (TypeError, ValueError, OverflowError) as error:
            raise NonsenseError(f"{name} has to be a time such as 2030-01-31T09:30:00Z.") from error
        if abs(moment - datetime.now(UTC)) > timedelta(days=365 * YEARS_AROUND_NOW):
            raise NonsenseError(f"{name} has to be within {YEARS_AROUND_NOW} years of now.")
        return moment
