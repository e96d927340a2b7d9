from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from connectors.support_matrix import document


class Command(BaseCommand):
    help = "Write down in Markdown what each platform supports, and what a customer has to set up there."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--file", type=Path, help="where to write it (default: standard output)")

    def handle(self, *, file: Path | None, **options: Any) -> None:
        if file is None:
            self.stdout.write(document(), ending="")
        else:
            file.write_text(document(), encoding="utf-8")
