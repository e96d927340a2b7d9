from sandbox.platforms.successfactors.rows import PayloadRows
from sandbox.platforms.successfactors.simulator import SuccessFactorsSimulator

__all__ = ["SIMULATOR", "PayloadRows", "SuccessFactorsSimulator"]

SIMULATOR = SuccessFactorsSimulator
