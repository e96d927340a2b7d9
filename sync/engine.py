"""Runs a synchronisation: asks the connector for each model, stores what it hands back, says how it went."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.db import connection, transaction
from structlog.contextvars import bound_contextvars

from connectors import registry
from connectors.base import Connector, Deletions, Window
from connectors.errors import BadCredentials, ConnectorError, PlatformUnavailable, RateLimited
from connectors.http import Traffic
from connectors.records import Fetched, Gap, Record, Unreadable
from linked_accounts.models import LinkedAccount
from sync.ingest import Counts, Ingest
from sync.models import MAX_PROBLEMS, ModelSync, Result, SyncRun
from sync.resources import LISTED, Resource
from sync.state import NotLinkedError, database_now, fail_abandoned, recover, sync_lock
from sync.unseen import Unseen

logger = logging.getLogger(__name__)

BATCH_SIZE = 500
ENDS_THE_SYNC = (BadCredentials, RateLimited, PlatformUnavailable)  # no other model would fare better


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the sync of one model is. `result` is None until it ended."""

    model_name: str
    counts: Counts
    requests: int
    waited_seconds: float
    result: Result | None


@dataclass(kw_only=True)
class Listing:
    """One model's part of a sync."""

    resource: Resource
    model_sync: ModelSync
    window: Window
    lists_everything: bool
    before: Traffic | None = None  # the connector's traffic when the listing began,
    after: Traffic | None = None  # and when it had been read
    problems: list[dict[str, Any]] = field(default_factory=list)
    failure: str | None = None
    reason: ModelSync.Reason | None = None
    was_read: bool = False
    has_ended: bool = False

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def result(self) -> Result:
        if self.failure is not None:
            return Result.FAILED
        return Result.PARTIALLY_SYNCED if self.problems else Result.DONE

    def note(self, reason: str, *, model_name: str | None = None, remote_id: str | None = None) -> None:
        if model_name not in (None, self.name):
            reason = f"{model_name}: {reason}"
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append({"remote_id": remote_id and _printable(remote_id), "reason": _printable(reason)})

    def fail(self, error: BaseException) -> None:
        if isinstance(error, ConnectorError):
            self.failure = _printable(f"{type(error).__name__}: {error}")
        else:  # its message may hold anything
            self.failure = f"{type(error).__name__}: the log says more."
        if isinstance(error, RateLimited):
            self.reason = ModelSync.Reason.RATE_LIMITED
        self.problems.insert(0, {"remote_id": None, "reason": self.failure})


def synchronise(
    account: LinkedAccount, *, full: bool = False, on_progress: Callable[[Progress], None] = lambda progress: None
) -> SyncRun:
    """Bring the account's records up to the platform's, and return how it went. Not to be called inside a transaction.

    Asks for everything if `full`, else for what changed; for a model that was never read to its end, for everything.
    Trouble with the platform is no exception but a result. Raises NotLinkedError, SyncInProgressError, and what nobody
    foresaw, which is logged and ends the run as failed.
    """
    if account.platform not in registry.connectors():
        raise NotLinkedError(f"Nothing here connects to {account.platform}.")
    if account.status in (LinkedAccount.Status.INCOMPLETE, LinkedAccount.Status.RELINK_NEEDED):
        raise NotLinkedError(f"{account} has to be linked first. {account.status_detail or ''}".strip())
    with sync_lock(account):
        fail_abandoned(account)
        return _Sync(account, full=full, on_progress=on_progress).run()


