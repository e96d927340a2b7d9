from collections.abc import Callable
from time import monotonic, sleep


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        sleep(0.02)
