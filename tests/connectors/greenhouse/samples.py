"""What Greenhouse's documentation shows, and what our API makes of it."""

from pathlib import Path
from urllib.parse import urlencode

import orjson

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


def documented(version="v3"):
    """Return a simulated Greenhouse that lists the documented payloads of a version, and nothing else."""
    return GreenhouseSimulator(
        PayloadRows({f"{version}/{name}": load(f"{version}_{name}") for name in LISTINGS[version]})
    )


def asked(server):
    """Return what a server was asked for, in order: paths with their parameters."""
    return [f"{request.path}?{urlencode(request.query, safe='|:,')}" for request in server.requests]
