"""What Greenhouse's documentation shows, and what our API makes of it."""

from dataclasses import fields
from datetime import datetime
from pathlib import Path

import orjson

from connectors.records import Choice, Record, RejectReasonRecord
from sandbox.platforms.greenhouse import GreenhouseSimulator, PayloadRows

FOLDER = Path(__file__).with_name("payloads")
LISTINGS = {
    "v3": [
        "users",
        "job_interview_stages",
        "job_interviews",
        "sources",
        "referrers",
        "rejection_reasons",
        "applications",
        "interviews",
        "interviewers",
    ],
    "v1": ["users", "job_stages", "applications", "scheduled_interviews"],
}


def load(name):
    return orjson.loads((FOLDER / f"{name}.json").read_bytes())


def documented(version):
    """Return a simulated Greenhouse that lists the documented payloads of a version, and nothing else."""
    return GreenhouseSimulator(
        PayloadRows({f"{version}/{name}": load(f"{version}_{name}") for name in LISTINGS[version]})
    )


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
