"""Prints rows anew whose texts are of another format than this version's, or that have none."""

from collections.abc import Iterator

from django.db import connection, transaction

from api.printing import FORMAT
from sync import tables
from sync.resources import RESOURCES, Resource

CHUNK = 1000
NOBODY = "00000000-0000-0000-0000-000000000000"


def reprint() -> Iterator[tuple[str, int]]:
    """Print chunk by chunk, each in a transaction of its own, and yield the model and how many rows there were.

    Whoever breaks off can begin anew: what is done is passed over. Rows that somebody else is writing are left to him.
    """
    for resource in RESOURCES:
        beyond: str | None = NOBODY
        while beyond is not None:
            count, beyond = _reprint_chunk(resource, beyond)
            if count:
                yield resource.name, count


def _reprint_chunk(resource: Resource, beyond: str) -> tuple[int, str | None]:
    """Return how many rows were printed, and the id after which to go on; None at the end."""
    rows = resource.model.objects.filter(id__gt=beyond).exclude(printed_format=FORMAT, printed__isnull=False)
    with transaction.atomic(), connection.cursor() as cursor:
        ids = list(
            rows.order_by("id").select_for_update(skip_locked=True, no_key=True).values_list("id", flat=True)[:CHUNK]
        )
        if ids:
            tables.rewrite(cursor, resource, {}, "t.id = ANY(%(ids)s)", {"ids": ids})
    return len(ids), str(ids[-1]) if len(ids) == CHUNK else None
