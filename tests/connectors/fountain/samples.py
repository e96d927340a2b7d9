"""What Fountain's documentation shows, completed by invented pages of the same form."""

from pathlib import Path

import orjson

from connectors.records import ApplicationRecord, Record
from connectors.stored import StoredApplication
from sandbox.platforms.fountain import FountainSimulator, PayloadRows

FOLDER = Path(__file__).with_name("payloads")

DRIVER, BARISTA = "baa1c6f1-404b-4eaf-862a-01dec28753f8", "b35331ce-af2e-49dd-87e3-55b26210b784"
PHONE_INTERVIEW, ON_SITE_TRIAL = "9fb932d4-f039-4722-86ff-82e389e3995a", "2d3e4f50-6172-4839-94a5-b6c7d8e9f001"
PHONE_INTERVIEW_OF_BARISTAS = "50617283-94a5-4b6c-87d8-e9f001122334"
REJECTED = "3e4f5061-7283-494a-85b6-c7d8e9f00112"
ORLA, NADIA, WREN = (
    "cae8c077-3779-45b3-86a1-da2c9cfbba43",
    "d283eb3a-5fbd-438e-89cf-158de6e96d45",
    "366c5acd-aeaf-4905-8c8a-c0bb635b4c41",
)
TIANA, MARIA = "221c4e00-3f99-41ee-8af2-7f802dc5fd3d", "5e6f7081-92a3-4b4c-9d5e-6f708192a3b4"


def load(name):
    return orjson.loads((FOLDER / f"{name}.json").read_bytes())


def documented_rows():
    """Return the documented payloads: the group slot serves both openings, so each of them lists it."""
    slots = load("sessions")["sessions"]
    return {
        "users": load("users")["users"],
        "funnels": load("funnels")["funnels"],
        "applicants": load("applicants")["applicants"],
        "sessions": {DRIVER: slots, BARISTA: [slot for slot in slots if slot["id"] == 31]},
    }


def documented(**rows):
    """Return a simulated Fountain that lists the documented payloads, or other `rows` in place of some."""
    return FountainSimulator(PayloadRows(**documented_rows() | rows))


class Held:
    """What was fetched before, in place of the database."""

    def __init__(self):
        self.records = {}

    def hold(self, fetched):
        for one in fetched:
            if isinstance(one, Record):
                self.records[one.model_name, one.remote_id] = one
            yield one

    def known(self, model_name, remote_ids):
        return {remote_id for remote_id in remote_ids if (model_name, remote_id) in self.records}

    def applications(self, remote_ids):
        found = [self.records.get((ApplicationRecord.model_name, remote_id)) for remote_id in remote_ids]
        return {
            one.remote_id: StoredApplication(
                remote_id=one.remote_id,
                candidate=one.candidate,
                job=one.job,
                current_stage=one.current_stage,
                originals={},
            )
            for one in found
            if one
        }
