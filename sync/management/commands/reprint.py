from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from sync.reprinting import reprint


class Command(BaseCommand):
    help = (
        "Print the stored JSON of records anew after an upgrade that changed its shape. Until then such records are "
        "answered all the same, at the cost of printing them each time. Can be stopped, started again, and run beside "
        "everything else."
    )

    def handle(self, **options: Any) -> None:
        counts: Counter[str] = Counter()
        for model_name, count in reprint():
            counts[model_name] += count
            if counts[model_name] // 100_000 > (counts[model_name] - count) // 100_000:
                self.stdout.write(f"{model_name}: {counts[model_name]:,}")
        for model_name, total in counts.items():
            self.stdout.write(f"{model_name}: {total:,} printed")
        if not counts:
            self.stdout.write("Nothing to print.")
