from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from connectors import registry
from linked_accounts import scopes
from linked_accounts.serializers import CATEGORY, IntegrationSerializer, ModelScopeSerializer, stored_scopes
from linking.models import LinkToken

MIN_MINUTES, MAX_MINUTES, MAX_MAGIC_MINUTES = 30, 720, 10_080
ACTIONS = ("READ", "WRITE")


class CommonModelScopeSerializer(serializers.Serializer[Any]):
    """What may be done with one model, as Merge's older interface puts it."""

    model_id = serializers.CharField(help_text="Such as ats.ScheduledInterview.")
    enabled_actions = serializers.ListField(child=serializers.ChoiceField(choices=ACTIONS))
    disabled_fields = serializers.ListField(child=serializers.CharField(), required=False, allow_null=True)

    def validate_model_id(self, value: str) -> str:
        name = value.removeprefix(f"{CATEGORY}.")
        if name not in scopes.model_fields():
            raise serializers.ValidationError(f"There is no model {value}.")
        return name


class LinkTokenRequestSerializer(serializers.Serializer[Any]):
    end_user_email_address = serializers.EmailField(max_length=255)
    end_user_organization_name = serializers.CharField(max_length=255)
    end_user_origin_id = serializers.CharField(max_length=255, help_text="The customer's id in your product.")
    categories = serializers.ListField(child=serializers.CharField(), help_text="Has to hold `ats`.")
    integration = serializers.CharField(
        required=False, allow_null=True, help_text="Slug of the only platform that the customer may link."
    )
    link_expiry_mins = serializers.IntegerField(
        required=False, allow_null=True, default=MIN_MINUTES, min_value=MIN_MINUTES, max_value=MAX_MAGIC_MINUTES
    )
    should_create_magic_link_url = serializers.BooleanField(required=False, default=False, allow_null=True)
    hide_admin_magic_link = serializers.BooleanField(
        required=False, default=False, allow_null=True, help_text="Taken, and means nothing: the page shows none."
    )
    common_models = serializers.ListField(child=CommonModelScopeSerializer(), required=False, allow_null=True)
    category_common_model_scopes = serializers.DictField(
        required=False,
        allow_null=True,
        child=serializers.ListField(child=serializers.DictField(), allow_null=True),
        help_text="Scopes of models by category, as in `/linked-account-scopes`.",
    )
    language = serializers.ChoiceField(choices=LinkToken.Language.choices, required=False, allow_null=True)
    are_syncs_disabled = serializers.BooleanField(required=False, default=None, allow_null=True)
    integration_specific_config = serializers.DictField(
        required=False, allow_null=True, help_text="Taken and not kept: no platform here knows any."
    )

    def validate_categories(self, value: list[str]) -> list[str]:
        if CATEGORY not in value:
            raise serializers.ValidationError(f"Has to hold {CATEGORY}.")
        return value

    def validate_integration(self, value: str | None) -> str | None:
        if value and value not in registry.connectors():
            known = ", ".join(registry.connectors())
            raise serializers.ValidationError(f"There is no platform {value}; there are {known}.")
        return value or None

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs["link_expiry_mins"] = attrs["link_expiry_mins"] or MIN_MINUTES
        if attrs["link_expiry_mins"] > MAX_MINUTES and not attrs["should_create_magic_link_url"]:
            raise serializers.ValidationError({"link_expiry_mins": [f"At most {MAX_MINUTES} without a magic link."]})
        attrs["scopes"] = self._scopes(attrs)
        return attrs

    def _scopes(self, attrs: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what either way of naming scopes comes to, as it is stored. None where neither is used."""
        older, newer = attrs.get("common_models"), (attrs.get("category_common_model_scopes") or {}).get(CATEGORY)
        if older is None and newer is None:
            return None
        found = {
            one["model_id"]: {
                "read": "READ" in one["enabled_actions"],
                "write": "WRITE" in one["enabled_actions"],
                "disabled_fields": one.get("disabled_fields") or [],
            }
            for one in older or ()
        }
        models = ModelScopeSerializer(data=newer or [], many=True)
        if not models.is_valid():
            raise serializers.ValidationError({"category_common_model_scopes": models.errors})
        found |= stored_scopes(models.validated_data)
        if problems := scopes.problems(found):
            raise serializers.ValidationError({"common_models": problems})
        return found


@extend_schema_serializer(component_name="LinkToken")
class LinkTokenSerializer(serializers.Serializer[Any]):
    """`integration_name` is set where an account is linked anew."""

    link_token = serializers.CharField()
    integration_name = serializers.CharField(allow_null=True)
    magic_link_url = serializers.URLField(allow_null=True)


@extend_schema_serializer(component_name="LinkedAccountToken")
class AccountTokenSerializer(serializers.Serializer[Any]):
    account_token = serializers.CharField()
    integration = IntegrationSerializer()
    id = serializers.UUIDField(help_text="Of the linked account.")
