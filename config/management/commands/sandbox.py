import signal
from contextlib import ExitStack
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.management.command_line import command_line
from connectors import registry
from sandbox.company import build_company
from sandbox.platforms import simulators
from sandbox.running import Platform, running


class Command(BaseCommand):
    help = (
        "Serve simulated platforms, each with an invented company of its own, and print how to link them and where to "
        "control them: change something there, or have something go wrong. Stop them with Ctrl-C or SIGTERM."
    )
    requires_system_checks = ()  # no part of the service takes part

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("platforms", metavar="PLATFORM", nargs="*", help="which, such as greenhouse (default: all)")
        parser.add_argument("--interviews", type=int, default=500, help="of each company (default: %(default)s)")
        parser.add_argument("--seed", type=int, default=1, help="another seed invents other companies")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument(
            "--port", type=int, default=8100, help="of the first; each other has the next (default: %(default)s)"
        )

    def handle(self, *, platforms: list[str], interviews: int, seed: int, host: str, port: int, **options: Any) -> None:
        slugs = chosen_platforms(platforms) or list(simulators())
        if interviews < 1:
            raise CommandError("--interviews: at least 1")
        if not 0 <= port <= 65536 - len(slugs):
            raise CommandError(f"--port: from 0 (any that are free) to {65536 - len(slugs)}")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with ExitStack() as stack:
                for position, slug in enumerate(slugs):
                    company = build_company(interviews=interviews, seed=seed)
                    own_port = port + position if port else 0
                    try:
                        platform = stack.enter_context(running(slug, company, host=host, port=own_port))
                    except OSError as error:
                        message = f"Cannot listen on {host}:{own_port} ({error}). Choose others with --port."
                        raise CommandError(message) from error
                    self.stdout.write(_introduction(platform))
                self.stdout.write("Stop with Ctrl-C.")
                self.stdout.flush()
                Event().wait()
        except KeyboardInterrupt:
            return


def chosen_platforms(slugs: list[str]) -> list[str]:
    """Return each once. Raises CommandError for a platform that is not simulated."""
    if unknown := [slug for slug in slugs if slug not in simulators()]:
        raise CommandError(f"There is no simulated {', '.join(unknown)}; there are {', '.join(simulators())}.")
    return list(dict.fromkeys(slugs))


def _introduction(platform: Platform) -> str:
    lines = [registry.connector_class(platform.slug).name, f"  base_url: {platform.base_url}"]
    for name, value in platform.credentials.items():
        shown = f"in {platform.control_url}/credentials" if "\n" in value else value
        lines.append(f"  {name}: {shown}")
    lines += [f"  control: {platform.control_url}", "", _link_line(platform), "", ""]
    return "\n".join(lines)


def _link_line(platform: Platform) -> str:
    """Return a line for a shell that links an account. It asks for credentials that nobody can type, such as keys."""
    arguments = ["linkaccount", platform.slug, "--base-url", platform.base_url, "--end-user-organization", "Sandbox"]
    arguments += ["--end-user-origin-id", f"sandbox-{platform.slug}", "--end-user-email", "people@company.example"]
    if any("\n" in value for value in platform.credentials.values()):
        return f"curl -s {platform.control_url}/credentials | {command_line(*arguments, '--credentials-file', '-')}"
    for name, value in platform.credentials.items():
        arguments += ["--credential", f"{name}={value}"]
    return command_line(*arguments)
