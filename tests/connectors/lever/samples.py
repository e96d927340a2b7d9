"""What Lever's documentation shows, and what our API makes of it."""

from pathlib import Path

import orjson

from sandbox.platforms.lever import LeverSimulator, PayloadRows

FOLDER = Path(__file__).with_name("payloads")
WITH_INTERVIEWS = "6408dc54-7015-4e5b-ad60-23afff2b1efc"


def load(name):
    return orjson.loads((FOLDER / f"{name}.json").read_bytes())


def rows(name):
    return load(name)["data"]


def documented(**changed):
    """Return a simulated Lever that lists the documented payloads, or others in place of these."""
    lists = {name: rows(name) for name in ("users", "stages", "archive_reasons", "opportunities")}
    lists["opportunities/deleted"] = rows("opportunities_deleted")
    lists[f"opportunities/{WITH_INTERVIEWS}/interviews"] = rows("opportunity_interviews")
    return LeverSimulator(PayloadRows(lists | changed))
