from sandbox.platforms.workday.rows import PayloadRows, wid
from sandbox.platforms.workday.simulator import WorkdaySimulator

__all__ = ["SIMULATOR", "PayloadRows", "WorkdaySimulator", "wid"]

SIMULATOR = WorkdaySimulator
