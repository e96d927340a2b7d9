import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from connectors import registry
from connectors.base import Connector
from linked_accounts.fields import EncryptedJSONField
from linked_accounts.pace import DatabaseLimiter
from linked_accounts.querysets import LinkedAccountQuerySet
from linked_accounts.secrets import new_api_key, secret_hash


class AccountType(models.TextChoices):
    PRODUCTION = "PRODUCTION"
    TEST = "TEST"


class Organization(models.Model):
    """Owner of API keys and linked accounts; nobody sees another organization's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    default_scopes = models.JSONField(default=dict, blank=True, help_text="What may not be read or written, by model.")

    def __str__(self) -> str:
        return self.name


class ApiKeyManager(models.Manager["ApiKey"]):
    def issue(self, *, organization: Organization, name: str, is_test: bool = False) -> tuple["ApiKey", str]:
        """Return a new key and its secret, which is known only now."""
        secret = new_api_key(is_test=is_test)
        key = self.create(
            organization=organization,
            name=name,
            account_type=AccountType.TEST if is_test else AccountType.PRODUCTION,
            beginning=secret[:18],
            secret_hash=secret_hash(secret),
        )
        return key, secret


class ApiKey(models.Model):
    """What a caller of the API proves itself with. A test key sees test accounts only, a production key the others."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=255)
    account_type = models.CharField(max_length=10, choices=AccountType, default=AccountType.PRODUCTION)
    beginning = models.CharField(max_length=18, editable=False, help_text="So that people can tell keys apart.")
    secret_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyManager()

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"], condition=Q(revoked_at__isnull=True), name="api_key_name"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.beginning}…)"

    def revoke(self) -> None:
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at"])


class LinkedAccount(models.Model):
    """One customer's connection to one platform."""

    class Status(models.TextChoices):
        COMPLETE = "COMPLETE"
        INCOMPLETE = "INCOMPLETE"
        RELINK_NEEDED = "RELINK_NEEDED"
        IDLE = "IDLE"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="linked_accounts")
    platform = models.CharField(max_length=50, choices=registry.choices)
    account_type = models.CharField(max_length=10, choices=AccountType, default=AccountType.PRODUCTION)
    status = models.CharField(max_length=20, choices=Status, default=Status.INCOMPLETE)
    status_detail = models.TextField(null=True, blank=True, help_text="Why the account has to be linked anew.")
    end_user_origin_id = models.CharField(max_length=255, help_text="The customer's id in the organization's product.")
    end_user_organization_name = models.CharField(max_length=255)
    end_user_email_address = models.EmailField(max_length=255)
    base_url = models.URLField(
        max_length=1000, null=True, blank=True, help_text="In place of the platform's usual address."
    )
    credentials = EncryptedJSONField(null=True, editable=False)
    # Which of the account's tokens is valid: the token is made from the account's id and this number.
    token_number = models.PositiveIntegerField(default=1, editable=False)
    token_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    scopes = models.JSONField(default=dict, blank=True, help_text="In place of the organization's default scopes.")
    # Moves whenever these or the organization's default scopes change, for who remembers them.
    scopes_version = models.PositiveIntegerField(default=0, editable=False)
    webhook_listener_url = models.URLField(max_length=1000, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    completed_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False, help_text="Since when its data is being removed.")

    objects = models.Manager.from_queryset(LinkedAccountQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "account_type", "end_user_origin_id"], name="linked_account_origin"
            )
        ]

    def __str__(self) -> str:
        return f"{self.end_user_organization_name} ({self.integration_name})"

    @property
    def connector_class(self) -> type[Connector]:
        return registry.connectors().get(self.platform) or registry.stand_in(self.platform)

    @property
    def integration_name(self) -> str:
        return self.connector_class.name

    def connect(self) -> Connector:
        """Return a connector for this account; use it as a context manager."""
        pace = self.connector_class.pace
        return self.connector_class(
            credentials=self.credentials or {},
            base_url=self.base_url,
            limiter=DatabaseLimiter(self.id, pace) if pace else None,
        )

    def issue_token(self) -> str:
        """Give the account its token, unsaved, and return it; an earlier one stops working on save."""
        token = self._token(settings.SECRET_KEY)
        self.token_hash = secret_hash(token)
        return token

    def account_token(self) -> str | None:
        """Return the account's token, which is nowhere stored but can be made again from the secret key.

        None if the secret key is no longer the one it was made with: the token then still works but cannot be shown.
        """
        for secret_key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
            token = self._token(secret_key)
            if constant_time_compare(secret_hash(token), bytes(self.token_hash)):
                return token
        return None

    def webhook_path(self) -> str:
        """Return where the platform may send its webhooks. Whoever knows it may have us look for changes."""
        return f"/webhooks/{self.id}/{self._webhook_secret(settings.SECRET_KEY)}"

    def is_webhook_secret(self, secret: str) -> bool:
        known = [self._webhook_secret(key) for key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]]
        return any(constant_time_compare(secret, one) for one in known)

    def _token(self, secret_key: str | bytes) -> str:
        made_from = f"{self.id}/{self.token_number}"
        return salted_hmac(
            "linked_accounts.account_token", made_from, secret=secret_key, algorithm="sha256"
        ).hexdigest()

    def _webhook_secret(self, secret_key: str | bytes) -> str:
        made = salted_hmac("linked_accounts.webhook_secret", str(self.id), secret=secret_key, algorithm="sha256")
        return made.hexdigest()[:40]

    def complete(self, *, credentials: Mapping[str, Any], base_url: str | None) -> None:
        """Take credentials that the customer has entered: the account can sync from now on."""
        self.credentials = dict(credentials)
        self.base_url = base_url
        self.status = self.Status.COMPLETE
        self.status_detail = None
        self.completed_at = timezone.now()

    def renew_token(self) -> str:
        """Give the account another token, and return it. The old one stops working at once.

        Call it with the account locked: one that is being deleted must get none.
        """
        self.token_number += 1
        token = self.issue_token()
        self.save(update_fields=["token_number", "token_hash"])
        return token

    def disappear(self) -> None:
        """Forget at once whatever leads to the account, or to its customer: the rest of its data is removed later."""
        self.deleted_at = timezone.now()
        self.status = self.Status.INCOMPLETE
        self.status_detail = self.base_url = self.credentials = self.webhook_listener_url = None
        self.end_user_origin_id = f"deleted {self.id}"
        self.end_user_organization_name = self.end_user_email_address = ""
        self.token_hash = secret_hash(new_api_key(is_test=True))
        self.save()

    def mark_relink_needed(self, reason: str) -> None:
        self.status = self.Status.RELINK_NEEDED
        self.status_detail = reason
        # Not of one that was deleted or linked anew since.
        accounts = LinkedAccount.objects.present().filter(id=self.id, completed_at=self.completed_at)
        accounts.update(status=self.status, status_detail=reason)


