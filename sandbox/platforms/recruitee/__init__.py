from sandbox.platforms.recruitee.rows import PayloadRows
from sandbox.platforms.recruitee.simulator import RecruiteeSimulator

__all__ = ["SIMULATOR", "PayloadRows", "RecruiteeSimulator"]

SIMULATOR = RecruiteeSimulator
