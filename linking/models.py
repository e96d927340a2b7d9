import uuid
from typing import Any

from django.db import models
from django.utils import timezone

from connectors import registry
from linked_accounts.models import AccountType, LinkedAccount, Organization


class LinkToken(models.Model):
    """Lets one customer link an account, once. Only the token's hash is stored."""

    class Language(models.TextChoices):
        ENGLISH = "en"
        GERMAN = "de"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account_type = models.CharField(max_length=10, choices=AccountType)
    platform = models.CharField(max_length=50, choices=registry.choices, null=True, help_text="The only choice.")
    end_user_origin_id = models.CharField(max_length=255)
    end_user_organization_name = models.CharField(max_length=255)
    end_user_email_address = models.EmailField(max_length=255)
    scopes: Any = models.JSONField(null=True, help_text="What the account is to have in place of the default scopes.")
    are_syncs_disabled = models.BooleanField(null=True)
    language = models.CharField(max_length=2, choices=Language, default=Language.ENGLISH)
    tries = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"link token of {self.end_user_organization_name}"


class PublicToken(models.Model):
    """Tells an organization's server which account was linked: given for the account's token, once."""

    token_hash = models.BinaryField(primary_key=True, max_length=32)
    linked_account = models.ForeignKey(LinkedAccount, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"public token of {self.linked_account}"