class AuditEvent(models.Model):
    """Something that somebody did to an organization's keys, accounts or settings: see linked_accounts.audit."""

    class Role(models.TextChoices):
        ADMIN = "ADMIN"
        DEVELOPER = "DEVELOPER"
        MEMBER = "MEMBER"
        API = "API"
        SYSTEM = "SYSTEM"
        MERGE_TEAM = "MERGE_TEAM"
        SUPPORT = "SUPPORT"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="audit_events")
    user_name = models.CharField(max_length=255, null=True)
    user_email = models.CharField(max_length=255, null=True)
    role = models.CharField(max_length=20, choices=Role)
    ip_address = models.GenericIPAddressField(null=True)
    event_type = models.CharField(max_length=100)
    event_description = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="audit_event_latest")]

    def __str__(self) -> str:
        return self.event_type


class WebhookReceiver(models.Model):
    """What a platform may tell of an account by webhook, and what proves that it is the platform who tells."""

    linked_account = models.ForeignKey(LinkedAccount, on_delete=models.CASCADE, related_name="webhook_receivers")
    event = models.CharField(max_length=255, help_text="The platform's name of the event.")
    is_active = models.BooleanField()
    key = EncryptedJSONField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["linked_account", "event"], name="webhook_receiver_event")]

    def __str__(self) -> str:
        return self.event


class IdempotentRequest(models.Model):
    """A POST with an `Idempotency-Key`, and once it is done its answer: see linked_accounts.idempotency."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+", db_index=False)
    linked_account = models.ForeignKey(LinkedAccount, null=True, on_delete=models.CASCADE, related_name="+")
    path = models.TextField()
    key_hash = models.BinaryField(max_length=32)
    request_hash = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty while it runs.")
    answer = EncryptedJSONField(null=True)  # it may hold a new key, or what a platform says of people
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "linked_account", "path", "key_hash"],
                nulls_distinct=False,
                name="idempotent_request",
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotent_request_created")]

    def __str__(self) -> str:
        return f"POST {self.path}"


class RequestCount(models.Model):
    """How many API requests an account has made in the current minute.

    Unlogged: losing it in a crash costs nothing, and counting costs no write-ahead log.
    """

    linked_account = models.OneToOneField(
        LinkedAccount, primary_key=True, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    window = models.BigIntegerField()  # minutes since 1970
    taken = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.taken} in minute {self.window}"


class RequestPace(models.Model):
    """How far ahead an account's requests to its platform are booked: see linked_accounts.pace. Unlogged as well."""

    linked_account = models.OneToOneField(
        LinkedAccount, primary_key=True, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    next_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"until {self.next_at}"