class _Sync:
    def __init__(self, account: LinkedAccount, *, full: bool, on_progress: Callable[[Progress], None]) -> None:
        self.account = account
        self.on_progress = on_progress
        self.ingest = Ingest(account.id)
        self.traffic = Traffic()
        self.uncertain: set[str] = set()  # models of which something was listed that nobody can tell the id of
        self.listings: list[Listing] = []
        started_at = database_now()
        with transaction.atomic():
            for resource in LISTED:
                model_sync, _ = ModelSync.objects.get_or_create(linked_account=account, model_name=resource.name)
                support = account.connector_class.models.get(resource.name)
                if support is None:
                    model_sync.disable()
                    continue
                model_sync.start(started_at)
                since = None if full else model_sync.data_fresh_as_of
                self.listings.append(
                    Listing(
                        resource=resource,
                        model_sync=model_sync,
                        window=Window(since=since, started_at=started_at),
                        lists_everything=support.lists_everything,
                    )
                )
            self.sync_run = SyncRun.objects.create(
                linked_account=account,
                is_full=all(listing.window.is_full for listing in self.listings),
                started_at=started_at,
            )

    def run(self) -> SyncRun:
        with bound_contextvars(linked_account_id=str(self.account.id), sync_run_id=str(self.sync_run.id)):
            try:
                self._list_all()
            except BaseException as error:
                self._break_off(error)
                raise
            self._conclude()
        return self.sync_run

    def _list_all(self) -> None:
        complete = [one.resource for one in self.listings if one.window.is_full and one.lists_everything]
        with Unseen(self.account.id, complete) as unseen:
            try:
                with self.account.connect() as connector:
                    self.traffic = connector.traffic
                    for listing in self.listings:
                        self._list(listing, connector, unseen)
            except ConnectorError as error:
                for listing in self.listings:
                    if not listing.was_read and not listing.has_ended:
                        listing.fail(error)
                if isinstance(error, BadCredentials):
                    self.account.mark_relink_needed(_printable(str(error)))
            # Only now, as records may also come along when other models are listed.
            for listing in self.listings:
                if not listing.has_ended:
                    if listing.was_read and listing.name not in self.uncertain:
                        self.ingest.counts[listing.name].deleted = unseen.mark_deleted(listing.resource)
                    self._end(listing)

    def _list(self, listing: Listing, connector: Connector, unseen: Unseen) -> None:
        """Store what one listing holds, as far as it goes. Raises ConnectorError where other models need no trying."""
        listing.model_sync.explain(None)
        listing.before = self.traffic.copy()
        self._report(listing)
        batch: list[Fetched] = []
        try:
            for entry in listing.resource.listing(connector, listing.window):
                batch.append(entry)
                if len(batch) == BATCH_SIZE:
                    self._take(batch, listing, unseen)
                    batch = []
        except ENDS_THE_SYNC:
            self._take(batch, listing, unseen)
            raise
        except ConnectorError as error:
            listing.fail(error)
        else:
            listing.was_read = True
        self._take(batch, listing, unseen)
        listing.after = self.traffic.copy()
        if listing.was_read and unseen.watches(listing.resource):
            listing.model_sync.explain(ModelSync.Reason.WAITING_ON_OTHER_MODELS)
        else:
            self._end(listing)

    def _take(self, batch: Sequence[Fetched], listing: Listing, unseen: Unseen) -> None:
        records: list[Record] = []
        for entry in batch:
            match entry:
                case Record():
                    records.append(entry)
                case Unreadable():
                    self._note(listing, entry.reason, model_name=entry.model_name, remote_id=entry.remote_id)
                    if not entry.remote_id:
                        self.uncertain.add(entry.model_name)
                case Gap():
                    self._note(listing, entry.reason)
        unseen.see(batch)
        for problem in self.ingest.store(records):
            self._note(listing, problem.reason, model_name=problem.model_name, remote_id=problem.remote_id)
        self._report(listing)

    def _note(self, listing: Listing, reason: str, **about: str | None) -> None:
        listing.note(reason, **about)
        self.ingest.counts[listing.name].problems += 1

    def _end(self, listing: Listing) -> None:
        listing.model_sync.finish(
            listing.result,
            at=database_now(),
            was_full=listing.window.is_full,
            problems=listing.problems,
            reason=listing.reason,
        )
        listing.has_ended = True
        self._report(listing)

    def _report(self, listing: Listing) -> None:
        now = listing.after or self.traffic
        before = listing.before or now
        self.on_progress(
            Progress(
                model_name=listing.name,
                counts=replace(self.ingest.counts[listing.name]),
                requests=now.requests - before.requests,
                waited_seconds=now.waited_seconds - before.waited_seconds,
                result=listing.result if listing.has_ended else None,
            )
        )

    def _break_off(self, error: BaseException) -> None:
        """End the run as failed. What cannot be written down now is ended by the next who looks: see state.recover."""
        if isinstance(error, Exception):
            logger.exception("Sync broke off")
        else:
            logger.warning("Sync was interrupted")
        if not connection.is_usable():
            connection.close()
            recover(self.account)
        elif LinkedAccount.objects.filter(id=self.account.id).exists():  # else it was deleted meanwhile
            for listing in self.listings:
                if not listing.has_ended:
                    listing.fail(error)
                    self._end(listing)
            self._conclude()

    def _conclude(self) -> None:
        self.sync_run.finish(
            Result.worst(listing.result for listing in self.listings),
            at=database_now(),
            error="\n".join(f"{one.name}: {one.failure}" for one in self.listings if one.failure) or None,
            traffic=self.traffic,
            counts={name: asdict(counts) for name, counts in self.ingest.counts.items()},
        )


def _printable(text: str) -> str:
    """Return text that PostgreSQL takes, of bearable length."""
    return text[:1000].replace("\0", "\ufffd").encode("utf-8", "replace").decode()
