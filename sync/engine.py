"""Runs a synchronisation: asks the connector for each model, stores what it hands back, says how it went."""

import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from structlog.contextvars import bound_contextvars

from connectors import registry
from connectors.base import Connector, Deletions, ModelSupport, Window
from connectors.errors import (
    BadCredentials,
    ChangesUnknown,
    ConnectorError,
    MissingPermission,
    PlatformUnavailable,
    RateLimited,
)
from connectors.http import Traffic
from connectors.records import Checkpoint, Fetched, Gap, Gone, Record, Resumed, Unreadable, Whole
from connectors.stored import Stored
from connectors.webhooks import Hint
from linked_accounts.models import LinkedAccount
from linked_accounts.scopes import permissions
from sync import tables
from sync.ingest import Counts, Ingest, Problem, promise
from sync.models import MAX_PROBLEMS, Issue, ModelSync, Result, Schedule, SyncRun
from sync.pending import arrived
from sync.reading import ReadAhead
from sync.resources import BY_NAME, LISTED, Resource
from sync.signals import account_synced, model_synced
from sync.stamps import Stamps, database_now
from sync.state import NotLinkedError, SyncCancelledError, fail_abandoned, recover, sync_lock
from sync.stored import StoredRecords
from sync.unseen import Unseen

logger = logging.getLogger(__name__)

KEEP_RUNS = timedelta(days=90)
RECORD_TROUBLE = "Unreadable records"
TROUBLE = (
    (BadCredentials, "Invalid Login Credentials"),
    (MissingPermission, "Missing Permissions"),
    (PlatformUnavailable, "Third-party offline"),
)
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
    support: ModelSupport
    model_sync: ModelSync
    window: Window
    before: Traffic | None = None  # the connector's traffic when the listing began,
    after: Traffic | None = None  # and when it had been read
    problems: list[dict[str, Any]] = field(default_factory=list)
    failure: str | None = None
    incidents: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # by kind of trouble
    reason: ModelSync.Reason | None = None
    resumed: Resumed | None = None
    has_gap: bool = False
    was_read: bool = False
    has_ended: bool = False

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def lists_everything(self) -> bool:
        """Whether a record that the listing does not hold was deleted."""
        match self.support.deletions:
            case Deletions.EVERY_SYNC:
                return self.resumed is None
            case Deletions.FULL_SYNC:
                return self.resumed is None and self.window.is_full
        return False

    @property
    def result(self) -> Result:
        if self.failure is not None:
            return Result.FAILED
        return Result.PARTIALLY_SYNCED if self.problems else Result.DONE

    def note(self, reason: str, *, model_name: str | None = None, remote_id: str | None = None) -> None:
        if model_name not in (None, self.name):
            reason = f"{model_name}: {reason}"
        if len(self.problems) < MAX_PROBLEMS:
            about = remote_id and _printable(remote_id)
            self.problems.append({"remote_id": about, "reason": _printable(reason)})
            self.incidents[RECORD_TROUBLE].append(f"{self.name} {about or ''}: {_printable(reason)}".replace(" :", ":"))

    def fail(self, error: BaseException) -> None:
        if isinstance(error, ConnectorError | SyncCancelledError):
            self.failure = _printable(f"{type(error).__name__}: {error}")
        else:  # its message may hold anything
            self.failure = f"{type(error).__name__}: the log says more."
        if isinstance(error, RateLimited):
            self.reason = ModelSync.Reason.RATE_LIMITED
        self.problems.insert(0, {"remote_id": None, "reason": self.failure})
        if not isinstance(error, SyncCancelledError):
            self.incidents[_kind(error)].append(f"{self.name}: {self.failure}")


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


def refetch(account: LinkedAccount, hint: Hint) -> None:
    """Read anew what one hint says has changed, and store it. Watermarks and results of syncs stay as they are.

    Raises NotLinkedError and SyncInProgressError; trouble with the platform is logged, as the next sync will see the
    same.
    """
    if account.platform not in registry.connectors() or account.status != LinkedAccount.Status.COMPLETE:
        raise NotLinkedError(f"{account} has to be linked first.")
    with sync_lock(account):
        stored = StoredRecords(account.id)
        keeps = account.connector_class.keeps_unknown_references
        ingest = Ingest(account.id, stored=stored, keeps_unknown_references=keeps)
        now = database_now()
        entries: list[Fetched] = []
        try:
            with account.connect() as connector:
                for entry in connector.refetch(hint, Window(since=now, started_at=now, stored=stored)):
                    entries.append(entry)
        except ConnectorError as error:
            logger.warning("Hint about %s %s: %s", hint.subject, hint.remote_id, _printable(str(error)))
        store_entries(ingest, entries)


