from django.db import connection


def ensure_connection() -> None:
    """Go on with a connection that works: this thread's may be older than the server that it leads to."""
    if connection.connection is not None and not connection.is_usable():
        connection.close()
