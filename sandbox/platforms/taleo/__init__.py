from sandbox.platforms.taleo.rows import PayloadRows
from sandbox.platforms.taleo.simulator import TaleoSimulator

__all__ = ["SIMULATOR", "PayloadRows", "TaleoSimulator"]

SIMULATOR = TaleoSimulator
