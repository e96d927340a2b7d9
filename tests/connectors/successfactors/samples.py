"""What SAP's documentation of SuccessFactors shows, and what our API makes of it."""

from pathlib import Path

import orjson

from sandbox.platforms.successfactors import PayloadRows, SuccessFactorsSimulator

FOLDER = Path(__file__).with_name("payloads")
PAGES = {
    "User": ["User", "User.last_page"],
    "JobApplicationStatus": ["JobApplicationStatus"],
    "JobApplication": ["JobApplication", "JobApplication.last_page"],
    "JobApplicationInterview": ["JobApplicationInterview", "JobApplicationInterview.last_page"],
}


def load(name):
    return orjson.loads((FOLDER / f"{name}.json").read_bytes())


def rows(entity):
    return [row for page in PAGES[entity] for row in load(page)["d"]["results"]]


def documented(**changed):
    """Return a simulated SuccessFactors that lists the documented payloads in pages of three.

    `changed` are rows by entity that take the place of documented ones.
    """
    return SuccessFactorsSimulator(PayloadRows({name: rows(name) for name in PAGES} | changed), max_page_size=3)