def store_written(account: LinkedAccount, entries: Iterable[Fetched], promised: Mapping[str, uuid.UUID]) -> None:
    """Store interviews that were written at the platform for somebody, some under ids that he was given before.

    `promised` holds those by remote id. Raises ValueError for what cannot be stored.
    """
    for remote_id, id in promised.items():
        promise(account.id, "ScheduledInterview", remote_id, id)
    ingest = Ingest(account.id, keeps_unknown_references=account.connector_class.keeps_unknown_references)
    if problems := store_entries(ingest, entries):
        raise ValueError(problems[0].reason)


def store_entries(ingest: Ingest, entries: Iterable[Fetched]) -> list[Problem]:
    """Store what was fetched, then delete what it says is gone, and return what cannot be stored."""
    wholes: list[Whole] = []
    gone: defaultdict[str, list[str]] = defaultdict(list)
    records: list[Record] = []
    for entry in entries:
        match entry:
            case Record():
                records.append(entry)
            case Whole():
                wholes.append(entry)
            case Gone():
                gone[entry.model_name].append(entry.remote_id)
    problems = ingest.store(records)
    for name, remote_ids in gone.items():
        ingest.mark_deleted(BY_NAME[name], [ingest.identities.key(name, remote_id) for remote_id in remote_ids])
    if wholes:
        ingest.mark_deleted(BY_NAME["ScheduledInterview"], ingest.stored.outside(wholes))
    return problems


