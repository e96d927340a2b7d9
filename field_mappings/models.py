import uuid
from typing import Any

from django.db import models
from django.utils import timezone

from connectors import registry
from linked_accounts.models import LinkedAccount, Organization

# Those that have originals of their own.
MODELS = ("Application", "JobInterviewStage", "RemoteUser", "ScheduledInterview")


class TargetField(models.Model):
    """A field of the customer's own, by which `field_mappings` shows something that no unified field holds.

    Of all accounts of an organization, unless it names one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="target_fields")
    linked_account = models.ForeignKey(
        LinkedAccount, null=True, blank=True, editable=False, on_delete=models.CASCADE, related_name="target_fields"
    )
    common_model = models.CharField(max_length=50, choices=[(name, name) for name in MODELS])
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "linked_account", "common_model", "name"],
                nulls_distinct=False,
                name="target_field_name",
            )
        ]

    def __str__(self) -> str:
        return f"{self.common_model}.{self.name}"

    @property
    def is_organization_wide(self) -> bool:
        return self.linked_account_id is None


class FieldMapping(models.Model):
    """Where in the platform's originals the value of a target field stands.

    For all of an organization's accounts of the platform, unless it names one: which then comes first.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    target_field = models.ForeignKey(TargetField, on_delete=models.CASCADE, related_name="mappings")
    linked_account = models.ForeignKey(
        LinkedAccount, null=True, blank=True, editable=False, on_delete=models.CASCADE, related_name="field_mappings"
    )
    platform = models.CharField(max_length=50, choices=registry.choices)
    method = models.CharField(max_length=10, default="GET")
    url_path = models.CharField(max_length=500, help_text="The `path` of the original in `remote_data`.")
    traversal_path: Any = models.JSONField(help_text='The way to the value: ["custom_fields", "region"].')
    jmes_path = models.TextField(
        null=True, blank=True, help_text="What to take of what stands there (https://jmespath.org)."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["target_field", "linked_account", "platform"],
                nulls_distinct=False,
                name="field_mapping_of_target",
            )
        ]

    def __str__(self) -> str:
        return f"{self.target_field} ← {self.url_path} {' '.join(map(str, self.traversal_path))}"

    @property
    def is_integration_wide(self) -> bool:
        return self.linked_account_id is None
