"""What workers do. All that knows of procrastinate, whose queue is a table of ours, is here, but for an admin page.

A job names its account and nothing more: what is to be done is looked up when it runs, so that a job that is repeated
does no harm, and several requests for the same need but one.
"""

import asyncio
import logging
import math
import threading
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from procrastinate import JobContext, RetryDecision, RetryStrategy
from procrastinate.contrib.django import DjangoApp, app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.job_context import AbortReason
from procrastinate.jobs import DeleteJobCondition, Job

from connectors.webhooks import Hint, Subject
from linked_accounts.models import LinkedAccount
from linked_accounts.signals import housekeeping
from sync.engine import Progress, refetch, synchronise
from sync.models import Schedule, SyncRun
from sync.stamps import database_now
from sync.state import NotLinkedError, SyncCancelledError, SyncInProgressError, recover
from unified.database import ensure_connection

logger = logging.getLogger(__name__)

FIRST, HINTED, REGULAR = 10, 5, 0  # priorities; a first sync is what somebody waits for
BUSY_SECONDS = 5  # how long to stay away from an account that another process synchronises
CALLS_AT_A_TIME = 4  # calls to platforms that somebody waits for
KEEP_FAILED_HOURS = 14 * 24
FORGET_EVERY_SECONDS = 60 * 60
GRACE_SECONDS = 10.0  # what a worker that is told to stop gives its jobs to end by themselves


class _Again(RetryStrategy):
    """When to try again what nobody foresaw. Trouble with the platform is a result of the sync, known to its schedule.

    That the database went away is no fault of the job: it is tried again soon, however often that happens.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if _is_lost_database(exception):
            return RetryDecision(retry_at=timezone.now() + timedelta(seconds=settings.WORKER_HEARTBEAT_SECONDS))
        return super().get_retry_decision(exception=exception, job=job)


UNFORESEEN = _Again(max_attempts=5, exponential_wait=4)


def queue_sync(account: LinkedAccount, *, full: bool = False) -> None:
    """Have a worker synchronise the account, as soon as one is free; a queued sync is not queued again.

    Nothing is queued for an account whose syncs are switched off; that it wants a full one is remembered.
    """
    with transaction.atomic():
        schedule, _ = Schedule.objects.select_for_update().get_or_create(linked_account=account)
        if full:
            schedule.full_wanted_at = database_now()
        if schedule.are_syncs_disabled:
            schedule.save()
            return
        # The sync itself says when the next one is due; this is for the case that it never comes to that.
        schedule.next_sync_at = database_now() + schedule.usual_interval
        schedule.save()
        is_first = not SyncRun.objects.filter(linked_account=account, result__isnull=False).exists()
        _defer(sync_account, account.id, lock=_lock(account.id), priority=FIRST if is_first else REGULAR)


def queue_hint(account: LinkedAccount, hint: Hint) -> None:
    """Have a worker read anew what a platform says has changed."""
    if hint.subject in (Subject.CHANGES, Subject.EVERYTHING):
        queue_sync(account, full=hint.subject is Subject.EVERYTHING)
        return
    _defer_hint(account.id, hint.subject, hint.remote_id)


def queue_due() -> int:
    """Queue what the schedules say, and return for how many accounts."""
    due = list(Schedule.objects.due(database_now()).select_related("linked_account"))
    for schedule in due:
        queue_sync(schedule.linked_account)
    return len(due)


def cancel(account: LinkedAccount) -> None:
    """Take back the account's queued jobs, and have a running sync end after its batch."""
    jobs = ProcrastinateJob.objects.filter(lock=_lock(account.id), status__in=["todo", "doing"])
    for job_id in jobs.values_list("id", flat=True):
        app.job_manager.cancel_job_by_id(job_id, abort=True, delete_job=True)


def forget_jobs(account: LinkedAccount) -> None:
    """Take back the account's jobs as `cancel` does, and forget those that failed."""
    cancel(account)
    with connection.cursor() as cursor:
        statement = "DELETE FROM procrastinate_jobs WHERE lock = %s AND status NOT IN ('todo', 'doing')"
        cursor.execute(statement, [_lock(account.id)])


