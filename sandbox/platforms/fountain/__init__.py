from sandbox.platforms.fountain.rows import PayloadRows
from sandbox.platforms.fountain.simulator import FountainSimulator

__all__ = ["SIMULATOR", "FountainSimulator", "PayloadRows"]

SIMULATOR = FountainSimulator
