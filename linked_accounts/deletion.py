"""Removes accounts: what leads to one at once, its data in bounded transactions.

Whoever is interrupted leaves an account that is marked, and the next hour's housekeeping goes on with it. A sync that
is at work cannot add to it: see LinkedAccountQuerySet.hold.
"""

from collections.abc import Iterator
from time import monotonic
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db import OperationalError, connection, models, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from psycopg.sql import SQL, Identifier

from linked_accounts import audit
from linked_accounts.models import LinkedAccount, RequestCount, RequestPace
from linked_accounts.signals import account_deleted

CHUNK = 2000
AT_ONCE_SECONDS = 3.0  # of removing, while somebody waits for it


def delete_account(
    account: LinkedAccount,
    *,
    request: HttpRequest | None = None,
    user: AbstractBaseUser | AnonymousUser | None = None,
    at_once: bool = True,
) -> None:
    """Take an account out of everybody's sight, and remove all there is of it: what takes long, by a worker.

    Nothing is removed before the caller's transaction, if any, has ended. Does no harm to one that is deleted already.
    """
    with transaction.atomic():
        # Waits for transactions that write something of the account: they hold it.
        found = LinkedAccount.objects.present().select_for_update().filter(id=account.id).first()
        if found is not None:
            description = f"Linked account {found.id} at {found.integration_name}."
            account_deleted.send(LinkedAccount, account=found)
            audit.record(found.organization_id, "DELETED_LINKED_ACCOUNT", description, request=request, user=user)
            _forget_in_admin_log(found)
            found.disappear()
        transaction.on_commit(lambda: _erase_soon(account.id, at_once=at_once))


def _forget_in_admin_log(account: LinkedAccount) -> None:
    """Forget what was done on the account's pages, by the customer's name: the audit trail tells it by id."""
    about = ContentType.objects.get_for_model(LinkedAccount)
    LogEntry.objects.filter(content_type=about, object_id=str(account.id)).delete()


def _erase_soon(account_id: UUID, *, at_once: bool) -> None:
    from linked_accounts.jobs import queue_erasure

    try:
        is_done = at_once and erase(account_id, within_seconds=AT_ONCE_SECONDS)
    except OperationalError:  # a deadlock with somebody who was at work: nobody sees the account any more, so later
        is_done = False
    if not is_done:
        queue_erasure(account_id)


def erase(account_id: UUID, *, within_seconds: float | None = None) -> bool:
    """Remove all rows of an account that is marked as deleted. Returns whether that came to an end."""
    deadline = None if within_seconds is None else monotonic() + within_seconds
    for model, column in _owned():
        while _erase_chunk(model, column, account_id):
            if deadline is not None and monotonic() > deadline:
                return False
    with transaction.atomic():
        # From here on nobody can add anything: a row of the account would have to lock it.
        if LinkedAccount.objects.select_for_update().filter(id=account_id, deleted_at__isnull=False).exists():
            for model, column in _owned():
                while _erase_chunk(model, column, account_id):
                    pass
            with connection.cursor() as cursor:
                _delete(cursor, LinkedAccount, "id", [account_id])
    return True


def resume_deletions() -> None:
    """Have workers go on where somebody was interrupted, and forget what was counted of accounts after their end."""
    from linked_accounts.jobs import queue_erasure

    for account_id in LinkedAccount.objects.exclude(deleted_at=None).values_list("id", flat=True):
        queue_erasure(account_id)
    for counted in (RequestCount, RequestPace):  # whose foreign keys PostgreSQL does not enforce
        rows: models.QuerySet[Any] = counted._default_manager.all()
        rows.exclude(Exists(LinkedAccount.objects.filter(id=OuterRef("linked_account_id")))).delete()


def _owned() -> Iterator[tuple[type[models.Model], str]]:
    """Yield the models whose rows are an account's, each with the column that names it."""
    for relation in LinkedAccount._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ForeignObjectRel) and relation.related_model._meta.managed:
            yield relation.related_model, str(relation.field.column)


def _erase_chunk(model: type[models.Model], column: str, account_id: UUID) -> int:
    """Remove some rows with what hangs on them alone, and return how many."""
    key = str(model._meta.pk.column)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            SQL("SELECT {} FROM {} WHERE {} = %s LIMIT %s FOR UPDATE").format(
                Identifier(key), Identifier(model._meta.db_table), Identifier(column)
            ),
            [account_id, CHUNK],
        )
        keys = [found for (found,) in cursor.fetchall()]
        if keys:
            for side, reference in _sides(model):
                _delete(cursor, side, reference, keys)
            _delete(cursor, model, key, keys)
    return len(keys)


def _sides(model: type[models.Model]) -> Iterator[tuple[type[models.Model], str]]:
    """Yield the models whose rows hang on rows of this one: they name no account themselves, or cannot outlive it."""
    for relation in model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ForeignObjectRel):
            side: Any = relation.related_model
            reference: Any = relation.field
            names_account = any(field.related_model is LinkedAccount for field in side._meta.fields)
            if reference.db_constraint or not names_account:
                yield side, str(reference.column)


def _delete(cursor: CursorWrapper, model: type[models.Model], column: str, keys: list[Any]) -> None:
    statement = SQL("DELETE FROM {} WHERE {} = ANY(%s)")
    cursor.execute(statement.format(Identifier(model._meta.db_table), Identifier(column)), [keys])
