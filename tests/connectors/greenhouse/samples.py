"""What Greenhouse's documentation shows, and what our API makes of it."""

from dataclasses import fields
from datetime import datetime
from pathlib import Path

import orjson

from connectors.records import Choice, Record, RejectReasonRecord

FOLDER = Path(__file__).with_name("payloads")


def load(name):
    return orjson.loads((FOLDER / f"{name}.json").read_bytes())


def unified(record: Record) -> dict:
    """Return a record as the API words it: references as remote ids, reasons by name, without originals."""
    return {field.name: _worded(getattr(record, field.name)) for field in fields(record) if field.name != "remote_data"}


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
