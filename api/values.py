"""The API's grammar for what arrives in a path or a query string."""

import re
from datetime import UTC, datetime
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

# An unencoded "+" of an offset arrives as a blank.
_OFFSET_AFTER_BLANK = re.compile(r"(?<=[T ])(\d\d:\d\d\S*) (?=\d\d:?\d\d$)")


class DateTimeField(forms.CharField):
    """An aware UTC time from ISO 8601: any offset or none (UTC), a date alone (midnight), any number of digits."""

    def clean(self, value: str | None) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            parsed = datetime.fromisoformat(_OFFSET_AFTER_BLANK.sub(r"\1+", text))
            return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError(
                "Datetime has wrong format. Use ISO 8601: 2024-05-01T10:00:00Z or 2024-05-01."
            ) from None


class BooleanField(forms.CharField):
    """True or False from true, false, 1 or 0 in any case; None where nothing was said."""

    values = {"true": True, "1": True, "false": False, "0": False}

    def clean(self, value: str | None) -> bool | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return self.values[text.lower()]
        except KeyError:
            raise ValidationError("Must be true or false.") from None


def uuid(text: str) -> UUID | None:
    """Return an id; None for what is none."""
    try:
        return UUID(text)
    except ValueError:
        return None
