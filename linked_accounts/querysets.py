from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db import connection, models

if TYPE_CHECKING:
    from linked_accounts.models import LinkedAccount  # noqa: F401  (for annotations)


class LinkedAccountQuerySet(models.QuerySet["LinkedAccount"]):
    def present(self) -> Self:
        """Leave out those whose data is being removed."""
        return self.filter(deleted_at=None)

    def hold(self, account_id: UUID) -> bool:
        """Keep an account from being deleted until the transaction ends. Returns False if it was deleted already.

        Whoever writes something of an account that no foreign key leads to calls this first.
        """
        with connection.cursor() as cursor:
            # As foreign keys do: it is in nobody's way but who deletes the account, or replaces its token.
            cursor.execute(
                "SELECT FROM linked_accounts_linkedaccount WHERE id = %s AND deleted_at IS NULL FOR KEY SHARE",
                [account_id],
            )
            return bool(cursor.rowcount)
