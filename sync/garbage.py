"""How processes that synchronise search for garbage."""

import gc

# Some syncs' records under way: payloads are dictionaries in dictionaries, and hold no cycles. Searched for after every
# 700, as usual, they take a fifth of a sync's time.
ALLOCATIONS = 100_000


def search_seldom() -> None:
    """Have Python look for cycles when there are so many objects more, and never again among those that are there."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, *gc.get_threshold()[1:])