class _Sync:
    def __init__(self, account: LinkedAccount, *, full: bool, on_progress: Callable[[Progress], None]) -> None:
        self.account = account
        self.on_progress = on_progress
        self.stamps = Stamps(account.id)
        self.stored = StoredRecords(account.id)
        self.ingest = Ingest(
            account.id,
            stamps=self.stamps,
            stored=self.stored,
            keeps_unknown_references=account.connector_class.keeps_unknown_references,
        )
        self.traffic = Traffic()
        self.uncertain: set[str] = set()  # models of which something was listed that nobody can tell the id of
        self.listings: list[Listing] = []
        self.was_initial = False  # whether a model is read for the first time
        self.started_at = database_now()
        with transaction.atomic():
            for resource in LISTED:
                model_sync, _ = ModelSync.objects.get_or_create(linked_account=account, model_name=resource.name)
                support = account.connector_class.models.get(resource.name)
                if support is None or not permissions(account, resource.name).can_read:
                    model_sync.disable()
                    continue
                since = None if full else model_sync.fresh_as_of(self.started_at)
                model_sync.start(self.started_at)
                window = Window(since=since, started_at=self.started_at, state=model_sync.state, stored=self.stored)
                self.was_initial |= model_sync.is_initial_sync
                self.listings.append(Listing(resource=resource, support=support, model_sync=model_sync, window=window))
            self._widen()
            # What it stored may not have been taken note of.
            self.was_broken_off = (
                account.sync_runs.order_by("started_at").values_list("result", flat=True).last() == Result.FAILED
            )
            self.sync_run = SyncRun.objects.create(
                linked_account=account,
                is_full=all(listing.window.is_full for listing in self.listings),
                started_at=self.started_at,
            )

    def _widen(self) -> None:
        """Ask for everything as well where records of a model come along that is asked for everything."""
        for listing in [one for one in self.listings if one.window.is_full]:
            for other in self.listings:
                if other.name in listing.support.told_by:
                    other.window = replace(other.window, since=None)

    def run(self) -> SyncRun:
        with bound_contextvars(linked_account_id=str(self.account.id), sync_run_id=str(self.sync_run.id)):
            try:
                self._list_all()
            except BaseException as error:
                self._break_off(error)
                raise
            if self.was_initial:
                tables.analyse_grown({name: counts.new for name, counts in self.ingest.counts.items()})
            self._conclude()
        return self.sync_run

    def _list_all(self) -> None:
        with Unseen(self.ingest.identities, [one.resource for one in self.listings if one.lists_everything]) as unseen:
            try:
                with self.account.connect() as connector:
                    self.traffic = connector.traffic
                    # One after the other: what a connector tells in one may depend on what those before have told and
                    # found missing, and whether it is asked at all on how they ended.
                    for listing in self.listings:
                        self._list(listing, connector, unseen)
                        self._settle()
            except ConnectorError as error:
                for listing in self.listings:
                    if not listing.was_read and not listing.has_ended:
                        listing.fail(error)
                if isinstance(error, BadCredentials):
                    self.account.mark_relink_needed(_printable(str(error)))
            self._take_up_arrived()
            # Only now, as records may also come along when other models are listed.
            for listing in self.listings:
                if not listing.has_ended:
                    if self._may_delete(listing):
                        for keys in unseen.chunks(listing.resource):
                            self.ingest.mark_deleted(listing.resource, keys)
                    self._end(listing)
            self.stored.listed.clear()
            self.stored.complete.clear()

    def _list(self, listing: Listing, connector: Connector, unseen: Unseen) -> None:
        """Store what one listing holds, as far as it goes. Raises ConnectorError where other models need no trying."""
        listing.model_sync.explain(None)
        listing.before = self.traffic.copy()
        self._report(listing)
        try:
            try:
                self._read(listing, connector, unseen)
            except ChangesUnknown:
                listing.window = replace(listing.window, since=None, state={})
                if listing.lists_everything:
                    unseen.watch(listing.resource)
                self._read(listing, connector, unseen)
        except ENDS_THE_SYNC:
            raise
        except ConnectorError as error:
            listing.fail(error)
        else:
            listing.was_read = True
        listing.after = self.traffic.copy()
        is_told_by_others = any(one.name in listing.support.told_by and not one.was_read for one in self.listings)
        if listing.was_read and (unseen.watches(listing.resource) or is_told_by_others):
            listing.model_sync.explain(ModelSync.Reason.WAITING_ON_OTHER_MODELS)
        else:
            self._end(listing)

    def _read(self, listing: Listing, connector: Connector, unseen: Unseen) -> None:
        window = listing.window

        def list_entries(stored: Stored) -> Iterable[Fetched]:
            return listing.resource.listing(connector, replace(window, stored=stored))

        with ReadAhead(list_entries, self.stored, self.ingest.prepare) as batches:
            for batch in batches:
                self._take(batch, listing, unseen)

    def _take(self, batch: Sequence[Fetched], listing: Listing, unseen: Unseen) -> None:
        checkpoint: Checkpoint | None = None
        for entry in batch:
            match entry:
                case Unreadable():
                    self._note(listing, entry.reason, model_name=entry.model_name, remote_id=entry.remote_id)
                    if not entry.remote_id:
                        self.uncertain.add(entry.model_name)
                case Gap():
                    listing.has_gap = True
                    self._note(listing, entry.reason)
                case Checkpoint():
                    checkpoint = entry
                case Resumed():
                    listing.resumed = entry
        unseen.see(batch)
        for problem in store_entries(self.ingest, batch):
            self._note(listing, problem.reason, model_name=problem.model_name, remote_id=problem.remote_id)
        if checkpoint is not None:
            listing.model_sync.keep(checkpoint.state)
        self._report(listing)

    def _is_complete(self, listing: Listing) -> bool:
        """Whether what is unseen of a model was deleted: each listing that tells of it was read, from end to end."""
        tellers = [listing, *(one for one in self.listings if one.name in listing.support.told_by)]
        return (
            listing.lists_everything
            and listing.name not in self.uncertain
            and len(tellers) == 1 + len(listing.support.told_by)  # none of them is switched off
            and all(one.was_read and one.resumed is None for one in tellers)
        )

    def _may_delete(self, listing: Listing) -> bool:
        if self.account.connector_class.deletions_need_all_listings and not all(one.was_read for one in self.listings):
            return False
        return self._is_complete(listing)

    def _needs_no_full_sync(self, listing: Listing) -> bool:
        return listing.support.deletions is Deletions.NEVER and listing.window.is_full

    def _settle(self) -> None:
        """Let nobody refer to what turns out to be missing: it is marked as deleted only in the end."""
        self.stored.listed |= {one.name for one in self.listings if one.was_read and one.lists_everything}
        complete = {one.name for one in self.listings if self._is_complete(one)}
        if complete != self.stored.complete:
            self.stored.complete |= complete
            self.ingest.forget_present()

    def _take_up_arrived(self) -> None:
        """Store anew what referred to records that arrived only now."""
        if self.ingest.keeps_unknown_references:
            return
        has_arrivals = any(counts.new or counts.changed for counts in self.ingest.counts.values())  # or returns
        if not self.was_broken_off and not has_arrivals:
            return
        counts = {name: replace(counts) for name, counts in self.ingest.counts.items()}
        for records in arrived(self.account.id):
            self.ingest.store(records)
        for name, before in counts.items():  # they were not read from the platform
            self.ingest.counts[name].records = before.records

    def _note(self, listing: Listing, reason: str, **about: str | None) -> None:
        listing.note(reason, **about)
        self.ingest.counts[listing.name].problems += 1

    def _end(self, listing: Listing) -> None:
        model_sync, was_initial = listing.model_sync, listing.model_sync.is_initial_sync
        with transaction.atomic():
            model_sync.finish(
                listing.result,
                at=self._end_time(),
                was_full=listing.window.is_full,
                listed_everything=self._is_complete(listing) or self._needs_no_full_sync(listing),
                fresh_as_of=listing.resumed.started_at if listing.resumed else None,
                has_gap=listing.has_gap,
                problems=listing.problems,
                reason=listing.reason,
            )
            model_synced.send(_Sync, model_sync=model_sync, was_initial=was_initial)
        listing.has_ended = True
        self._report(listing)

    def _end_time(self) -> datetime:
        """Return now, or the last stamp of a row if that is still to come: what ended is not modified after its end.

        Nor did it end before it began, whatever became of the clock.
        """
        now = database_now()
        return max(now, self.started_at, self.stamps.latest or now)

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
        self.on_progress = lambda progress: None  # it may be what broke the sync off
        if isinstance(error, SyncCancelledError):
            logger.info("Sync was cancelled")
        elif isinstance(error, Exception):
            logger.exception("Sync broke off")
        else:
            logger.warning("Sync was interrupted")
        if not connection.is_usable():
            connection.close()
            recover(self.account)
        elif LinkedAccount.objects.present().filter(id=self.account.id).exists():  # else it was deleted meanwhile
            for listing in self.listings:
                if not listing.has_ended:
                    listing.fail(error)
                    self._end(listing)
            self._conclude()

    @transaction.atomic
    def _conclude(self) -> None:
        self.sync_run.finish(
            Result.worst(listing.result for listing in self.listings),
            at=self._end_time(),
            error="\n".join(f"{one.name}: {one.failure}" for one in self.listings if one.failure) or None,
            traffic=self.traffic,
            counts={name: asdict(counts) for name, counts in self.ingest.counts.items()},
        )
        incidents: defaultdict[str, list[str]] = defaultdict(list)
        for listing in self.listings:
            for kind, details in listing.incidents.items():
                incidents[kind] += details
        Issue.objects.report(self.account, database_now(), incidents)
        schedule, _ = Schedule.objects.select_for_update().get_or_create(linked_account=self.account)
        is_of_one_piece = self.ingest.mappings.hold() and not any(one.resumed for one in self.listings)
        schedule.plan(self.sync_run, is_of_one_piece=is_of_one_piece)
        account_synced.send(_Sync, account=self.account, sync_run=self.sync_run, was_initial=self.was_initial)
        SyncRun.objects.filter(linked_account=self.account, started_at__lt=self.started_at - KEEP_RUNS).delete()


def _kind(error: BaseException) -> str:
    """Return the contract's word for a kind of trouble."""
    return next((kind for kinds, kind in TROUBLE if isinstance(error, kinds)), "API error")


def _printable(text: str) -> str:
    """Return text that PostgreSQL takes, of bearable length."""
    return text[:1000].replace("\0", "\ufffd").encode("utf-8", "replace").decode()
