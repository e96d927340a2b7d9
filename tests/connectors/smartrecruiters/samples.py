"""What SmartRecruiters' documentation shows, and who belongs together in it."""

from pathlib import Path

import orjson

from sandbox.platforms.smartrecruiters import PayloadRows, SmartRecruitersSimulator

FOLDER = Path(__file__).with_name("payloads")

DMITRI, EUN_JI = "4f1d7c0a-6f0e-4a51-9d0e-2f6a9f1c7b11", "b7a3e0d2-1c9b-4f57-8e62-0d4c5b6a7f22"
ENGINEER, STORE_MANAGER = "9e4d2f61-7b3c-4a8d-b5e6-1f2a3b4c5d6e", "3a5b7c9d-2e4f-4061-a8b9-c0d1e2f3a4b5"
IN_INTERVIEW, REJECTED = "d2f1a0b9-c8e7-4d6f-a5b4-c3d2e1f00917", "7b6c5d4e-3f2a-4b1c-90d8-e7f6a5b4c3d2"
ADA, BEN, CHLOE = "60f81862b7785728f2655b19", "5fc4c5aaad689cf88759f153", "612f0c9ee1a2b7001b3f7d10"


def load(name):
    return orjson.loads((FOLDER / f"{name}.json").read_bytes())


def documented_rows():
    """Return the documented payloads. Dmitri's second job has no application any more."""
    return PayloadRows(
        listed_users=load("users")["content"],
        listed_processes=load("hiring_processes")["content"],
        listed_candidates=load("candidates")["content"],
        applications={
            (DMITRI, ENGINEER): load("candidate_application"),
            (EUN_JI, STORE_MANAGER): load("candidate_application_rejected"),
        },
        histories={(DMITRI, ENGINEER): load("status_history")["content"]},
        listed_interviews={
            IN_INTERVIEW: load("interviews")["content"],
            REJECTED: load("interviews_none")["content"],
        },
        job_applications={IN_INTERVIEW: load("job_application")},
    )


def documented():
    """Return a simulated SmartRecruiters that tells the documented payloads, and nothing else."""
    return SmartRecruitersSimulator(documented_rows())
