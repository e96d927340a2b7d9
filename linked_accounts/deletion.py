"""Removes accounts: what leads to one at once, its data in bounded transactions.

Whoever is interrupted leaves an account that is marked, and the next hour's housekeeping goes on with it.
"""

from collections.abc import Iterator
from time import monotonic
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper
from django.http import HttpRequest
from psycopg.sql import SQL, Identifier

from linked_accounts import audit
from linked_accounts.models import LinkedAccount
from linked_accounts.signals import account_deleted

CHUNK = 2000
AT_ONCE_SECONDS = 3.0  # of removing, while somebody waits for it


def delete_account(
    account: LinkedAccount,
    *,
    request: HttpRequest | None = None,
    user: AbstractBaseUser | AnonymousUser | None = None,
) -> None:
    """Take an account out of everybody's sight, and remove all there is of it: what takes long, by a worker."""
    from linked_accounts.jobs import erase_account

    with transaction.atomic():
        account = LinkedAccount.objects.select_for_update().get(id=account.id)
        if account.deleted_at is None:
            description = f"Linked account {account.id} at {account.integration_name}."
            account_deleted.send(LinkedAccount, account=account)
            audit.record(account.organization_id, "DELETED_LINKED_ACCOUNT", description, request=request, user=user)
            account.disappear()
    if not erase(account.id, within_seconds=AT_ONCE_SECONDS):
        erase_account.defer(account_id=str(account.id))


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


def erase_marked() -> None:
    """Go on where somebody was interrupted."""
    for account_id in LinkedAccount.objects.exclude(deleted_at=None).values_list("id", flat=True):
        erase(account_id)


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
    """Yield the models whose rows hang on rows of this one, and name no account themselves."""
    for relation in model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ForeignObjectRel):
            side: Any = relation.related_model
            if not any(field.related_model is LinkedAccount for field in side._meta.fields):
                yield side, str(relation.field.column)


def _delete(cursor: CursorWrapper, model: type[models.Model], column: str, keys: list[Any]) -> None:
    statement = SQL("DELETE FROM {} WHERE {} = ANY(%s)")
    cursor.execute(statement.format(Identifier(model._meta.db_table), Identifier(column)), [keys])
