"""What Taleo's documentation shows; `unified` is what our API makes of it."""

from pathlib import Path

import orjson

from sandbox.platforms.taleo import PayloadRows, TaleoSimulator

FOLDER = Path(__file__).with_name("payloads")
FILES = {
    "user": ["user_search", "user_search.last_page"],
    "candidate": ["candidate_search"],
    "requisition": ["requisition_search"],
    "candidateapplication": ["candidateapplication.requisition_902", "candidateapplication.requisition_904"],
    "interview": ["interview_search", "interview_search.last_page"],
}


def load(name):
    return orjson.loads((FOLDER / f"{name}.json").read_bytes())


def rows(name, kind):
    """Return what a file lists, out of its envelope."""
    (listed,) = (value for value in load(name)["response"].values() if isinstance(value, list))
    return [row[kind] for row in listed]


def listings():
    return {kind: [row for name in names for row in rows(name, kind)] for kind, names in FILES.items()}


def simulated(**changes):
    """Return a simulated Taleo that lists the documented payloads, or others for some kinds."""
    return TaleoSimulator(PayloadRows(listings() | changes, load("status_CAREQ")["response"]["statuses"]))


def documented():
    return simulated()
