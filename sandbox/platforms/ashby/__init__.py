from sandbox.platforms.ashby.rows import PayloadRows, ashby_id
from sandbox.platforms.ashby.simulator import AshbySimulator

__all__ = ["SIMULATOR", "AshbySimulator", "PayloadRows", "ashby_id"]

SIMULATOR = AshbySimulator
