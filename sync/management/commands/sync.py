import sys
from json import dumps
from typing import Any, TextIO, cast
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from linked_accounts.models import LinkedAccount
from sync.engine import synchronise
from sync.garbage import search_seldom
from sync.management.progress import watch
from sync.models import ModelSync, Result, SyncRun
from sync.state import SyncError

EXIT_CODES = {Result.DONE: 0, Result.PARTIALLY_SYNCED: 2, Result.FAILED: 1}
SHOWN_PROBLEMS = 10  # of each model; all are kept in the database


class Command(BaseCommand):
    help = (
        "Synchronise linked accounts now, one after the other. Ends with 0 if all went well, with 2 if records or "
        "parts of them are missing, with 1 if a model or an account failed."
    )

    def run_from_argv(self, argv: list[str]) -> None:
        search_seldom()  # the process is ours: not so where other code calls the command
        super().run_from_argv(argv)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--account", metavar="ID", action="append", dest="ids", default=[], help="which account; may be repeated"
        )
        parser.add_argument("--all", action="store_true", help="every account that was linked and is not idle")
        parser.add_argument("--full", action="store_true", help="ask for everything, and find what was deleted")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object in the end; progress goes to standard error"
        )

    def handle(self, *, ids: list[str], full: bool, json: bool, **options: Any) -> None:
        accounts = _accounts(ids, everyone=options["all"])
        # Not Django's wrapper but what it wraps: rich ends its lines itself.
        stream = cast(TextIO, (self.stderr if json else self.stdout)._out)
        reports = [_synchronise(account, full=full, stream=stream) for account in accounts]
        result = Result.worst(report["result"] for report in reports)
        if json:
            self.stdout.write(dumps({"result": result, "accounts": reports}))
        elif not reports:
            self.stdout.write("There is no linked account.")
        else:
            for report in reports:
                self._print(report)
        if EXIT_CODES[result]:
            sys.exit(EXIT_CODES[result])

    def _print(self, report: dict[str, Any]) -> None:
        self.stdout.write(f"{report['name']} ({report['account']}): {report['result']}")
        if not report["models"] and report["error"]:
            self.stdout.write(f"  {report['error']}")
        for model in report["models"]:
            for problem in model["problems"][:SHOWN_PROBLEMS]:
                about = f" {problem['remote_id']}" if problem["remote_id"] else ""
                self.stdout.write(f"  {model['model_name']}{about}: {problem['reason']}")
            if (more := len(model["problems"]) - SHOWN_PROBLEMS) > 0:
                self.stdout.write(f"  {model['model_name']}: and {more} more")


def _accounts(ids: list[str], *, everyone: bool) -> list[LinkedAccount]:
    if everyone == bool(ids):
        raise CommandError("Say which accounts: either --account ID, which may be repeated, or --all.")
    if everyone:
        # Those that have to be linked anew as well: they fail, which should not go unheard.
        statuses = [LinkedAccount.Status.COMPLETE, LinkedAccount.Status.RELINK_NEEDED]
        return list(LinkedAccount.objects.filter(status__in=statuses).order_by("created_at"))
    accounts = []
    for text in dict.fromkeys(ids):
        try:
            accounts.append(LinkedAccount.objects.get(id=UUID(text)))
        except (ValueError, LinkedAccount.DoesNotExist) as error:
            raise CommandError(f"There is no linked account {text}.") from error
    return accounts


def _synchronise(account: LinkedAccount, *, full: bool, stream: TextIO) -> dict[str, Any]:
    """Return how it went, for people and as JSON; trouble with one account leaves the others alone."""
    name = account.end_user_organization_name
    try:
        with watch(stream, name) as on_progress:
            run = synchronise(account, full=full, on_progress=on_progress)
    except SyncError as error:
        return _failure(account, str(error))
    except Exception as error:
        return _failure(account, f"{type(error).__name__}: the log says more.")
    return {
        "account": str(account.id),
        "name": name,
        "run": str(run.id),
        "is_full": run.is_full,
        "result": run.result,
        "error": run.error,
        "requests": run.requests,
        "waited_seconds": run.waited_seconds,
        "models": [_model(model_sync, run) for model_sync in _latest(run)],
    }


def _failure(account: LinkedAccount, error: str) -> dict[str, Any]:
    name = account.end_user_organization_name
    return {"account": str(account.id), "name": name, "result": Result.FAILED, "error": error, "models": []}


def _latest(run: SyncRun) -> list[ModelSync]:
    """Return the models that took part in the run."""
    found = ModelSync.objects.filter(linked_account=run.linked_account_id, last_sync_start=run.started_at)
    return list(found.order_by("id"))


def _model(model_sync: ModelSync, run: SyncRun) -> dict[str, Any]:
    return {
        "model_name": model_sync.model_name,
        "result": model_sync.last_sync_result,
        "sync_status_reason": model_sync.sync_status_reason,
        "counts": run.counts.get(model_sync.model_name),
        "problems": model_sync.problems,
    }
