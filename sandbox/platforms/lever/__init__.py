from sandbox.platforms.lever.rows import PayloadRows
from sandbox.platforms.lever.simulator import LeverSimulator

__all__ = ["SIMULATOR", "LeverSimulator", "PayloadRows"]

SIMULATOR = LeverSimulator
