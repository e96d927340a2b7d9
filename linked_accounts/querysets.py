from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from linked_accounts.models import LinkedAccount  # noqa: F401  (for annotations)


class LinkedAccountQuerySet(models.QuerySet["LinkedAccount"]):
    def present(self) -> Self:
        """Leave out those whose data is being removed."""
        return self.filter(deleted_at=None)
