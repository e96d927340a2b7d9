"""What Workday's documentation shows, and what our API makes of it."""

from datetime import UTC, datetime
from pathlib import Path

import orjson
from lxml import etree

from connectors.records import Record
from connectors.stored import StoredApplication
from sandbox.platforms.workday import PayloadRows, WorkdaySimulator

FOLDER = Path(__file__).with_name("payloads")
ANSWERS = (
    "get_workers.xml",
    "get_workers.last_page.xml",
    "get_candidates.xml",
    "get_interviews.xml",
    "get_interviews.last_page.xml",
)
SERVER_TIME = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
NAMESPACES = {"env": "http://schemas.xmlsoap.org/soap/envelope/", "wd": "urn:com.workday/bsvc"}


def load(name):
    return orjson.loads((FOLDER / name).read_bytes())


def document(name):
    return (FOLDER / name).read_bytes()


def elements(name, path):
    """Return elements of a documented answer: "//wd:Worker"."""
    return etree.fromstring(document(name)).xpath(path, namespaces=NAMESPACES)


def fragment(xml):
    """Return an element of Workday's namespace from markup without any."""
    return etree.fromstring(f'<x xmlns:wd="urn:com.workday/bsvc">{xml}</x>')[0]


def shape(markup):
    """Return what a document says, whatever its prefixes and white space."""
    element = etree.fromstring(markup) if isinstance(markup, bytes) else markup
    return (
        element.tag,
        sorted(element.items()),
        (element.text or "").strip(),
        [shape(child) for child in element],
    )


class DocumentedWorkday(WorkdaySimulator):
    tenant, username, password = "acme_dpt1", "ISU_Interviews", "made-up"


def documented():
    """Return a simulated Workday that lists the documented payloads, and nothing else, at their time."""
    rows = PayloadRows.from_answers(*map(document, ANSWERS))
    return DocumentedWorkday(rows, clock=lambda: SERVER_TIME)


class Memory:
    """What we hold of an account, as far as this platform's connector wants to know."""

    def __init__(self):
        self.records = {}

    def take(self, fetched):
        records = [one for one in fetched if isinstance(one, Record)]
        self.records |= {(one.model_name, one.remote_id): one for one in records}
        return records

    def known(self, model_name, remote_ids):
        return {one for one in remote_ids if (model_name, one) in self.records}

    def applications_of(self, pairs):
        found = {}
        for (model_name, remote_id), one in self.records.items():
            if model_name == "Application" and (one.candidate, one.job) in pairs:
                found.setdefault((one.candidate, one.job), []).append(
                    StoredApplication(
                        remote_id=remote_id,
                        candidate=one.candidate,
                        job=one.job,
                        current_stage=one.current_stage,
                        originals={},
                    )
                )
        return {pair: tuple(applications) for pair, applications in found.items()}
