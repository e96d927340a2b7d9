"""Records in the words of our API, as the platforms' documentation is compared with them."""

from dataclasses import fields
from datetime import datetime

from connectors.records import Choice, Record, RejectReasonRecord

OURS = {"remote_data", "remote_group"}  # that the API does not show as fields


def unified(record: Record) -> dict:
    """Return a record as the API words it: references as remote ids, reasons by name, without originals."""
    return {field.name: _worded(getattr(record, field.name)) for field in fields(record) if field.name not in OURS}


def _worded(value):
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case Choice():
            return value.value
        case RejectReasonRecord():
            return value.name
        case tuple():
            return list(value)
    return value