def is_queued(account: LinkedAccount) -> bool:
    """Whether a sync of the account waits for a worker."""
    return ProcrastinateJob.objects.filter(queueing_lock=_lock(account.id), status="todo").exists()


@app.task(name="sync.account", queue="sync", pass_context=True, retry=UNFORESEEN)
def sync_account(context: JobContext, account_id: str) -> None:
    ensure_connection()
    _leave_queue(context)
    account = _find(account_id)
    if account is None:
        return
    schedule, _ = Schedule.objects.get_or_create(linked_account=account)
    if schedule.are_syncs_disabled:  # since it was queued
        return

    def go_on(progress: Progress) -> None:
        if context.should_abort():
            raise SyncCancelledError("The sync was cancelled.")

    try:
        synchronise(account, full=schedule.is_full_due(database_now()), on_progress=go_on)
    except SyncInProgressError:
        _defer(sync_account, account.id, lock=_lock(account.id), priority=REGULAR, wait_seconds=BUSY_SECONDS)
    except SyncCancelledError as error:
        logger.info("Sync of %s: %s", account.id, error)
        if context.abort_reason() is AbortReason.SHUTDOWN:
            _defer(sync_account, account.id, lock=_lock(account.id), priority=REGULAR)
    except NotLinkedError as error:
        logger.info("Sync of %s: %s", account.id, error)


@app.task(name="sync.hint", queue="sync", pass_context=True, retry=UNFORESEEN)
def follow_hint(context: JobContext, account_id: str, subject: str, remote_id: str) -> None:
    ensure_connection()
    _leave_queue(context)
    account = _find(account_id)
    if account is None:
        return
    hint = Hint(subject=Subject(subject), remote_id=remote_id)
    try:
        refetch(account, hint)
    except SyncInProgressError:
        _defer_hint(account.id, hint.subject, remote_id, wait_seconds=BUSY_SECONDS)
    except (NotLinkedError, SyncCancelledError) as error:
        logger.info("Hint about %s: %s", account.id, error)


def _leave_queue(context: JobContext) -> None:
    """Have a job that failed go back to the queue even where the same was queued meanwhile.

    Left to itself it could not, and would hold the account's lock as if it were still being done.
    """
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET queueing_lock = NULL WHERE id = %s", [context.job.id])


class Worker:
    """Takes jobs until told to stop, several at a time. Goes on by itself when the database was away."""

    def __init__(self, *, concurrency: int) -> None:
        self.concurrency = concurrency
        self._stop = threading.Event()
        self._running: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        """Work in this thread until `stop` is called."""
        housekeeping = threading.Thread(target=self._keep_house, name="housekeeping", daemon=True)
        housekeeping.start()
        while not self._stop.is_set():
            try:
                asyncio.run(self._work())
            except Exception:
                logger.exception("The worker lost its queue and begins anew")
                self._stop.wait(1)
        housekeeping.join()

    def stop(self) -> None:
        """Take no more jobs, and have running syncs end after their batch, for the next worker. From any thread."""
        self._stop.set()
        if self._loop and self._running and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._running.cancel)

    async def _work(self) -> None:
        self._loop, self._running = asyncio.get_running_loop(), asyncio.current_task()
        if self._stop.is_set():
            return
        own = DjangoApp(connector=DjangoConnector().get_worker_connector())
        own.tasks = app.tasks  # what these queue goes through the connection, and the transaction, of their thread
        async with own.open_async():
            try:
                # Apart, so that calls that somebody waits for do not wait for syncs to end.
                async with asyncio.TaskGroup() as queues:
                    queues.create_task(self._take_jobs(own, "sync", self.concurrency))
                    queues.create_task(self._take_jobs(own, "calls", CALLS_AT_A_TIME))
            except asyncio.CancelledError:
                if not self._stop.is_set():
                    raise

    async def _take_jobs(self, own: DjangoApp, queue: str, concurrency: int) -> None:
        await own.run_worker_async(
            queues=[queue],
            concurrency=concurrency,
            install_signal_handlers=False,
            shutdown_graceful_timeout=GRACE_SECONDS,
            delete_jobs=DeleteJobCondition.SUCCESSFUL.value,
            # Nobody is told of jobs that are to be repeated.
            fetch_job_polling_interval=settings.WORKER_HEARTBEAT_SECONDS,
            update_heartbeat_interval=settings.WORKER_HEARTBEAT_SECONDS,
            stalled_worker_timeout=settings.WORKER_STALLED_SECONDS,
        )

    def _keep_house(self) -> None:
        """Queue what is due and take up what dead workers left, whatever the jobs are doing."""
        forgotten_at = -math.inf
        while not self._stop.wait(settings.WORKER_HEARTBEAT_SECONDS):
            try:
                take_up_abandoned()
                queue_due()
                if monotonic() - forgotten_at > FORGET_EVERY_SECONDS:
                    forget_old_jobs()
                    housekeeping.send(Worker)
                    forgotten_at = monotonic()
            except Exception as error:  # nobody else would do it
                if _is_lost_database(error):
                    logger.warning("Housekeeping: the database is away")
                else:
                    logger.exception("Housekeeping went wrong")
                connection.close()
        connection.close()


