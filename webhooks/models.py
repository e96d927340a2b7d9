import base64
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from linked_accounts.fields import EncryptedJSONField
from linked_accounts.models import AccountType, Organization
from webhooks.events import EVENTS, check_target
from webhooks.querysets import DeliveryQuerySet, HookQuerySet

OLD_KEY_LASTS = timedelta(days=7)


class Hook(models.Model):
    """Where an organization wants to be told of events."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="hooks")
    target = models.CharField(max_length=1000, validators=[check_target], help_text="The address that events go to.")
    events = ArrayField(models.CharField(max_length=100, choices=[(name, name) for name in EVENTS]))
    account_type = models.CharField(
        max_length=10, choices=AccountType, default=AccountType.PRODUCTION, help_text="Of which accounts it tells."
    )
    is_active = models.BooleanField("active", default=True, help_text="Whether events are noted and sent.")
    tells_of_first_sync = models.BooleanField(
        "tells of first syncs",
        default=True,
        help_text="Whether each record that a first sync brings is told of by an event of its own.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="Failed deliveries, in a row.")
    paused_until = models.DateTimeField(
        null=True, editable=False, help_text="When a target that keeps failing is tried again."
    )

    objects = models.Manager.from_queryset(HookQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["organization", "account_type"], name="hook_organization")]

    def __str__(self) -> str:
        return self.target

    def wake(self) -> None:
        """Try it at once again, however often it has failed."""
        self.failures, self.paused_until = 0, None

    def note_success(self) -> None:
        if self.failures or self.paused_until:
            self.wake()
            self.save(update_fields=["failures", "paused_until"])

    def note_failure(self, *, pause: timedelta, limit: int) -> None:
        """Count a failure, and pause the target when there were `limit` in a row: longer after each further one."""
        Hook.objects.filter(id=self.id).update(failures=F("failures") + 1)
        self.refresh_from_db(fields=["failures"])
        if self.failures >= limit:
            self.paused_until = timezone.now() + pause * min(2 ** min(self.failures - limit, 10), 30)
            self.save(update_fields=["paused_until"])


class SigningKey(models.Model):
    """What deliveries to an organization are signed with. One that was replaced goes on signing for a while."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="signing_keys")
    # `whsec_` and 32 bytes in base64: the whole text is Merge's signature key, what it encodes Standard Webhooks'.
    secret = EncryptedJSONField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ends_at = models.DateTimeField(null=True, editable=False, help_text="Until when it signs beside its successor.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization"], condition=Q(ends_at=None), name="signing_key_current")
        ]

    def __str__(self) -> str:
        return f"signing key of {self.created_at:%Y-%m-%d}"

    @classmethod
    def current(cls, organization: Organization) -> Self:
        """Return the organization's key, making its first one."""
        key, _ = cls.objects.get_or_create(organization=organization, ends_at=None, defaults={"secret": new_secret()})
        return key

    @classmethod
    def secrets(cls, organization: Organization, now: datetime) -> list[str]:
        """Return what deliveries are signed with now, the newest first."""
        keys: list[SigningKey] = list(
            cls.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), organization=organization)
        )
        if all(key.ends_at for key in keys):
            keys.append(cls.current(organization))
        return [key.secret for key in sorted(keys, key=lambda key: key.created_at, reverse=True)]

    @classmethod
    def rotate(cls, organization: Organization) -> Self:
        """Return a new key; the one before it goes on signing for a week. Call it in a transaction."""
        cls.objects.filter(organization=organization, ends_at=None).update(ends_at=timezone.now() + OLD_KEY_LASTS)
        return cls.objects.create(organization=organization, secret=new_secret())


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class Delivery(models.Model):
    """One event on its way to one target. A row exists if and only if what it tells of was committed.

    `linked_account_id` is no foreign key: that an account was deleted is told after it is gone.
    """

    class Status(models.TextChoices):
        PENDING = "PENDING"
        DELIVERED = "DELIVERED"
        FAILED = "FAILED"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    linked_account_id = models.UUIDField()
    event = models.CharField(max_length=100)
    body = EncryptedJSONField()  # the text that is sent, always the same: it may hold a token, and what is personal
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    created_at = models.DateTimeField(default=timezone.now)
    # When it was to be sent for the first time, or once more: how long it is tried is counted from then.
    queued_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    # When it is to be sent. While a worker sends it: when others may take it for lost.
    next_attempt_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(DeliveryQuerySet)()

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["hook", "next_attempt_at"], condition=Q(status="PENDING"), name="delivery_due"),
            models.Index(fields=["-created_at"], name="delivery_latest"),
            models.Index(fields=["linked_account_id"], name="delivery_account"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.id}"

    def finish(self, status: "Delivery.Status") -> None:
        self.status = status
        self.finished_at = timezone.now()
        self.save(update_fields=["status", "finished_at", "attempts"])

    def postpone(self, until: datetime) -> None:
        self.next_attempt_at = until
        self.save(update_fields=["next_attempt_at", "attempts"])


class DeliveryAttempt(models.Model):
    """What came of sending a delivery once."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="log")
    started_at = models.DateTimeField()
    seconds = models.FloatField()
    request_headers: Any = models.JSONField(help_text="Without signatures.")
    response_status = models.PositiveSmallIntegerField(null=True)
    response_headers: Any = models.JSONField(default=dict)
    response_body = models.TextField(default="", help_text="Its beginning.")
    error = models.TextField(null=True, help_text="Why there was no answer.")

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M:%S} {self.response_status or self.error}"
