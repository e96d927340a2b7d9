from sandbox.platforms.greenhouse.rows import PayloadRows
from sandbox.platforms.greenhouse.simulator import GreenhouseSimulator

__all__ = ["SIMULATOR", "GreenhouseSimulator", "PayloadRows"]

SIMULATOR = GreenhouseSimulator
