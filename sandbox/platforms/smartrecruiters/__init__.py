from sandbox.platforms.smartrecruiters.rows import PayloadRows
from sandbox.platforms.smartrecruiters.simulator import SmartRecruitersSimulator

__all__ = ["SIMULATOR", "PayloadRows", "SmartRecruitersSimulator"]

SIMULATOR = SmartRecruitersSimulator
