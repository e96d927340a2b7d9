"""What Recruitee shows, what our API makes of it, and what we hold of an account."""

from collections import defaultdict
from pathlib import Path

import orjson

from connectors.records import ApplicationRecord
from connectors.stored import StoredApplication
from sandbox.platforms.recruitee import PayloadRows, RecruiteeSimulator

FOLDER = Path(__file__).with_name("payloads")
STATUSES = ("upcoming", "past_due")


def load(name):
    return orjson.loads((FOLDER / f"{name}.json").read_bytes())


def events(status):
    return load(f"interview_events_{status}")


def documented_rows():
    return {
        "admin_rows": load("admins")["admins"],
        "template_rows": [load(f"pipeline_template_{number}")["pipeline_template"] for number in (9100, 9101)],
        "candidate_rows": load("candidates")["candidates"],
        "event_rows": {status: events(status)["interview_events"] for status in STATUSES},
        "references": [row for page in (load("candidates"), *map(events, STATUSES)) for row in page["references"]],
    }


def documented(**rows):
    """Return a simulated Recruitee that lists the documented payloads, or these rows in their place."""
    return RecruiteeSimulator(PayloadRows(**documented_rows() | rows))


class Held:
    """The applications that we hold, as far as this connector asks."""

    def __init__(self):
        self.applications = defaultdict(list)

    def add(self, record: ApplicationRecord):
        self.applications[record.candidate, record.job].append(
            StoredApplication(
                remote_id=record.remote_id,
                candidate=record.candidate,
                job=record.job,
                current_stage=record.current_stage,
                originals={},
            )
        )

    def applications_of(self, pairs):
        return {pair: tuple(self.applications[pair]) for pair in pairs if pair in self.applications}
