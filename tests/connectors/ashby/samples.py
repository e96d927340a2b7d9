"""What Ashby's documentation shows; `unified` is what our API makes of it."""

from pathlib import Path

import orjson

from sandbox.platforms.ashby import AshbySimulator, PayloadRows

FOLDER = Path(__file__).with_name("payloads")


def load(name):
    return orjson.loads((FOLDER / f"{name}.json").read_bytes())


def resources():
    """Return the documented rows of each resource. The last stage is of a draft plan, which nothing lists."""
    return {
        "user": load("user.list")["results"],
        "interviewPlan": load("interviewPlan.list")["results"],
        "interviewStage": [*load("interviewStage.list")["results"], load("interviewStage.info")["results"]],
        "application": load("application.list")["results"],
        "interviewSchedule": [
            *load("interviewSchedule.list")["results"],
            *load("interviewSchedule.list.last_page")["results"],
        ],
        "interviewEvent": load("interviewEvent.list")["results"],
    }


def documented():
    """Return a simulated Ashby that lists the documented payloads, and nothing else."""
    return AshbySimulator(PayloadRows(resources()))
