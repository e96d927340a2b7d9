from typing import Any, Self

from django.db import models


class UnifiedQuerySet(models.QuerySet[Any]):
    def for_account(self, account: models.Model) -> Self:
        return self.filter(linked_account=account)

    def present(self) -> Self:
        """Leave out what the platform has deleted."""
        return self.filter(remote_was_deleted=False)

    def filled(self) -> Self:
        """Leave out shells: records that another one refers to and that have not arrived yet."""
        return self.filter(is_shell=False)

    def in_list_order(self) -> Self:
        """Order as lists do: by creation, ties by id."""
        return self.order_by("created_at", "id")