def forget_old_jobs() -> None:
    """Forget jobs that failed long ago; the others are forgotten as soon as they are done."""
    forget = async_to_sync(app.job_manager.delete_old_jobs)
    forget(nb_hours=KEEP_FAILED_HOURS, include_failed=True, include_cancelled=True, include_aborted=True)


def take_up_abandoned() -> int:
    """Have the jobs of dead workers done by others and return how many there were."""
    query = """
        SELECT id FROM procrastinate_jobs job WHERE status = 'doing' AND NOT EXISTS (
            SELECT FROM procrastinate_workers worker
            WHERE worker.id = job.worker_id AND worker.last_heartbeat > clock_timestamp() - %s * interval '1 second'
        )
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [settings.WORKER_STALLED_SECONDS])
        abandoned = [job_id for (job_id,) in cursor.fetchall()]
    return sum(map(_take_up, abandoned))


def _take_up(job_id: int) -> bool:
    """Queue an abandoned job anew and return whether nobody else did; forget it where the same is queued already."""
    with transaction.atomic():
        job = ProcrastinateJob.objects.select_for_update().filter(id=job_id, status="doing").first()
        if job is None:
            return False
        logger.warning("Job %s (%s) was left by a worker that is gone", job_id, job.task_name)
        try:
            with transaction.atomic():
                app.job_manager.retry_job_by_id(job_id, retry_at=database_now())
        except UniqueViolation:  # one of a kind is queued at a time
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [job_id])
    if (account_id := job.args.get("account_id")) and (account := _find(account_id)):
        recover(account)
    return True


def _defer(task: Any, account_id: UUID, *, lock: str, priority: int, wait_seconds: int = 0, **about: Any) -> None:
    deferrer = task.configure(
        lock=_lock(account_id),
        queueing_lock=lock,
        priority=priority,
        schedule_in={"seconds": wait_seconds} if wait_seconds else None,
    )
    try:
        with transaction.atomic():
            deferrer.defer(account_id=str(account_id), **about)
    except AlreadyEnqueued:
        pass


def _defer_hint(account_id: UUID, subject: Subject, remote_id: str | None, *, wait_seconds: int = 0) -> None:
    lock = f"{_lock(account_id)}/{subject}/{remote_id}"
    about: dict[str, Any] = {"subject": subject.value, "remote_id": remote_id}
    _defer(follow_hint, account_id, lock=lock, priority=HINTED, wait_seconds=wait_seconds, **about)


def _lock(account_id: UUID) -> str:
    return f"sync/{account_id}"


def _find(account_id: str) -> LinkedAccount | None:
    return LinkedAccount.objects.filter(id=account_id).first()


def _is_lost_database(error: BaseException) -> bool:
    """Whether the database, or the way to it, went away; all else that it says is about what was asked."""
    if not isinstance(error, OperationalError | InterfaceError | ConnectorException):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    # https://www.postgresql.org/docs/current/errcodes-appendix.html: connections, and what the operator does to them.
    return state is None or state.startswith(("08", "57P"))
