import uuid
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from linked_accounts.fields import EncryptedJSONField
from linked_accounts.models import LinkedAccount

KEPT_FOR = timedelta(hours=24)


class AsyncPassthrough(models.Model):
    """A passthrough request that a worker makes, and then its answer."""

    class Status(models.TextChoices):
        QUEUED = "QUEUED"
        RUNNING = "RUNNING"
        DONE = "DONE"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    linked_account = models.ForeignKey(LinkedAccount, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    method = models.CharField(max_length=10)
    request = EncryptedJSONField(editable=False)  # both may hold what is personal
    result = EncryptedJSONField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "asynchronous passthrough"
        verbose_name_plural = "asynchronous passthrough"
        indexes = [models.Index(fields=["created_at"], name="async_passthrough_created")]

    def __str__(self) -> str:
        return f"{self.method} {self.id}"

    @property
    def is_done(self) -> bool:
        return self.status == self.Status.DONE

    def finish(self, result: dict[str, Any]) -> None:
        self.status = self.Status.DONE
        self.result = result
        self.finished_at = timezone.now()
        self.save(update_fields=["status", "result", "finished_at"])
