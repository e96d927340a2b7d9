import os
import signal
import sys
import threading
from argparse import SUPPRESS
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection

from sync.garbage import search_seldom
from sync.jobs import Worker
from webhooks.deliverer import Deliverer


class Command(BaseCommand):
    help = (
        "Synchronise linked accounts when they are due, and what platforms report in between; make the calls to "
        "platforms that can wait; deliver webhooks. Any number of workers, on any number of machines, share the work. "
        "Stop it with Ctrl-C or SIGTERM: running syncs end after their batch, and are taken up again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        default = 4 * (os.cpu_count() or 1)  # they mostly wait for platforms
        parser.add_argument(
            "--concurrency", type=int, default=default, help="accounts at a time (default here: %(default)s)"
        )

        # Of a worker that another process runs: however that ends, it takes the pipe along.
        parser.add_argument("--while-stdin-is-open", action="store_true", help=SUPPRESS)

    def handle(self, *, concurrency: int, while_stdin_is_open: bool, **options: Any) -> None:
        if concurrency < 1:
            raise CommandError("--concurrency: at least 1")
        worker, deliverer = Worker(concurrency=concurrency), Deliverer()

        def stop(*_: object) -> None:
            worker.stop()
            deliverer.stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        if while_stdin_is_open:
            threading.Thread(target=_call_at_the_end_of_stdin, args=(stop,), daemon=True).start()
        with suppress(OperationalError):
            connection.ensure_connection()  # by which an embedded server starts, if none runs: at the usual priority
        connection.close()  # each thread has its own
        os.nice(settings.WORKER_NICENESS)
        search_seldom()
        delivering = threading.Thread(target=deliverer.run, name="deliverer")
        delivering.start()
        worker.run()
        deliverer.stop()
        delivering.join()


def _call_at_the_end_of_stdin(stop: Callable[[], None]) -> None:
    sys.stdin.read()
    stop()
